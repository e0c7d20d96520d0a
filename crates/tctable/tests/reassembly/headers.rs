//! Which headers a fragment must have, and what becomes of them in the datagram. As in Linux 6.18, seen as in `kernel`.

use tctable::defrag::Config;
use tctable::packet::{DeviceId, Family, Fragment, Frame, FrameDirection, LinkType, PacketInfo};
use tctable_lab::packets::{Ipv4, Ipv6, protocol};

use crate::support::*;

fn ipv6(next: u8) -> Ipv6 {
    Ipv6::new(V6.0, V6.1, next)
}

/// The bytes of a whole datagram.
fn made(packets: [Vec<u8>; 2]) -> Vec<u8> {
    let mut road = Road::new(&Config::default());
    assert_eq!(road.send(&packets[0]), Seen::Held);
    match road.send(&packets[1]) {
        Seen::Whole(bytes, wire_len) if bytes.len() == wire_len as usize => bytes,
        seen => panic!("{seen:?}"),
    }
}

#[test]
fn the_first_fragment_gives_the_ipv4_header_wherever_it_comes() {
    let datagram = payload(32);
    let first = Ipv4 { options: vec![1; 4], ttl: 50, tos: 0x20, ..v4(1, 0, true) };
    let last = Ipv4 { options: vec![1; 12], ttl: 60, tos: 0x40, ..v4(1, 16, false) };
    let expected = Ipv4 { more_fragments: false, ..first.clone() }.build(&datagram);
    let packets = [first.build(&datagram[..16]), last.build(&datagram[16..])];
    assert_eq!(made(packets.clone()), expected);
    let [first, last] = packets;
    assert_eq!(made([last, first]), expected);
}

/// The bit is set again where the longest fragment had it: the sender split the datagram itself.
#[test]
fn dont_fragment_comes_from_the_longest_fragment() {
    let datagram = payload(32);
    for (middle, first, last, expected) in [
        (16, true, false, true),
        (16, false, true, true),
        (24, true, false, true),
        (24, false, true, false),
        (24, false, false, false),
    ] {
        let build = |dont_fragment, start: u32, end: u32| {
            Ipv4 { dont_fragment, ..v4(1, start, end != 32) }.build(&datagram[start as usize..end as usize])
        };
        let bytes = made([build(first, 0, middle), build(last, middle, 32)]);
        assert_eq!(bytes, Ipv4 { dont_fragment: expected, ..v4(1, 0, false) }.build(&datagram));
    }
}

#[test]
fn the_reserved_bits_do_not_matter() {
    let datagram = payload(32);
    for family in BOTH {
        let packets = [(0, 16, true), (16, 32, false)].map(|(start, end, more)| {
            let mut packet = fragment(family, 1, &datagram, start, end, more);
            match family {
                Family::V4 => packet[6] |= 0x80,
                Family::V6 => packet[43] |= 6,
            }
            packet
        });
        // The lab's checksums do not know of the bit, nor does the datagram.
        assert_eq!(made(packets), whole(family, 1, &datagram));
    }
}

