//! From a host to its connections and back.

use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::prelude::*;
use tctable::conntrack::ConnectionId;
use tctable::time::Duration;
use tctable_lab::packets::udp_packet;

use super::datagram;
use crate::support::{BOTH, Road, V4};

fn listed(road: &Road, ip: IpAddr) -> Vec<ConnectionId> {
    road.gateway.host_connections(ip).expect("a host").map(|(id, _)| id).collect()
}

#[test]
fn the_newest_connection_comes_first() {
    for net in BOTH {
        let mut road = Road::with(|config| config.hosts.links = true);
        for port in 1..=4 {
            road.pass(&datagram(net, net.client, port, 100));
            road.pass(&datagram(net, net.neighbour, port, 100));
        }
        // What the server opens belongs to it as well.
        road.pass(&udp_packet(net.to(), net.from(), b""));
        let ids = listed(&road, net.client);
        let conntrack = road.gateway.conntrack();
        let ports: Vec<u16> = ids.iter().map(|id| conntrack.get(*id).unwrap().original().source_port).collect();
        assert_eq!(ports, [crate::support::SERVER_PORT, 4, 3, 2, 1]);
        for id in ids {
            let (host, _) = road.gateway.owner(conntrack.get(id).unwrap()).expect("an owner");
            assert_eq!(host.address(), net.client);
        }
        assert!(road.gateway.host_connections(net.server).is_none());
    }
}

proptest! {
    #[test]
    fn agrees_with_a_look_at_the_whole_table(steps in proptest::collection::vec((0u8..4, 1u16..20, 0u64..20), 0..150)) {
        let net = V4;
        let mut road = Road::with(|config| {
            config.hosts.links = true;
            config.conntrack.max = 12;
        });
        for (who, port, wait) in steps {
            let host = [net.client, net.neighbour][usize::from(who % 2)];
            road.wait(Duration::from_secs(wait));
            if who < 2 {
                road.pass(&datagram(net, host, port, 100));
            } else if let Some(id) = road.gateway.host_connections(host).and_then(|mut all| all.next()).map(|(id, _)| id) {
                road.gateway.delete_connection(id);
            }
            let mut expected: BTreeMap<IpAddr, Vec<ConnectionId>> = BTreeMap::new();
            for (id, connection) in road.gateway.conntrack().iter() {
                let (owner, _) = road.gateway.owner(connection).expect("an owner");
                expected.entry(owner.address()).or_default().push(id);
            }
            for ip in road.hosts() {
                let (mut listed, mut expected) = (listed(&road, ip), expected.remove(&ip).unwrap_or_default());
                let key = |id: &ConnectionId| format!("{id:?}");
                listed.sort_by_key(key);
                expected.sort_by_key(key);
                prop_assert_eq!(listed, expected);
            }
        }
    }
}
