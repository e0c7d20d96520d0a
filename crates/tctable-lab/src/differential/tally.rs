use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use super::record::{Field, Record};

/// What was compared, so that a comparison that compares nothing shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets that went through both sides and were compared.
    pub packets: u64,
    /// Packets of connections that were left out after a known difference.
    pub left_out: u64,
    /// Connections that were compared at the end of a run.
    pub connections: u64,
    /// By [`Field`]: how often both sides told it, and it was compared.
    pub compared: [u64; Field::ALL.len()],
    /// By [`Field`]: how often the kernel told it and the engine did not.
    pub not_told: [u64; Field::ALL.len()],
    /// Connections left out, by the title of the known difference.
    pub known: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Compares two records and gives what differs.
    pub(super) fn compare(&mut self, kernel: &Record, engine: &Record) -> Vec<Field> {
        let mut fields = Vec::new();
        let both = kernel.values().into_iter().zip(engine.values());
        for ((at, field), values) in Field::ALL.into_iter().enumerate().zip(both) {
            match values {
                (Some(kernel), Some(engine)) => {
                    self.compared[at] += 1;
                    if !field.agree(kernel, engine) {
                        fields.push(field);
                    }
                }
                (Some(_), None) => self.not_told[at] += 1,
                (None, Some(_)) => fields.push(field),
                (None, None) => {}
            }
        }
        fields
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.packets += other.packets;
        self.left_out += other.left_out;
        self.connections += other.connections;
        for at in 0..Field::ALL.len() {
            self.compared[at] += other.compared[at];
            self.not_told[at] += other.not_told[at];
        }
        for (title, count) in other.known {
            *self.known.entry(title).or_default() += count;
        }
    }
}

/// One line for each field, and one for each known difference that was met.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<18} {:>14} {:>14}", "", "compared", "not told")?;
        for ((field, compared), not_told) in Field::ALL.into_iter().zip(self.compared).zip(self.not_told) {
            writeln!(f, "{field:<18} {compared:>14} {not_told:>14}")?;
        }
        for (title, count) in &self.known {
            writeln!(f, "known: {title}: {count} connections, left out from there on")?;
        }
        Ok(())
    }
}
