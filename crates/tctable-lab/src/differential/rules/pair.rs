use std::fmt;

use tctable::conntrack::Counter;
use tctable::hook::Hook;
use tctable::packet::Family;
use tctable::ruleset::{
    Chain, HashlimitRate, Header, MarkMatch, Match, Not, Per, Rule, Ruleset, Sets, Statistic, Table, TableName, Target,
    TtlChange,
};

use crate::rng::Rng;
use crate::rules;

/// The rules of both versions of IP.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// IPv4's.
    pub v4: Ruleset,
    /// IPv6's.
    pub v6: Ruleset,
}

/// The sets that rules may ask for, where they are loaded.
pub(super) const SETS: &str = "\
create hosts hash:ip family inet
add hosts 10.11.1.10
add hosts 10.22.1.12
create halves hash:ip family inet netmask 31
add halves 10.11.1.12
create nets hash:net family inet
add nets 10.11.0.0/16
add nets 10.11.1.12/30 nomatch
add nets 10.22.1.13/32
create hosts6 hash:ip family inet6
add hosts6 fd00:11::1:10
create nets6 hash:net family inet6
add nets6 fd00:22::/32
add nets6 fd00:22::1:10/127 nomatch
";

pub(super) fn sets() -> Sets {
    Sets::parse(SETS).expect("they are right")
}

/// Every table, so that what was loaded before is gone.
const EMPTY: &str = "\
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
";

impl Pair {
    /// Random rules of which the same is to be expected on both sides.
    pub fn random(seed: u64) -> Self {
        Pair { v4: random(seed, Family::V4), v6: random(seed, Family::V6) }
    }

    /// Rules as they are written; no text is no rule. They may ask for the sets of [`super::RulesDifferential::load_sets`].
    ///
    /// # Panics
    /// If they are not read.
    pub fn read(v4: &str, v6: &str) -> Self {
        let read = |family, text: &str| {
            let rules = Ruleset::parse(family, text, &sets()).unwrap_or_else(|error| panic!("{error}"));
            with_every_table(rules)
        };
        Pair { v4: read(Family::V4, v4), v6: read(Family::V6, v6) }
    }

    pub(super) fn both(&self) -> [&Ruleset; 2] {
        [&self.v4, &self.v6]
    }

    pub(super) fn both_mut(&mut self) -> [&mut Ruleset; 2] {
        [&mut self.v4, &mut self.v6]
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.both().into_iter().try_for_each(|rules| {
            writeln!(f, "# {:?}", rules.family)?;
            // What is empty says nothing.
            let mut shown = rules.clone();
            shown.tables.retain(|table| table.chains.iter().any(|chain| !is_bare(chain)));
            write!(f, "{shown}")
        })
    }
}

fn is_bare(chain: &Chain) -> bool {
    chain.rules.is_empty() && chain.base.is_none_or(|base| base.policy == tctable::ruleset::Policy::Accept)
}

fn with_every_table(mut rules: Ruleset) -> Ruleset {
    let empty = Ruleset::parse(rules.family, EMPTY, &Sets::default()).expect("it is right");
    for table in empty.tables {
        if !rules.tables.iter().any(|own| own.name == table.name) {
            rules.tables.push(table);
        }
    }
    rules.tables.sort_by_key(|table| table.name);
    rules
}

fn random(seed: u64, family: Family) -> Ruleset {
    let mut rules = with_every_table(rules::random_of_every_kind(seed, family));
    let mut rng = Rng::new(seed ^ 0x6c6f_6f73_656e);
    for table in &mut rules.tables {
        for chain in &mut table.chains {
            chain.rules.retain(is_comparable);
            chain.rules.iter_mut().flat_map(|rule| &mut rule.matches).for_each(calm);
            for rule in &mut chain.rules {
                rule.counter = Counter::default();
                // iptables takes the second `-m connmark --mark` for one of a `-m mark` between the two, and refuses it.
                let mut marks = 0;
                rule.matches.retain(|asked| {
                    marks += usize::from(matches!(asked, Match::Mark(_) | Match::Connmark(_)));
                    marks <= 2 || !matches!(asked, Match::Mark(_) | Match::Connmark(_))
                });
                loosen(rule, &mut rng);
            }
            if let Some(base) = &mut chain.base {
                base.counter = Counter::default();
            }
        }
        if table.name == TableName::Mangle {
            add_witnesses(table);
        }
    }
    rules
}

