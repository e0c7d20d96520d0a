//! Any fragments in any order, against what is plain to see.

use proptest::prelude::*;
use tctable::defrag::{Cause, Config};
use tctable::packet::Family;

use crate::support::*;

/// A fragment, from its first byte to the one after its last.
type Piece = (u32, u32);

/// A datagram's length, where it is split, and the order in which the fragments come.
fn splits() -> impl Strategy<Value = (u32, Vec<Piece>)> {
    let cuts = |len: u32| proptest::collection::btree_set(1..len.div_ceil(8), 1..12);
    (9u32..4000).prop_flat_map(move |len| (Just(len), cuts(len))).prop_flat_map(|(len, cuts)| {
        let starts = std::iter::once(0).chain(cuts.iter().map(|cut| cut * 8));
        let ends = cuts.iter().map(|cut| cut * 8).chain([len]);
        let fragments: Vec<Piece> = starts.zip(ends).collect();
        (Just(len), Just(fragments).prop_shuffle())
    })
}

fn family() -> impl Strategy<Value = Family> {
    proptest::sample::select(&BOTH[..])
}

/// What a list of the fragments that came says about the next one; with IPv6, where nothing but an overlap drops the
/// datagram. The runs are those of the kernel: fragments that came one after the other from the highest on are one.
#[derive(Default)]
struct Naive {
    runs: Vec<(u32, u32)>,
    last: Option<u32>,
    len: u32,
}

impl Naive {
    fn push(&mut self, start: u32, end: u32, more: bool) -> char {
        let contradicts = if more {
            self.last.is_some_and(|last| end > last)
        } else {
            end < self.len || self.last.is_some_and(|last| end != last)
        };
        if contradicts {
            return 'L';
        }
        self.len = self.len.max(end);
        if !more {
            self.last = Some(end);
        }
        if self.runs.iter().any(|(from, to)| *from <= start && end <= *to) {
            return 'D';
        }
        if self.runs.iter().any(|(from, to)| start < *to && end > *from) {
            *self = Naive::default();
            return 'O';
        }
        match self.runs.iter_mut().max() {
            Some((_, to)) if *to == start => *to = end,
            _ => self.runs.push((start, end)),
        }
        let covered: u32 = self.runs.iter().map(|(from, to)| to - from).sum();
        if self.last == Some(covered) {
            *self = Naive::default();
            return 'W';
        }
        'H'
    }
}

proptest! {
    #[test]
    fn any_order_of_the_fragments_gives_the_datagram(family in family(), (len, fragments) in splits()) {
        let datagram = payload(len);
        let mut road = Road::new(&Config::default());
        let mut seen: Vec<Seen> = fragments
            .iter()
            .map(|(start, end)| road.send(&fragment(family, 1, &datagram, *start, *end, *end != len)))
            .collect();
        let expected = whole(family, 1, &datagram);
        let wire_len = expected.len() as u32;
        // A first fragment of 8 bytes holds the UDP header.
        prop_assert_eq!(seen.pop(), Some(Seen::Whole(expected, wire_len)));
        prop_assert!(seen.into_iter().all(|seen| seen == Seen::Held));
        let statistics = road.statistics(family);
        prop_assert_eq!((statistics.queues, statistics.memory, statistics.oks), (0, 0, 1));
        prop_assert_eq!(road.defrag.next_timeout(), None);
    }

    #[test]
    fn several_datagrams_at_once_do_not_touch(splits in proptest::collection::vec(splits(), 2..5), seed: u64) {
        let datagrams: Vec<Vec<u8>> = splits.iter().map(|(len, _)| payload(*len)).collect();
        let mut waiting: Vec<(usize, Family, Vec<Piece>)> = splits
            .iter()
            .enumerate()
            .flat_map(|(at, (_, fragments))| BOTH.map(|family| (at, family, fragments.clone())))
            .collect();
        let mut road = Road::new(&Config::default());
        let mut state = seed;
        while !waiting.is_empty() {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let chosen = (state >> 33) as usize % waiting.len();
            let (at, family, fragments) = &mut waiting[chosen];
            let (at, family) = (*at, *family);
            let Some((start, end)) = fragments.pop() else { unreachable!() };
            let done = fragments.is_empty();
            let len = splits[at].0;
            let seen = road.send(&fragment(family, at as u16, &datagrams[at], start, end, end != len));
            if done {
                waiting.swap_remove(chosen);
                let expected = whole(family, at as u16, &datagrams[at]);
                let wire_len = expected.len() as u32;
                prop_assert_eq!(seen, Seen::Whole(expected, wire_len));
            } else {
                prop_assert_eq!(seen, Seen::Held);
            }
        }
        for family in BOTH {
            prop_assert_eq!((road.statistics(family).queues, road.statistics(family).memory), (0, 0));
        }
    }

    #[test]
    fn agrees_with_a_list_about_any_fragments(
        pieces in proptest::collection::vec((0u32..12, 1u32..6, proptest::bool::weighted(0.85)), 0..60),
    ) {
        let datagram = payload(200);
        let (mut road, mut naive) = (Road::new(&Config::default()), Naive::default());
        let mut expected = (0, 0, 0);
        for (start, len, more) in pieces {
            // Not at the beginning: all that is too short there goes another way.
            let (start, end) = (start * 8, (start + len) * 8);
            let seen = road.send(&fragment(Family::V6, 1, &datagram, start, end, more));
            let letter = naive.push(start, end, more);
            prop_assert_eq!(seen.letter(), letter);
            if let Seen::Whole(bytes, wire_len) = seen {
                prop_assert_eq!(&bytes, &whole(Family::V6, 1, &datagram[..wire_len as usize - 40]));
            }
            expected.0 += u64::from(letter == 'W');
            expected.1 += u64::from(letter == 'O');
            expected.2 += u64::from(letter == 'O' || letter == 'L');
        }
        let statistics = road.statistics(Family::V6);
        prop_assert_eq!((statistics.oks, statistics.overlaps, statistics.fails), expected);
    }
}

#[test]
fn causes_have_names_of_their_own() {
    let names: std::collections::BTreeSet<_> = Cause::ALL.map(Cause::name).into();
    assert_eq!(names.len(), Cause::ALL.len());
    assert!(Cause::ALL.iter().enumerate().all(|(at, cause)| *cause as usize == at));
}
