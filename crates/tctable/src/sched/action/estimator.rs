use super::options;
use crate::sched::qdisc::OptionsError;
use crate::sched::rate::Rate;
use crate::time::Instant;

/// The shortest interval, a quarter of a second.
const QUARTER: u64 = 250_000_000;
/// Intervals without a packet that are walked one by one; more are taken at once.
const WALKED: u64 = 64;

/// An exponentially weighted moving average of a rate, as the kernel's `gen_estimator` has it, in virtual time.
///
/// The average is in 1/256 bytes a second: at the end of each interval it moves by `(now - average) / 2^ewma_log`.
#[derive(Debug)]
pub(super) struct Average {
    /// The interval is a quarter of a second times 2 to the power of this.
    interval_log: u32,
    ewma_log: u32,
    average: u64,
    /// Bytes since the interval began.
    bytes: u64,
    /// When it ends.
    ends: Instant,
}

impl Average {
    pub(super) fn new(options: options::Estimator, now: Instant) -> Result<Average, OptionsError> {
        let interval_log = (0..=5).find(|log| options.interval.as_nanos() == QUARTER << log);
        let interval_log = interval_log
            .ok_or(OptionsError::Invalid("an estimator's interval is 250 ms times a power of two, up to 8 s"))?;
        if !(1..=30).contains(&options.ewma_log) {
            return Err(OptionsError::Invalid("an estimator's weight is 2^-1 to 2^-30"));
        }
        let ends = now + options.interval;
        Ok(Average { interval_log, ewma_log: options.ewma_log.into(), average: 0, bytes: 0, ends })
    }

    /// Counts a packet.
    pub(super) fn count(&mut self, now: Instant, len: u32) {
        self.catch_up(now);
        self.bytes += u64::from(len);
    }

    /// The average at the end of the last interval, as the last packet counted found it.
    pub(super) fn rate(&self) -> Rate {
        Rate(self.average >> 8)
    }

    fn catch_up(&mut self, now: Instant) {
        if now < self.ends {
            return;
        }
        let interval = QUARTER << self.interval_log;
        let ended = (now - self.ends).as_nanos() / interval + 1;
        self.ends = Instant::from_nanos(self.ends.as_nanos().saturating_add(ended.saturating_mul(interval)));
        self.step();
        let idle = ended - 1;
        for _ in 0..idle.min(WALKED) {
            self.step();
        }
        if idle > WALKED {
            self.average = decayed(self.average, self.ewma_log, idle - WALKED);
        }
    }

    /// Ends an interval.
    fn step(&mut self) {
        let rate = self.bytes.saturating_mul(1 << (10 - self.interval_log));
        self.bytes = 0;
        self.average = (self.average - (self.average >> self.ewma_log)).saturating_add(rate >> self.ewma_log);
    }
}

/// What is left of an average after so many intervals without a packet: `average * (1 - 2^-ewma_log)^intervals`.
fn decayed(average: u64, ewma_log: u32, mut intervals: u64) -> u64 {
    // Fixed point with 63 bits behind the point.
    let one = 1u128 << 63;
    let mut factor = one - (one >> ewma_log);
    let mut left = one;
    while intervals > 0 {
        if intervals & 1 == 1 {
            left = (left * factor) >> 63;
        }
        factor = (factor * factor) >> 63;
        intervals >>= 1;
    }
    ((u128::from(average) * left) >> 63) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    fn average(seconds: u64, ewma_log: u8) -> Average {
        let options = options::Estimator { interval: Duration::from_secs(seconds), ewma_log };
        Average::new(options, Instant::ZERO).unwrap()
    }

    #[test]
    fn a_steady_rate_is_found() {
        let mut average = average(1, 3);
        for millis in 0..100_000 {
            average.count(Instant::from_nanos(millis * 1_000_000), 1000);
        }
        let rate = average.rate().0;
        assert!((995_000..=1_000_000).contains(&rate), "{rate}");
    }

    /// After one interval at 1,024 bytes a second and a weight of 1/2 it is half of that, then a half of that half.
    #[test]
    fn one_interval_after_the_other() {
        let mut average = average(1, 1);
        average.count(Instant::ZERO, 1024);
        for (seconds, rate) in [(1, 512), (2, 256), (3, 128), (5, 32)] {
            average.count(Instant::from_secs(seconds), 0);
            assert_eq!(average.rate(), Rate(rate), "{seconds} s");
        }
    }

    #[test]
    fn long_silence_is_as_many_short_ones() {
        for ewma_log in [1, 5, 12] {
            let (mut walked, mut jumped) = (average(1, ewma_log), average(1, ewma_log));
            for average in [&mut walked, &mut jumped] {
                average.count(Instant::ZERO, u32::MAX);
            }
            for seconds in 1..=5000 {
                walked.count(Instant::from_secs(seconds), 0);
            }
            jumped.count(Instant::from_secs(5000), 0);
            let (walked, jumped) = (walked.average, jumped.average);
            // Each step that was walked rounded to the estimator's own 1/256 byte.
            assert!(walked.abs_diff(jumped) <= 1 << ewma_log, "2^-{ewma_log}: {walked}, {jumped}");
        }
        average(8, 30).count(Instant::MAX, 1);
    }

    #[test]
    fn intervals_and_weights_have_their_ranges() {
        for (millis, ewma_log, is_right) in
            [(250, 1, true), (8000, 30, true), (300, 1, false), (16_000, 1, false), (1000, 0, false), (1000, 31, false)]
        {
            let options = options::Estimator { interval: Duration::from_millis(millis), ewma_log };
            assert_eq!(Average::new(options, Instant::ZERO).is_ok(), is_right, "{millis} {ewma_log}");
        }
    }
}
