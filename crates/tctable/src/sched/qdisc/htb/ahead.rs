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

impl Class {
    /// Asks for all its cache lines.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.rate);
        prefetch(&self.checked);
        prefetch(&self.kind);
        prefetch(&self.overlimits);
    }

    #[inline]
    fn node(&self) -> Option<&Node> {
        self.leaf()?.node.as_ref()
    }
}

impl Htb {
    /// These packets come next.
    pub(super) fn expect(&self, pool: &Pool, skbs: &[Skb<'_>]) {
        for burst in skbs.chunks(BURST) {
            let classes = self.expected(burst);
            for class in &classes {
                self.classes[*class].prefetch();
            }
            let nodes: ArrayVec<&Node, BURST> =
                classes.iter().filter_map(|class| self.classes[*class].node()).collect();
            nodes.iter().for_each(|node| node.qdisc.prefetch());
            nodes.iter().for_each(|node| node.qdisc.prefetch_packets(pool));
        }
    }

    /// The classes of a burst, as far as that can be known without asking filters.
    fn expected(&self, burst: &[Skb<'_>]) -> ArrayVec<u32, BURST> {
        let minor = |skb: &Skb<'_>| {
            let asked = Handle(skb.priority);
            (asked.major() == self.major).then_some(u32::from(asked.minor()))
        };
        burst.iter().filter_map(minor).for_each(|minor| self.names.prefetch(minor));
        let mut classes: ArrayVec<u32, BURST> =
            burst.iter().filter_map(minor).filter_map(|minor| self.names.get(minor)).collect();
        if let Some(hosts) = self.hosts.as_deref() {
            let strangers = burst.iter().filter(|skb| minor(skb).is_none());
            let keys: ArrayVec<_, BURST> = strangers.filter_map(|skb| skb.host).collect();
            hosts.expected(&keys, |class| classes.extend(Some(class)));
        }
        classes
    }
}
