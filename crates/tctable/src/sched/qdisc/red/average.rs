/// The exponentially weighted moving average of a queue (Floyd and Jacobson, 1993, section 4), in fixed point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Average {
    /// Bytes, shifted left by `weight`.
    scaled: u64,
    /// A new value has the weight 2^-weight.
    weight: u32,
}

impl Average {
    /// Nothing yet, with a weight of 2^-`weight`: 0 to 31.
    pub(super) fn new(weight: u32) -> Average {
        Average { scaled: 0, weight }
    }

    /// The weight by which a burst of that many packets may pass below `min` bytes, as `tc` chooses it
    /// (Floyd and Jacobson, 1993, section 6.1): the least of `burst + 1 - min / avpkt <= (1 - (1 - w)^burst) / w`.
    pub(super) fn weight(min: u32, avpkt: u32, burst: u32) -> Option<u32> {
        let bound = f64::from(burst) + 1.0 - f64::from(min) / f64::from(avpkt);
        if bound < 1.0 {
            return None;
        }
        (1..32).find(|log| {
            let w = 1.0 / f64::from(1u32 << log);
            bound <= (1.0 - power(1.0 - w, burst)) / w
        })
    }

    /// The same average with another weight.
    pub(super) fn weighted(self, weight: u32) -> Average {
        Average { scaled: self.scaled >> self.weight << weight, weight }
    }

    /// In whole bytes.
    pub(super) fn bytes(self) -> u64 {
        self.scaled >> self.weight
    }

    /// By how much it is above so many bytes, in the scale of [`Average::scaled_by`].
    pub(super) fn above(self, bytes: u32) -> u64 {
        self.scaled.saturating_sub(u64::from(bytes) << self.weight)
    }

    /// So many bytes in the scale of [`Average::above`].
    pub(super) fn scaled_by(self, bytes: u32) -> u64 {
        u64::from(bytes) << self.weight
    }

    /// So many bytes waited when a packet came: `avg = (1 - w) avg + w bytes`.
    pub(super) fn follow(&mut self, bytes: u64) {
        // What waits is below 2^32 with any limit that can be given, so nothing is cut off.
        self.scaled = (self.scaled - (self.scaled >> self.weight)).saturating_add(bytes);
    }

    /// Nothing waited while so many packets could have been sent: `avg = (1 - w)^packets avg`.
    pub(super) fn rest(&mut self, packets: u64) {
        let mut factor = ONE - (ONE >> self.weight);
        let mut left = packets;
        while left > 0 && self.scaled > 0 {
            if left & 1 == 1 {
                self.scaled = ((u128::from(self.scaled) * u128::from(factor)) >> BITS) as u64;
            }
            factor = ((u128::from(factor) * u128::from(factor)) >> BITS) as u64;
            left >>= 1;
        }
    }
}

/// The fraction's bits in factors.
const BITS: u32 = 48;
const ONE: u64 = 1 << BITS;

/// By squaring, which gives the same on every machine.
fn power(base: f64, exponent: u32) -> f64 {
    let (mut square, mut left, mut result) = (base, exponent, 1.0);
    while left > 0 {
        if left & 1 == 1 {
            result *= square;
        }
        square *= square;
        left >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_that_tc_finds() {
        // tc-red(8)'s example: 26 <= (1 - (31/32)^55) 32 = 26.4, but not <= (1 - (15/16)^55) 16.
        assert_eq!(Average::weight(30_000, 1000, 55), Some(5));
        // 16 <= (1 - (63/64)^20) 64 = 17.3, but not <= (1 - (31/32)^20) 32 = 15.04.
        assert_eq!(Average::weight(5000, 1000, 20), Some(6));
        // Floyd and Jacobson, 1993, section 6.1: L = 50 packets pass below min = 5 packets where w <= 0.0042, and 2^-9 = 0.002.
        assert_eq!(Average::weight(5000, 1000, 50), Some(9));
        assert_eq!(Average::weight(30_000, 1000, 28), None);
    }

    #[test]
    fn the_average_of_a_step_is_what_floyd_and_jacobson_1993_equation_2_says() {
        // avg_L = L + 1 + ((1 - w)^(L+1) - 1) / w for a queue that grows from 0 to L packets.
        for (weight, burst) in [(9, 50), (6, 20), (8, 100)] {
            let mut average = Average::new(weight);
            (1..=burst).for_each(|packets| average.follow(packets * 1000));
            let (w, l) = (f64::powi(0.5, weight as i32), burst as f64);
            let expected = (l + 1.0 + (f64::powf(1.0 - w, l + 1.0) - 1.0) / w) * 1000.0;
            assert!((average.bytes() as f64 - expected).abs() <= 1.0 + expected / 1e6, "{average:?} {expected}");
        }
    }

    #[test]
    fn an_idle_queue_s_average_falls_geometrically() {
        for packets in [0, 1, 10, 512, 5000] {
            let mut average = Average { scaled: 40_000 << 9, weight: 9 };
            average.rest(packets);
            let expected = 40_000.0 * f64::powf(511.0 / 512.0, packets as f64);
            assert!((average.bytes() as f64 - expected).abs() < 1.5, "{packets}: {average:?} {expected}");
        }
        let mut average = Average { scaled: 40_000 << 9, weight: 9 };
        average.rest(u64::MAX);
        assert_eq!(average.bytes(), 0);
    }

    #[test]
    fn another_weight_leaves_the_average_as_it_is() {
        let average = Average { scaled: 40_000 << 9, weight: 9 };
        assert_eq!(average.weighted(4).bytes(), 40_000);
        assert_eq!(average.weighted(12).bytes(), 40_000);
    }
}
