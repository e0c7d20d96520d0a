//! Actions: what is done to a packet that a filter matched. A file for each kind.

mod options;

use super::backlog::Count;
pub use options::{
    ActionOptions, ActionVerdict, Estimator, GactChoice, GactOptions, GactRandom, MarkEdit, MirredOptions,
    PoliceOptions, SkbeditOptions,
};

/// What an action counted (`TCA_STATS_BASIC`, `TCA_STATS_QUEUE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActionStatistics {
    /// What it was given.
    pub given: Count,
    /// Packets that it dropped.
    pub dropped: u64,
    /// Packets that exceeded a rate, or could not be sent to another device.
    pub overlimits: u64,
}
