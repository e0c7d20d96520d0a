//! From a 32-bit hash to the number of an entry, by open addressing.
//!
//! A bucket is one cache line: eight slots. A slot holds the whole hash and the entry's number (8 bytes), so a probe that
//! does not match costs nothing but its line, and moving to another table needs no look at the entries. The eight hashes
//! lie together: they are compared all at once, without a branch for each. How buckets are searched and filled is in
//! `buckets`.
//!
//! The table grows by two fifths when three of four slots are taken, so that growing leaves it 54 % full: 10.7 to 14.9 bytes
//! for an entry, and while it grows an entry makes 2.5 others move. At the highest load one entry in sixteen lies outside
//! its home bucket. It shrinks by half when fewer than one slot in four is taken, which leaves it half full: between growing
//! and shrinking again lie as many insertions or removals as a quarter of its slots, so that a number of entries that goes up
//! and down does not make it thrash.
//!
//! Both are incremental. Each insertion and each removal moves the entries of a few homes, in the order of the hashes; so
//! one comparison tells in which table a hash lies, and no search ever looks in both. Memory moves along: the chunks that
//! the old table has left behind become the new one's, the others go back to the allocator one by one. So a table never
//! takes much more memory than the larger of the two, and no packet waits for a large allocation, for its pages (2 µs for
//! each on the virtual machine where this was measured), or for its end (15 ms for 160 MB there).
//!
//! What an attacker could do: with the key, choose hashes that share a bucket; then searches would degrade to a walk, and
//! what would walk farther than [`MAX_WALK`] is refused. Without it, the hash leaves two tuples that were chosen
//! beforehand nothing better than chance (see `hash`).

use super::Hash;
use super::buckets::{Buckets, Chunk, ENTRIES, Line, SLOTS, TooFar};

const MIN_BUCKETS: u32 = 16;
/// Homes that an insertion or a removal moves. One would do for a move to be over before the next one has to begin; some
/// more make the time short in which there are two tables.
const MOVES: u32 = 4;
/// Buckets that an insertion looks at before it gives up. By chance, at the highest load, fewer than one in ten million
/// look at thirty, and each further bucket is a third less likely.
const MAX_WALK: u32 = 64;

#[derive(Debug)]
pub(crate) struct Index {
    current: Buckets,
    previous: Option<Leaving>,
    len: usize,
}

/// A table that is being left.
#[derive(Debug)]
struct Leaving {
    buckets: Buckets,
    /// The first home that has not been moved: this one's entries and those of all homes behind it are still here.
    next: u32,
    /// An empty chunk that the other table will take before it asks for memory.
    spare: Option<Chunk>,
}

/// An entry was refused because too many others crowd around its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChainTooLong;

impl Index {
    pub(crate) fn new() -> Self {
        Index { current: Buckets::new(MIN_BUCKETS), previous: None, len: 0 }
    }

    /// Buckets that the table has, or will have when all is moved.
    pub(crate) fn buckets(&self) -> usize {
        self.current.homes() as usize
    }

    /// Whether some entries have not been moved to the table of that size.
    pub(crate) fn is_moving(&self) -> bool {
        self.previous.is_some()
    }

    /// The table in which a hash lies.
    #[inline(always)]
    fn table(&self, hash: Hash) -> &Buckets {
        match &self.previous {
            Some(leaving) if leaving.has(hash) => &leaving.buckets,
            _ => &self.current,
        }
    }

    /// The entry of that hash for which `is` holds.
    #[inline]
    pub(crate) fn find(&self, hash: Hash, is: impl FnMut(u32) -> bool) -> Option<u32> {
        self.table(hash).find(hash, is)
    }

