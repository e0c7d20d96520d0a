//! An address and an id name one connection for ever.

use std::collections::HashSet;
use std::net::SocketAddr;

use tctable::account::Class;
use tctable::time::Duration;
use tctable_lab::packets::udp_packet;

use crate::support::{BOTH, Road};

#[test]
fn ids_rise_within_a_host() {
    for net in BOTH {
        let mut road = Road::new();
        let mut neighbour = net.from();
        neighbour.set_ip(net.neighbour);
        for id in 1..=5 {
            assert_eq!(road.pass(&net.ping(id as u16)).id, Some(id));
            // Another host has its own.
            neighbour.set_port(id as u16);
            assert_eq!(road.pass(&udp_packet(neighbour, net.to(), b"")).id, Some(id));
        }
        assert_eq!(road.host(net.client).expect("a host").next_id(), 6);
        // Every packet of a connection shows its id.
        assert_eq!(road.pass(&net.pong(3)).id, Some(3));
    }
}

#[test]
fn ids_are_not_given_again_when_a_connection_ends() {
    for net in BOTH {
        let mut road = Road::new();
        for id in 1..=10 {
            assert_eq!(road.pass(&net.ask()).id, Some(id));
            road.wait(Duration::from_secs(60));
        }
    }
}

#[test]
fn ids_are_not_given_again_when_the_host_comes_back() {
    for net in BOTH {
        let mut road = Road::new();
        let mut given = HashSet::new();
        for round in 0..5u64 {
            for port in 1..=10 {
                for host in [net.client, net.neighbour] {
                    // One of them has more than the other, so that what is remembered must be enough for both.
                    if host == net.neighbour && port > round as u16 {
                        continue;
                    }
                    let packet = udp_packet(SocketAddr::new(host, port), net.to(), b"");
                    let id = road.pass(&packet).id.expect("an id");
                    assert!(given.insert((host, id)), "{host} {id} was given twice");
                }
            }
            let before = road.host(net.client).expect("a host").next_id();
            road.wait(Duration::from_secs(2000)).tick();
            assert!(road.gateway.hosts().is_empty());
            road.pass(&net.ping(1));
            let host = road.host(net.client).expect("it is back");
            assert!(host.next_id() > before);
            assert!(given.insert((net.client, host.next_id() - 1)));
            // It begins anew in everything else.
            assert_eq!((host.connections_opened(), host.class(Class::Udp).tx.packets), (1, 0));
        }
    }
}

#[test]
fn ids_are_not_used_up_by_packets_that_open_nothing() {
    for net in BOTH {
        let mut road = Road::with(|config| config.conntrack.max = 1);
        for packet in [net.out("S"), net.back("S."), net.out(".")] {
            assert_eq!(road.pass(&packet).id, Some(1));
        }
        for packet in [net.pong(1), net.out("SF"), net.ping(1), net.ask(), net.answer()] {
            road.pass(&packet);
        }
        assert_eq!(road.host(net.client).expect("a host").next_id(), 2);
    }
}
