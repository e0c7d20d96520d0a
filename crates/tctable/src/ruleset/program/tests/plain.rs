//! Matches that look at the packet alone, and those with a memory, as far as rules have to do with it.

use tctable_lab::packets::{Ipv4, Ipv6, ethernet};

use super::super::{CompiledSets, Program};
use super::stage::*;
use crate::hook::{Hook, PacketBuf};
use crate::packet::{Family, Frame, FrameDirection, LinkType, PacketInfo};
use crate::ruleset::{
    Hashlimit, HashlimitMode, HashlimitRate, Header, Iprange, Limit, MarkMatch, Match, Not, Per, Set, SetEntry,
    SetKind, SetMatch, Sets, Statistic, TableName, Target, Time, TtlMatch,
};
use crate::time::Instant;

fn both<T: Clone>(make: impl Fn(Not<T>) -> Match, asked: T, expected: bool, bytes: &[u8]) {
    for (asked, expected) in [(Not::plain(asked.clone()), expected), (not(Not::plain(asked)), !expected)] {
        let asked = make(asked);
        assert_eq!(Stage::new().holds(asked.clone(), &mut forwarded(bytes)), expected, "{asked:?}");
    }
}

#[test]
fn marks_are_asked_under_a_mask() {
    for family in FAMILIES {
        for (value, mask, expected) in
            [(0x1234, u32::MAX, true), (0x34, 0xff, true), (0x35, 0xff, false), (0x1234, 0xff, false)]
        {
            for (asked, expected) in [
                (Not::plain(MarkMatch { value, mask }), expected),
                (not(Not::plain(MarkMatch { value, mask })), !expected),
            ] {
                let bytes = udp(family);
                let mut packet = forwarded(&bytes);
                packet.mark = 0x1234;
                assert_eq!(Stage::new().holds(Match::Mark(asked), &mut packet), expected, "{asked:?}");
            }
        }
    }
}

#[test]
fn lengths_are_those_of_ip_packets_with_their_headers() {
    for family in FAMILIES {
        let bytes = udp(family);
        let length = bytes.len() as u16;
        let padded = [&bytes[..], &[0; 20]].concat();
        for (range, expected) in
            [((length, length), true), ((0, length - 1), false), ((length + 1, 65535), false), ((0, 65535), true)]
        {
            both(Match::Length, range, expected, &bytes);
            both(Match::Length, range, expected, &padded);
        }
    }
}

#[test]
fn ranges_of_addresses_have_their_ends() {
    for (family, first, last) in [(Family::V4, "192.168.0.7", "192.168.0.9"), (Family::V6, "fd00::7", "fd00::1:0")] {
        let [first, last] = [first, last].map(|text| text.parse::<std::net::IpAddr>().expect("an address").into());
        for (asked, source, destination) in
            [(Not::plain((first, last)), true, false), (not(Not::plain((first, last))), false, true)]
        {
            let mut stage = Stage::new();
            let bytes = udp(family);
            let by_source = Match::Iprange(Box::new(Iprange { source: Some(asked), destination: None }));
            assert_eq!(stage.holds(by_source, &mut forwarded(&bytes)), source);
            let by_destination = Match::Iprange(Box::new(Iprange { source: None, destination: Some(asked) }));
            assert_eq!(stage.holds(by_destination.clone(), &mut forwarded(&bytes)), destination);
            assert_eq!(stage.holds(by_destination, &mut forwarded(&udp_answer(family))), source);
            let both = Match::Iprange(Box::new(Iprange { source: Some(asked), destination: Some(asked) }));
            assert!(!stage.holds(both, &mut forwarded(&bytes)));
        }
    }
    let range = ["192.168.0.8", "192.168.0.9"].map(|text| text.parse::<std::net::IpAddr>().expect("an address").into());
    let asked = Iprange { source: Some(Not::plain((range[0], range[1]))), destination: None };
    assert!(!Stage::new().holds(Match::Iprange(Box::new(asked)), &mut forwarded(&udp(Family::V4))));
}

/// A packet in an Ethernet frame from 02:00:00:00:00:01.
fn framed(data: &[u8]) -> PacketBuf<'_> {
    let (direction, link) = (FrameDirection::Unknown, LinkType::Ethernet);
    let frame = Frame { time: NOW, device: ETH0, direction, link, wire_len: data.len() as u32, data };
    let mut packet = PacketBuf::new(frame, PacketInfo::read(&frame).expect("an IP packet"));
    packet.input = Some(ETH0);
    packet
}

