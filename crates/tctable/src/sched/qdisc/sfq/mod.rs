//! `sfq`: stochastic fairness queueing (McKenney, 1990), by deficit round robin as Linux has it.
//!
//! A flow is what shares a hash bucket. There are places for so many flows at once, in which each may have so many packets;
//! where there is no room, the flow with most packets loses one. The hash changes from time to time, with the first packet
//! that comes or goes after the time: what waits is hashed anew then, flow by flow, so packets of one do not overtake each other.

mod depths;
#[cfg(test)]
mod tests;
mod view;

use self::depths::Depths;
use super::{Classful, Dequeue, Enqueue, OptionsError, Qdisc};
use crate::sched::backlog::Backlog;
use crate::sched::context::{Context, DropCause};
use crate::sched::fifo::Fifo;
use crate::sched::filter::{Block, Classified};
use crate::sched::options::{QdiscOptions, SfqOptions};
use crate::sched::queued::Queued;
use crate::sched::skb::Skb;
use crate::time::{Duration, Instant};

/// No slot.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Sfq {
    major: u16,
    limits: Limits,
    backlog: Backlog,
    /// The slot of each bucket; empty before the first packet.
    table: Vec<u32>,
    slots: Vec<Slot>,
    /// The first free slot; the others follow by `next`.
    free: u32,
    /// Slots in use.
    active: u32,
    /// The slot whose turn it is last, or none; round it goes by `next`.
    tail: u32,
    depths: Depths,
    perturbation: u32,
    /// When the hash changes.
    perturb_at: Option<Instant>,
    block: Block,
}

/// A bucket that has packets.
#[derive(Debug, Default)]
struct Slot {
    fifo: Fifo,
    /// Bytes that it may still send before it is another's turn.
    allot: i64,
    bucket: u32,
    /// Whether packets were put there by name: these stay where they are.
    is_named: bool,
    next: u32,
}

/// Options as they are in force.
#[derive(Clone, Copy, Debug)]
struct Limits {
    quantum: u32,
    perturb: Duration,
    limit: u32,
    divisor: u32,
    flows: u32,
    depth: u32,
    head_drop: bool,
}

impl Limits {
    /// The kernel's bounds.
    const MAX_DEPTH: u32 = 127;
    const MAX_FLOWS: u32 = 65_408;
    const MAX_DIVISOR: u32 = 65_536;

    /// Numbers that are too high are lowered, as the kernel does.
    fn new(context: &Context<'_>, options: &SfqOptions) -> Result<Limits, OptionsError> {
        let &SfqOptions { quantum, perturb, limit, divisor, flows, depth, head_drop } = options;
        if !divisor.is_power_of_two() || divisor > Limits::MAX_DIVISOR {
            return Err(OptionsError::Invalid("divisor: a power of two up to 65536"));
        }
        let quantum = quantum.unwrap_or(context.longest_frame());
        if !(1..=i32::MAX as u32).contains(&quantum) {
            return Err(OptionsError::Invalid("quantum: 1 to 2147483647"));
        }
        if flows == 0 || depth == 0 {
            return Err(OptionsError::Invalid("flows, depth: more than 0"));
        }
        let depth = depth.min(Limits::MAX_DEPTH);
        let flows = flows.min(Limits::MAX_FLOWS).min(divisor);
        let limit = limit.min(depth * flows);
        if limit < 2 {
            return Err(OptionsError::Invalid("limit: 2 at least"));
        }
        Ok(Limits { quantum, perturb, limit, divisor, flows: flows.min(limit), depth, head_drop })
    }
}

impl Sfq {
    pub(super) fn new(context: &mut Context<'_>, major: u16, options: &SfqOptions) -> Result<Sfq, OptionsError> {
        let limits = Limits::new(context, options)?;
        Ok(Sfq {
            major,
            limits,
            backlog: Backlog::default(),
            table: Vec::new(),
            slots: Vec::new(),
            free: NONE,
            active: 0,
            tail: NONE,
            depths: Depths::new(Limits::MAX_DEPTH),
            perturbation: context.random.bits(),
            perturb_at: Sfq::perturb_at(context.now, limits.perturb),
            block: Block::default(),
        })
    }

    fn perturb_at(now: Instant, perturb: Duration) -> Option<Instant> {
        (perturb > Duration::ZERO).then(|| now + perturb)
    }

