//! When the table is full: which connection has to go.
//!
//! Assured connections stay. Of the others some are looked at, from random places on, and the worst of them goes: one whose
//! time is over; else one of whoever has by far the most of them; else one that nobody answered; else the one that was
//! quiet for the longest time. So one that opens connections without end pushes out its own, whatever their addresses.

use std::cmp::Reverse;

use super::connection::{Connection, Cookie};
use super::status::Status;
use super::table::{Conntrack, EndReason};
use crate::time::Instant;

/// Connections that are compared. With eight, who holds half of the places loses 255 of 256 times.
const SAMPLES: u32 = 8;

/// Where to look: SplitMix64 (Steele, Lea and Flood, 2014), from a seed that nobody outside knows.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// A number below `end`, or 0.
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ mixed >> 31) * u128::from(end)) >> 64) as u32
    }
}

impl Conntrack {
    /// Ends one connection that is not assured, and tells whether there was any. `share` tells how many such connections the
    /// holder of a cookie has.
    pub(crate) fn early_drop(&mut self, now: Instant, share: impl Fn(Cookie) -> u64) -> bool {
        let candidates = (0..SAMPLES).filter_map(|_| {
            let start = self.random.below(self.slab.places());
            let place = self.unassured.first_from(start)?;
            Some((rank(now, &self.slab[place], &share), place))
        });
        let Some((_, place)) = candidates.collect::<arrayvec::ArrayVec<_, { SAMPLES as usize }>>().into_iter().max()
        else {
            return false;
        };
        self.statistics.early_drop += 1;
        self.end(place, now, EndReason::EarlyDrop);
        true
    }
}

/// How gladly a connection is given up.
fn rank(now: Instant, connection: &Connection, share: impl Fn(Cookie) -> u64) -> impl Ord {
    let over = connection.deadline() <= now;
    // Shares count by orders of magnitude: a host with three is no worse than one with two.
    let unreplied = !connection.status.contains(Status::SEEN_REPLY);
    let magnitude = share(connection.cookie).max(1).ilog2() + 2 * u32::from(unreplied);
    (over, magnitude, Reverse(connection.last))
}
