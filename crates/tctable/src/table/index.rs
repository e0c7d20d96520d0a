//! From a 32-bit hash to the number of an entry, by open addressing.
//!
//! A bucket is one cache line: seven slots and one word of its own. A slot holds the whole hash and the entry's number
//! (8 bytes), so a probe that does not match costs nothing but its line, and moving to a larger table needs no look at
//! the entries. The seven hashes lie together: they are compared all at once, without a branch for each.
//!
//! An entry lies in its home bucket, or in the first one after it that had room; a bucket counts the entries that had to
//! pass it (`PASSED`), and a search goes on only while that is not zero. So nothing is ever marked as deleted, and the
//! cost does not creep up with age.
//!
//! A hash's home is `hash * buckets / 2^32`, which works for any number of buckets. The table grows by a third when three
//! of four slots are taken, so that it is never less than 9/16 full: 12.2 to 16.3 bytes for an entry. At the highest load
//! one entry in sixteen lies outside its home bucket.
//!
//! Growing is incremental: each insertion moves a few buckets of the old table to the new one, and a search looks in both
//! until the old one is empty. No packet waits for more than those few.
//!
//! What an attacker could do: with the key, choose hashes that share a bucket; then searches degrade to a walk. Without
//! it, the hash leaves two tuples that were chosen beforehand nothing better than chance (see `hash`).

use super::{Hash, prefetch};

const SLOTS: usize = 7;
const WORDS: usize = 16;
const MIN_BUCKETS: u32 = 16;
/// Buckets that an insertion moves while the table grows. One would do to be done before the next growth; a few more
/// make the time short in which a search has to look in both tables.
const MOVES: u32 = 8;

/// A cache line: seven hashes, zero where a slot is free; the number of entries that passed; seven entries; and a word to
/// spare.
type Bucket = [u32; WORDS];

const PASSED: usize = 7;
const ENTRIES: usize = 8;

#[derive(Debug)]
pub(crate) struct Index {
    current: Table,
    /// The table that is being left, and its first bucket that has not been moved yet.
    previous: Option<(Table, u32)>,
    len: usize,
}

#[derive(Debug)]
struct Table {
    /// Zeroed words come from the operating system page by page, as they are used: a large table starts at once.
    words: Vec<u32>,
    /// Where the first bucket begins in `words`: on a cache line.
    base: usize,
    buckets: u32,
}

/// What is kept of a hash: never zero, which is a free slot's.
#[inline(always)]
fn kept(hash: Hash) -> u32 {
    hash.0.max(1)
}

const FREE: u32 = 0;

/// One bit for each slot that has that word. All eight words of the half line are compared, as the compiler does it
/// with vectors; the one that is no slot is masked out.
#[inline(always)]
fn matches(bucket: &Bucket, word: u32) -> u32 {
    let line = bucket[..ENTRIES].iter().enumerate();
    let bits = line.fold(0, |bits, (slot, kept)| bits | u32::from(*kept == word) << slot);
    bits & ((1 << SLOTS) - 1)
}

impl Table {
    fn new(buckets: u32) -> Self {
        let words = vec![0u32; (buckets as usize + 1) * WORDS];
        let base = words.as_ptr().align_offset(WORDS * size_of::<u32>());
        // The offset may be unknown to the compiler's evaluator only; any value within the spare bucket is correct.
        Table { words, base: if base < WORDS { base } else { 0 }, buckets }
    }

    #[inline(always)]
    fn home(&self, hash: Hash) -> u32 {
        ((u64::from(kept(hash)) * u64::from(self.buckets)) >> 32) as u32
    }

    #[inline(always)]
    fn after(&self, bucket: u32) -> u32 {
        if bucket + 1 == self.buckets { 0 } else { bucket + 1 }
    }

    #[inline(always)]
    fn bucket(&self, bucket: u32) -> &Bucket {
        let start = self.base + bucket as usize * WORDS;
        self.words[start..].first_chunk().unwrap_or(&[0; WORDS])
    }

    #[inline(always)]
    fn bucket_mut(&mut self, bucket: u32) -> Option<&mut Bucket> {
        let start = self.base + bucket as usize * WORDS;
        self.words[start..].first_chunk_mut()
    }

