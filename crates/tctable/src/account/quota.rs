//! Bytes in a billing period, and what happens when there are too many.

use std::net::IpAddr;
use std::sync::Arc;

use super::period::{Period, Span, UtcOffset};
use crate::time::Instant;

/// How many bytes a host or a group may send and receive, taken together, in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What is counted over.
    pub period: Period,
    /// From so many bytes on somebody is told, once a period.
    pub soft: Option<u64>,
    /// No more than so many bytes.
    pub hard: Option<HardMark>,
}

/// Where a quota ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardMark {
    /// The first packet that would make it more than so many bytes, and every later one of the period, get the verdict.
    pub bytes: u64,
    /// What becomes of them.
    pub verdict: OverQuota,
}

/// What becomes of packets beyond a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverQuota {
    /// Dropped: they count for no host, but as [`crate::gateway::Unaccounted::quota`].
    Drop,
    /// They pass and count, and carry this mark.
    Mark(u32),
}

/// Who pays: a host or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Customer {
    /// The host of that address.
    Host(IpAddr),
    /// The group of that name.
    Group(Arc<str>),
}

/// Which mark of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaMark {
    /// [`Quota::soft`]
    Soft,
    /// [`Quota::hard`]
    Hard,
}

/// A customer came to a mark of its quota: told once a period for each mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkReached {
    /// Who.
    pub customer: Customer,
    /// Which mark.
    pub mark: QuotaMark,
    /// The bytes of the period, without the packet that brought it there.
    pub used: u64,
    /// The period.
    pub span: Span,
}

/// What a customer has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The present period.
    pub span: Span,
    /// Bytes, sent and received, in the present period.
    pub used: u64,
    /// The same of the period before it.
    pub previous: u64,
    /// Whether the soft mark was reached.
    pub soft: bool,
    /// Whether the hard mark was reached.
    pub hard: bool,
}

/// Counts a customer's bytes against its quota.
///
/// Packets do not come here: each class of a host borrows bytes in advance, and comes back when they are used up. All
/// that is lent out lies below the next mark, so no mark is passed unseen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meter {
    pub(super) span: Span,
    /// When the period before the present one began.
    pub(super) before: Instant,
    pub(super) used: u64,
    pub(super) previous: u64,
    /// Lent and not charged yet.
    pub(super) lent: u64,
    /// The soft mark that was reached: it holds for that one only, and not where another was set since.
    pub(super) soft: Option<u64>,
    /// The hard mark, likewise.
    pub(super) hard: Option<u64>,
}

/// Less is not worth borrowing.
const SMALLEST_LOAN: u64 = 4096;

impl Meter {
    pub(super) fn new(now: Instant, quota: &Quota, offset: UtcOffset) -> Self {
        let span = quota.period.span(now, offset);
        let before = previous(quota.period, span, offset);
        Meter { span, before, used: 0, previous: 0, lent: 0, soft: None, hard: None }
    }

    /// What was used under a quota.
    pub(super) fn usage(&self, quota: &Quota) -> Usage {
        let Meter { span, used, previous, .. } = *self;
        Usage { span, used, previous, soft: self.is_soft(quota), hard: self.is_hard(quota) }
    }

    fn is_soft(&self, quota: &Quota) -> bool {
        quota.soft.is_some() && quota.soft == self.soft
    }

    fn is_hard(&self, quota: &Quota) -> bool {
        quota.hard.is_some_and(|hard| self.hard == Some(hard.bytes))
    }

    /// Begins a new period where the old one is over. The last of all never is.
    pub(super) fn roll(&mut self, now: Instant, quota: &Quota, offset: UtcOffset) {
        if now >= self.span.ends && self.span.ends != Instant::MAX {
            let next = Meter::new(now, quota, offset);
            // Nothing was used in periods that nobody looked at.
            let previous = if next.before == self.span.begins { self.used } else { 0 };
            *self = Meter { previous, ..next };
        }
    }

    /// What was counted up to `last` since the last charge, out of what was lent then.
    pub(super) fn charge(&mut self, last: Instant, bytes: u64, lent: u64) {
        if last >= self.span.begins {
            self.used = self.used.saturating_add(bytes);
            debug_assert!(self.lent >= lent, "{} given back of {}", lent, self.lent);
            self.lent = self.lent.saturating_sub(lent);
        } else if last >= self.before {
            self.previous = self.previous.saturating_add(bytes);
        }
    }

