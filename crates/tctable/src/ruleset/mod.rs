//! Rules as people have them: the text of `iptables-save` and `ip6tables-save`.

mod matches;
pub(crate) mod program;
mod rule;
mod sets;
mod target;
mod text;

pub use matches::*;
pub use program::reject::answer as reject_answer;
pub use program::{LogRecord, TraceKind, TraceRecord};
pub use rule::{Base, Chain, DevicePattern, Header, Masked, Not, Policy, Rule, Ruleset, Table, TableName};
pub use sets::{Set, SetEntry, SetKind, Sets};
pub use target::*;
pub use text::{ParseError, Problem, RuleText};
