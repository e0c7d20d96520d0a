//! A rule set in the place of another one.

use super::super::Program;
use super::stage::*;
use crate::hook::Hook;
use crate::packet::Family;
use crate::ruleset::{
    Chain, Hashlimit, HashlimitMode, HashlimitRate, Header, Limit, MarkChange, Match, Not, Per, Policy, Rule,
    TableName, Target,
};

fn mark(value: u32) -> Rule {
    to(Target::Mark(MarkChange { value, mask: u32::MAX }))
}

fn pass(program: &mut Program, packets: usize) {
    let bytes = udp(Family::V4);
    for _ in 0..packets {
        Stage::new().run(program, TableName::Filter, Hook::Forward, &mut forwarded(&bytes));
    }
}

/// A program that packets went through, and what another one counts after it took over.
fn swapped(old: Vec<Chain>, packets: usize, new: Vec<Chain>) -> Program {
    let mut before = one(Family::V4, old);
    pass(&mut before, packets);
    let mut after = one(Family::V4, new);
    after.take_over(before);
    after
}

#[test]
fn unchanged_rules_keep_their_counters_wherever_they_are_in_their_chain() {
    let old = vec![chain(Hook::Forward, vec![mark(1), mark(2), mark(3)])];
    let new = vec![chain(Hook::Forward, vec![mark(9), mark(3), mark(1), mark(4)])];
    let program = swapped(old, 5, new);
    assert_eq!(hits(&program, Family::V4, 0), [0, 5, 5, 0]);
    let chain = &rules_of(&program, Family::V4).tables[0].chains[0];
    assert_eq!(chain.rules[1].counter.bytes, 5 * udp(Family::V4).len() as u64);
    assert_eq!(chain.base.expect("a built-in chain").counter.packets, 5);
}

#[test]
fn of_equal_rules_the_first_is_the_first() {
    let once = rule(Header::default(), vec![Match::Comment("once".into())], Target::Accept);
    let mut old = vec![mark(1), once, mark(1)];
    old[0].counter.packets = 10;
    let new = vec![chain(Hook::Forward, vec![mark(1), mark(1), mark(1)])];
    let program = swapped(vec![chain(Hook::Forward, old)], 2, new);
    assert_eq!(hits(&program, Family::V4, 0), [12, 0, 0]);
    let old = vec![chain(Hook::Forward, vec![mark(1), mark(1)])];
    let program = swapped(old, 2, vec![chain(Hook::Forward, vec![mark(1), mark(1), mark(1)])]);
    assert_eq!(hits(&program, Family::V4, 0), [2, 2, 0]);
}

#[test]
fn what_was_asked_otherwise_or_in_another_chain_is_another_rule() {
    let asked = |prefix_text| Header { source: Some(prefix(prefix_text)), ..Header::default() };
    let with = |text, matches| rule(asked(text), matches, Target::None);
    let old = vec![
        chain(Hook::Forward, vec![with("192.168.0.0/16", vec![]), to(Target::Jump(1))]),
        user("one", vec![mark(1)]),
    ];
    let new = vec![
        chain(
            Hook::Forward,
            vec![with("192.168.0.0/17", vec![]), with("192.168.0.0/16", vec![Match::Comment("".into())]), mark(1)],
        ),
        user("two", vec![mark(1)]),
    ];
    let program = swapped(old, 3, new);
    assert_eq!((hits(&program, Family::V4, 0), hits(&program, Family::V4, 1)), (vec![0, 0, 0], vec![0]));
}

#[test]
fn a_jump_is_the_same_where_its_chain_has_the_same_name() {
    let old = vec![
        chain(Hook::Forward, vec![to(Target::Jump(1)), to(Target::Jump(2))]),
        user("one", vec![mark(1)]),
        user("two", vec![mark(1), to(Target::Accept)]),
    ];
    let new = vec![
        chain(Hook::Forward, vec![to(Target::Jump(1)), to(Target::Goto(2)), to(Target::Jump(2))]),
        user("two", vec![mark(1)]),
        user("one", vec![mark(1)]),
    ];
    let program = swapped(old, 4, new);
    assert_eq!(hits(&program, Family::V4, 0), [4, 0, 4]);
    assert_eq!((hits(&program, Family::V4, 1), hits(&program, Family::V4, 2)), (vec![4], vec![4]));
}

#[test]
fn another_policy_counts_anew() {
    let mut forward = chain(Hook::Forward, vec![]);
    forward.base.as_mut().expect("a built-in chain").policy = Policy::Drop;
    let program = swapped(vec![chain(Hook::Forward, vec![])], 3, vec![forward]);
    assert_eq!(rules_of(&program, Family::V4).tables[0].chains[0].base.expect("a chain").counter.packets, 0);
}

#[test]
fn a_limit_goes_on_where_it_was() {
    let limit =
        |burst| rule(Header::default(), vec![Match::Limit(Limit { rate: 1, per: Per::Day, burst })], Target::None);
    let old = vec![chain(Hook::Forward, vec![limit(3), limit(4)])];
    let mut program = swapped(old, 2, vec![chain(Hook::Forward, vec![limit(5), limit(3)])]);
    pass(&mut program, 6);
    assert_eq!(hits(&program, Family::V4, 0), [5, 3]);
}

#[test]
fn a_hashlimits_table_goes_on_with_its_name() {
    let limit = |name: &str, negated| {
        let hashlimit = Hashlimit {
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
        };
        let length = Match::Length(Not { negated, value: (0, 65535) });
        rule(Header::default(), vec![Match::Hashlimit(Box::new(hashlimit)), length], Target::None)
    };
    let old = vec![chain(Hook::Forward, vec![limit("a", false), limit("b", false)])];
    let mut program =
        swapped(old, 3, vec![chain(Hook::Forward, vec![limit("b", true), limit("c", false), limit("b", false)])]);
    pass(&mut program, 5);
    // The first takes what was left of "b", in vain.
    assert_eq!(hits(&program, Family::V4, 0), [0, 4, 3]);
}

#[test]
fn families_and_tables_are_taken_over_each_for_itself() {
    let rules = |family| ruleset(family, TableName::Filter, vec![chain(Hook::Forward, vec![mark(1)])]);
    let mut before = one(Family::V6, vec![chain(Hook::Forward, vec![mark(1)])]);
    let bytes = udp(Family::V6);
    Stage::new().run(&mut before, TableName::Filter, Hook::Forward, &mut forwarded(&bytes));
    let mut after = Program::new(Some(rules(Family::V4)), Some(rules(Family::V6)), Default::default());
    after.take_over(before);
    assert_eq!((hits(&after, Family::V4, 0), hits(&after, Family::V6, 0)), (vec![0], vec![1]));
}
