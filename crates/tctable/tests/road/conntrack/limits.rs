//! A full connection table.

use std::net::SocketAddr;

use tctable::time::Duration;
use tctable_lab::packets::udp_packet;

use crate::support::{BOTH, Net, Road, counter};

fn ask_from(net: Net, port: u16) -> Vec<u8> {
    udp_packet(SocketAddr::new(net.client, port), net.to(), b"")
}

fn answer_to(net: Net, port: u16) -> Vec<u8> {
    udp_packet(net.to(), SocketAddr::new(net.client, port), b"")
}

/// A road with as many connections as its table holds, three, all of them assured.
fn full(net: Net) -> Road {
    let mut road = Road::with(|config| config.conntrack.max = 3);
    for port in 1..=3 {
        assert!(road.line(&ask_from(net, port)).starts_with("NEW"));
        road.pass(&answer_to(net, port));
    }
    road.wait(Duration::from_secs(3));
    for port in 1..=3 {
        assert!(road.line(&ask_from(net, port)).contains("ASSURED"));
    }
    road
}

#[test]
fn one_more_connection_is_dropped_and_counted() {
    for net in BOTH {
        let mut road = full(net);
        let before = road.gateway.totals().clone();
        let packet = ask_from(net, 4);
        let dropped = road.pass(&packet);
        assert_eq!((dropped.line().as_str(), dropped.host), ("-", None));
        assert!(dropped.connection.is_none() && dropped.info.is_some());
        let after = road.gateway.totals();
        assert_eq!(after.unaccounted.conntrack_full, counter(1, packet.len() as u64));
        // It counts for nobody, and is part of the whole.
        assert_eq!((after.tx(), after.ip.packets), (before.tx(), before.ip.packets + 1));
        assert_eq!((road.gateway.conntrack().count(), road.gateway.conntrack().statistics().drop), (3, 1));
        assert_eq!(road.host(net.client).expect("a host").next_id(), 4);
    }
}

#[test]
fn a_dropped_packet_makes_no_host() {
    for net in BOTH {
        let mut road = full(net);
        road.pass(&udp_packet(SocketAddr::new(net.neighbour, 1), net.to(), b""));
        assert_eq!(road.hosts(), [net.client]);
    }
}

#[test]
fn connections_that_are_there_go_on() {
    for net in BOTH {
        let mut road = full(net);
        road.pass(&ask_from(net, 4));
        for port in 1..=3 {
            assert!(road.line(&answer_to(net, port)).starts_with("ESTABLISHED reply"));
        }
        assert_eq!(road.gateway.totals().unaccounted.conntrack_full.packets, 1);
    }
}

#[test]
fn what_would_open_nothing_is_dropped_too() {
    for net in BOTH {
        let mut road = full(net);
        // The place for a connection is wanted before the packet is judged.
        for packet in [net.pong(1), net.out("S."), net.out("SF")] {
            assert_eq!(road.line(&packet), "-");
        }
        assert_eq!(road.gateway.totals().unaccounted.conntrack_full.packets, 3);
    }
}

#[test]
fn a_connection_that_ended_makes_room() {
    for net in BOTH {
        let mut road = full(net);
        assert_eq!(road.line(&ask_from(net, 4)), "-");
        road.wait(Duration::from_millis(120_051));
        assert!(road.line(&ask_from(net, 4)).starts_with("NEW"));
        assert_eq!(road.gateway.conntrack().count(), 1);
    }
}

#[test]
fn a_connection_may_take_the_place_of_its_own_predecessor() {
    for net in BOTH {
        let mut road = Road::with(|config| config.conntrack.max = 1);
        for packet in [net.out("S"), net.back("S."), net.out("."), net.out("F."), net.back("F."), net.out(".")] {
            road.pass(&packet);
        }
        assert!(road.line(&net.out("S")).starts_with("NEW original tcp SYN_SENT"));
        road.wait(Duration::from_secs(120));
        assert_eq!(road.pass(&net.out("S")).id, Some(3));
        assert_eq!(road.gateway.conntrack().statistics().drop, 0);
    }
}

#[test]
fn a_limit_of_zero_is_none() {
    for net in BOTH {
        // As for nf_conntrack_max.
        let mut road = Road::with(|config| config.conntrack.max = 0);
        for port in 1..=1000 {
            assert!(road.line(&ask_from(net, port)).starts_with("NEW"));
        }
        assert_eq!(road.gateway.conntrack().statistics().drop, 0);
    }
}
