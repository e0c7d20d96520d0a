use tctable::time::Instant;

const NANOS_PER_SEC: u128 = 1_000_000_000;

/// How an interface of a pcapng file counts time.
///
/// Conversion is exact where a nanosecond count can be, rounds down where the ticks are finer, and saturates at
/// the ends of [`Instant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// Nanoseconds to a tick, for ticks of whole nanoseconds since the epoch: nearly every file.
    Whole(u64),
    /// Fractions of a second to a tick (if_tsresol as it is written) and seconds from the epoch to the origin.
    Other { resolution: u8, offset: i64 },
}

impl Clock {
    /// What an interface without options has: microseconds since the epoch.
    pub const MICROS: Clock = Clock::Whole(1000);

    /// From the options if_tsresol and if_tsoffset.
    pub fn new(resolution: u8, offset: i64) -> Clock {
        match resolution {
            0..=9 if offset == 0 => Clock::Whole(10u64.pow(9 - u32::from(resolution))),
            _ => Clock::Other { resolution, offset },
        }
    }

    #[inline]
    pub fn time(self, ticks: u64) -> Instant {
        match self {
            Clock::Whole(nanos) => Instant::from_nanos(ticks.saturating_mul(nanos)),
            Clock::Other { resolution, offset } => scaled(ticks, resolution, offset),
        }
    }
}

/// The product of two 64-bit numbers and 10^9 at most stays below 2^94, so 128 bits hold every sum here.
fn scaled(ticks: u64, resolution: u8, offset: i64) -> Instant {
    let ticks = u128::from(ticks);
    let exponent = u32::from(resolution & 0x7f);
    let nanos = if resolution & 0x80 != 0 {
        (ticks * NANOS_PER_SEC) >> exponent
    } else if exponent <= 9 {
        ticks * 10u128.pow(9 - exponent)
    } else {
        // A power that does not fit is larger than any number of ticks.
        10u128.checked_pow(exponent - 9).map_or(0, |divisor| ticks / divisor)
    };
    let nanos = nanos as i128 + i128::from(offset) * NANOS_PER_SEC as i128;
    Instant::from_nanos(nanos.clamp(0, i128::from(u64::MAX)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(resolution: u8, offset: i64, ticks: u64) -> u64 {
        Clock::new(resolution, offset).time(ticks).as_nanos()
    }

    #[test]
    fn powers_of_ten_are_exact_down_to_the_nanosecond() {
        assert_eq!(nanos(0, 0, 7), 7_000_000_000);
        assert_eq!(nanos(3, 0, 7), 7_000_000);
        assert_eq!(nanos(6, 0, 1_700_000_000_123_456), 1_700_000_000_123_456_000);
        assert_eq!(nanos(9, 0, 1_700_000_000_123_456_789), 1_700_000_000_123_456_789);
        assert_eq!(Clock::new(6, 0), Clock::MICROS);
    }

    #[test]
    fn finer_powers_of_ten_round_down() {
        assert_eq!(nanos(12, 0, 1_234_999), 1_234);
        assert_eq!(nanos(28, 0, u64::MAX), 1);
        assert_eq!(nanos(127, 0, u64::MAX), 0);
    }

    #[test]
    fn powers_of_two_are_exact_where_nanoseconds_are() {
        assert_eq!(nanos(0x80, 0, 3), 3_000_000_000);
        assert_eq!(nanos(0x80 | 9, 0, 512 * 5 + 1), 5_001_953_125);
        assert_eq!(nanos(0x80 | 32, 0, (9 << 32) + (1 << 31)), 9_500_000_000);
        assert_eq!(nanos(0xff, 0, u64::MAX), 0);
    }

    #[test]
    fn offsets_move_the_origin_either_way() {
        assert_eq!(nanos(6, 1_700_000_000, 5), 1_700_000_000_000_005_000);
        assert_eq!(nanos(9, -1, 1_000_000_007), 7);
        // The ticks alone would not fit.
        assert_eq!(nanos(0, -(1 << 40), (1 << 40) + 2), 2_000_000_000);
    }

    #[test]
    fn saturates_at_both_ends() {
        assert_eq!(nanos(0, 0, u64::MAX), u64::MAX);
        assert_eq!(nanos(0, i64::MAX, u64::MAX), u64::MAX);
        assert_eq!(nanos(9, i64::MIN, u64::MAX), 0);
    }
}
