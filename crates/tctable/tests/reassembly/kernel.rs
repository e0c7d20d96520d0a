//! What Linux 6.18 did with the same fragments in a network namespace: sent into a TUN device with connection tracking
//! on, seen by its counters, by what a raw socket received, and by what was left waiting.

use tctable::defrag::{Cause, Config};
use tctable::packet::{DeviceId, Family};
use tctable_lab::packets::{Ipv6, protocol};

use crate::support::*;

/// A fragment from its first byte to the one after its last; `L` is the last of its datagram.
type Piece = (u32, u32, bool);

const M: bool = true;
const L: bool = false;

/// Fragments of one datagram of 32 bytes, and what becomes of each in both families.
const TABLE: &[(&str, &[Piece], &str, &str)] = &[
    ("in order", &[(0, 8, M), (8, 16, M), (16, 32, L)], "HHW", "HHW"),
    ("last one first", &[(16, 32, L), (8, 16, M), (0, 8, M)], "HHW", "HHW"),
    ("odd length", &[(0, 16, M), (16, 29, L)], "HW", "HW"),
    // Duplicates are dropped alone.
    ("first one twice", &[(0, 8, M), (0, 8, M), (8, 16, M), (16, 32, L)], "HDHW", "HDHW"),
    ("last one twice", &[(16, 32, L), (16, 32, L), (0, 8, M), (8, 16, M)], "HDHW", "HDHW"),
    ("part of one", &[(0, 16, M), (8, 16, M), (16, 32, L)], "HDW", "HDW"),
    ("two at once, which came in order", &[(0, 8, M), (8, 16, M), (0, 16, M), (16, 32, L)], "HHDW", "HHDW"),
    // Those that were put in between stay runs of their own: what lies across is an overlap.
    ("two at once, which did not", &[(0, 8, M), (16, 24, M), (8, 16, M), (0, 16, M), (24, 32, L)], "HHHOH", "HHHOH"),
    ("one of them", &[(0, 8, M), (16, 24, M), (8, 16, M), (16, 24, M), (24, 32, L)], "HHHDW", "HHHDW"),
    // An overlap drops the datagram; what comes then begins a new one.
    ("overlap", &[(0, 16, M), (8, 24, M), (16, 32, L)], "HOH", "HOH"),
    ("overlap, then all again", &[(0, 16, M), (8, 24, M), (0, 16, M), (16, 32, L)], "HOHW", "HOHW"),
    ("around another", &[(8, 16, M), (0, 24, M), (24, 32, L)], "HOH", "HOH"),
    // A duplicate may tell where the datagram ends, but only one that is taken makes it whole.
    ("end told by a duplicate", &[(0, 8, M), (8, 16, M), (8, 16, L), (0, 8, M)], "HHDD", "HHDD"),
    // A contradiction drops an IPv4 datagram, and with IPv6 the fragment alone.
    ("beyond the end", &[(16, 24, L), (24, 32, M), (0, 8, M), (8, 16, M)], "HLHH", "HLHW"),
    ("end before others", &[(16, 24, M), (8, 16, L), (0, 16, M), (24, 32, L)], "HLHH", "HLHW"),
    ("two ends, the second later", &[(16, 24, L), (16, 32, L), (0, 16, M)], "HLH", "HLW"),
    ("two ends, the second earlier", &[(16, 32, L), (16, 24, L), (0, 16, M)], "HLH", "HLW"),
    ("empty last one", &[(0, 32, M), (32, 32, L), (0, 32, M)], "HLH", "HLD"),
    ("empty last one first", &[(32, 32, L), (0, 16, M), (16, 32, M)], "LHH", "LHW"),
    ("empty middle one", &[(0, 16, M), (16, 16, M), (16, 32, L)], "HLH", "HLW"),
    // IPv4 drops what follows the last multiple of 8; IPv6 drops the datagram, and leaves the fragment to the host.
    ("odd length in the middle", &[(0, 13, M), (8, 32, L), (0, 8, M)], "HWH", "PHW"),
    ("odd length in the middle, later", &[(16, 32, L), (0, 13, M), (8, 16, M)], "HHW", "HPH"),
    ("less than 8 bytes in the middle", &[(16, 32, L), (8, 13, M), (0, 8, M), (8, 16, M)], "HLHH", "HPHH"),
];

