use crate::sched::rate::RateSpec;
use crate::time::{Duration, Instant};

/// A time in 1024ths of a nanosecond, so that a packet's time at a high rate is not rounded to nothing; negative for a debt.
pub(super) type Fine = i64;

const BITS: u32 = 10;

/// The longest time that is told apart: more than any bound that is asked for.
const LONGEST: Fine = 1 << 53;

/// The weight of a new idle time in the average is 2^-5, `tc`'s default.
const WEIGHT: u32 = 5;

/// So little idle time is no more than what rounding to nanoseconds leaves.
const SLACK: Fine = 16 << BITS;

/// A debt beyond a second is forgiven: children may send more together than their parent has.
const MOST_DEBT: Fine = 1_000_000_000 << BITS;

/// How long so many bytes take at a rate. `None` at a rate of 0.
pub(super) fn time_of(spec: RateSpec, len: u32) -> Option<Fine> {
    let time = ((u128::from(spec.taken(len)) * 1_000_000_000) << BITS).checked_div(spec.rate.0.into())?;
    Some(Fine::try_from(time).unwrap_or(LONGEST).min(LONGEST))
}

/// In nanoseconds, rounded up.
pub(super) fn nanos(fine: Fine) -> Duration {
    Duration::from_nanos((fine.max(0) as u64).div_ceil(1 << BITS))
}

/// Estimates whether a class is over its limit (Floyd and Jacobson, 1995, appendix A): the average of how much longer the
/// time between two of its packets was than they take at its rate.
///
/// It differs from the original in two things. Where the average is negative, it is a plain sum, while the original forgets a
/// 32nd of a debt with each packet: so a class never gets more than its rate in the long run, whatever the lengths of its packets.
/// And what a class borrows counts for the lender, not for itself: so it has its own rate at once when there is nothing more
/// to borrow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimator {
    rate: RateSpec,
    /// The average divided by its weight.
    avgidle: Fine,
    /// What that is at most: what was saved up while it sent nothing.
    max_idle: Fine,
    /// When its last packet had left.
    last: Instant,
    /// When it is at its limit; `None` where it is below that.
    undertime: Option<Instant>,
}

impl Estimator {
    /// For a class that may send a burst of that many average packets after it was idle. `spare` is how much longer one of them
    /// takes at the class's rate than at the link's.
    pub(super) fn new(rate: RateSpec, spare: Fine, max_burst: u32, now: Instant) -> Estimator {
        let max_idle = credit(spare, max_burst);
        Estimator { rate, avgidle: max_idle, max_idle, last: now, undertime: None }
    }

    /// The same with another rate and burst.
    pub(super) fn change(&mut self, rate: RateSpec, spare: Fine, max_burst: u32) {
        (self.rate, self.max_idle) = (rate, credit(spare, max_burst));
        self.avgidle = self.avgidle.min(self.max_idle);
    }

    /// The average idle time in nanoseconds.
    pub(super) fn average_idle(&self) -> i64 {
        self.avgidle >> WEIGHT >> BITS
    }

    /// When it may send: at once where `None`.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        // At no rate at all it never may.
        let due = if self.rate.rate.0 == 0 { Some(Instant::MAX) } else { self.undertime };
        due.filter(|due| *due > now)
    }

    /// Its turn is put off.
    pub(super) fn put_off(&mut self, span: Duration) {
        self.undertime = self.undertime.map(|due| due + span);
    }

    /// A packet begins to leave, which takes `on_link`.
    pub(super) fn send(&mut self, now: Instant, len: u32, on_link: Fine) {
        let Some(takes) = time_of(self.rate, len) else { return };
        let end = now + nanos(on_link);
        let forward = (end - self.last).as_nanos().min(1 << 43) as Fine;
        let back = (self.last - end).as_nanos().min(1 << 43) as Fine;
        let idle = ((forward - back) << BITS) - takes;
        if self.avgidle > 0 {
            self.avgidle -= self.avgidle >> WEIGHT;
        }
        self.avgidle = (self.avgidle + idle).clamp(-MOST_DEBT.max(takes), self.max_idle);
        // Then another packet as long as this one would just make up for what is missing.
        self.undertime = (self.avgidle <= SLACK).then(|| end + nanos(takes - on_link - self.avgidle));
        self.last = self.last.max(end);
    }
}

/// What is to be saved up so that so many packets may be sent at once, each of which takes `spare` more than it has:
/// `spare (g^-n - 1) / (1 - g)` with `g = 1 - 2^-5` (Floyd and Jacobson, 1995, appendix A, `maxidle`).
pub(super) fn credit(spare: Fine, packets: u32) -> Fine {
    let mut credit: Fine = 0;
    for _ in 0..packets {
        // What is there after a packet's turn, before the average forgot of it.
        credit = (credit + spare).saturating_mul(32) / 31;
        if credit >= LONGEST {
            return LONGEST;
        }
        if credit == 0 {
            break;
        }
    }
    credit
}
