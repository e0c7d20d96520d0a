//! `statistic`: every Nth packet, or one by chance.

use crate::ruleset::Statistic;

/// The bits of a random number that a probability is compared with.
const RANDOM_BITS: u32 = 0x7fff_ffff;

/// Where one `statistic` match stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatisticState {
    /// Packets until the one that matches.
    left: u32,
}

impl StatisticState {
    /// No packet was seen.
    pub(crate) fn new(statistic: &Statistic) -> Self {
        let left = match *statistic {
            Statistic::Random(_) => 0,
            Statistic::Nth { packet, .. } => packet,
        };
        StatisticState { left }
    }

    /// Whether a packet is one of those; `!` is for the caller to heed. `next` gives a random number, for which it is asked
    /// by random mode alone. The kernel's own random numbers are others, so only Nth mode agrees packet by packet.
    pub(crate) fn matches(&mut self, statistic: &Statistic, next: impl FnOnce() -> u32) -> bool {
        match *statistic {
            Statistic::Random(probability) => next() & RANDOM_BITS < probability,
            Statistic::Nth { every, .. } => {
                let due = self.left == 0;
                self.left = if due { every } else { self.left }.saturating_sub(1);
                due
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nth(every: u32, packet: u32) -> Vec<usize> {
        let statistic = Statistic::Nth { every, packet };
        let mut state = StatisticState::new(&statistic);
        let no_chance = || -> u32 { panic!("asked for a random number") };
        (0..10).filter(|_| state.matches(&statistic, no_chance)).collect()
    }

    #[test]
    fn every_nth_packet_matches_from_the_given_one_on() {
        assert_eq!(nth(3, 0), [0, 3, 6, 9]);
        assert_eq!(nth(3, 1), [1, 4, 7]);
        assert_eq!(nth(3, 2), [2, 5, 8]);
        assert_eq!(nth(1, 0), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(nth(10, 9), [9]);
    }

    #[test]
    fn chance_is_compared_with_31_bits() {
        let matches = |probability, number| {
            let statistic = Statistic::Random(probability);
            StatisticState::new(&statistic).matches(&statistic, || number)
        };
        assert!(!matches(0, 0), "never");
        assert!(matches(1, 0) && !matches(1, 1));
        assert!(matches(0x4000_0000, 0x3fff_ffff) && !matches(0x4000_0000, 0x4000_0000));
        assert!(matches(0x4000_0000, 0x8000_0000), "the highest bit counts for nothing");
        assert!(matches(0x8000_0000, u32::MAX), "always");
    }
}
