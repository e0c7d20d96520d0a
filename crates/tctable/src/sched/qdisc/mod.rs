//! Qdiscs: a file for each kind.

mod cbq;
mod codel;
mod fifo;
#[cfg(test)]
mod filtered;
mod fq_codel;
mod htb;
#[cfg(test)]
mod laws;
mod pfifo_fast;
mod prio;
mod red;
mod sfq;
mod single;
mod tbf;
mod xstats;

use std::fmt::Debug;

use super::backlog::{Backlog, Count};
use super::context::{Context, DropCause};
use super::fifo::Pool;
use super::filter::Block;
use super::handle::{ClassId, Handle};
use super::node::Node;
use super::options::{ClassOptions, QdiscOptions};
use super::queued::Queued;
use super::skb::Skb;

pub(crate) use htb::HostClasses;
pub use htb::{ExpiredHostClass, HostClassOptions, HostClassStats};
pub use xstats::{ClassXstats, QdiscXstats};

/// What became of a packet that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enqueue {
    /// It waits.
    Queued,
    /// It waits, but another packet of its queue was dropped for it (`NET_XMIT_CN`); that one is in `Context::dropped`.
    Congested,
    /// It is dropped.
    Dropped(DropCause),
    /// An action took it (`TC_ACT_STOLEN`, or redirected it).
    Stolen,
}

/// What a qdisc has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dequeue {
    /// A packet, to be sent now.
    Packet(Queued),
    /// None before that time, unless more is enqueued.
    Later(crate::time::Instant),
    /// None: nothing waits.
    Empty,
}

/// Why a qdisc cannot be made or changed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A number is out of its range, or two do not go together.
    #[error("{0}")]
    Invalid(&'static str),
    /// The options are of another kind.
    #[error("options of another kind")]
    OtherKind,
    /// This cannot be changed after the qdisc was made.
    #[error("cannot be changed")]
    Fixed,
}

/// A queueing discipline.
///
/// After a change of what waits below it, by whatever call, `backlog` tells the new state: whoever holds a qdisc compares
/// it before and after each call ([`Backlog::follow`]).
pub(crate) trait Qdisc: Debug + Send {
    /// Its kind with the options that are in force.
    fn options(&self) -> QdiscOptions;

    /// Offers a packet. What is told to be dropped was not queued.
    fn enqueue(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>, queued: Queued) -> Enqueue;

    /// Asks for a packet.
    fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue;

    /// The packet that the next `dequeue` gives, where that is known without taking it.
    fn front(&self, _pool: &Pool) -> Option<Queued> {
        None
    }

    /// What waits, here and below.
    fn backlog(&self) -> Backlog;

