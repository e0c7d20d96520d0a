//! Limits on the connections that a host or a group opens.

use crate::time::{Duration, Instant};

/// What a host or a group may open. What others open to it does not count, so that nobody can use up what is another's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are open at a time; 0 is no limit.
    pub connections: u32,
    /// New connections a second; 0 is no limit. A token bucket in packet time: as many tokens come in a second, evenly, and
    /// no more are kept than that, so so many connections may be opened at once after a second of rest.
    pub new_connections: u32,
}

/// Which of two limits stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    Connections,
    NewConnections,
}

impl Limits {
    /// Whether there is any limit.
    pub const fn is_any(self) -> bool {
        self.connections != 0 || self.new_connections != 0
    }

    /// What stands in the way of one more connection of somebody who has so many of his own open.
    pub(super) fn reached(self, now: Instant, open: u64, pace: Pace) -> Option<Reached> {
        if self.connections != 0 && open >= u64::from(self.connections) {
            Some(Reached::Connections)
        } else if !pace.admits(now, self.new_connections) {
            Some(Reached::NewConnections)
        } else {
            None
        }
    }
}

/// Why something of a host or group was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Refusal {
    /// The host table is full: the packet is not counted for a host.
    HostTable,
    /// The host has as many connections open as one may.
    HostConnections,
    /// The host opened as many connections in a second as one may.
    HostNewConnections,
    /// The same for the host's group, or that one's parent: open connections.
    GroupConnections,
    /// New connections.
    GroupNewConnections,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Refusal; 5] = [
        Refusal::HostTable,
        Refusal::HostConnections,
        Refusal::HostNewConnections,
        Refusal::GroupConnections,
        Refusal::GroupNewConnections,
    ];
}

/// A token bucket as one number: when the bucket will be full again (the generic cell rate algorithm, ITU-T I.371).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace(pub(super) Instant);

impl Pace {
    const SECOND: u64 = 1_000_000_000;

    /// Whether there is a token, where so many come in a second.
    pub(super) fn admits(self, now: Instant, a_second: u32) -> bool {
        let Some(interval) = Self::SECOND.checked_div(a_second.into()) else { return true };
        self.0.since(now).as_nanos() + interval <= Self::SECOND
    }

    /// Takes a token.
    pub(super) fn take(&mut self, now: Instant, a_second: u32) {
        if let Some(interval) = Self::SECOND.checked_div(a_second.into()) {
            self.0 = self.0.max(now) + Duration::from_nanos(interval);
        }
    }
}

/// How often each kind of refusal was told of: once a second, with what was not told in between.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Herald {
    /// By [`Refusal`]: when the next one may be told, and those that were not.
    kinds: [(Instant, u64); Refusal::ALL.len()],
}

impl Herald {
    /// One more; gives the number to tell, if it is time to.
    pub(crate) fn refused(&mut self, now: Instant, refusal: Refusal) -> Option<u64> {
        let (next, untold) = &mut self.kinds[refusal as usize];
        *untold += 1;
        if now < *next {
            return None;
        }
        *next = now + Duration::from_secs(1);
        Some(std::mem::take(untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Connections that are opened by one who tries every millisecond.
    fn opened(pace: &mut Pace, a_second: u32, from: u64, millis: u64) -> u32 {
        let tries = (from..from + millis).map(|milli| Instant::from_nanos(milli * 1_000_000));
        let admitted = tries.filter(|now| {
            let admitted = pace.admits(*now, a_second);
            if admitted {
                pace.take(*now, a_second);
            }
            admitted
        });
        admitted.count() as u32
    }

    #[test]
    fn as_many_at_once_and_as_many_a_second() {
        for a_second in [1, 3, 7, 100, 999] {
            let mut pace = Pace::default();
            let now = Instant::from_secs(5);
            let mut at_once = 0;
            while pace.admits(now, a_second) && at_once < 2_000 {
                pace.take(now, a_second);
                at_once += 1;
            }
            assert_eq!(at_once, a_second);
            let more = opened(&mut pace, a_second, 5_000, 10_000);
            assert!(more.abs_diff(10 * a_second) <= 10, "{more} of {a_second}");
        }
    }

    #[test]
    fn no_limit_and_a_limit_beyond_all_admit_everything() {
        for a_second in [0, u32::MAX] {
            assert_eq!(opened(&mut Pace::default(), a_second, 0, 5_000), 5_000);
        }
    }

    #[test]
    fn refusals_are_told_once_a_second_with_their_number() {
        let mut herald = Herald::default();
        let at = Instant::from_secs(9);
        assert_eq!(herald.refused(at, Refusal::HostTable), Some(1));
        assert_eq!(herald.refused(at, Refusal::HostTable), None);
        assert_eq!(herald.refused(at, Refusal::GroupConnections), Some(1));
        assert_eq!(herald.refused(Instant::from_nanos(9_999_999_999), Refusal::HostTable), None);
        assert_eq!(herald.refused(Instant::from_secs(10), Refusal::HostTable), Some(3));
    }
}