    /// Asks for the home bucket's cache line, so that many searches need not wait for one line after the other.
    #[inline(always)]
    pub(crate) fn prefetch(&self, hash: Hash) -> Line<'_> {
        let line = self.table(hash).line(hash);
        line.prefetch();
        line
    }

    /// Puts an entry in. The same entry must not be in already.
    ///
    /// # Errors
    /// [`ChainTooLong`]; the entry is not in then. Nor is one whose number is 2^30 or higher.
    #[inline]
    pub(crate) fn insert(&mut self, hash: Hash, entry: u32) -> Result<(), ChainTooLong> {
        if entry >= ENTRIES {
            return Err(ChainTooLong);
        }
        self.insert_within(hash, entry, MAX_WALK).map_err(|TooFar| ChainTooLong)?;
        self.len += 1;
        let slots = self.buckets() * SLOTS;
        if self.previous.is_some() {
            self.advance();
        } else if self.len >= slots / 4 * 3 {
            let buckets = self.current.homes();
            self.leave_for(buckets.saturating_add(buckets.saturating_mul(2).div_ceil(5)));
        }
        Ok(())
    }

    #[inline]
    fn insert_within(&mut self, hash: Hash, entry: u32, limit: u32) -> Result<(), TooFar> {
        match &mut self.previous {
            None => self.current.insert(hash, entry, limit, &mut None),
            Some(leaving) if leaving.has(hash) => leaving.buckets.insert(hash, entry, limit, &mut None),
            Some(leaving) => self.current.insert(hash, entry, limit, &mut leaving.spare),
        }
    }

    /// Takes an entry out; tells whether it was in.
    pub(crate) fn remove(&mut self, hash: Hash, entry: u32) -> bool {
        let table = match &mut self.previous {
            Some(leaving) if leaving.has(hash) => &mut leaving.buckets,
            _ => &mut self.current,
        };
        if !table.remove(hash, entry) {
            return false;
        }
        self.len -= 1;
        if self.previous.is_some() {
            self.advance();
        } else if self.len < self.buckets() * SLOTS / 4 && self.current.homes() > MIN_BUCKETS {
            self.leave_for((self.current.homes() / 2).max(MIN_BUCKETS));
        }
        true
    }

    /// The most buckets that a search has to look at.
    #[cfg(test)]
    pub(super) fn longest_walk(&self) -> usize {
        let previous = self.previous.as_ref().map_or(0, |leaving| leaving.buckets.longest_walk());
        self.current.longest_walk().max(previous)
    }

    /// Begins to move to a table of another size.
    #[cold]
    fn leave_for(&mut self, buckets: u32) {
        let buckets = std::mem::replace(&mut self.current, Buckets::new(buckets));
        self.previous = Some(Leaving { buckets, next: 0, spare: None });
    }

    /// Moves some homes.
    #[cold]
    #[inline(never)]
    fn advance(&mut self) {
        let Some(leaving) = &mut self.previous else { return };
        let Leaving { buckets, next, spare } = leaving;
        for _ in 0..MOVES {
            buckets.empty_home(*next, |hash, entry| {
                // Without a limit nothing is refused.
                let moved = self.current.insert(hash, entry, u32::MAX, spare);
                debug_assert!(moved.is_ok());
            });
            *next += 1;
            if let Some(chunk) = buckets.give_back(*next) {
                // The allocator gives memory back from its upper end: keep what lies lower.
                let keep = spare.take().filter(|spare| spare.as_ptr() < chunk.as_ptr()).unwrap_or(chunk);
                *spare = Some(keep);
            }
            if *next >= buckets.homes() {
                self.previous = None;
                return;
            }
        }
    }
}

