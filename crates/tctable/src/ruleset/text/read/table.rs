//! A table while it is read, and what is asked of it when it is whole.

use std::collections::BTreeMap;

use super::rule::{Chains, Command, Draft};
use super::targets::TARGETS;
use crate::conntrack::Counter;
use crate::hook::Hook;
use crate::ruleset::rule::{Base, Chain, Policy, Rule, Table, TableName};
use crate::ruleset::target::Target;
use crate::words::ParseError;
use crate::words::Word;

/// The longest name of a chain (`XT_EXTENSION_MAXNAMELEN` less what the kernel needs).
const LONGEST_CHAIN: usize = 28;

/// A table as far as it was read.
pub(super) struct TableDraft {
    name: TableName,
    /// Built-in chains first.
    chains: Vec<ChainDraft>,
    numbers: BTreeMap<Box<str>, u16>,
}

struct ChainDraft {
    name: Box<str>,
    base: Option<Base>,
    rules: Vec<Draft>,
}

impl Chains for TableDraft {
    fn table(&self) -> TableName {
        self.name
    }

    fn find(&self, name: &str) -> Option<(u16, bool)> {
        let number = *self.numbers.get(name)?;
        Some((number, self.chains.get(usize::from(number))?.base.is_some()))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.chains.iter().map(|chain| &*chain.name)
    }
}

impl TableDraft {
    pub(super) fn new(name: TableName) -> Self {
        let mut table = TableDraft { name, chains: Vec::new(), numbers: BTreeMap::new() };
        for hook in name.hooks() {
            let base = Base { hook: *hook, policy: Policy::Accept, counter: Counter::default() };
            table.push(hook.chain(), Some(base));
        }
        table
    }

    fn push(&mut self, name: &str, base: Option<Base>) {
        if let Ok(number) = u16::try_from(self.chains.len()) {
            self.numbers.insert(name.into(), number);
            self.chains.push(ChainDraft { name: name.into(), base, rules: Vec::new() });
        }
    }

    /// `:CHAIN POLICY [packets:bytes]`
    pub(super) fn declare(&mut self, name: &Word<'_>, policy: &Word<'_>, counter: Counter) -> Result<(), ParseError> {
        let Some(base) = self.base(name) else {
            if policy.text != "-" {
                return Err(policy.misplaced("stands behind a chain that is not built-in: those have -"));
            }
            return self.new_chain(name);
        };
        base.counter = counter;
        if policy.text != "-" {
            base.policy = self::policy(policy)?;
        }
        Ok(())
    }

    fn base(&mut self, name: &Word<'_>) -> Option<&mut Base> {
        let number = *self.numbers.get(&*name.text)?;
        self.chains.get_mut(usize::from(number))?.base.as_mut()
    }

    fn new_chain(&mut self, name: &Word<'_>) -> Result<(), ParseError> {
        if name.text.is_empty() || name.text.len() > LONGEST_CHAIN || name.text.starts_with(['-', '!']) {
            return Err(name.invalid("the name of a chain, 1 to 28 bytes and neither - nor ! before them"));
        }
        if name.text.contains([' ', '\t', '"']) {
            return Err(name.invalid("the name of a chain: blanks and quotation marks cannot be in one"));
        }
        if TARGETS.iter().take(4).any(|target| target.name == name.text) {
            return Err(name.misplaced("is a target, and cannot be a chain too"));
        }
        if self.numbers.contains_key(&*name.text) {
            return Err(name.misplaced("is a chain already"));
        }
        if self.chains.len() > usize::from(u16::MAX) {
            return Err(name.misplaced("is one chain too many: 65536 are the most"));
        }
        self.push(&name.text, None);
        Ok(())
    }

    /// Does what a line says.
    pub(super) fn run(&mut self, command: Command<'_>) -> Result<(), ParseError> {
        match command {
            Command::Nothing => Ok(()),
            Command::NewChain(name) => self.new_chain(&name),
            Command::Policy(name, value) => {
                let known: Vec<Box<str>> = self.names().map(Into::into).collect();
                let Some(base) = self.base(&name) else {
                    return Err(name.unknown("built-in chain", known.iter().map(|name| &**name)));
                };
                base.policy = policy(&value)?;
                Ok(())
            }
            Command::Flush(None) => {
                self.chains.iter_mut().for_each(|chain| chain.rules.clear());
                Ok(())
            }
            Command::Flush(Some(name)) => {
                self.chain(&name)?.rules.clear();
                Ok(())
            }
            Command::Rules { chain, before, rules } => {
                let found = self.chain(&chain)?;
                let Some(before) = before else {
                    found.rules.extend(rules);
                    return Ok(());
                };
                let at = super::numbers::number(&before.text).and_then(|number| usize::try_from(number).ok());
                let at = at.and_then(|number| number.checked_sub(1)).filter(|at| *at <= found.rules.len());
                let at = at.ok_or_else(|| before.invalid("the number of a rule, or one more than there are"))?;
                // Several of one line are put there one by one, so that the last comes first.
                found.rules.splice(at..at, rules.into_iter().rev());
                Ok(())
            }
        }
    }

