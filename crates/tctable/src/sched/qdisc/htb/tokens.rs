//! Tokens: time that a class may spend at a rate.
//!
//! As the kernel's they are a span of time, which grows as time passes up to what the burst takes at the rate, and from which
//! each packet takes what it takes at the rate. A packet of 64 bytes at 10 Gbit/s takes 51.2 ns, so whole nanoseconds would
//! be wrong by 0.4 % there: tokens are counted in 2^-24 ns. What a byte takes is kept to 2^-34 ns and rounded up, so that an
//! error is below one in a million up to 10 Tbit/s, and towards less. Nothing is divided on a packet's road.

use crate::sched::rate::{LinkLayer, RateSpec};
use crate::time::{Duration, Instant};

/// Tokens to a nanosecond, as a power of two.
const FRACTION: u32 = 24;
/// What a byte takes is finer than tokens, by this power of two.
const FINER: u32 = 10;
/// The most that a burst takes, 274 s: what the kernel's 32-bit number of 64 ns can say.
const MOST: i64 = 1 << (38 + FRACTION);
/// The deepest debt: a minute, as in the kernel.
const DEEPEST: i64 = -(60_000_000_000 << FRACTION);

/// What packets take at a rate.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// What a byte takes, in 2^-34 ns.
    byte: u64,
    overhead: u16,
    mpu: u16,
    link_layer: LinkLayer,
}

impl Pace {
    /// The rate is not 0.
    fn new(spec: &RateSpec) -> Pace {
        let byte = (1_000_000_000u128 << (FRACTION + FINER)).div_ceil(u128::from(spec.rate.0.max(1)));
        let RateSpec { overhead, mpu, link_layer, .. } = *spec;
        Pace { byte: u64::try_from(byte).unwrap_or(u64::MAX), overhead, mpu, link_layer }
    }

    #[inline]
    fn bytes(&self, bytes: u64) -> i64 {
        let tokens = (u128::from(bytes) * u128::from(self.byte)) >> FINER;
        i64::try_from(tokens).unwrap_or(i64::MAX)
    }

    #[inline]
    fn packet(&self, len: u32) -> i64 {
        let bytes = (u64::from(len) + u64::from(self.overhead)).max(self.mpu.into());
        self.bytes(match self.link_layer {
            LinkLayer::Ethernet => bytes,
            LinkLayer::Atm => bytes.div_ceil(48) * 53,
        })
    }
}

/// Tokens for one rate, as they were at a time that the owner keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    tokens: i64,
    full: i64,
    pace: Pace,
}

/// A span of time in tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(i64);

impl Span {
    pub(super) const NONE: Span = Span(0);

    #[inline]
    pub(super) fn between(earlier: Instant, later: Instant) -> Span {
        let longest = MOST >> FRACTION;
        let nanos = i64::try_from(later.since(earlier).as_nanos()).unwrap_or(longest);
        Span(nanos.min(longest) << FRACTION)
    }
}

impl Bucket {
    /// A full one.
    pub(super) fn new(spec: &RateSpec, burst: u32) -> Bucket {
        let pace = Pace::new(spec);
        let full = pace.bytes(burst.into()).min(MOST);
        Bucket { tokens: full, full, pace }
    }

    /// Another rate and burst: what is there stays, as far as there is room for it.
    pub(super) fn change(&mut self, spec: &RateSpec, burst: u32) {
        let tokens = self.tokens;
        *self = Bucket::new(spec, burst);
        self.tokens = tokens.min(self.full);
    }

    /// Time passes.
    #[inline]
    pub(super) fn earn(&mut self, span: Span) {
        self.tokens = self.tokens.saturating_add(span.0).min(self.full);
    }

    /// A packet is sent.
    #[inline]
    pub(super) fn spend(&mut self, len: u32) {
        self.tokens = self.tokens.saturating_sub(self.pace.packet(len)).max(DEEPEST);
    }

    /// Whether something may be sent when that much time has passed.
    #[inline]
    pub(super) fn allows_after(&self, span: Span) -> bool {
        self.tokens.saturating_add(span.0) >= 0
    }

    /// How long it takes until something may be sent.
    #[inline]
    pub(super) fn wait(&self) -> Duration {
        let debt = self.tokens.min(0).unsigned_abs();
        Duration::from_nanos(debt.div_ceil(1 << FRACTION))
    }