#[test]
fn fragments_become_what_the_kernel_makes_of_them() {
    for (name, pieces, v4, v6) in TABLE {
        for (family, expected) in [(Family::V4, v4), (Family::V6, v6)] {
            let mut road = Road::new(&Config::default());
            let longest = pieces.iter().map(|(_, end, _)| *end).max().unwrap();
            let datagram = payload(longest);
            let mut letters = String::new();
            for (start, end, more) in *pieces {
                let seen = road.send(&fragment(family, 7, &datagram, *start, *end, *more));
                letters.push(seen.letter());
                if let Seen::Whole(bytes, wire_len) = seen {
                    let len = wire_len - if family == Family::V4 { 20 } else { 40 };
                    assert_eq!(bytes, whole(family, 7, &datagram[..len as usize]), "{name} {family}");
                }
            }
            assert_eq!(letters, **expected, "{name} {family}");
            let statistics = road.statistics(family);
            let count = |letter| letters.matches(letter).count() as u64;
            assert_eq!(statistics.requests, pieces.len() as u64, "{name} {family}");
            assert_eq!(statistics.oks, count('W'), "{name} {family}");
            assert_eq!(statistics.overlaps, count('O'), "{name} {family}");
            assert_eq!(statistics.fails, count('O') + count('L') + count('P'), "{name} {family}");
        }
    }
}

/// ECN fields of two fragments, and that of the datagram; the other bits come from the first one.
#[test]
fn ecn_fields_are_joined() {
    const NO: Option<u8> = None;
    // By the first fragment, then by the last.
    const EXPECTED: [[Option<u8>; 4]; 4] = [
        [Some(0), NO, NO, NO],
        [NO, Some(1), Some(1), Some(3)],
        [NO, Some(2), Some(2), Some(3)],
        [NO, Some(3), Some(3), Some(3)],
    ];
    let datagram = payload(32);
    for family in BOTH {
        for (first, row) in EXPECTED.iter().enumerate() {
            for (last, expected) in row.iter().enumerate() {
                let mut road = Road::new(&Config::default());
                let build = |octet: usize, start: u32, end: u32, more| {
                    let mut packet = fragment(family, 1, &datagram, start, end, more);
                    match family {
                        Family::V4 => packet[1] = octet as u8,
                        Family::V6 => packet[1] = (octet as u8) << 4,
                    }
                    packet
                };
                assert_eq!(road.send(&build(0x04 | first, 0, 16, true)), Seen::Held);
                let seen = road.send(&build(0x08 | last, 16, 32, false));
                let octet = match (&seen, family) {
                    (Seen::Whole(bytes, _), Family::V4) => Some(bytes[1]),
                    (Seen::Whole(bytes, _), Family::V6) => Some(bytes[1] >> 4),
                    (seen, _) => {
                        assert_eq!(*seen, Seen::Refused(Cause::Ecn));
                        None
                    }
                };
                assert_eq!(octet, expected.map(|ecn| 0x04 | ecn), "{family} {first} {last}");
                let statistics = road.statistics(family);
                assert_eq!(
                    (statistics.oks, statistics.fails),
                    (u64::from(octet.is_some()), u64::from(octet.is_none()))
                );
                assert_eq!((statistics.queues, statistics.memory), (0, 0), "{family} {first} {last}");
            }
        }
    }
}

#[test]
fn a_duplicate_does_not_count_for_ecn() {
    let datagram = payload(32);
    let mut road = Road::new(&Config::default());
    let build = |tos, start: u32, end: u32, more| {
        let mut header = v4(1, start, more);
        header.tos = tos;
        header.build(&datagram[start as usize..end as usize])
    };
    assert_eq!(road.letters([build(1, 0, 16, true), build(0, 0, 16, true), build(2, 16, 32, false)]), "HDW");
}

/// The longest datagrams, by where the last fragment ends and the length of IPv4 options or IPv6 extensions in the
/// first.
#[test]
fn a_datagram_has_at_most_65535_bytes() {
    let bytes = payload(65_543);
    for (end, options, expected) in [(65_515, 0, "HW"), (65_516, 0, "HT"), (65_515, 4, "HT"), (65_511, 4, "HW")] {
        let mut road = Road::new(&Config::default());
        let first = v4(1, 0, true);
        let first = tctable_lab::packets::Ipv4 { options: vec![1; options], ..first };
        let packets = [first.build(&bytes[..32_768]), fragment(Family::V4, 1, &bytes, 32_768, end, false)];
        assert_eq!(road.letters(packets), expected, "{end} {options}");
        let statistics = road.statistics(Family::V4);
        assert_eq!((statistics.queues, statistics.fails), (0, u64::from(expected == "HT")));
    }
    for (end, hop_by_hop, expected) in [(65_535, false, "HW"), (65_535, true, "HT"), (65_527, true, "HW")] {
        let mut road = Road::new(&Config::default());
        let mut first = Ipv6::new(V6.0, V6.1, protocol::UDP);
        if hop_by_hop {
            first = first.extension(0, &[1, 4, 0, 0, 0, 0]);
        }
        let first = first.fragment(1, 0, true).build(&bytes[..32_768]);
        let packets = [first, fragment(Family::V6, 1, &bytes, 32_768, end, false)];
        assert_eq!(road.letters(packets), expected, "{end} {hop_by_hop}");
        let statistics = road.statistics(Family::V6);
        assert_eq!((statistics.queues, statistics.fails), (0, u64::from(expected == "HT")));
    }
    // A single IPv6 fragment that reaches too far is dropped alone; an IPv4 one waits like any other.
    let packets = |family, end| {
        [(0, 32_768, true), (32_768, end, false), (32_768, 65_000, false)]
            .map(|(start, end, more)| fragment(family, 2, &bytes, start, end, more))
    };
    assert_eq!(Road::new(&Config::default()).letters(packets(Family::V6, 65_536)), "HTW");
    assert_eq!(Road::new(&Config::default()).letters(packets(Family::V4, 65_543)), "HTH");
    let beyond = v4(3, 65_528, false).build(&bytes[..100]);
    assert_eq!(Road::new(&Config::default()).letters([beyond]), "H");
}

