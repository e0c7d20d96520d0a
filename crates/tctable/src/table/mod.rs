//! What every table of the engine is made of: a keyed hash, an index from hash to entry, and a slab of entries.

#[cfg(test)]
mod attack;
mod bits;
mod buckets;
mod chunked;
mod hash;
mod index;
mod random;
mod recent;
mod slab;

pub(crate) use bits::Bits;
pub(crate) use buckets::Line;
pub(crate) use chunked::Chunked;
pub use hash::HashKey;
pub(crate) use hash::{Hash, Hasher};
pub(crate) use index::Index;
pub(crate) use random::Random;
pub(crate) use recent::Recent;
pub(crate) use slab::Slab;

/// Asks for the cache line in which a value begins. The processor does not wait for it.
#[inline(always)]
pub(crate) fn prefetch<T>(value: &T) {
    prefetch_index::prefetch_index(std::slice::from_ref(value), 0);
}