#[test]
fn a_mac_address_is_the_frames_source_where_it_has_one() {
    let (own, other) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    for (family, ethertype) in [(Family::V4, 0x0800), (Family::V6, 0x86dd)] {
        let bytes = ethernet(own, other, ethertype, &udp(family));
        for (address, expected) in [(own, true), (other, false)] {
            for (asked, expected) in [(Not::plain(address), expected), (not(Not::plain(address)), !expected)] {
                let mut stage = Stage::new();
                assert_eq!(stage.holds(Match::Mac(asked), &mut framed(&bytes)), expected, "{asked:?}");
                // Neither this nor another one has a packet from elsewhere, or one that the gateway made.
                assert!(!stage.holds(Match::Mac(asked), &mut forwarded(&udp(family))));
                let mut made = framed(&bytes);
                made.input = None;
                assert!(!stage.holds(Match::Mac(asked), &mut made));
            }
        }
    }
}

#[test]
fn ttl_and_hop_limit() {
    let ends = ["fd00::7", "2001:db8::1"].map(|text| text.parse::<std::net::Ipv6Addr>().expect("an address"));
    let v4 = Ipv4 { ttl: 64, ..Ipv4::new([192, 168, 0, 7], [10, 0, 0, 1], 253) }.build(&[]);
    let v6 = Ipv6 { hop_limit: 64, ..Ipv6::new(ends[0], ends[1], 253) }.build(&[]);
    for bytes in [v4, v6] {
        for (asked, expected) in [
            (TtlMatch::Equal(64), true),
            (TtlMatch::Equal(63), false),
            (TtlMatch::NotEqual(64), false),
            (TtlMatch::NotEqual(63), true),
            (TtlMatch::Less(65), true),
            (TtlMatch::Less(64), false),
            (TtlMatch::Greater(63), true),
            (TtlMatch::Greater(64), false),
        ] {
            assert_eq!(Stage::new().holds(Match::Ttl(asked), &mut forwarded(&bytes)), expected, "{asked:?}");
        }
    }
}

#[test]
fn dscp_is_the_upper_six_bits() {
    let ends = ["fd00::7", "2001:db8::1"].map(|text| text.parse::<std::net::Ipv6Addr>().expect("an address"));
    let v4 = Ipv4 { tos: 46 << 2 | 1, ..Ipv4::new([192, 168, 0, 7], [10, 0, 0, 1], 253) }.build(&[]);
    let v6 = Ipv6 { traffic_class: 46 << 2 | 1, ..Ipv6::new(ends[0], ends[1], 253) }.build(&[]);
    for bytes in [v4, v6] {
        both(Match::Dscp, 46, true, &bytes);
        both(Match::Dscp, 45, false, &bytes);
    }
}

#[test]
fn a_comment_asks_nothing() {
    assert!(Stage::new().holds(Match::Comment("why".into()), &mut forwarded(&udp(Family::V4))));
}

#[test]
fn the_time_is_the_packets() {
    let time = |date_start| Time {
        date_start,
        date_stop: i32::MAX as u32,
        day_start: 0,
        day_stop: 86_399,
        month_days: Not::plain(u32::MAX - 1),
        week_days: Not::plain(254),
        contiguous: false,
        kernel_zone: false,
    };
    let bytes = udp(Family::V4);
    assert!(Stage::new().holds(Match::Time(Box::new(time(1_700_000_000))), &mut forwarded(&bytes)));
    assert!(!Stage::new().holds(Match::Time(Box::new(time(1_700_000_001))), &mut forwarded(&bytes)));
    let mut later = Stage::new();
    later.now = Instant::from_secs(1_700_000_001);
    assert!(later.holds(Match::Time(Box::new(time(1_700_000_001))), &mut forwarded(&bytes)));
}

fn set(entries: Vec<SetEntry>) -> Set {
    Set { kind: SetKind::HashIp, family: Family::V4, entries }
}

