//! The table as bytes, and back.

use tctable::account::{Class, Groups, HardMark, OverQuota, Period, Quota, SnapshotError};
use tctable::time::Duration;
use tctable::{Config, Gateway};

use super::{datagram, family_of_groups};
use crate::support::{BOTH, Net, Road};

fn configure(net: Net, config: &mut Config) {
    let hard = Some(HardMark { bytes: 5_000, verdict: OverQuota::Drop });
    let quota = Quota { period: Period::Day, soft: Some(1_000), hard };
    config.hosts.quota = Some(quota);
    config.hosts.groups = family_of_groups(net, |group| {
        group.quota = (*group.name == *"all").then_some(quota);
        group.limits.new_connections = 5;
    });
    config.hosts.rates = true;
    config.hosts.links = true;
    config.hosts.max_new_connections = 3;
}

fn road(net: Net) -> Road {
    Road::with(|config| configure(net, config))
}

/// A road on which something of everything has happened: two hosts are there, one is gone.
fn busy(net: Net) -> Road {
    let mut road = road(net);
    road.pass(&datagram(net, net.neighbour, 1, 500));
    road.wait(Duration::from_secs(1_000)).tick();
    assert!(road.hosts().is_empty());
    road.pass(&net.ping(1));
    road.wait(Duration::from_secs(3)).pass(&net.pong(1));
    road.pass(&datagram(net, net.client, 1, 1_500));
    road.pass(&datagram(net, net.client, 2, 100));
    road.wait(Duration::from_millis(1_500));
    road.tick();
    road
}

/// Counters, ids and times of all hosts.
fn describe(gateway: &Gateway) -> Vec<String> {
    let hosts = gateway.hosts().iter().map(|host| {
        let classes = Class::ALL.map(|class| host.class(class));
        let times = (host.first_seen(), host.last_seen(), host.rates(gateway.now()));
        let usage = gateway.host_usage(host.address());
        format!("{} {classes:?} {} {} {times:?} {usage:?}", host.address(), host.connections_opened(), host.next_id())
    });
    let groups = gateway.groups().map(|group| format!("{:?} {:?}", group.classes, group.usage));
    hosts.chain(groups).collect()
}

#[test]
fn it_comes_back_as_it_was() {
    for net in BOTH {
        let road = busy(net);
        let snapshot = road.gateway.snapshot_hosts();
        let mut other = self::road(net);
        other.gateway.restore_hosts(&snapshot).expect("a snapshot");
        assert_eq!(describe(&other.gateway), describe(&road.gateway));
        assert_eq!(other.gateway.snapshot_hosts(), snapshot);
        assert_eq!(other.gateway.now(), road.gateway.now());
        assert!(other.gateway.hosts().iter().all(|host| host.open_connections() == 0));
        // Who was gone is remembered.
        assert_eq!(other.gateway.host_usage(net.neighbour).expect("a usage").used, 500);
    }
}

#[test]
fn life_goes_on_after_a_restart() {
    for net in BOTH {
        let before = busy(net);
        let mut road = self::road(net);
        road.gateway.restore_hosts(&before.gateway.snapshot_hosts()).expect("a snapshot");
        road.now = before.now;
        let used = road.gateway.host_usage(net.client).unwrap().used;
        // Three ids were given.
        assert_eq!(road.pass(&datagram(net, net.client, 9, 100)).id, Some(5));
        assert_eq!(road.gateway.host_usage(net.client).unwrap().used, used + 100);
        let counted = road.host(net.client).unwrap().class(Class::Udp).tx.bytes;
        assert_eq!(counted, 1_700);
        // The quota holds on.
        while road.pass(&datagram(net, net.client, 9, 1_000)).host.is_some() {}
        assert!(road.gateway.host_usage(net.client).unwrap().used <= 5_000);
        // And the host expires as any other.
        road.sleep_until(road.now + Duration::from_secs(2_000));
        assert!(road.hosts().is_empty());
    }
}

