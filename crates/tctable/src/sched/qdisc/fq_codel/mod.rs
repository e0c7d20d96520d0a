//! `fq_codel` (RFC 8290): flows by a hash, each a CoDel queue, served by deficit round robin, new flows first.
//!
//! A queue in which nothing waits has no flows but those whose CoDel state says something; so an idle one is this file's
//! struct, and what flows there are lie in one slab for the whole engine ([`Flows`]). A few flows are found by walking the
//! lists, many by a table that is made when it is needed. A flow that sent its last packet keeps its place in the round until its turn
//! comes, as RFC 8290 has it, or until nothing waits at all.

use super::{Dequeue, Enqueue, OptionsError, Qdisc, QdiscXstats};
use crate::sched::backlog::Backlog;
use crate::sched::codel::{CodelCounters, CodelParameters};
use crate::sched::context::{Context, DropCause};
use crate::sched::filter::{Block, Classified};
use crate::sched::flows::{FlowList, Flows, Turn};
use crate::sched::options::{FqCodelOptions, QdiscOptions};
use crate::sched::queued::Queued;
use crate::sched::skb::Skb;
use crate::time::Duration;

#[cfg(test)]
mod tests;

/// No flow.
const NONE: u32 = u32::MAX;

/// Flows are found by walking their lists up to so many.
const WALKED: u32 = 8;

#[derive(Debug)]
pub(super) struct FqCodel {
    target: Duration,
    interval: Duration,
    ce_threshold: Duration,
    rare: Option<Box<Rare>>,
    backlog: Backlog,
    limit: u32,
    flows: u32,
    quantum: u32,
    memory_limit: u32,
    drop_batch: u32,
    new: FlowList,
    old: FlowList,
    kept: FlowList,
    counters: CodelCounters,
    drop_overlimit: u32,
    drop_overmemory: u32,
    new_flow_count: u32,
    major: u16,
    ecn: bool,
}

/// What few queues need.
#[derive(Debug, Default)]
struct Rare {
    /// The place of each bucket's flow. Empty while there are few.
    table: Box<[u32]>,
    block: Block,
}

impl FqCodel {
    /// The kernel's bounds.
    const MAX_FLOWS: u32 = 65_536;
    const MIN_QUANTUM: u32 = 256;
    const MAX_QUANTUM: u32 = 1 << 20;
    const MAX_MEMORY: u32 = 1 << 31;

    pub(super) fn new(context: &Context<'_>, major: u16, options: &FqCodelOptions) -> Result<FqCodel, OptionsError> {
        if !(1..=FqCodel::MAX_FLOWS).contains(&options.flows) {
            return Err(OptionsError::Invalid("flows: 1 to 65536"));
        }
        let mut queue = FqCodel {
            target: options.target,
            interval: options.interval,
            ce_threshold: CodelParameters::threshold(options.ce_threshold),
            rare: None,
            backlog: Backlog::default(),
            limit: 0,
            flows: options.flows,
            quantum: 0,
            memory_limit: 0,
            drop_batch: 0,
            new: FlowList::new(),
            old: FlowList::new(),
            kept: FlowList::new(),
            counters: CodelCounters::default(),
            drop_overlimit: 0,
            drop_overmemory: 0,
            new_flow_count: 0,
            major,
            ecn: options.ecn,
        };
        queue.set(context, options)?;
        Ok(queue)
    }

    /// Takes options over that may change at any time.
    fn set(&mut self, context: &Context<'_>, options: &FqCodelOptions) -> Result<(), OptionsError> {
        let quantum = options.quantum.unwrap_or(context.longest_frame()).max(FqCodel::MIN_QUANTUM);
        if quantum > FqCodel::MAX_QUANTUM {
            return Err(OptionsError::Invalid("quantum: at most 1048576"));
        }
        let FqCodelOptions { limit, target, interval, ecn, ce_threshold, memory_limit, drop_batch, .. } = *options;
        (self.target, self.interval, self.ecn) = (target, interval, ecn);
        self.ce_threshold = CodelParameters::threshold(ce_threshold);
        self.limit = limit;
        self.quantum = quantum;
        self.memory_limit = memory_limit.min(FqCodel::MAX_MEMORY);
        self.drop_batch = drop_batch.max(1);
        Ok(())
    }

