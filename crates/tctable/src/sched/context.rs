use super::action::Redirect;
use super::fifo::Pool;
use super::flows::Flows;
use super::handle::ClassId;
use super::options::QdiscOptions;
use super::queued::Queued;
use crate::table::Random;
use crate::time::Instant;

/// Why a packet was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropCause {
    /// Its queue, or all queues together, were full.
    Limit,
    /// A filter's action said so.
    Filter,
    /// It belongs to no class, and there is none by default.
    NoClass,
    /// It is longer than its rate allows at once.
    TooLong,
    /// CoDel: it waited too long (RFC 8289).
    Codel,
    /// RED: the average queue was long.
    Red,
    /// The queue that it waited in was deleted or replaced.
    Deleted,
    /// There is no such device.
    NoDevice,
    /// It was redirected back to a device whose root redirected it.
    Loop,
}

/// What a qdisc has around it while it works.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) pool: &'a mut Pool,
    pub(crate) flows: &'a mut Flows,
    pub(crate) random: &'a mut Random,
    /// Packets that were queued, and are dropped now: they go back to the caller. A packet that is dropped while it is
    /// offered is not among them: `Enqueue::Dropped` says so.
    pub(crate) dropped: &'a mut Vec<(Queued, DropCause)>,
    /// Where actions want the packet on offer to go too, in their order. If it is to go nowhere else, the filters say that
    /// it is stolen.
    pub(crate) redirects: &'a mut Vec<Redirect>,
    /// How many redirections, or copies of copies, lie behind the packet on offer.
    pub(crate) depth: u32,
    /// The class that the packet on offer was put in: each classful qdisc on its way says so, the last one counts.
    pub(crate) class: Option<ClassId>,
    /// What a class without a qdisc of its own gets.
    pub(crate) default_leaf: &'a QdiscOptions,
    /// The device's longest packet without its link header, in bytes.
    pub(crate) mtu: u32,
    /// The device's `txqueuelen`, in packets: the limit of a `pfifo` that has none of its own.
    pub(crate) queue_len: u32,
}

impl Context<'_> {
    /// The device's longest frame, Ethernet header included, in bytes: what many defaults go by.
    pub(crate) fn longest_frame(&self) -> u32 {
        self.mtu.saturating_add(14)
    }

    /// Drops a packet that was queued.
    pub(crate) fn drop(&mut self, queued: Queued, cause: DropCause) {
        self.dropped.push((queued, cause));
    }
}
