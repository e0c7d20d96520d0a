/// Where things that were found recently lie: guesses that cost neither a keyed hash nor the index.
///
/// Each of `SLOTS` slots, a power of two of at most 2^16, remembers the place of the last thing that came to it. The slot is
/// told by a multiplication that has no key, so anybody can make things meet in one: that costs them the hash and the search
/// that everybody would pay without. A guess is to be checked, so that no answer depends on it.
#[derive(Debug)]
pub(crate) struct Recent<const SLOTS: usize>(Box<[u32; SLOTS]>);

impl<const SLOTS: usize> Recent<SLOTS> {
    pub(crate) fn new() -> Self {
        const { assert!(SLOTS.is_power_of_two() && SLOTS <= 1 << 16) };
        // Nothing has that place.
        Recent(Box::new([u32::MAX; SLOTS]))
    }

    /// `mixed` is anything that most things differ in.
    #[inline(always)]
    fn slot(mixed: u64) -> usize {
        let product = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (product >> (64 - SLOTS.trailing_zeros())) as usize % SLOTS
    }

    /// The place at which a thing may lie.
    #[inline(always)]
    pub(crate) fn likely(&self, mixed: u64) -> Option<u32> {
        let place = self.0[Self::slot(mixed)];
        (place != u32::MAX).then_some(place)
    }

    /// Takes down where a thing was found.
    #[inline(always)]
    pub(crate) fn remember(&mut self, mixed: u64, place: u32) {
        self.0[Self::slot(mixed)] = place;
    }
}
