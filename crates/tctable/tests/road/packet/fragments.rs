//! Fragments are recognised; their ports stand in the first one.

use std::net::IpAddr;

use tctable::packet::{Fragment, Invalid, PacketInfo, Transport};
use tctable_lab::packets::protocol::{DESTINATION, TCP, UDP};
use tctable_lab::packets::{Ipv4, Ipv6, Tcp, tcp, udp};

use super::read_ip;
use crate::support::{BOTH, CLIENT_PORT, Net, SERVER_PORT};

/// A piece of a datagram; the offset is in units of eight bytes.
pub fn fragment(net: Net, protocol: u8, offset: u16, more: bool, piece: &[u8]) -> Vec<u8> {
    match (net.client, net.server) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let header = Ipv4::new(src, dst, protocol);
            Ipv4 { id: 7, fragment_offset: offset, more_fragments: more, ..header }.build(piece)
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => Ipv6::new(src, dst, protocol).fragment(7, offset, more).build(piece),
        _ => panic!("one family"),
    }
}

fn ports(info: &PacketInfo) -> (u16, u16) {
    (info.tuple.source_port, info.tuple.destination_port)
}

#[test]
fn the_first_fragment_has_the_transport_header() {
    for net in BOTH {
        // The length in its header is that of the whole datagram, beyond this piece.
        let info = read_ip(&fragment(net, UDP, 0, true, &udp(net.from(), net.to(), &[0; 64])[..16]));
        assert_eq!((info.fragment, info.transport), (Fragment::First, Transport::Invalid(Invalid::Length)));
        assert_eq!(ports(&info), (CLIENT_PORT, SERVER_PORT));

        let info = read_ip(&fragment(net, TCP, 0, true, &tcp(net.from(), net.to(), &Tcp::default(), b"1234")));
        assert_eq!(info.fragment, Fragment::First);
        assert!(matches!(info.transport, Transport::Tcp(_)));
        assert_eq!(ports(&info), (CLIENT_PORT, SERVER_PORT));
    }
}

#[test]
fn later_fragments_have_no_ports() {
    for net in BOTH {
        for (offset, more) in [(1, true), (1, false), (0x1fff, true), (0x1fff, false)] {
            let packet = fragment(net, UDP, offset, more, &udp(net.from(), net.to(), b"payload!"));
            let info = read_ip(&packet);
            assert_eq!((info.fragment, info.transport), (Fragment::Later, Transport::Fragment));
            assert_eq!((info.tuple.protocol, ports(&info)), (UDP, (0, 0)));
            assert_eq!(info.ip_len as usize, packet.len());
        }
    }
}

#[test]
fn a_later_fragment_has_no_extension_headers_either() {
    for net in BOTH {
        // For IPv4 60 is only a protocol that nobody uses.
        let info = read_ip(&fragment(net, DESTINATION, 8, true, &[0xff; 16]));
        assert_eq!((info.fragment, info.tuple.protocol), (Fragment::Later, DESTINATION));
        assert_eq!(info.transport, Transport::Fragment);
    }
}

#[test]
fn the_whole_datagram_is_no_fragment_or_an_atomic_one() {
    for net in BOTH {
        let datagram = udp(net.from(), net.to(), b"payload");
        let expected = if net.client.is_ipv4() { Fragment::None } else { Fragment::Atomic };
        let info = read_ip(&fragment(net, UDP, 0, false, &datagram));
        assert_eq!((info.fragment, info.transport), (expected, Transport::Udp));
        // There is no more of it, so its length must be right.
        let info = read_ip(&fragment(net, UDP, 0, false, &datagram[..datagram.len() - 1]));
        assert_eq!((info.fragment, info.transport), (expected, Transport::Invalid(Invalid::Length)));
    }
}

#[test]
fn a_second_fragment_header_does_not_make_a_fragment_whole() {
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (BOTH[1].client, BOTH[1].server) else { panic!("IPv6 second") };
    let datagram = udp(BOTH[1].from(), BOTH[1].to(), b"payload");
    let read = |more: [bool; 2]| {
        let header = Ipv6::new(src, dst, UDP).fragment(7, 0, more[0]).fragment(8, 0, more[1]);
        read_ip(&header.build(&datagram)).fragment
    };
    assert_eq!([read([true, false]), read([false, true])], [Fragment::First; 2]);
    assert_eq!(read([false, false]), Fragment::Atomic);
}

#[test]
fn dont_fragment_is_no_fragment() {
    let (IpAddr::V4(src), IpAddr::V4(dst)) = (BOTH[0].client, BOTH[0].server) else { panic!("IPv4 first") };
    let packet =
        Ipv4 { dont_fragment: true, ..Ipv4::new(src, dst, UDP) }.build(&udp(BOTH[0].from(), BOTH[0].to(), b""));
    assert_eq!(read_ip(&packet).fragment, Fragment::None);
}
