//! Several hosts that count as one.

use tctable::account::{Class, ClassCounters, Group, Groups, Member};
use tctable::time::Duration;

use super::{datagram, family_of_groups, group_of};
use crate::support::{BOTH, Net, Road, counter};

fn udp(road: &Road, name: &str) -> ClassCounters {
    road.gateway.group(name).expect("a group").classes[Class::Udp as usize]
}

fn sent(road: &Road, name: &str) -> u64 {
    udp(road, name).tx.bytes
}

fn road(net: Net) -> Road {
    Road::with(|config| config.hosts.groups = family_of_groups(net, |_| ()))
}

#[test]
fn what_members_count_counts_for_the_group_and_its_parent() {
    for net in BOTH {
        let mut road = road(net);
        road.pass(&datagram(net, net.client, 1, 100));
        road.pass(&datagram(net, net.neighbour, 1, 200));
        road.pass(&net.answer());
        assert_eq!(udp(&road, "client").tx, counter(1, 100));
        assert_eq!(udp(&road, "client").rx, counter(1, net.answer().len() as u64));
        assert_eq!(udp(&road, "neighbour").tx, counter(1, 200));
        assert_eq!(udp(&road, "all").tx, counter(2, 300));
        let all = road.gateway.group("all").expect("a group");
        assert_eq!((all.members, all.connections, all.parent), (2, 2, None));
        let client = road.gateway.group("client").expect("a group");
        assert_eq!((client.members, client.parent.as_deref()), (1, Some("all")));
        assert_eq!(road.gateway.hosts().group_of(road.host(net.client).expect("a host")).unwrap().name, client.name);
        assert!(road.gateway.group("nobody").is_none());
    }
}

#[test]
fn what_a_host_counted_stays_when_it_expires_and_comes_back() {
    for net in BOTH {
        let mut road = road(net);
        for round in 1..=3 {
            road.pass(&datagram(net, net.client, 1, 100));
            assert_eq!((sent(&road, "client"), sent(&road, "all")), (100 * round, 100 * round));
            road.wait(Duration::from_secs(2_000)).tick();
            assert!(road.hosts().is_empty());
            assert_eq!((sent(&road, "client"), sent(&road, "all")), (100 * round, 100 * round));
            assert_eq!(road.gateway.group("all").expect("a group").members, 0);
        }
    }
}

#[test]
fn a_prefix_counts_all_of_its_hosts() {
    for net in BOTH {
        let prefix = if net.client.is_ipv4() { "192.168.0.0/24" } else { "fd00::/64" };
        let group = Group { members: vec![Member::Prefix(prefix.parse().unwrap())], ..Group::new("home") };
        let mut road = Road::with(|config| config.hosts.groups = Groups::new(vec![group.clone()]).unwrap());
        road.pass(&datagram(net, net.client, 1, 100));
        road.pass(&datagram(net, net.neighbour, 1, 200));
        assert_eq!((sent(&road, "home"), road.gateway.group("home").unwrap().members), (300, 2));
    }
}

#[test]
fn what_was_counted_stays_where_it_was_when_groups_change() {
    for net in BOTH {
        let mut road = road(net);
        road.pass(&datagram(net, net.client, 1, 100));
        road.pass(&datagram(net, net.neighbour, 1, 200));
        // The neighbour moves in with the client; the client stays.
        let together = vec![group_of("client", &[net.client, net.neighbour]), group_of("neighbour", &[])];
        road.gateway.set_groups(Groups::new(together).unwrap());
        assert_eq!((sent(&road, "client"), sent(&road, "neighbour")), (100, 200));
        assert!(road.gateway.group("all").is_none());
        road.pass(&datagram(net, net.client, 1, 1_000));
        road.pass(&datagram(net, net.neighbour, 1, 2_000));
        assert_eq!((sent(&road, "client"), sent(&road, "neighbour")), (3_100, 200));
        assert_eq!(road.gateway.group("client").unwrap().connections, 2);
        // And out again, with nothing of what it counted there before.
        road.gateway.set_groups(family_of_groups(net, |_| ()));
        assert_eq!((sent(&road, "client"), sent(&road, "neighbour"), sent(&road, "all")), (3_100, 200, 3_300));
        road.wait(Duration::from_secs(2_000)).tick();
        assert_eq!((sent(&road, "client"), sent(&road, "neighbour")), (3_100, 200));
        assert_eq!(road.gateway.group("client").unwrap().connections, 0);
    }
}

#[test]
fn groups_that_come_later_count_from_then_on() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&datagram(net, net.client, 1, 100));
        road.gateway.set_groups(family_of_groups(net, |_| ()));
        assert_eq!(road.gateway.group("client").map(|group| (group.members, group.connections)), Some((1, 1)));
        road.pass(&datagram(net, net.client, 1, 200));
        assert_eq!((sent(&road, "client"), sent(&road, "all")), (200, 200));
        road.gateway.set_groups(Groups::default());
        road.pass(&datagram(net, net.client, 1, 200));
        assert_eq!(road.gateway.groups().count(), 0);
    }
}

#[test]
fn a_group_is_read_and_zeroed_in_one_step() {
    for net in BOTH {
        let mut road = road(net);
        road.pass(&datagram(net, net.client, 1, 100));
        road.wait(Duration::from_secs(2_000)).tick();
        road.pass(&datagram(net, net.client, 1, 100));
        road.pass(&datagram(net, net.neighbour, 1, 60));
        let before = road.gateway.zero_group("client").expect("a group");
        assert_eq!(before.classes[Class::Udp as usize].tx, counter(2, 200));
        assert_eq!((sent(&road, "client"), sent(&road, "all")), (0, 60));
        // The host has what it had.
        assert_eq!(road.host(net.client).unwrap().class(Class::Udp).tx, counter(1, 100));
        road.pass(&datagram(net, net.client, 1, 70));
        assert_eq!((sent(&road, "client"), sent(&road, "all")), (70, 130));
        assert_eq!(road.gateway.zero_group("all").unwrap().classes[Class::Udp as usize].tx, counter(2, 130));
        assert_eq!((sent(&road, "client"), sent(&road, "neighbour"), sent(&road, "all")), (0, 0, 0));
        assert!(road.gateway.zero_group("nobody").is_none());
    }
}
