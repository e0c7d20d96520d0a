use super::{Hash, prefetch};

/// Slots of a bucket.
pub(super) const SLOTS: usize = 8;
const FREE: u32 = 0;
/// Entries have lower numbers than this. Above them is room for two bits.
pub(super) const ENTRIES: u32 = 1 << 30;

/// Buckets to a chunk: 128 KiB. Getting one from the operating system, page by page, takes less than 0.1 ms.
pub(super) const CHUNK: usize = 1 << 11;
/// Buckets of room behind the last home, at first.
const OVERFLOW: usize = 16;

/// A cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    /// Zero where a slot is free.
    hashes: [u32; SLOTS],
    /// With two bits each of the number of entries that passed, the lowest ones first.
    entries: [u32; SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

/// A bucket that nothing was ever put in, as every one is that has no memory yet.
static EMPTY: Bucket = Bucket { hashes: [FREE; SLOTS], entries: [0; SLOTS] };

/// Buckets that lie together. Where the table has to give one back, all of them are empty.
pub(super) type Chunk = Box<[Bucket]>;

/// Open addressing over a number of buckets that stays the same.
///
/// An entry lies in its home bucket, or in the first one after it that had room; a bucket counts the entries that had to
/// pass it, and a search goes on only while that is not zero. So nothing is ever marked as deleted, and the cost does not
/// creep up with age. There is no way round from the last bucket to the first: entries of the last homes lie in further
/// buckets behind them, so that an entry is never found before its home.
///
/// Memory comes in chunks, when the first entry comes to lie there, and can be given back in chunks from the front.
#[derive(Debug)]
pub(super) struct Buckets {
    chunks: Vec<Chunk>,
    /// Buckets that are the home of some hash.
    homes: u32,
}

/// No room for an entry within the buckets that it may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooFar;

/// What is kept of a hash: never zero, which is a free slot's.
#[inline(always)]
fn kept(hash: Hash) -> u32 {
    hash.0.max(1)
}

/// Works for any number of homes, and rises with the hash.
#[inline(always)]
fn home_of(hash: Hash, homes: u32) -> u32 {
    ((u64::from(kept(hash)) * u64::from(homes)) >> 32) as u32
}

impl Bucket {
    /// The slots that have that word.
    #[inline(always)]
    fn matches(&self, word: u32) -> Matches {
        let slots = self.hashes.iter().zip(1..);
        Matches(slots.fold(0, |bits, (kept, bit)| bits | u32::from(*kept == word) << bit))
    }

    #[inline(always)]
    fn entry(&self, slot: usize) -> u32 {
        self.entries[slot % SLOTS] % ENTRIES
    }

    /// The slots that are taken.
    #[inline(always)]
    fn taken(&self) -> Matches {
        Matches(!self.matches(FREE).0 & ALL_SLOTS)
    }

    /// The slots whose entries have that home.
    #[inline(always)]
    fn of_home(&self, home: u32, homes: u32) -> Matches {
        let slots = self.hashes.iter().zip(1..);
        // All at once, without a branch for each.
        let at_home = slots.fold(0, |bits, (kept, bit)| bits | u32::from(home_of(Hash(*kept), homes) == home) << bit);
        Matches(at_home & self.taken().0)
    }

    #[inline(always)]
    fn put(&mut self, slot: usize, hash: Hash, entry: u32) {
        self.hashes[slot] = kept(hash);
        self.entries[slot] = self.entries[slot] & !(ENTRIES - 1) | entry;
    }

    #[inline(always)]
    fn is_passed(&self) -> bool {
        self.entries.iter().fold(0, |all, word| all | word) >= ENTRIES
    }

    /// The entries that passed; one that was once as many as can be counted stays so, and is searched in vain.
    #[inline]
    fn count_passed(&mut self, change: i32) {
        // The lowest part alone says it, nearly always.
        match (change, self.entries[0] / ENTRIES) {
            (1, 0..3) => self.entries[0] += ENTRIES,
            (-1, 1..3) => self.entries[0] -= ENTRIES,
            _ => self.count_many_passed(change),
        }
    }

    #[cold]
    fn count_many_passed(&mut self, change: i32) {
        let parts = self.entries.iter().zip((0..).step_by(2));
        let passed = parts.fold(0, |passed, (word, bit)| passed | (word / ENTRIES) << bit);
        let most = u32::from(u16::MAX);
        let passed = if passed == most { most } else { passed.saturating_add_signed(change).min(most) };
        for (word, bit) in self.entries.iter_mut().zip((0..).step_by(2)) {
            *word = *word % ENTRIES + (passed >> bit & 3) * ENTRIES;
        }
    }
}

/// Slots, lowest first, with bit 1 for the first. All eight are compared, and no bit needs other care than the next one, so
/// that the compiler does it with vectors.
#[derive(Clone, Copy, Debug)]
struct Matches(u32);

/// The bits of all slots.
const ALL_SLOTS: u32 = ((1 << SLOTS) - 1) << 1;

impl Iterator for Matches {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        if bit <= SLOTS { bit.checked_sub(1) } else { None }
    }
}