#[test]
fn what_is_torn_foreign_or_damaged_is_refused_and_changes_nothing() {
    for net in BOTH {
        let whole = busy(net).gateway.snapshot_hosts();
        let mut road = self::road(net);
        road.pass(&net.pong(1));
        let before = road.gateway.snapshot_hosts();
        let mut refused = |bytes: &[u8]| {
            let error = road.gateway.restore_hosts(bytes).expect_err("it is refused");
            assert_eq!(road.gateway.snapshot_hosts(), before);
            error
        };
        for length in 0..whole.len() {
            assert!(matches!(refused(&whole[..length]), SnapshotError::Torn { there, .. } if there == length as u64));
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert!(matches!(refused(&longer), SnapshotError::Torn { .. }));
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = refused(&damaged);
            let expected = match bit / 8 {
                0..8 => matches!(error, SnapshotError::Foreign),
                8..10 => matches!(error, SnapshotError::Version(_)),
                10..18 => matches!(error, SnapshotError::Torn { .. }),
                _ => error == SnapshotError::Checksum,
            };
            assert!(expected, "bit {bit}: {error:?}");
        }
        assert_eq!(refused(b"{\"hosts\": []}"), SnapshotError::Foreign);
        assert_eq!(refused(&before[..0]).to_string(), "the snapshot is torn: 0 bytes of 22");
    }
}

#[test]
fn hosts_with_open_connections_are_not_replaced() {
    for net in BOTH {
        let snapshot = busy(net).gateway.snapshot_hosts();
        let mut road = self::road(net);
        road.pass(&net.ask());
        assert_eq!(road.gateway.restore_hosts(&snapshot), Err(SnapshotError::InUse));
        road.wait(Duration::from_secs(31)).tick();
        assert_eq!(road.gateway.restore_hosts(&snapshot), Ok(()));
    }
}

#[test]
fn more_hosts_than_there_may_be_are_refused() {
    for net in BOTH {
        let mut before = Road::new();
        before.pass(&net.pong(1));
        before.pass(&datagram(net, net.neighbour, 1, 100));
        let snapshot = before.gateway.snapshot_hosts();
        let mut road = Road::with(|config| config.hosts.max = 1);
        assert_eq!(road.gateway.restore_hosts(&snapshot), Err(SnapshotError::TooManyHosts { hosts: 2, max: 1 }));
    }
}

#[test]
fn ids_that_were_given_since_are_not_given_again() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ping(1));
        let snapshot = road.gateway.snapshot_hosts();
        (2..=5).for_each(|id| _ = road.pass(&net.ping(id)));
        road.wait(Duration::from_secs(31)).tick();
        road.gateway.restore_hosts(&snapshot).expect("a snapshot");
        assert_eq!(road.host(net.client).unwrap().connections_opened(), 1);
        assert_eq!(road.pass(&net.ping(1)).id, Some(6));
        // Nor are those of a host that is not in it.
        assert_eq!(road.pass(&datagram(net, net.neighbour, 1, 100)).id, Some(6));
    }
}

#[test]
fn groups_and_quotas_that_are_others_now_hold() {
    for net in BOTH {
        let before = busy(net);
        let snapshot = before.gateway.snapshot_hosts();
        // No groups, no quota.
        let mut road = Road::new();
        road.gateway.restore_hosts(&snapshot).expect("a snapshot");
        assert_eq!(road.host(net.client).unwrap().class(Class::Udp).tx.bytes, 1_600);
        assert!(road.gateway.host_usage(net.client).is_none());
        // The client is in the neighbour's group now: what it counted stays where it was.
        let mut road = Road::with(|config| {
            configure(net, config);
            let mut groups: Vec<_> = config.hosts.groups.iter().cloned().collect();
            groups[1].members = std::mem::take(&mut groups[0].members);
            config.hosts.groups = Groups::new(groups).unwrap();
            config.hosts.quota = config
                .hosts
                .quota
                .map(|quota| Quota { period: Period::Week { begins: tctable::account::Weekday::Monday }, ..quota });
        });
        road.gateway.restore_hosts(&snapshot).expect("a snapshot");
        let sent = |road: &Road, name: &str| road.gateway.group(name).unwrap().classes[Class::Udp as usize].tx.bytes;
        assert_eq!((sent(&road, "client"), sent(&road, "neighbour"), sent(&road, "all")), (1_600, 500, 2_100));
        road.now = before.now;
        road.pass(&datagram(net, net.client, 1, 100));
        assert_eq!((sent(&road, "client"), sent(&road, "neighbour"), sent(&road, "all")), (1_600, 600, 2_200));
        assert_eq!(road.gateway.host_usage(net.client).unwrap().used, 100);
        let all = |road: &Road| road.gateway.group("all").unwrap().usage.unwrap().used;
        assert_eq!(all(&road), all(&before) + 100);
    }
}