/// Whether a rule says the same in both. What leaves PREROUTING without a hop left gets no further, and its sender is told;
/// and when `connlimit` forgets the connections that have ended depends on the kernel's ticks.
fn is_comparable(rule: &Rule) -> bool {
    let ticks = rule.matches.iter().any(|asked| matches!(asked, Match::Connlimit(_)));
    !ticks && !matches!(rule.target, Target::Ttl(TtlChange::Set(0 | 1) | TtlChange::Decrease(_)))
}

/// Makes of a match that goes by the clock or by chance one of which the outcome is certain for the moments that a run takes:
/// rates by the hour, of which no more than the burst passes; chances of all or none; times between those that are left to
/// connections.
fn calm(asked: &mut Match) {
    match asked {
        Match::Limit(limit) => {
            (limit.rate, limit.per, limit.burst) = (1 + limit.rate % 10, Per::Hour, 1 + limit.burst % 10);
        }
        Match::Hashlimit(limit) => {
            let rate = match limit.rate {
                HashlimitRate::Packets(rate, _) => 1 + rate % 10,
                HashlimitRate::Bytes(_) => 7,
            };
            // A rate that is looked at in spans is one by the second to iptables, whose span may be an hour.
            let per = if limit.rate_match { Per::Second } else { Per::Hour };
            (limit.rate, limit.burst) = (HashlimitRate::Packets(rate, per), 1 + limit.burst % 10);
            limit.rate_interval = if limit.rate_match { 3_600 } else { 1 };
            limit.expire = 3_600_000;
        }
        Match::Statistic(statistic) => {
            if let Statistic::Random(chance) = &mut statistic.value {
                *chance = if *chance < 1 << 30 { 0 } else { 1 << 31 };
            }
        }
        Match::Conntrack(asked) => {
            if let Some(expires) = &mut asked.expires {
                let (first, last) = expires.value;
                expires.value =
                    [(0, 20), (20, 40), (40, 200), (200, 1_000), (5, 1_000)][first.wrapping_add(last) as usize % 5];
            }
        }
        _ => {}
    }
}

/// Takes away some of what a rule asks, so that more packets meet it, and makes a verdict for all packets rarer.
fn loosen(rule: &mut Rule, rng: &mut Rng) {
    let Rule { header, matches, target, .. } = rule;
    if rng.percent(60) {
        let address = rng.below(4);
        header.source = header.source.filter(|_| address == 0);
        header.destination = header.destination.filter(|_| address == 1);
        header.input = header.input.take().filter(|_| address == 2);
        header.output = header.output.take().filter(|_| address == 3);
    }
    if rng.percent(60) && matches.len() > 1 {
        let kept = rng.below(matches.len() as u64) as usize;
        // What a target needs of its rule stays.
        let needed = matches!(target, Target::Tcpmss(_));
        let mut nth = 0..;
        matches.retain(|asked| nth.next() == Some(kept) || needed && matches!(asked, Match::Tcp(_)));
    }
    let all = matches.is_empty() && *header == Header { protocol: header.protocol, ..Header::default() };
    let last = matches!(target, Target::Accept | Target::Drop | Target::Return | Target::Queue | Target::Nfqueue(_));
    if all && last && rng.percent(80) {
        *target = Target::None;
    }
}

/// Rules that show the marks of the packets that leave, and of their connections, in their counters.
fn add_witnesses(table: &mut Table) {
    let rule = |asked, target| Rule {
        header: Header::default(),
        matches: vec![asked],
        target,
        counter: Counter::default(),
        line: 0,
    };
    let bit = |bit: u32| Not::plain(MarkMatch { value: 1 << bit, mask: 1 << bit });
    let marks = (0..8).map(|nth| rule(Match::Mark(bit(nth)), Target::None));
    let connmarks = (0..8).map(|nth| rule(Match::Connmark(bit(nth)), Target::None));
    let witness = Chain { name: "witness".into(), base: None, rules: marks.chain(connmarks).collect() };
    let number = table.chains.len() as u16;
    table.chains.push(witness);
    let leaving = table.chains.iter_mut().find(|chain| chain.base.is_some_and(|base| base.hook == Hook::PostRouting));
    if let Some(chain) = leaving {
        let jump = Rule { matches: Vec::new(), ..rule(Match::Comment("".into()), Target::Jump(number)) };
        chain.rules.insert(0, jump.clone());
        chain.rules.push(jump);
    }
}
