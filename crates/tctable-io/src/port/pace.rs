//! How a thread waits that looks after ports.

use std::time::Duration;

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Look again: there may be more.
    Look,
    /// Rest for so long, then look: much is coming.
    Rest(Duration),
    /// Wait for a port to become readable.
    Wait,
}

/// Frames between two pauses, from which on it is worth to rest.
const MANY: usize = 8;
/// How long: a frame that comes meanwhile is that much later.
const REST: Duration = Duration::from_micros(30);

/// When to look, to rest and to wait.
///
/// A thread that waits is woken by the next frame, which costs its sender and itself more than to handle the frame. So after
/// many frames it only rests for some microseconds: under load nobody is ever woken, and where little happens each frame is handled at
/// once. The timer slack of the thread (50 µs by default, `PR_SET_TIMERSLACK`) adds to a rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    since_pause: usize,
}

impl Pace {
    /// After one look at all ports, which found so many frames.
    pub fn next(&mut self, frames: usize) -> Next {
        self.since_pause += frames;
        if frames > 0 {
            return Next::Look;
        }
        if std::mem::take(&mut self.since_pause) >= MANY { Next::Rest(REST) } else { Next::Wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_under_load_and_waits_otherwise() {
        let mut pace = Pace::default();
        assert_eq!(pace.next(0), Next::Wait);
        // A few frames, however many times.
        for _ in 0..100 {
            assert_eq!([pace.next(1), pace.next(6), pace.next(0)], [Next::Look, Next::Look, Next::Wait]);
        }
        for _ in 0..100 {
            assert_eq!([pace.next(5), pace.next(3), pace.next(0)], [Next::Look, Next::Look, Next::Rest(REST)]);
        }
        // Nothing came during the rest.
        assert_eq!(pace.next(0), Next::Wait);
    }
}
