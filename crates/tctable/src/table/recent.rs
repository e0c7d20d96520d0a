/// Where things that were found recently lie: guesses that cost neither a keyed hash nor the index.
///
/// Each of `SLOTS` slots, a power of two of at most 2^16, remembers the place of the last thing that came to it. The slot is
/// told by a multiplication that has no key, so anybody can make things meet in one: that costs them the hash and the search
/// that everybody would pay without. Another part of the product is kept beside the place, so that a guess is hardly ever
/// wrong; it is to be checked nevertheless, so that no answer depends on it.
#[derive(Debug)]
pub(crate) struct Recent<const SLOTS: usize>(Box<[Slot; SLOTS]>);

#[derive(Clone, Copy, Debug)]
struct Slot {
    place: u32,
    tag: u32,
}

/// Nothing has that place.
const NONE: u32 = u32::MAX;

impl<const SLOTS: usize> Recent<SLOTS> {
    pub(crate) fn new() -> Self {
        const { assert!(SLOTS.is_power_of_two() && SLOTS <= 1 << 16) };
        Recent(Box::new([Slot { place: NONE, tag: 0 }; SLOTS]))
    }

    /// The slot of a thing, and its tag.
    #[inline(always)]
    fn slot(mixed: u64) -> (usize, u32) {
        let product = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((product >> (64 - SLOTS.trailing_zeros())) as usize % SLOTS, (product >> 16) as u32)
    }

    /// The place at which a thing may lie. `mixed` is anything that most things differ in.
    #[inline(always)]
    pub(crate) fn likely(&self, mixed: u64) -> Option<u32> {
        let (slot, tag) = Self::slot(mixed);
        let Slot { place, tag: kept } = self.0[slot];
        (place != NONE && tag == kept).then_some(place)
    }

    /// Takes down where a thing was found.
    #[inline(always)]
    pub(crate) fn remember(&mut self, mixed: u64, place: u32) {
        let (slot, tag) = Self::slot(mixed);
        self.0[slot] = Slot { place, tag };
    }
}
