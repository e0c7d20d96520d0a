//! Classes as they are listed.

use super::Htb;
use super::class::{Kind, NONE, Past};
use crate::sched::backlog::{Backlog, Count};
use crate::sched::handle::Handle;
use crate::sched::node::Node;
use crate::sched::options::ClassOptions;
use crate::sched::qdisc::{ClassView, ClassXstats};

impl Past {
    /// A leaf is gone.
    pub(super) fn add(&mut self, node: &Node) {
        self.sent = plus(self.sent, node.sent);
        self.dropped += node.dropped;
    }
}

pub(super) fn plus(one: Count, other: Count) -> Count {
    Count { packets: one.packets + other.packets, bytes: one.bytes + other.bytes }
}

impl Htb {
    pub(super) fn show(&self, number: u32) -> ClassView {
        let (class, terms) = (&self.classes[number], &self.classes.terms[number]);
        let Past { sent, dropped } = terms.past;
        let (sent, dropped, backlog, leaf) = match &class.kind {
            Kind::Leaf(leaf) => match &leaf.node {
                Some(node) => {
                    let handle = Some(node.handle).filter(|handle| *handle != Handle::UNSPEC);
                    (plus(sent, node.sent), dropped + node.dropped, node.backlog(), handle)
                }
                None => (sent, dropped, Backlog::default(), None),
            },
            // What waits below is told of where it waits, as in the kernel.
            Kind::Inner(inner) => (plus(sent, inner.sent), dropped, Backlog::default(), None),
        };
        ClassView {
            id: self.name(terms.minor),
            parent: self.name(if class.parent == NONE { 0 } else { self.classes.terms[class.parent].minor }),
            leaf,
            options: Some(ClassOptions::Htb(terms.options)),
            sent,
            dropped,
            overlimits: class.overlimits.into(),
            backlog,
            xstats: ClassXstats::Htb {
                lends: class.lends,
                borrows: class.borrows,
                giants: terms.giants,
                tokens: class.rate.nanos(),
                ctokens: class.ceil.nanos(),
            },
        }
    }
}
