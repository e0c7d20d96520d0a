use std::collections::BTreeMap;
use std::fmt;

use tctable::ruleset::Ruleset;

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rule sets, of both versions of IP together.
    pub rule_sets: u64,
    /// Packets.
    pub packets: u64,
    /// Of them those that came out on the other side.
    pub forwarded: u64,
    /// Answers to rejected packets.
    pub answers: u64,
    /// Rules whose counters were compared at the end of a run.
    pub rules: u64,
    /// For each match and target, how many rules have it and how many of them were met by a packet.
    pub kinds: BTreeMap<String, [u64; 2]>,
}

impl Tally {
    /// Counts rules with their counters at the end of a run.
    pub(super) fn count_rules(&mut self, rules: &Ruleset) {
        let text = rules.to_string();
        let mut counted = rules.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
        for line in text.lines().filter(|line| line.contains("-A ")) {
            let met = counted.next().is_some_and(|rule| rule.counter.packets > 0);
            self.rules += 1;
            for kind in kinds(line) {
                let [all, some] = self.kinds.entry(kind).or_default();
                (*all, *some) = (*all + 1, *some + u64::from(met));
            }
        }
    }
}

/// The words of a rule's line behind `-m` and `-j`, and what it asks of the header.
fn kinds(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut kinds = Vec::new();
    for pair in words.windows(2) {
        match pair {
            ["-m", name] => kinds.push(format!("-m {name}")),
            ["-j", name] if name.chars().all(|letter| letter.is_ascii_uppercase()) => kinds.push(format!("-j {name}")),
            ["-j", _] => kinds.push("-j chain".to_owned()),
            ["-g", _] => kinds.push("-g chain".to_owned()),
            [option @ ("-s" | "-d" | "-i" | "-o" | "-p" | "-f"), _] => kinds.push((*option).to_owned()),
            _ => {}
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.rule_sets += other.rule_sets;
        self.packets += other.packets;
        self.forwarded += other.forwarded;
        self.answers += other.answers;
        self.rules += other.rules;
        for (kind, [all, met]) in other.kinds {
            let own = self.kinds.entry(kind).or_default();
            *own = [own[0] + all, own[1] + met];
        }
    }
}

/// One line for each kind of match and target.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<18} {:>10} {:>10}", "", "rules", "met")?;
        for (kind, [all, met]) in &self.kinds {
            writeln!(f, "{kind:<18} {all:>10} {met:>10}")?;
        }
        Ok(())
    }
}
