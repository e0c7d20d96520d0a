//! What each verdict does, before and after the packet has counted for its host.

use tctable::conntrack::{Counter, CtState};
use tctable::gateway::{Passing, Unaccounted};
use tctable::hook::{DropReason, Families, Hook, Verdict, priority};

use super::{Notes, always};
use crate::support::{BOTH, Road, counter};

fn only(count: impl FnOnce(&mut Unaccounted) -> &mut Counter, bytes: usize) -> Unaccounted {
    let mut expected = Unaccounted::default();
    *count(&mut expected) = counter(1, bytes as u64);
    expected
}

#[test]
fn who_is_dropped_before_counting_is_counted_by_cause() {
    for net in BOTH {
        for (hook, priority, state) in [
            (Hook::PreRouting, priority::RAW, None),
            (Hook::PreRouting, priority::MANGLE, Some(CtState::New)),
            (Hook::Forward, priority::FILTER, Some(CtState::New)),
        ] {
            let mut road = Road::new();
            always(&mut road.gateway, hook, priority, Verdict::DROP);
            let packet = net.ask();
            let shown = road.pass(&packet);
            assert_eq!((shown.ct_state, shown.verdict, shown.host), (state, Verdict::DROP, None));
            // The connection is not confirmed.
            assert_eq!(road.gateway.conntrack().count(), 0);
            assert!(road.gateway.hosts().is_empty());
            assert_eq!(road.gateway.totals().unaccounted, only(|by| &mut by.dropped, packet.len()));
        }
    }
}

#[test]
fn who_is_dropped_after_counting_has_counted_but_opens_nothing() {
    for net in BOTH {
        for (hook, priority) in [(Hook::Forward, priority::ACCOUNT + 1), (Hook::PostRouting, priority::NAT_SRC)] {
            let mut road = Road::new();
            always(&mut road.gateway, hook, priority, Verdict::Drop(DropReason::Error(13)));
            let shown = road.pass(&net.ask());
            assert_eq!((shown.verdict, shown.host), (Verdict::Drop(DropReason::Error(13)), Some(net.client)));
            assert_eq!(road.gateway.conntrack().count(), 0);
            assert_eq!(road.gateway.totals().unaccounted, Unaccounted::default());
            assert_eq!(road.host(net.client).map(|host| host.open_connections()), Some(0));
        }
    }
}

#[test]
fn a_packet_of_an_open_connection_counts_there_even_if_it_is_dropped() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        always(&mut road.gateway, Hook::Forward, 0, Verdict::DROP);
        assert_eq!(road.pass(&net.answer()).packets(), [1, 1]);
    }
}

#[test]
fn what_a_function_keeps_is_counted_as_stolen() {
    for net in BOTH {
        let mut road = Road::new();
        always(&mut road.gateway, Hook::Forward, 0, Verdict::Stolen);
        let packet = net.ask();
        assert_eq!(road.pass(&packet).verdict, Verdict::Stolen);
        assert_eq!(road.gateway.totals().unaccounted, only(|by| &mut by.stolen, packet.len()));
    }
}

#[test]
fn repeating_goes_on_until_it_is_enough() {
    for net in BOTH {
        let mut road = Road::new();
        let mut left = 3;
        let notes = Notes::default();
        let inside = notes.clone();
        road.gateway.register_hook(Hook::Forward, 5, Families::Both, notes.named("after", Verdict::Accept));
        let handle = road.gateway.register_hook(Hook::Forward, 0, Families::Both, move |_: &mut Passing<'_, '_>| {
            inside.write("again");
            left -= 1;
            if left == 0 { Verdict::Accept } else { Verdict::Repeat }
        });
        assert_eq!(road.pass(&net.ask()).verdict, Verdict::Accept);
        assert_eq!(notes.take(), ["again", "again", "again", "after"]);
        assert_eq!(road.gateway.totals().repeats, 2);
        road.gateway.unregister_hook(handle);
        // Without an end.
        always(&mut road.gateway, Hook::Forward, 0, Verdict::Repeat);
        assert_eq!(road.pass(&net.ask()).verdict, Verdict::Drop(DropReason::TooManyRepeats));
        assert_eq!((notes.take().len(), road.gateway.totals().repeats), (0, 2 + 17));
        assert_eq!(road.gateway.totals().unaccounted.dropped.packets, 1);
    }
}