    /// The bucket of a flow's hash at this time.
    fn hash(&self, flow: u32) -> u32 {
        // One multiplication spreads a change in any bit over the upper half.
        let mixed =
            u64::from(flow ^ self.perturbation).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ u64::from(self.perturbation) << 1);
        (mixed >> 32) as u32 & (self.limits.divisor - 1)
    }

    /// The bucket of a packet, and whether that was named.
    fn bucket(
        &mut self,
        context: &mut Context<'_>,
        skb: &mut Skb<'_>,
        queued: &Queued,
    ) -> Result<(u32, bool), Enqueue> {
        let buckets = 1..=self.limits.divisor;
        if let Some(minor) = skb.class_of(self.major).filter(|minor| buckets.contains(minor)) {
            return Ok((minor - 1, true));
        }
        if self.block.is_empty() {
            return Ok((self.hash(queued.flow), false));
        }
        match self.block.classify(context, skb) {
            Classified::Class(class) if buckets.contains(&class.minor) => Ok((class.minor - 1, true)),
            Classified::Class(_) | Classified::Nothing => Err(Enqueue::Dropped(DropCause::NoClass)),
            Classified::Drop(cause) => Err(Enqueue::Dropped(cause)),
            Classified::Stolen => Err(Enqueue::Stolen),
        }
    }

    /// A bucket's slot, if it has one.
    fn slot(&self, bucket: u32) -> Option<u32> {
        self.table.get(bucket as usize).copied().filter(|slot| *slot != NONE)
    }

    /// A bucket's slot, made if it has none. `None` where there is no place for another flow.
    fn slot_for(&mut self, bucket: u32) -> Option<u32> {
        if let Some(slot) = self.slot(bucket) {
            return Some(slot);
        }
        if self.active >= self.limits.flows {
            return None;
        }
        let slot = match self.slots.get(self.free as usize) {
            Some(free) => std::mem::replace(&mut self.free, free.next),
            None => {
                self.slots.push(Slot::default());
                self.slots.len() as u32 - 1
            }
        };
        if self.table.is_empty() {
            self.table = vec![NONE; self.limits.divisor as usize];
        }
        *self.table.get_mut(bucket as usize)? = slot;
        self.active += 1;
        // A new flow waits for all the others once: if new ones went first, they could keep old ones from ever sending.
        let next = match self.slots.get_mut(self.tail as usize) {
            Some(tail) => std::mem::replace(&mut tail.next, slot),
            None => slot,
        };
        self.tail = slot;
        *self.slots.get_mut(slot as usize)? =
            Slot { allot: self.limits.quantum.into(), bucket, next, ..Slot::default() };
        Some(slot)
    }

    /// Appends a packet to a slot.
    fn push(&mut self, context: &mut Context<'_>, slot: u32, queued: Queued) -> Result<(), Queued> {
        let Some(flow) = self.slots.get_mut(slot as usize) else { return Err(queued) };
        flow.fifo.push(context.pool, queued)?;
        let packets = flow.fifo.backlog().packets;
        self.depths.move_on(slot, packets - 1, packets);
        self.backlog.add(queued.len);
        Ok(())
    }

    /// Takes a slot's newest or oldest packet; the slot stays in its place.
    fn pop(&mut self, context: &mut Context<'_>, slot: u32, newest: bool) -> Option<Queued> {
        let fifo = &mut self.slots.get_mut(slot as usize)?.fifo;
        let queued = if newest { fifo.pop_last(context.pool) } else { fifo.pop(context.pool) }?;
        let packets = fifo.backlog().packets;
        self.depths.move_on(slot, packets + 1, packets);
        self.backlog.take(queued.len);
        Some(queued)
    }

    /// An empty slot leaves the round; `before` is the one whose turn comes before its own.
    fn leave(&mut self, slot: u32, before: u32) {
        let Slot { next, bucket, .. } = self.slots[slot as usize];
        self.slots[before as usize].next = next;
        if self.tail == slot {
            self.tail = if before == slot { NONE } else { before };
        }
        if let Some(entry) = self.table.get_mut(bucket as usize) {
            *entry = NONE;
        }
        self.slots[slot as usize].next = std::mem::replace(&mut self.free, slot);
        self.active -= 1;
    }

    /// The slot whose turn comes before another's: a walk round, but only ever for one that has just lost its only packet
    /// without having its turn, where no flow has more than one.
    fn before(&self, slot: u32) -> u32 {
        let mut before = self.tail;
        while self.slots[before as usize].next != slot {
            before = self.slots[before as usize].next;
        }
        before
    }

    /// Drops a packet of the flow that has most of them; that flow's slot.
    fn drop_deepest(&mut self, context: &mut Context<'_>) -> Option<u32> {
        let mut slot = self.depths.deepest()?;
        if self.slots.get(slot as usize)?.fifo.backlog().packets == 1 {
            // All have just one: then the one whose turn is next.
            slot = self.slots.get(self.tail as usize)?.next;
        }
        let queued = self.pop(context, slot, !self.limits.head_drop)?;
        context.drop(queued, DropCause::Limit);
        if self.slots.get(slot as usize)?.fifo.is_empty() {
            self.leave(slot, self.before(slot));
        }
        Some(slot)
    }

    /// Changes the hash if it is time to, and hashes anew what waits.
    fn perturb(&mut self, context: &mut Context<'_>) {
        let Some(at) = self.perturb_at.filter(|at| context.now >= *at) else { return };
        self.perturbation = context.random.bits();
        let periods = (context.now - at).as_nanos() / self.limits.perturb.as_nanos().max(1);
        let ahead = self.limits.perturb.as_nanos().saturating_mul(periods.saturating_add(1));
        self.perturb_at = Some(at + Duration::from_nanos(ahead));
        if self.block.is_empty() {
            self.rehash(context);
        }
    }

    /// Puts what waits in slots anew; what finds none with room is dropped.
    fn rehash(&mut self, context: &mut Context<'_>) {
        let mut waiting = Vec::with_capacity(self.backlog.packets as usize);
        while let Some(slot) = self.slots.get(self.tail as usize).map(|tail| tail.next) {
            let Slot { bucket, is_named, .. } = self.slots[slot as usize];
            let named = Some(bucket).filter(|bucket| is_named && *bucket < self.limits.divisor);
            while let Some(queued) = self.pop(context, slot, false) {
                waiting.push((named, queued));
            }
            self.leave(slot, self.tail);
        }
        self.table = Vec::new();
        for (named, queued) in waiting {
            let bucket = named.unwrap_or_else(|| self.hash(queued.flow));
            let slot = self.slot_for(bucket).filter(|slot| self.packets(*slot) < self.limits.depth);
            let Some(slot) = slot else {
                context.drop(queued, DropCause::Limit);
                continue;
            };
            if let Err(queued) = self.push(context, slot, queued) {
                context.drop(queued, DropCause::Limit);
            }
            if let Some(slot) = self.slots.get_mut(slot as usize) {
                slot.is_named |= named.is_some();
            }
        }
    }

    fn packets(&self, slot: u32) -> u32 {
        self.slots.get(slot as usize).map_or(0, |slot| slot.fifo.backlog().packets)
    }
}

