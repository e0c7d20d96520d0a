use std::time::{SystemTime, UNIX_EPOCH};

use tctable::time::{Duration, Instant};

/// The gateway's clock: nanoseconds since the Unix epoch as they were when it began, and from then on those of the monotonic
/// clock. Whoever sets the machine's clock moves no timer.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: std::time::Instant,
    epoch: Instant,
}

impl Clock {
    /// A clock that shows the machine's time now, or `least` where that is later: what was saved did not happen in the
    /// future.
    pub fn new(least: Instant) -> Clock {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Instant::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
        Clock { began: std::time::Instant::now(), epoch: now.max(least) }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        let nanos = self.began.elapsed().as_nanos();
        self.epoch + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
