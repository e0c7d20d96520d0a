//! The walk through chains.

use super::super::Effect;
use super::stage::*;
use crate::conntrack::Counter;
use crate::hook::{Hook, Verdict};
use crate::packet::Family;
use crate::ruleset::{Header, Policy, Rule, TableName, Target};

/// Runs one datagram and gives the verdict and what each chain's rules counted.
fn run(family: Family, chains: Vec<crate::ruleset::Chain>) -> (Verdict, Vec<Vec<u64>>) {
    let count = chains.len();
    let mut program = one(family, chains);
    let bytes = udp(family);
    let verdict = Stage::new().run(&mut program, TableName::Filter, Hook::Forward, &mut forwarded(&bytes));
    (verdict, (0..count).map(|chain| hits(&program, family, chain)).collect())
}

/// A rule that holds for no packet of these tests.
fn never(target: Target) -> Rule {
    rule(Header { protocol: Some(crate::ruleset::Not::plain(254)), ..Header::default() }, Vec::new(), target)
}

#[test]
fn rules_are_asked_in_order_until_one_has_a_verdict() {
    for family in FAMILIES {
        let rules = vec![never(Target::Drop), to(Target::None), to(Target::Drop), to(Target::Accept)];
        assert_eq!(run(family, vec![chain(Hook::Forward, rules)]), (Verdict::DROP, vec![vec![0, 1, 1, 0]]));
    }
}

#[test]
fn packets_and_the_bytes_of_ip_packets_are_counted() {
    for family in FAMILIES {
        let mut program = one(family, vec![chain(Hook::Forward, vec![to(Target::None)])]);
        // Padding behind the packet is none of its bytes.
        let bytes = [&udp(family)[..], &[0; 9]].concat();
        for _ in 0..3 {
            Stage::new().run(&mut program, TableName::Filter, Hook::Forward, &mut forwarded(&bytes));
        }
        let chain = &rules_of(&program, family).tables[0].chains[0];
        let expected = Counter { packets: 3, bytes: 3 * udp(family).len() as u64 };
        assert_eq!(chain.rules[0].counter, expected);
        assert_eq!(chain.base.expect("a built-in chain").counter, expected);
    }
}

#[test]
fn the_policy_decides_at_the_end_and_after_a_return() {
    for (policy, verdict) in [(Policy::Accept, Verdict::Accept), (Policy::Drop, Verdict::DROP)] {
        for rules in [vec![], vec![to(Target::Return), to(Target::Accept)]] {
            let mut forward = chain(Hook::Forward, rules.clone());
            forward.base.as_mut().expect("a built-in chain").policy = policy;
            let mut program = one(Family::V4, vec![forward]);
            let bytes = udp(Family::V4);
            let got = Stage::new().run(&mut program, TableName::Filter, Hook::Forward, &mut forwarded(&bytes));
            assert_eq!(got, verdict);
            let counter = rules_of(&program, Family::V4).tables[0].chains[0].base.expect("a chain").counter;
            assert_eq!(counter.packets, 1);
            assert!(hits(&program, Family::V4, 0).get(1).is_none_or(|after| *after == 0));
        }
    }
}

#[test]
fn a_jump_comes_back_behind_itself_and_a_goto_where_its_chain_was_jumped_from() {
    let one_two = |target| {
        vec![
            chain(Hook::Forward, vec![to(Target::Jump(1)), to(Target::None)]),
            user("one", vec![to(target), to(Target::None)]),
            user("two", vec![to(Target::None)]),
        ]
    };
    assert_eq!(run(Family::V4, one_two(Target::Jump(2))), (Verdict::Accept, vec![vec![1, 1], vec![1, 1], vec![1]]));
    assert_eq!(run(Family::V4, one_two(Target::Goto(2))), (Verdict::Accept, vec![vec![1, 1], vec![1, 0], vec![1]]));
    assert_eq!(run(Family::V4, one_two(Target::Return)), (Verdict::Accept, vec![vec![1, 1], vec![1, 0], vec![0]]));
    assert_eq!(run(Family::V4, one_two(Target::Drop)), (Verdict::DROP, vec![vec![1, 0], vec![1, 0], vec![0]]));
    // From a built-in chain a goto leads to its policy.
    let chains = vec![chain(Hook::Forward, vec![to(Target::Goto(1)), to(Target::Drop)]), user("one", vec![])];
    assert_eq!(run(Family::V4, chains), (Verdict::Accept, vec![vec![1, 0], vec![]]));
}

