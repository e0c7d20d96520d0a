//! Memory that will be needed soon.
//!
//! With 100,000 classes most of what a packet touches is in no cache: its class's name, the class, the qdisc below it, the
//! packets at that queue's ends, each found through the one before. Packets come in bursts, so a burst's names are asked for
//! first, then its classes, and so on: the processor waits once for each step, not once for each packet.

use std::ops::Range;

use arrayvec::ArrayVec;

use super::Htb;
use super::class::{Class, Mode, NONE};
use crate::sched::fifo::Pool;
use crate::sched::handle::Handle;
use crate::sched::node::Node;
use crate::sched::skb::Skb;
use crate::table::prefetch;

/// Packets that are looked at together: each needs four or five lines of the nearest cache.
const BURST: usize = 32;
/// Fewer classes are in a cache anyway.
const MANY: u32 = 1 << 10;

impl Class {
    /// Asks for all its cache lines.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.rate);
        prefetch(&self.kind);
        prefetch(&self.checked);
    }

    #[inline]
    fn node(&self) -> Option<&Node> {
        self.leaf()?.node.as_ref()
    }
}

/// Classes that will soon be served, the latest first: each gets one step further with each that is added.
#[derive(Debug, Default)]
pub(super) struct Foreseen([u32; 4]);

/// Whose turns come after that of the class served last, as far as that was looked up: each gets one step further with each
/// turn.
#[derive(Debug)]
pub(super) struct Turns {
    /// The class served last, and the one below which it is in a circle; [`NONE`] if it stands in a row.
    served: u32,
    above: u32,
    next: [Turn; 4],
}

/// A number in a circle, and which class that is.
#[derive(Clone, Copy, Debug)]
struct Turn {
    number: u32,
    class: u32,
}

impl Turn {
    const NONE: Turn = Turn { number: NONE, class: NONE };
}

impl Default for Turns {
    fn default() -> Turns {
        Turns { served: NONE, above: NONE, next: [Turn::NONE; 4] }
    }
}

impl Turns {
    /// A class was served. Tells which turns are to be looked up, and after which number.
    #[inline]
    fn pass(&mut self, above: u32, class: u32, number: u32) -> (Range<usize>, u32) {
        let was_foreseen = self.next[0].class == class && self.above == above;
        (self.served, self.above) = (class, above);
        if !was_foreseen {
            self.next = [Turn::NONE; 4];
            return (0..4, number);
        }
        let [_, first, second, third] = self.next;
        self.next = [first, second, third, Turn::NONE];
        // Where the last one is not known, the round was over.
        (if third.class == NONE { 3..3 } else { 3..4 }, third.number)
    }
}

impl Htb {
    /// A class will be served soon, after some more for which the same is said.
    #[inline]
    pub(super) fn foresee(&mut self, pool: &Pool, class: u32) {
        if self.classes.numbers() < MANY {
            return;
        }
        let Foreseen([latest, later, sooner, soonest]) = self.foreseen;
        self.classes[class].prefetch();
        self.waiting.prefetch(class);
        if let Some(node) = self.classes[later].node() {
            node.qdisc.prefetch();
        }
        if let Some(node) = self.classes[soonest].node() {
            node.qdisc.prefetch_packets(pool);
        }
        self.foreseen = Foreseen([class, latest, later, sooner]);
    }

    /// After a class that was served those behind it in the same circle will be, most likely.
    ///
    /// Where it may not send now the others are soon like it: they wait for their times, and were foreseen when these came.
    #[inline]
    pub(super) fn foresee_turns(&mut self, pool: &Pool, level: u8, prio: u32, class: u32) {
        let one = &self.classes[class];
        if self.classes.numbers() < MANY || one.mode == Mode::CantSend || self.turns.served == class {
            return;
        }
        let above = if level == 0 { NONE } else { one.parent };
        let number = if level == 0 { class } else { one.slot };
        let (missing, mut last) = self.turns.pass(above, class, number);
        for at in missing {
            let next = match above {
                NONE => self.rows.ring(level, prio).after(last).map(|class| (class, class)),
                _ => {
                    let Some(inner) = self.classes[above].inner_mut() else { return };
                    inner.feed(prio).after(last).map(|slot| (slot, inner.child(slot)))
                }
            };
            let Some((number, class)) = next else { break };
            self.turns.next[at] = Turn { number, class };
            last = number;
        }
        let [_, second, third, fourth] = self.turns.next.map(|turn| turn.class);
        let node = |class: u32| (class != NONE).then(|| self.classes[class].node()).flatten();
        if fourth != NONE {
            self.classes[fourth].prefetch();
            self.waiting.prefetch(fourth);
        }
        if let Some(node) = node(third) {
            node.qdisc.prefetch();
        }
        if let Some(node) = node(second) {
            node.qdisc.prefetch_packets(pool);
        }
    }

    /// These packets come next.
    pub(super) fn expect(&mut self, pool: &Pool, skbs: &[Skb<'_>]) {
        if self.classes.numbers() < MANY {
            return;
        }
        for burst in skbs.chunks(BURST) {
            let classes = self.expected(burst);
            for class in &classes {
                self.classes[*class].prefetch();
                self.waiting.prefetch(*class);
            }
            let nodes: ArrayVec<&Node, BURST> =
                classes.iter().filter_map(|class| self.classes[*class].node()).collect();
            nodes.iter().for_each(|node| node.qdisc.prefetch());
            nodes.iter().for_each(|node| node.qdisc.prefetch_packets(pool));
        }
    }

    /// The classes of a burst, as far as that can be known without asking filters.
    fn expected(&mut self, burst: &[Skb<'_>]) -> ArrayVec<u32, BURST> {
        let minor = |skb: &Skb<'_>| {
            let asked = Handle(skb.priority);
            (asked.major() == self.major).then_some(u32::from(asked.minor()))
        };
        burst.iter().filter_map(minor).for_each(|minor| self.names.prefetch(minor));
        let mut classes: ArrayVec<u32, BURST> =
            burst.iter().filter_map(minor).filter_map(|minor| self.names.get(minor)).collect();
        if let Some(hosts) = self.hosts.as_deref_mut() {
            let strangers = burst.iter().filter(|skb| minor(skb).is_none());
            let keys: ArrayVec<_, BURST> = strangers.filter_map(|skb| skb.host).collect();
            hosts.expected(&keys, |class| classes.extend(Some(class)));
        }
        classes
    }
}
