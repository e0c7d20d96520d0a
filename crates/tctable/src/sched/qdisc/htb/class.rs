use super::ring::Ring;
use super::tokens::{Bucket, Span};
use crate::sched::backlog::Count;
use crate::sched::filter::Block;
use crate::sched::node::Node;
use crate::sched::options::HtbClassOptions;
use crate::time::Instant;

/// Levels of a tree: leaves are level 0, classes below the qdisc that have classes are level 7.
pub(super) const LEVELS: usize = 8;
/// Priorities.
pub(super) const PRIORITIES: usize = 8;
/// No class.
pub(super) const NONE: u32 = u32::MAX;

/// What a class may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It may send, and lend.
    CanSend,
    /// It may send at its parent's cost.
    MayBorrow,
    /// It is over its ceil.
    CantSend,
}

/// A class as packets meet it: three cache lines, of which a packet that is offered needs two.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Class {
    pub(super) rate: Bucket,
    pub(super) ceil: Bucket,
    pub(super) kind: Kind,
    /// When its tokens were reckoned up.
    pub(super) checked: Instant,
    pub(super) parent: u32,
    /// Its place among its parent's children.
    pub(super) slot: u32,
    /// As of its last change: it may do more by now only if it is not active.
    pub(super) mode: Mode,
    pub(super) prio: u8,
    /// The priorities of packets below it that it or its ancestors could send, as far as classes between allow: not 0
    /// means that it is active.
    pub(super) activity: u8,
    /// Its leaf has packets but gives none before a time: the class waits for it, and is not active.
    pub(super) is_asleep: bool,
    /// Bytes of a turn, if it is a leaf.
    pub(super) quantum: i32,
    pub(super) mtu: u32,
    pub(super) lends: u32,
    pub(super) borrows: u32,
    pub(super) overlimits: u32,
}

#[derive(Debug)]
pub(super) enum Kind {
    Leaf(Leaf),
    Inner(Box<Inner>),
}

/// What only a class without children has.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Leaf {
    /// The qdisc below it: made at the first packet, if none was named.
    pub(super) node: Option<Node>,
    /// What is left of its turn at each level that lends to it, in bytes.
    pub(super) deficits: [i32; LEVELS],
}

/// What only a class with children has.
#[derive(Debug)]
pub(super) struct Inner {
    /// 1 to 7.
    pub(super) level: u8,
    /// What was sent below it while it had children.
    pub(super) sent: Count,
    /// By their slots.
    children: Vec<u32>,
    free_slots: Vec<u32>,
    /// Priorities that have a feed.
    feeding: u8,
    /// Children that would borrow, for each priority that ever had any.
    feeds: Vec<Ring>,
}

/// What is asked for less often.
#[derive(Debug)]
pub(super) struct Terms {
    /// 0: there is no class.
    pub(super) minor: u32,
    /// Filters that name it.
    pub(super) named: u32,
    /// Packets that were longer than its `mtu`.
    pub(super) giants: u32,
    /// All of them given.
    pub(super) options: HtbClassOptions,
    /// What was sent and dropped while it had another leaf, or as an inner class.
    pub(super) past: Past,
    pub(super) block: Option<Box<Block>>,
}

/// Counters of leaves that are gone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Past {
    pub(super) sent: Count,
    pub(super) dropped: u64,
}

impl Class {
    pub(super) fn new(options: &Resolved, parent: u32, slot: u32, now: Instant) -> Class {
        let mut class = Class {
            rate: Bucket::new(&options.rate(), options.burst()),
            ceil: Bucket::new(&options.ceil(), options.cburst()),
            kind: Kind::Leaf(Leaf::default()),
            checked: now,
            parent,
            slot,
            mode: Mode::CanSend,
            prio: options.options.prio,
            activity: 0,
            is_asleep: false,
            quantum: options.quantum,
            mtu: options.options.mtu,
            lends: 0,
            borrows: 0,
            overlimits: 0,
        };
        class.mode = class.mode_at(now);
        class
    }

    #[inline]
    pub(super) fn level(&self) -> u8 {
        match &self.kind {
            Kind::Leaf(_) => 0,
            Kind::Inner(inner) => inner.level,
        }
    }

