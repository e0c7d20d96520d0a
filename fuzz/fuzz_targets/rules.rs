//! Arbitrary text as rules of either version of IP, and as sets: never a panic; and what is read is written so that it
//! is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tctable::packet::Family;
use tctable::ruleset::{Rule, Ruleset, Sets};

fuzz_target!(|text: &str| {
    // Rules that ask for sets find some.
    let known = Sets::parse("create a hash:ip\ncreate b hash:net family inet6\n").expect("two sets");
    for family in [Family::V4, Family::V6] {
        match Ruleset::parse(family, text, &known) {
            Ok(rules) => {
                let written = rules.to_string();
                let again = Ruleset::parse(family, &written, &known);
                let again = again.unwrap_or_else(|error| panic!("{error}\n{written}"));
                assert_eq!(without_lines(again), without_lines(rules), "{written}");
            }
            Err(error) => {
                let line = text.lines().nth(error.line as usize - 1).expect("the line is there");
                assert!(error.column as usize <= line.chars().count() + 1, "{error}");
            }
        }
    }
    let _ = Sets::parse(text);
});

/// Where a rule stood is all that may differ.
fn without_lines(mut rules: Ruleset) -> Ruleset {
    let chains = rules.tables.iter_mut().flat_map(|table| &mut table.chains);
    chains.flat_map(|chain| &mut chain.rules).for_each(|rule: &mut Rule| rule.line = 0);
    rules
}
