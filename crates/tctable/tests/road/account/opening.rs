//! What a group may open.

use tctable::account::Limits;
use tctable::time::Duration;

use super::{datagram, family_of_groups};
use crate::support::{BOTH, Net, Road, counter};

fn road(net: Net, name: &'static str, limits: Limits) -> Road {
    let limit = move |group: &mut tctable::account::Group| {
        if *group.name == *name {
            group.limits = limits;
        }
    };
    Road::with(|config| config.hosts.groups = family_of_groups(net, limit))
}

fn opens(road: &mut Road, packet: &[u8]) -> bool {
    match road.line(packet).as_str() {
        "-" => false,
        line => {
            assert!(line.starts_with("NEW"), "{line}");
            true
        }
    }
}

#[test]
fn connections_of_all_members_together() {
    for net in BOTH {
        let mut road = road(net, "all", Limits { connections: 3, new_connections: 0 });
        for (host, port) in [(net.client, 1), (net.neighbour, 1), (net.client, 2)] {
            assert!(opens(&mut road, &datagram(net, host, port, 100)));
        }
        for host in [net.client, net.neighbour] {
            assert!(!opens(&mut road, &datagram(net, host, 9, 100)));
        }
        assert_eq!(road.gateway.totals().unaccounted.group_limit, counter(2, 200));
        assert_eq!(road.gateway.group("all").unwrap().connections, 3);
        // Those that are open go on, what others open is theirs, and others may.
        assert!(opens(&mut road, &datagram(net, net.client, 2, 100)));
        assert!(road.line(&super::udp_packet(net.to(), net.from(), b"")).starts_with("NEW"));
        let stranger = net.client;
        let stranger = match stranger {
            std::net::IpAddr::V4(_) => "10.9.9.9".parse().unwrap(),
            std::net::IpAddr::V6(_) => "fd99::9".parse().unwrap(),
        };
        assert!(opens(&mut road, &datagram(net, stranger, 1, 100)));
        road.wait(Duration::from_secs(31)).tick();
        assert_eq!(road.gateway.group("all").unwrap().connections, 0);
        assert!(opens(&mut road, &datagram(net, net.neighbour, 9, 100)));
    }
}

#[test]
fn what_is_open_already_counts_for_a_limit_that_comes_later() {
    for net in BOTH {
        let mut road = road(net, "all", Limits::default());
        for (host, port) in [(net.client, 1), (net.neighbour, 1)] {
            assert!(opens(&mut road, &datagram(net, host, port, 100)));
        }
        assert_eq!(road.gateway.group("all").unwrap().connections, 2);
        let limit = |group: &mut tctable::account::Group| group.limits.connections = 3;
        road.gateway.set_groups(family_of_groups(net, limit));
        assert!(opens(&mut road, &datagram(net, net.client, 2, 100)));
        assert!(!opens(&mut road, &datagram(net, net.client, 3, 100)));
        // Lifted, something else limited meanwhile, and back again.
        road.gateway.set_groups(family_of_groups(net, |_| {}));
        assert!(opens(&mut road, &datagram(net, net.client, 4, 100)));
        road.gateway.set_groups(family_of_groups(net, |group| group.limits.connections = 5));
        assert!(opens(&mut road, &datagram(net, net.client, 5, 100)));
        assert!(!opens(&mut road, &datagram(net, net.neighbour, 6, 100)));
        assert_eq!(road.gateway.group("all").unwrap().connections, 5);
    }
}

#[test]
fn a_host_that_is_not_there_yet_is_held_to_its_groups_limit() {
    for net in BOTH {
        let mut road = road(net, "all", Limits { connections: 1, new_connections: 0 });
        assert!(opens(&mut road, &datagram(net, net.client, 1, 100)));
        assert!(!opens(&mut road, &datagram(net, net.neighbour, 1, 100)));
        assert_eq!(road.hosts(), [net.client]);
    }
}

#[test]
fn new_connections_of_all_members_together() {
    for net in BOTH {
        let mut road = road(net, "all", Limits { connections: 0, new_connections: 4 });
        for port in 1..=2 {
            for host in [net.client, net.neighbour] {
                assert!(opens(&mut road, &datagram(net, host, port, 100)));
            }
        }
        assert!(!opens(&mut road, &datagram(net, net.client, 9, 100)));
        assert_eq!(road.gateway.totals().unaccounted.group_rate_limit, counter(1, 100));
        road.wait(Duration::from_millis(250));
        assert!(opens(&mut road, &datagram(net, net.client, 9, 100)));
        assert!(!opens(&mut road, &datagram(net, net.neighbour, 9, 100)));
    }
}

#[test]
fn a_member_that_leaves_takes_its_connections_along() {
    for net in BOTH {
        let limited = |group: &mut tctable::account::Group| group.limits.connections = 1;
        let mut road = Road::with(|config| config.hosts.groups = family_of_groups(net, limited));
        assert!(opens(&mut road, &datagram(net, net.client, 1, 100)));
        assert!(!opens(&mut road, &datagram(net, net.neighbour, 1, 100)));
        // The same groups, but the client is in none.
        let mut groups: Vec<_> = family_of_groups(net, limited).iter().cloned().collect();
        groups[0].members.clear();
        road.gateway.set_groups(tctable::account::Groups::new(groups).unwrap());
        assert!(opens(&mut road, &datagram(net, net.neighbour, 1, 100)));
        assert_eq!(road.gateway.group("all").unwrap().connections, 1);
        road.wait(Duration::from_secs(31)).tick();
        assert_eq!(road.gateway.group("all").unwrap().connections, 0);
    }
}
