use crate::packet::Tuple;

/// A power of two: with two directions for each connection, twice as many as there are connections below which the table
/// does without looking ahead. 32 KiB.
const SLOTS: usize = 8192;

/// Where the connections of recent packets lie: guesses that cost neither the keyed hash nor the index.
///
/// Each slot remembers the place of the last connection whose packet came to it. The slot is told by a multiplication that
/// has no key, so anybody can make packets meet in one: that costs them the hash and the search that everybody would pay
/// without. A guess is checked against the tuple, so that no answer depends on it.
///
/// It pays while the connections are few. With many a guess is mostly wrong, and the cache lines of the index are asked for
/// ahead, which needs the hash anyway.
#[derive(Debug)]
pub(super) struct Recent(Box<[u32; SLOTS]>);

impl Recent {
    pub(super) fn new() -> Self {
        // No connection has that place.
        Recent(Box::new([u32::MAX; SLOTS]))
    }

    #[inline(always)]
    fn slot(tuple: &Tuple) -> usize {
        let ports = u64::from(tuple.source_port) | u64::from(tuple.destination_port) << 16;
        // Turned, so that the two directions of a connection differ.
        let mixed = tuple.source.low ^ tuple.destination.low.rotate_left(24) ^ ports << 32;
        let product = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (product >> 51) as usize % SLOTS
    }

    /// The place at which a packet's connection may lie.
    #[inline(always)]
    pub(super) fn likely(&self, tuple: &Tuple) -> Option<u32> {
        let place = self.0[Self::slot(tuple)];
        (place != u32::MAX).then_some(place)
    }

    /// Takes down where the connection of a packet was found.
    #[inline(always)]
    pub(super) fn remember(&mut self, tuple: &Tuple, place: u32) {
        self.0[Self::slot(tuple)] = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Address, Family, protocol};

    fn tuple(nth: u32) -> Tuple {
        let inside = Address::from_v4_bits(0xc0a8_0000 + nth % 300);
        let outside = Address::from_v4_bits(0xcb00_7100 + nth % 7);
        Tuple::new(Family::V4, protocol::TCP, inside, outside).with_ports(40_000 + nth as u16, 443)
    }

    #[test]
    fn both_directions_of_some_thousand_connections_are_mostly_remembered() {
        let mut recent = Recent::new();
        let both = |nth| [tuple(nth), tuple(nth).inverted().unwrap()];
        assert!((0..2000).all(|nth| both(nth).iter().all(|tuple| recent.likely(tuple).is_none())));
        for nth in 0..2000 {
            both(nth).iter().for_each(|tuple| recent.remember(tuple, nth));
        }
        let right = (0..2000).flat_map(|nth| both(nth).map(|tuple| recent.likely(&tuple) == Some(nth)));
        // Of 4000 things in 8192 slots as chance has it four in five are alone or came last.
        assert!(right.filter(|right| *right).count() > 2800);
    }
}
