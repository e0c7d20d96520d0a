use super::backlog::Backlog;
use super::queued::Queued;
use crate::table::prefetch;

/// No place.
const NONE: u32 = u32::MAX;

/// All packets that wait in one engine, in whatever qdisc: lists run through it.
///
/// A freed place is used again last-in-first-out, so as many places are touched as packets wait.
#[derive(Debug)]
pub(crate) struct Pool {
    entries: Vec<Entry>,
    /// The first free place; the others follow by `next`.
    free: u32,
}

#[derive(Debug)]
struct Entry {
    queued: Queued,
    next: u32,
    previous: u32,
}

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

    /// Puts a packet in; its place has no neighbours yet. `None` where 2^32 - 1 packets wait.
    fn put(&mut self, queued: Queued, previous: u32) -> Option<u32> {
        let entry = Entry { queued, next: NONE, previous };
        if let Some(free) = self.entries.get_mut(self.free as usize) {
            let place = self.free;
            self.free = free.next;
            *free = entry;
            return Some(place);
        }
        let place = u32::try_from(self.entries.len()).ok().filter(|place| *place != NONE)?;
        self.entries.push(entry);
        Some(place)
    }

    fn free(&mut self, place: u32) {
        self.entries[place as usize].next = self.free;
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
            last => pool.entries[last as usize].next = place,
        }
        self.last = place;
        self.backlog.add(queued.len);
        Ok(())
    }

    /// Takes the oldest packet out.
    #[inline]
    pub(crate) fn pop(&mut self, pool: &mut Pool) -> Option<Queued> {
        let place = self.first;
        let Entry { queued, next, .. } = *pool.entries.get(place as usize)?;
        self.first = next;
        match next {
            NONE => self.last = NONE,
            next => pool.entries[next as usize].previous = NONE,
        }
        pool.free(place);
        self.backlog.take(queued.len);
        Some(queued)
    }

    /// Takes the newest packet out.
    pub(crate) fn pop_last(&mut self, pool: &mut Pool) -> Option<Queued> {
        let place = self.last;
        let Entry { queued, previous, .. } = *pool.entries.get(place as usize)?;
        self.last = previous;
        match previous {
            NONE => self.first = NONE,
            previous => pool.entries[previous as usize].next = NONE,
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
    pub(crate) fn front<'a>(&self, pool: &'a Pool) -> Option<&'a Queued> {
        pool.entries.get(self.first as usize).map(|entry| &entry.queued)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::queued::Ecn;
    use crate::time::Instant;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn packet(token: u64) -> Queued {
        let len = 60 + token as u32;
        Queued { token, arrived: Instant::ZERO, len, flow: 0, ecn: Ecn::NotEct, is_marked: false }
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
                    2 => prop_assert_eq!(fifo.pop(&mut pool).map(|queued| queued.token), model.pop_front()),
                    _ => prop_assert_eq!(fifo.pop_last(&mut pool).map(|queued| queued.token), model.pop_back()),
                }
                for (fifo, model) in &lists {
                    let bytes = model.iter().map(|token| 60 + token).sum::<u64>();
                    prop_assert_eq!(fifo.backlog(), Backlog { packets: model.len() as u32, bytes });
                    prop_assert_eq!(fifo.is_empty(), model.is_empty());
                    prop_assert_eq!(fifo.front(&pool).map(|queued| queued.token), model.front().copied());
                }
            }
            let most = pool.entries.len();
            prop_assert!(most >= lists.iter().map(|(_, model)| model.len()).sum::<usize>());
        }
    }
}
