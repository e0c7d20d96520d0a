//! Bytes in a period, and what happens when there are too many.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tctable::account::{
    Class, Customer, Groups, HardMark, MarkReached, OverQuota, Period, Quota, QuotaMark, Usage, UtcOffset,
};
use tctable::time::{Duration, Instant};
use tctable::{Config, Event};
use tctable_lab::packets::udp_packet;

use super::{datagram, family_of_groups, group_of};
use crate::support::{BOTH, Net, Road, START, counter};

/// 00:00 UTC after the tests' beginning, which is at 22:13:20.
const MIDNIGHT: Instant = Instant::from_secs(1_700_006_400);

fn daily(soft: Option<u64>, hard: Option<(u64, OverQuota)>) -> Option<Quota> {
    let hard = hard.map(|(bytes, verdict)| HardMark { bytes, verdict });
    Some(Quota { period: Period::Day, soft, hard })
}

fn of_each_host(quota: Option<Quota>) -> Road {
    road(|config| config.hosts.quota = quota)
}

fn road(change: impl FnOnce(&mut Config)) -> Road {
    Road::with(|config| {
        config.events.quota_marks = true;
        change(config);
    })
}

fn reached(road: &mut Road) -> Vec<(Customer, QuotaMark, u64)> {
    let reached = road.events().into_iter().filter_map(|event| match event {
        Event::QuotaMark(reached) => {
            let MarkReached { customer, mark, used, .. } = *reached;
            Some((customer, mark, used))
        }
        _ => None,
    });
    reached.collect()
}

fn usage(road: &Road, ip: IpAddr) -> Usage {
    road.gateway.host_usage(ip).expect("a usage")
}

/// Whether a packet of so many bytes of the client's passes.
fn sends(road: &mut Road, net: Net, bytes: u64) -> bool {
    road.pass(&datagram(net, net.client, 1, bytes)).host.is_some()
}

#[test]
fn not_a_byte_more_than_the_hard_mark() {
    for net in BOTH {
        let mut road = of_each_host(daily(None, Some((1_000, OverQuota::Drop))));
        assert!(sends(&mut road, net, 900));
        assert!(sends(&mut road, net, 100));
        assert!(reached(&mut road).is_empty());
        assert!(!sends(&mut road, net, 100));
        assert_eq!(reached(&mut road), [(Customer::Host(net.client), QuotaMark::Hard, 1_000)]);
        // Dropped after it was judged: it opened and changed what it did, and counted for nobody.
        assert_eq!(road.line(&net.ping(1)), "-");
        assert_eq!(road.gateway.conntrack().count(), 1);
        let totals = road.gateway.totals();
        assert_eq!(totals.unaccounted.quota, counter(2, 100 + net.ping(1).len() as u64));
        assert_eq!((totals.tx(), totals.unaccounted.ip()), (counter(2, 1_000), totals.unaccounted.quota));
        assert_eq!((usage(&road, net.client).used, usage(&road, net.client).hard), (1_000, true));
        assert!(reached(&mut road).is_empty());
        // Others have their own.
        assert!(road.pass(&datagram(net, net.neighbour, 1, 1_000)).host.is_some());
    }
}

#[test]
fn who_came_to_the_mark_stays_there_also_with_what_would_fit() {
    for net in BOTH {
        let mut road = of_each_host(daily(None, Some((1_000, OverQuota::Drop))));
        assert!(sends(&mut road, net, 800));
        assert!(!sends(&mut road, net, 300));
        assert!(!sends(&mut road, net, 100));
        assert_eq!(usage(&road, net.client).used, 800);
    }
}

#[test]
fn sent_and_received_count_together() {
    for net in BOTH {
        let mut road = of_each_host(daily(None, Some((1_000, OverQuota::Drop))));
        assert!(sends(&mut road, net, 600));
        let answer = udp_packet(net.to(), std::net::SocketAddr::new(net.client, 1), &[0; 500]);
        assert_eq!(road.pass(&answer).host, None);
        assert_eq!(usage(&road, net.client).used, 600);
    }
}

