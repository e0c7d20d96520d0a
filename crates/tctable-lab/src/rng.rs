//! The generators' own random numbers: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
//! generators", 2014).
//!
//! A library's generator may change its stream between versions, and logarithms differ between platforms; captures must
//! not. So everything here is integer arithmetic.

/// A stream of random numbers that depends on nothing but its seed.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `n`, which must not be zero.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// True in `percent` of a hundred times.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of some, which must not be none.
    pub(crate) fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }

    /// One of some, each as likely as the number before it says. Their sum must not be zero.
    pub(crate) fn weighted<T: Clone>(&mut self, choices: &[(u64, T)]) -> T {
        let mut at = self.below(choices.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in choices {
            match at.checked_sub(*weight) {
                Some(rest) => at = rest,
                None => return choice.clone(),
            }
        }
        unreachable!("a number below the sum of all weights falls to one of them")
    }

    /// Any 32 bits.
    pub(crate) fn word(&mut self) -> u32 {
        self.next() as u32
    }

    /// Any 16 bits.
    pub(crate) fn half(&mut self) -> u16 {
        self.next() as u16
    }

    /// Any byte.
    pub(crate) fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// That many bytes.
    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(len).collect()
    }

    /// A time that scatters around `mean`: uniform from half of it to one and a half.
    pub(crate) fn around(&mut self, mean: u64) -> u64 {
        mean / 2 + self.below(mean + 1)
    }

    /// A rank below `n` whose probability falls as 1 / (rank + 1): Zipf's law, flat within each power of two.
    pub(crate) fn rank(&mut self, n: u64) -> u64 {
        let octaves = u64::from((n + 1).ilog2());
        loop {
            let base = 1 << self.below(octaves + 1);
            let rank = base + self.below(base) - 1;
            if rank < n {
                return rank;
            }
        }
    }

    /// A size from `smallest` up, twice as large half as often, over at most `octaves` doublings: Zipf's law for sizes.
    /// Its mean is `0.75 * smallest * (octaves + 1)` and a bit, the last octave taking the whole tail.
    pub(crate) fn size(&mut self, smallest: u64, octaves: u32) -> u64 {
        let base = smallest << self.next().trailing_zeros().min(octaves);
        base + self.below(base)
    }
}

/// A bijection of 64-bit numbers that leaves no pattern: turns an index into an address.
pub(crate) fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        let mut rng = Rng::new(1_234_567);
        let published = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([rng.next(), rng.next(), rng.next()], published);
    }

    #[test]
    fn ranks_fall_like_zipf() {
        let mut rng = Rng::new(1);
        let mut counts = [0u32; 1_000];
        for _ in 0..100_000 {
            counts[rng.rank(1_000) as usize] += 1;
        }
        assert!(counts[0] > 6 * counts[10] && counts[10] > 0);
        assert!(counts[990..].iter().sum::<u32>() > 0);
    }

    #[test]
    fn choices_are_as_likely_as_they_weigh() {
        let mut rng = Rng::new(1);
        let mut counts = [0u32; 3];
        for _ in 0..10_000 {
            counts[rng.weighted(&[(1, 0), (0, 1), (3, 2)])] += 1;
        }
        assert!(counts[1] == 0 && (2_300..2_700).contains(&counts[0]), "{counts:?}");
        assert_eq!((rng.bytes(0).len(), rng.bytes(13).len()), (0, 13));
    }

    #[test]
    fn sizes_have_the_promised_bounds_and_mean() {
        let mut rng = Rng::new(1);
        let sizes: Vec<u64> = (0..100_000).map(|_| rng.size(8, 5)).collect();
        assert!(sizes.iter().all(|size| (8..512).contains(size)));
        let mean = sizes.iter().sum::<u64>() / 100_000;
        assert!((36..=48).contains(&mean), "{mean}");
    }
}
