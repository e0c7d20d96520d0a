//! `red`: random early detection (Floyd and Jacobson, 1993), and adaptive (Floyd, Gummadi and Shenker, 2001); below it another
//! qdisc, at first a `bfifo`.

mod average;
mod curve;
#[cfg(test)]
mod tests;

use self::average::Average;
use self::curve::{Congestion, Curve};
use super::fifo::FifoQdisc;
use super::single::Single;
use super::{Classful, Dequeue, Enqueue, OptionsError, Qdisc, QdiscXstats};
use crate::sched::backlog::Backlog;
use crate::sched::context::{Context, DropCause};
use crate::sched::handle::Handle;
use crate::sched::node::Node;
use crate::sched::options::{QdiscOptions, RedOptions};
use crate::sched::queued::Queued;
use crate::sched::skb::Skb;
use crate::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Red {
    major: u16,
    /// As they were given, but for the probability, which `curve` has.
    options: RedOptions,
    curve: Curve,
    average: Average,
    /// Since when nothing waits.
    idle: Option<Instant>,
    /// When the probability is adapted next.
    adapt_at: Instant,
    overlimits: u64,
    early: u32,
    marked: u32,
    pdrop: u32,
    child: Node,
}

impl Red {
    /// How often the probability is adapted (Floyd, Gummadi and Shenker, 2001, section 5.2).
    const ADAPT: Duration = Duration::from_millis(500);

    pub(super) fn new(context: &mut Context<'_>, major: u16, options: &RedOptions) -> Result<Red, OptionsError> {
        let (curve, weight) = Red::check(options)?;
        let child = Red::own_child(context, options.limit)?;
        Ok(Red {
            major,
            options: *options,
            curve,
            average: Average::new(weight),
            idle: Some(context.now),
            adapt_at: context.now + Red::ADAPT,
            overlimits: 0,
            early: 0,
            marked: 0,
            pdrop: 0,
            child,
        })
    }

    /// The curve, and the weight of the average.
    fn check(options: &RedOptions) -> Result<(Curve, u32), OptionsError> {
        let &RedOptions { min, max, avpkt, burst, probability, bandwidth, .. } = options;
        if avpkt == 0 || bandwidth.0 == 0 {
            return Err(OptionsError::Invalid("avpkt, bandwidth: more than 0"));
        }
        if max < min {
            return Err(OptionsError::Invalid("max: min at least"));
        }
        let usual = (2 * u64::from(min) + u64::from(max)) / (3 * u64::from(avpkt));
        let burst = burst.filter(|burst| *burst > 0).unwrap_or(u32::try_from(usual).unwrap_or(u32::MAX));
        let Some(weight) = Average::weight(min, avpkt, burst) else {
            return Err(OptionsError::Invalid("burst: more than min / avpkt"));
        };
        // The kernel has both in fixed point in 32 bits.
        if u32::BITS - max.leading_zeros() + weight >= u32::BITS {
            return Err(OptionsError::Invalid("min, max: too high for that burst"));
        }
        let curve = Curve::new(min, max, probability).ok_or(OptionsError::Invalid("probability: 0 to 1"))?;
        Ok((curve, weight))
    }

    fn own_child(context: &mut Context<'_>, limit: u32) -> Result<Node, OptionsError> {
        let fifo = FifoQdisc::new(context, &QdiscOptions::Bfifo { limit: Some(limit) })?;
        Ok(Node::new(Handle::UNSPEC, Box::new(fifo)))
    }

    /// The average as it is at a time at which no packet comes.
    fn average_at(&self, now: Instant) -> Average {
        let mut average = self.average;
        if let Some(idle) = self.idle {
            // The packets that could have been sent meanwhile (section 4).
            let bytes = u128::from((now - idle).as_nanos()) * u128::from(self.options.bandwidth.0) / 1_000_000_000;
            let packets = bytes / u128::from(self.options.avpkt);
            average.rest(u64::try_from(packets).unwrap_or(u64::MAX));
        }
        average
    }