#[test]
fn ipv6_extension_headers_before_the_fragment_header_stay() {
    let datagram = payload(32);
    let option = [1, 4, 0, 0, 0, 0];
    let authentication = [2, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    for (number, body) in [(0, &option[..]), (60, &option[..]), (43, &[0; 22][..]), (51, &authentication[..])] {
        let with = |start: u16, more| ipv6(17).extension(number, body).fragment(1, start / 8, more);
        let without = |start: u16, more| ipv6(17).fragment(1, start / 8, more);
        let expected = ipv6(17).extension(number, body).build(&datagram);
        let (first, last) = (with(0, true).build(&datagram[..16]), with(16, false).build(&datagram[16..]));
        assert_eq!(made([first.clone(), last.clone()]), expected, "{number}");
        // Those of the first fragment alone.
        assert_eq!(made([without(16, false).build(&datagram[16..]), first]), expected, "{number}");
        assert_eq!(made([last, without(0, true).build(&datagram[..16])]), whole(Family::V6, 1, &datagram), "{number}");
    }
}

/// The kernel does not look behind mobility headers and their like.
#[test]
fn a_fragment_header_behind_another_header_is_not_found() {
    let datagram = payload(32);
    for number in [135, 139, 140] {
        let build = |start: u16, more| ipv6(17).extension(number, &[0; 6]).fragment(1, start / 8, more);
        let packets = [build(0, true).build(&datagram[..16]), build(16, false).build(&datagram[16..])];
        for packet in packets {
            let frame = Frame {
                time: START,
                device: DeviceId(0),
                direction: FrameDirection::Unknown,
                link: LinkType::Raw,
                wire_len: packet.len() as u32,
                data: &packet,
            };
            let info = PacketInfo::read(&frame).expect("an IP packet");
            assert_eq!((info.fragment, info.tuple.protocol), (Fragment::None, number));
        }
    }
}

/// First fragments (RFC 8200 section 4.5 wants all headers in them): what follows the fragment header, the bytes that
/// are there, and whether it is kept.
#[test]
fn a_first_fragment_without_the_transport_header_is_left_alone() {
    let to = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let long = [17, 1, 1, 12, 0, 0, 0, 0];
    let then_udp = [to(17), [0; 8]].concat();
    let nested = |offset: u8| [[17, 0, 0, offset << 3 | 1, 0, 0, 0, 77], [0; 8]].concat();
    let rows: [(u8, &[u8], char); 15] = [
        (protocol::TCP, &[0; 16], 'P'),
        (protocol::TCP, &[0; 24], 'H'),
        (protocol::UDP, &[], 'P'),
        (protocol::UDP, &[0; 8], 'H'),
        (protocol::ICMPV6, &[0; 8], 'H'),
        (253, &[], 'P'),
        (253, &[0; 8], 'H'),
        (60, &to(17), 'P'),
        (60, &then_udp, 'H'),
        (60, &long, 'P'),
        // What follows is an extension header that is not there at all: not told.
        (60, &to(60), 'H'),
        (60, &[], 'L'),
        (59, &[0; 8], 'H'),
        (44, &nested(0), 'H'),
        (44, &nested(1), 'H'),
    ];
    for (next, bytes, expected) in rows {
        let packet = ipv6(next).fragment(1, 0, true).build(bytes);
        assert_eq!(Road::new(&Config::default()).letters([packet]), expected.to_string(), "{next} {bytes:?}");
        // The same for an atomic one, which is whole at once.
        let packet = ipv6(next).fragment(1, 0, false).build(bytes);
        let expected = if expected == 'H' { "W".into() } else { expected.to_string() };
        assert_eq!(Road::new(&Config::default()).letters([packet]), expected, "atomic {next} {bytes:?}");
    }
    // Later ones need none.
    let packet = ipv6(protocol::TCP).fragment(1, 1, true).build(&[0; 8]);
    assert_eq!(Road::new(&Config::default()).letters([packet]), "H");
}

#[test]
fn a_packet_that_ends_inside_its_fragment_header_is_dropped() {
    for len in 4..8 {
        let mut packet = ipv6(17).fragment(1, 1, true).build(&[]);
        packet.truncate(40 + len);
        packet[5] = len as u8;
        let mut road = Road::new(&Config::default());
        assert_eq!(road.letters([packet]), "C");
        let statistics = road.statistics(Family::V6);
        assert_eq!((statistics.requests, statistics.fails, statistics.queues), (1, 1, 0));
    }
    // As a first one it lacks the transport header above all.
    let mut packet = ipv6(17).fragment(1, 0, true).build(&[]);
    packet.truncate(47);
    packet[5] = 7;
    assert_eq!(Road::new(&Config::default()).letters([packet]), "P");
}
