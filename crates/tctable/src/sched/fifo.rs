use super::backlog::Backlog;
use super::queued::{Ecn, Queued};
use crate::table::prefetch;
use crate::time::Instant;

/// No place; those that are one are lower.
const NONE: u32 = (1 << 30) - 1;

/// All packets that wait in one engine, in whatever qdisc: lists run through it.
///
/// A freed place is used again last-in-first-out, so as many places are touched as packets wait.
#[derive(Debug)]
pub(crate) struct Pool {
    entries: Vec<Entry>,
    /// The first free place; the others follow by `next`.
    free: u32,
}

/// A packet with its neighbours: half a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Entry {
    token: u64,
    arrived: Instant,
    len: u32,
    flow: u32,
    /// With what its ECN field says.
    next: Link,
    /// With whether it is marked. Of the first one in its list it is nothing.
    previous: Link,
}

/// A place, and two bits of something else above.
#[derive(Clone, Copy, Debug)]
struct Link(u32);

impl Link {
    fn new(place: u32, bits: u32) -> Link {
        Link(place | bits << 30)
    }

    fn place(self) -> u32 {
        self.0 & NONE
    }

    fn bits(self) -> u32 {
        self.0 >> 30
    }

    fn set(&mut self, place: u32) {
        *self = Link::new(place, self.bits());
    }
}

impl Entry {
    fn new(queued: Queued, previous: u32) -> Entry {
        let Queued { token, arrived, len, flow, ecn, is_marked } = queued;
        let (next, previous) = (Link::new(NONE, ecn as u32), Link::new(previous, is_marked.into()));
        Entry { token, arrived, len, flow, next, previous }
    }

    fn queued(&self) -> Queued {
        let Entry { token, arrived, len, flow, next, previous } = *self;
        let ecn = match next.bits() {
            0 => Ecn::NotEct,
            1 => Ecn::Ect,
            _ => Ecn::Ce,
        };
        Queued { token, arrived, len, flow, ecn, is_marked: previous.bits() != 0 }
    }
}

const _: () = assert!(size_of::<Entry>() == 32 && Ecn::NotEct as u32 == 0 && Ecn::Ect as u32 == 1);

/// A list of packets in the order of their arrival. Its owner must empty it before it goes.
#[derive(Debug)]
pub(crate) struct Fifo {
    first: u32,
    last: u32,
    backlog: Backlog,
}

impl Pool {
    pub(crate) fn new() -> Pool {
        Pool { entries: Vec::new(), free: NONE }
    }

    /// Puts a packet in; its place has no neighbours yet. `None` where 2^30 - 1 packets wait.
    fn put(&mut self, queued: Queued, previous: u32) -> Option<u32> {
        let entry = Entry::new(queued, previous);
        if let Some(free) = self.entries.get_mut(self.free as usize) {
            let place = self.free;
            self.free = free.next.place();
            *free = entry;
            return Some(place);
        }
        let place = u32::try_from(self.entries.len()).ok().filter(|place| *place < NONE)?;
        self.entries.push(entry);
        Some(place)
    }

    fn free(&mut self, place: u32) {
        self.entries[place as usize].next.set(self.free);
        self.free = place;
    }
}

impl Default for Fifo {
    fn default() -> Fifo {
        Fifo::new()
    }
}

impl Fifo {
    pub(crate) const fn new() -> Fifo {
        Fifo { first: NONE, last: NONE, backlog: Backlog { packets: 0, bytes: 0 } }
    }

    pub(crate) fn backlog(&self) -> Backlog {
        self.backlog
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first == NONE
    }

    /// Appends a packet.
    ///
    /// # Errors
    /// The packet, where no more can wait anywhere.
    #[inline]
    pub(crate) fn push(&mut self, pool: &mut Pool, queued: Queued) -> Result<(), Queued> {
        let Some(place) = pool.put(queued, self.last) else { return Err(queued) };
        match self.last {
            NONE => self.first = place,
            last => pool.entries[last as usize].next.set(place),
        }
        self.last = place;
        self.backlog.add(queued.len);
        Ok(())
    }

    /// Takes the oldest packet out.
    #[inline]
    pub(crate) fn pop(&mut self, pool: &mut Pool) -> Option<Queued> {
        let place = self.first;
        let entry = pool.entries.get(place as usize)?;
        let queued = entry.queued();
        self.first = entry.next.place();
        if self.first == NONE {
            self.last = NONE;
        }
        pool.free(place);
        self.backlog.take(queued.len);
        Some(queued)
    }

    /// Takes the newest packet out.
    pub(crate) fn pop_last(&mut self, pool: &mut Pool) -> Option<Queued> {
        let place = self.last;
        let entry = pool.entries.get(place as usize)?;
        let queued = entry.queued();
        // The first one's neighbour went: it does not say so, because telling it would take a cache line.
        if place == self.first {
            (self.first, self.last) = (NONE, NONE);
        } else {
            self.last = entry.previous.place();
            pool.entries[self.last as usize].next.set(NONE);
        }
        pool.free(place);
        self.backlog.take(queued.len);
        Some(queued)
    }

    /// Asks for the cache lines of both ends.
    #[inline]
    pub(crate) fn prefetch(&self, pool: &Pool) {
        for end in [self.first, self.last] {
            if let Some(entry) = pool.entries.get(end as usize) {
                prefetch(entry);
            }
        }
    }

    /// The oldest packet.
    #[inline]
    pub(crate) fn front(&self, pool: &Pool) -> Option<Queued> {
        pool.entries.get(self.first as usize).map(Entry::queued)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn packet(token: u64) -> Queued {
        let len = 60 + token as u32;
        let ecn = [Ecn::NotEct, Ecn::Ect, Ecn::Ce][token as usize % 3];
        Queued { token, arrived: Instant::ZERO, len, flow: !len, ecn, is_marked: token.is_multiple_of(2) }
    }

    proptest! {
        #[test]
        fn lists_in_one_pool_are_what_deques_are(steps in proptest::collection::vec((0usize..3, 0u8..4), 0..300)) {
            let mut pool = Pool::new();
            let mut lists: [(Fifo, VecDeque<u64>); 3] = Default::default();
            for (token, (which, what)) in steps.into_iter().enumerate() {
                let (fifo, model) = &mut lists[which];
                match what {
                    0 | 1 => {
                        fifo.push(&mut pool, packet(token as u64)).unwrap();
                        model.push_back(token as u64);
                    }
                    2 => prop_assert_eq!(fifo.pop(&mut pool), model.pop_front().map(packet)),
                    _ => prop_assert_eq!(fifo.pop_last(&mut pool), model.pop_back().map(packet)),
                }
                for (fifo, model) in &lists {
                    let bytes = model.iter().map(|token| 60 + token).sum::<u64>();
                    prop_assert_eq!(fifo.backlog(), Backlog { packets: model.len() as u32, bytes });
                    prop_assert_eq!(fifo.is_empty(), model.is_empty());
                    prop_assert_eq!(fifo.front(&pool), model.front().copied().map(packet));
                }
            }
            let most = pool.entries.len();
            prop_assert!(most >= lists.iter().map(|(_, model)| model.len()).sum::<usize>());
        }
    }
}