    /// What would be used with a packet and all that is lent.
    fn most(&self, bytes: u64) -> u64 {
        self.used.saturating_add(self.lent).saturating_add(bytes)
    }

    /// Whether a packet, with all that is lent, might go beyond the hard mark.
    pub(super) fn may_pass_hard(&self, quota: &Quota, bytes: u64) -> bool {
        !self.is_hard(quota) && quota.hard.is_some_and(|hard| self.most(bytes) > hard.bytes)
    }

    /// The same for the soft mark, which is reached and not passed.
    pub(super) fn may_reach_soft(&self, quota: &Quota, bytes: u64) -> bool {
        !self.is_soft(quota) && quota.soft.is_some_and(|soft| self.most(bytes) >= soft)
    }

    /// The verdict on what lies beyond the hard mark, where that was reached.
    pub(super) fn verdict(&self, quota: &Quota) -> Option<OverQuota> {
        quota.hard.filter(|_| self.is_hard(quota)).map(|hard| hard.verdict)
    }

    /// What one of so many borrowers may have in advance besides a packet of so many bytes.
    pub(super) fn spare(&self, quota: &Quota, bytes: u64, borrowers: u64) -> u64 {
        let soft = quota.soft.filter(|_| !self.is_soft(quota)).map(|soft| soft.saturating_sub(1));
        let hard = quota.hard.filter(|_| !self.is_hard(quota)).map(|hard| hard.bytes);
        let Some(ceiling) = soft.into_iter().chain(hard).min() else { return u64::MAX };
        // All of them together never get more than half.
        let share = ceiling.saturating_sub(self.most(bytes)) / borrowers.saturating_mul(2).max(2);
        if share < SMALLEST_LOAN { 0 } else { share }
    }
}

/// When the period before one began.
fn previous(period: Period, span: Span, offset: UtcOffset) -> Instant {
    match span.begins.as_nanos().checked_sub(1) {
        Some(nanos) => period.span(Instant::from_nanos(nanos), offset).begins,
        None => span.begins,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota =
        Quota { period: Period::Day, soft: None, hard: Some(HardMark { bytes: 1_000, verdict: OverQuota::Drop }) };

    #[test]
    fn the_last_period_never_ends() {
        let offset = UtcOffset::default();
        let mut meter = Meter::new(Instant::MAX, &QUOTA, offset);
        meter.lent = 100;
        meter.roll(Instant::MAX, &QUOTA, offset);
        meter.charge(Instant::MAX, 60, 100);
        assert_eq!((meter.used, meter.lent), (60, 0));
    }

    #[test]
    fn what_comes_late_is_charged_to_its_own_period() {
        let (offset, day) = (UtcOffset::default(), |day: u64| Instant::from_secs(day * 86_400));
        let mut meter = Meter::new(day(10), &QUOTA, offset);
        meter.lent = 100;
        meter.roll(day(11), &QUOTA, offset);
        meter.lent = 50;
        // Lent yesterday, and the day before that.
        meter.charge(day(10), 60, 100);
        meter.charge(day(9), 70, 100);
        assert_eq!((meter.used, meter.previous, meter.lent), (0, 60, 50));
        meter.roll(day(13), &QUOTA, offset);
        assert_eq!((meter.previous, meter.lent), (0, 0));
    }

    #[test]
    fn all_borrowers_together_get_half_of_what_is_left_at_most() {
        let offset = UtcOffset::default();
        let quota = Quota { hard: Some(HardMark { bytes: 1 << 30, verdict: OverQuota::Drop }), ..QUOTA };
        for borrowers in [1u64, 4, 400, 40_000] {
            let mut meter = Meter::new(day_one(), &quota, offset);
            for _ in 0..borrowers {
                meter.lent += meter.spare(&quota, 0, borrowers);
            }
            assert!(meter.lent <= 1 << 29, "{borrowers}");
            assert!(meter.lent > 0);
        }
        assert_eq!(Meter::new(day_one(), &QUOTA, offset).spare(&QUOTA, 0, 1), 0, "not worth it");
    }

    fn day_one() -> Instant {
        Instant::from_secs(86_400)
    }
}
