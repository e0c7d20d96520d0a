//! `htb`: the hierarchical token bucket (Martin Devera, 2002), as the kernel's `sch_htb` does it.
//!
//! A leaf sends at its own rate as long as it has tokens for that; beyond it, up to its ceil, it borrows from the nearest
//! class above that has. Those who send at their own cost come first, then those who borrow, the lower the lender the sooner;
//! among these the priority decides, and among equals they take turns of a quantum of bytes.
//!
//! `class` what a class is, `store`, `names` where classes are, `tokens` what they may spend, `activity`, `ring`, `rows` and
//! `waiting` who may send, `serve` whose turn it is and what that costs, `classify` which class a packet belongs to, `tree`
//! what changes classes, `options` and `view` how they are told and listed, `hosts` classes that come with the first packet.

mod activity;
mod ahead;
mod class;
mod classify;
mod hosts;
mod names;
mod options;
mod ring;
mod rows;
mod serve;
mod store;
mod tokens;
mod tree;
mod view;
mod waiting;

#[cfg(test)]
mod tests;

use super::{Classful, Dequeue, Enqueue, OptionsError, Qdisc, QdiscXstats};
use crate::sched::backlog::Backlog;
use crate::sched::context::{Context, DropCause};
use crate::sched::fifo::{Fifo, Pool};
use crate::sched::filter::Block;
use crate::sched::handle::ClassId;
use crate::sched::options::{HtbOptions, QdiscOptions};
use crate::sched::queued::Queued;
use crate::sched::skb::Skb;
use ahead::{Foreseen, Turns};
use classify::Chosen;
pub(crate) use hosts::HostClasses;
use hosts::Hosts;
pub use hosts::{ExpiredHostClass, HostClassOptions, HostClassStats};
use names::Names;
use rows::Rows;
use store::Store;
use waiting::Waiting;

/// The qdisc.
#[derive(Debug)]
pub(crate) struct Htb {
    /// Its handle's major number.
    major: u16,
    default: u32,
    r2q: u32,
    classes: Store,
    names: Names,
    rows: Rows,
    waiting: Waiting,
    block: Block,
    /// Packets that go by all classes, and how many of them may wait.
    direct: Fifo,
    direct_limit: u32,
    direct_packets: u64,
    backlog: Backlog,
    /// How often a class went over its ceil.
    overlimits: u64,
    hosts: Option<Box<Hosts>>,
    foreseen: Foreseen,
    turns: Turns,
}

impl Htb {
    pub(crate) fn new(context: &Context<'_>, major: u16, options: &HtbOptions) -> Htb {
        Htb {
            major,
            default: options.default,
            // As the kernel, which divides by it.
            r2q: options.r2q.max(1),
            classes: Store::default(),
            names: Names::default(),
            rows: Rows::default(),
            waiting: Waiting::default(),
            block: Block::default(),
            direct: Fifo::new(),
            direct_limit: options.direct_qlen.unwrap_or(context.queue_len),
            direct_packets: 0,
            backlog: Backlog::default(),
            overlimits: 0,
            hosts: None,
            foreseen: Foreseen::default(),
            turns: Turns::default(),
        }
    }

    fn name(&self, minor: u32) -> ClassId {
        ClassId { major: self.major, minor }
    }

    fn enqueue_direct(&mut self, context: &mut Context<'_>, queued: Queued) -> Enqueue {
        context.class = Some(self.name(0));
        if self.direct.backlog().packets >= self.direct_limit || self.direct.push(context.pool, queued).is_err() {
            return Enqueue::Dropped(DropCause::Limit);
        }
        self.direct_packets += 1;
        self.backlog.add(queued.len);
        Enqueue::Queued
    }

    #[inline]
    fn enqueue_class(
        &mut self,
        context: &mut Context<'_>,
        skb: &mut Skb<'_>,
        queued: Queued,
        class: u32,
        minor: u32,
    ) -> Enqueue {
        context.class = Some(self.name(minor));
        let now = context.now;
        let Some(leaf) = self.classes[class].leaf_mut() else { return Enqueue::Dropped(DropCause::NoClass) };
        let Some(node) = leaf.node(context) else {
            self.classes.terms[class].past.dropped += 1;
            return Enqueue::Dropped(DropCause::NoClass);
        };
        let before = node.backlog();
        let enqueue = node.enqueue(context, skb, queued);
        let after = node.backlog();
        self.backlog.follow(before, after);
        match enqueue {
            _ if after.is_empty() => self.deactivate(class),
            Enqueue::Queued | Enqueue::Congested => self.activate(class, now),
            Enqueue::Dropped(_) | Enqueue::Stolen => {}
        }
        enqueue
    }
}

impl Qdisc for Htb {
    fn options(&self) -> QdiscOptions {
        let Htb { default, r2q, direct_limit, .. } = *self;
        QdiscOptions::Htb(HtbOptions { default, r2q, direct_qlen: Some(direct_limit) })
    }

    #[inline]
    fn enqueue(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>, queued: Queued) -> Enqueue {
        self.expire_hosts(context);
        match self.classify(context, skb) {
            Chosen::Leaf(class, minor) => self.enqueue_class(context, skb, queued, class, minor),
            Chosen::Direct => self.enqueue_direct(context, queued),
            Chosen::Drop(cause) => Enqueue::Dropped(cause),
            Chosen::Stolen => Enqueue::Stolen,
        }
    }

    #[inline]
    fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue {
        self.expire_hosts(context);
        if let Some(queued) = self.direct.pop(context.pool) {
            self.backlog.take(queued.len);
            return Dequeue::Packet(queued);
        }
        if self.backlog.is_empty() {
            return Dequeue::Empty;
        }
        self.handle_due(context);
        match self.serve(context) {
            Some(queued) => Dequeue::Packet(queued),
            None => self.next_due().map_or(Dequeue::Empty, Dequeue::Later),
        }
    }

    fn backlog(&self) -> Backlog {
        self.backlog
    }

    fn drain(&mut self, context: &mut Context<'_>, cause: DropCause) {
        while let Some(queued) = self.direct.pop(context.pool) {
            context.drop(queued, cause);
        }
        for class in 0..self.classes.numbers() {
            if let Some(node) = self.classes[class].leaf_mut().and_then(|leaf| leaf.node.as_mut()) {
                node.drain(context, cause);
                self.deactivate(class);
            }
        }
        self.backlog = Backlog::default();
    }

    /// As in the kernel, nothing of it can be changed.
    fn change(&mut self, _context: &mut Context<'_>, options: &QdiscOptions) -> Result<(), OptionsError> {
        match options {
            QdiscOptions::Htb(_) => Err(OptionsError::Fixed),
            _ => Err(OptionsError::OtherKind),
        }
    }

    fn overlimits(&self) -> u64 {
        self.overlimits
    }

    fn xstats(&self) -> QdiscXstats {
        QdiscXstats::Htb { direct_packets: self.direct_packets }
    }

    fn block(&mut self) -> Option<&mut Block> {
        Some(&mut self.block)
    }

    fn look_ahead(&mut self, pool: &Pool, skbs: &[Skb<'_>]) {
        self.expect(pool, skbs);
    }

    fn hosts(&self) -> Option<&dyn HostClasses> {
        Some(self)
    }

    fn hosts_mut(&mut self) -> Option<&mut dyn HostClasses> {
        Some(self)
    }

    fn classful(&self) -> Option<&dyn Classful> {
        Some(self)
    }

    fn classful_mut(&mut self) -> Option<&mut dyn Classful> {
        Some(self)
    }
}