    /// In nanoseconds.
    pub(super) fn nanos(&self) -> i64 {
        self.tokens >> FRACTION
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::rate::Rate;
    use proptest::prelude::*;

    /// Sends packets as soon as they may be; gives the time that this took.
    fn sends(bucket: &mut Bucket, lens: impl Iterator<Item = u32>) -> Duration {
        let (start, mut now) = (Instant::from_secs(1), Instant::from_secs(1));
        for len in lens {
            let wait = bucket.wait();
            now += wait;
            bucket.earn(Span::between(Instant::ZERO, Instant::ZERO + wait));
            bucket.spend(len);
        }
        now.since(start)
    }

    proptest! {
        #[test]
        fn a_rate_is_met_over_long_runs(bits in 16u32..34, part in 0u64..1 << 16, lens in proptest::collection::vec(40u32..1600, 1..5)) {
            let rate = ((1u64 << bits) + (part << (bits - 16))) / 8;
            let mut bucket = Bucket::new(&RateSpec::new(Rate(rate)), 1600);
            let count = 200_000;
            let bytes: u64 = lens.iter().cycle().take(count).map(|len| u64::from(*len)).sum();
            let took = sends(&mut bucket, lens.iter().copied().cycle().take(count)).as_nanos() as f64;
            // Sent in advance: the burst, and the last packet.
            let least = (bytes - 3200) as f64 * 1e9 / rate as f64;
            let most = bytes as f64 * 1e9 / rate as f64;
            prop_assert!(took > least * 0.999_999 && took < most * 1.000_001, "{took} {least} {most}");
        }

        #[test]
        fn the_wait_is_neither_too_long_nor_too_short(rate in 1u64..1 << 40, len in 1u32..100_000) {
            let mut bucket = Bucket::new(&RateSpec::new(Rate(rate)), 0);
            bucket.spend(len);
            let wait = bucket.wait().as_nanos();
            let after = |nanos| bucket.allows_after(Span::between(Instant::ZERO, Instant::from_nanos(nanos)));
            prop_assert!(after(wait));
            prop_assert!(wait == 0 || !after(wait - 1));
        }
    }

    #[test]
    fn a_byte_takes_what_a_divison_says() {
        for (rate, len, nanos) in [(1_250_000_000, 1000, 800), (8_000, 100, 12_500_000), (1, 59, 59_000_000_000)] {
            let mut bucket = Bucket::new(&RateSpec::new(Rate(rate)), 0);
            bucket.spend(len);
            assert_eq!(bucket.wait().as_nanos().abs_diff(nanos), 0, "{rate}");
        }
    }

    #[test]
    fn debts_and_bursts_end_somewhere() {
        let mut bucket = Bucket::new(&RateSpec::new(Rate(1)), u32::MAX);
        assert_eq!(bucket.nanos(), 1 << 38);
        bucket.spend(u32::MAX);
        bucket.spend(u32::MAX);
        assert_eq!(bucket.wait(), Duration::from_secs(60));
        bucket.earn(Span::between(Instant::ZERO, Instant::MAX));
        assert!(bucket.nanos() > 0);
    }

    #[test]
    fn a_change_keeps_tokens_as_far_as_there_is_room() {
        let spec = RateSpec::new(Rate(1_000_000));
        let mut bucket = Bucket::new(&spec, 10_000);
        bucket.spend(4_000);
        bucket.change(&RateSpec::new(Rate(2_000_000)), 10_000);
        assert_eq!(bucket.nanos(), 5_000_000);
        bucket.spend(20_000);
        bucket.change(&spec, 10_000);
        assert_eq!(bucket.nanos(), -5_000_000);
    }

    #[test]
    fn overhead_mpu_and_cells_count() {
        let spec = RateSpec { overhead: 10, mpu: 84, link_layer: LinkLayer::Ethernet, rate: Rate(1_000_000_000) };
        let cost = |spec: &RateSpec, len| {
            let mut bucket = Bucket::new(spec, 0);
            bucket.spend(len);
            bucket.wait().as_nanos()
        };
        assert_eq!((cost(&spec, 60), cost(&spec, 100)), (84, 110));
        let spec = RateSpec { link_layer: LinkLayer::Atm, ..spec };
        assert_eq!((cost(&spec, 60), cost(&spec, 100)), (106, 159));
    }
}