/// One of the buckets where the entries of a hash may be: one cache line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    buckets: &'a Buckets,
    bucket: &'a Bucket,
    at: u32,
    kept: u32,
}

impl<'a> Line<'a> {
    /// Asks for the cache line.
    #[inline(always)]
    pub(super) fn prefetch(&self) {
        prefetch(self.bucket);
    }

    /// An entry in it that has that hash: most likely the one that [`super::Index::find`] will give.
    #[inline(always)]
    pub(crate) fn likely(&self) -> Option<u32> {
        let slot = self.bucket.matches(self.kept).next()?;
        Some(self.bucket.entry(slot))
    }

    /// The same without a branch: whether there is one, and which one; else any number.
    #[inline(always)]
    pub(crate) fn guess(&self) -> (bool, u32) {
        let Matches(slots) = self.bucket.matches(self.kept);
        let first = slots.trailing_zeros().wrapping_sub(1);
        (slots != 0, self.bucket.entry(first as usize))
    }

    /// Whether entries have passed it: then one that has that hash may lie behind it.
    #[inline(always)]
    pub(crate) fn is_passed(&self) -> bool {
        self.bucket.is_passed()
    }

    /// The bucket behind it, where entries have passed this one. Asks for its cache line.
    #[inline(always)]
    pub(crate) fn behind(&self) -> Option<Line<'a>> {
        self.bucket.is_passed().then(|| {
            let at = self.at + 1;
            let line = Line { bucket: self.buckets.bucket(at), at, ..*self };
            line.prefetch();
            line
        })
    }
}

impl Buckets {
    pub(super) fn new(homes: u32) -> Self {
        Buckets { chunks: Vec::with_capacity(homes as usize / CHUNK + 2), homes }
    }

    /// The number of home buckets.
    #[inline(always)]
    pub(super) fn homes(&self) -> u32 {
        self.homes
    }

    /// The first bucket in which a hash may lie; rises with the hash.
    #[inline(always)]
    pub(super) fn home(&self, hash: Hash) -> u32 {
        home_of(hash, self.homes)
    }

    #[inline(always)]
    fn bucket(&self, at: u32) -> &Bucket {
        let chunk = self.chunks.get(at as usize / CHUNK);
        chunk.and_then(|chunk| chunk.get(at as usize % CHUNK)).unwrap_or(&EMPTY)
    }

    #[inline(always)]
    fn bucket_mut(&mut self, at: u32) -> Option<&mut Bucket> {
        self.chunks.get_mut(at as usize / CHUNK)?.get_mut(at as usize % CHUNK)
    }

