//! IPv6 headers and their extensions.

use std::net::{IpAddr, Ipv6Addr};

use tctable::packet::{Invalid, LinkType, Transport};
use tctable_lab::packets::protocol::{AUTH, DESTINATION, HOP_BY_HOP, NO_NEXT, ROUTING, UDP};
use tctable_lab::packets::{Ipv6, ethernet, ethertype, udp};

use super::{read, read_ip};
use crate::support::{CLIENT_PORT, SERVER_PORT, V6};

/// Mobility, host identity and shim6: they look like the others.
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
    for number in [HOP_BY_HOP, ROUTING, DESTINATION].into_iter().chain(RARE) {
        for length in [8, 16, 64, 2048] {
            expect(&header(UDP).extension(number, &vec![0xff; length - 2]).build(&datagram()), length);
        }
    }
    // Its length counts in words of four bytes, and it is a multiple of eight long.
    for length in [16, 24, 32] {
        expect(&header(UDP).extension(AUTH, &vec![0xff; length - 2]).build(&datagram()), length);
    }
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
fn nothing_or_an_unknown_header_ends_the_chain() {
    for number in [NO_NEXT, 50, 255] {
        let info = read_ip(&header(number).extension(HOP_BY_HOP, &[0; 6]).build(&[0; 8]));
        assert_eq!((info.tuple.protocol, info.transport), (number, Transport::Generic));
        assert_eq!(info.transport_offset, 48);
    }
}

#[test]
fn an_extension_header_that_is_longer_than_the_packet_tells_no_connection() {
    for number in [HOP_BY_HOP, ROUTING, AUTH, DESTINATION] {
        let mut packet = header(UDP).extension(number, &[0; 14]).build(&datagram());
        packet[41] = 255;
        let info = read_ip(&packet);
        assert!(matches!(info.transport, Transport::Invalid(_)), "{number}: {:?}", info.transport);
        assert_eq!(info.ip_len as usize, packet.len());
        assert_eq!((info.tuple.source_port, info.tuple.destination_port), (0, 0));
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