#[test]
fn sets_are_asked_for_the_source_or_the_destination() {
    let [client, server] = ends(Family::V4).map(|end| end.ip().into());
    for (name, destination, member, expected) in [
        ("own", false, client, true),
        ("own", true, client, false),
        ("own", true, server, true),
        ("other", false, client, false),
    ] {
        for negated in [false, true] {
            let asked = Not { negated, value: SetMatch { name: name.into(), destination } };
            let rule = rule(Header::default(), vec![Match::Set(asked)], Target::Drop);
            let rules = ruleset(Family::V4, TableName::Filter, vec![chain(Hook::Forward, vec![rule])]);
            let mut sets = Sets::default();
            sets.sets.insert("other".into(), set(vec![]));
            sets.sets.insert("own".into(), set(vec![SetEntry { address: member, prefix_len: 32, nomatch: false }]));
            let sets = CompiledSets::new(&sets);
            let mut program = Program::new(Some(rules), None, sets);
            let bytes = udp(Family::V4);
            Stage::new().run(&mut program, TableName::Filter, Hook::Forward, &mut forwarded(&bytes));
            assert_eq!(
                hits(&program, Family::V4, 0),
                [u64::from(expected != negated)],
                "{name} {destination} {negated}"
            );
        }
    }
}

/// What rules with these matches count, over so many packets alternately of UDP and of protocol 253.
fn counted(matches: Vec<Match>, packets: usize) -> u64 {
    let mut program = one(Family::V4, vec![chain(Hook::Forward, vec![rule(Header::default(), matches, Target::None)])]);
    let (udp, other) = (udp(Family::V4), raw(Family::V4, 253, &[]));
    let mut stage = Stage::new();
    for nth in 0..packets {
        let bytes = if nth % 2 == 0 { &udp } else { &other };
        stage.run(&mut program, TableName::Filter, Hook::Forward, &mut forwarded(bytes));
    }
    hits(&program, Family::V4, 0)[0]
}

#[test]
fn a_match_with_a_memory_sees_what_came_so_far_alone() {
    let long = Match::Length(Not::plain((28, 65535)));
    let nth = |every, packet, negated| Match::Statistic(Not { negated, value: Statistic::Nth { every, packet } });
    // Of eight packets four are long: every second of those, and of the others.
    assert_eq!(counted(vec![nth(2, 0, false)], 8), 4);
    assert_eq!(counted(vec![long.clone(), nth(2, 0, false)], 8), 2);
    assert_eq!(counted(vec![nth(2, 0, false), long.clone()], 8), 4);
    assert_eq!(counted(vec![nth(2, 1, false), long.clone()], 8), 0);
    assert_eq!(counted(vec![long.clone(), nth(4, 0, true)], 8), 3);
    let limit = || Match::Limit(Limit { rate: 1, per: Per::Day, burst: 3 });
    assert_eq!(counted(vec![limit(), long.clone()], 8), 2);
    assert_eq!(counted(vec![long, limit()], 8), 3);
}

#[test]
fn chance_comes_from_the_seed() {
    let random = |probability| vec![Match::Statistic(Not::plain(Statistic::Random(probability)))];
    assert_eq!((counted(random(0), 64), counted(random(1 << 31), 64)), (0, 64));
    let half = counted(random(1 << 30), 64);
    assert!((20..=44).contains(&half), "{half}");
    assert_eq!(counted(random(1 << 30), 64), half);
}

#[test]
fn hashlimits_of_one_name_share_a_table() {
    let limit = |name: &str| {
        Match::Hashlimit(Box::new(Hashlimit {
            above: false,
            rate: HashlimitRate::Packets(1, Per::Day),
            burst: 4,
            mode: HashlimitMode::default(),
            source_mask: 32,
            destination_mask: 32,
            name: name.into(),
            size: 0,
            max: 0,
            expire: 86_400_000,
            gc_interval: 1000,
            rate_match: false,
            rate_interval: 0,
        }))
    };
    let rules = ["one", "one", "two"].map(|name| rule(Header::default(), vec![limit(name)], Target::None));
    let mut program = one(Family::V4, vec![chain(Hook::Forward, rules.to_vec())]);
    let bytes = udp(Family::V4);
    for _ in 0..10 {
        Stage::new().run(&mut program, TableName::Filter, Hook::Forward, &mut forwarded(&bytes));
    }
    assert_eq!(hits(&program, Family::V4, 0), [2, 2, 4]);
}