#[test]
fn the_soft_mark_is_told_once_and_hinders_nobody() {
    for net in BOTH {
        let mut road = of_each_host(daily(Some(1_000), None));
        assert!(sends(&mut road, net, 999));
        assert!(reached(&mut road).is_empty() && !usage(&road, net.client).soft);
        assert!(sends(&mut road, net, 50));
        assert_eq!(reached(&mut road), [(Customer::Host(net.client), QuotaMark::Soft, 999)]);
        assert!(sends(&mut road, net, 5_000));
        assert!(reached(&mut road).is_empty() && usage(&road, net.client).soft);
    }
}

#[test]
fn beyond_the_hard_mark_packets_may_carry_a_mark() {
    for net in BOTH {
        let mut road = of_each_host(daily(None, Some((1_000, OverQuota::Mark(7)))));
        let mark = |road: &mut Road, bytes| road.pass(&datagram(net, net.client, 1, bytes)).quota_mark;
        assert_eq!([900, 100, 50, 1_000].map(|bytes| mark(&mut road, bytes)), [None, None, Some(7), Some(7)]);
        assert_eq!(road.pass(&net.ping(1)).quota_mark, Some(7));
        assert_eq!(reached(&mut road), [(Customer::Host(net.client), QuotaMark::Hard, 1_000)]);
        assert_eq!(usage(&road, net.client).used, 2_050 + net.ping(1).len() as u64);
        assert_eq!(road.gateway.totals().unaccounted.quota.packets, 0);
        assert_eq!(road.pass(&datagram(net, net.neighbour, 1, 100)).quota_mark, None);
    }
}

#[test]
fn a_new_period_begins_at_local_midnight_to_the_nanosecond() {
    for net in BOTH {
        for (offset, midnight) in [(0, MIDNIGHT), (3_600, MIDNIGHT + Duration::from_secs(82_800))] {
            let mut road = road(|config| {
                config.hosts.quota = daily(None, Some((1_000, OverQuota::Drop)));
                config.hosts.utc_offset = UtcOffset::from_secs(offset).unwrap();
            });
            road.now = Instant::from_nanos(midnight.as_nanos() - 1);
            assert!(sends(&mut road, net, 900));
            assert!(!sends(&mut road, net, 900));
            let before = usage(&road, net.client);
            assert_eq!((before.used, before.span.ends), (900, midnight));
            road.now = midnight;
            road.tick();
            let after = usage(&road, net.client);
            assert_eq!((after.used, after.previous, after.hard), (0, 900, false));
            assert_eq!(after.span.begins, midnight);
            assert!(sends(&mut road, net, 950));
            assert!(!sends(&mut road, net, 100));
            assert_eq!(reached(&mut road).len(), 2);
            assert_eq!((usage(&road, net.client).used, usage(&road, net.client).previous), (950, 900));
            // A day without anything.
            road.wait(Duration::from_secs(2 * 86_400)).pass(&net.pong(1));
            assert_eq!(usage(&road, net.client).previous, 0);
        }
    }
}

#[test]
fn a_loan_of_yesterday_is_yesterdays() {
    for net in BOTH {
        // Large enough that bytes are lent in advance.
        let mut road = of_each_host(daily(Some(500_000), Some((1_000_000, OverQuota::Drop))));
        road.now = Instant::from_nanos(MIDNIGHT.as_nanos() - 1);
        for packet in [net.ping(1), net.ask(), net.out("S")] {
            road.pass(&packet);
        }
        let yesterday = usage(&road, net.client).used;
        road.now = MIDNIGHT;
        assert!(sends(&mut road, net, 1_000));
        let today = usage(&road, net.client);
        assert_eq!((today.used, today.previous), (1_000, yesterday));
        road.pass(&net.pong(1));
        let packets = (1_000_000 - 1_000 - net.pong(1).len() as u64) / 1_000;
        assert!((0..packets).all(|_| sends(&mut road, net, 1_000)));
        assert!(!sends(&mut road, net, 1_000));
        assert_eq!(reached(&mut road).len(), 2);
        assert_eq!(usage(&road, net.client).previous, yesterday);
    }
}

#[test]
fn what_a_host_used_is_remembered_when_it_goes() {
    for net in BOTH {
        let mut road = of_each_host(daily(None, Some((1_000, OverQuota::Drop))));
        road.now = MIDNIGHT;
        assert!(sends(&mut road, net, 900));
        road.wait(Duration::from_secs(2_000)).tick();
        assert!(road.hosts().is_empty());
        assert_eq!(usage(&road, net.client).used, 900);
        assert!(!sends(&mut road, net, 200));
        road.wait(Duration::from_secs(2_000)).tick();
        assert!(!sends(&mut road, net, 100), "it had come to its mark");
        assert!(road.gateway.delete_host(net.client).is_some());
        assert!(!sends(&mut road, net, 100));
        // Until the period is over.
        road.wait(Duration::from_secs(86_400)).tick();
        assert!(sends(&mut road, net, 1_000));
        assert_eq!(road.gateway.hosts().usages_forgotten(), 0);
    }
}