impl Leaving {
    /// Whether the entries of that hash are still here.
    #[inline(always)]
    fn has(&self, hash: Hash) -> bool {
        self.buckets.home(hash) >= self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::buckets::CHUNK;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn find(index: &Index, hash: u32, entry: u32) -> Option<u32> {
        index.find(Hash(hash), |found| found == entry)
    }

    /// A hash for each entry, spread evenly.
    fn spread(entry: u32) -> u32 {
        entry.wrapping_mul(0x9e37_79b9)
    }

    fn filled(entries: u32) -> Index {
        let mut index = Index::new();
        (0..entries).for_each(|entry| index.insert(Hash(spread(entry)), entry).unwrap());
        index
    }

    fn held(index: &Index) -> usize {
        index.current.held() + index.previous.as_ref().map_or(0, |leaving| leaving.buckets.held())
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32),
        Remove(usize),
        /// Many at once, so that the table grows, and many out again, so that it shrinks.
        Fill(u32),
        Drain(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // Few distinct hashes at both ends of the range: full buckets, long walks, and room behind the last home.
        let hash = prop_oneof![0u32..4, (u32::MAX - 3)..=u32::MAX, any::<u32>()];
        let step = prop_oneof![
            8 => hash.prop_map(Step::Insert),
            4 => any::<usize>().prop_map(Step::Remove),
            1 => (0u32..400).prop_map(Step::Fill),
            1 => (0usize..500).prop_map(Step::Drain),
        ];
        proptest::collection::vec(step, 0..200)
    }

    /// The index, and what it should hold.
    struct Both {
        index: Index,
        model: BTreeMap<u32, u32>,
        next: u32,
    }

    impl Both {
        fn insert(&mut self, hash: u32) {
            match self.index.insert(Hash(hash), self.next) {
                Ok(()) => drop(self.model.insert(self.next, hash)),
                Err(ChainTooLong) => {
                    let alike = self.model.values().filter(|other| hash.abs_diff(**other) < 1 << 29).count();
                    assert!(alike >= MAX_WALK as usize * SLOTS, "refused among {alike}");
                }
            }
            self.next += 1;
        }

        fn remove(&mut self, nth: usize) {
            let Some((entry, hash)) = self.model.iter().nth(nth % self.model.len().max(1)) else { return };
            let (entry, hash) = (*entry, *hash);
            assert!(self.index.remove(Hash(hash), entry));
            assert!(!self.index.remove(Hash(hash), entry));
            self.model.remove(&entry);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in steps()) {
            let mut both = Both { index: Index::new(), model: BTreeMap::new(), next: 0 };
            for step in steps {
                match step {
                    Step::Insert(hash) => both.insert(hash),
                    Step::Remove(nth) => both.remove(nth),
                    Step::Fill(count) => (0..count).for_each(|_| both.insert(spread(both.next))),
                    Step::Drain(count) => (0..count).for_each(|nth| both.remove(nth * 7)),
                }
                prop_assert_eq!(both.index.len, both.model.len());
                // Also in the midst of a move.
                for (entry, hash) in &both.model {
                    prop_assert_eq!(find(&both.index, *hash, *entry), Some(*entry));
                }
            }
            // Once all is out again no bucket remembers an entry that passed it.
            for (entry, hash) in both.model {
                prop_assert!(both.index.remove(Hash(hash), entry));
            }
            prop_assert!(both.index.current.is_blank());
            prop_assert!(both.index.previous.is_none_or(|leaving| leaving.buckets.is_blank()));
        }
    }

    #[test]
    fn every_step_of_a_move_leaves_everything_to_be_found() {
        let mut index = filled(20_000);
        let all_found =
            |index: &Index, from: u32| (from..20_000).all(|entry| find(index, spread(entry), entry) == Some(entry));
        // Out again one by one: several times the size of a chunk moves down.
        let mut moving = 0;
        for entry in 0..20_000u32 {
            assert!(index.remove(Hash(spread(entry)), entry));
            moving += u32::from(index.previous.is_some());
            assert!(entry % 97 != 0 || all_found(&index, entry + 1));
            assert_eq!(find(&index, spread(entry), entry), None);
        }
        assert!(moving > 1000);
        assert_eq!((index.buckets(), index.len), (MIN_BUCKETS as usize, 0));
    }

    #[test]
    fn a_guess_is_as_good_in_the_midst_of_a_move() {
        let mut index = Index::new();
        let mut moving = 0;
        for entry in 0..20_000u32 {
            index.insert(Hash(spread(entry)), entry).unwrap();
            if index.previous.is_some() && entry.is_multiple_of(500) {
                let right =
                    (0..=entry).filter(|entry| index.prefetch(Hash(spread(*entry))).likely() == Some(*entry)).count();
                assert!(right as f64 > f64::from(entry) * 0.9, "{right} of {entry}");
                moving += 1;
            }
        }
        assert!(moving > 2);
    }

    #[test]
    fn growing_leaves_it_more_than_half_full_and_shrinking_half() {
        let mut index = Index::new();
        for entry in 0..100_000u32 {
            index.insert(Hash(spread(entry)), entry).unwrap();
            let slots = index.buckets() * SLOTS;
            assert!(index.len <= slots * 3 / 4);
            assert!(index.buckets() == MIN_BUCKETS as usize || (index.len + SLOTS) * 28 >= slots * 15);
        }
        for entry in 0..100_000u32 {
            assert!(index.remove(Hash(spread(entry)), entry));
            let slots = index.buckets() * SLOTS;
            assert!(index.len <= slots * 3 / 4);
            // A move may be under way when the next one is due, by a few.
            assert!(index.buckets() == MIN_BUCKETS as usize || (index.len + SLOTS) * 4 >= slots, "{index:?}");
        }
    }

    #[test]
    fn a_move_is_over_before_the_next_one_is_due() {
        let mut index = Index::new();
        let mut moves = 0;
        let mut check = |index: &Index, before: usize, moving: bool| {
            moves += u32::from(index.previous.is_some() && !moving);
            assert!(!moving || index.buckets() == before);
        };
        for up in [true, false] {
            for entry in 0..200_000u32 {
                let (before, moving) = (index.buckets(), index.previous.is_some());
                match up {
                    true => index.insert(Hash(spread(entry)), entry).unwrap(),
                    false => assert!(index.remove(Hash(spread(entry)), entry)),
                }
                check(&index, before, moving);
                let slots = index.buckets() * SLOTS;
                assert!(index.len <= slots * 3 / 4 + 1 && (index.len * 4 + 4 >= slots || slots == 16 * SLOTS));
            }
        }
        assert!(moves > 30, "{moves}");
    }

    #[test]
    fn up_and_down_by_an_eighth_moves_at_most_once() {
        for entries in (1_000..30_000u32).step_by(777) {
            let mut index = filled(entries);
            let mut sizes = vec![index.buckets()];
            for _ in 0..10 {
                for entry in entries..entries + entries / 8 {
                    index.insert(Hash(spread(entry)), entry).unwrap();
                }
                sizes.push(index.buckets());
                for entry in entries..entries + entries / 8 {
                    assert!(index.remove(Hash(spread(entry)), entry));
                }
                sizes.push(index.buckets());
            }
            sizes.dedup();
            assert!(sizes.len() <= 2, "{sizes:?}");
        }
    }

    #[test]
    fn a_move_takes_no_more_memory_than_the_larger_table_and_some_chunks() {
        let mut index = Index::new();
        // The old table's last chunk, the new one's first, a spare one, and room behind the homes of both.
        let some = 5 * CHUNK;
        let check = |index: &Index, larger: usize| assert!(held(index) <= larger + some, "{}", held(index));
        for entry in 0..400_000u32 {
            index.insert(Hash(spread(entry)), entry).unwrap();
            check(&index, index.buckets());
        }
        for entry in 0..400_000u32 {
            let leaving = index.previous.as_ref().map_or(0, |leaving| leaving.buckets.homes() as usize);
            let larger = index.buckets().max(leaving);
            assert!(index.remove(Hash(spread(entry)), entry));
            check(&index, larger);
        }
        assert!(held(&index) <= 2 * CHUNK);
    }

    #[test]
    fn a_chain_has_an_end() {
        let mut index = filled(300);
        let mut entered = 0;
        while index.insert(Hash(7), 1000 + entered).is_ok() {
            entered += 1;
        }
        assert!(entered > MAX_WALK * SLOTS as u32 - 300 && entered <= MAX_WALK * SLOTS as u32);
        assert_eq!(index.len, 300 + entered as usize);
        // Nor is there room for the number of an entry that is too high.
        assert_eq!(index.insert(Hash(1 << 31), ENTRIES), Err(ChainTooLong));
        assert_eq!(index.len, 300 + entered as usize);
        assert!((0..entered).all(|entry| find(&index, 7, 1000 + entry).is_some()));
        // Others still find a place.
        index.insert(Hash(1 << 31), 5000).unwrap();
        assert!(index.remove(Hash(7), 1000));
        index.insert(Hash(7), 6000).unwrap();
    }
}
