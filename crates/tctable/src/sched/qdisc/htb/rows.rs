//! Classes that may send now.

use super::class::{LEVELS, PRIORITIES};
use super::ring::Ring;

/// For each level and priority the classes that have something to send, and may, at their own cost.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rings: [[Ring; PRIORITIES]; LEVELS],
    /// The priorities of each level in which there is any.
    filled: [u8; LEVELS],
}

impl Rows {
    #[inline]
    pub(super) fn insert(&mut self, level: u8, prio: u32, class: u32) {
        self.filled[usize::from(level)] |= 1 << prio;
        self.ring(level, prio).insert(class);
    }

    #[inline]
    pub(super) fn remove(&mut self, level: u8, prio: u32, class: u32) {
        let ring = self.ring(level, prio);
        ring.remove(class);
        if ring.is_empty() {
            self.filled[usize::from(level)] &= !(1 << prio);
        }
    }

    #[inline]
    pub(super) fn ring(&mut self, level: u8, prio: u32) -> &mut Ring {
        &mut self.rings[usize::from(level)][prio as usize]
    }

    /// Whose turn it is: the lowest level first, that is those who send at their own cost before those who borrow, and
    /// there the first priority.
    #[inline]
    pub(super) fn first(&self) -> Option<(u8, u32)> {
        let level = self.filled.iter().position(|filled| *filled != 0)?;
        Some((level as u8, self.filled[level].trailing_zeros()))
    }
}

/// The numbers of the bits that are set.
pub(super) struct Bits(pub(super) u8);

impl Iterator for Bits {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let bit = (self.0 != 0).then(|| self.0.trailing_zeros())?;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}
