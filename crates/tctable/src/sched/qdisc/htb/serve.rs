//! Whose turn it is, and what a packet costs.

use super::Htb;
use super::class::{Kind, Leaf, NONE};
use super::tokens::Span;
use crate::sched::context::Context;
use crate::sched::handle::Handle;
use crate::sched::node::Node;
use crate::sched::qdisc::{Dequeue, create};
use crate::sched::queued::Queued;

/// How far a leaf's debt of bytes goes: one whose packets are longer than its quantum gets ever deeper into it, and should
/// come out in sensible time when they are not any more.
const DEBT: i32 = 1 << 24;

impl Leaf {
    /// The qdisc below it: the default one is made at the first packet. `None` where that is not possible.
    #[inline]
    pub(super) fn node(&mut self, context: &mut Context<'_>) -> Option<&mut Node> {
        if self.node.is_none() {
            let options = context.default_leaf;
            self.node = create(context, 0, options).ok().map(|qdisc| Node::new(Handle::UNSPEC, qdisc));
        }
        self.node.as_mut()
    }

    pub(super) fn has_packets(&self) -> bool {
        self.node.as_ref().is_some_and(|node| !node.backlog().is_empty())
    }

    /// A packet is sent in its turn; tells whether that is over.
    #[inline]
    fn take_turn(&mut self, level: u8, quantum: i32, len: u32) -> bool {
        let deficit = &mut self.deficits[usize::from(level)];
        *deficit = deficit.saturating_sub_unsigned(len);
        let is_over = *deficit < 0;
        if is_over {
            *deficit = deficit.saturating_add(quantum).max(-DEBT);
        }
        is_over
    }
}

impl Htb {
    /// Takes a packet from the class whose turn it is. `None` where no class with packets may send.
    #[inline]
    pub(super) fn serve(&mut self, context: &mut Context<'_>) -> Option<Queued> {
        while let Some((level, prio)) = self.rows.first() {
            let Some(class) = self.turn(level, prio) else { continue };
            let one = &mut self.classes[class];
            let Kind::Leaf(leaf) = &mut one.kind else { continue };
            let Some(node) = &mut leaf.node else {
                self.deactivate(class);
                continue;
            };
            let before = node.backlog();
            let dequeue = node.dequeue(context);
            let after = node.backlog();
            self.backlog.follow(before, after);
            match dequeue {
                Dequeue::Packet(queued) => {
                    if leaf.take_turn(level, one.quantum, queued.len) {
                        self.pass(level, prio, class);
                    }
                    if after.is_empty() {
                        self.deactivate(class);
                    }
                    self.charge(class, level, queued.len, context);
                    self.foresee_turns(context.pool, level, prio, class);
                    return Some(queued);
                }
                Dequeue::Later(due) => self.sleep(class, due),
                // All of it was dropped.
                Dequeue::Empty => self.deactivate(class),
            }
        }
        None
    }

    /// The leaf whose turn it is at a level that lends to it, in a row in which there is any.
    ///
    /// A class with children has its turn until each of those below it that would borrow had its own.
    #[inline]
    fn turn(&mut self, level: u8, prio: u32) -> Option<u32> {
        loop {
            let row = self.rows.ring(level, prio);
            let lender = row.current().or_else(|| row.current())?;
            let mut class = lender;
            loop {
                let one = &mut self.classes[class];
                let (slot, above) = (one.slot, one.parent);
                let Kind::Inner(inner) = &mut one.kind else { return Some(class) };
                if let Some(slot) = inner.feed(prio).current() {
                    class = inner.child(slot);
                    continue;
                }
                // Its round is over: the one above goes on with the next.
                if class == lender {
                    self.rows.ring(level, prio).pass(class);
                    break;
                }
                if let Kind::Inner(inner) = &mut self.classes[above].kind {
                    inner.feed(prio).pass(slot);
                }
                class = above;
            }
        }
    }

    /// The turn of a leaf is over: it is another's, below the same parent if the leaf borrowed.
    #[inline]
    fn pass(&mut self, level: u8, prio: u32, class: u32) {
        let (slot, above) = (self.classes[class].slot, self.classes[class].parent);
        match level {
            0 => self.rows.ring(level, prio).pass(class),
            _ => {
                if let Some(inner) = self.classes[above].inner_mut() {
                    inner.feed(prio).pass(slot);
                }
            }
        }
    }

    /// Takes from a leaf's tokens and those above it what a packet costs that a class of that level pays for.
    #[inline]
    fn charge(&mut self, class: u32, lender: u8, len: u32, context: &Context<'_>) {
        let (now, mut class) = (context.now, class);
        while class != NONE {
            let one = &mut self.classes[class];
            let span = Span::between(one.checked, now);
            let level = one.level();
            one.rate.earn(span);
            if level >= lender {
                one.lends = one.lends.wrapping_add(u32::from(level == lender));
                one.rate.spend(len);
            } else {
                one.borrows = one.borrows.wrapping_add(1);
            }
            one.ceil.earn(span);
            one.ceil.spend(len);
            one.checked = now;
            if let Kind::Inner(inner) = &mut one.kind {
                inner.sent.count(len);
            }
            let (above, before, is_giant) = (one.parent, one.mode, len > one.mtu);
            let mode = one.mode_after(Span::NONE);
            if mode != before {
                self.set_mode(class, mode, now);
            }
            if is_giant {
                let giants = &mut self.classes.terms[class].giants;
                *giants = giants.wrapping_add(1);
            }
            class = above;
        }
    }
}