#[test]
fn an_ipv4_datagram_is_known_by_addresses_id_and_protocol() {
    let datagram = payload(32);
    let first = fragment(Family::V4, 1, &datagram, 0, 16, true);
    let other = |change: fn(&mut tctable_lab::packets::Ipv4)| {
        let mut header = v4(1, 16, false);
        change(&mut header);
        header.build(&datagram[16..])
    };
    let mut road = Road::new(&Config::default());
    let packets = [
        first.clone(),
        other(|header| header.id = 2),
        other(|header| header.protocol = 18),
        other(|header| header.src = [10, 0, 0, 3].into()),
        other(|header| header.dst = [10, 0, 0, 3].into()),
        other(|header| (header.src, header.dst) = (header.dst, header.src)),
    ];
    assert_eq!(road.letters(packets), "HHHHHH");
    assert_eq!(road.statistics(Family::V4).queues, 6);
    // The device does not matter.
    road.device = DeviceId(2);
    assert_eq!(road.letters([other(|_| ())]), "W");
    assert_eq!(road.statistics(Family::V4).queues, 5);
}

#[test]
fn an_ipv6_datagram_is_known_by_addresses_and_id_and_by_device_where_its_destination_has_a_scope() {
    let datagram = payload(32);
    let build = |src: [u16; 8], dst: [u16; 8], id, start: u32, proto: u8| {
        let header = Ipv6::new(src, dst, proto).fragment(id, (start / 8) as u16, start == 0);
        header.build(&datagram[start as usize..][..16])
    };
    let (here, there) = (V6.0.segments(), V6.1.segments());
    let mut road = Road::new(&Config::default());
    let packets = [
        build(here, there, 0x1_0001, 0, 17),
        build(here, there, 0x1_0002, 16, 17),
        build(here, there, 0x2_0001, 16, 17),
        build(there, here, 0x1_0001, 16, 17),
    ];
    assert_eq!(road.letters(packets), "HHHH");
    // What the later one says to follow is not looked at.
    assert_eq!(road.letters([build(here, there, 0x1_0001, 16, 6)]), "W");

    let local = [0xfe80, 0, 0, 0, 0, 0, 0, 1];
    let (group, wide_group) = ([0xff02, 0, 0, 0, 0, 0, 0, 1], [0xff0e, 0, 0, 0, 0, 0, 0, 1]);
    for (src, dst, elsewhere) in
        [(here, local, "H"), (here, group, "H"), (here, wide_group, "H"), (local, there, "W"), (here, there, "W")]
    {
        let mut road = Road::new(&Config::default());
        assert_eq!(road.letters([build(src, dst, 9, 0, 17)]), "H");
        road.device = DeviceId(2);
        assert_eq!(road.letters([build(src, dst, 9, 16, 17)]), elsewhere, "{src:x?} {dst:x?}");
        road.device = DeviceId(1);
        assert_eq!(road.letters([build(src, dst, 9, 16, 17)]), if elsewhere == "H" { "W" } else { "H" });
    }
}

/// An atomic fragment is a datagram of one fragment, and meets others of its name like any other fragment.
#[test]
fn atomic_fragments_lose_their_header() {
    let datagram = payload(24);
    let piece = |start, end, more| fragment(Family::V6, 5, &datagram, start, end, more);
    let mut road = Road::new(&Config::default());
    assert_eq!(road.send(&piece(0, 24, false)), Seen::Whole(whole(Family::V6, 5, &datagram), 64));
    assert_eq!(road.statistics(Family::V6).queues, 0);
    // It overlaps, or it ends before others.
    let packets = [piece(0, 8, true), piece(0, 24, false), piece(8, 16, true), piece(16, 24, false)];
    assert_eq!(Road::new(&Config::default()).letters(packets), "HOHH");
    let packets = [piece(0, 16, true), piece(0, 8, false), piece(16, 24, false)];
    assert_eq!(Road::new(&Config::default()).letters(packets), "HLW");
}
