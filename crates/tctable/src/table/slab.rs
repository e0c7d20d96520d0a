use super::{Chunked, prefetch};

/// Entries at stable places, found by a number that stays the same for an entry's life and is used again after it.
///
/// Each place has a generation that counts its tenants, so that a reference that outlived its entry is told from one
/// to the next tenant. Whoever takes an entry out (the index, a timer) holds plain numbers and takes care to drop
/// them first; only references handed to the outside need the generation.
///
/// A freed place is used again last-in-first-out: it is the one most likely still in the cache.
///
/// Nothing ever moves, and no chunk is given back: what a flood of entries took is kept for the next one, 8 bytes for each
/// place besides the entry. That is bounded by whoever bounds the entries; and a freed place can still be read, by a
/// reference that was taken just before, because of it.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    entries: Chunked<T, CHUNK>,
    generations: Chunked<u32, NUMBERS_CHUNK>,
    /// Freed places, the latest last.
    free: Chunked<u32, NUMBERS_CHUNK>,
}

/// Entries to a chunk: 42 KiB of connections, which are written at once.
const CHUNK: usize = 1 << 8;
/// Of plain numbers: 64 KiB.
const NUMBERS_CHUNK: usize = 1 << 14;
/// A generation's lowest bit tells a place that is in use.
const LIVE: u32 = 1;

impl<T: Clone> Slab<T> {
    pub(crate) const fn new() -> Self {
        Slab { entries: Chunked::new(), generations: Chunked::new(), free: Chunked::new() }
    }

    /// Entries in use.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// The place and generation that the next entry will get.
    pub(crate) fn next(&self) -> (u32, u32) {
        match self.upcoming(0) {
            Some(place) => (place, self.generation(place) + LIVE),
            None => (self.places(), LIVE),
        }
    }

    /// Places that were ever in use: all entries are at lower ones.
    pub(crate) fn places(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// Puts a copy of an entry in. `None` where all 2^32 - 1 places are taken.
    pub(crate) fn insert(&mut self, value: &T) -> Option<u32> {
        if let Some(place) = self.free.pop() {
            self.entries[place as usize].clone_from(value);
            self.generations[place as usize] += LIVE;
            return Some(place);
        }
        let place = u32::try_from(self.entries.len()).ok().filter(|place| *place != u32::MAX)?;
        self.entries.push(value.clone());
        self.generations.push(LIVE);
        Some(place)
    }

    /// The place that the next entry but `ahead` will get, if it was used before: so that its cache lines can be asked
    /// for in time.
    #[inline]
    pub(crate) fn upcoming(&self, ahead: usize) -> Option<u32> {
        let place = *self.free.get(self.free.len().checked_sub(ahead + 1)?)?;
        self.prefetch_generation(place);
        Some(place)
    }

    /// Asks for the cache line of a place's generation, which freeing it changes.
    #[inline]
    pub(crate) fn prefetch_generation(&self, place: u32) {
        prefetch(&self.generations[place as usize]);
    }

    /// Frees a place. What was there can still be read until the place is used again.
    pub(crate) fn remove(&mut self, place: u32) {
        debug_assert!(self.is_live(place));
        let generation = &mut self.generations[place as usize];
        *generation = generation.wrapping_add(LIVE);
        self.free.push(place);
    }

    fn is_live(&self, place: u32) -> bool {
        self.generations.get(place as usize).is_some_and(|generation| generation & LIVE != 0)
    }

    /// The generation of a place's tenant.
    pub(crate) fn generation(&self, place: u32) -> u32 {
        self.generations[place as usize]
    }

    /// The tenant of a place, if it is still the one of that generation.
    pub(crate) fn get(&self, place: u32, generation: u32) -> Option<&T> {
        let current = *self.generations.get(place as usize)?;
        if current == generation && current & LIVE != 0 { self.entries.get(place as usize) } else { None }
    }

    /// The entries in use with their places, in the order of the places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.page(0, usize::MAX)
    }

    /// The same for so many places from that one on, in use or not.
    pub(crate) fn page(&self, from: u32, places: usize) -> impl Iterator<Item = (u32, &T)> {
        let end = (from as usize).saturating_add(places).min(self.entries.len()) as u32;
        (from..end).filter(|place| self.is_live(*place)).map(|place| (place, &self[place]))
    }

    /// The place at which the page after that one begins; `None` after the last.
    pub(crate) fn next_page(&self, from: u32, places: usize) -> Option<u32> {
        let end = (from as usize).saturating_add(places);
        (end < self.entries.len()).then_some(end as u32)
    }
}

impl<T> std::ops::Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, place: u32) -> &T {
        &self.entries[place as usize]
    }
}

impl<T> std::ops::IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut T {
        &mut self.entries[place as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_under_a_new_generation() {
        let mut slab = Slab::new();
        let first = slab.insert(&'a').unwrap();
        let old = slab.generation(first);
        assert_eq!(slab.get(first, old), Some(&'a'));
        slab.remove(first);
        assert_eq!((slab.len(), slab.get(first, old)), (0, None));
        assert_eq!(slab.iter().count(), 0);

        let second = slab.insert(&'b').unwrap();
        assert_eq!(second, first);
        assert_eq!(slab.get(first, old), None);
        assert_eq!(slab.get(second, slab.generation(second)), Some(&'b'));
        assert_eq!(slab.iter().collect::<Vec<_>>(), [(second, &'b')]);
    }

    #[test]
    fn pages_together_are_all_entries() {
        let mut slab = Slab::new();
        assert!((0..100_u32).all(|value| slab.insert(&value).is_some()));
        [0, 13, 14, 15, 99].into_iter().for_each(|place| slab.remove(place));
        for places in [1, 7, 99, 100, 101, usize::MAX] {
            let mut seen = Vec::new();
            let mut next = Some(0);
            while let Some(from) = next {
                seen.extend(slab.page(from, places));
                next = slab.next_page(from, places);
            }
            assert_eq!(seen, slab.iter().collect::<Vec<_>>(), "{places}");
        }
        assert_eq!((slab.page(100, 10).count(), slab.page(u32::MAX, 10).count()), (0, 0));
        assert_eq!(slab.next_page(u32::MAX, 10), None);
    }

    #[test]
    fn entries_stay_where_they_are_over_chunks() {
        let mut slab = Slab::new();
        let places: Vec<u32> = (0..3 * CHUNK as u32).map(|value| slab.insert(&value).unwrap()).collect();
        assert!(places.iter().enumerate().all(|(value, place)| slab[*place] == value as u32));
        assert_eq!(slab.len(), 3 * CHUNK);
    }
}
