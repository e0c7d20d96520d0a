//! A host stays for 15 minutes after its last packet and after its last connection, whichever is later.

use tctable::Event;
use tctable::account::Host;
use tctable::time::{Duration, Instant};

use crate::support::{BOTH, Net, Road, START};

const SLACK: Duration = Duration::from_millis(51);

fn before(at: Instant) -> Instant {
    Instant::from_nanos(at.as_nanos() - 1)
}

fn expired(road: &mut Road) -> Vec<Host> {
    let hosts = road.events().into_iter().filter_map(|event| match event {
        Event::HostExpired(host) => Some(*host),
        _ => None,
    });
    hosts.collect()
}

/// Expects that the client goes at that time: not before it, and soon after it.
fn expect_gone_at(road: &mut Road, net: Net, at: Instant) {
    road.sleep_until(before(at));
    road.tick();
    assert!(road.host(net.client).is_some(), "gone before {at}");
    assert!(expired(road).is_empty());
    road.sleep_until(at + SLACK);
    road.tick();
    assert!(road.host(net.client).is_none(), "still there after {at}");
    let gone = expired(road);
    assert_eq!(gone.iter().map(Host::address).collect::<Vec<_>>(), [net.client]);
    assert_eq!(gone[0].open_connections(), 0);
}

#[test]
fn fifteen_minutes_after_its_last_connections_end() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        expect_gone_at(&mut road, net, START + Duration::from_secs(30 + 900));
    }
}

#[test]
fn fifteen_minutes_after_its_last_packet_where_no_connection_outlived_that() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.wait(Duration::from_secs(300));
        // It counts, but opens nothing.
        assert_eq!(road.line(&net.pong(1)), "INVALID");
        expect_gone_at(&mut road, net, START + Duration::from_secs(300 + 900));
    }
}

#[test]
fn traffic_of_any_kind_keeps_it() {
    for net in BOTH {
        let mut road = Road::new();
        for _ in 0..5 {
            road.pass(&net.back("SF"));
            road.sleep_until(road.now + Duration::from_secs(899));
            road.tick();
            assert!(road.host(net.client).is_some());
        }
        let last = road.now + Duration::from_secs(1);
        expect_gone_at(&mut road, net, last);
    }
}

#[test]
fn an_open_connection_keeps_it_however_long_it_is_silent() {
    for net in BOTH {
        let mut road = crate::conntrack::open(net);
        let end = road.connection().1.deadline();
        assert_eq!(end, START + Duration::from_secs(432_000));
        road.sleep_until(before(end));
        let host = road.host(net.client).expect("a host");
        assert_eq!((host.open_connections(), host.last_seen()), (1, START));
        road.sleep_until(end + SLACK);
        assert_eq!(road.gateway.conntrack().count(), 0);
        // The end of the connection was noticed at most three ticks late, and the host may have been looked at then.
        road.sleep_until(before(end + Duration::from_secs(900)));
        assert!(road.host(net.client).is_some());
        road.sleep_until(end + Duration::from_secs(900) + SLACK + SLACK);
        assert_eq!(expired(&mut road).len(), 1);
    }
}

#[test]
fn a_reset_connection_keeps_it_from_the_time_of_the_reset() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.out("S"));
        road.wait(Duration::from_secs(60)).pass(&net.back("R."));
        expect_gone_at(&mut road, net, START + Duration::from_secs(60 + 900));
    }
}

#[test]
fn the_end_that_owns_no_connection_expires_by_its_traffic() {
    for net in BOTH {
        let mut road = Road::new();
        // A generic connection that belongs to the neighbour outlives the client's last packet by ten minutes.
        road.pass(&tctable_lab::packets::ip(net.neighbour, net.client, 253, b""));
        road.sleep_until(START + Duration::from_secs(900) + SLACK);
        road.tick();
        assert_eq!(road.hosts(), [net.neighbour]);
        road.sleep_until(START + Duration::from_secs(600 + 900) + SLACK);
        road.tick();
        assert!(road.gateway.hosts().is_empty());
    }
}

#[test]
fn the_timeout_can_be_set_and_read() {
    for net in BOTH {
        let mut road = Road::with(|config| config.hosts.timeout = Duration::from_secs(5));
        road.pass(&net.pong(1));
        let timeout = road.gateway.hosts().config().timeout;
        let host = road.host(net.client).expect("a host");
        assert_eq!(host.expires(timeout), START + Duration::from_secs(5));
        expect_gone_at(&mut road, net, START + Duration::from_secs(5));
    }
}

#[test]
fn a_host_that_came_back_starts_from_zero() {
    for net in BOTH {
        let mut road = Road::with(|config| config.hosts.timeout = Duration::from_secs(5));
        road.pass(&net.pong(1));
        road.wait(Duration::from_secs(6)).pass(&net.pong(1));
        let host = road.host(net.client).expect("a host");
        assert_eq!((host.first_seen(), host.class(tctable::account::Class::Icmp).rx.packets), (road.now, 1));
        assert_eq!(expired(&mut road).len(), 1);
    }
}

#[test]
fn without_any_timeout_an_open_connection_still_keeps_it() {
    for net in BOTH {
        let mut road = Road::with(|config| config.hosts.timeout = Duration::ZERO);
        road.pass(&net.ask());
        for _ in 0..29 {
            road.wait(Duration::from_secs(1)).tick();
            assert_eq!((road.hosts(), road.gateway.conntrack().count()), (vec![net.client], 1));
        }
        road.wait(Duration::from_secs(2)).tick();
        road.wait(SLACK).tick();
        assert!(road.hosts().is_empty());
    }
}

#[test]
fn an_open_connection_keeps_it_to_the_end_of_time() {
    for net in BOTH {
        let mut road = Road::new();
        road.now = before(Instant::MAX);
        road.pass(&net.ask());
        for _ in 0..3 {
            road.now = Instant::MAX;
            road.tick();
            let open: u64 = road.gateway.hosts().iter().map(Host::open_connections).sum();
            assert_eq!(open, road.gateway.conntrack().count() as u64);
        }
    }
}
