//! The index of a long chain against a plain walk.

use proptest::prelude::*;
use tctable_lab::packets::{Ipv4, Ipv6, Tcp, icmp_echo, ip, tcp_packet, udp_packet};

use super::super::Program;
use super::stage::*;
use crate::hook::Hook;
use crate::packet::{Address, Family};
use crate::ruleset::{
    Chain, Header, Masked, Match, Multiport, MultiportSide, Not, PortRange, PortsMatch, Rule, Statistic, TableName,
    Target, TcpMatch,
};

/// Takes the indexes away.
fn plain(mut program: Program) -> Program {
    for rules in [&mut program.v4, &mut program.v6].into_iter().flatten() {
        for chain in rules.tables.iter_mut().flat_map(|table| &mut table.chains) {
            chain.index = None;
        }
    }
    program
}

/// Few addresses, so that rules and packets meet.
fn address(family: Family, number: u8) -> Address {
    let (a, b, c) = (number & 1, number >> 1 & 1, number >> 2 & 3);
    match family {
        Family::V4 => Address::from_v4_bits(u32::from_be_bytes([10, a, b, c])),
        Family::V6 => Address::from_v6_bits(0xfd << 120 | u128::from(a) << 80 | u128::from(b) << 64 | u128::from(c)),
    }
}

fn masked(family: Family) -> impl Strategy<Value = Option<Not<Masked>>> {
    let full = if family == Family::V4 { 32 } else { 128 };
    let bits = prop_oneof![4 => Just(full), 1 => Just(0), 1 => Just(8), 4 => 0..=full];
    let one = (0u8..16, bits, prop::bool::weighted(0.1), prop::bool::weighted(0.1)).prop_map(
        move |(number, bits, negated, gap)| {
            let mut mask = match family {
                Family::V4 => Address::from_v4_bits(u32::MAX.checked_shl(32 - bits).unwrap_or_default()),
                Family::V6 => Address::from_v6_bits(u128::MAX.checked_shl(128 - bits).unwrap_or_default()),
            };
            if gap {
                mask.low &= !0xfe;
            }
            let address = address(family, number);
            let address = Address { high: address.high & mask.high, low: address.low & mask.low };
            Not { negated, value: Masked { address, mask } }
        },
    );
    prop_oneof![1 => Just(None), 2 => one.prop_map(Some)]
}

fn port() -> impl Strategy<Value = Option<Not<PortRange>>> {
    let one = (0u16..4, 0u16..2, prop::bool::weighted(0.1))
        .prop_map(|(first, more, negated)| Not { negated, value: PortRange { first, last: first + more } });
    prop_oneof![1 => Just(None), 1 => one.prop_map(Some)]
}

fn ports_match() -> impl Strategy<Value = PortsMatch> {
    (port(), port()).prop_map(|(source, destination)| PortsMatch { source, destination })
}

fn matches(protocol: u8) -> impl Strategy<Value = Vec<Match>> {
    let one = (ports_match(), any::<u8>(), 0u32..3).prop_map(move |(ports, kind, packet)| {
        let tcp =
            Match::Tcp(TcpMatch { ports, option: (kind & 1 == 1).then_some(Not::plain(2)), ..TcpMatch::default() });
        let multiport = Multiport {
            side: MultiportSide::Either,
            ports: ports.source.map(|asked| asked.value).into_iter().collect(),
        };
        match (kind % 8, protocol) {
            (0..4, 6) => tcp,
            (0..4, 17) => Match::Udp(ports),
            (4, 6 | 17) => Match::Multiport(Not::plain(multiport)),
            (5, _) => Match::Statistic(Not::plain(Statistic::Random(1 << 30))),
            (6, _) => Match::Length(Not { negated: packet == 0, value: (0, 48) }),
            _ => Match::Statistic(Not::plain(Statistic::Nth { every: 3, packet })),
        }
    });
    prop::collection::vec(one, 0..3)
}

