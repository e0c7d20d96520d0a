//! A rule set in the place of another one, whose unchanged rules go on as if nothing had happened.

use std::collections::{HashMap, VecDeque};

use super::matches::State;
use super::{ChainRoom, Program, Rules, TableRoom, index};
use crate::packet::Family;
use crate::ruleset::{Chain, Rule, Table, Target};

impl Program {
    /// Takes over the counters of the rules that were there before, in the same chain and with the same words, and what
    /// their matches remember. Of several equal rules the first is the first, and so on. A built-in chain's own counter stays
    /// where its policy does; tables of `hashlimit` stay with their names, as in the kernel.
    pub(crate) fn take_over(&mut self, old: Program) {
        self.shared.hashlimits.take_over(old.shared.hashlimits);
        for (new, old) in [(&mut self.v4, old.v4), (&mut self.v6, old.v6)] {
            if let (Some(new), Some(old)) = (new, old) {
                new.take_over(old);
            }
        }
    }
}

impl Rules {
    fn take_over(&mut self, old: Rules) {
        let family = self.ruleset.family;
        for (old, mut room) in old.ruleset.tables.iter().zip(old.tables) {
            let mut tables = self.ruleset.tables.iter_mut().zip(&mut self.tables);
            if let Some((new, new_room)) = tables.find(|(new, _)| new.name == old.name) {
                take_over_table((new, new_room), (old, &mut room), family);
            }
        }
    }
}

fn take_over_table(
    (new, new_room): (&mut Table, &mut TableRoom),
    (old, old_room): (&Table, &mut TableRoom),
    family: Family,
) {
    let places: HashMap<&str, usize> = old.chains.iter().enumerate().map(|(at, chain)| (&*chain.name, at)).collect();
    let names: Vec<_> = new_room.chains.iter().map(|room| room.name.clone()).collect();
    // A jump is the same where it leads to a chain of the same name.
    let leads_alike = |new: u16, before: u16| *names[usize::from(new)] == *old.chains[usize::from(before)].name;
    for (chain, room) in new.chains.iter_mut().zip(&mut new_room.chains) {
        let Some(at) = places.get(&*chain.name) else { continue };
        let (before, before_room) = (&old.chains[*at], &mut old_room.chains[*at]);
        if let (Some(base), Some(before)) = (&mut chain.base, &before.base)
            && base.policy == before.policy
        {
            base.counter = before.counter;
        }
        take_over_chain((chain, room), (before, before_room), family, leads_alike);
    }
}

fn take_over_chain(
    (chain, room): (&mut Chain, &mut ChainRoom),
    (before, before_room): (&Chain, &mut ChainRoom),
    family: Family,
    leads_alike: impl Fn(u16, u16) -> bool,
) {
    let mut left: HashMap<u64, VecDeque<usize>> = HashMap::new();
    for (number, rule) in before.rules.iter().enumerate() {
        left.entry(index::fingerprint(rule, family)).or_default().push_back(number);
    }
    for (rule, states) in chain.rules.iter_mut().zip(&mut room.states) {
        let Some(alike) = left.get_mut(&index::fingerprint(rule, family)) else { continue };
        let Some(at) = alike.iter().position(|old| is_same(rule, &before.rules[*old], &leads_alike)) else { continue };
        let Some(old) = alike.remove(at) else { continue };
        rule.counter = before.rules[old].counter;
        for (state, old) in states.iter_mut().zip(&mut before_room.states[old]) {
            // Sets and tables are found by their names.
            if !matches!(state, State::Set(_) | State::Hashlimit(_)) {
                std::mem::swap(state, old);
            }
        }
    }
}

fn is_same(rule: &Rule, old: &Rule, leads_alike: impl Fn(u16, u16) -> bool) -> bool {
    let target = match (&rule.target, &old.target) {
        (Target::Jump(new), Target::Jump(old)) | (Target::Goto(new), Target::Goto(old)) => leads_alike(*new, *old),
        (new, old) => new == old,
    };
    target && rule.header == old.header && rule.matches == old.matches
}