    fn parameters(&self) -> CodelParameters {
        let &FqCodel { target, interval, ce_threshold, ecn, .. } = self;
        CodelParameters { target, interval, ce_threshold, ecn }
    }

    /// The bucket that a packet belongs to.
    fn bucket(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>, queued: &Queued) -> Result<u32, Enqueue> {
        if let Some(minor) = skb.class_of(self.major).filter(|minor| (1..=self.flows).contains(minor)) {
            return Ok(minor - 1);
        }
        if let Some(rare) = self.rare.as_mut().filter(|rare| !rare.block.is_empty()) {
            return match rare.block.classify(context, skb) {
                Classified::Class(class) if (1..=self.flows).contains(&class.minor) => Ok(class.minor - 1),
                Classified::Class(_) | Classified::Nothing => Err(Enqueue::Dropped(DropCause::NoClass)),
                Classified::Drop(cause) => Err(Enqueue::Dropped(cause)),
                Classified::Stolen => Err(Enqueue::Stolen),
            };
        }
        Ok(((u64::from(queued.flow) * u64::from(self.flows)) >> 32) as u32)
    }

    /// All flows' places.
    fn places<'a>(&self, flows: &'a Flows) -> impl Iterator<Item = u32> + use<'a> {
        self.new.places(flows).chain(self.old.places(flows)).chain(self.kept.places(flows))
    }

    fn table(&mut self) -> Option<&mut Box<[u32]>> {
        self.rare.as_mut().map(|rare| &mut rare.table).filter(|table| !table.is_empty())
    }

    /// A bucket's flow, with a place in the round; made if there is none.
    #[inline]
    fn flow(&mut self, flows: &mut Flows, bucket: u32) -> Option<u32> {
        let known = match self.table() {
            Some(table) => table.get(bucket as usize).copied().filter(|place| *place != NONE),
            None => self.places(flows).find(|place| flows.get(*place).is_some_and(|flow| flow.bucket == bucket)),
        };
        let place = match known {
            Some(place) => place,
            None => {
                let place = flows.make(bucket)?;
                self.enter(flows, bucket, place);
                self.kept.push(flows, place);
                place
            }
        };
        let flow = flows.get_mut(place)?;
        if flow.turn == Turn::Kept || known.is_none() {
            flow.turn = Turn::New;
            flow.deficit = self.quantum.into();
            self.kept.remove(flows, place);
            self.new.push(flows, place);
            self.new_flow_count = self.new_flow_count.wrapping_add(1);
        }
        Some(place)
    }

    /// Enters a new flow in the table, which is made where flows become many.
    fn enter(&mut self, flows: &Flows, bucket: u32, place: u32) {
        if self.table().is_none() {
            if self.new.len() + self.old.len() + self.kept.len() < WALKED {
                return;
            }
            let mut table = vec![NONE; self.flows as usize].into_boxed_slice();
            for place in self.places(flows) {
                if let Some(entry) = flows.get(place).and_then(|flow| table.get_mut(flow.bucket as usize)) {
                    *entry = place;
                }
            }
            self.rare.get_or_insert_default().table = table;
        }
        if let Some(entry) = self.table().and_then(|table| table.get_mut(bucket as usize)) {
            *entry = place;
        }
    }

    /// Lets go of an empty flow that is in no list; keeps it where its CoDel state says something.
    fn retire(&mut self, context: &mut Context<'_>, place: u32) {
        let Some(flow) = context.flows.get_mut(place) else { return };
        if flow.codel.is_worth_keeping(context.now, self.interval) {
            flow.turn = Turn::Kept;
            self.kept.push(context.flows, place);
        } else {
            self.forget(context.flows, place);
        }
    }

    fn forget(&mut self, flows: &mut Flows, place: u32) {
        let bucket = flows.get(place).map(|flow| flow.bucket);
        if let (Some(table), Some(bucket)) = (self.table(), bucket)
            && let Some(entry) = table.get_mut(bucket as usize)
        {
            *entry = NONE;
        }
        flows.free(place);
    }

    /// Looks at the flow that was kept the longest: most are of no use by then.
    fn reap(&mut self, context: &mut Context<'_>) {
        if let Some(place) = self.kept.first() {
            self.kept.remove(context.flows, place);
            self.retire(context, place);
        }
    }

    /// Nothing waits: every flow would leave the round when its turn came.
    fn rest(&mut self, context: &mut Context<'_>) {
        for turn in [Turn::New, Turn::Old] {
            while let Some(place) = self.list(turn).first() {
                self.list(turn).remove(context.flows, place);
                if let Some(flow) = context.flows.get_mut(place) {
                    flow.codel.dropping = false;
                }
                self.retire(context, place);
            }
        }
        if self.kept.len() == 0
            && let Some(rare) = &mut self.rare
        {
            rare.table = Box::default();
        }
    }

    fn list(&mut self, turn: Turn) -> &mut FlowList {
        match turn {
            Turn::New => &mut self.new,
            Turn::Old => &mut self.old,
            Turn::Kept => &mut self.kept,
        }
    }

    fn is_over_memory(&self) -> bool {
        self.backlog.bytes > u64::from(self.memory_limit)
    }

    /// Drops the oldest packets of the flow that has most bytes, half of them or so many (RFC 8290 section 4.1); its place, and
    /// how many they were.
    fn drop_fattest(&mut self, context: &mut Context<'_>, most: u32) -> Option<(u32, u32)> {
        // The first one of equals in the order of their buckets, as in the kernel.
        let bytes = |place: &u32| {
            let flow = context.flows.get(*place);
            flow.map_or((0, 0), |flow| (flow.fifo.backlog().bytes, u32::MAX - flow.bucket))
        };
        let fattest = self.places(context.flows).max_by_key(bytes)?;
        let mut fifo = std::mem::take(&mut context.flows.get_mut(fattest)?.fifo);
        let before = fifo.backlog();
        for _ in 0..most {
            let Some(queued) = fifo.pop(context.pool) else { break };
            context.drop(queued, DropCause::Limit);
            if before.bytes - fifo.backlog().bytes >= before.bytes / 2 {
                break;
            }
        }
        let after = fifo.backlog();
        self.backlog.follow(before, after);
        context.flows.get_mut(fattest)?.fifo = fifo;
        Some((fattest, before.packets - after.packets))
    }

    /// Makes room, where packets or bytes are too many by the one that has just come; the place of the flow that lost packets.
    fn make_room(&mut self, context: &mut Context<'_>) -> Option<u32> {
        let is_over_memory = self.is_over_memory();
        let (place, count) = self.drop_fattest(context, self.drop_batch)?;
        self.drop_overlimit = self.drop_overlimit.wrapping_add(count);
        if is_over_memory {
            self.drop_overmemory = self.drop_overmemory.wrapping_add(count);
        }
        // CoDel is to drop faster, too.
        let codel = &mut context.flows.get_mut(place)?.codel;
        codel.count = codel.count.wrapping_add(count);
        Some(place)
    }

    /// What `dequeue` gives, without an end to the busy time.
    fn next(&mut self, context: &mut Context<'_>) -> Option<Queued> {
        loop {
            let turn = if self.new.len() > 0 { Turn::New } else { Turn::Old };
            let place = self.list(turn).first()?;
            let flow = context.flows.get_mut(place)?;
            if flow.deficit <= 0 {
                flow.deficit += i64::from(self.quantum);
                self.move_to_old(context.flows, place, turn);
                continue;
            }
            let mut fifo = std::mem::take(&mut flow.fifo);
            let mut codel = flow.codel;
            let before = fifo.backlog();
            let queued = codel.dequeue(context, &mut fifo, &self.parameters(), &mut self.counters);
            self.backlog.follow(before, fifo.backlog());
            let flow = context.flows.get_mut(place)?;
            (flow.fifo, flow.codel) = (fifo, codel);
            match queued {
                Some(queued) => {
                    flow.deficit -= i64::from(queued.len);
                    return Some(queued);
                }
                // Else a flow that comes and goes could keep old ones waiting for ever.
                None if turn == Turn::New && self.old.len() > 0 => self.move_to_old(context.flows, place, turn),
                None => {
                    self.list(turn).remove(context.flows, place);
                    self.retire(context, place);
                }
            }
        }
    }

    fn move_to_old(&mut self, flows: &mut Flows, place: u32, turn: Turn) {
        if turn == Turn::Old {
            self.old.turn(flows);
            return;
        }
        self.list(turn).remove(flows, place);
        self.old.push(flows, place);
        if let Some(flow) = flows.get_mut(place) {
            flow.turn = Turn::Old;
        }
    }
}

