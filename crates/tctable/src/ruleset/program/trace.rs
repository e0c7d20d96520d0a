use std::fmt;
use std::sync::Arc;

use crate::ruleset::{Header, Rule, TableName, Target};

/// A rule that a traced packet met, or the end of a chain that it came to.
///
/// It is written as the kernel does: `raw:PREROUTING:rule:3`, `filter:FORWARD:policy:4`, `filter:user:return:2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRecord {
    /// The table.
    pub table: TableName,
    /// The chain's name.
    pub chain: Arc<str>,
    /// What it is in its chain.
    pub kind: TraceKind,
    /// The rule's number, from 1 on; at the end of a chain one more than it has rules.
    pub number: u32,
    /// What is done, in the words of `-j`: a target's or a chain's name; empty for a rule without a target.
    pub verdict: Arc<str>,
}

/// What a traced packet met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceKind {
    /// A rule.
    Rule,
    /// The end of a built-in chain. As in the kernel also a rule there that asks for nothing and says the same as a policy.
    Policy,
    /// The end of a user's chain. As in the kernel also a rule there that asks for nothing and ends the walk.
    Return,
}

impl TraceKind {
    /// The kernel's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            TraceKind::Rule => "rule",
            TraceKind::Policy => "policy",
            TraceKind::Return => "return",
        }
    }

    /// What the kernel takes a rule for: it tells the end of a chain by its looks.
    pub(super) fn of(rule: &Rule, builtin: bool) -> TraceKind {
        let verdict = matches!(rule.target, Target::Accept | Target::Drop | Target::Return | Target::Queue);
        if verdict && rule.matches.is_empty() && rule.header == Header::default() {
            TraceKind::end(builtin)
        } else {
            TraceKind::Rule
        }
    }

    pub(super) fn end(builtin: bool) -> TraceKind {
        if builtin { TraceKind::Policy } else { TraceKind::Return }
    }
}

impl fmt::Display for TraceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.table.as_str(), self.chain, self.kind.as_str(), self.number)
    }
}
