//! Time as the engine knows it: passed in, in nanoseconds, never read from a clock.

mod instant;

pub use instant::{Duration, Instant};