impl Qdisc for FqCodel {
    fn options(&self) -> QdiscOptions {
        QdiscOptions::FqCodel(FqCodelOptions {
            limit: self.limit,
            flows: self.flows,
            quantum: Some(self.quantum),
            target: self.target,
            interval: self.interval,
            ecn: self.ecn,
            ce_threshold: CodelParameters::option(self.ce_threshold),
            memory_limit: self.memory_limit,
            drop_batch: self.drop_batch,
        })
    }

    fn enqueue(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>, queued: Queued) -> Enqueue {
        let bucket = match self.bucket(context, skb, &queued) {
            Ok(bucket) => bucket,
            Err(told) => return told,
        };
        self.reap(context);
        let Some(place) = self.flow(context.flows, bucket) else { return Enqueue::Dropped(DropCause::Limit) };
        let Some(flow) = context.flows.get_mut(place) else { return Enqueue::Dropped(DropCause::Limit) };
        if flow.fifo.push(context.pool, queued).is_err() {
            return Enqueue::Dropped(DropCause::Limit);
        }
        self.backlog.add(queued.len);
        if self.backlog.packets <= self.limit && !self.is_over_memory() {
            return Enqueue::Queued;
        }
        let dropped = self.make_room(context);
        if self.backlog.is_empty() {
            self.rest(context);
        }
        if dropped == Some(place) { Enqueue::Congested } else { Enqueue::Queued }
    }

