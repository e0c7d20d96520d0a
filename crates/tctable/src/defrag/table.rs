use super::blocks::Blocks;
use super::config::Limits;
use super::outcome::Cause;
use super::part::{Key, NoPart, Part};
use super::peers::{Peer, Peers};
use super::queue::{Fate, Layout, Queue};
use super::statistics::Statistics;
use crate::packet::{Family, Frame, Invalid, PacketInfo, Transport};
use crate::table::{Hash, HashKey, Hasher, Index, Slab};
use crate::time::{Instant, Promptness, Wheel};

/// The datagrams of one family that are not whole yet.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) limits: Limits,
    pub(super) statistics: Statistics,
    hasher: Hasher,
    index: Index,
    slab: Slab<Queue>,
    wheel: Wheel,
    blocks: Blocks,
    peers: Peers,
}

/// What a datagram takes without its bytes: itself, its peer, and both in their tables (a slot of an index is at most
/// 17 bytes, a timer 5, a generation and a free place 8).
const QUEUE: u32 = (size_of::<Queue>() + size_of::<Peer>() + 2 * (17 + 8) + 5) as u32;
/// What a fragment takes without its bytes: a run in a tree whose nodes are half full.
const RUN: u32 = 32;

/// What became of a fragment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Taken {
    Held,
    /// The datagram at that place is whole.
    Whole(u32, Layout),
    Refused(Cause),
    Passed,
}

impl Table {
    pub(super) fn new(limits: Limits, key: HashKey) -> Self {
        Table {
            limits,
            statistics: Statistics::default(),
            hasher: Hasher::new(key),
            index: Index::new(),
            slab: Slab::new(),
            wheel: Wheel::new(),
            blocks: Blocks::new(),
            peers: Peers::new(key),
        }
    }

    /// Takes in what was read of a fragment.
    pub(super) fn take(&mut self, now: Instant, part: Result<Part<'_>, NoPart>) -> Taken {
        let part = match part {
            Ok(part) => part,
            Err(NoPart::Passed) => return Taken::Passed,
            Err(NoPart::Refused(cause)) => {
                self.statistics.requests += 1;
                return self.refuse(cause);
            }
        };
        self.statistics.requests += 1;
        self.take_part(now, &part)
    }

    fn take_part(&mut self, now: Instant, part: &Part<'_>) -> Taken {
        let Some(place) = self.find_or_begin(now, &part.key) else { return self.refuse(Cause::Memory) };
        self.check_distance(now, place);
        match self.slab[place].take(part) {
            Ok(()) => {}
            Err(Fate::Stays(cause)) => return self.refuse(cause),
            Err(Fate::Dies(cause)) => {
                self.remove(place);
                return self.refuse(cause);
            }
            Err(Fate::DiesAndPassed) => {
                self.remove(place);
                self.statistics.fails += 1;
                return Taken::Passed;
            }
        }
        self.keep(place, part);
        let queue = &self.slab[place];
        if !queue.is_whole() {
            return Taken::Held;
        }
        match queue.layout() {
            Ok(layout) => Taken::Whole(place, layout),
            Err(cause) => {
                self.remove(place);
                self.refuse(cause)
            }
        }
    }

    fn refuse(&mut self, cause: Cause) -> Taken {
        // A duplicate is no failure: the datagram may still become whole.
        self.statistics.fails += u64::from(cause != Cause::Duplicate);
        self.statistics.overlaps += u64::from(cause == Cause::Overlap);
        Taken::Refused(cause)
    }

    /// Takes a whole datagram out of the table and writes what is known of it to `into`.
    pub(super) fn finish(&mut self, place: u32, layout: &Layout, into: &mut [u8]) {
        self.blocks.copy(&self.slab[place].chain, layout.origin(), into);
        layout.finish(into);
        self.remove(place);
        self.statistics.oks += 1;
    }

    /// Notes which whole datagrams the capture had not kept in full.
    pub(super) fn count_cut(&mut self, whole: &Frame<'_>) {
        if whole.data.len() < whole.wire_len as usize {
            let cut = |info: PacketInfo| info.transport == Transport::Invalid(Invalid::Cut);
            self.statistics.cut += 1;
            self.statistics.transport_cut += u64::from(PacketInfo::read(whole).is_ok_and(cut));
        }
    }