    /// The first entry of that hash for which `is` holds.
    #[inline]
    fn find(&self, hash: Hash, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        for _ in 0..self.buckets {
            let bucket = self.bucket(at);
            let mut bits = matches(bucket, kept(hash));
            while bits != 0 {
                let entry = bucket[ENTRIES + bits.trailing_zeros() as usize];
                if is(entry) {
                    return Some(entry);
                }
                bits &= bits - 1;
            }
            if bucket[PASSED] == 0 {
                return None;
            }
            at = self.after(at);
        }
        None
    }

    /// An entry of the home bucket that has that hash.
    #[inline]
    fn likely(&self, hash: Hash) -> Option<u32> {
        let bucket = self.bucket(self.home(hash));
        let bits = matches(bucket, kept(hash));
        (bits != 0).then(|| bucket[ENTRIES + bits.trailing_zeros() as usize])
    }

    /// Puts an entry in. There is always room: the table grows before it is full.
    #[inline]
    fn insert(&mut self, hash: Hash, entry: u32) {
        let mut at = self.home(hash);
        while let Some(bucket) = self.bucket_mut(at) {
            let free = matches(bucket, FREE).trailing_zeros() as usize;
            if free < SLOTS {
                bucket[free] = kept(hash);
                bucket[ENTRIES + free] = entry;
                return;
            }
            bucket[PASSED] += 1;
            at = self.after(at);
        }
    }

    fn remove(&mut self, hash: Hash, entry: u32) -> bool {
        let mut at = self.home(hash);
        for _ in 0..self.buckets {
            let bucket = self.bucket(at);
            let slots = matches(bucket, kept(hash));
            let holds = |slot: &usize| slots >> slot & 1 != 0 && bucket[ENTRIES + slot] == entry;
            if let Some(slot) = (0..SLOTS).find(holds) {
                self.clear(at, slot);
                return true;
            }
            if bucket[PASSED] == 0 {
                return false;
            }
            at = self.after(at);
        }
        false
    }

    /// Frees a slot, takes its entry off the counts of the buckets that it had passed, and gives what was there.
    fn clear(&mut self, at: u32, slot: usize) -> Option<(Hash, u32)> {
        let bucket = self.bucket_mut(at)?;
        let hash = Hash(std::mem::replace(&mut bucket[slot], FREE));
        let entry = bucket[ENTRIES + slot];
        let mut passed = self.home(hash);
        while passed != at {
            self.bucket_mut(passed)?[PASSED] -= 1;
            passed = self.after(passed);
        }
        Some((hash, entry))
    }
}

impl Index {
    pub(crate) fn new() -> Self {
        Index { current: Table::new(MIN_BUCKETS), previous: None, len: 0 }
    }

    /// The entry of that hash for which `is` holds.
    #[inline]
    pub(crate) fn find(&self, hash: Hash, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut previous = self.previous.as_ref().map(|(table, _)| table);
        let mut next = Some(&self.current);
        while let Some(table) = next {
            let found = table.find(hash, &mut is);
            if found.is_some() {
                return found;
            }
            next = previous.take();
        }
        None
    }

    /// Asks for the home bucket's cache line, so that many searches need not wait for one line after the other.
    #[inline]
    pub(crate) fn prefetch(&self, hash: Hash) {
        prefetch(self.current.bucket(self.current.home(hash)));
        if let Some((previous, _)) = &self.previous {
            prefetch(previous.bucket(previous.home(hash)));
        }
    }

    /// An entry of the home bucket that has that hash: most likely the one that [`Index::find`] will give.
    #[inline]
    pub(crate) fn likely(&self, hash: Hash) -> Option<u32> {
        match &self.previous {
            None => self.current.likely(hash),
            Some((previous, _)) => self.current.likely(hash).or_else(|| previous.likely(hash)),
        }
    }

    /// Puts an entry in. The same entry must not be in already.
    pub(crate) fn insert(&mut self, hash: Hash, entry: u32) {
        self.move_buckets();
        if self.previous.is_none() && self.len >= self.current.buckets as usize * SLOTS * 3 / 4 {
            self.grow();
        }
        self.current.insert(hash, entry);
        self.len += 1;
    }