    #[inline]
    pub(super) fn is_active(&self) -> bool {
        self.activity != 0
    }

    /// Whether there is a time from which on it may do more.
    #[inline]
    pub(super) fn waits(&self) -> bool {
        self.is_asleep || self.is_active() && self.mode != Mode::CanSend
    }

    pub(super) fn leaf(&self) -> Option<&Leaf> {
        match &self.kind {
            Kind::Leaf(leaf) => Some(leaf),
            Kind::Inner(_) => None,
        }
    }

    pub(super) fn leaf_mut(&mut self) -> Option<&mut Leaf> {
        match &mut self.kind {
            Kind::Leaf(leaf) => Some(leaf),
            Kind::Inner(_) => None,
        }
    }

    pub(super) fn inner_mut(&mut self) -> Option<&mut Inner> {
        match &mut self.kind {
            Kind::Leaf(_) => None,
            Kind::Inner(inner) => Some(inner),
        }
    }

    /// What it may do at a time not before `checked`.
    #[inline]
    pub(super) fn mode_at(&self, now: Instant) -> Mode {
        self.mode_after(Span::between(self.checked, now))
    }

    /// What it may do when that much time has passed.
    #[inline]
    pub(super) fn mode_after(&self, span: Span) -> Mode {
        if !self.ceil.allows_after(span) {
            Mode::CantSend
        } else if self.rate.allows_after(span) {
            Mode::CanSend
        } else {
            Mode::MayBorrow
        }
    }

    /// When it may borrow.
    #[inline]
    pub(super) fn borrows_at(&self) -> Instant {
        self.checked + self.ceil.wait()
    }

    /// When it may send at its own cost.
    #[inline]
    pub(super) fn sends_at(&self) -> Instant {
        self.checked + self.ceil.wait().max(self.rate.wait())
    }

    /// When it may do more than its mode says.
    #[inline]
    pub(super) fn due(&self) -> Instant {
        match self.mode {
            Mode::CantSend => self.borrows_at(),
            Mode::MayBorrow | Mode::CanSend => self.sends_at(),
        }
    }

    /// What is counted of it while time passes goes on from now.
    pub(super) fn earn(&mut self, now: Instant) {
        let span = Span::between(self.checked, now);
        self.rate.earn(span);
        self.ceil.earn(span);
        self.checked = now;
    }
}

impl Inner {
    pub(super) fn new(level: u8) -> Inner {
        let (children, free_slots, feeds) = (Vec::new(), Vec::new(), Vec::new());
        Inner { level, sent: Count::default(), children, free_slots, feeding: 0, feeds }
    }

    pub(super) fn has_children(&self) -> bool {
        self.children.len() > self.free_slots.len()
    }

    /// The slot that the next child gets.
    pub(super) fn next_slot(&self) -> u32 {
        self.free_slots.last().copied().unwrap_or(self.children.len() as u32)
    }

    /// Takes a child in, at its next slot.
    pub(super) fn adopt(&mut self, class: u32) {
        match self.free_slots.pop() {
            Some(slot) => self.children[slot as usize] = class,
            None => self.children.push(class),
        }
    }

    pub(super) fn release(&mut self, slot: u32) {
        self.free_slots.push(slot);
    }

    /// The child at a slot.
    #[inline]
    pub(super) fn child(&self, slot: u32) -> u32 {
        self.children[slot as usize]
    }

    #[inline]
    fn place(&self, prio: u32) -> usize {
        (self.feeding & ((1 << prio) - 1)).count_ones() as usize
    }

    /// The children of a priority that would borrow.
    #[inline]
    pub(super) fn feed(&mut self, prio: u32) -> &mut Ring {
        let place = self.place(prio);
        if self.feeding & 1 << prio == 0 {
            self.feeding |= 1 << prio;
            self.feeds.insert(place, Ring::default());
        }
        &mut self.feeds[place]
    }
}

/// Options with the defaults that depend on others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolved {
    pub(super) options: HtbClassOptions,
    pub(super) quantum: i32,
}
