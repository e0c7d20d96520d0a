//! Rules as people have them: the text of `iptables-save` and `ip6tables-save`.

mod matches;
pub(crate) mod program;
mod rule;
mod sets;
mod target;

pub use matches::*;
pub use program::{LogRecord, TraceKind, TraceRecord};
pub use rule::{Base, Chain, DevicePattern, Header, Masked, Not, Policy, Rule, Ruleset, Table, TableName};
pub use sets::{Set, SetEntry, SetKind, Sets};
pub use target::*;
