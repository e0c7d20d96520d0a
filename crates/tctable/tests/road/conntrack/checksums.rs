//! `nf_conntrack_checksum`: what arrives damaged belongs to no connection.

use tctable_lab::packets::{icmp_echo, ip, protocol, udp_lite};

use crate::support::{BOTH, Net, Road, V4};

#[test]
fn damaged_packets_are_invalid_where_checksums_are_verified() {
    for net in BOTH {
        for packet in [net.ask(), net.out("S"), net.ping(1)] {
            let mut road = Road::with(|config| config.conntrack.checksum = true);
            let mut damaged = packet.clone();
            *damaged.last_mut().expect("not empty") ^= 1;
            assert_eq!(road.line(&damaged), "INVALID");
            let statistics = *road.gateway.conntrack().statistics();
            assert_eq!(statistics.invalid + statistics.error, 1);
            assert!(road.line(&packet).starts_with("NEW"), "{packet:02x?}");
            road.gateway.set_sysctl("nf_conntrack_checksum", "0").expect("a tunable");
            assert!(road.line(&damaged).starts_with("NEW"));
        }
    }
}

#[test]
fn a_packet_that_was_cut_cannot_be_verified() {
    for net in BOTH {
        let mut road = Road::with(|config| config.conntrack.checksum = true);
        let mut packet = net.ask();
        *packet.last_mut().expect("not empty") ^= 1;
        assert!(road.pass_cut(&packet, packet.len() - 1).line().starts_with("NEW"));
    }
}

/// A UDP-Lite datagram whose checksum is right for a pseudo header with that protocol and the length under that mask,
/// made from one that is right by RFC 3828 (RFC 1624: what is taken from the sum is added to the checksum).
fn udplite(net: Net, data: usize, number: u8, mask: u16) -> Vec<u8> {
    let mut datagram = udp_lite(net.from(), net.to(), 0, &vec![0x5a; data]);
    let length = datagram.len() as u16;
    let checksum = u16::from_be_bytes([datagram[6], datagram[7]]);
    let less = u32::from(protocol::UDP_LITE - number) + u32::from(length & !mask);
    let sum = u32::from(checksum) + less;
    datagram[6..8].copy_from_slice(&((sum + (sum >> 16)) as u16).to_be_bytes());
    ip(net.client, net.server, protocol::UDP_LITE, &datagram)
}

#[test]
fn udplite_is_verified_with_udps_number_and_in_ipv4_with_the_low_byte_of_its_length() {
    for net in BOTH {
        let mask = if net.client.is_ipv4() { 0xff } else { 0xffff };
        for data in [0, 1, 247, 248, 249, 503, 504, 1_400, 9_000] {
            let mut road = Road::with(|config| config.conntrack.checksum = true);
            let new = "NEW original udplite 30 CONFIRMED";
            // RFC 3828 section 3.2 has another number, and all of the length.
            assert_eq!(road.line(&udplite(net, data, protocol::UDP_LITE, 0xffff)), "INVALID", "{data}");
            assert_eq!(road.line(&udplite(net, data, protocol::UDP_LITE, mask)), "INVALID", "{data}");
            let whole_length = road.line(&udplite(net, data, protocol::UDP, 0xffff));
            assert_eq!(whole_length, if mask == 0xff && data >= 248 { "INVALID" } else { new }, "{data}");
            assert_eq!(road.line(&udplite(net, data, protocol::UDP, mask)), new, "{data}");
        }
    }
}

#[test]
fn an_icmp_message_of_zeros_is_right() {
    for length in [8, 9, 56] {
        let mut road = Road::with(|config| config.conntrack.checksum = true);
        let ping = ip(V4.client, V4.server, protocol::ICMP, &icmp_echo(false, 0, 0, b""));
        assert_eq!(road.line(&ping), "NEW original icmp 30 CONFIRMED");
        // The echo reply; its checksum should be 0xffff.
        let pong = ip(V4.server, V4.client, protocol::ICMP, &vec![0; length]);
        assert_eq!(road.line(&pong), "ESTABLISHED reply icmp 30 SEEN_REPLY,CONFIRMED", "{length}");
    }
}
