//! A reader that is too slow is told where it missed something, and how much; the tables still have all.

use tctable::Event;
use tctable::conntrack::Changes;
use tctable::gateway::EventMask;
use tctable::time::Duration;

use super::{told, word};
use crate::support::{BOTH, Net, Road, packets};

/// A road on which so many events may wait.
fn road(max: usize) -> Road {
    Road::with(|config| {
        config.events = EventMask::ALL;
        config.max_events = max;
    })
}

/// Opens a connection, which is one event.
fn one(road: &mut Road, net: Net, id: u16) {
    road.pass(&net.ping(id));
}

#[test]
fn what_is_lost_is_told_where_it_is_missing() {
    for net in BOTH {
        let mut road = road(3);
        for id in 0..5 {
            one(&mut road, net, id);
        }
        assert_eq!(told(&mut road), ["new", "new", "new", "lost 2"]);
        assert_eq!(told(&mut road), Vec::<String>::new());
        assert_eq!(road.gateway.totals().events_lost, 2);
    }
}

#[test]
fn the_gap_comes_before_what_was_kept_after_it() {
    for net in BOTH {
        let mut road = road(3);
        for id in 0..5 {
            one(&mut road, net, id);
        }
        // Room for two, of which one is taken by the news of the gap.
        for _ in 0..2 {
            assert_eq!(road.gateway.poll_event().as_ref().map(word), Some("new".to_owned()));
        }
        for id in 5..8 {
            one(&mut road, net, id);
        }
        let (id, _) = road.gateway.conntrack().iter().next().expect("a connection");
        road.gateway.set_mark(id, 1);
        assert_eq!(told(&mut road), ["new", "lost 2", "new", "lost 3"]);
        one(&mut road, net, 8);
        assert_eq!(told(&mut road), ["new"]);
        assert_eq!(road.gateway.totals().events_lost, 5);
    }
}

#[test]
fn no_more_wait_than_allowed() {
    for net in BOTH {
        for max in 0..5 {
            let mut road = road(max);
            let mut kept = 0;
            let mut lost = 0;
            for id in 0..100 {
                one(&mut road, net, id);
                if id % 7 == 0 {
                    match road.gateway.poll_event() {
                        Some(Event::Lost(count)) => lost += count,
                        Some(_) => kept += 1,
                        None => {}
                    }
                }
            }
            let waiting = road.events();
            let news = waiting.iter().filter(|event| !matches!(event, Event::Lost(_))).count();
            // What tells the last gap is put together only when it is asked for, and takes no room.
            let last_gap = matches!(waiting.last(), Some(Event::Lost(_)));
            assert!(waiting.len() <= max + usize::from(last_gap), "{} of {max}", waiting.len());
            lost += waiting.iter().map(|event| if let Event::Lost(count) = event { *count } else { 0 }).sum::<u64>();
            kept += news;
            assert_eq!((kept as u64 + lost, lost), (100, road.gateway.totals().events_lost));
        }
    }
}

#[test]
fn a_reader_that_missed_something_reads_the_tables_again() {
    for net in BOTH {
        let mut road = road(4);
        let mut copies = 0;
        for round in 0..50u16 {
            for nth in 0..=round % 6 {
                road.pass(&net.ping(round * 10 + nth));
                road.pass(&net.pong(round * 10 + nth));
                road.wait(Duration::from_secs(1));
            }
            let events = road.events();
            if events.iter().any(|event| matches!(event, Event::Lost(_))) {
                copies += 1;
                // Counters are where they were, whatever was told of them.
                let copy: Vec<[u64; 2]> = road.gateway.conntrack().iter().map(|(_, of)| packets(of)).collect();
                assert_eq!(copy, vec![[1, 1]; road.gateway.conntrack().count()]);
            }
        }
        assert!(copies > 10, "{copies}");
        let host = road.host(net.client).expect("a host");
        assert_eq!(host.connections_opened(), (0..50u64).map(|round| round % 6 + 1).sum::<u64>());
    }
}

#[test]
fn ends_and_hosts_are_lost_alike() {
    for net in BOTH {
        let mut road = Road::with(|config| {
            config.events = EventMask {
                connections: Changes::DESTROY,
                expectations: false,
                host_expired: true,
                ..EventMask::default()
            };
            config.max_events = 1;
        });
        one(&mut road, net, 1);
        one(&mut road, net, 2);
        road.wait(Duration::from_secs(31)).tick();
        road.wait(Duration::from_secs(901)).tick();
        assert_eq!(told(&mut road), ["Timeout", "lost 2"]);
    }
}
