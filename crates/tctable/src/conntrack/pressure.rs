//! When the table is full: which connection has to go.
//!
//! Assured connections stay. Of the others some are looked at, by chance, and the worst of them goes: one whose time is
//! over; else one of whoever holds a large part of them all; else one that nobody answered; else the one that was
//! quiet for the longest time.
//!
//! So one that opens connections without end pushes out its own, whatever their addresses and whether or not they are
//! answered. A flood from many made-up sources holds no large part under any name: then the unanswered ones go, and the
//! older they are, the sooner. Whoever is answered before the flood has filled the places once over keeps his connection.

use std::cmp::Reverse;

use super::connection::{Connection, Cookie};
use super::status::Status;
use super::table::{Conntrack, EndReason};
use crate::time::Instant;

/// Connections that are compared. With eight, who holds half of the places loses 255 of 256 times.
const SAMPLES: u32 = 8;

/// Who holds less than one of so many unassured connections is like everybody else.
const LARGE_PART: u64 = 64;

impl Conntrack {
    /// Ends one connection that is not assured, and tells whether there was any. `share` tells how many such connections the
    /// holder of a cookie has.
    pub(crate) fn early_drop(&mut self, now: Instant, share: impl Fn(Cookie) -> u64) -> bool {
        let all = self.unassured.len() as u64;
        let candidates = (0..SAMPLES).filter_map(|_| {
            let start = self.random.below(self.slab.places());
            let place = self.unassured.near(start, |count| self.random.below(count))?;
            let connection = &self.slab[place];
            Some((rank(now, connection, part(share(connection.cookie), all)), place))
        });
        let Some((_, place)) = candidates.max() else { return false };
        self.statistics.early_drop += 1;
        self.end(place, now, EndReason::EarlyDrop);
        true
    }
}

/// How large a part of all unassured connections somebody's share is, by orders of magnitude: zero for nearly everybody.
fn part(share: u64, all: u64) -> u32 {
    (share.saturating_mul(LARGE_PART) / all.max(1)).checked_ilog2().map_or(0, |magnitude| magnitude + 1)
}

/// How gladly a connection is given up.
fn rank(now: Instant, connection: &Connection, part: u32) -> impl Ord + use<> {
    let over = connection.deadline() <= now;
    let unreplied = !connection.status.contains(Status::SEEN_REPLY);
    (over, part, unreplied, Reverse(connection.last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_parts_count() {
        for (share, all, expected) in [
            (1, 1_000, 0),
            (15, 1_000, 0),
            (16, 1_000, 1),
            (31, 1_000, 1),
            (32, 1_000, 2),
            (500, 1_000, 6),
            (1_000, 1_000, 7),
            // Few in all: then each is a large part.
            (1, 1, 7),
            (1, 3, 5),
            (0, 0, 0),
            (u64::MAX, 1, 64),
        ] {
            assert_eq!(part(share, all), expected, "{share} of {all}");
        }
    }
}
