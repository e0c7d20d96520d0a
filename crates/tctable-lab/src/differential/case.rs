use std::fmt;

use tctable::time::Instant;

use super::record::{Field, Record};
use crate::step::Step;
use crate::talks::describe;

/// What the engine knew of a connection after an earlier packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// When its first packet came.
    pub first: Instant,
    /// When it was to end.
    pub deadline: Instant,
}

/// A difference, for a rule that may know it.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The packet; `None` at the end of a run.
    pub step: Option<&'a Step>,
    /// When the packet was sent.
    pub now: Instant,
    /// What differs.
    pub fields: &'a [Field],
    /// The kernel's record.
    pub kernel: &'a Record,
    /// The engine's record.
    pub engine: &'a Record,
    /// What the engine knew of the connection before.
    pub before: Option<Before>,
}

/// A packet, or a connection at the end, of which the kernel and the engine say different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The packet and its number from zero; `None` for what showed in the comparison at the end.
    pub step: Option<(usize, Step)>,
    /// What differs.
    pub fields: Vec<Field>,
    /// The kernel's record.
    pub kernel: Record,
    /// The engine's record.
    pub engine: Record,
}

impl Difference {
    /// Whether another one is of the same kind: the first thing that differs is the same, and so are the two ctstates.
    pub fn is_like(&self, other: &Difference) -> bool {
        let kind = |difference: &Difference| {
            (difference.fields.first().copied(), difference.kernel.state, difference.engine.state)
        };
        kind(self) == kind(other)
    }
}

/// Fields that may be compared, with the kernel's and the engine's value side by side; `*` marks what differs, `-` is a
/// value that a side does not tell.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some((number, step)) => writeln!(f, "packet {number}, from {:?}: {}", step.side, describe(&step.packet))?,
            None => writeln!(f, "at the end:")?,
        }
        writeln!(f, "  {:<18} {:<48} engine", "", "kernel")?;
        let both = self.kernel.values().into_iter().zip(self.engine.values());
        for (field, (kernel, engine)) in Field::ALL.into_iter().zip(both) {
            if kernel.is_none() && engine.is_none() {
                continue;
            }
            let mark = if self.fields.contains(&field) { '*' } else { ' ' };
            let [kernel, engine] =
                [kernel, engine].map(|value| value.map_or("-".to_owned(), |value| value.to_string()));
            writeln!(f, "{mark} {field:<18} {kernel:<48} {engine}")?;
        }
        Ok(())
    }
}
