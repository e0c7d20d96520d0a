use tctable::conntrack::Counter;
use tctable::ruleset::{Chain, Ruleset};

use super::difference::Place;

/// The first rule or policy that counted otherwise, with the kernel's and the engine's counter.
///
/// iptables has its own order of chains; those are found by their names.
pub(super) fn differ(kernel: &Ruleset, engine: &Ruleset) -> Option<(Place, Counter, Counter)> {
    for table in &engine.tables {
        let of_kernel = kernel.tables.iter().find(|other| other.name == table.name);
        for chain in &table.chains {
            let other = of_kernel.and_then(|table| table.chains.iter().find(|other| other.name == chain.name));
            let (counters, others) = (counters(chain), other.map(self::counters).unwrap_or_default());
            for (nth, (rule, ours)) in counters.into_iter().enumerate() {
                let theirs = others.get(nth).map_or(Counter::default(), |(_, counter)| *counter);
                if theirs != ours {
                    let chain = chain.name.to_string();
                    let place = Place { family: engine.family, table: table.name, chain, rule };
                    return Some((place, theirs, ours));
                }
            }
        }
    }
    None
}

/// The counters of a chain's rules by their numbers, and at the end that of its policy.
fn counters(chain: &Chain) -> Vec<(Option<usize>, Counter)> {
    let rules = chain.rules.iter().enumerate().map(|(nth, rule)| (Some(nth + 1), rule.counter));
    rules.chain(chain.base.map(|base| (None, base.counter))).collect()
}
