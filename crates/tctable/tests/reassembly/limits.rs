//! Memory, time, and how far apart fragments may come.

use tctable::defrag::Config;
use tctable::packet::Family;
use tctable::time::{Duration, Wheel};
use tctable_lab::packets::Ipv4;

use crate::support::*;

fn secs(family: Family) -> u64 {
    if family == Family::V4 { 30 } else { 60 }
}

#[test]
fn a_datagram_that_takes_too_long_is_dropped() {
    let datagram = payload(32);
    for family in BOTH {
        for (nanos, over) in [(999_999_999, 0), (1_000_000_000, 1)] {
            let piece = |start, end| fragment(family, 1, &datagram, start, end, end != 32);
            let mut road = Road::new(&Config::default());
            assert_eq!(road.letters([piece(16, 32)]), "H");
            road.wait(Duration::from_secs(secs(family) - 1));
            // A later one gives it no more time.
            assert_eq!(road.letters([piece(8, 16)]), "H");
            road.defrag.expire(road.now, Wheel::LATE);
            road.wait(Duration::from_nanos(nanos));
            assert!(road.defrag.next_timeout().is_some_and(|due| due.since(road.now) <= Wheel::LATE));
            road.defrag.expire(road.now, Wheel::LATE);
            let statistics = *road.statistics(family);
            assert_eq!((u64::from(statistics.queues), statistics.memory == 0), (1 - over, over == 1));
            assert_eq!((statistics.fails, statistics.timeouts), (over, over));
            assert_eq!((statistics.requests, statistics.oks), (2, 0));
            assert_eq!(road.defrag.next_timeout().is_none(), over == 1);
        }
    }
}

#[test]
fn a_fragment_does_not_meet_a_datagram_whose_time_is_over() {
    let datagram = payload(32);
    for family in BOTH {
        for (nanos, expected) in [(999_999_999, "W"), (1_000_000_000, "H")] {
            let piece = |start, end| fragment(family, 1, &datagram, start, end, end != 32);
            let mut road = Road::new(&Config::default());
            assert_eq!(road.letters([piece(0, 16)]), "H");
            road.wait(Duration::from_secs(secs(family) - 1));
            road.wait(Duration::from_nanos(nanos));
            assert_eq!(road.letters([piece(16, 32)]), expected, "{family}");
            let statistics = road.statistics(family);
            let over = u64::from(expected == "H");
            assert_eq!((statistics.timeouts, statistics.fails, u64::from(statistics.queues)), (over, over, over));
        }
    }
}

/// Above the threshold the kernel refuses every fragment, also the one that would make a datagram whole, and drops
/// none.
#[test]
fn while_fragments_take_too_much_memory_all_are_refused() {
    let datagram = payload(2000);
    for family in BOTH {
        let piece = |id, start, end| fragment(family, id, &datagram, start, end, end != 2000);
        let mut road = Road::new(&Config::default());
        assert_eq!(road.letters([piece(1, 0, 1000)]), "H");
        let one = road.statistics(family).memory as u32;
        let limit =
            |bytes| Config { ipfrag_high_thresh: bytes, nf_conntrack_frag6_high_thresh: bytes, ..Config::default() };

        road.defrag.set_config(&limit(one - 1));
        assert_eq!(road.letters([piece(2, 0, 1000), piece(1, 1000, 2000)]), "MM");
        road.defrag.set_config(&limit(one));
        assert_eq!(road.letters([piece(2, 0, 1000), piece(3, 0, 1000), piece(1, 1000, 2000)]), "HMM");
        road.defrag.set_config(&limit(2 * one));
        assert_eq!(road.letters([piece(1, 1000, 2000), piece(1, 0, 1000)]), "WH");
        let statistics = *road.statistics(family);
        assert_eq!((statistics.fails, statistics.queues, statistics.memory), (4, 2, u64::from(2 * one)));
        // Time frees it.
        road.wait(Duration::from_secs(secs(family)));
        road.defrag.expire(road.now, Wheel::LATE);
        assert_eq!(road.statistics(family).memory, 0);
        // Zero is no room at all.
        road.defrag.set_config(&limit(0));
        assert_eq!(road.letters([piece(1, 0, 1000)]), "M");
    }
}

#[test]
fn one_family_leaves_room_for_the_other() {
    let config = Config { ipfrag_high_thresh: 0, ..Config::default() };
    let datagram = payload(32);
    let mut road = Road::new(&config);
    let packets = BOTH.map(|family| fragment(family, 1, &datagram, 0, 16, true));
    assert_eq!(road.letters(packets), "MH");
    let queues = |family| road.statistics(family).queues;
    assert_eq!((queues(Family::V4), queues(Family::V6)), (0, 1));
}

#[test]
fn a_flood_of_first_fragments_fills_the_memory_and_no_more() {
    let datagram = payload(1480);
    for family in BOTH {
        let mut road = Road::new(&Config::default());
        let mut packet = fragment(family, 0, &datagram, 0, 1480, true);
        for number in 0..50_000u32 {
            let (at, end) = if family == Family::V4 { (12, 16) } else { (8, 12) };
            packet[at..end].copy_from_slice(&number.to_be_bytes());
            road.send(&packet);
            assert!(road.statistics(family).memory <= (4 << 20) + 4096);
        }
        let statistics = *road.statistics(family);
        assert!(statistics.memory > 4 << 20);
        // The kernel, which counts 2,304 bytes for such a packet and 200 for its queue, would take 1,675.
        assert!(statistics.queues > 1_900, "{}", statistics.queues);
        assert_eq!(statistics.fails, 50_000 - u64::from(statistics.queues));
        road.wait(Duration::from_secs(secs(family)));
        road.defrag.expire(road.now, Wheel::LATE);
        let after = *road.statistics(family);
        assert_eq!((after.memory, after.timeouts), (0, u64::from(statistics.queues)));
    }
}

