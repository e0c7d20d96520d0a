use std::net::{IpAddr, SocketAddr};

use super::super::sample::{kept, whole};
use super::*;
use crate::ruleset::{HashlimitRate, Per};
use Outcome::{Differs, HotDrop, Matches};
use tctable_lab::packets::{Datagram, Ipv4, Ipv6, icmp_echo, ip, protocol, udp_packet};

const MILLI: u64 = 1_000_000;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * MILLI)
}

fn rule(rate: HashlimitRate, burst: u64) -> Hashlimit {
    Hashlimit {
        above: false,
        rate,
        burst,
        mode: HashlimitMode::default(),
        source_mask: 32,
        destination_mask: 32,
        name: "test".into(),
        size: 0,
        max: 0,
        expire: 60_000,
        gc_interval: 1_000,
        rate_match: false,
        rate_interval: 1,
    }
}

const SLOW: HashlimitRate = HashlimitRate::Packets(1, Per::Minute);

fn with(mode: HashlimitMode) -> Hashlimit {
    Hashlimit { mode, ..rule(SLOW, 1) }
}

fn udp(from: &str, to: &str) -> Vec<u8> {
    let [from, to]: [SocketAddr; 2] = [from, to].map(|text| text.parse().expect("an address"));
    udp_packet(from, to, b"")
}

/// What each of these packets is to the rule, all at once.
fn at_once(rule: &Hashlimit, packets: &[Vec<u8>]) -> Vec<Outcome> {
    let mut tables = HashlimitTables::new();
    let family = whole(&packets[0]).info().tuple.family;
    let handle = tables.register(rule, family);
    packets.iter().map(|packet| tables.matches(handle, rule, &whole(packet), at(1))).collect()
}

#[test]
fn sources_have_limits_of_their_own() {
    let mode = HashlimitMode { source: true, ..Default::default() };
    let v4 = [
        udp("10.0.0.1:1", "10.0.1.1:1"),
        udp("10.0.0.2:1", "10.0.1.1:1"),
        udp("10.0.0.1:2", "10.0.1.2:2"),
        udp("10.0.0.2:1", "10.0.1.1:1"),
    ];
    assert_eq!(at_once(&with(mode), &v4), [Matches, Matches, Differs, Differs]);
    assert_eq!(at_once(&Hashlimit { above: true, ..with(mode) }, &v4), [Differs, Differs, Matches, Matches]);
    assert_eq!(at_once(&Hashlimit { source_mask: 24, ..with(mode) }, &v4), [Matches, Differs, Differs, Differs]);
    assert_eq!(at_once(&Hashlimit { source_mask: 0, ..with(mode) }, &v4[..2]), [Matches, Differs]);
    let v6 =
        [udp("[fd00::1]:1", "[fd01::1]:1"), udp("[fd00::2]:1", "[fd01::1]:1"), udp("[fd00::1:1]:1", "[fd01::1]:1")];
    assert_eq!(at_once(&Hashlimit { source_mask: 128, ..with(mode) }, &v6), [Matches, Matches, Matches]);
    assert_eq!(at_once(&Hashlimit { source_mask: 112, ..with(mode) }, &v6), [Matches, Differs, Matches]);
    assert_eq!(at_once(&Hashlimit { source_mask: 0, ..with(mode) }, &v6), [Matches, Differs, Differs]);
}

#[test]
fn what_the_mode_does_not_name_does_not_count() {
    let packets = [udp("10.0.0.1:1", "10.0.1.1:1"), udp("10.0.0.2:1", "10.0.1.1:2"), udp("10.0.0.1:2", "10.0.1.2:1")];
    let none = HashlimitMode::default();
    for (mode, expected) in [
        (none, [Matches, Differs, Differs]),
        (HashlimitMode { destination: true, ..none }, [Matches, Differs, Matches]),
        (HashlimitMode { source_port: true, ..none }, [Matches, Differs, Matches]),
        (HashlimitMode { destination_port: true, ..none }, [Matches, Matches, Differs]),
        (HashlimitMode { source: true, destination_port: true, ..none }, [Matches, Matches, Differs]),
    ] {
        assert_eq!(at_once(&with(mode), &packets), expected, "{mode:?}");
    }
}