    /// Drops all that waits, here and below.
    fn drain(&mut self, context: &mut Context<'_>, cause: DropCause);

    /// Changes options while packets wait: none is lost but what a lower limit says.
    fn change(&mut self, context: &mut Context<'_>, options: &QdiscOptions) -> Result<(), OptionsError>;

    /// How often it could not give a packet although it had one (`overlimits`).
    fn overlimits(&self) -> u64 {
        0
    }

    /// What only its kind counts.
    fn xstats(&self) -> QdiscXstats {
        QdiscXstats::None
    }

    /// Its filters, where it can have any.
    fn block(&mut self) -> Option<&mut Block> {
        None
    }

    /// These packets will be offered soon: asks for the memory that they will need, so that waiting for it overlaps.
    fn look_ahead(&mut self, _pool: &Pool, _skbs: &[Skb<'_>]) {}

    /// It will be called soon: asks for its own cache line.
    fn prefetch(&self) {}

    /// The same when its own line is there: asks for its packets.
    fn prefetch_packets(&self, _pool: &Pool) {}

    /// Its classes of hosts, where it can have such.
    fn hosts(&self) -> Option<&dyn HostClasses> {
        None
    }

    /// Its classes of hosts, to be changed.
    fn hosts_mut(&mut self) -> Option<&mut dyn HostClasses> {
        None
    }

    /// Its classes, where it has any.
    fn classful(&self) -> Option<&dyn Classful> {
        None
    }

    /// Its classes, to be changed.
    fn classful_mut(&mut self) -> Option<&mut dyn Classful> {
        None
    }
}

/// Why a class cannot be made, changed or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassRefusal {
    /// The kind has classes of its own making, or none.
    #[error("this kind of qdisc does not allow that")]
    NotSupported,
    /// The options are wrong.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// There is no such parent, or it cannot have children.
    #[error("no such parent class")]
    NoParent,
    /// There is no such class.
    #[error("no such class")]
    NotFound,
    /// It has children, or filters that name it.
    #[error("class in use")]
    Busy,
    /// Too many classes, or levels.
    #[error("too many classes")]
    TooMany,
}

/// A class as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassView {
    /// Its id.
    pub id: ClassId,
    /// Its parent; the qdisc (`major:0`) at the top.
    pub parent: ClassId,
    /// The qdisc below it, if it is a leaf with one that has a handle.
    pub leaf: Option<Handle>,
    /// `None` for kinds whose classes have no options of their own (prio, sfq, ...).
    pub options: Option<ClassOptions>,
    /// What left it.
    pub sent: Count,
    /// Packets that it dropped.
    pub dropped: u64,
    /// How often it could not send although it had a packet.
    pub overlimits: u64,
    /// What waits in it.
    pub backlog: Backlog,
    /// What only its kind counts.
    pub xstats: ClassXstats,
}

impl ClassView {
    /// A class at the top of its qdisc that is no more than a place for the one below it.
    fn of_leaf(id: ClassId, leaf: &Node, xstats: ClassXstats) -> ClassView {
        ClassView {
            id,
            parent: ClassId { major: id.major, minor: 0 },
            leaf: Some(leaf.handle).filter(|handle| *handle != Handle::UNSPEC),
            options: None,
            sent: leaf.sent,
            dropped: leaf.dropped,
            overlimits: leaf.qdisc.overlimits(),
            backlog: leaf.backlog(),
            xstats,
        }
    }
}

/// The classes of a qdisc. Kinds that make their classes by themselves refuse to add, change and delete any.
pub(crate) trait Classful: Debug {
    /// Whether there is such a class.
    fn has(&self, class: ClassId) -> bool;

    /// All classes in the order of their ids, from the first one behind `after` on.
    fn view_after(&self, after: Option<ClassId>) -> Option<ClassView>;

    /// One class.
    fn view(&self, class: ClassId) -> Option<ClassView>;

    /// Makes a class below `parent` (the qdisc where its minor number is 0).
    fn add(
        &mut self,
        context: &mut Context<'_>,
        class: ClassId,
        parent: ClassId,
        options: &ClassOptions,
    ) -> Result<(), ClassRefusal> {
        let _ = (context, class, parent, options);
        Err(ClassRefusal::NotSupported)
    }

    /// Changes a class: what waits in it, its tokens and counters stay.
    fn change(
        &mut self,
        context: &mut Context<'_>,
        class: ClassId,
        options: &ClassOptions,
    ) -> Result<(), ClassRefusal> {
        let _ = (context, class, options);
        Err(ClassRefusal::NotSupported)
    }

    /// Deletes a class without children and filters; what waits in it is dropped as [`DropCause::Deleted`].
    fn delete(&mut self, context: &mut Context<'_>, class: ClassId) -> Result<(), ClassRefusal> {
        let _ = (context, class);
        Err(ClassRefusal::NotSupported)
    }

    /// Whether a qdisc hangs below a class, or can: one that nobody named may come with its first packet.
    fn is_leaf(&self, class: ClassId) -> bool {
        self.leaf(class).is_some()
    }

    /// The qdisc below a class, if it has one of its own (or by default).
    fn leaf(&self, class: ClassId) -> Option<&Node>;

    /// The same, to be changed. Whoever changes what waits there calls `settle` afterwards.
    fn leaf_mut(&mut self, class: ClassId) -> Option<&mut Node>;

    /// Follows what became of the backlog below a class from outside, such as a change of its leaf's limit: `before` is what
    /// waited in the leaf.
    fn settle(&mut self, context: &mut Context<'_>, class: ClassId, before: Backlog);

    /// Hangs another qdisc below a class; `None` for the default one. What waits in the old one is dropped as
    /// [`DropCause::Deleted`].
    fn graft(&mut self, context: &mut Context<'_>, class: ClassId, leaf: Option<Node>) -> Result<(), ClassRefusal>;

    /// The filters of a class, where it can have any.
    fn class_block(&mut self, _class: ClassId) -> Option<&mut Block> {
        None
    }

    /// A filter begins (`true`) or ceases to name a class: one that is named cannot be deleted.
    fn bind(&mut self, _class: ClassId, _named: bool) {}
}

/// Makes a qdisc with these options. `major` is its handle's: classes that it makes by itself are called by it.
pub(crate) fn create(
    context: &mut Context<'_>,
    major: u16,
    options: &QdiscOptions,
) -> Result<Box<dyn Qdisc>, OptionsError> {
    Ok(match options {
        QdiscOptions::Pfifo { .. }
        | QdiscOptions::Bfifo { .. }
        | QdiscOptions::PfifoHeadDrop { .. }
        | QdiscOptions::Noqueue => Box::new(fifo::FifoQdisc::new(context, options)?),
        QdiscOptions::PfifoFast => Box::new(pfifo_fast::PfifoFast::new(context)?),
        QdiscOptions::Prio(options) => Box::new(prio::Prio::new(context, major, options)?),
        QdiscOptions::Tbf(options) => Box::new(tbf::Tbf::new(context, major, options)?),
        QdiscOptions::Sfq(options) => Box::new(sfq::Sfq::new(context, major, options)?),
        QdiscOptions::Red(options) => Box::new(red::Red::new(context, major, options)?),
        QdiscOptions::Htb(options) => Box::new(htb::Htb::new(context, major, options)),
        QdiscOptions::Codel(options) => Box::new(codel::CodelQdisc::new(options)),
        QdiscOptions::Cbq(options) => Box::new(cbq::Cbq::new(context, major, options)?),
        QdiscOptions::FqCodel(options) => Box::new(fq_codel::FqCodel::new(context, major, options)?),
        _ => return Err(OptionsError::OtherKind),
    })
}

/// What a class has below it that nobody gave a qdisc.
fn default_leaf(context: &mut Context<'_>) -> Result<Node, OptionsError> {
    let options = context.default_leaf;
    Ok(Node::new(Handle::UNSPEC, create(context, 0, options)?))
}
