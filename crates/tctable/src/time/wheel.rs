//! A hashed hierarchical timer wheel (Varghese and Lauck, 1987) over plain numbers.
//!
//! Time is cut into ticks of 2^24 ns (16.8 ms), 256 ticks are a turn of level 0, 256 of its turns one of level 1, and so
//! on: five levels hold every deadline that 64 bits of nanoseconds can name. Each level has slots for the turn that it is
//! in and for the next one, so a timer is filed on the lowest level whose next turn reaches as far. Filing is a shift and a
//! push. A slot is a chain of blocks of keys rather than a linked list through the entries: handling a slot
//! walks its keys in order, so that the caller can look at many entries at once instead of waiting for one cache miss
//! after the other.
//!
//! The wheel does not know deadlines, only slots. When a slot comes round, its keys are handed out and forgotten; the
//! caller looks at each entry's deadline, which packets may have moved away, and files it again where it is not due yet.
//! So a packet never touches the wheel, and a timer is handed out once for each level that it passes. Who moves a deadline
//! nearer has to cancel the timer and to file it again.
//!
//! A slot of an upper level becomes a whole turn of the level below. It is handed out bit by bit during the turn before,
//! which is why there is room for two: ten million timers that lie in one slot for five days do not all come round at once.
//!
//! A timer is filed for the tick that begins after its deadline, so that it is due when it is handed out, [`Wheel::LATE`]
//! at most. Who wants to know at once asks with [`Promptness::Exact`], which also looks at those whose deadlines lie in
//! the present tick; the wheel remembers the nearest of them, so asking often costs little.
//!
//! Memory: 4.2 bytes for a timer, plus at most one part-filled block for a slot in use.

use arrayvec::ArrayVec;

use super::{Duration, Instant};
use crate::table::Chunked;

const TICK_SHIFT: u32 = 24;
const TURN_BITS: u32 = 8;
/// Of a level: two turns.
const SLOTS: usize = 2 << TURN_BITS;
const LEVELS: usize = 5;
/// The chain of those in the present tick, while they are looked at.
const LOOKED_AT: usize = LEVELS * SLOTS;
const BLOCK_KEYS: usize = 61;
const NONE: u32 = u32::MAX;
/// Blocks to a chunk of the pool: 64 KiB.
const POOL_CHUNK: usize = 1 << 8;

/// Where a timer is filed: needed to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerPosition(u32);

/// Keys that came round together.
pub type Due = ArrayVec<u32, { Wheel::MAX_DUE }>;

/// How soon after its deadline a timer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promptness {
    /// When its tick is over: [`Wheel::LATE`] at most.
    Tick,
    /// At its deadline.
    Exact,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Wheel {
    /// The tick up to which slots have been handled.
    tick: u64,
    /// The chain that is being handed out.
    draining: Option<usize>,
    /// Blocks that are still to be handed out of each level's next slot, ahead of its time.
    ahead: [u32; LEVELS],
    /// The tick in which that was last planned.
    planned: u64,
    /// No timer in the slot of the next tick has a deadline before this.
    nearest: Instant,
    /// The newest block of each slot's chain, level by level; only that one may be part-filled.
    heads: Box<[u32; LEVELS * SLOTS + 1]>,
    /// One bit for each slot that has a chain.
    occupied: [[u64; SLOTS / 64]; LEVELS],
    pool: Chunked<Block, POOL_CHUNK>,
    free_block: u32,
    len: usize,
}

#[derive(Clone, Debug)]
struct Block {
    next: u32,
    /// Blocks in the chain behind this one.
    behind: u32,
    /// The chain.
    chain: u16,
    len: u8,
    keys: [u32; BLOCK_KEYS],
}