#[test]
fn ports_that_are_not_there_drop_the_packet_and_other_protocols_have_none() {
    let mode = HashlimitMode { source_port: true, ..Default::default() };
    let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse::<IpAddr>().unwrap());
    let short = ip(one, other, protocol::TCP, b"123");
    let ping = |id| ip(one, other, protocol::ICMP, &icmp_echo(false, id, 1, b""));
    let gre = ip(one, other, protocol::GRE, b"12345678");
    assert_eq!(at_once(&with(mode), &[short, ping(1), ping(2), gre]), [HotDrop, Matches, Differs, Differs]);
    // What a capture cut off was there once.
    let whole_packet = udp("10.0.0.1:1", "10.0.1.1:1");
    let mut tables = HashlimitTables::new();
    let handle = tables.register(&with(mode), Family::V4);
    assert_eq!(tables.matches(handle, &with(mode), &kept(&whole_packet, 22), at(1)), Differs);
    // Authentication: the index.
    let ah = |index: u8| ip(one, other, 51, &[6, 0, 0, 0, index, 0, 0, 0]);
    assert_eq!(at_once(&with(mode), &[ah(1), ah(2), ah(1)]), [Matches, Matches, Differs]);
    // IPv6: a chain of headers that says that nothing follows, and one that ends.
    let [one, other] = ["fd00::1", "fd00::2"].map(|text| text.parse::<std::net::Ipv6Addr>().unwrap());
    let nothing = Ipv6::new(one, other, 59).build(b"");
    let cut = Ipv6::new(one, other, 60).build(b"");
    let no_fragment = Ipv6::new(one, other, 44).build(&[6, 0]);
    assert_eq!(at_once(&with(mode), &[nothing, cut, no_fragment]), [HotDrop; 3]);
}

#[test]
fn later_fragments_have_no_ports_in_ipv6_and_whatever_is_there_in_ipv4() {
    let mode = HashlimitMode { source_port: true, ..Default::default() };
    let later = |src: &str, dst: &str, byte: u8| {
        let datagram = Datagram {
            src: src.parse().unwrap(),
            dst: dst.parse().unwrap(),
            protocol: protocol::UDP,
            id: 1,
            payload: vec![byte; 32],
        };
        datagram.fragment(&datagram.pieces(16)[1])
    };
    let v4 = [later("10.0.0.1", "10.0.0.2", 1), later("10.0.0.1", "10.0.0.2", 2)];
    assert_eq!(at_once(&with(mode), &v4), [Matches, Matches]);
    let v6 = [later("fd00::1", "fd00::2", 1), later("fd00::1", "fd00::2", 2)];
    assert_eq!(at_once(&with(mode), &v6), [Matches, Differs]);
}

#[test]
fn rules_of_one_name_and_family_share_a_table() {
    let first = rule(SLOW, 2);
    let second = Hashlimit { above: true, burst: 9, ..first.clone() };
    let other = Hashlimit { name: "other".into(), ..first.clone() };
    let mut tables = HashlimitTables::new();
    let handles = [
        tables.register(&first, Family::V4),
        tables.register(&second, Family::V4),
        tables.register(&other, Family::V4),
        tables.register(&first, Family::V6),
    ];
    assert_eq!(handles, [0, 0, 1, 2]);
    let packet = udp("10.0.0.1:1", "10.0.1.1:1");
    let mut ask = |handle, rule| tables.matches(handle, rule, &whole(&packet), at(1));
    assert_eq!([ask(0, &first), ask(0, &second), ask(0, &second)], [Matches, Differs, Matches]);
    assert_eq!(ask(1, &other), Matches);
    assert_eq!(ask(7, &other), Differs, "no such table");
}

#[test]
fn packets_of_a_rate_pass() {
    let rule = rule(HashlimitRate::Packets(10, Per::Second), 3);
    let mut tables = HashlimitTables::new();
    let handle = tables.register(&rule, Family::V4);
    let packet = udp("10.0.0.1:1", "10.0.1.1:1");
    let mut matches = |millis| tables.matches(handle, &rule, &whole(&packet), at(millis)) == Matches;
    let passed: Vec<u64> = (0..500).filter(|millis| matches(*millis)).collect();
    assert_eq!(passed, [0, 1, 2, 100, 200, 300, 400]);
}

#[test]
fn idle_entries_go_when_the_cleaner_comes() {
    let mode = HashlimitMode { source: true, ..Default::default() };
    let rule = Hashlimit { expire: 1_500, gc_interval: 1_000, ..with(mode) };
    let packet = udp("10.0.0.1:1", "10.0.1.1:1");
    let mut tables = HashlimitTables::new();
    let handle = tables.register(&rule, Family::V4);
    let mut matches = |millis| tables.matches(handle, &rule, &whole(&packet), at(millis));
    // Rounds at 1000, 2000, ...; the entry's time is over at 1500, 3499, 5499.
    assert_eq!(matches(0), Matches);
    assert_eq!(matches(1_999), Differs, "over, but nobody came to look");
    assert_eq!(matches(3_999), Differs, "it was alive at 3000");
    assert_eq!(matches(6_001), Matches, "gone at 6000");
    assert_eq!(matches(6_100), Differs);
    // Rounds that fell into a silence count as if they had been.
    assert_eq!(matches(100_000), Matches);
}

