//! Random rules that meet the packets of [`crate::talks`], and iptables as their judge.

mod generate;
mod iptables;
mod matches;
mod places;
mod targets;

use tctable::packet::Family;
use tctable::ruleset::{Ruleset, Sets};

pub use iptables::{Iptables, Variant, in_namespace};

/// Random rules of every match and target whose outcome depends on the packets alone: the same seed and family give the
/// same rules. Time, rates and chance are left out; so are sets, which iptables takes from the kernel, and timeout
/// policies.
///
/// Several tables, user chains with jumps, gotos and returns, addresses, ports and marks from small spaces.
///
/// # Panics
/// If the text of the rules is not read, which is a defect in the generator or the parser.
pub fn random(seed: u64, family: Family) -> Ruleset {
    parse(&random_text(seed, family, false), family)
}

/// As [`random`], with the matches that look at time, rates and chance too: `limit`, `hashlimit`, `connlimit`,
/// `statistic --mode random`, `time`, `conntrack --ctexpire`.
///
/// # Panics
/// As [`random`].
pub fn random_of_every_kind(seed: u64, family: Family) -> Ruleset {
    parse(&random_text(seed, family, true), family)
}

/// The text of random rules as a person might write it, in many spellings; with `timed` those of every kind.
pub fn random_text(seed: u64, family: Family, timed: bool) -> String {
    generate::text(seed, family, timed)
}

fn parse(text: &str, family: Family) -> Ruleset {
    Ruleset::parse(family, text, &Sets::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names behind `-m` and `-j`, and whether a `!` is somewhere.
    fn kinds(rules: &Ruleset) -> BTreeSet<String> {
        let text = rules.to_string();
        let words: Vec<&str> = text.split_whitespace().collect();
        let behind = |pair: &[&str]| matches!(pair[0], "-m" | "-j").then(|| format!("{} {}", pair[0], pair[1]));
        words.windows(2).filter_map(behind).collect()
    }

    #[test]
    fn every_kind_comes_up() {
        for (family, all) in [(Family::V4, 46), (Family::V6, 46)] {
            let found: BTreeSet<String> =
                (0..400).flat_map(|seed| kinds(&random_of_every_kind(seed, family))).collect();
            let found: Vec<&String> = found.iter().filter(|kind| !kind.contains("chain")).collect();
            // 20 matches (all but set) and 19 targets.
            assert!(found.len() >= all - 8, "{} of {all} for {family}: {found:?}", found.len());
        }
    }

    #[test]
    fn a_seed_gives_the_same_rules() {
        assert_eq!(random(7, Family::V4), random(7, Family::V4));
        assert_ne!(random(7, Family::V4), random(8, Family::V4));
    }
}
