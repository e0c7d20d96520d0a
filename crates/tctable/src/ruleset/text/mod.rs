//! The text of `iptables-save`, `ip6tables-save` and `ipset save`, read and written.
//!
//! What is written is byte for byte what `iptables-save --counters` of iptables 1.8.9 prints after `iptables-restore
//! --counters` has read it, but for its comments and the order of tables. Where that program forgets a part of what it
//! took, more is written than it would print:
//!
//! - `! --dport 0:65535`, `--tcp-flags NONE SYN` and `! -i +`, which no packet meets;
//! - a mask of `--ctorigsrc` and its like that is no prefix;
//! - a burst of `hashlimit` in bytes that is no whole number of the unit in which it is printed, and rates below 16
//!   bytes a second, which are printed as 0.
//!
//! Addresses behind `--ctorigsrc` and its like are cut to their mask. `iptables-nft` rewrites some ports (`! --dport 0:9`
//! becomes `--dport 10:65535`), joins two `-m tcp` that follow each other and has no `QUEUE`; rules are written as the
//! legacy program writes them. It also takes `TCPMSS` without `--syn`, which the kernel's target refuses, as is done here;
//! `TRACE` in every table is taken as it takes it.

mod calendar;
mod names;
mod rates;
mod read;
mod write;

pub use crate::words::{ParseError, Problem};
pub use write::RuleText;

use super::rule::{Rule, Ruleset, Table};
use super::sets::Sets;
use crate::packet::Family;

impl Ruleset {
    /// Reads what `iptables-save` or `ip6tables-save` wrote, or people in its manner: whatever `iptables-restore` takes of
    /// the matches and targets that are here, in all spellings. Beside `-A` a line may say `-I`, `-N`, `-P` or `-F`.
    ///
    /// Words stand for what iptables 1.8.9 takes them for. What it would take and forget, or take for something else than
    /// what is written, is an error; so are names of hosts, which would have to be looked up.
    ///
    /// # Errors
    /// [`ParseError`] for the first thing that is wrong: a word that is not known, a value that cannot be, a rule where the
    /// kernel would not have it, a jump that leads back, a set that is not there. Nothing is loaded then.
    pub fn parse(family: Family, text: &str, sets: &Sets) -> Result<Ruleset, ParseError> {
        read::ruleset(family, text, sets)
    }

    /// A rule as it stands in the text: `-A CHAIN ...`.
    pub fn rule_text<'a>(&'a self, table: &'a Table, chain: &'a str, rule: &'a Rule) -> RuleText<'a> {
        RuleText::new(self.family, table, chain, rule)
    }
}

impl Sets {
    /// Reads what `ipset save` wrote: sets of `hash:ip` and `hash:net`.
    ///
    /// # Errors
    /// [`ParseError`] for the first thing that is wrong, such as a set of another type. Nothing is loaded then.
    pub fn parse(text: &str) -> Result<Sets, ParseError> {
        read::sets(text)
    }
}
