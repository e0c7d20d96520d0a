//! The text of `iptables-save`, `ip6tables-save` and `ipset save`, read and written.

mod calendar;
mod error;
mod names;
mod rates;
mod read;
mod write;

pub use error::{ParseError, Problem};
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
