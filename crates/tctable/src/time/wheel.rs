//! A hashed hierarchical timer wheel (Varghese and Lauck, 1987) over plain numbers.
//!
//! Time is cut into ticks of 2^24 ns (16.8 ms). Level 0 has a slot for each of the next 256 ticks, level 1 one for each
//! 256 ticks, and so on: five levels hold every deadline that 64 bits of nanoseconds can name. Filing a timer is a
//! shift and a push. A slot is a chain of blocks of keys rather than a linked list through the entries: handling a slot
//! walks its keys in order, so that the caller can look at many entries at once instead of waiting for one cache miss
//! after the other.
//!
//! The wheel does not know deadlines, only slots. When a slot comes round, its keys are handed out and forgotten; the
//! caller looks at each entry's deadline, which packets may have moved, and files it again where it is not due yet.
//! So a packet never touches the wheel, and a timer is handed out once for each level that it passes.
//!
//! A key is handed out when its deadline has passed, at most [`Wheel::LATE`] after it. Who wants to know at once polls that
//! much ahead, and files again what is not due.
//!
//! Memory: 4.2 bytes for a timer, plus at most one part-filled block for a slot in use.

use arrayvec::ArrayVec;

use super::{Duration, Instant};
use crate::table::Chunked;

const TICK_SHIFT: u32 = 24;
const SLOT_BITS: u32 = 8;
const SLOTS: usize = 1 << SLOT_BITS;
const LEVELS: usize = 5;
const BLOCK_KEYS: usize = 61;
const NONE: u32 = u32::MAX;
/// Blocks to a chunk of the pool: 256 KiB.
const POOL_CHUNK: usize = 1 << 10;

/// Where a timer is filed: needed to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerPosition(u32);

/// Keys that came round together.
pub type Due = ArrayVec<u32, { Wheel::MAX_DUE }>;

/// See the head of this file.
#[derive(Debug)]
pub struct Wheel {
    /// The tick up to which slots have been handled.
    tick: u64,
    /// The slot that begins at `tick`, while some of its keys have not been handed out.
    draining: Option<(usize, usize)>,
    /// The newest block of each slot's chain; only that one may be part-filled.
    heads: [[u32; SLOTS]; LEVELS],
    /// One bit for each slot that has a chain.
    occupied: [[u64; SLOTS / 64]; LEVELS],
    pool: Chunked<Block, POOL_CHUNK>,
    free_block: u32,
    len: usize,
}

#[derive(Clone, Debug)]
struct Block {
    next: u32,
    level: u8,
    slot: u8,
    len: u8,
    keys: [u32; BLOCK_KEYS],
}

impl TimerPosition {
    /// Stands for "not filed".
    pub const NONE: TimerPosition = TimerPosition(NONE);

    fn new(block: u32, offset: usize) -> Self {
        TimerPosition(block << 6 | offset as u32)
    }

    fn block(self) -> u32 {
        self.0 >> 6
    }

    fn offset(self) -> usize {
        (self.0 & 63) as usize
    }
}

impl Default for Wheel {
    fn default() -> Self {
        Self::new()
    }
}

impl Wheel {
    /// Keys that one call of [`Wheel::poll`] hands out at most.
    pub const MAX_DUE: usize = BLOCK_KEYS;

    /// How long after its deadline a timer may be handed out, where nobody polls ahead: three ticks. Polling ahead moves
    /// the wheel's own time on, and what is filed after that can only come later than it.
    pub const LATE: Duration = Duration::from_nanos(3 << TICK_SHIFT);

    /// A wheel that stands at the origin of time.
    pub fn new() -> Self {
        Wheel {
            tick: 0,
            draining: None,
            heads: [[NONE; SLOTS]; LEVELS],
            occupied: [[0; SLOTS / 64]; LEVELS],
            pool: Chunked::new(),
            free_block: NONE,
            len: 0,
        }
    }

    /// Timers that are filed.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no timer is filed.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Files a timer. It is handed out when `deadline` has passed, at once where it already has.
    pub fn insert(&mut self, key: u32, deadline: Instant) -> TimerPosition {
        // The first tick that begins after the deadline, but always one that has not been handled yet.
        let tick = ((deadline.as_nanos() >> TICK_SHIFT) + 1).max(self.tick + 1);
        // The highest digit in which the tick differs from now's is the level where its slot lies ahead.
        let level = ((63 - (tick ^ self.tick).leading_zeros()) / SLOT_BITS).min(LEVELS as u32 - 1);
        let slot = (tick >> (level * SLOT_BITS)) as usize % SLOTS;
        self.len += 1;
        self.push(level as usize, slot, key)
    }