fn any_rule(family: Family, chain: usize, chains: usize) -> impl Strategy<Value = Rule> {
    let target = prop_oneof![
        6 => Just(Target::None),
        2 => Just(Target::Accept),
        1 => Just(Target::Drop),
        1 => Just(Target::Return),
        // Chains lead to later ones alone, so no walk has a circle.
        2 => (chain + 1..=chains).prop_map(move |to| if to < chains { Target::Jump(to as u16) } else { Target::None }),
        1 => (chain + 1..=chains).prop_map(move |to| if to < chains { Target::Goto(to as u16) } else { Target::None }),
    ];
    let protocol = prop_oneof![1 => Just(0u8), 3 => Just(6), 3 => Just(17), 1 => Just(1), 1 => Just(60)];
    let device_name = prop::option::weighted(0.1, prop_oneof![Just("eth0"), Just("eth1")]);
    (masked(family), masked(family), device_name, protocol, prop::bool::weighted(0.1), target).prop_flat_map(
        |(source, destination, input, protocol, negated, target)| {
            let asked = (protocol != 0).then_some(Not { negated, value: protocol });
            let own = if negated { 0 } else { protocol };
            matches(own).prop_map(move |matches| {
                let input = input.map(device);
                rule(
                    Header { source, destination, input, protocol: asked, ..Header::default() },
                    matches,
                    target.clone(),
                )
            })
        },
    )
}

fn chains(family: Family) -> impl Strategy<Value = Vec<Chain>> {
    const LENGTHS: [usize; 3] = [40, 30, 6];
    let rules = |at: usize| prop::collection::vec(any_rule(family, at, LENGTHS.len()), 0..LENGTHS[at] + 1);
    (rules(0), rules(1), rules(2))
        .prop_map(|(forward, one, two)| vec![chain(Hook::Forward, forward), user("one", one), user("two", two)])
}

/// Packets of all kinds, also such as end too soon.
fn packet(family: Family) -> impl Strategy<Value = (Vec<u8>, usize)> {
    (0u8..16, 0u8..16, 0u16..4, 0u16..4, 0u8..10, 0usize..12).prop_map(move |(from, to, sport, dport, kind, length)| {
        let [from, to] = [from, to].map(|number| address(family, number).to_ip(family));
        let (source, destination) = ((from, sport).into(), (to, dport).into());
        let bytes = match (kind, from, to) {
            (0..3, ..) => tcp_packet(source, destination, &Tcp { options: vec![2, 4, 5, 180], ..Tcp::default() }, b""),
            (3..6, ..) => udp_packet(source, destination, &vec![0; length]),
            (6, ..) => ip(from, to, 6, &vec![0; length * 2]),
            (7, ..) => ip(from, to, 17, &vec![0; length]),
            (8, std::net::IpAddr::V4(from), std::net::IpAddr::V4(to)) => {
                Ipv4 { fragment_offset: length as u16 % 3, more_fragments: true, ..Ipv4::new(from, to, 6) }
                    .build(&[0; 24])
            }
            (8, std::net::IpAddr::V6(from), std::net::IpAddr::V6(to)) => {
                let next = if length % 2 == 0 { 17 } else { 60 };
                Ipv6::new(from, to, next).fragment(7, 8 * (length as u16 % 3), true).build(&[0; 24])
            }
            _ => ip(from, to, 1, &icmp_echo(false, 1, 1, b"")),
        };
        let kept = bytes.len() - if kind == 9 { length.min(7) } else { 0 };
        (bytes, kept)
    })
}

fn agrees(family: Family, chains: Vec<Chain>, packets: Vec<(Vec<u8>, usize)>) -> Result<(), TestCaseError> {
    let mut indexed = one(family, chains.clone());
    let mut walked = plain(one(family, chains.clone()));
    let (mut one, mut other) = (Stage::new(), Stage::new());
    for (bytes, kept) in packets {
        let ask = |stage: &mut Stage, program: &mut Program| {
            stage.run(program, TableName::Filter, Hook::Forward, &mut cut(&bytes, kept))
        };
        prop_assert_eq!(ask(&mut one, &mut indexed), ask(&mut other, &mut walked));
    }
    prop_assert_eq!(rules_of(&indexed, family), rules_of(&walked, family));
    Ok(())
}