    /// Gives a bucket its memory: `spare`, or from the allocator.
    #[cold]
    fn reach(&mut self, at: u32, spare: &mut Option<Chunk>) {
        let (chunk, within) = (at as usize / CHUNK, at as usize % CHUNK);
        if self.chunks.len() <= chunk {
            self.chunks.resize_with(chunk + 1, Chunk::default);
        }
        let Some(place) = self.chunks.get_mut(chunk) else { return };
        // As many as there are homes, and some room behind the last.
        let homes = (self.homes as usize).saturating_sub(chunk * CHUNK);
        let wanted = homes.max(within).saturating_add(OVERFLOW).min(CHUNK);
        if wanted == CHUNK
            && place.is_empty()
            && let Some(spare) = spare.take()
        {
            *place = spare;
            return;
        }
        let mut grown = Vec::with_capacity(wanted);
        grown.extend_from_slice(place);
        grown.resize(wanted, EMPTY);
        *place = grown.into_boxed_slice();
    }

    /// The home bucket of a hash.
    #[inline(always)]
    pub(super) fn line(&self, hash: Hash) -> Line<'_> {
        let at = self.home(hash);
        Line { buckets: self, bucket: self.bucket(at), at, kept: kept(hash) }
    }

    /// The first entry of that hash for which `is` holds.
    #[inline]
    pub(super) fn find(&self, hash: Hash, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let bucket = self.bucket(at);
            for slot in bucket.matches(kept(hash)) {
                let entry = bucket.entry(slot);
                if is(entry) {
                    return Some(entry);
                }
            }
            // Nobody passed a bucket that has no memory.
            if !bucket.is_passed() {
                return None;
            }
            at += 1;
        }
    }

    /// Puts an entry in, in one of the first `limit` buckets from its home on.
    #[inline]
    pub(super) fn insert(
        &mut self,
        hash: Hash,
        entry: u32,
        limit: u32,
        spare: &mut Option<Chunk>,
    ) -> Result<(), TooFar> {
        let home = self.home(hash);
        if let Some(bucket) = self.bucket_mut(home)
            && let Some(free) = bucket.matches(FREE).next()
        {
            bucket.put(free, hash, entry);
            return Ok(());
        }
        self.insert_from(home, hash, entry, limit, spare)
    }

    /// The same where the home may be full, or without memory.
    #[inline(never)]
    fn insert_from(
        &mut self,
        home: u32,
        hash: Hash,
        entry: u32,
        limit: u32,
        spare: &mut Option<Chunk>,
    ) -> Result<(), TooFar> {
        for at in home..home.saturating_add(limit) {
            if self.bucket_mut(at).is_none() {
                self.reach(at, spare);
            }
            let Some(bucket) = self.bucket_mut(at) else { break };
            if let Some(free) = bucket.matches(FREE).next() {
                bucket.put(free, hash, entry);
                for passed in home..at {
                    self.count_passed(passed, 1);
                }
                return Ok(());
            }
        }
        Err(TooFar)
    }

    #[inline]
    fn count_passed(&mut self, at: u32, change: i32) {
        if let Some(bucket) = self.bucket_mut(at) {
            bucket.count_passed(change);
        }
    }

    /// Takes an entry out; tells whether it was in.
    pub(super) fn remove(&mut self, hash: Hash, entry: u32) -> bool {
        let home = self.home(hash);
        let mut at = home;
        // A bucket without memory holds nothing.
        while let Some(bucket) = self.bucket_mut(at) {
            let slot = bucket.matches(kept(hash)).find(|slot| bucket.entry(*slot) == entry);
            if let Some(slot) = slot {
                bucket.hashes[slot] = FREE;
                for passed in home..at {
                    self.count_passed(passed, -1);
                }
                return true;
            }
            if !bucket.is_passed() {
                return false;
            }
            at += 1;
        }
        false
    }

    /// Takes out all entries of one home, once those of all homes before it were taken out.
    #[inline(always)]
    pub(super) fn empty_home(&mut self, home: u32, mut taken: impl FnMut(Hash, u32)) {
        let Some(bucket) = self.bucket_mut(home) else { return };
        // No entry lies before its home: nobody else's are here, and nobody will look here again.
        let left = std::mem::replace(bucket, EMPTY);
        left.taken().for_each(|slot| taken(Hash(left.hashes[slot]), left.entry(slot)));
        if left.is_passed() {
            self.empty_behind(home, taken);
        }
    }

    /// Takes out those that lie behind their home.
    #[inline(never)]
    fn empty_behind(&mut self, home: u32, mut taken: impl FnMut(Hash, u32)) {
        let homes = self.homes;
        let mut at = home + 1;
        while let Some(bucket) = self.bucket_mut(at) {
            // Before the last of those that passed is taken out.
            let is_passed = bucket.is_passed();
            let mut passed_by = 0;
            for slot in bucket.of_home(home, homes) {
                taken(Hash(std::mem::replace(&mut bucket.hashes[slot], FREE)), bucket.entry(slot));
                passed_by += 1;
            }
            if passed_by != 0 {
                for passed in home + 1..at {
                    self.count_passed(passed, -passed_by);
                }
            }
            if !is_passed {
                return;
            }
            at += 1;
        }
    }

    /// Takes the chunk away that ends before a home, where one ends right there. No entry may have a home before.
    #[inline]
    pub(super) fn give_back(&mut self, home: u32) -> Option<Chunk> {
        if !(home as usize).is_multiple_of(CHUNK) {
            return None;
        }
        let chunk = self.chunks.get_mut((home as usize / CHUNK).checked_sub(1)?)?;
        Some(std::mem::take(chunk)).filter(|chunk| chunk.len() == CHUNK)
    }

    /// Buckets that have memory.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// The most buckets that a search has to look at.
    #[cfg(test)]
    pub(super) fn longest_walk(&self) -> usize {
        let (mut longest, mut walk) = (0, 0);
        for chunk in &self.chunks {
            for bucket in chunk {
                walk += 1;
                longest = longest.max(walk);
                walk = if bucket.is_passed() { walk } else { 0 };
            }
        }
        longest
    }

    /// Whether nothing is in it and no bucket remembers an entry that passed it.
    #[cfg(test)]
    pub(super) fn is_blank(&self) -> bool {
        self.chunks.iter().flatten().all(|bucket| bucket.hashes == [FREE; SLOTS] && !bucket.is_passed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(buckets: &Buckets, hash: u32, entry: u32) -> bool {
        buckets.find(Hash(hash), |found| found == entry).is_some()
    }

    #[test]
    fn an_entry_that_would_go_too_far_is_refused_and_leaves_no_trace() {
        let mut buckets = Buckets::new(16);
        let room = 4 * SLOTS as u32;
        for entry in 0..room {
            assert_eq!(buckets.insert(Hash(5), entry, 4, &mut None), Ok(()));
        }
        assert_eq!(buckets.insert(Hash(5), room, 4, &mut None), Err(TooFar));
        // One more bucket would do, and an entry that begins a bucket later has it.
        assert_eq!(buckets.insert(Hash(1 << 28), room + 1, 4, &mut None), Ok(()));
        assert!(!find(&buckets, 5, room) && find(&buckets, 1 << 28, room + 1));
        assert!(buckets.remove(Hash(1 << 28), room + 1));
        // With a place free again there is room for one.
        assert!(buckets.remove(Hash(5), 3));
        assert_eq!(buckets.insert(Hash(5), room, 4, &mut None), Ok(()));
        for entry in (0..=room).filter(|entry| *entry != 3) {
            assert!(buckets.remove(Hash(5), entry), "{entry}");
        }
        assert!(buckets.is_blank());
    }

    #[test]
    fn passing_entries_are_counted_beside_those_that_stay() {
        let mut bucket = EMPTY;
        (0..SLOTS).for_each(|slot| bucket.put(slot, Hash(7), ENTRIES - 1 - slot as u32));
        let entries = |bucket: &Bucket| [0, 1, 2, 3, 4, 5, 6, 7].map(|slot| bucket.entry(slot));
        let before = entries(&bucket);
        for change in [1, 2, 700, 60_000, -60_000, -702] {
            bucket.count_passed(change);
            assert!(bucket.is_passed(), "{change}");
        }
        bucket.count_passed(-1);
        assert!(!bucket.is_passed());
        bucket.count_passed(1);
        // The number of passers-by that is 1 lies beside the first entry.
        bucket.put(0, Hash(8), 5);
        assert!(bucket.is_passed() && entries(&bucket)[0] == 5);
        // More than can be counted: it is not known any more when the last one leaves.
        bucket.count_passed(70_000);
        bucket.count_passed(-70_001);
        assert!(bucket.is_passed());
        bucket.put(0, Hash(7), before[0]);
        assert_eq!(entries(&bucket), before);
    }

    #[test]
    fn entries_of_the_last_home_find_room_behind_it() {
        let mut buckets = Buckets::new(16);
        for entry in 0..1000 {
            assert_eq!(buckets.insert(Hash(u32::MAX), entry, u32::MAX, &mut None), Ok(()));
        }
        assert!((0..1000).all(|entry| find(&buckets, u32::MAX, entry)));
        assert_eq!(buckets.longest_walk(), 1000usize.div_ceil(SLOTS));
        assert!((0..1000).all(|entry| buckets.remove(Hash(u32::MAX), entry)));
        assert!(buckets.is_blank());
    }

    #[test]
    fn a_home_is_emptied_alone() {
        let mut buckets = Buckets::new(16);
        // Two homes that overflow into each other's buckets.
        for entry in 0..40 {
            assert_eq!(buckets.insert(Hash(1 + ((entry % 2) << 28)), entry, u32::MAX, &mut None), Ok(()));
        }
        let mut taken = Vec::new();
        buckets.empty_home(0, |hash, entry| taken.push((hash, entry)));
        taken.sort_unstable_by_key(|(_, entry)| *entry);
        assert_eq!(taken, (0..40).step_by(2).map(|entry| (Hash(1), entry)).collect::<Vec<_>>());
        assert!((1..40).step_by(2).all(|entry| find(&buckets, 1 + (1 << 28), entry)));
        buckets.empty_home(1, |_, _| ());
        assert!(buckets.is_blank());
    }

    #[test]
    fn memory_comes_where_it_is_needed_and_goes_from_the_front() {
        let mut buckets = Buckets::new(3 * CHUNK as u32);
        assert_eq!(buckets.held(), 0);
        assert!(!find(&buckets, u32::MAX, 1) && !buckets.remove(Hash(0), 1));
        let hash_of = |home: u32| Hash(((u64::from(home) << 32) / (3 * CHUNK as u64)) as u32 + 1);
        let second = CHUNK as u32;
        let mut spare = Some(vec![EMPTY; CHUNK].into_boxed_slice());
        assert_eq!(buckets.insert(hash_of(second), 1, 1, &mut spare), Ok(()));
        assert!(spare.is_none());
        assert_eq!((buckets.held(), buckets.home(hash_of(second))), (CHUNK, second));
        assert_eq!(buckets.insert(hash_of(0), 2, 1, &mut spare), Ok(()));
        assert_eq!(buckets.held(), 2 * CHUNK);

        buckets.empty_home(0, |_, _| ());
        assert!(buckets.give_back(1).is_none());
        assert_eq!(buckets.give_back(second).map(|chunk| chunk.len()), Some(CHUNK));
        assert!(find(&buckets, hash_of(second).0, 1));
        assert_eq!(buckets.held(), CHUNK);
    }
}
