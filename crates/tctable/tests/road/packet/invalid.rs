//! Packets that count for their hosts but tell no connection.

use tctable::packet::{Frame, Invalid, LinkType, PacketInfo, Transport};
use tctable_lab::packets::{Tcp, ip, protocol, tcp, udp};

use crate::support::{BOTH, Net, datagram_claiming, echo, frame};

/// An IP packet with any payload.
fn carrying(net: Net, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ip(net.client, net.server, protocol, payload)
}

fn icmp_protocol(net: Net) -> u8 {
    if net.client.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 }
}

/// Reads a packet of which the capture kept all but the last `lost` bytes.
fn transport(packet: &[u8], lost: usize) -> Transport {
    let frame = Frame { wire_len: packet.len() as u32, ..frame(LinkType::Raw, &packet[..packet.len() - lost]) };
    let info = PacketInfo::read(&frame).expect("an IP packet");
    assert_eq!(info.ip_len as usize, packet.len());
    info.transport
}

const CUT: Transport = Transport::Invalid(Invalid::Cut);
const LENGTH: Transport = Transport::Invalid(Invalid::Length);

#[test]
fn a_header_that_the_capture_cut() {
    for net in BOTH {
        for (packet, header) in [(net.out("S"), 20), (net.ask(), 8), (net.ping(1), 8)] {
            let all = packet.len() - net.header() as usize;
            assert!(!matches!(transport(&packet, all - header), Transport::Invalid(_)));
            for lost in all - header + 1..=all {
                assert_eq!(transport(&packet, lost), CUT, "{lost}");
            }
        }
    }
}

#[test]
fn a_packet_that_ends_inside_its_header() {
    for net in BOTH {
        let segment = tcp(net.from(), net.to(), &Tcp::default(), b"");
        for (number, header) in [
            (protocol::TCP, &segment[..]),
            (protocol::UDP, &udp(net.from(), net.to(), b"")),
            (icmp_protocol(net), &net.ping(1)[net.header() as usize..][..8]),
        ] {
            for length in 0..header.len() {
                let packet = carrying(net, number, &header[..length]);
                assert_eq!(transport(&packet, 0), LENGTH, "{number} {length}");
                // That the capture cut it too does not matter.
                assert_eq!(transport(&packet, length), LENGTH, "{number} {length}");
            }
        }
    }
}

#[test]
fn a_tcp_header_length_that_cannot_be() {
    for net in BOTH {
        let mut segment = tcp(net.from(), net.to(), &Tcp::default(), b"data");
        for (words, fits) in [(0, false), (4, false), (5, true), (6, true), (7, false), (15, false)] {
            segment[12] = words << 4;
            let read = transport(&carrying(net, protocol::TCP, &segment), 0);
            assert_eq!(matches!(read, Transport::Tcp(_)), fits, "{words}");
            assert_eq!(read == LENGTH, !fits, "{words}");
        }
    }
}

#[test]
fn tcp_options_that_the_capture_cut_do_not_matter() {
    for net in BOTH {
        let segment = tcp(net.from(), net.to(), &Tcp { options: vec![1; 40], ..Tcp::default() }, b"");
        for lost in 0..=40 {
            let read = transport(&carrying(net, protocol::TCP, &segment), lost);
            assert!(matches!(read, Transport::Tcp(header) if header.header_len == 60), "{lost}: {read:?}");
        }
    }
}

#[test]
fn a_udp_length_that_cannot_be() {
    for net in BOTH {
        for (length, fits) in [(0, false), (7, false), (8, true), (15, true), (16, false), (0xffff, false)] {
            let read = transport(&datagram_claiming(net, length), 0);
            assert_eq!(read, if fits { Transport::Udp } else { LENGTH }, "{length}");
        }
    }
}

#[test]
fn an_icmp_type_that_nobody_knows() {
    for net in BOTH {
        // Those that query, answer, report or discover; no other type is any of these.
        let known: &[u8] = if net.client.is_ipv4() {
            &[0, 3, 4, 5, 8, 11, 12, 13, 14, 15, 16, 17, 18]
        } else {
            // A redirect (137) has a type that is known, but is longer than this.
            &[128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 139, 140, 143, 151, 152]
        };
        let first = if net.client.is_ipv4() { 0 } else { 128 };
        for kind in first..=255u8 {
            let mut packet = echo(net.client, net.server, false, 1);
            packet[net.header() as usize] = kind;
            let invalid = transport(&packet, 0) == Transport::Invalid(Invalid::IcmpType);
            assert_eq!(invalid, !known.contains(&kind), "{kind}");
        }
    }
}
