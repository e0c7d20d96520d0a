//! Frames from one port to the other.

mod counts;

pub use counts::Counts;