/// Another host of the client's network.
fn other(net: Net, number: u8) -> IpAddr {
    match net.client {
        IpAddr::V4(_) => Ipv4Addr::new(192, 168, 7, number).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0xfd00, 7, 0, 0, 0, 0, 0, number.into()).into(),
    }
}

#[test]
fn many_members_use_a_groups_quota_to_the_last_packet() {
    const SIZE: u64 = 1_000;
    for net in BOTH {
        let members: Vec<IpAddr> = (0..20).map(|number| other(net, number)).collect();
        for packets in [1, 19, 20, 400, 5_000] {
            let mut group = group_of("home", &members);
            group.quota = daily(Some(packets / 2 * SIZE + 1), Some((packets * SIZE + SIZE / 2, OverQuota::Drop)));
            let mut road = road(|config| config.hosts.groups = Groups::new(vec![group]).unwrap());
            let mut passed = 0;
            // All of them borrow, and some go on alone.
            let first = (0..200u64).map(|nth| nth % 20);
            for nth in first.chain((0..packets).map(|nth| nth % 3)) {
                let counted = road.pass(&datagram(net, members[nth as usize], 1, SIZE)).host.is_some();
                passed += u64::from(counted);
                let usage = road.gateway.group("home").unwrap().usage.expect("a quota");
                assert_eq!(usage.used, passed * SIZE);
                assert_eq!(usage.soft, usage.used > packets / 2 * SIZE || usage.hard && packets == 1, "{packets}");
                assert_eq!(counted, !usage.hard);
            }
            assert_eq!(passed, packets.min(200 + packets));
            let marks: Vec<QuotaMark> = reached(&mut road).into_iter().map(|(_, mark, _)| mark).collect();
            assert_eq!(marks, [QuotaMark::Soft, QuotaMark::Hard]);
        }
    }
}

#[test]
fn whoever_pays_may_refuse() {
    for net in BOTH {
        for (name, client, neighbour) in [("client", 3, 9), ("all", 3, 0), ("nobody", 9, 9)] {
            let hard = |group: &mut tctable::account::Group| {
                if *group.name == *name {
                    group.quota = daily(None, Some((300, OverQuota::Drop)));
                }
            };
            let mut road = road(|config| config.hosts.groups = family_of_groups(net, hard));
            let mut sent = |from| (0..9).filter(|_| road.pass(&datagram(net, from, 1, 100)).host.is_some()).count();
            assert_eq!((sent(net.client), sent(net.neighbour)), (client, neighbour), "{name}");
        }
    }
}

#[test]
fn neither_end_counts_what_the_other_may_not() {
    for net in BOTH {
        let quota = |group: &mut tctable::account::Group| match &*group.name {
            // So much that bytes are lent in advance.
            "client" => group.quota = daily(None, Some((1_000_000, OverQuota::Drop))),
            "neighbour" => group.quota = daily(None, Some((1_000, OverQuota::Drop))),
            _ => {}
        };
        let mut road = road(|config| config.hosts.groups = family_of_groups(net, quota));
        let across = |bytes: usize| {
            let payload = vec![0; bytes - net.header() as usize - 8];
            udp_packet((net.client, 1).into(), (net.neighbour, 1).into(), &payload)
        };
        assert!(road.pass(&across(800)).host.is_some());
        assert!(road.pass(&across(800)).host.is_none());
        let used = |road: &Road, name: &str| road.gateway.group(name).unwrap().usage.unwrap().used;
        assert_eq!((used(&road, "client"), used(&road, "neighbour")), (800, 800));
        assert_eq!(road.gateway.totals().inside_to_inside, counter(1, 800));
        // What it was lent for that packet can still be used.
        assert!((0..999).all(|_| sends(&mut road, net, 1_000)));
        assert!(!sends(&mut road, net, 1_000));
        assert_eq!(used(&road, "client"), 999_800);
    }
}

