//! CoDel's control law (RFC 8289) for one queue, in nanoseconds.
//!
//! It differs from the kernel's in one thing: `interval / sqrt(count)` is exact to the nanosecond here, where the kernel takes
//! one step of Newton's method for each drop, which is off by up to 30 % for the first drops.

use super::context::{Context, DropCause};
use super::fifo::Fifo;
use super::queued::Queued;
use crate::time::{Duration, Instant};

/// CoDel's parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodelParameters {
    pub(crate) target: Duration,
    pub(crate) interval: Duration,
    /// Packets that waited longer are marked at once: any time that can be, where none are.
    pub(crate) ce_threshold: Duration,
    /// Whether packets are marked in place of being dropped.
    pub(crate) ecn: bool,
}

impl CodelParameters {
    /// As an option has it: `None` for never.
    pub(crate) fn threshold(option: Option<Duration>) -> Duration {
        option.unwrap_or(Duration::from_nanos(u64::MAX))
    }

    /// The other way round.
    pub(crate) fn option(threshold: Duration) -> Option<Duration> {
        Some(threshold).filter(|threshold| threshold.as_nanos() < u64::MAX)
    }
}

/// What CoDel counts over all queues of a qdisc.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodelCounters {
    /// The longest packet whose turn came.
    pub(crate) max_packet: u32,
    /// Packets marked in place of being dropped.
    pub(crate) ecn_mark: u32,
    /// Packets marked for having waited longer than `ce_threshold`.
    pub(crate) ce_mark: u32,
}

/// A queue's state.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Codel {
    /// Drops since the dropping state was entered.
    pub(crate) count: u32,
    /// What `count` was at first in the last dropping state.
    pub(crate) last_count: u32,
    pub(crate) dropping: bool,
    /// When the delay will have been above target for an interval.
    first_above: Option<Instant>,
    /// When the next packet goes, while dropping.
    pub(crate) drop_next: Instant,
    /// How long the last packet waited.
    pub(crate) delay: Duration,
}

impl Codel {
    /// After how many intervals the rate of the last drops is forgotten (RFC 8289 section 5.5).
    const MEMORY: u64 = 16;

    /// Takes the next packet to send from its queue; what is dropped on the way goes to `context.dropped`.
    pub(crate) fn dequeue(
        &mut self,
        context: &mut Context<'_>,
        fifo: &mut Fifo,
        parameters: &CodelParameters,
        counters: &mut CodelCounters,
    ) -> Option<Queued> {
        let Some(mut queued) = fifo.pop(context.pool) else {
            self.dropping = false;
            return None;
        };
        let now = context.now;
        let is_late = self.is_late(context, fifo, &queued, parameters, counters);
        if self.dropping {
            self.dropping = is_late;
            while self.dropping && now >= self.drop_next {
                self.count = self.count.saturating_add(1);
                if parameters.ecn && queued.mark() {
                    counters.ecn_mark = counters.ecn_mark.wrapping_add(1);
                    self.drop_next += self.spacing(parameters);
                    break;
                }
                context.drop(queued, DropCause::Codel);
                queued = self.next(context, fifo, parameters, counters)?;
                if self.dropping {
                    self.drop_next += self.spacing(parameters);
                }
            }
        } else if is_late {
            // The rate that controlled the queue the last time is a good one to begin with, if that is not long ago.
            let recent = self.count.wrapping_sub(self.last_count);
            let is_recent =
                now.since(self.drop_next).as_nanos() < parameters.interval.as_nanos().saturating_mul(Codel::MEMORY);
            self.count = if recent > 1 && is_recent { recent } else { 1 };
            self.last_count = self.count;
            self.drop_next = now + self.spacing(parameters);
            let is_marked = parameters.ecn && queued.mark();
            if is_marked {
                counters.ecn_mark = counters.ecn_mark.wrapping_add(1);
            } else {
                context.drop(queued, DropCause::Codel);
                queued = self.next(context, fifo, parameters, counters)?;
            }
            // Also where the packet that follows is not late: then the next one ends this state.
            self.dropping = true;
        }
        if self.delay > parameters.ce_threshold && queued.mark() {
            counters.ce_mark = counters.ce_mark.wrapping_add(1);
        }
        Some(queued)
    }

    /// The packet behind one that was dropped; ends the dropping state where that is not late.
    fn next(
        &mut self,
        context: &mut Context<'_>,
        fifo: &mut Fifo,
        parameters: &CodelParameters,
        counters: &mut CodelCounters,
    ) -> Option<Queued> {
        let queued = fifo.pop(context.pool);
        self.dropping = match &queued {
            Some(queued) => self.is_late(context, fifo, queued, parameters, counters),
            None => false,
        };
        if queued.is_none() {
            self.first_above = None;
        }
        queued
    }

    /// Whether the delay has been above target for an interval.
    fn is_late(
        &mut self,
        context: &Context<'_>,
        fifo: &Fifo,
        queued: &Queued,
        parameters: &CodelParameters,
        counters: &mut CodelCounters,
    ) -> bool {
        self.delay = context.now - queued.arrived;
        counters.max_packet = counters.max_packet.max(queued.len);
        if self.delay < parameters.target || fifo.backlog().bytes <= u64::from(context.longest_frame()) {
            self.first_above = None;
            return false;
        }
        match self.first_above {
            Some(when) => context.now >= when,
            None => {
                self.first_above = Some(context.now + parameters.interval);
                false
            }
        }
    }

    /// `interval / sqrt(count)` (RFC 8289 section 5.4), rounded down.
    fn spacing(&self, parameters: &CodelParameters) -> Duration {
        let interval = u128::from(parameters.interval.as_nanos());
        let square = interval * interval / u128::from(self.count.max(1));
        Duration::from_nanos(match u64::try_from(square) {
            Ok(square) => square.isqrt(),
            // The root of a square of 64 bits has 64 bits.
            Err(_) => square.isqrt() as u64,
        })
    }

    /// Whether an empty queue's state is any other than that of a queue which never was.
    pub(crate) fn is_worth_keeping(&self, now: Instant, interval: Duration) -> bool {
        let memory = interval.as_nanos().saturating_mul(Codel::MEMORY);
        self.count.wrapping_sub(self.last_count) > 1 && now.since(self.drop_next).as_nanos() < memory
    }
}