/// The fragments of one datagram in the worst order and size take memory too.
#[test]
fn small_fragments_from_the_last_to_the_first_are_limited_and_become_whole() {
    let datagram = payload(65_512);
    for family in BOTH {
        let mut road = Road::new(&Config::default());
        let mut fragments: Vec<_> =
            (0..65_512).step_by(8).map(|at| fragment(family, 1, &datagram, at, at + 8, at + 8 != 65_512)).collect();
        fragments.reverse();
        let letters = road.letters(fragments);
        assert_eq!((letters.matches('H').count(), letters.ends_with('W')), (8188, true));
        let tight =
            Config { ipfrag_high_thresh: 100_000, nf_conntrack_frag6_high_thresh: 100_000, ..Config::default() };
        let mut road = Road::new(&tight);
        let letters = road.letters((0..4096).map(|at| fragment(family, 1, &datagram, at * 8, at * 8 + 8, true)));
        assert!(letters.contains("HM") && letters.len() == 4096);
        assert!(road.statistics(family).memory <= 100_000 + 1_000);
    }
}

/// A fragment of a source, of its own datagram or of another one.
fn from(source: [u8; 4], id: u16, start: u32, end: u32) -> Vec<u8> {
    let datagram = payload(32);
    Ipv4 { src: source.into(), ..v4(id, start, end != 32) }.build(&datagram[start as usize..end as usize])
}

/// `ipfrag_max_dist` 3: the kernel reassembled with two others in between and began anew with three.
#[test]
fn a_datagram_begins_anew_after_too_many_others_of_its_source() {
    let config = Config { ipfrag_max_dist: 3, ..Config::default() };
    let (here, there) = ([10, 0, 0, 7], [10, 0, 0, 8]);
    for (between, expected) in [(0, "W"), (1, "W"), (2, "W"), (3, "H"), (4, "H")] {
        let mut road = Road::new(&config);
        assert_eq!(road.letters([from(here, 1, 0, 16)]), "H");
        // Other sources do not count, duplicates of other datagrams do.
        assert_eq!(road.letters((0..9).map(|id| from(there, 100 + id, 0, 8))), "HHHHHHHHH");
        assert_eq!(road.letters((0..between).map(|_| from(here, 2, 0, 8))), &"HDDD"[..between]);
        let before = road.statistics(Family::V4).memory;
        assert_eq!(road.letters([from(here, 1, 16, 32)]), expected, "{between}");
        let statistics = *road.statistics(Family::V4);
        assert_eq!((statistics.fails, statistics.oks), (u64::from(between > 2), u64::from(between < 3)));
        if between > 2 {
            // The earlier fragment is gone, and the datagram waits for it.
            assert!(statistics.memory <= before);
            assert_eq!(road.letters([from(here, 1, 0, 16)]), "W");
        }
    }
}

#[test]
fn its_own_fragments_are_no_distance_and_zero_is_no_limit() {
    let here = [10, 0, 0, 7];
    let mut road = Road::new(&Config { ipfrag_max_dist: 3, ..Config::default() });
    assert_eq!(road.letters((0..6).map(|_| from(here, 1, 0, 16))), "HDDDDD");
    assert_eq!(road.letters([from(here, 1, 16, 32)]), "W");
    let mut road = Road::new(&Config { ipfrag_max_dist: 0, ..Config::default() });
    assert_eq!(road.letters([from(here, 1, 0, 16)]), "H");
    assert_eq!(road.letters((0..300).map(|id| from(here, 2 + id, 0, 8))).len(), 300);
    assert_eq!(road.letters([from(here, 1, 16, 32)]), "W");
    // The default is 64.
    for (between, expected) in [(63, "W"), (64, "H")] {
        let mut road = Road::new(&Config::default());
        assert_eq!(road.letters([from(here, 1, 0, 16)]), "H");
        assert_eq!(road.letters((0..between).map(|id| from(here, 2 + id, 0, 8))).len(), usize::from(between));
        assert_eq!(road.letters([from(here, 1, 16, 32)]), expected);
    }
}

#[test]
fn a_datagram_that_begins_anew_has_all_its_time_again() {
    let here = [10, 0, 0, 7];
    for (nanos, queues) in [(29_999_999_999, 3), (30_000_000_000, 0)] {
        let mut road = Road::new(&Config { ipfrag_max_dist: 1, ..Config::default() });
        assert_eq!(road.letters([from(here, 1, 0, 16)]), "H");
        road.wait(Duration::from_secs(20));
        assert_eq!(road.letters([from(here, 2, 0, 8), from(here, 3, 0, 8), from(here, 1, 16, 32)]), "HHH");
        road.wait(Duration::from_secs(10));
        road.defrag.expire(road.now, Wheel::LATE);
        road.wait(Duration::from_nanos(nanos - 10_000_000_000));
        road.defrag.expire(road.now, Wheel::LATE);
        let statistics = road.statistics(Family::V4);
        assert_eq!((statistics.queues, statistics.timeouts), (queues, 3 - u64::from(queues)));
    }
}
