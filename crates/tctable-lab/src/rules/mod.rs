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

    /// Words behind a `-m` or a `-j` that are no chain.
    fn kinds(rules: &Ruleset) -> BTreeSet<String> {
        let text = rules.to_string();
        let words: Vec<&str> = text.split_whitespace().collect();
        let pairs = words.windows(2).filter(|pair| matches!(pair[0], "-m" | "-j") && !pair[1].contains("chain"));
        pairs.map(|pair| pair[1].to_owned()).collect()
    }

    const MATCHES: [&str; 16] = [
        "tcp",
        "udp",
        "multiport",
        "conntrack",
        "state",
        "connbytes",
        "connmark",
        "mark",
        "length",
        "iprange",
        "mac",
        "statistic",
        "dscp",
        "comment",
        "ICMP",
        "TTL",
    ];
    const TARGETS: [&str; 16] = [
        "ACCEPT", "DROP", "RETURN", "REJECT", "QUEUE", "NFQUEUE", "MARK", "CONNMARK", "CT", "NOTRACK", "CLASSIFY",
        "DSCP", "TCPMSS", "LOG", "TRACE", "SETTTL",
    ];
    const TIMED: [&str; 4] = ["limit", "hashlimit", "connlimit", "time"];

    #[test]
    fn every_kind_comes_up() {
        for (family, names) in [(Family::V4, ["icmp", "ttl", "TTL"]), (Family::V6, ["icmp6", "hl", "HL"])] {
            let named = |name: &str| match name {
                "ICMP" => names[0].to_owned(),
                "TTL" => names[1].to_owned(),
                "SETTTL" => names[2].to_owned(),
                name => name.to_owned(),
            };
            let plain: BTreeSet<String> = MATCHES.iter().chain(&TARGETS).map(|name| named(name)).collect();
            let found: BTreeSet<String> = (0..200).flat_map(|seed| kinds(&random(seed, family))).collect();
            assert_eq!(found, plain, "{family}");
            let every = plain.into_iter().chain(TIMED.map(str::to_owned)).collect();
            let found: BTreeSet<String> =
                (0..200).flat_map(|seed| kinds(&random_of_every_kind(seed, family))).collect();
            assert_eq!(found, every, "{family}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_rules() {
        assert_eq!(random(7, Family::V4), random(7, Family::V4));
        assert_ne!(random(7, Family::V4), random(8, Family::V4));
    }
}
