//! Memory that will be needed soon.
//!
//! With 100,000 classes most of what a packet touches is in no cache: its class's name, the class, the qdisc below it, the
//! packets at that queue's ends, each found through the one before. Packets come in bursts, so a burst's names are asked for
//! first, then its classes, and so on: the processor waits once for each step, not once for each packet.

use arrayvec::ArrayVec;

use super::Htb;
use super::class::Class;
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

impl Htb {
    /// A class will be served soon, after some more for which the same is said.
    #[inline]
    pub(super) fn foresee(&mut self, pool: &Pool, class: Option<u32>) {
        let Some(class) = class.filter(|_| self.classes.numbers() >= MANY) else { return };
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

    /// After a class that is served those behind it in the same circle will be, most likely.
    #[inline]
    pub(super) fn foresee_turns(&mut self, pool: &Pool, level: u8, prio: u32, class: u32) {
        if self.classes.numbers() < MANY {
            return;
        }
        let turns = match level {
            0 => self.rows.ring(level, prio).turns_after(class),
            _ => {
                let (slot, above) = (self.classes[class].slot, self.classes[class].parent);
                let Some(inner) = self.classes[above].inner_mut() else { return };
                let slots = inner.feed(prio).turns_after(slot);
                slots.map(|slot| slot.map(|slot| inner.child(slot)))
            }
        };
        let [_, second, third, fourth] = turns;
        let node = |turn: Option<u32>| self.classes[turn?].node();
        if let Some(class) = fourth {
            self.classes[class].prefetch();
            self.waiting.prefetch(class);
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