    fn hash(&self, key: &Key) -> Hash {
        self.hasher.connection(&key.tuple)
    }

    /// `None` while fragments take too much memory: not even the table is searched then.
    fn find_or_begin(&mut self, now: Instant, key: &Key) -> Option<u32> {
        if self.limits.high_thresh == 0 || self.statistics.memory > self.limits.high_thresh.into() {
            return None;
        }
        let hash = self.hash(key);
        if let Some(place) = self.index.find(hash, |place| self.slab[place].key == *key) {
            if self.slab[place].deadline > now {
                return Some(place);
            }
            self.time_out(place);
        }
        let counted = key.tuple.family == Family::V4 && self.limits.max_dist != 0;
        let peer = if counted { self.peers.join(key.tuple.source).map(|peer| (peer, 0)) } else { None };
        let deadline = now + self.limits.time;
        let place = self.slab.insert(&Queue::new(*key, deadline, peer))?;
        if self.index.insert(hash, place).is_err() {
            if let Some((peer, _)) = peer {
                self.peers.leave(peer);
            }
            self.slab.remove(place);
            return None;
        }
        self.slab[place].timer = self.wheel.insert(place, deadline);
        self.statistics.memory += u64::from(QUEUE);
        self.statistics.queues += 1;
        Some(place)
    }

    /// Drops what has come of a datagram if too many others of the same source came since: it begins anew.
    fn check_distance(&mut self, now: Instant, place: u32) {
        let queue = &mut self.slab[place];
        let Some((peer, before)) = queue.peer.as_mut().filter(|_| self.limits.max_dist != 0) else { return };
        let count = self.peers.count(*peer);
        let distance = count.wrapping_sub(std::mem::replace(before, count));
        if queue.is_empty() || distance <= self.limits.max_dist {
            return;
        }
        // The wheel is not told: it asks for the deadline when the old one has come.
        queue.deadline = now + self.limits.time;
        self.statistics.memory -= u64::from(queue.memory);
        self.statistics.fails += 1;
        self.blocks.free(queue.reset());
    }

    /// Keeps a fragment's bytes.
    fn keep(&mut self, place: u32, part: &Part<'_>) {
        let queue = &mut self.slab[place];
        let header = if part.offset == 0 { part.header.bytes } else { &[] };
        let cost = RUN + Blocks::cost(header.len()) + Blocks::cost(part.payload.len());
        self.blocks.push(&mut queue.chain, -(part.header.len as i32), header);
        self.blocks.push(&mut queue.chain, part.offset as i32, part.payload);
        queue.memory += cost;
        self.statistics.memory += u64::from(cost);
    }

    /// Takes a datagram out of the table.
    fn remove(&mut self, place: u32) {
        let position = self.slab[place].timer;
        if let Some(moved) = self.wheel.cancel(position) {
            self.slab[moved].timer = position;
        }
        self.forget(place);
    }

    /// The same for one that is not in the wheel's hands.
    fn forget(&mut self, place: u32) {
        let hash = self.hash(&self.slab[place].key);
        self.index.remove(hash, place);
        let queue = &mut self.slab[place];
        if let Some((peer, _)) = queue.peer {
            self.peers.leave(peer);
        }
        self.statistics.memory -= u64::from(QUEUE + queue.memory);
        self.statistics.queues -= 1;
        self.blocks.free(queue.reset());
        self.slab.remove(place);
    }

    fn time_out(&mut self, place: u32) {
        self.remove(place);
        self.count_timeout();
    }

    fn count_timeout(&mut self) {
        self.statistics.fails += 1;
        self.statistics.timeouts += 1;
    }

    pub(super) fn expire(&mut self, now: Instant, promptness: Promptness) {
        while let Some(due) = self.wheel.poll(now, promptness) {
            for place in due {
                let deadline = self.slab[place].deadline;
                if deadline <= now {
                    self.forget(place);
                    self.count_timeout();
                } else {
                    self.slab[place].timer = self.wheel.insert(place, deadline);
                }
            }
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.wheel.next_timeout()
    }
}
