/// Levels that are needed for places of 32 bits: each bit of one stands for a word of the level below.
const LEVELS: usize = 6;
const WORD_BITS: u32 = u64::BITS.trailing_zeros();
/// Words to a chunk: 4 KiB, 32,768 places.
const CHUNK: usize = 1 << 9;

/// A set of places, as a tree of bits: putting one in, taking one out and finding the next one after any place take a step
/// for each level, and most stop at the first.
///
/// It takes an eighth of a byte for each place up to the highest that ever was in it, in chunks that never move; so it is
/// for places that lie close together, as those of a slab do.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    /// The places themselves, then one level above the other.
    levels: [Level; LEVELS],
    len: usize,
}

/// Words that are zero until they are written.
#[derive(Debug, Default)]
struct Level {
    /// Empty where no bit was ever set.
    chunks: Vec<Box<[u64]>>,
}

impl Level {
    #[inline]
    fn word(&self, at: usize) -> u64 {
        self.chunks.get(at / CHUNK).and_then(|chunk| chunk.get(at % CHUNK)).copied().unwrap_or(0)
    }

    #[inline]
    fn existing(&mut self, at: usize) -> Option<&mut u64> {
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    #[cold]
    fn reach(&mut self, at: usize) {
        if self.chunks.len() <= at / CHUNK {
            self.chunks.resize_with(at / CHUNK + 1, Box::default);
        }
        if let Some(chunk) = self.chunks.get_mut(at / CHUNK) {
            *chunk = vec![0; CHUNK].into_boxed_slice();
        }
    }
}

/// The word of a level that has a bit, and the bit.
#[inline]
fn split(at: u64) -> (usize, u64) {
    ((at >> WORD_BITS) as usize, 1 << (at % u64::from(u64::BITS)))
}

impl Bits {
    /// Places in the set.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether a place is in the set.
    #[cfg(test)]
    pub(crate) fn contains(&self, place: u32) -> bool {
        let (word, bit) = split(u64::from(place));
        self.levels[0].word(word) & bit != 0
    }

    /// Puts a place in; tells whether it was not in before.
    pub(crate) fn insert(&mut self, place: u32) -> bool {
        let mut at = u64::from(place);
        for level in 0..LEVELS {
            let (nth, bit) = split(at);
            let words = &mut self.levels[level];
            if words.existing(nth).is_none() {
                words.reach(nth);
            }
            let Some(word) = words.existing(nth) else { break };
            let before = std::mem::replace(word, *word | bit);
            if level == 0 && before & bit != 0 {
                return false;
            }
            // The level above knows of this word already.
            if before != 0 {
                break;
            }
            at >>= WORD_BITS;
        }
        self.len += 1;
        true
    }

    /// Takes a place out; tells whether it was in.
    pub(crate) fn remove(&mut self, place: u32) -> bool {
        let mut at = u64::from(place);
        for level in 0..LEVELS {
            let (nth, bit) = split(at);
            match self.levels[level].existing(nth) {
                Some(word) if *word & bit != 0 => {
                    *word &= !bit;
                    if *word != 0 {
                        break;
                    }
                }
                _ => return false,
            }
            at >>= WORD_BITS;
        }
        self.len -= 1;
        true
    }

    /// The first place in the set at or after `place`; after the last one comes the first of all.
    pub(crate) fn first_from(&self, place: u32) -> Option<u32> {
        self.at_or_after(place).or_else(|| self.at_or_after(0))
    }

    fn at_or_after(&self, place: u32) -> Option<u32> {
        let mut at = u64::from(place);
        for level in 0..LEVELS {
            let (nth, bit) = split(at);
            // Of the word that holds `at`, the bits from there on.
            let word = self.levels[level].word(nth) & !(bit - 1);
            if word != 0 {
                let found = (nth as u64) << WORD_BITS | u64::from(word.trailing_zeros());
                return u32::try_from(self.lowest_below(level, found)).ok();
            }
            at = nth as u64 + 1;
        }
        None
    }