    /// Takes an entry out; tells whether it was in.
    pub(crate) fn remove(&mut self, hash: Hash, entry: u32) -> bool {
        let removed = self.current.remove(hash, entry)
            || self.previous.as_mut().is_some_and(|(table, _)| table.remove(hash, entry));
        self.len -= usize::from(removed);
        removed
    }

    fn grow(&mut self) {
        let buckets = self.current.buckets;
        let larger = Table::new(buckets.saturating_add(buckets.div_ceil(3)));
        self.previous = Some((std::mem::replace(&mut self.current, larger), 0));
    }

    /// Moves some buckets. The next growth is more than one insertion a bucket away, so the move is over long before.
    #[inline]
    fn move_buckets(&mut self) {
        let Some((table, next)) = &mut self.previous else { return };
        for at in *next..(*next + MOVES).min(table.buckets) {
            for slot in 0..SLOTS {
                if table.bucket(at)[slot] != FREE
                    && let Some((hash, entry)) = table.clear(at, slot)
                {
                    self.current.insert(hash, entry);
                }
            }
        }
        *next += MOVES;
        if *next >= table.buckets {
            self.previous = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn find(index: &Index, hash: u32, entry: u32) -> Option<u32> {
        index.find(Hash(hash), |found| found == entry)
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32),
        Remove(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // Few distinct hashes at both ends of the range: full buckets, long walks, and the wrap at the last bucket.
        let hash = prop_oneof![0u32..4, (u32::MAX - 3)..=u32::MAX, any::<u32>()];
        let step = prop_oneof![3 => hash.prop_map(Step::Insert), 1 => any::<usize>().prop_map(Step::Remove)];
        proptest::collection::vec(step, 0..2000)
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in steps()) {
            let mut index = Index::new();
            let mut model: HashMap<u32, u32> = HashMap::new();
            for (entry, step) in (0u32..).zip(steps) {
                match step {
                    Step::Insert(hash) => {
                        index.insert(Hash(hash), entry);
                        model.insert(entry, hash);
                    }
                    Step::Remove(nth) if !model.is_empty() => {
                        let mut entries: Vec<u32> = model.keys().copied().collect();
                        entries.sort_unstable();
                        let gone = entries[nth % entries.len()];
                        let hash = model[&gone];
                        prop_assert!(index.remove(Hash(hash), gone));
                        prop_assert!(!index.remove(Hash(hash), gone));
                        model.remove(&gone);
                    }
                    Step::Remove(_) => {}
                }
                prop_assert_eq!(index.len, model.len());
            }
            for (entry, hash) in &model {
                prop_assert_eq!(find(&index, *hash, *entry), Some(*entry));
            }
            // Once all is out again no bucket remembers an entry that passed it.
            for (entry, hash) in model {
                prop_assert!(index.remove(Hash(hash), entry));
            }
            let mut buckets = (0..index.current.buckets).map(|at| index.current.bucket(at));
            prop_assert!(buckets.all(|bucket| bucket[..ENTRIES] == [0; ENTRIES]));
        }
    }

    #[test]
    fn stays_between_nine_sixteenths_and_three_quarters_full() {
        let mut index = Index::new();
        for entry in 0..100_000u32 {
            index.insert(Hash(entry.wrapping_mul(0x9e37_79b9)), entry);
            let slots = index.current.buckets as usize * SLOTS;
            assert!(index.len <= slots * 3 / 4 + 1);
            assert!(index.current.buckets == MIN_BUCKETS || (index.len + SLOTS) * 16 >= slots * 9);
        }
        assert!((0..100_000u32).all(|entry| find(&index, entry.wrapping_mul(0x9e37_79b9), entry) == Some(entry)));
    }

    #[test]
    fn a_move_is_over_before_the_next_one_begins() {
        let mut index = Index::new();
        let mut moves = 0;
        let mut moving = false;
        for entry in 0..50_000u32 {
            index.insert(Hash(entry.wrapping_mul(0x9e37_79b9)), entry);
            let now = index.previous.is_some();
            moves += u32::from(now && !moving);
            moving = now;
            assert!(index.len <= index.current.buckets as usize * SLOTS * 3 / 4 + 1);
        }
        assert!(moves > 10);
    }
}
