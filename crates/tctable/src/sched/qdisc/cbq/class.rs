use super::estimator::{Estimator, Fine, credit, nanos, time_of};
use crate::sched::backlog::Count;
use crate::sched::filter::Block;
use crate::sched::node::Node;
use crate::sched::options::CbqClassOptions;
use crate::sched::qdisc::OptionsError;
use crate::sched::rate::RateSpec;
use crate::time::{Duration, Instant};

/// A class's place among the others.
pub(super) type Place = u32;

/// A class; the one at the root is the link.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) minor: u32,
    /// `None` at the root.
    pub(super) parent: Option<Place>,
    pub(super) options: CbqClassOptions,
    pub(super) estimator: Estimator,
    /// How long it is put off where it may not send, so that it can send so many packets at once then.
    off_time: Duration,
    /// 0 for a class without children, and one more than the highest of those that it has.
    pub(super) level: u8,
    /// Children that never lend.
    pub(super) isolated_children: u32,
    /// Filters that name it.
    pub(super) named: u32,
    /// The qdisc below it, made at the first packet.
    pub(super) node: Option<Node>,
    pub(super) block: Block,
    /// Whether it is in the round of its priority.
    pub(super) is_active: bool,
    /// Whether it was put off since it could send last.
    is_put_off: bool,
    /// Bytes that it sends in a round.
    pub(super) quantum: i64,
    /// What it may still send in this round, at its own rate and of what it borrows.
    pub(super) deficits: [i64; 2],
    /// What it or classes below it sent.
    pub(super) sent: Count,
    pub(super) dropped: u64,
    pub(super) overlimits: u64,
    pub(super) borrows: u32,
    pub(super) overactions: u32,
}

impl Class {
    pub(super) fn new(minor: u32, parent: Option<Place>, options: &CbqClassOptions, now: Instant) -> Class {
        let spare = spare(options, options.rate);
        Class {
            minor,
            parent,
            options: *options,
            estimator: Estimator::new(options.rate, spare, options.max_burst, now),
            off_time: off_time(options),
            level: 0,
            isolated_children: 0,
            named: 0,
            node: None,
            block: Block::default(),
            is_active: false,
            is_put_off: false,
            quantum: options.allot.into(),
            deficits: [0; 2],
            sent: Count::default(),
            dropped: 0,
            overlimits: 0,
            borrows: 0,
            overactions: 0,
        }
    }

    pub(super) fn change(&mut self, options: &CbqClassOptions) {
        self.options = *options;
        self.lend(options.rate);
        self.off_time = off_time(options);
    }

    /// It has that rate, for itself and to lend.
    pub(super) fn lend(&mut self, rate: RateSpec) {
        self.estimator.change(rate, spare(&self.options, rate), self.options.max_burst);
    }

    /// The kernel's and `tc`'s bounds.
    pub(super) fn check(options: &CbqClassOptions) -> Result<(), OptionsError> {
        if options.rate.rate.0 == 0 || options.bandwidth.rate.0 == 0 {
            return Err(OptionsError::Invalid("rate, bandwidth: more than 0"));
        }
        if options.avpkt == 0 || options.allot == 0 || options.weight.is_some_and(|weight| weight.0 == 0) {
            return Err(OptionsError::Invalid("avpkt, allot, weight: more than 0"));
        }
        if !(1..=8).contains(&options.prio) {
            return Err(OptionsError::Invalid("prio: 1 to 8"));
        }
        Ok(())
    }

    pub(super) fn weight(&self) -> u64 {
        self.options.weight.unwrap_or(self.options.rate.rate).0
    }

    /// After how many rounds it has something to spend.
    pub(super) fn rounds(&self, share: usize) -> i64 {
        self.deficits[share].saturating_neg() / self.quantum.max(1) + 1
    }

    /// Whether anything waits in its own queue.
    pub(super) fn has_packets(&self) -> bool {
        self.node.as_ref().is_some_and(|node| !node.backlog().is_empty())
    }

    /// It can send.
    pub(super) fn wake(&mut self) {
        self.is_put_off = false;
    }

    /// It has packets and cannot send, not even by borrowing.
    pub(super) fn refuse(&mut self) {
        self.overlimits += 1;
        if !self.is_put_off {
            self.is_put_off = true;
            self.overactions = self.overactions.wrapping_add(1);
            self.estimator.put_off(self.off_time);
        }
    }
}

/// How much longer an average packet takes at a rate than at the link's.
fn spare(options: &CbqClassOptions, rate: RateSpec) -> Fine {
    let takes = |spec| time_of(spec, options.avpkt).unwrap_or(0);
    (takes(rate) - takes(options.bandwidth)).max(0)
}

fn off_time(options: &CbqClassOptions) -> Duration {
    nanos(credit(spare(options, options.rate), options.min_burst.saturating_sub(1)))
}
