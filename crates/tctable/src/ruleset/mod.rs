//! Rules as people have them: the text of `iptables-save` and `ip6tables-save`.

mod matches;
mod program;
mod rule;
mod sets;
mod target;

pub use matches::*;
pub use program::reject::answer as reject_answer;
pub use rule::{Base, Chain, DevicePattern, Header, Masked, Not, Policy, Rule, Ruleset, Table, TableName};
pub use sets::{Set, SetEntry, SetKind, Sets};
pub use target::*;
#[derive(Clone, Debug)]
pub struct TraceRecord;
