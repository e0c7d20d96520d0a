//! Copies of two host tables in one.

use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::prelude::*;
use tctable::account::{Class, Group, Groups, Host, HostBook, Inside, Member};
use tctable::conntrack::Counter;
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};
use tctable_lab::packets::udp_packet;

#[derive(Clone, Copy, Debug)]
enum Step {
    Send(u8),
    Zero(u8),
    Delete(u8),
    Time(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1u8..20).prop_map(Step::Send),
        1 => (1u8..20).prop_map(Step::Zero),
        1 => (1u8..20).prop_map(Step::Delete),
        1 => (0u16..400).prop_map(Step::Time),
    ]
}

fn config() -> Config {
    let group = |name: &str, prefix: &str| Group {
        members: vec![Member::Prefix(prefix.parse().expect("a prefix"))],
        ..Group::new(name)
    };
    let mut config = Config { inside: Inside::new(&Inside::default_prefixes()), ..Config::default() };
    config.hosts.groups =
        Groups::new(vec![group("low", "192.168.0.0/29"), group("high", "192.168.0.8/29")]).expect("sensible");
    config.hosts.timeout = Duration::from_secs(300);
    config.hosts.rates = true;
    config
}

fn run(steps: &[Step]) -> Gateway {
    let mut gateway = Gateway::new(config());
    let mut now = Instant::from_secs(1_700_000_000);
    for step in steps {
        let address = |host: &u8| IpAddr::from([192, 168, 0, *host]);
        match step {
            Step::Send(host) => {
                now += Duration::from_millis(700);
                let data = udp_packet((address(host), 1000).into(), ([198, 51, 100, 1], 53).into(), &[0; 9]);
                gateway.receive([Frame {
                    time: now,
                    device: DeviceId(0),
                    direction: FrameDirection::Inbound,
                    link: LinkType::Raw,
                    wire_len: data.len() as u32,
                    data: &data,
                }]);
            }
            Step::Zero(host) => drop(gateway.zero_host(address(host))),
            Step::Delete(host) => drop(gateway.delete_host(address(host))),
            Step::Time(seconds) => {
                now += Duration::from_secs((*seconds).into());
                gateway.handle_timeout(now);
            }
        }
    }
    gateway
}

fn book(gateway: &mut Gateway) -> HostBook {
    let mut book = HostBook::default();
    let mut pass = gateway.begin_host_pass(true);
    while let Some(page) = gateway.host_page(&mut pass, 5) {
        book.apply(&page).expect("a page");
    }
    book
}

/// What each host counted in either direction, and how many connections it opened.
type Hosts = BTreeMap<IpAddr, (Counter, Counter, u64)>;

fn add(sum: &mut Hosts, gateway: &Gateway) {
    for host in gateway.hosts().iter() {
        let (tx, rx, opened) = sum.entry(host.address()).or_default();
        for class in Class::ALL {
            *tx += host.class(class).tx;
            *rx += host.class(class).rx;
        }
        *opened += host.connections_opened();
    }
}

fn groups(gateway: &Gateway) -> Vec<(Counter, Counter)> {
    let sum = |group: tctable::account::GroupReport| {
        group.classes.iter().fold((Counter::default(), Counter::default()), |(mut tx, mut rx), class| {
            tx += class.tx;
            rx += class.rx;
            (tx, rx)
        })
    };
    gateway.groups().map(sum).collect()
}

proptest! {
    #[test]
    fn hosts_of_two_tables_are_added_up(
        one in proptest::collection::vec(step(), 0..60),
        other in proptest::collection::vec(step(), 0..60),
    ) {
        let (mut one, mut other) = (run(&one), run(&other));
        let mut expected = Hosts::new();
        add(&mut expected, &one);
        add(&mut expected, &other);
        let mut book_of_both = book(&mut one);
        book_of_both.add(book(&mut other));
        // The same as one page.
        let mut read = HostBook::default();
        read.apply(&book_of_both.page()).expect("a page");
        prop_assert_eq!(read.snapshot(), book_of_both.snapshot());
        let mut both = Gateway::new(config());
        both.restore_hosts(&book_of_both.snapshot()).expect("a snapshot");
        let mut told = Hosts::new();
        add(&mut told, &both);
        prop_assert_eq!(told, expected);
        // No id is given twice.
        let next = |gateway: &Gateway, host: &Host| gateway.host(host.address()).map_or(0, Host::next_id);
        for host in both.hosts().iter() {
            prop_assert!(host.next_id() >= next(&one, host).max(next(&other, host)));
        }
        let sums: Vec<_> = groups(&one)
            .into_iter()
            .zip(groups(&other))
            .map(|((mut tx, mut rx), more)| {
                tx += more.0;
                rx += more.1;
                (tx, rx)
            })
            .collect();
        prop_assert_eq!(groups(&both), sums);
    }
}
