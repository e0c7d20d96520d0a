//! What ended is told to whoever asked, and what nobody has room for is counted.

use tctable::Event;
use tctable::account::Class;
use tctable::conntrack::{Changes, EndReason};
use tctable::gateway::EventMask;
use tctable::time::Duration;
use tctable_lab::packets::ip;

use crate::support::{BOTH, Net, Road, START, packets};

/// A connection and its host come and go.
fn whole_life(road: &mut Road, net: Net) {
    road.pass(&net.ask());
    road.pass(&net.answer());
    road.wait(Duration::from_secs(31)).tick();
    road.wait(Duration::from_secs(901)).tick();
    assert!(road.gateway.hosts().is_empty());
}

#[test]
fn a_connection_ends_and_then_its_host() {
    for net in BOTH {
        let mut road = Road::new();
        whole_life(&mut road, net);
        let events = road.events();
        let [Event::ConnectionEnded { owner, ended, .. }, Event::HostExpired(host)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(*owner, Some((net.client, 1)));
        assert_eq!((ended.reason, ended.at), (EndReason::Timeout, START + Duration::from_secs(30)));
        assert_eq!(packets(&ended.connection), [1, 1]);
        assert_eq!((host.address(), host.open_connections(), host.connections_opened()), (net.client, 0, 1));
        let counters = host.class(Class::Udp);
        assert_eq!((counters.tx.bytes, counters.rx.bytes), (net.ask().len() as u64, net.answer().len() as u64));
    }
}

#[test]
fn a_connection_of_nobody_has_no_owner() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&ip(net.server, net.router, 253, b""));
        road.wait(Duration::from_secs(601)).tick();
        assert!(matches!(&road.events()[..], [Event::ConnectionEnded { owner: None, .. }]));
    }
}

#[test]
fn only_what_was_asked_for_is_told() {
    for net in BOTH {
        for (connection_ended, host_expired) in [(false, false), (true, false), (false, true)] {
            let mut road = Road::with(|config| {
                let connections = if connection_ended { Changes::DESTROY } else { Changes::NONE };
                config.events = EventMask { connections, expectations: false, host_expired, ..EventMask::default() };
                // Were it built before it is left out, it would be lost and counted.
                config.max_events = usize::from(connection_ended | host_expired);
            });
            whole_life(&mut road, net);
            assert_eq!(road.gateway.totals().events_lost, 0);
            let told = road.events();
            assert_eq!(told.len(), usize::from(connection_ended | host_expired));
            for event in told {
                assert_eq!(matches!(event, Event::ConnectionEnded { .. }), connection_ended);
            }
        }
    }
}

#[test]
fn events_beyond_the_limit_are_lost_and_counted() {
    for net in BOTH {
        let mut road = Road::with(|config| config.max_events = 3);
        for id in 0..5 {
            road.pass(&net.ping(id));
            road.wait(Duration::from_millis(1));
        }
        road.wait(Duration::from_secs(31)).tick();
        road.wait(Duration::from_secs(901)).tick();
        // Two connections and the host.
        assert_eq!(road.gateway.totals().events_lost, 3);
        let ids: Vec<u64> = road.events().iter().filter_map(owned).collect();
        assert_eq!(ids, [1, 2, 3]);

        // Whoever takes them makes room.
        whole_life(&mut road, net);
        assert_eq!((road.events().len(), road.gateway.totals().events_lost), (2, 3));
    }
}

fn owned(event: &Event) -> Option<u64> {
    match event {
        Event::ConnectionEnded { owner, .. } => owner.map(|(_, id)| id),
        _ => None,
    }
}
