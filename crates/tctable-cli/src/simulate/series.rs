//! Bytes over time, in little memory.

use tctable::time::{Duration, Instant};

/// Steps that are kept: as many as a picture can show.
const MOST: usize = 480;
/// The length of a step at first.
const FIRST: Duration = Duration::from_millis(10);

/// What was carried in each step of time. Where time goes on beyond the last step, two become one.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    start: Instant,
    step: Duration,
    bytes: Vec<u64>,
}

impl Series {
    /// Nothing yet; time begins at `start`.
    pub(crate) fn new(start: Instant) -> Series {
        Series { start, step: FIRST, bytes: Vec::new() }
    }

    /// Counts what left at that time.
    pub(crate) fn add(&mut self, at: Instant, bytes: u32) {
        let since = at.since(self.start).as_nanos();
        let place = loop {
            let place = usize::try_from(since / self.step.as_nanos()).unwrap_or(usize::MAX);
            if place < MOST {
                break place;
            }
            self.double();
        };
        if place >= self.bytes.len() {
            self.bytes.resize(place + 1, 0);
        }
        self.bytes[place] += u64::from(bytes);
    }

    fn double(&mut self) {
        self.bytes = self.bytes.chunks(2).map(|pair| pair.iter().sum()).collect();
        self.step = Duration::from_nanos(self.step.as_nanos() * 2);
    }

    /// How long a step is.
    pub(crate) fn step(&self) -> Duration {
        self.step
    }

    /// Bytes of each step, in steps of that length, which its own length divides by doubling.
    pub(crate) fn in_steps(&self, step: Duration) -> Vec<u64> {
        let mut series = self.clone();
        while series.step < step {
            series.double();
        }
        series.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_when_steps_become_longer() {
        let mut series = Series::new(Instant::from_secs(100));
        for n in 0..3_000u64 {
            series.add(Instant::from_nanos(100_000_000_000 + n * 10_000_000), n as u32);
        }
        // 30 s: 375 steps of 80 ms, with 8 values in each.
        assert_eq!(series.step(), Duration::from_millis(80));
        let sums =
            |each: u64| (0..3_000 / each).map(|step| (step * each..(step + 1) * each).sum()).collect::<Vec<u64>>();
        assert_eq!(series.in_steps(Duration::from_millis(80)), sums(8));
        let coarse = series.in_steps(Duration::from_millis(160));
        assert_eq!(coarse[..187], sums(16));
        assert_eq!(coarse.iter().sum::<u64>(), (0..3_000).sum::<u64>());
    }
}
