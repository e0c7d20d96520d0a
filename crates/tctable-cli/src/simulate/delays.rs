//! How long packets were on their way, in little memory.

use tctable::time::Duration;

/// Buckets for each doubling: a delay is known to 1 part in 64.
const PARTS: u64 = 1 << BITS;
const BITS: u32 = 6;

/// A histogram of delays: exact below 64 ns, then 64 buckets for each doubling, of which only those are kept that hold
/// something. Count, mean and maximum are exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delays {
    /// Buckets by their number, with what they hold.
    buckets: Vec<(u16, u64)>,
    count: u64,
    sum: u128,
    max: u64,
}

impl Delays {
    /// Another packet.
    pub(crate) fn add(&mut self, delay: Duration) {
        let nanos = delay.as_nanos();
        self.put(bucket(nanos));
        self.count += 1;
        self.sum += u128::from(nanos);
        self.max = self.max.max(nanos);
    }

    fn put(&mut self, bucket: u16) {
        match self.buckets.binary_search_by_key(&bucket, |(number, _)| *number) {
            Ok(at) => self.buckets[at].1 += 1,
            Err(at) => self.buckets.insert(at, (bucket, 1)),
        }
    }

    /// The mean; `None` where there was no packet.
    pub(crate) fn mean(&self) -> Option<Duration> {
        let mean = self.sum.checked_div(self.count.into())?;
        Some(Duration::from_nanos(mean as u64))
    }

    /// The longest.
    pub(crate) fn max(&self) -> Option<Duration> {
        (self.count > 0).then_some(Duration::from_nanos(self.max))
    }

    /// The delay that so many of a hundred packets did not exceed: the middle of its bucket.
    pub(crate) fn percentile(&self, percent: u64) -> Option<Duration> {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100).max(1) as u64;
        let mut seen = 0;
        let (bucket, _) = self.buckets.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_nanos(middle(*bucket).min(self.max)))
    }
}

/// The bucket that a delay falls into.
fn bucket(nanos: u64) -> u16 {
    let doublings = (u64::BITS - nanos.leading_zeros()).saturating_sub(BITS + 1);
    let part = (nanos >> doublings) & (PARTS - 1);
    match nanos < PARTS {
        true => nanos as u16,
        false => ((u64::from(doublings) + 1) * PARTS + part) as u16,
    }
}

/// The middle of a bucket.
fn middle(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    match bucket.checked_sub(PARTS) {
        None => bucket,
        Some(above) => {
            let (doublings, part) = (above / PARTS, above % PARTS);
            ((PARTS + part) << doublings) + ((1 << doublings) >> 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Delays of all sizes, none of them special.
    fn delays() -> Vec<u64> {
        let mut delays: Vec<u64> =
            (0..40_000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (n % 63 + 1)).collect();
        delays.extend(0..200);
        delays
    }

    #[test]
    fn percentiles_are_right_to_one_part_in_64() {
        let mut exact = delays();
        let mut histogram = Delays::default();
        exact.iter().for_each(|nanos| histogram.add(Duration::from_nanos(*nanos)));
        exact.sort_unstable();
        for percent in [1, 50, 95, 99, 100] {
            let right = exact[(exact.len() * percent as usize).div_ceil(100) - 1];
            let told = histogram.percentile(percent).unwrap().as_nanos();
            assert!(told.abs_diff(right) <= right / 64, "{percent} %: {told} for {right}");
        }
        let sum: u128 = exact.iter().map(|nanos| u128::from(*nanos)).sum();
        assert_eq!(histogram.mean().unwrap().as_nanos() as u128, sum / exact.len() as u128);
        assert_eq!(histogram.max().unwrap().as_nanos(), *exact.last().unwrap());
        assert!(histogram.buckets.len() < 64 * 60);
    }

    #[test]
    fn every_delay_lies_by_the_middle_of_its_bucket() {
        for nanos in delays().into_iter().chain([u64::MAX, 63, 64, 127, 128]) {
            assert!(middle(bucket(nanos)).abs_diff(nanos) <= nanos / 64, "{nanos}");
        }
    }

    #[test]
    fn nothing_has_no_delay() {
        let none = Delays::default();
        assert_eq!((none.mean(), none.percentile(50), none.max()), (None, None, None));
    }
}
