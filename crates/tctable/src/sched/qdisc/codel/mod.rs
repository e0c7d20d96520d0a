//! `codel` (RFC 8289): one queue.

#[cfg(test)]
mod tests;

use super::{Dequeue, Enqueue, OptionsError, Qdisc, QdiscXstats};
use crate::sched::backlog::Backlog;
use crate::sched::codel::{Codel, CodelCounters, CodelParameters};
use crate::sched::context::{Context, DropCause};
use crate::sched::fifo::Fifo;
use crate::sched::options::{CodelOptions, QdiscOptions};
use crate::sched::queued::Queued;
use crate::sched::skb::Skb;

#[derive(Debug)]
pub(super) struct CodelQdisc {
    fifo: Fifo,
    codel: Codel,
    parameters: CodelParameters,
    counters: CodelCounters,
    limit: u32,
    drop_overlimit: u32,
}

impl CodelQdisc {
    pub(super) fn new(options: &CodelOptions) -> CodelQdisc {
        let &CodelOptions { limit, target, interval, ecn, ce_threshold } = options;
        CodelQdisc {
            fifo: Fifo::new(),
            codel: Codel::default(),
            parameters: CodelParameters {
                target,
                interval,
                ce_threshold: CodelParameters::threshold(ce_threshold),
                ecn,
            },
            counters: CodelCounters::default(),
            limit,
            drop_overlimit: 0,
        }
    }
}

impl Qdisc for CodelQdisc {
    fn options(&self) -> QdiscOptions {
        let CodelParameters { target, interval, ce_threshold, ecn } = self.parameters;
        let ce_threshold = CodelParameters::option(ce_threshold);
        QdiscOptions::Codel(CodelOptions { limit: self.limit, target, interval, ecn, ce_threshold })
    }

    fn enqueue(&mut self, context: &mut Context<'_>, _skb: &mut Skb<'_>, queued: Queued) -> Enqueue {
        if self.fifo.backlog().packets < self.limit && self.fifo.push(context.pool, queued).is_ok() {
            return Enqueue::Queued;
        }
        self.drop_overlimit = self.drop_overlimit.wrapping_add(1);
        Enqueue::Dropped(DropCause::Limit)
    }

    fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue {
        let queued = self.codel.dequeue(context, &mut self.fifo, &self.parameters, &mut self.counters);
        queued.map_or(Dequeue::Empty, Dequeue::Packet)
    }

    fn backlog(&self) -> Backlog {
        self.fifo.backlog()
    }

    fn drain(&mut self, context: &mut Context<'_>, cause: DropCause) {
        while let Some(queued) = self.fifo.pop(context.pool) {
            context.drop(queued, cause);
        }
    }

    /// Where the limit is lower than what waits, the oldest packets go, as in the kernel.
    fn change(&mut self, context: &mut Context<'_>, options: &QdiscOptions) -> Result<(), OptionsError> {
        let QdiscOptions::Codel(options) = options else { return Err(OptionsError::OtherKind) };
        let &CodelOptions { limit, target, interval, ecn, ce_threshold } = options;
        self.parameters =
            CodelParameters { target, interval, ce_threshold: CodelParameters::threshold(ce_threshold), ecn };
        self.limit = limit;
        while self.fifo.backlog().packets > self.limit {
            let Some(queued) = self.fifo.pop(context.pool) else { break };
            context.drop(queued, DropCause::Limit);
        }
        Ok(())
    }

    fn xstats(&self) -> QdiscXstats {
        let Codel { count, last_count, dropping, drop_next, delay, .. } = self.codel;
        QdiscXstats::Codel {
            max_packet: self.counters.max_packet,
            count,
            last_count,
            drop_overlimit: self.drop_overlimit,
            delay,
            drop_next: dropping.then_some(drop_next),
            ecn_mark: self.counters.ecn_mark,
            ce_mark: self.counters.ce_mark,
        }
    }
}
