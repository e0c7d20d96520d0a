//! What one class, host or device came to.

use tctable::sched::{Backlog, Count};
use tctable::time::{Duration, Instant};

use super::delays::Delays;

/// What was offered, and what became of it.
///
/// Nothing is silently absent: `offered = carried + dropped + taken`, once the queues are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) offered: Count,
    pub(crate) carried: Count,
    pub(crate) dropped: Count,
    /// What a filter's action took: it left elsewhere, or nowhere.
    pub(crate) taken: Count,
    /// Of those carried, those that were marked as having met congestion (ECN).
    pub(crate) marked: u64,
    pub(crate) delays: Delays,
    /// What waits.
    pub(crate) waiting: Backlog,
    /// The most that waited, in packets and in bytes, each at its own time.
    pub(crate) most_waiting: Backlog,
}

impl Tally {
    /// A packet came and waits.
    pub(super) fn queued(&mut self, len: u32) {
        self.offered.count(len);
        self.waiting.packets += 1;
        self.waiting.bytes += u64::from(len);
        self.most_waiting.packets = self.most_waiting.packets.max(self.waiting.packets);
        self.most_waiting.bytes = self.most_waiting.bytes.max(self.waiting.bytes);
    }

    /// A packet came and was dropped at once.
    pub(super) fn refused(&mut self, len: u32) {
        self.offered.count(len);
        self.dropped.count(len);
    }

    /// A packet came and was taken by an action.
    pub(super) fn taken(&mut self, len: u32) {
        self.offered.count(len);
        self.taken.count(len);
    }

    /// A packet that waited was dropped.
    pub(super) fn dropped(&mut self, len: u32) {
        self.no_longer_waits(len);
        self.dropped.count(len);
    }

    /// A packet that waited left.
    pub(super) fn carried(&mut self, len: u32, delay: Duration, is_marked: bool) {
        self.no_longer_waits(len);
        self.carried.count(len);
        self.marked += u64::from(is_marked);
        self.delays.add(delay);
    }

    fn no_longer_waits(&mut self, len: u32) {
        self.waiting.packets -= 1;
        self.waiting.bytes -= u64::from(len);
    }
}

/// The times of a simulation, by which rates are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// The first packet came.
    pub(crate) first: Instant,
    /// The last packet came.
    pub(crate) last: Instant,
    /// The last packet had left.
    pub(crate) end: Instant,
}

impl Times {
    /// From the first packet to the last.
    pub(crate) fn offered(&self) -> Duration {
        self.last.since(self.first)
    }

    /// From the first packet until all had left.
    pub(crate) fn carried(&self) -> Duration {
        self.end.since(self.first)
    }
}