    /// Adapts the probability as often as it was due.
    fn adapt(&mut self, now: Instant) {
        /// Beyond so many times, nothing is left to follow: the average of an idle queue is 0 by then.
        const MOST: u32 = 1000;
        for _ in 0..MOST {
            if !self.options.adaptive || now < self.adapt_at {
                return;
            }
            let average = self.average_at(self.adapt_at);
            self.adapt_at += Red::ADAPT;
            let is_steady = self.idle.is_none() || average.bytes() == 0;
            if !self.curve.adapt(average) && is_steady {
                break;
            }
        }
        if now >= self.adapt_at {
            let missed = (now - self.adapt_at).as_nanos() / Red::ADAPT.as_nanos() + 1;
            self.adapt_at += Duration::from_nanos(missed.saturating_mul(Red::ADAPT.as_nanos()));
        }
    }

    /// Notes when nothing is left.
    fn note_idle(&mut self, now: Instant) {
        if self.idle.is_none() && self.child.backlog().is_empty() {
            self.idle = Some(now);
        }
    }

    /// Whether a packet is let in that meets congestion.
    fn admits(&mut self, congestion: Congestion, queued: &mut Queued) -> bool {
        if congestion == Congestion::None {
            return true;
        }
        self.overlimits += 1;
        let may_mark = self.options.ecn && !(congestion == Congestion::Forced && self.options.hard_drop);
        let is_marked = may_mark && queued.mark();
        let count = if is_marked { &mut self.marked } else { &mut self.early };
        *count = count.wrapping_add(1);
        is_marked
    }
}

impl Qdisc for Red {
    fn options(&self) -> QdiscOptions {
        let RedOptions { adaptive, probability, .. } = self.options;
        let probability = if adaptive { self.curve.probability() } else { probability };
        QdiscOptions::Red(RedOptions { probability, ..self.options })
    }

    fn enqueue(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>, mut queued: Queued) -> Enqueue {
        self.adapt(context.now);
        if self.idle.is_some() {
            self.average = self.average_at(context.now);
            self.idle = None;
        } else {
            self.average.follow(self.child.backlog().bytes);
        }
        let congestion = self.curve.meet(self.average, context.random);
        let told = if self.admits(congestion, &mut queued) {
            let told = self.child.enqueue(context, skb, queued);
            if matches!(told, Enqueue::Dropped(_)) {
                self.pdrop = self.pdrop.wrapping_add(1);
            }
            told
        } else {
            Enqueue::Dropped(DropCause::Red)
        };
        self.note_idle(context.now);
        told
    }

    fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue {
        self.adapt(context.now);
        let dequeue = self.child.dequeue(context);
        self.note_idle(context.now);
        dequeue
    }

    fn backlog(&self) -> Backlog {
        self.child.backlog()
    }

    fn drain(&mut self, context: &mut Context<'_>, cause: DropCause) {
        self.child.drain(context, cause);
        self.note_idle(context.now);
    }

    /// What waits stays, and so does the average; the kernel drops the one and forgets the other.
    fn change(&mut self, context: &mut Context<'_>, options: &QdiscOptions) -> Result<(), OptionsError> {
        let QdiscOptions::Red(options) = options else { return Err(OptionsError::OtherKind) };
        let (curve, weight) = Red::check(options)?;
        self.adapt(context.now);
        self.average = self.average_at(context.now).weighted(weight);
        self.idle = self.idle.map(|_| context.now);
        (self.options, self.curve) = (*options, curve);
        self.adapt_at = context.now + Red::ADAPT;
        FifoQdisc::limit(&mut *self.child.qdisc, context, self.options.limit);
        Ok(())
    }

    fn overlimits(&self) -> u64 {
        self.overlimits
    }

    fn xstats(&self) -> QdiscXstats {
        QdiscXstats::Red { early: self.early, pdrop: self.pdrop, marked: self.marked, average: self.average.bytes() }
    }

    fn classful(&self) -> Option<&dyn Classful> {
        Some(self)
    }

    fn classful_mut(&mut self) -> Option<&mut dyn Classful> {
        Some(self)
    }
}

impl Single for Red {
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
            None => Red::own_child(context, self.options.limit)?,
        };
        self.child.replace(context, child);
        self.note_idle(context.now);
        Ok(())
    }

    fn settle_child(&mut self, context: &mut Context<'_>) {
        self.note_idle(context.now);
    }
}