    #[inline]
    fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue {
        let queued = self.next(context);
        if self.backlog.is_empty() {
            self.rest(context);
        }
        queued.map_or(Dequeue::Empty, Dequeue::Packet)
    }

    fn backlog(&self) -> Backlog {
        self.backlog
    }

    fn drain(&mut self, context: &mut Context<'_>, cause: DropCause) {
        for turn in [Turn::New, Turn::Old, Turn::Kept] {
            while let Some(place) = self.list(turn).first() {
                self.list(turn).remove(context.flows, place);
                if let Some(flow) = context.flows.get_mut(place) {
                    let mut fifo = std::mem::take(&mut flow.fifo);
                    while let Some(queued) = fifo.pop(context.pool) {
                        context.drop(queued, cause);
                    }
                }
                self.forget(context.flows, place);
            }
        }
        self.backlog = Backlog::default();
        self.rest(context);
    }

    /// Where a limit is lower than what waits, the flow with most bytes loses its oldest packets, one after the other. The kernel
    /// drops what it would send, and what CoDel drops meanwhile besides.
    fn change(&mut self, context: &mut Context<'_>, options: &QdiscOptions) -> Result<(), OptionsError> {
        let QdiscOptions::FqCodel(options) = options else { return Err(OptionsError::OtherKind) };
        if options.flows != self.flows {
            return Err(OptionsError::Fixed);
        }
        self.set(context, options)?;
        while self.backlog.packets > self.limit || self.is_over_memory() {
            if self.drop_fattest(context, 1).is_none() {
                break;
            }
        }
        if self.backlog.is_empty() {
            self.rest(context);
        }
        Ok(())
    }

    fn xstats(&self) -> QdiscXstats {
        QdiscXstats::FqCodel {
            max_packet: self.counters.max_packet,
            drop_overlimit: self.drop_overlimit,
            ecn_mark: self.counters.ecn_mark,
            new_flow_count: self.new_flow_count,
            new_flows_len: self.new.len(),
            old_flows_len: self.old.len(),
            ce_mark: self.counters.ce_mark,
            memory_usage: u32::try_from(self.backlog.bytes).unwrap_or(u32::MAX),
            drop_overmemory: self.drop_overmemory,
        }
    }

    fn block(&mut self) -> Option<&mut Block> {
        Some(&mut self.rare.get_or_insert_default().block)
    }
}