#[test]
fn a_table_has_nothing_to_say_where_it_has_no_chain_or_is_not_there() {
    let mut program = one(Family::V4, vec![chain(Hook::Forward, vec![to(Target::Drop)])]);
    let (v4, v6) = (udp(Family::V4), udp(Family::V6));
    let mut stage = Stage::new();
    let mut ask = |table, hook, bytes: &[u8]| stage.run(&mut program, table, hook, &mut forwarded(bytes));
    assert_eq!(ask(TableName::Filter, Hook::Forward, &v4), Verdict::DROP);
    assert_eq!(ask(TableName::Filter, Hook::LocalIn, &v4), Verdict::Accept);
    assert_eq!(ask(TableName::Mangle, Hook::Forward, &v4), Verdict::Accept);
    assert_eq!(ask(TableName::Filter, Hook::Forward, &v6), Verdict::Accept);
}

/// The records of a traced packet, and what was done, in words.
fn traced(chains: Vec<crate::ruleset::Chain>) -> Vec<String> {
    let mut program = one(Family::V4, chains);
    let bytes = udp(Family::V4);
    let (mut stage, mut packet) = (Stage::new(), forwarded(&bytes));
    packet.traced = true;
    stage.run(&mut program, TableName::Filter, Hook::Forward, &mut packet);
    let record = |effect| match effect {
        Effect::Trace(record) => format!("{record} {}", record.verdict),
        other => panic!("{other:?}"),
    };
    stage.effects.into_iter().map(record).collect()
}

#[test]
fn a_trace_names_each_rule_and_each_end() {
    let udp = || Header { protocol: Some(crate::ruleset::Not::plain(UDP)), ..Header::default() };
    let chains = vec![
        chain(Hook::Forward, vec![never(Target::Drop), to(Target::Jump(1)), to(Target::Jump(2)), to(Target::None)]),
        user("one", vec![rule(udp(), vec![], Target::Mark(crate::ruleset::MarkChange { value: 1, mask: 1 }))]),
        user("two", vec![rule(udp(), vec![], Target::Return)]),
    ];
    let expected = [
        "filter:FORWARD:rule:2 one",
        "filter:one:rule:1 MARK",
        "filter:one:return:2 RETURN",
        "filter:FORWARD:rule:3 two",
        "filter:two:rule:1 RETURN",
        "filter:FORWARD:rule:4 ",
        "filter:FORWARD:policy:5 ACCEPT",
    ];
    assert_eq!(traced(chains), expected);
}

#[test]
fn a_trace_takes_a_verdict_that_asks_for_nothing_for_an_end_as_the_kernel_does() {
    let chains =
        vec![chain(Hook::Forward, vec![to(Target::Jump(1)), to(Target::Drop)]), user("one", vec![to(Target::Return)])];
    let expected = ["filter:FORWARD:rule:1 one", "filter:one:return:1 RETURN", "filter:FORWARD:policy:2 DROP"];
    assert_eq!(traced(chains), expected);
}

#[test]
fn nothing_is_traced_before_a_rule_says_so() {
    let chains = vec![chain(Hook::Forward, vec![to(Target::None), to(Target::Trace), to(Target::None)])];
    let mut program = one(Family::V4, chains);
    let bytes = udp(Family::V4);
    let mut stage = Stage::new();
    stage.run(&mut program, TableName::Filter, Hook::Forward, &mut forwarded(&bytes));
    let records: Vec<String> = stage
        .effects
        .iter()
        .map(|effect| if let Effect::Trace(record) = effect { record.to_string() } else { String::new() })
        .collect();
    assert_eq!(records, ["filter:FORWARD:rule:3", "filter:FORWARD:policy:4"]);
}
