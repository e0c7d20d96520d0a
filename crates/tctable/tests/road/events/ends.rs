//! Each reason for which a connection leaves the table.

use tctable::Event;
use tctable::conntrack::{Changes, ConnectionId, EndReason, Ended};
use tctable::time::{Duration, Instant};

use super::telling;
use crate::support::{BOTH, Road, START, packets};

/// The only connection that ended: its name, what it was, and when it ended.
fn ended(road: &mut Road) -> (ConnectionId, Ended) {
    match &road.events()[..] {
        [Event::ConnectionEnded { id, ended, .. }] => (*id, Ended::clone(ended)),
        events => panic!("{events:?}"),
    }
}

fn expect(road: &mut Road, id: ConnectionId, reason: EndReason, at: Instant, counted: [u64; 2]) {
    let (of, ended) = ended(road);
    assert_eq!((of, ended.reason, ended.at, packets(&ended.connection)), (id, reason, at, counted));
    assert!(road.gateway.conntrack().get(id).is_none());
}

#[test]
fn timeout() {
    for net in BOTH {
        let mut road = telling(Changes::DESTROY);
        road.pass(&net.ask());
        let (id, _) = road.connection();
        // Whenever it is noticed.
        road.wait(Duration::from_secs(77)).tick();
        expect(&mut road, id, EndReason::Timeout, START + Duration::from_secs(30), [1, 0]);
    }
}

#[test]
fn reset() {
    for net in BOTH {
        let mut road = telling(Changes::DESTROY);
        road.pass(&net.out("S"));
        let (id, _) = road.connection();
        road.wait(Duration::from_secs(1)).pass(&net.back("R."));
        expect(&mut road, id, EndReason::Reset, START + Duration::from_secs(1), [1, 1]);
    }
}

#[test]
fn reopened() {
    for net in BOTH {
        let mut road = telling(Changes::DESTROY);
        for packet in [net.out("S"), net.back("S."), net.out("."), net.out("F."), net.back("F."), net.out(".")] {
            road.pass(&packet);
        }
        let (id, _) = road.connection();
        road.wait(Duration::from_secs(1)).pass(&net.out("S"));
        expect(&mut road, id, EndReason::Reopened, START + Duration::from_secs(1), [4, 2]);
        assert_ne!(road.connection().0, id);
    }
}

#[test]
fn early_drop() {
    for net in BOTH {
        let mut road = telling(Changes::DESTROY);
        road.gateway.set_sysctl("nf_conntrack_max", "1").expect("a tunable");
        road.pass(&net.ask());
        let (id, _) = road.connection();
        road.wait(Duration::from_secs(1)).pass(&net.ping(1));
        expect(&mut road, id, EndReason::EarlyDrop, START + Duration::from_secs(1), [1, 0]);
        assert_eq!(road.gateway.conntrack().count(), 1);
    }
}

#[test]
fn deleted() {
    for net in BOTH {
        let mut road = telling(Changes::DESTROY);
        for packet in [net.out("S"), net.back("S."), net.out(".")] {
            road.pass(&packet);
        }
        let (id, _) = road.connection();
        road.wait(Duration::from_secs(1)).tick();
        assert!(road.gateway.delete_connection(id));
        expect(&mut road, id, EndReason::Deleted, START + Duration::from_secs(1), [2, 1]);
    }
}

#[test]
fn many_are_told_in_the_order_of_their_ends_to_a_driver_that_is_in_time() {
    for net in BOTH {
        let mut road = telling(Changes::DESTROY);
        for id in 0..500 {
            road.wait(Duration::from_millis(20)).pass(&net.ping(id));
        }
        let ends = |road: &mut Road| -> Vec<Instant> {
            let ended = road.events().into_iter().map(|event| match event {
                Event::ConnectionEnded { ended, .. } => ended.at,
                other => panic!("{other:?}"),
            });
            ended.collect()
        };
        // A driver that oversleeps gets them in any order.
        road.sleep_until(road.now + Duration::from_secs(31));
        // A tick of the timers is shorter than what lies between two of them.
        let expected = (1..=500).map(|nth| START + Duration::from_millis(30_000 + 20 * nth));
        assert!(ends(&mut road).into_iter().eq(expected));
    }
}
