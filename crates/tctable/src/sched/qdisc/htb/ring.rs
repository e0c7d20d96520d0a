//! Whose turn it is: sets of numbers that are gone through in a circle.

/// Numbers below 2^24 with a hand that goes round: a bit for each number, and above each 64 of them a bit that says whether
/// there is any, up to one word. Putting a number in, taking it out and finding the next one looks at one word for each
/// power of 64, so at two for 4,096 numbers and at four for 16 million.
///
/// A number keeps its place in the circle while it is out, as in the kernel's trees, which are ordered by class: who leaves
/// in the midst of its turn and returns before the hand has moved goes on with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    top: u64,
    hand: u32,
    /// The levels below the top one, the lowest last.
    levels: Vec<Vec<u64>>,
}

impl Ring {
    pub(super) fn is_empty(&self) -> bool {
        self.top == 0
    }

    #[inline]
    fn word(&self, level: usize, at: usize) -> u64 {
        match level.checked_sub(1) {
            None if at == 0 => self.top,
            None => 0,
            Some(below) => self.levels.get(below).and_then(|words| words.get(at)).copied().unwrap_or(0),
        }
    }

    /// Makes room for a number.
    #[cold]
    fn grow(&mut self, number: u32) {
        while number >> (6 * (self.levels.len() + 1)) != 0 {
            self.levels.insert(0, vec![self.top]);
            self.top = u64::from(self.top != 0);
        }
        let height = self.levels.len();
        for (level, words) in self.levels.iter_mut().enumerate() {
            let at = (number >> (6 * (height - level))) as usize;
            if words.len() <= at {
                words.resize(at + 1, 0);
            }
        }
    }

    /// Puts a number in that is not in.
    #[inline]
    pub(super) fn insert(&mut self, number: u32) {
        let mut at = number;
        let mut is_done = false;
        if number >> (6 * (self.levels.len() + 1)) != 0
            || self.levels.last().is_some_and(|words| words.len() <= number as usize >> 6)
        {
            self.grow(number);
        }
        for words in self.levels.iter_mut().rev() {
            let word = &mut words[at as usize >> 6];
            is_done = *word != 0;
            *word |= 1 << (at & 63);
            at >>= 6;
            if is_done {
                break;
            }
        }
        if !is_done {
            self.top |= 1 << (at & 63);
        }
    }

    /// Takes a number out.
    #[inline]
    pub(super) fn remove(&mut self, number: u32) {
        let mut at = number;
        for words in self.levels.iter_mut().rev() {
            let Some(word) = words.get_mut(at as usize >> 6) else { return };
            *word &= !(1 << (at & 63));
            at >>= 6;
            if *word != 0 {
                return;
            }
        }
        if at < 64 {
            self.top &= !(1 << at);
        }
    }

    /// The number whose turn comes after that of another in this round.
    #[inline]
    pub(super) fn after(&self, number: u32) -> Option<u32> {
        self.first_from(number + 1)
    }

    #[cfg(test)]
    pub(super) fn has(&self, number: u32) -> bool {
        self.first_from(number) == Some(number)
    }

    /// The first number from one on.
    #[inline]
    fn first_from(&self, number: u32) -> Option<u32> {
        let height = self.levels.len();
        let (mut at, mut level) = (number, height);
        loop {
            let word = self.word(level, at as usize >> 6) & (u64::MAX << (at & 63));
            if word != 0 {
                at = at & !63 | word.trailing_zeros();
                while level < height {
                    level += 1;
                    at = at << 6 | self.word(level, at as usize).trailing_zeros() & 63;
                }
                return Some(at);
            }
            level = level.checked_sub(1)?;
            at = (at >> 6) + 1;
        }
    }

    /// The number at the hand, or the next one; `None` where there is none up to the end of the round: then the hand is at
    /// the beginning of the next one.
    #[inline]
    pub(super) fn current(&mut self) -> Option<u32> {
        let found = self.first_from(self.hand);
        self.hand = found.unwrap_or(0);
        found
    }

    /// The turn of a number is over.
    #[inline]
    pub(super) fn pass(&mut self, number: u32) {
        self.hand = number + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_ring_is_an_ordered_set_with_a_hand(bits in 1u32..24, steps in proptest::collection::vec((any::<u32>(), 0u8..4), 0..300)) {
            let (mut ring, mut model, mut hand) = (Ring::default(), BTreeSet::new(), 0);
            for (number, what) in steps {
                let number = number & ((1 << bits) - 1);
                match what {
                    0 | 1 => {
                        if model.insert(number) {
                            ring.insert(number);
                        }
                    }
                    2 => {
                        // One that is there, where there is any.
                        let number = model.range(number..).next().copied().unwrap_or(number);
                        model.remove(&number);
                        ring.remove(number);
                    }
                    _ => {
                        let found = ring.current();
                        prop_assert_eq!(found, model.range(hand..).next().copied());
                        hand = found.map_or(0, |found| found + 1);
                        if let Some(found) = found {
                            ring.pass(found);
                        }
                    }
                }
                prop_assert_eq!(ring.is_empty(), model.is_empty());
            }
        }
    }

    #[test]
    fn who_returns_at_once_goes_on_with_its_turn() {
        let mut ring = Ring::default();
        [3, 100, 5000].into_iter().for_each(|number| ring.insert(number));
        ring.pass(3);
        assert_eq!(ring.current(), Some(100));
        ring.remove(100);
        ring.insert(100);
        assert_eq!(ring.current(), Some(100));
        ring.remove(100);
        assert_eq!(ring.current(), Some(5000));
        ring.pass(5000);
        assert_eq!((ring.current(), ring.current()), (None, Some(3)));
    }
}
