use nix::time::{ClockId, clock_getres, clock_gettime};
use tctable::time::Instant;

use crate::kernel::Error;

/// The engine's time in a run: as many ticks as the kernel's jiffies have made since its start.
///
/// Conntrack's deadlines are in jiffies. A finer clock would be ahead of them whenever a tick is late; the coarse clock
/// moves with them, but by a little more or less than a tick, as the clock is being corrected. So ticks are counted.
pub(super) struct Clock {
    /// The engine's time at the start.
    first: u64,
    start: u64,
    tick: u64,
}

impl Clock {
    pub(super) fn start() -> Result<Self, Error> {
        Clock::start_at(1_000_000_000)
    }

    /// As [`Clock::start`], from the time that it is: for rules that ask for it.
    pub(super) fn start_now() -> Result<Self, Error> {
        let time = clock_gettime(ClockId::CLOCK_REALTIME)?;
        Clock::start_at(std::time::Duration::from(time).as_nanos() as u64)
    }

    fn start_at(first: u64) -> Result<Self, Error> {
        let tick = clock_getres(ClockId::CLOCK_MONOTONIC_COARSE)?;
        Ok(Clock { first, start: coarse()?, tick: std::time::Duration::from(tick).as_nanos() as u64 })
    }

    pub(super) fn now(&self) -> Result<Instant, Error> {
        let ticks = (coarse()? - self.start + self.tick / 2) / self.tick;
        Ok(Instant::from_nanos(self.first + ticks * self.tick))
    }
}

/// Nanoseconds of the clock that stands still between ticks.
fn coarse() -> Result<u64, Error> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE)?;
    Ok(std::time::Duration::from(time).as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_moves_in_whole_ticks() {
        let clock = Clock::start().unwrap();
        let tick = clock.tick;
        assert!((1_000_000..=10_000_000).contains(&tick), "{tick}");
        let mut last = clock.now().unwrap();
        for _ in 0..10_000 {
            let now = clock.now().unwrap();
            assert!(now >= last && (now - last).as_nanos().is_multiple_of(tick));
            last = now;
        }
    }
}