    fn push(&mut self, level: usize, slot: usize, key: u32) -> TimerPosition {
        let mut head = self.heads[level][slot];
        if head == NONE || usize::from(self.pool[head as usize].len) == BLOCK_KEYS {
            head = self.take_block(head, level as u8, slot as u8);
            self.heads[level][slot] = head;
            self.occupied[level][slot / 64] |= 1 << (slot % 64);
        }
        let block = &mut self.pool[head as usize];
        let offset = usize::from(block.len);
        block.keys[offset] = key;
        block.len += 1;
        TimerPosition::new(head, offset)
    }

    fn take_block(&mut self, next: u32, level: u8, slot: u8) -> u32 {
        let fresh = Block { next, level, slot, len: 0, keys: [0; BLOCK_KEYS] };
        match self.free_block {
            NONE => {
                self.pool.push(fresh);
                self.pool.len() as u32 - 1
            }
            block => {
                let reused = &mut self.pool[block as usize];
                self.free_block = reused.next;
                (reused.next, reused.level, reused.slot, reused.len) = (next, level, slot, 0);
                block
            }
        }
    }

    /// Takes a slot's newest block off its chain.
    fn drop_head(&mut self, level: usize, slot: usize) {
        let head = self.heads[level][slot];
        let block = &mut self.pool[head as usize];
        self.heads[level][slot] = block.next;
        if block.next == NONE {
            self.occupied[level][slot / 64] &= !(1 << (slot % 64));
        }
        block.next = self.free_block;
        self.free_block = head;
    }

    /// Cancels a timer that is filed. Where another timer had to take its place, that one's key is given: it is now
    /// filed at `position`.
    pub fn cancel(&mut self, position: TimerPosition) -> Option<u32> {
        let block = &self.pool[position.block() as usize];
        let (level, slot) = (usize::from(block.level), usize::from(block.slot));
        let head = &mut self.pool[self.heads[level][slot] as usize];
        head.len -= 1;
        let (last, emptied) = (head.keys[usize::from(head.len)], head.len == 0);
        let was_last = position == TimerPosition::new(self.heads[level][slot], usize::from(head.len));
        self.pool[position.block() as usize].keys[position.offset()] = last;
        if emptied {
            self.drop_head(level, slot);
        }
        self.len -= 1;
        if was_last { None } else { Some(last) }
    }

    /// The level, slot and tick of the next slot that comes round.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        (0..LEVELS).find_map(|level| {
            let shift = level as u32 * SLOT_BITS;
            let now = (self.tick >> shift) as usize % SLOTS;
            let slot = first_set_after(&self.occupied[level], now)?;
            let upper = (self.tick >> shift) & !(SLOTS as u64 - 1);
            Some((level, slot, (upper | slot as u64) << shift))
        })
    }

    /// When the next slot comes round. No timer is due before; it may be that none is due then either.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.next_slot().map(|(_, _, tick)| Instant::from_nanos(tick << TICK_SHIFT))
    }

    /// Hands out some of the keys whose slots came round up to `now`, and forgets them; `None` once there are no more.
    /// The caller files again those that are not due.
    pub fn poll(&mut self, now: Instant) -> Option<Due> {
        let now_tick = now.as_nanos() >> TICK_SHIFT;
        let (level, slot) = match self.draining.filter(|(level, slot)| self.heads[*level][*slot] != NONE) {
            Some(slot) => slot,
            None => match self.next_slot() {
                Some((level, slot, tick)) if tick <= now_tick => {
                    self.tick = tick;
                    (level, slot)
                }
                _ => {
                    self.tick = self.tick.max(now_tick);
                    self.draining = None;
                    return None;
                }
            },
        };
        self.draining = Some((level, slot));
        let block = &self.pool[self.heads[level][slot] as usize];
        let due: Due = block.keys[..usize::from(block.len)].iter().copied().collect();
        self.drop_head(level, slot);
        self.len -= due.len();
        Some(due)
    }
}

