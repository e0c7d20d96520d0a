//! Who is refused something is told of, once a second.

use std::net::{IpAddr, SocketAddr};

use tctable::Event;
use tctable::account::Refusal;
use tctable::time::Duration;
use tctable_lab::packets::udp_packet;

use super::datagram;
use crate::support::{BOTH, Road};

fn told(road: &mut Road) -> Vec<(IpAddr, Refusal, u64)> {
    let refused = road.events().into_iter().filter_map(|event| match event {
        Event::Refused { host, refusal, count } => Some((host, refusal, count)),
        _ => None,
    });
    refused.collect()
}

#[test]
fn a_host_without_a_place() {
    for net in BOTH {
        let mut road = Road::with(|config| {
            config.hosts.max = 1;
            config.events.refused = true;
        });
        road.pass(&net.ask());
        for _ in 0..5 {
            road.pass(&datagram(net, net.neighbour, 1, 100));
        }
        assert_eq!(told(&mut road), [(net.neighbour, Refusal::HostTable, 1)]);
        assert_eq!(road.gateway.totals().hosts_refused, 5);
        road.wait(Duration::from_secs(1)).pass(&datagram(net, net.neighbour, 1, 100));
        assert_eq!(told(&mut road), [(net.neighbour, Refusal::HostTable, 5)]);
        assert_eq!(road.gateway.totals().unaccounted.host_table_full.packets, 6);
    }
}

#[test]
fn a_connection_beyond_a_limit() {
    for net in BOTH {
        let mut road = Road::with(|config| {
            config.hosts.max_connections = 2;
            config.events.refused = true;
        });
        for port in 1..=9 {
            road.pass(&udp_packet(SocketAddr::new(net.client, port), net.to(), b""));
        }
        assert_eq!(told(&mut road), [(net.client, Refusal::HostConnections, 1)]);
        assert_eq!(road.gateway.totals().unaccounted.host_limit.packets, 7);
        // Nobody asked for it.
        let mut road = Road::with(|config| config.hosts.max_connections = 1);
        road.pass(&datagram(net, net.client, 1, 100));
        road.pass(&datagram(net, net.client, 2, 100));
        assert!(told(&mut road).is_empty());
    }
}