/// Four cache lines.
const _: () = assert!(size_of::<Block>() == 256);

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

    /// How long after its deadline a timer may be handed out where nobody asks for more: a tick.
    pub const LATE: Duration = Duration::from_nanos(1 << TICK_SHIFT);

    /// A wheel that stands at the origin of time.
    pub fn new() -> Self {
        Wheel {
            tick: 0,
            draining: None,
            ahead: [0; LEVELS],
            planned: 0,
            nearest: Instant::MAX,
            heads: Box::new([NONE; LEVELS * SLOTS + 1]),
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
        let next = self.tick + 1;
        // The first tick that begins after the deadline, but always one that has not been handled yet.
        let tick = ((deadline.as_nanos() >> TICK_SHIFT) + 1).max(next);
        if tick == next {
            self.nearest = self.nearest.min(deadline);
        }
        let turns = |level: usize| (tick >> turn_shift(level)) - (self.tick >> turn_shift(level));
        let level = (0..LEVELS - 1).find(|level| turns(*level) <= 1).unwrap_or(LEVELS - 1);
        self.len += 1;
        self.push(level * SLOTS + slot_of(tick, level), key)
    }

    fn push(&mut self, chain: usize, key: u32) -> TimerPosition {
        let head = self.heads[chain];
        if head != NONE {
            let block = &mut self.pool[head as usize];
            let offset = usize::from(block.len);
            if let Some(place) = block.keys.get_mut(offset) {
                *place = key;
                block.len += 1;
                return TimerPosition::new(head, offset);
            }
        }
        self.push_block(head, chain, key)
    }

    /// Begins a block with a key.
    #[cold]
    fn push_block(&mut self, head: u32, chain: usize, key: u32) -> TimerPosition {
        let head = self.take_block(head, chain);
        self.heads[chain] = head;
        self.set_occupied(chain, true);
        let block = &mut self.pool[head as usize];
        (block.keys[0], block.len) = (key, 1);
        TimerPosition::new(head, 0)
    }

    fn take_block(&mut self, next: u32, chain: usize) -> u32 {
        let behind = if next == NONE { 0 } else { self.pool[next as usize].behind + 1 };
        let chain = chain as u16;
        match self.free_block {
            NONE => {
                self.pool.push(Block { next, behind, chain, len: 0, keys: [0; BLOCK_KEYS] });
                self.pool.len() as u32 - 1
            }
            block => {
                let reused = &mut self.pool[block as usize];
                self.free_block = reused.next;
                (reused.next, reused.behind, reused.chain, reused.len) = (next, behind, chain, 0);
                block
            }
        }
    }

    fn set_occupied(&mut self, chain: usize, occupied: bool) {
        let Some(level) = self.occupied.get_mut(chain / SLOTS) else { return };
        let slot = chain % SLOTS;
        let bit = 1 << (slot % 64);
        if occupied { level[slot / 64] |= bit } else { level[slot / 64] &= !bit }
    }

    /// Takes a chain's newest block off.
    fn drop_head(&mut self, chain: usize) {
        let head = self.heads[chain];
        let block = &mut self.pool[head as usize];
        let next = std::mem::replace(&mut block.next, self.free_block);
        self.free_block = head;
        self.heads[chain] = next;
        if next == NONE {
            self.set_occupied(chain, false);
        }
    }

    /// Cancels a timer that is filed. Where another timer had to take its place, that one's key is given: it is now
    /// filed at `position`.
    pub fn cancel(&mut self, position: TimerPosition) -> Option<u32> {
        let chain = usize::from(self.pool[position.block() as usize].chain);
        let head_block = self.heads[chain];
        let head = &mut self.pool[head_block as usize];
        head.len -= 1;
        let (last, emptied) = (head.keys[usize::from(head.len)], head.len == 0);
        let was_last = position == TimerPosition::new(head_block, usize::from(head.len));
        self.pool[position.block() as usize].keys[position.offset()] = last;
        if emptied {
            self.drop_head(chain);
        }
        self.len -= 1;
        if was_last { None } else { Some(last) }
    }

    /// The next slot that must be handed out, and the tick: on level 0 that in which it begins, on upper levels the one
    /// before, so that in each tick the timers of the next one lie on level 0.
    fn next_slot(&self) -> Option<(usize, u64)> {
        let next_of = |level: usize| {
            let shift = level as u32 * TURN_BITS;
            let now = self.tick >> shift;
            let distance = distance_to_set(&self.occupied[level], now as usize + 1)? as u64 + 1;
            let slot = (now as usize + distance as usize) % SLOTS;
            Some((level * SLOTS + slot, ((now + distance) << shift) - u64::from(level != 0)))
        };
        (0..LEVELS).filter_map(next_of).min_by_key(|(_, tick)| *tick)
    }

    /// When the next slot comes round. No timer is due before; it may be that none is due then either.
    pub fn next_timeout(&self) -> Option<Instant> {
        let tick = match self.draining {
            Some(chain) if self.heads[chain] != NONE => self.tick,
            _ => self.next_slot()?.1,
        };
        Some(Instant::from_nanos(tick.min(u64::MAX >> TICK_SHIFT) << TICK_SHIFT))
    }

    /// Hands out some of the keys that may be due at `now`, and forgets them; `None` once there are no more. The caller
    /// files again those that are not due, and calls until it gets `None`.
    ///
    /// With [`Promptness::Exact`] all timers have been handed out then whose deadlines are not after `now`, but those that
    /// were filed again since the first call.
    pub fn poll(&mut self, now: Instant, promptness: Promptness) -> Option<Due> {
        let looked = self.draining == Some(LOOKED_AT);
        let due = self.poll_slots(now.as_nanos() >> TICK_SHIFT);
        if due.is_some() || looked || promptness == Promptness::Tick || self.nearest > now {
            return due;
        }
        self.look_at_present();
        self.poll_slots(self.tick)
    }

    fn poll_slots(&mut self, now: u64) -> Option<Due> {
        if let Some(chain) = self.draining.filter(|chain| self.heads[*chain] != NONE) {
            return Some(self.hand_out(chain));
        }
        self.draining = None;
        if let Some((chain, tick)) = self.next_slot().filter(|(_, tick)| *tick <= now) {
            self.set_tick(tick);
            self.draining = Some(chain);
            return Some(self.hand_out(chain));
        }
        if now > self.tick {
            self.set_tick(now);
        }
        if self.planned != self.tick {
            self.plan_ahead();
        }
        for level in 1..LEVELS {
            let chain = self.upcoming(level);
            if self.ahead[level] != 0 && self.heads[chain] != NONE {
                self.ahead[level] -= 1;
                return Some(self.hand_out(chain));
            }
        }
        None
    }

    fn set_tick(&mut self, tick: u64) {
        if tick != self.tick {
            self.tick = tick;
            let is_empty = self.heads[slot_of(tick + 1, 0)] == NONE;
            self.nearest = if is_empty { Instant::MAX } else { Instant::ZERO };
        }
    }

    /// The slot that becomes the next turn of the level below.
    fn upcoming(&self, level: usize) -> usize {
        level * SLOTS + slot_of(self.tick + (1 << (level as u32 * TURN_BITS)), level)
    }

    /// Sets how much of the upcoming slots is to be handed out now: as large a part as has passed of the time that there
    /// was left.
    fn plan_ahead(&mut self) {
        let passed = self.tick - std::mem::replace(&mut self.planned, self.tick);
        for level in 1..LEVELS {
            self.ahead[level] = match self.heads[self.upcoming(level)] {
                NONE => 0,
                head => {
                    let blocks = u64::from(self.pool[head as usize].behind) + 1;
                    let left = !self.tick & ((1 << (level as u32 * TURN_BITS)) - 1);
                    (u128::from(blocks) * u128::from(passed)).div_ceil(u128::from(left) + u128::from(passed)) as u32
                }
            };
        }
    }

    /// Sets those apart that may become due within the present tick, so that what is filed again is not met again.
    fn look_at_present(&mut self) {
        self.nearest = Instant::MAX;
        let slot = slot_of(self.tick + 1, 0);
        let first = std::mem::replace(&mut self.heads[slot], NONE);
        self.set_occupied(slot, false);
        let mut at = first;
        while at != NONE {
            let block = &mut self.pool[at as usize];
            block.chain = LOOKED_AT as u16;
            at = block.next;
        }
        self.heads[LOOKED_AT] = first;
        self.draining = Some(LOOKED_AT);
    }

    /// The keys that [`Wheel::poll`] will hand out next, where it has begun with a slot and more are left of it: so that
    /// their entries can be asked for in time.
    pub fn upcoming_keys(&self) -> &[u32] {
        let head = self.draining.map_or(NONE, |chain| self.heads[chain]);
        if head == NONE {
            return &[];
        }
        let block = &self.pool[head as usize];
        block.keys.get(..usize::from(block.len)).unwrap_or_default()
    }

    fn hand_out(&mut self, chain: usize) -> Due {
        let block = &self.pool[self.heads[chain] as usize];
        let due: Due = block.keys[..usize::from(block.len)].iter().copied().collect();
        self.drop_head(chain);
        self.len -= due.len();
        due
    }
}