impl Qdisc for Sfq {
    fn options(&self) -> QdiscOptions {
        let Limits { quantum, perturb, limit, divisor, flows, depth, head_drop } = self.limits;
        QdiscOptions::Sfq(SfqOptions { quantum: Some(quantum), perturb, limit, divisor, flows, depth, head_drop })
    }

    fn enqueue(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>, queued: Queued) -> Enqueue {
        self.perturb(context);
        let (bucket, is_named) = match self.bucket(context, skb, &queued) {
            Ok(bucket) => bucket,
            Err(told) => return told,
        };
        let Some(slot) = self.slot_for(bucket) else { return Enqueue::Dropped(DropCause::Limit) };
        let mut told = Enqueue::Queued;
        if self.packets(slot) >= self.limits.depth {
            let oldest = if self.limits.head_drop { self.pop(context, slot, false) } else { None };
            let Some(oldest) = oldest else { return Enqueue::Dropped(DropCause::Limit) };
            context.drop(oldest, DropCause::Limit);
            told = Enqueue::Congested;
        }
        if self.push(context, slot, queued).is_err() {
            if self.packets(slot) == 0 {
                self.leave(slot, self.before(slot));
            }
            return Enqueue::Dropped(DropCause::Limit);
        }
        if let Some(slot) = self.slots.get_mut(slot as usize) {
            slot.is_named |= is_named;
        }
        if self.backlog.packets > self.limits.limit && self.drop_deepest(context) == Some(slot) {
            told = Enqueue::Congested;
        }
        told
    }

    fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue {
        self.perturb(context);
        loop {
            let Some(slot) = self.slots.get(self.tail as usize).map(|tail| tail.next) else { return Dequeue::Empty };
            let Some(flow) = self.slots.get_mut(slot as usize) else { return Dequeue::Empty };
            if flow.allot <= 0 {
                flow.allot += i64::from(self.limits.quantum);
                self.tail = slot;
                continue;
            }
            let Some(queued) = self.pop(context, slot, false) else { return Dequeue::Empty };
            match self.slots.get_mut(slot as usize) {
                Some(flow) if !flow.fifo.is_empty() => flow.allot -= i64::from(queued.len),
                _ => self.leave(slot, self.tail),
            }
            return Dequeue::Packet(queued);
        }
    }

    fn backlog(&self) -> Backlog {
        self.backlog
    }

    fn drain(&mut self, context: &mut Context<'_>, cause: DropCause) {
        while let Some(slot) = self.slots.get(self.tail as usize).map(|tail| tail.next) {
            while let Some(queued) = self.pop(context, slot, false) {
                context.drop(queued, cause);
            }
            self.leave(slot, self.tail);
        }
    }

    /// Where the limit is lower than what waits, packets go as they do where there is no room. Another divisor hashes anew.
    fn change(&mut self, context: &mut Context<'_>, options: &QdiscOptions) -> Result<(), OptionsError> {
        let QdiscOptions::Sfq(options) = options else { return Err(OptionsError::OtherKind) };
        let before = std::mem::replace(&mut self.limits, Limits::new(context, options)?);
        if self.limits.divisor != before.divisor {
            self.rehash(context);
        }
        while self.backlog.packets > self.limits.limit {
            self.drop_deepest(context);
        }
        self.perturb_at = Sfq::perturb_at(context.now, self.limits.perturb);
        Ok(())
    }

    fn block(&mut self) -> Option<&mut Block> {
        Some(&mut self.block)
    }

    fn classful(&self) -> Option<&dyn Classful> {
        Some(self)
    }

    fn classful_mut(&mut self) -> Option<&mut dyn Classful> {
        Some(self)
    }
}
