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

    /// A place of the set near `place`: any of those that share the smallest word with it that has some. `choose` gets a
    /// number and gives one below it.
    ///
    /// From a random place on, with random choices, that is nearly any one of the set. In particular a place that lies
    /// behind many others that are not in the set is not found more often than its neighbours.
    pub(crate) fn near(&self, place: u32, mut choose: impl FnMut(u32) -> u32) -> Option<u32> {
        let mut nth = u64::from(place);
        for level in 0..LEVELS {
            nth >>= WORD_BITS;
            let word = self.levels[level].word(nth as usize);
            if word != 0 {
                let mut found = nth << WORD_BITS | one_of(word, &mut choose);
                for level in (0..level).rev() {
                    let word = self.levels[level].word(found as usize);
                    found = found << WORD_BITS | one_of(word, &mut choose);
                }
                return u32::try_from(found).ok();
            }
        }
        None
    }
}

/// The number of one of a word's bits.
fn one_of(mut word: u64, choose: &mut impl FnMut(u32) -> u32) -> u64 {
    for _ in 0..choose(word.count_ones()) {
        word &= word - 1;
    }
    u64::from(word.trailing_zeros())
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
                        // The first and the last of those in the smallest word that has some.
                        let word = (1..=LEVELS as u32).find_map(|level| {
                            let size = 1u64 << (level * WORD_BITS);
                            let start = u64::from(place) / size * size;
                            let end = (start + size - 1).min(u32::MAX.into());
                            let mut within = model.range(start as u32..=end as u32);
                            let first = *within.next()?;
                            Some((first, *within.next_back().unwrap_or(&first)))
                        });
                        prop_assert_eq!(bits.near(place, |_| 0), word.map(|(first, _)| first));
                        prop_assert_eq!(bits.near(place, |count| count - 1), word.map(|(_, last)| last));
                        prop_assert_eq!(bits.contains(place), model.contains(&place));
                    }
                }
                prop_assert_eq!(bits.len(), model.len());
            }
        }
    }

    #[test]
    fn an_empty_set_has_none_near_any_place() {
        let mut bits = Bits::default();
        let any = |bits: &Bits| [0, 70_000, u32::MAX].map(|place| bits.near(place, |count| count - 1));
        assert_eq!(any(&bits), [None; 3]);
        bits.insert(70_000);
        assert_eq!(any(&bits), [Some(70_000); 3]);
        bits.remove(70_000);
        assert_eq!(any(&bits), [None; 3]);
    }

    #[test]
    fn the_highest_place_can_be_used() {
        let mut bits = Bits::default();
        assert!(bits.insert(u32::MAX) && !bits.insert(u32::MAX) && bits.insert(0));
        let near = |bits: &Bits, place| bits.near(place, |count| count - 1);
        assert_eq!((near(&bits, 1), near(&bits, u32::MAX), bits.len()), (Some(0), Some(u32::MAX), 2));
        assert!(bits.remove(u32::MAX) && !bits.remove(u32::MAX));
        assert_eq!(near(&bits, u32::MAX), Some(0));
    }

    #[test]
    fn a_place_behind_a_large_gap_is_found_as_often_as_any_other() {
        let mut bits = Bits::default();
        (100_000..262_144).for_each(|place| _ = bits.insert(place));
        let mut state = 1u64;
        let mut below = |end: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (((state >> 32) * u64::from(end)) >> 32) as u32
        };
        let mut first_thousand = 0;
        for _ in 0..100_000 {
            let start = below(262_144);
            let found = bits.near(start, &mut below).expect("there are some");
            first_thousand += u32::from(found < 101_000);
        }
        // Of 162,144: 617 by pure chance.
        assert!((300..1_500).contains(&first_thousand), "{first_thousand}");
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