/// How far the number of a level's turn is from a tick's lowest bit.
fn turn_shift(level: usize) -> u32 {
    (level as u32 + 1) * TURN_BITS
}

fn slot_of(tick: u64, level: usize) -> usize {
    (tick >> (level as u32 * TURN_BITS)) as usize % SLOTS
}

/// How far the first bit that is set lies from `start`, once round.
fn distance_to_set(bits: &[u64; SLOTS / 64], start: usize) -> Option<usize> {
    let start = start % SLOTS;
    let (word, bit) = (start / 64, start % 64);
    // The first word is looked at twice: from the start on, and at last below it.
    (0..=bits.len()).find_map(|nth| {
        let at = (word + nth) % bits.len();
        let mask = if nth == 0 { u64::MAX << bit } else { u64::MAX };
        let candidates = bits[at] & mask;
        (candidates != 0).then(|| (at * 64 + candidates.trailing_zeros() as usize + SLOTS - start) % SLOTS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const TICK: u64 = 1 << TICK_SHIFT;
    const START: u64 = 1_700_000_000_000_000_000;

    /// The wheel with what a caller keeps beside it: each timer's position and deadline.
    #[derive(Default)]
    struct Timers {
        wheel: Wheel,
        filed: BTreeMap<u32, (TimerPosition, u64)>,
        /// Keys that the wheel handed out so far.
        handed_out: usize,
        /// Those of them that it had told before.
        foreseen: usize,
    }

    impl Timers {
        fn at(now: u64) -> Timers {
            let mut timers = Timers::default();
            timers.advance(now, Promptness::Tick);
            timers
        }

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

        /// Handles all that may be due at `now` as a caller does, and gives the keys that were.
        fn advance(&mut self, now: u64, promptness: Promptness) -> Vec<u32> {
            let mut fired = Vec::new();
            let mut upcoming = self.wheel.upcoming_keys().to_vec();
            while let Some(due) = self.wheel.poll(Instant::from_nanos(now), promptness) {
                assert!(upcoming.is_empty() || upcoming == due.as_slice());
                upcoming = self.wheel.upcoming_keys().to_vec();
                self.foreseen += upcoming.len();
                self.handed_out += due.len();
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
        Advance(u64, Promptness),
    }

    fn span() -> impl Strategy<Value = u64> {
        // Spans of every level, up to some years, and those next to a tick's border.
        prop_oneof![
            0..TICK,
            0..4 * TICK,
            0..600 * TICK,
            0..100_000 * TICK,
            0..1u64 << 58,
            (1u64..70_000).prop_map(|n| n * TICK),
            (1u64..70_000).prop_map(|n| n * TICK - 1),
        ]
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let promptness = prop_oneof![Just(Promptness::Tick), Just(Promptness::Exact)];
        let step = prop_oneof![
            4 => span().prop_map(Step::Insert),
            1 => any::<usize>().prop_map(Step::Cancel),
            2 => (any::<usize>(), span()).prop_map(|(nth, span)| Step::Move(nth, span)),
            3 => (span(), promptness).prop_map(|(span, promptness)| Step::Advance(span, promptness)),
        ];
        proptest::collection::vec(step, 0..300)
    }

    proptest! {
        #[test]
        fn agrees_with_a_sorted_list(start in START..START + (1 << 58), steps in steps()) {
            let mut now = start;
            let mut timers = Timers::at(now);
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
                    Step::Advance(span, promptness) => {
                        now += span;
                        let before: BTreeMap<u32, u64> =
                            timers.filed.iter().map(|(key, (_, deadline))| (*key, *deadline)).collect();
                        for key in timers.advance(now, promptness) {
                            prop_assert!(before[&key] <= now, "early");
                        }
                        for (_, deadline) in timers.filed.values() {
                            match promptness {
                                Promptness::Exact => prop_assert!(*deadline > now, "late"),
                                Promptness::Tick => prop_assert!(*deadline + Wheel::LATE.as_nanos() > now, "too late"),
                            }
                        }
                    }
                }
                prop_assert_eq!(timers.wheel.len(), timers.filed.len());
                // What the wheel asks to be woken for is never after a deadline's last moment.
                if let Some((_, deadline)) = timers.filed.values().min_by_key(|(_, deadline)| *deadline) {
                    let next = timers.wheel.next_timeout().unwrap().as_nanos();
                    prop_assert!(next <= (deadline + TICK).max(now + TICK));
                    // Nor is it a time at which there is nothing to do any more.
                    prop_assert!(next > timers.wheel.tick << TICK_SHIFT);
                }
            }
            // Everything comes out in the end.
            timers.advance(u64::MAX, Promptness::Tick);
            prop_assert!(timers.wheel.is_empty() && timers.filed.is_empty());
        }

        /// As one who sleeps until he is wanted.
        #[test]
        fn sleeping_until_the_next_timeout_misses_nothing(spans in proptest::collection::vec(span(), 1..50)) {
            let mut timers = Timers::at(START);
            for (key, span) in (0u32..).zip(&spans) {
                timers.insert(key, START + span);
            }
            let mut wakings = 0;
            while let Some(at) = timers.wheel.next_timeout() {
                for key in timers.advance(at.as_nanos(), Promptness::Tick) {
                    prop_assert!(at.as_nanos() - (START + spans[key as usize]) <= TICK);
                }
                wakings += 1;
            }
            prop_assert!(timers.filed.is_empty());
            prop_assert!(wakings <= spans.len() * LEVELS);
        }
    }

    #[test]
    fn many_timers_of_one_slot_all_come_out_and_their_blocks_are_used_again() {
        let mut timers = Timers::default();
        for round in 1..4u64 {
            let start = round * 1000 * TICK;
            timers.advance(start, Promptness::Tick);
            (0..1000).for_each(|key| timers.insert(key, start + 100 * TICK));
            (0..1000).step_by(3).for_each(|key| timers.cancel(key));
            let mut fired = timers.advance(start + 101 * TICK, Promptness::Tick);
            fired.sort_unstable();
            assert_eq!(fired, (0..1000).filter(|key| key % 3 != 0).collect::<Vec<_>>());
        }
        assert!(timers.wheel.pool.len() <= 1000 / BLOCK_KEYS + 2);
    }

    #[test]
    fn exact_calls_within_one_tick_end_what_each_of_them_finds_due() {
        // Also at the border of a turn of each level, where the next tick's timers come from above.
        for turn in [1u64, 1 << 8, 1 << 16, 1 << 24, 1 << 32] {
            let start = (turn * 3 - 1) * TICK;
            let mut timers = Timers::at(start.saturating_sub(600 * TICK));
            (0..100).for_each(|key| timers.insert(key, start + u64::from(key) * 1000));
            for step in 0..100 {
                let now = start + step * 1000;
                timers.insert(200, now);
                let mut fired = timers.advance(now, Promptness::Exact);
                fired.sort_unstable();
                assert_eq!(fired, [step as u32, 200]);
            }
            assert!(timers.wheel.is_empty());
        }
    }

    #[test]
    fn asking_exactly_again_costs_nothing_until_something_is_due() {
        let mut timers = Timers::at(START);
        (0..10_000).for_each(|key| timers.insert(key, START + TICK / 2));
        timers.insert(10_000, START + TICK / 4);
        let before = timers.handed_out;
        for now in START..START + 100 {
            assert_eq!(timers.advance(now, Promptness::Exact), Vec::<u32>::new());
        }
        assert_eq!(timers.handed_out, before);
        assert_eq!(timers.advance(START + TICK / 4, Promptness::Exact), [10_000]);
        assert_eq!(timers.advance(START + TICK / 4, Promptness::Exact), Vec::<u32>::new());
        assert_eq!(timers.handed_out, before + 10_001);
    }

    #[test]
    fn of_a_slot_all_but_the_first_keys_are_told_before_they_are_handed_out() {
        let mut timers = Timers::at(START);
        (0..10 * BLOCK_KEYS as u32).for_each(|key| timers.insert(key, START + 5 * TICK));
        assert_eq!(timers.advance(START + 7 * TICK, Promptness::Tick).len(), 10 * BLOCK_KEYS);
        assert_eq!(timers.foreseen, 9 * BLOCK_KEYS);
    }

    #[test]
    fn what_is_filed_as_due_again_and_again_does_not_keep_the_caller() {
        let mut wheel = Wheel::new();
        let now = Instant::from_nanos(START);
        for promptness in [Promptness::Tick, Promptness::Exact] {
            wheel.poll(now, promptness);
            wheel.insert(1, now);
            let mut calls = 0;
            while let Some(due) = wheel.poll(now, promptness) {
                for key in due {
                    wheel.insert(key, now);
                }
                calls += 1;
                assert!(calls < 10);
            }
            wheel = Wheel::new();
        }
    }

    #[test]
    fn a_full_slot_of_an_upper_level_comes_bit_by_bit() {
        // All within one slot of level 2, as seen from here: 65,536 ticks, of which one passes at a time.
        let keys = 200_000u32;
        let mut timers = Timers::at(START);
        let ahead = 3 * 65_536;
        (0..keys).for_each(|key| timers.insert(key, START + (ahead + u64::from(key) % 60_000) * TICK));
        let (mut most, mut fired) = (0, 0);
        for tick in 1..ahead + 70_000 {
            let before = timers.handed_out;
            fired += timers.advance(START + tick * TICK, Promptness::Tick).len();
            most = most.max(timers.handed_out - before);
        }
        assert_eq!(fired, keys as usize);
        // Less than four fall due in a tick; on level 1 slots hold about 900, on level 2 up to all of them.
        assert!(most < 4 * BLOCK_KEYS, "{most}");
    }

    #[test]
    fn a_jump_over_a_full_slot_leaves_nothing_behind() {
        let mut timers = Timers::at(START);
        (0..10_000).for_each(|key| timers.insert(key, START + (100_000 + u64::from(key)) * TICK));
        timers.advance(START + 1000 * TICK, Promptness::Tick);
        assert_eq!(timers.advance(START + 105_000 * TICK - 1, Promptness::Exact).len(), 5_000);
        assert_eq!(timers.advance(START + 200_000 * TICK, Promptness::Exact).len(), 5_000);
    }

    #[test]
    fn the_end_of_time_is_reached() {
        let mut timers = Timers::at(START);
        timers.insert(1, u64::MAX - 1);
        timers.insert(2, u64::MAX);
        assert!(timers.wheel.next_timeout().is_some());
        assert_eq!(timers.advance(u64::MAX, Promptness::Exact).len(), 2);
        assert_eq!(timers.wheel.next_timeout(), None);
    }
}
