//! The text of rules through the public API: what each option comes to, and what is refused where.

mod fields;
mod files;
mod refusals;
mod sets;

use tctable::packet::Family;
use tctable::ruleset::{Match, ParseError, Rule, Ruleset, Sets, Target};

/// Reads a file.
pub fn read(family: Family, text: &str) -> Result<Ruleset, ParseError> {
    Ruleset::parse(family, text, &Sets::default())
}

/// A file that is right.
pub fn rules(text: &str) -> Ruleset {
    read(Family::V4, text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The only rule of a table, in a chain from which every target may be reached.
pub fn rule_of(family: Family, table: &str, rule: &str) -> Rule {
    let chain = if table == "raw" { "PREROUTING" } else { "FORWARD" };
    let text = format!("*{table}\n:user - [0:0]\n-A {chain} {rule}\nCOMMIT\n");
    let ruleset = read(family, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut rules = ruleset.tables.into_iter().flat_map(|table| table.chains).flat_map(|chain| chain.rules);
    let rule = rules.next().expect("a rule");
    assert_eq!(rules.next(), None);
    rule
}

/// The last match of a rule of table filter.
pub fn match_of(rule: &str) -> Match {
    rule_of(Family::V4, "filter", rule).matches.pop().expect("a match")
}

/// The target of a rule.
pub fn target_of(table: &str, rule: &str) -> Target {
    rule_of(Family::V4, table, rule).target
}