    fn chain(&mut self, name: &Word<'_>) -> Result<&mut ChainDraft, ParseError> {
        let number = self.numbers.get(&*name.text).copied();
        match number.filter(|number| usize::from(*number) < self.chains.len()) {
            None => Err(name.unknown("chain", self.chains.iter().map(|chain| &*chain.name))),
            Some(number) => Ok(&mut self.chains[usize::from(number)]),
        }
    }

    /// The whole table, with its chains in the order of the kernel: those of the user by name.
    pub(super) fn finish(self) -> Result<Table, ParseError> {
        self.check_jumps()?;
        let mut order: Vec<usize> = (0..self.chains.len()).collect();
        order.sort_by_key(|at| {
            self.chains.get(*at).map(|chain| match chain.base {
                Some(base) => (false, base.hook, ""),
                None => (true, Hook::PreRouting, &*chain.name),
            })
        });
        let mut moved = vec![0; self.chains.len()];
        for (to, from) in order.iter().enumerate() {
            if let Some(place) = moved.get_mut(*from) {
                *place = to as u16;
            }
        }
        let at = |number: u16| moved.get(usize::from(number)).copied().unwrap_or(number);
        let mut chains: Vec<Option<ChainDraft>> = self.chains.into_iter().map(Some).collect();
        let ordered = order.iter().filter_map(|from| chains.get_mut(*from)?.take());
        let chains = ordered.map(|chain| Chain {
            name: chain.name,
            base: chain.base,
            rules: chain.rules.into_iter().map(|draft| renumbered(draft.rule, at)).collect(),
        });
        Ok(Table { name: self.name, chains: chains.collect() })
    }

    /// No packet may come to a chain again that it is in, nor to a rule where the rule cannot be. Chains to which nothing
    /// leads are not asked.
    fn check_jumps(&self) -> Result<(), ParseError> {
        for (number, chain) in self.chains.iter().enumerate().filter(|(_, chain)| chain.base.is_some()) {
            self.check_from(number, chain.base)?;
        }
        Ok(())
    }

    fn check_from(&self, start: usize, base: Option<Base>) -> Result<(), ParseError> {
        // Chains on the way here with the rule that is next, and what is known of each chain.
        let mut way = vec![(start, 0)];
        let mut seen = vec![Seen::Not; self.chains.len()];
        while let Some((number, next)) = way.pop() {
            let rules = self.chains.get(number).map_or(&[][..], |chain| &chain.rules);
            let Some(state) = seen.get_mut(number) else { continue };
            let Some(draft) = rules.get(next) else {
                *state = Seen::Whole;
                continue;
            };
            *state = Seen::OnTheWay;
            way.push((number, next + 1));
            let wrong = draft.hooks.iter().find(|hooks| base.is_some_and(|base| !hooks.allowed.contains(&base.hook)));
            if let Some(hooks) = wrong {
                return Err(hooks.word.misplaced(hooks.why));
            }
            let (Target::Jump(to) | Target::Goto(to), Some(word)) = (&draft.rule.target, &draft.jump) else { continue };
            match seen.get(usize::from(*to)) {
                Some(Seen::OnTheWay) => return Err(word.misplaced("leads back to where its packet comes from: a loop")),
                Some(Seen::Not) => way.push((usize::from(*to), 0)),
                Some(Seen::Whole) | None => {}
            }
        }
        Ok(())
    }
}

/// Whether the rules of a chain were looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    OnTheWay,
    Whole,
}

fn renumbered(mut rule: Rule, at: impl Fn(u16) -> u16) -> Rule {
    match &mut rule.target {
        Target::Jump(chain) | Target::Goto(chain) => *chain = at(*chain),
        _ => {}
    }
    rule
}

fn policy(word: &Word<'_>) -> Result<Policy, ParseError> {
    match &*word.text {
        "ACCEPT" => Ok(Policy::Accept),
        "DROP" => Ok(Policy::Drop),
        _ => Err(word.unknown("policy", ["ACCEPT", "DROP"])),
    }
}
