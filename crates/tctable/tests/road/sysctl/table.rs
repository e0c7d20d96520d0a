//! How many connections there may be.

use std::net::SocketAddr;

use tctable::time::Duration;
use tctable_lab::packets::udp_packet;

use super::tunables;
use crate::support::{BOTH, Net, Road};

tunables! {
    "net.netfilter.nf_conntrack_max" => max: raised_and_lowered;
}

const MAX: &str = "nf_conntrack_max";

fn ask(net: Net, port: u16) -> Vec<u8> {
    udp_packet(SocketAddr::new(net.client, port), net.to(), b"")
}

fn answer(net: Net, port: u16) -> Vec<u8> {
    udp_packet(net.to(), SocketAddr::new(net.client, port), b"")
}

fn set(road: &mut Road, max: usize) {
    road.gateway.set_sysctl(MAX, &max.to_string()).expect("a tunable");
}

/// A road with assured connections from the first ports.
fn assured(net: Net, count: u16) -> Road {
    let mut road = Road::new();
    for port in 1..=count {
        road.pass(&ask(net, port));
        road.pass(&answer(net, port));
    }
    road.wait(Duration::from_secs(3));
    for port in 1..=count {
        road.pass(&ask(net, port));
    }
    road
}

fn raised_and_lowered(net: Net, name: &str) {
    assert!(name.ends_with(MAX));
    let mut road = assured(net, 3);
    set(&mut road, 3);
    assert_eq!(road.line(&ask(net, 4)), "-");
    set(&mut road, 4);
    assert!(road.line(&ask(net, 4)).starts_with("NEW"));
    assert_eq!(road.gateway.conntrack().count(), 4);
    // Lowered: those that are assured stay and go on; there is no room for more until they are gone.
    for port in [4, 4] {
        road.pass(&answer(net, port));
        road.wait(Duration::from_secs(3)).pass(&ask(net, port));
    }
    set(&mut road, 2);
    assert_eq!(road.gateway.conntrack().count(), 4);
    for port in 1..=4 {
        assert!(road.line(&ask(net, port)).starts_with("ESTABLISHED"));
    }
    assert_eq!(road.line(&ask(net, 5)), "-");
    assert_eq!(road.gateway.conntrack().statistics().drop, 2);
    // No limit at all.
    set(&mut road, 0);
    assert!(road.line(&ask(net, 5)).starts_with("NEW"));
}

/// Who lowers the limit wants fewer connections: each new one takes the place of two that are not assured.
#[test]
fn a_lowered_limit_is_come_to_while_new_connections_open() {
    for net in BOTH {
        let mut road = assured(net, 10);
        for port in 100..200 {
            road.pass(&ask(net, port));
        }
        set(&mut road, 60);
        for port in 200..300 {
            assert!(road.line(&ask(net, port)).starts_with("NEW"), "{port}");
        }
        assert_eq!(road.gateway.conntrack().count(), 60);
        let statistics = *road.gateway.conntrack().statistics();
        assert_eq!((statistics.drop, statistics.early_drop), (0, 150));
        for port in 1..=10 {
            assert!(road.line(&ask(net, port)).starts_with("ESTABLISHED"));
        }
    }
}
