//! What every table of the engine is made of: a keyed hash, an index from hash to entry, and a slab of entries.

mod chunked;
mod hash;
mod index;
mod slab;

pub(crate) use chunked::Chunked;
pub use hash::HashKey;
pub(crate) use hash::{Hash, Hasher};
pub(crate) use index::Index;
pub(crate) use slab::Slab;
