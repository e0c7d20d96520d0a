//! IPv6 headers and their extensions.

use std::net::{IpAddr, Ipv6Addr};

use tctable::packet::{Invalid, LinkType, Transport};
use tctable_lab::packets::protocol::{AUTH, DESTINATION, FRAGMENT, HOP_BY_HOP, NO_NEXT, ROUTING, UDP};
use tctable_lab::packets::{Ipv6, ethernet, ethertype, udp};

use super::{read, read_ip};
use crate::support::{CLIENT_PORT, SERVER_PORT, V4, V6};

/// Mobility, host identity and shim6: they look like extension headers, but the kernel takes them for protocols.
const RARE: [u8; 3] = [135, 139, 140];

fn v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V6(ip) => ip,
        IpAddr::V4(ip) => panic!("{ip}"),
    }
}

fn header(protocol: u8) -> Ipv6 {
    Ipv6::new(v6(V6.client), v6(V6.server), protocol)
}

fn datagram() -> Vec<u8> {
    udp(V6.from(), V6.to(), b"payload")
}

/// Expects the datagram behind that many bytes of extension headers.
fn expect(packet: &[u8], extensions: usize) {
    let info = read_ip(packet);
    assert_eq!(info.transport, Transport::Udp, "{packet:02x?}");
    assert_eq!(usize::from(info.transport_offset), 40 + extensions);
    assert_eq!(info.ip_len as usize, packet.len());
    assert_eq!(
        (info.tuple.protocol, info.tuple.source_port, info.tuple.destination_port),
        (UDP, CLIENT_PORT, SERVER_PORT)
    );
}

#[test]
fn each_extension_header_alone_and_of_any_length() {
    for number in [ROUTING, DESTINATION] {
        for length in [8, 16, 64, 2048] {
            expect(&header(UDP).extension(number, &vec![0xff; length - 2]).build(&datagram()), length);
        }
    }
    // Routers read hop-by-hop options: this one is for experiments.
    for length in [8, 16, 64, 256] {
        let option = [&[0x1e, (length - 4) as u8][..], &vec![0xff; length - 4]].concat();
        expect(&header(UDP).extension(HOP_BY_HOP, &option).build(&datagram()), length);
    }
    // Its length counts in words of four bytes, and it should be a multiple of eight long, but need not be.
    for length in [16, 24, 32] {
        expect(&header(UDP).extension(AUTH, &vec![0xff; length - 2]).build(&datagram()), length);
    }
    let odd = [&[UDP, 1][..], &[0xff; 10], &datagram()].concat();
    expect(&header(AUTH).build(&odd), 12);
    // A "fragment" that is the whole datagram (RFC 6946).
    expect(&header(UDP).fragment(7, 0, false).build(&datagram()), 8);
}

#[test]
fn all_extension_headers_in_one_packet() {
    let packet = header(UDP)
        .extension(HOP_BY_HOP, &[0; 6])
        .extension(DESTINATION, &[0; 14])
        .extension(ROUTING, &[0; 22])
        .fragment(7, 0, false)
        .extension(AUTH, &[0; 22])
        .extension(DESTINATION, &[0; 6])
        .build(&datagram());
    expect(&packet, 8 + 16 + 24 + 8 + 24 + 8);
}

#[test]
fn a_chain_may_be_as_long_as_the_packet() {
    let packet = (0..100).fold(header(UDP), |packet, _| packet.extension(DESTINATION, &[0; 6])).build(&datagram());
    expect(&packet, 800);
}

#[test]
fn a_header_that_nobody_steps_over_is_the_protocol() {
    for number in [50, 255].into_iter().chain(RARE) {
        let info = read_ip(&header(number).extension(HOP_BY_HOP, &[0; 6]).build(&[0; 8]));
        assert_eq!((info.tuple.protocol, info.transport), (number, Transport::Generic));
        assert_eq!(info.transport_offset, 48);
    }
}

#[test]
fn an_extension_header_that_is_longer_than_the_packet_tells_no_connection() {
    for number in [ROUTING, AUTH, DESTINATION] {
        let mut packet = header(UDP).extension(number, &[0; 14]).build(&datagram());
        packet[41] = 255;
        let info = read_ip(&packet);
        assert!(matches!(info.transport, Transport::Invalid(_)), "{number}: {:?}", info.transport);
        assert_eq!(info.ip_len as usize, packet.len());
        assert_eq!((info.tuple.source_port, info.tuple.destination_port), (0, 0));
    }
}

#[test]
fn no_next_header_tells_no_connection() {
    for payload in [&[][..], &[0; 8]] {
        for packet in [header(NO_NEXT), header(NO_NEXT).extension(HOP_BY_HOP, &[0; 6])] {
            let info = read_ip(&packet.build(payload));
            assert_eq!(info.transport, Transport::Invalid(Invalid::NoNextHeader));
        }
        // In IPv4 the number means nothing.
        let info = read_ip(&tctable_lab::packets::ip(V4.client, V4.server, NO_NEXT, payload));
        assert_eq!(info.transport, Transport::Generic);
    }
}

#[test]
fn two_bytes_of_an_extension_header_lead_on_to_a_protocol_without_ports() {
    for (length, transport) in
        [(0, Transport::Invalid(Invalid::Cut)), (1, Transport::Invalid(Invalid::Cut)), (2, Transport::Generic)]
    {
        let info = read_ip(&header(DESTINATION).build(&[253, 0, 1, 4][..length]));
        assert_eq!(info.transport, transport, "{length}");
    }
    // Also where its length is beyond the packet.
    let info = read_ip(&header(DESTINATION).build(&[253, 9, 1, 4, 0, 0, 0, 0]));
    assert_eq!((info.tuple.protocol, info.transport), (253, Transport::Generic));
    // A transport header is not there.
    let info = read_ip(&header(DESTINATION).build(&[UDP, 0, 1, 4]));
    assert_eq!(info.transport, Transport::Invalid(Invalid::Length));
    // Of a fragment header the offset is read too.
    for length in 0..4 {
        let info = read_ip(&header(FRAGMENT).build(&[253, 0, 0, 0][..length]));
        assert_eq!(info.transport, Transport::Invalid(Invalid::Cut), "{length}");
    }
}

#[test]
fn a_chain_that_the_capture_cut_is_told() {
    let packet = header(UDP).extension(DESTINATION, &[0; 30]).fragment(7, 0, false).build(&datagram());
    for kept in 40..packet.len() - datagram().len() + 8 {
        let mut frame = crate::support::frame(LinkType::Raw, &packet[..kept]);
        frame.wire_len = packet.len() as u32;
        let info = tctable::packet::PacketInfo::read(&frame).expect("an IP packet");
        assert_eq!(info.transport, Transport::Invalid(Invalid::Cut), "{kept}");
    }
}

#[test]
fn padding_is_none_of_the_packets_bytes() {
    let packet = header(UDP).build(&[1, 2, 3, 4]);
    let mut data = ethernet([2; 6], [4; 6], ethertype::IPV6, &packet);
    data.resize(100, 0);
    let info = read(LinkType::Ethernet, &data).expect("an IP packet");
    assert_eq!((info.ip_len, info.transport), (44, Transport::Invalid(Invalid::Length)));
}
