use std::fmt;

use tctable::conntrack::Counter;
use tctable::packet::Family;
use tctable::ruleset::TableName;

use crate::step::Step;
use crate::talks::describe;

/// What came of one packet that was sent in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// It came out on the other side: its bytes, but for what a router changes; none of a datagram that came in pieces.
    pub forwarded: Option<Vec<u8>>,
    /// What its sender was told, but for the number that IPv4 gives each packet.
    pub answers: Vec<Vec<u8>>,
}

/// A rule or a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The version of IP.
    pub family: Family,
    /// The table.
    pub table: TableName,
    /// The chain.
    pub chain: String,
    /// The rule's number from 1; `None` for the policy.
    pub rule: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {}", self.family, self.table.as_str(), self.chain)?;
        match self.rule {
            Some(rule) => write!(f, " rule {rule}"),
            None => f.write_str(" policy"),
        }
    }
}

/// Something that the kernel and the engine do not agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// What came of a packet.
    Packet {
        /// Its number from zero.
        number: usize,
        /// The packet.
        step: Step,
        /// What came of it in the kernel.
        kernel: Outcome,
        /// What came of it in the engine.
        engine: Outcome,
    },
    /// What a rule or policy counted.
    Counter {
        /// The packets that had gone through.
        packets: usize,
        /// The rule or policy.
        place: Place,
        /// The kernel's counter.
        kernel: Counter,
        /// The engine's counter.
        engine: Counter,
    },
}

impl Difference {
    /// The packets that it takes: those up to it.
    pub fn packets(&self) -> usize {
        match self {
            Difference::Packet { number, .. } => number + 1,
            Difference::Counter { packets, .. } => *packets,
        }
    }

    /// Whether another one is of the same kind.
    pub fn is_like(&self, other: &Difference) -> bool {
        match (self, other) {
            (Difference::Packet { kernel, engine, .. }, Difference::Packet { kernel: of, engine: by, .. }) => {
                let kind = |kernel: &Outcome, engine: &Outcome| {
                    let gone = kernel.forwarded.is_some() != engine.forwarded.is_some();
                    (gone, kernel.forwarded == engine.forwarded, kernel.answers.len() != engine.answers.len())
                };
                kind(kernel, engine) == kind(of, by)
            }
            (Difference::Counter { place, .. }, Difference::Counter { place: other, .. }) => {
                (place.family, place.rule.is_some()) == (other.family, other.rule.is_some())
            }
            _ => false,
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.forwarded {
            Some(bytes) => write!(f, "forwarded {}", Hex(bytes))?,
            None => f.write_str("stopped")?,
        }
        self.answers.iter().try_for_each(|answer| write!(f, "\n    answer {}", Hex(answer)))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Packet { number, step, kernel, engine } => {
                writeln!(f, "packet {number}, from {:?}: {}", step.side, describe(&step.packet))?;
                writeln!(f, "  {}", Hex(&step.packet))?;
                writeln!(f, "  kernel: {kernel}\n  engine: {engine}")
            }
            Difference::Counter { packets, place, kernel, engine } => {
                writeln!(f, "{place}, after {packets} packets")?;
                writeln!(f, "  kernel: [{}:{}]", kernel.packets, kernel.bytes)?;
                writeln!(f, "  engine: [{}:{}]", engine.packets, engine.bytes)
            }
        }
    }
}
