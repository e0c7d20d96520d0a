//! `limit`: a bucket of credit that fills as time passes and from which each packet that matches is paid.
//!
//! The kernel counts credit in jiffies and we count it in nanoseconds, from which the one difference comes: the kernel's
//! clock stands still within a jiffy (1 to 10 ms), so that a packet may find up to a jiffy's credit more or less than here.
//! Packets a whole jiffy apart from each limit agree. The rounding of cost and burst is the kernel's where HZ is 250 or 1000,
//! whose credits are both 1/32000 s. After more than 37 hours without a packet the kernel's 32 bits of credit turn over, and
//! the bucket may be found nearly empty; here it is full.

use crate::ruleset::{Limit, Per};
use crate::time::Instant;

/// A rate is told as the time between two packets in ten thousandths of a second (`XT_LIMIT_SCALE`).
const SCALE: u64 = 10_000;

/// The kernel's credits of one second with HZ = 250 and HZ = 1000.
const CREDITS_PER_SECOND: u64 = 32_000;

const CREDIT_NANOS: u64 = 1_000_000_000 / CREDITS_PER_SECOND;

/// Where one `limit` match stands.
#[derive(Clone, Debug)]
pub(crate) struct LimitState {
    /// What is left, in nanoseconds.
    credit: u64,
    /// What a packet takes.
    cost: u64,
    /// The most there can be.
    cap: u64,
    /// When credit was last given; before the first packet the bucket is full anyway.
    last: Instant,
}

/// The unit in seconds.
pub(super) const fn seconds(per: Per) -> u64 {
    match per {
        Per::Second => 1,
        Per::Minute => 60,
        Per::Hour => 60 * 60,
        Per::Day => 24 * 60 * 60,
    }
}

impl LimitState {
    /// A full bucket.
    pub(crate) fn new(limit: &Limit) -> Self {
        let interval = SCALE * seconds(limit.per) / u64::from(limit.rate.max(1));
        let cap = nanos(interval.saturating_mul(u64::from(limit.burst)));
        LimitState::full(nanos(interval), cap)
    }

    /// A full bucket that holds `cap` nanoseconds and from which a packet takes `cost`.
    pub(super) const fn full(cost: u64, cap: u64) -> Self {
        LimitState { credit: cap, cost, cap, last: Instant::ZERO }
    }

    /// Whether a packet is within the limit; if so it is paid.
    pub(crate) fn matches(&mut self, now: Instant) -> bool {
        self.credit = self.credit.saturating_add((now - self.last).as_nanos()).min(self.cap);
        self.last = self.last.max(now);
        let paid = self.credit.checked_sub(self.cost);
        self.credit = paid.unwrap_or(self.credit);
        paid.is_some()
    }
}

/// Ten thousandths of a second in nanoseconds, rounded as the kernel rounds them to credits: down, and where the product
/// does not fit in its 32 bits down to whole seconds.
fn nanos(units: u64) -> u64 {
    let credits = match units.checked_mul(CREDITS_PER_SECOND) {
        Some(product) if product <= u64::from(u32::MAX) => product / SCALE,
        _ => (units / SCALE).saturating_mul(CREDITS_PER_SECOND),
    };
    credits.saturating_mul(CREDIT_NANOS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    fn limit(rate: u32, per: Per, burst: u32) -> LimitState {
        LimitState::new(&Limit { rate, per, burst })
    }

    /// Of packets at these milliseconds those that are within the limit.
    fn within(state: &mut LimitState, millis: impl IntoIterator<Item = u64>) -> Vec<u64> {
        millis.into_iter().filter(|at| state.matches(Instant::from_nanos(at * MILLI))).collect()
    }

    #[test]
    fn a_burst_passes_and_then_one_for_each_interval() {
        let mut state = limit(10, Per::Second, 5);
        assert_eq!(within(&mut state, vec![1_000; 7]), vec![1_000; 5]);
        assert_eq!(within(&mut state, 1_001..1_450), [1_100, 1_200, 1_300, 1_400]);
        assert_eq!(within(&mut state, vec![60_000; 9]), vec![60_000; 5], "no more than the burst is saved up");
    }

    #[test]
    fn what_is_refused_costs_nothing() {
        let mut state = limit(1, Per::Second, 1);
        assert_eq!(within(&mut state, (0..=3_000).step_by(10)), [0, 1_000, 2_000, 3_000]);
    }

    #[test]
    fn intervals_are_rounded_down_to_credits() {
        // 10000/3000 is 3 units of 0.1 ms, which are 9 credits of 1/32 ms.
        let state = limit(3_000, Per::Second, 1);
        assert_eq!(state.cost, 9 * CREDIT_NANOS);
        // Seven a minute: 85714 units; five times that is too much for 32 bits of credit, and so 42 whole seconds.
        let mut state = limit(7, Per::Minute, 5);
        assert_eq!(state.cap, 42_000 * MILLI);
        assert_eq!(within(&mut state, vec![0; 5]).len(), 4);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_and_takes_nothing() {
        let mut state = limit(1, Per::Second, 1);
        assert_eq!(within(&mut state, [5_000, 1_000, 5_500, 6_000]), [5_000, 6_000]);
    }

    #[test]
    fn the_greatest_numbers_do_no_harm() {
        let mut state = limit(u32::MAX, Per::Second, u32::MAX);
        assert!(state.matches(Instant::MAX), "more than 10000 a second is no limit");
        let mut state = limit(0, Per::Day, u32::MAX);
        assert!(state.matches(Instant::MAX));
    }
}