    /// The lowest place under a bit that is set.
    fn lowest_below(&self, level: usize, at: u64) -> u64 {
        (0..level).rev().fold(at, |at, level| {
            let word = self.levels[level].word(at as usize);
            at << WORD_BITS | u64::from(word.trailing_zeros())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32),
        Remove(u32),
        RemoveNth(usize),
        Find(u32),
    }

    fn place() -> impl Strategy<Value = u32> {
        // Crowds, both sides of borders between words of every level, and the end of the range.
        prop_oneof![
            0u32..300,
            4_000u32..4_200,
            (1u32..200).prop_map(|n| n * 4096 - n % 2),
            (0u32..20).prop_map(|n| (1 << 18) * n + 63),
            (0u32..30).prop_map(|n| (1 << 24) + n - 15),
        ]
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => place().prop_map(Step::Insert),
            2 => place().prop_map(Step::Remove),
            2 => any::<usize>().prop_map(Step::RemoveNth),
            3 => prop_oneof![place(), any::<u32>()].prop_map(Step::Find),
        ];
        proptest::collection::vec(step, 0..400)
    }

    proptest! {
        #[test]
        fn agrees_with_a_sorted_set(steps in steps()) {
            let (mut bits, mut model) = (Bits::default(), BTreeSet::new());
            for step in steps {
                match step {
                    Step::Insert(place) => prop_assert_eq!(bits.insert(place), model.insert(place)),
                    Step::Remove(place) => prop_assert_eq!(bits.remove(place), model.remove(&place)),
                    Step::RemoveNth(nth) => if let Some(place) = model.iter().copied().nth(nth % model.len().max(1)) {
                        prop_assert!(bits.contains(place));
                        prop_assert_eq!(bits.remove(place), model.remove(&place));
                        prop_assert!(!bits.contains(place));
                    },
                    Step::Find(place) => {
                        let expected = model.range(place..).next().or_else(|| model.first()).copied();
                        prop_assert_eq!(bits.first_from(place), expected);
                        prop_assert_eq!(bits.contains(place), model.contains(&place));
                    }
                }
                prop_assert_eq!(bits.len(), model.len());
            }
            let mut found = Vec::new();
            let mut from = 0;
            while let Some(place) = bits.at_or_after(from) {
                found.push(place);
                from = place + 1;
            }
            prop_assert!(found.into_iter().eq(model));
        }
    }

    #[test]
    fn an_empty_set_has_no_next_place() {
        let mut bits = Bits::default();
        assert_eq!((bits.first_from(0), bits.first_from(u32::MAX)), (None, None));
        bits.insert(70_000);
        assert_eq!((bits.first_from(70_001), bits.first_from(u32::MAX)), (Some(70_000), Some(70_000)));
        bits.remove(70_000);
        assert_eq!(bits.first_from(0), None);
    }

    #[test]
    fn the_highest_place_can_be_used() {
        let mut bits = Bits::default();
        assert!(bits.insert(u32::MAX) && !bits.insert(u32::MAX) && bits.insert(0));
        assert_eq!((bits.first_from(1), bits.first_from(u32::MAX), bits.len()), (Some(u32::MAX), Some(u32::MAX), 2));
        assert!(bits.remove(u32::MAX) && !bits.remove(u32::MAX));
        assert_eq!(bits.first_from(1), Some(0));
    }

    #[test]
    fn only_what_is_used_has_memory() {
        let mut bits = Bits::default();
        let held =
            |bits: &Bits| bits.levels.iter().flat_map(|level| &level.chunks).map(|chunk| chunk.len()).sum::<usize>();
        bits.insert(3 << 24);
        assert_eq!(held(&bits), LEVELS * CHUNK);
        // A chunk full of places: its word and those above lie in at most one more chunk of each level.
        assert!((0..CHUNK as u32 * 64).all(|place| bits.insert(place)));
        assert!(held(&bits) <= 2 * LEVELS * CHUNK);
    }
}
