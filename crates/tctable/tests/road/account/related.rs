//! An ICMP error belongs to a connection, but counts for who sent it and who receives it: that need not be the
//! connection's ends.

use tctable::account::Class;
use tctable_lab::packets::udp_packet;

use crate::support::{BOTH, Net, Road, unreachable};

/// ICMP packets that a host sent and received.
fn icmp(road: &Road, host: std::net::IpAddr) -> (u64, u64) {
    road.host(host).map_or((0, 0), |host| {
        let counters = host.class(Class::Icmp);
        (counters.tx.packets, counters.rx.packets)
    })
}

/// A datagram between the two who are inside.
fn between(net: Net) -> Vec<u8> {
    let mut to = net.from();
    to.set_ip(net.neighbour);
    udp_packet(net.from(), to, b"")
}

#[test]
fn from_a_router_outside_to_the_host_that_asked() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        assert!(road.line(&unreachable(net.router, net.client, &net.ask())).starts_with("RELATED"));
        assert_eq!((icmp(&road, net.client), road.hosts()), ((0, 1), vec![net.client]));
    }
}

#[test]
fn from_the_host_itself() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.answer());
        assert!(road.line(&unreachable(net.client, net.server, &net.answer())).starts_with("RELATED"));
        assert_eq!((icmp(&road, net.client), road.hosts()), ((1, 0), vec![net.client]));
    }
}

#[test]
fn from_a_router_inside_about_a_connection_to_outside() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        assert!(road.line(&unreachable(net.neighbour, net.client, &net.ask())).starts_with("RELATED"));
        assert_eq!((icmp(&road, net.client), icmp(&road, net.neighbour)), ((0, 1), (1, 0)));
        assert_eq!(road.gateway.totals().inside_to_inside.packets, 1);
    }
}

#[test]
fn from_a_router_outside_about_a_connection_between_two_inside() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&between(net));
        assert!(road.line(&unreachable(net.router, net.client, &between(net))).starts_with("RELATED"));
        assert_eq!((icmp(&road, net.client), icmp(&road, net.router)), ((0, 1), (0, 0)));
        assert_eq!(road.gateway.totals().inside_to_inside.packets, 1);
    }
}

#[test]
fn from_a_router_outside_to_a_client_outside() {
    for net in BOTH {
        let mut road = Road::new();
        // The server asked; what the error quotes never reached the client inside.
        road.pass(&net.answer());
        assert!(road.line(&unreachable(net.router, net.server, &net.answer())).starts_with("RELATED"));
        assert_eq!(icmp(&road, net.client), (0, 0));
        assert_eq!(road.gateway.totals().unaccounted.outside_to_outside.packets, 1);
    }
}

#[test]
fn from_a_router_inside_to_a_client_outside() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.answer());
        assert!(road.line(&unreachable(net.neighbour, net.server, &net.answer())).starts_with("RELATED"));
        assert_eq!((icmp(&road, net.client), icmp(&road, net.neighbour)), ((0, 0), (1, 0)));
    }
}
