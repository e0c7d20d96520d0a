//! What the kernel counts: `conntrack -S`.

use std::ops::{AddAssign, Sub};

/// The counters that can move in a namespace where one packet follows another: the others count what processors do to each
/// other, what NAT asks, and what programs put into the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets that no connection could be told from, or that its tracker refused.
    pub invalid: u32,
    /// Connections that were not confirmed.
    pub insert_failed: u32,
    /// Packets dropped.
    pub drop: u32,
    /// Connections that ended to make room for another one.
    pub early_drop: u32,
    /// ICMP and ICMPv6 messages that make no sense, or that report an error of no known connection.
    pub error: u32,
}

impl Statistics {
    /// The counters, in the order of the fields.
    fn all(&mut self) -> [&mut u32; 5] {
        let Statistics { invalid, insert_failed, drop, early_drop, error } = self;
        [invalid, insert_failed, drop, early_drop, error]
    }
}

/// The kernel's counters wrap around.
impl AddAssign for Statistics {
    fn add_assign(&mut self, mut other: Statistics) {
        for (to, from) in self.all().into_iter().zip(other.all()) {
            *to = to.wrapping_add(*from);
        }
    }
}

impl Sub for Statistics {
    type Output = Statistics;

    fn sub(mut self, mut other: Statistics) -> Statistics {
        for (from, what) in self.all().into_iter().zip(other.all()) {
            *from = from.wrapping_sub(*what);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_told_apart_and_wrap() {
        let before = Statistics { invalid: 1, insert_failed: 2, drop: 3, early_drop: 4, error: u32::MAX };
        let mut after = before;
        let moved = Statistics { invalid: 5, insert_failed: 6, drop: 7, early_drop: 8, error: 9 };
        after += moved;
        assert_eq!((after.drop, after.error), (10, 8));
        assert_eq!(after - before, moved);
    }
}
