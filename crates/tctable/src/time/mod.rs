//! Time as the engine knows it: passed in, in nanoseconds, never read from a clock.

mod instant;
mod wheel;

pub use instant::{Duration, Instant};
pub use wheel::{Due, Promptness, TimerPosition, Wheel};
