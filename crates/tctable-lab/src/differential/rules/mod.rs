//! Rules beside the running kernel's: the same rule sets and the same packets through iptables and through the engine.
//!
//! [`RulesDifferential::run`] loads a [`Pair`] of rule sets into both sides, sends packets through both and compares what
//! came out after each, and the counters of all rules and policies after each batch. It stops at the first [`Difference`].

mod counters;
mod difference;
mod engine;
mod pair;
mod reduce;
mod runner;
mod steps;
mod tally;

pub use self::difference::{Difference, Outcome, Place};
pub use self::pair::Pair;
pub use self::reduce::Reduced;
pub use self::runner::{RulesDifferential, Run};
pub use self::steps::{steps, takes};
pub use self::tally::Tally;