#[test]
fn what_was_made_room_for_and_dropped_does_not_make_room_for_another() {
    for net in BOTH {
        let quota = |group: &mut tctable::account::Group| match &*group.name {
            "client" => group.quota = daily(None, Some((100, OverQuota::Mark(7)))),
            "neighbour" => group.quota = daily(None, Some((0, OverQuota::Drop))),
            _ => {}
        };
        let mut road = road(|config| config.hosts.groups = family_of_groups(net, quota));
        assert_eq!(road.pass(&datagram(net, net.client, 1, 101)).quota_mark, Some(7));
        let across = udp_packet((net.client, 1).into(), (net.neighbour, 1).into(), &[0; 500]);
        assert!(road.pass(&across).host.is_none());
        assert_eq!(road.pass(&datagram(net, net.client, 1, 200)).quota_mark, Some(7));
        assert_eq!(road.gateway.group("client").unwrap().usage.unwrap().used, 301);
    }
}

#[test]
fn both_ends_of_one_group_pay_for_both() {
    for net in BOTH {
        let quota = |group: &mut tctable::account::Group| {
            if *group.name == *"all" {
                group.quota = daily(None, Some((1_000, OverQuota::Drop)));
            }
        };
        for to in [net.neighbour, net.client] {
            let mut road = road(|config| config.hosts.groups = family_of_groups(net, quota));
            let payload = vec![0; 250 - net.header() as usize - 8];
            let packet = udp_packet((net.client, 1).into(), (to, 1).into(), &payload);
            let passed = (0..5).filter(|_| road.pass(&packet).host.is_some()).count();
            assert_eq!((passed, road.gateway.group("all").unwrap().usage.unwrap().used), (2, 1_000));
            assert_eq!(road.gateway.totals().unaccounted.quota, counter(3, 750));
        }
    }
}

#[test]
fn marks_may_be_moved_while_packets_pass() {
    for net in BOTH {
        let mut road = of_each_host(None);
        assert!(sends(&mut road, net, 700));
        assert!(road.gateway.host_usage(net.client).is_none());
        road.gateway.set_host_quota(daily(None, Some((1_000, OverQuota::Drop))));
        // What was before does not count.
        assert!(sends(&mut road, net, 900));
        assert!(!sends(&mut road, net, 200));
        road.gateway.set_host_quota(daily(Some(1_100), Some((2_000, OverQuota::Drop))));
        assert_eq!((usage(&road, net.client).used, usage(&road, net.client).hard), (900, false));
        assert!(sends(&mut road, net, 1_100));
        assert!(!sends(&mut road, net, 100));
        // Lower than what was used.
        road.gateway.set_host_quota(daily(None, Some((1_500, OverQuota::Mark(3)))));
        assert_eq!(road.pass(&datagram(net, net.client, 1, 100)).quota_mark, Some(3));
        // Another period begins anew, none holds nobody.
        let monthly = Period::Month { begins: tctable::account::MonthDay::new(1).unwrap() };
        road.gateway.set_host_quota(daily(None, None).map(|quota| Quota { period: monthly, ..quota }));
        assert_eq!(usage(&road, net.client).used, 0);
        road.gateway.set_host_quota(None);
        assert_eq!(road.pass(&datagram(net, net.client, 1, 100)).quota_mark, None);
    }
}

#[test]
fn an_open_connection_is_not_cut_from_what_it_was_told() {
    for net in BOTH {
        let mut road = of_each_host(daily(None, Some((100, OverQuota::Drop))));
        // Its answer is dropped at the host's account, but conntrack has seen it.
        let mut syn = road.pass(&net.out("S"));
        assert!(syn.host.is_some());
        syn = road.pass(&net.back("S."));
        let fits = 2 * (net.header() + 20) <= 100;
        assert_eq!(syn.host.is_some(), fits);
        let (_, connection) = road.connection();
        assert_eq!(crate::support::packets(connection), [1, 1]);
        road.pass(&net.out("."));
        road.pass(&net.out("."));
        // The host knows that it is assured, though that packet was dropped.
        assert_eq!(road.host(net.client).unwrap().unassured_connections(), 0);
        assert_eq!(road.host(net.client).unwrap().class(Class::Tcp).tx.packets, 1);
        road.sleep_until(START + Duration::from_secs(500_000));
        assert!(road.gateway.hosts().is_empty());
    }
}