fn first_set_after(bits: &[u64; SLOTS / 64], after: usize) -> Option<usize> {
    let start = after + 1;
    let mut word = start / 64;
    let mut candidates = bits.get(word)? & (u64::MAX << (start % 64));
    loop {
        if candidates != 0 {
            return Some(word * 64 + candidates.trailing_zeros() as usize);
        }
        word += 1;
        candidates = *bits.get(word)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const TICK: u64 = 1 << TICK_SHIFT;

    /// The wheel with what a caller keeps beside it: each timer's position and deadline.
    #[derive(Default)]
    struct Timers {
        wheel: Wheel,
        filed: BTreeMap<u32, (TimerPosition, u64)>,
    }

    impl Timers {
        fn insert(&mut self, key: u32, deadline: u64) {
            let position = self.wheel.insert(key, Instant::from_nanos(deadline));
            self.filed.insert(key, (position, deadline));
        }

        fn cancel(&mut self, key: u32) {
            let (position, _) = self.filed.remove(&key).unwrap();
            if let Some(moved) = self.wheel.cancel(position) {
                self.filed.get_mut(&moved).unwrap().0 = position;
            }
        }

        /// Handles all slots up to `now` as a caller does, and gives the keys that were due.
        fn advance(&mut self, now: u64) -> Vec<u32> {
            let mut fired = Vec::new();
            while let Some(due) = self.wheel.poll(Instant::from_nanos(now)) {
                for key in due {
                    let (_, deadline) = self.filed.remove(&key).unwrap();
                    if deadline <= now { fired.push(key) } else { self.insert(key, deadline) }
                }
            }
            fired
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64),
        Cancel(usize),
        /// A packet moves a deadline: the wheel is not told.
        Move(usize, u64),
        Advance(u64),
    }

    fn span() -> impl Strategy<Value = u64> {
        // Spans of every level, up to some years, and those next to a tick's border.
        prop_oneof![0..4 * TICK, 0..600 * TICK, 0..100_000 * TICK, 0..1u64 << 58, (1u64..70_000).prop_map(|n| n * TICK)]
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => span().prop_map(Step::Insert),
            1 => any::<usize>().prop_map(Step::Cancel),
            2 => (any::<usize>(), span()).prop_map(|(nth, span)| Step::Move(nth, span)),
            3 => span().prop_map(Step::Advance),
        ];
        proptest::collection::vec(step, 0..300)
    }

    proptest! {
        #[test]
        fn agrees_with_a_sorted_list(steps in steps()) {
            let mut timers = Timers::default();
            let mut now = 1_700_000_000_000_000_000u64;
            timers.advance(now);
            for (key, step) in (0u32..).zip(steps) {
                let nth_key = |nth: usize| timers.filed.keys().copied().nth(nth % timers.filed.len().max(1));
                match step {
                    Step::Insert(span) => timers.insert(key, now + span),
                    Step::Cancel(nth) => if let Some(key) = nth_key(nth) { timers.cancel(key) },
                    Step::Move(nth, span) => if let Some(key) = nth_key(nth) {
                        // Deadlines only move away.
                        let deadline = &mut timers.filed.get_mut(&key).unwrap().1;
                        *deadline = (*deadline).max(now + span);
                    },
                    Step::Advance(span) => {
                        now += span;
                        let before: BTreeMap<u32, u64> =
                            timers.filed.iter().map(|(key, (_, deadline))| (*key, *deadline)).collect();
                        for key in timers.advance(now) {
                            prop_assert!(before[&key] <= now, "early");
                        }
                        for (_, deadline) in timers.filed.values() {
                            prop_assert!(*deadline + 3 * TICK > now, "late");
                        }
                    }
                }
                prop_assert_eq!(timers.wheel.len(), timers.filed.len());
                // What the wheel asks to be woken for is never after a deadline's last moment.
                if let Some((_, deadline)) = timers.filed.values().min_by_key(|(_, deadline)| *deadline) {
                    let next = timers.wheel.next_timeout().unwrap().as_nanos();
                    prop_assert!(next <= deadline + 3 * TICK);
                }
            }
            // Everything comes out in the end.
            timers.advance(u64::MAX);
            prop_assert!(timers.wheel.is_empty() && timers.filed.is_empty());
        }
    }

    #[test]
    fn many_timers_of_one_slot_all_come_out_and_their_blocks_are_used_again() {
        let mut timers = Timers::default();
        for round in 1..4u64 {
            let start = round * 1000 * TICK;
            timers.advance(start);
            (0..1000).for_each(|key| timers.insert(key, start + 100 * TICK));
            (0..1000).step_by(3).for_each(|key| timers.cancel(key));
            let mut fired = timers.advance(start + 103 * TICK);
            fired.sort_unstable();
            assert_eq!(fired, (0..1000).filter(|key| key % 3 != 0).collect::<Vec<_>>());
        }
        assert!(timers.wheel.pool.len() <= 1000 / BLOCK_KEYS + 2);
    }
}
