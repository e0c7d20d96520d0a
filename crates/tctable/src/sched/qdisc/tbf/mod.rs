//! `tbf`: a token bucket filter, and below it another qdisc, at first a `bfifo`.

mod bucket;
#[cfg(test)]
mod tests;

use self::bucket::Bucket;
use super::fifo::FifoQdisc;
use super::single::Single;
use super::{Classful, Dequeue, Enqueue, OptionsError, Qdisc};
use crate::sched::backlog::Backlog;
use crate::sched::context::{Context, DropCause};
use crate::sched::handle::Handle;
use crate::sched::node::Node;
use crate::sched::options::{QdiscOptions, TbfOptions};
use crate::sched::queued::Queued;
use crate::sched::skb::Skb;
use crate::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Tbf {
    major: u16,
    buckets: Buckets,
    burst: u32,
    limit: u32,
    mtu: u32,
    /// The time up to which the buckets are filled.
    filled: Instant,
    overlimits: u64,
    child: Node,
    /// The next packet, where the one below does not show it: it has given it away already.
    held: Option<Queued>,
}

/// Every packet takes from both.
#[derive(Clone, Copy, Debug)]
struct Buckets {
    rate: Bucket,
    peak: Option<Bucket>,
}

impl Buckets {
    fn new(options: &TbfOptions) -> Result<Buckets, OptionsError> {
        let rate = Bucket::new(options.rate, options.burst).ok_or(OptionsError::Invalid("rate: more than 0"))?;
        if options.burst == 0 {
            return Err(OptionsError::Invalid("burst: more than 0"));
        }
        let Some(peak) = options.peak_rate else { return Ok(Buckets { rate, peak: None }) };
        if options.mtu == 0 {
            return Err(OptionsError::Invalid("peakrate: needs an mtu"));
        }
        let bucket = Bucket::new(peak, options.mtu).filter(|_| peak.rate > options.rate.rate);
        let peak = bucket.ok_or(OptionsError::Invalid("peakrate: more than the rate"))?;
        Ok(Buckets { rate, peak: Some(peak) })
    }

    fn fill(&mut self, span: Duration) {
        self.rate.fill(span);
        if let Some(peak) = &mut self.peak {
            peak.fill(span);
        }
    }

    fn wait(&self, len: u32) -> Duration {
        self.rate.wait(len).max(self.peak.map_or(Duration::ZERO, |peak| peak.wait(len)))
    }

    fn pay(&mut self, len: u32) {
        self.rate.pay(len);
        if let Some(peak) = &mut self.peak {
            peak.pay(len);
        }
    }

    /// Others that have what these have.
    fn hand_on(&self, to: &mut Buckets) {
        self.rate.hand_on(&mut to.rate);
        if let (Some(from), Some(to)) = (&self.peak, &mut to.peak) {
            from.hand_on(to);
        }
    }
}

impl Tbf {
    pub(super) fn new(context: &mut Context<'_>, major: u16, options: &TbfOptions) -> Result<Tbf, OptionsError> {
        let buckets = Buckets::new(options)?;
        let &TbfOptions { burst, limit, mtu, .. } = options;
        let child = Tbf::own_child(context, limit)?;
        Ok(Tbf { major, buckets, burst, limit, mtu, filled: context.now, overlimits: 0, child, held: None })
    }

    fn own_child(context: &mut Context<'_>, limit: u32) -> Result<Node, OptionsError> {
        let fifo = FifoQdisc::new(context, &QdiscOptions::Bfifo { limit: Some(limit) })?;
        Ok(Node::new(Handle::UNSPEC, Box::new(fifo)))
    }

    /// The longest packet that may come.
    fn longest(&self) -> u32 {
        if self.buckets.peak.is_some() { self.burst.min(self.mtu) } else { self.burst }
    }

    fn drop_held(&mut self, context: &mut Context<'_>, cause: DropCause) {
        if let Some(queued) = self.held.take() {
            context.drop(queued, cause);
        }
    }
}

impl Qdisc for Tbf {
    fn options(&self) -> QdiscOptions {
        QdiscOptions::Tbf(TbfOptions {
            rate: self.buckets.rate.spec(),
            burst: self.burst,
            limit: self.limit,
            peak_rate: self.buckets.peak.map(|peak| peak.spec()),
            mtu: self.mtu,
        })
    }

    fn enqueue(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>, queued: Queued) -> Enqueue {
        if queued.len > self.longest() {
            return Enqueue::Dropped(DropCause::TooLong);
        }
        self.child.enqueue(context, skb, queued)
    }

    fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue {
        let head = match self.held.or_else(|| self.child.qdisc.front(context.pool)) {
            Some(head) => head,
            None => match self.child.dequeue(context) {
                Dequeue::Packet(queued) => {
                    self.held = Some(queued);
                    queued
                }
                other => return other,
            },
        };
        self.buckets.fill(context.now - self.filled);
        self.filled = self.filled.max(context.now);
        let wait = self.buckets.wait(head.len);
        if wait > Duration::ZERO {
            self.overlimits += 1;
            return Dequeue::Later(context.now + wait);
        }
        self.buckets.pay(head.len);
        match self.held.take() {
            Some(queued) => Dequeue::Packet(queued),
            None => self.child.dequeue(context),
        }
    }

    fn backlog(&self) -> Backlog {
        let mut backlog = self.child.backlog();
        if let Some(queued) = &self.held {
            backlog.add(queued.len);
        }
        backlog
    }

    fn drain(&mut self, context: &mut Context<'_>, cause: DropCause) {
        self.drop_held(context, cause);
        self.child.drain(context, cause);
    }

    /// Tokens stay, as far as there is room for them; the kernel fills both buckets up.
    fn change(&mut self, context: &mut Context<'_>, options: &QdiscOptions) -> Result<(), OptionsError> {
        let QdiscOptions::Tbf(options) = options else { return Err(OptionsError::OtherKind) };
        let mut buckets = Buckets::new(options)?;
        self.buckets.fill(context.now - self.filled);
        self.filled = self.filled.max(context.now);
        self.buckets.hand_on(&mut buckets);
        self.buckets = buckets;
        TbfOptions { burst: self.burst, limit: self.limit, mtu: self.mtu, .. } = *options;
        FifoQdisc::limit(&mut *self.child.qdisc, context, self.limit);
        Ok(())
    }

    fn overlimits(&self) -> u64 {
        self.overlimits
    }

    fn classful(&self) -> Option<&dyn Classful> {
        Some(self)
    }

    fn classful_mut(&mut self) -> Option<&mut dyn Classful> {
        Some(self)
    }
}

impl Single for Tbf {
    fn major(&self) -> u16 {
        self.major
    }

    fn child(&self) -> &Node {
        &self.child
    }

    fn child_mut(&mut self) -> &mut Node {
        &mut self.child
    }

    fn replace_child(&mut self, context: &mut Context<'_>, child: Option<Node>) -> Result<(), OptionsError> {
        let child = match child {
            Some(child) => child,
            None => Tbf::own_child(context, self.limit)?,
        };
        self.drop_held(context, DropCause::Deleted);
        self.child.replace(context, child);
        Ok(())
    }

    fn settle_child(&mut self, _context: &mut Context<'_>) {}
}
