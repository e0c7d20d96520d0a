//! Captures that kept only the beginning of each frame.

use tctable::defrag::Config;
use tctable::packet::Family;
use tctable_lab::packets::{Ipv4, Ipv6};

use crate::support::*;

/// The bytes before a fragment's payload.
fn headers(family: Family) -> usize {
    if family == Family::V4 { 20 } else { 48 }
}

#[test]
fn a_datagram_is_whole_by_its_lengths_and_known_up_to_the_first_hole() {
    let datagram = payload(3000);
    let pieces = [(0, 1200, true), (1200, 2400, true), (2400, 3000, false)];
    for family in BOTH {
        let expected = whole(family, 1, &datagram);
        let header = expected.len() - 3000;
        // By the snap length: how much is known of the payload.
        for (snap, known) in [(1200, 1200), (1199, 1199), (600, 600), (599, 599), (1, 1), (0, 0), (1201, 3000)] {
            for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
                let mut road = Road::new(&Config::default());
                road.snap_len = headers(family) + snap;
                let seen: Vec<Seen> = order
                    .map(|at| pieces[at])
                    .map(|(start, end, more)| road.send(&fragment(family, 1, &datagram, start, end, more)))
                    .into();
                // All fragments that are longer than what was kept have a hole; the first of them counts.
                let known = if snap == 1200 { 3000 } else { known };
                let data = expected[..header + known].to_vec();
                let whole = Seen::Whole(data, expected.len() as u32);
                assert_eq!(seen, [Seen::Held, Seen::Held, whole], "{family} {snap}");
                let statistics = road.statistics(family);
                assert_eq!((statistics.cut, statistics.oks), (u64::from(known < 3000), 1), "{family} {snap}");
                assert_eq!(statistics.transport_cut, u64::from(known < 8), "{family} {snap}");
            }
        }
    }
}

#[test]
fn a_hole_in_one_fragment_hides_what_follows() {
    let datagram = payload(64);
    for family in BOTH {
        let piece = |start: u32| fragment(family, 1, &datagram, start, start + 16, start != 48);
        let mut road = Road::new(&Config::default());
        assert_eq!(road.letters([piece(48), piece(0)]), "HH");
        road.snap_len = headers(family) + 5;
        assert_eq!(road.letters([piece(16)]), "H");
        road.snap_len = usize::MAX;
        let expected = whole(family, 1, &datagram);
        let known = expected[..expected.len() - 64 + 21].to_vec();
        assert_eq!(road.send(&piece(32)), Seen::Whole(known, expected.len() as u32));
    }
}

#[test]
fn an_ipv4_header_may_be_cut_in_its_options() {
    let datagram = payload(32);
    let first = Ipv4 { options: vec![1; 12], ..v4(1, 0, true) }.build(&datagram[..16]);
    let last = fragment(Family::V4, 1, &datagram, 16, 32, false);
    let mut road = Road::new(&Config::default());
    road.snap_len = 25;
    assert_eq!(road.send(&first), Seen::Held);
    let Seen::Whole(data, wire_len) = road.send(&last) else { panic!("not whole") };
    assert_eq!((data.len(), wire_len), (25, 64));
    assert_eq!(data[2..4], [0, 64]);
    let statistics = road.statistics(Family::V4);
    assert_eq!((statistics.cut, statistics.transport_cut), (1, 1));
}

/// Nothing can be told of a fragment whose id is not there.
#[test]
fn an_ipv6_fragment_header_that_was_not_kept_is_no_reason_to_drop() {
    let datagram = payload(32);
    for more in [true, false] {
        let packet = fragment(Family::V6, 1, &datagram, 16, 32, more);
        for (snap_len, expected) in [(44, "P"), (47, "P"), (48, "H")] {
            let mut road = Road::new(&Config::default());
            road.snap_len = snap_len;
            assert_eq!(road.letters([packet.clone()]), expected);
        }
    }
    // Headers that were not kept are not missing: the datagram becomes whole.
    let options = [&[17, 2, 1, 4][..], &[0; 20]].concat();
    let build = |start: u16, more, bytes: &[u8]| Ipv6::new(V6.0, V6.1, 60).fragment(1, start / 8, more).build(bytes);
    let first = build(0, true, &[&options[..], &datagram[..16]].concat());
    let mut road = Road::new(&Config::default());
    for snap_len in [48, 49, 50, 60] {
        road.snap_len = snap_len;
        assert_eq!(road.letters([first.clone(), build(40, false, &datagram[16..])]), "HW", "{snap_len}");
    }
    assert_eq!(road.statistics(Family::V6).transport_cut, 4);
}