#[test]
fn a_full_table_drops() {
    let mode = HashlimitMode { source: true, ..Default::default() };
    let rule = Hashlimit { size: 1, max: 2, ..with(mode) };
    let packets = [1, 2, 3, 1].map(|host| udp(&format!("10.0.0.{host}:1"), "10.0.1.1:1"));
    assert_eq!(at_once(&rule, &packets), [Matches, Matches, HotDrop, Differs]);
    let max = |size, max| Table::new(&Hashlimit { size, max, ..rule.clone() }, Family::V4).max;
    assert_eq!([max(0, 0), max(4, 0), max(4, 2), max(4, 9)], [65_536, 32, 4, 9]);
    assert_eq!([max(u32::MAX, 0), max(0, u32::MAX)], [8 << 20, 1 << 20]);
}

/// Sizes of packets at these milliseconds that are within the limit.
fn bytes_within(rule: &Hashlimit, packets: &[(u64, usize)]) -> Vec<bool> {
    let mut tables = HashlimitTables::new();
    let handle = tables.register(rule, Family::V4);
    let mut matches = |&(millis, len): &(u64, usize)| {
        let packet = Ipv4::new([10, 0, 0, 1], [10, 0, 0, 2], protocol::GRE).build(&vec![0; len - 20]);
        tables.matches(handle, rule, &whole(&packet), at(millis)) == Matches
    };
    packets.iter().map(&mut matches).collect()
}

#[test]
fn bytes_of_a_second_pass_at_once_and_then_at_the_rate() {
    // 15984 bytes a second are 1000 chunks; 1592 bytes are 100 chunks, a tenth of the credit.
    let rule = rule(HashlimitRate::Bytes(15_984), 0);
    let mut packets = vec![(0, 1_592); 11];
    packets.extend([(99, 1_592), (100, 1_592), (101, 20), (102, 20)]);
    let within = bytes_within(&rule, &packets);
    assert_eq!(within[..11], [[true; 10].as_slice(), &[false]].concat());
    assert_eq!(within[11..], [false, true, false, true]);
}

#[test]
fn a_burst_of_bytes_fills_the_credit_up_so_often() {
    let rule = rule(HashlimitRate::Bytes(15_984), 2 * 15_984);
    let within = bytes_within(&rule, &[(0, 1_592); 40]);
    assert_eq!(within.iter().filter(|within| **within).count(), 30);
    // A packet that costs more than there can be takes all.
    let rule = Hashlimit { rate: HashlimitRate::Bytes(100), burst: 0, ..rule };
    assert_eq!(
        bytes_within(&rule, &[(0, 1_500), (1, 20), (999, 20), (1_200, 1_500), (1_999, 1_500)]),
        [true, false, true, false, true]
    );
}

#[test]
fn a_window_counts_what_came_in_it_and_looks_at_the_one_before() {
    let rule = Hashlimit { rate_match: true, rate_interval: 2, ..rule(HashlimitRate::Packets(3, Per::Second), 1) };
    // Four in a window: the rate and the burst. What came in the first window is more than its rate, so nothing passes in
    // the second one; that one has only three, and so the third one passes.
    let mut packets = vec![(0, 100); 5];
    packets.extend(vec![(2_000, 100); 3]);
    packets.extend(vec![(4_000, 100); 2]);
    let expected = [[true, true, true, true, false].as_slice(), &[false; 3], &[true; 2]].concat();
    assert_eq!(bytes_within(&rule, &packets), expected);
}

#[test]
fn a_window_counts_bytes() {
    // 1600 bytes are kept as 101 chunks less one.
    let rule = Hashlimit { rate_match: true, ..rule(HashlimitRate::Bytes(1_600), 0) };
    assert_eq!(bytes_within(&rule, &[(0, 1_500), (1, 100), (2, 20)]), [true, true, false]);
    let rule = Hashlimit { burst: 3_200, ..rule };
    assert_eq!(bytes_within(&rule, &[(0, 1_500), (1, 1_500), (2, 200), (3, 20)]), [true, true, true, false]);
}

#[test]
fn the_greatest_numbers_do_no_harm() {
    for rate in [
        HashlimitRate::Bytes(u64::MAX),
        HashlimitRate::Bytes(0),
        HashlimitRate::Packets(u64::MAX, Per::Second),
        HashlimitRate::Packets(0, Per::Day),
    ] {
        for rate_match in [false, true] {
            let rule = Hashlimit {
                rate_match,
                rate_interval: u32::MAX,
                gc_interval: 0,
                expire: u32::MAX,
                source_mask: u8::MAX,
                ..rule(rate, u64::MAX)
            };
            let mut tables = HashlimitTables::new();
            let handle = tables.register(&rule, Family::V6);
            let packet = udp("[fd00::1]:1", "[fd01::1]:1");
            for now in [Instant::ZERO, Instant::MAX, Instant::ZERO] {
                tables.matches(handle, &rule, &whole(&packet), now);
            }
        }
    }
}
