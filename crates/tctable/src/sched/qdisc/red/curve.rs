use super::average::Average;
use crate::table::Random;

/// The bits of a probability's fraction.
const BITS: u32 = 32;
const ONE: u64 = 1 << BITS;

/// Which packets meet congestion: none below `min`, all from `max` on, and between them a share that rises evenly to
/// `max_p`, with as many packets between two of them as a uniform distribution gives (Floyd and Jacobson, 1993, section 7,
/// method 2).
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) min: u32,
    pub(super) max: u32,
    /// A share of [`ONE`].
    max_p: u64,
    /// Packets since the last one that met congestion; `None` while the average is not between the bounds.
    count: Option<u32>,
    /// A share of [`ONE`], drawn for the next one.
    drawn: u32,
}

/// What a packet meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Congestion {
    None,
    /// By chance.
    Early,
    /// Because the average is at its end.
    Forced,
}

impl Curve {
    /// The bounds of Adaptive RED's `max_p` (Floyd, Gummadi and Shenker, 2001, section 5): 1 % and 50 %.
    const LEAST: u64 = ONE / 100;
    const MOST: u64 = ONE / 2;

    /// `None` where `probability` is none.
    pub(super) fn new(min: u32, max: u32, probability: f64) -> Option<Curve> {
        let max_p = (0.0..=1.0).contains(&probability).then_some((probability * ONE as f64) as u64)?;
        Some(Curve { min, max, max_p, count: None, drawn: 0 })
    }

    pub(super) fn probability(&self) -> f64 {
        self.max_p as f64 / ONE as f64
    }

    /// What a packet meets that comes at that average.
    pub(super) fn meet(&mut self, average: Average, random: &mut Random) -> Congestion {
        if average.bytes() < self.min.into() {
            self.count = None;
            return Congestion::None;
        }
        if average.bytes() >= self.max.into() {
            self.count = None;
            return Congestion::Forced;
        }
        let count = match self.count {
            None => {
                self.count = Some(0);
                self.drawn = random.bits();
                return Congestion::None;
            }
            Some(count) => count.saturating_add(1),
        };
        self.count = Some(count);
        // p_b count >= drawn, where p_b = max_p (avg - min) / (max - min); below 2^33 2^62 2^32.
        let reached = u128::from(self.max_p) * u128::from(average.above(self.min)) * u128::from(count);
        if reached < u128::from(self.drawn) * u128::from(average.scaled_by(self.max - self.min)) {
            return Congestion::None;
        }
        self.count = Some(0);
        self.drawn = random.bits();
        Congestion::Early
    }

    /// Half a second passed: `max_p` follows the average, so that this comes to lie half-way between the bounds (Floyd,
    /// Gummadi and Shenker, 2001, figure 1). Tells whether it changed.
    pub(super) fn adapt(&mut self, average: Average) -> bool {
        let fifth = (self.max - self.min) / 5;
        let before = self.max_p;
        if average.bytes() > u64::from(self.min + 3 * fifth) && self.max_p <= Curve::MOST {
            self.max_p += Curve::LEAST.min(self.max_p / 4);
        } else if average.bytes() < u64::from(self.min + 2 * fifth) && self.max_p >= Curve::LEAST {
            self.max_p = self.max_p / 10 * 9;
        }
        self.max_p != before
    }
}
