//! IPv4 headers.

use std::net::{IpAddr, Ipv4Addr};

use tctable::packet::{Invalid, LinkType, TcpHeader, Transport, tcp_flags};
use tctable_lab::packets::{Ipv4, Tcp, ethernet, ethertype, protocol, tcp};

use super::{read, read_ip};
use crate::support::{CLIENT_PORT, SERVER_PORT, V4};

fn v4(ip: IpAddr) -> Ipv4Addr {
    match ip {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(ip) => panic!("{ip}"),
    }
}

fn header(protocol: u8) -> Ipv4 {
    Ipv4::new(v4(V4.client), v4(V4.server), protocol)
}

#[test]
fn options_of_every_length_are_passed() {
    let segment =
        Tcp { seq: 0x0102_0304, ack: 0x0506_0708, flags: 0x18, window: 0x090a, options: vec![1; 8], ..Tcp::default() };
    for length in (0..=40).step_by(4) {
        let packet = Ipv4 { options: vec![1; length], ..header(protocol::TCP) }.build(&tcp(
            V4.from(),
            V4.to(),
            &segment,
            b"data",
        ));
        let info = read_ip(&packet);
        assert_eq!(usize::from(info.transport_offset), 20 + length);
        assert_eq!(info.ip_len as usize, 20 + length + 28 + 4);
        assert_eq!((info.tuple.source_port, info.tuple.destination_port), (CLIENT_PORT, SERVER_PORT));
        let expected = TcpHeader {
            sequence: 0x0102_0304,
            acknowledgment: 0x0506_0708,
            window: 0x090a,
            flags: tcp_flags::ACK | tcp_flags::PSH,
            header_len: 28,
        };
        assert_eq!(info.transport, Transport::Tcp(expected));
    }
}

#[test]
fn padding_is_none_of_the_packets_bytes() {
    let mut data = ethernet([2; 6], [4; 6], ethertype::IPV4, &V4.ask());
    let length = V4.ask().len() as u32;
    data.resize(60, 0);
    assert_eq!(read(LinkType::Ethernet, &data).expect("an IP packet").ip_len, length);
}

#[test]
fn padding_is_never_read_as_a_header() {
    // The packet ends after the first four bytes of the datagram's header; zeros follow.
    let mut data = ethernet([2; 6], [4; 6], ethertype::IPV4, &header(protocol::UDP).build(&[1, 2, 3, 4]));
    data.resize(60, 0);
    let info = read(LinkType::Ethernet, &data).expect("an IP packet");
    assert_eq!((info.ip_len, info.transport), (24, Transport::Invalid(Invalid::Length)));
    assert_eq!((info.tuple.source_port, info.tuple.destination_port), (0, 0));
}

#[test]
fn protocols_without_ports() {
    for number in [2, 33, 50, 59, 135, 255] {
        let info = read_ip(&header(number).build(&[0xff; 40]));
        assert_eq!(info.transport, Transport::Generic);
        assert_eq!((info.tuple.protocol, info.tuple.source_port, info.tuple.destination_port), (number, 0, 0));
    }
}