proptest! {
    #[test]
    fn it_answers_as_a_plain_walk_in_ipv4(
        chains in chains(Family::V4),
        packets in prop::collection::vec(packet(Family::V4), 1..60),
    ) {
        agrees(Family::V4, chains, packets)?;
    }

    #[test]
    fn it_answers_as_a_plain_walk_in_ipv6(
        chains in chains(Family::V6),
        packets in prop::collection::vec(packet(Family::V6), 1..60),
    ) {
        agrees(Family::V6, chains, packets)?;
    }
}

/// How many rules a packet is shown, by the cursors that the index gives.
fn looked_at(rules: Vec<Rule>, bytes: &[u8]) -> Option<usize> {
    let index = super::super::index::Index::new(&rules, Family::V4).expect("a long chain");
    let mut cursors = Vec::new();
    index.candidates(forwarded(bytes).info(), &mut cursors)?;
    Some(std::iter::from_fn(|| index.next(&mut cursors)).count())
}

#[test]
fn of_many_rules_few_are_looked_at() {
    let port = |port| {
        Match::Tcp(TcpMatch {
            ports: PortsMatch { source: None, destination: Some(ports(port, port)) },
            ..TcpMatch::default()
        })
    };
    let rules = |length: u8| {
        let rule = |number: u32| {
            let address = Address::from_v4_bits(10 << 24 | number);
            let mask = Address::from_v4_bits(u32::MAX << (32 - length));
            let address = Address { high: 0, low: address.low & mask.low };
            let source = Some(Not::plain(Masked { address, mask }));
            let header = Header { source, protocol: Some(Not::plain(6)), ..Header::default() };
            rule(header, vec![port((number % 100) as u16)], Target::Accept)
        };
        (0..10_000).map(rule).collect::<Vec<_>>()
    };
    let from = |text: &str, port| {
        tcp_packet(format!("{text}:9").parse().expect("an end"), ([1, 2, 3, 4], port).into(), &Tcp::default(), b"")
    };
    assert_eq!(looked_at(rules(32), &from("10.0.0.7", 7)), Some(1));
    assert_eq!(looked_at(rules(32), &from("10.0.0.7", 8)), Some(0));
    assert_eq!(looked_at(rules(24), &from("10.0.0.7", 7)), Some(3));
    // Prefixes of every length: some are taken for shorter ones.
    let all: Vec<Rule> = (1..=32).flat_map(|length| rules(length).into_iter().step_by(40).take(300)).collect();
    let shown = looked_at(all, &from("10.0.0.7", 7)).expect("it can be read");
    assert!(shown < 100, "{shown}");
}

#[test]
fn a_packet_that_rules_would_drop_at_once_is_shown_to_all() {
    let rules = vec![to(Target::None); 20];
    assert_eq!(looked_at(rules.clone(), &raw(Family::V4, 6, &[0; 19])), None);
    assert_eq!(looked_at(rules.clone(), &raw(Family::V4, 17, &[0; 7])), None);
    assert_eq!(looked_at(rules, &raw(Family::V4, 1, &[])), Some(20));
}

#[test]
fn a_port_behind_a_match_with_a_memory_is_not_relied_upon() {
    let tcp_match = Match::Tcp(TcpMatch {
        ports: PortsMatch { source: None, destination: Some(ports(9, 9)) },
        ..TcpMatch::default()
    });
    let memory = Match::Statistic(Not::plain(Statistic::Nth { every: 2, packet: 0 }));
    let header = Header { protocol: Some(Not::plain(6)), ..Header::default() };
    let bytes = tcp(Family::V4, &Tcp::default());
    for (matches, expected) in [(vec![tcp_match.clone(), memory.clone()], 0), (vec![memory, tcp_match], 20)] {
        let rules = vec![rule(header.clone(), matches, Target::None); 20];
        assert_eq!(looked_at(rules, &bytes), Some(expected));
    }
}
