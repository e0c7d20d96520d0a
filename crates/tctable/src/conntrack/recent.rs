use crate::packet::Tuple;

/// A power of two: with two directions for each connection, twice as many as there are connections below which the table
/// does without looking ahead. 64 KiB.
const SLOTS: usize = 8192;

/// Where the connections of recent packets lie.
///
/// It pays while the connections are few. With many a guess is mostly wrong, and the cache lines of the index are asked for
/// ahead, which needs the hash anyway.
#[derive(Debug)]
pub(super) struct Recent(crate::table::Recent<SLOTS>);

impl Recent {
    pub(super) fn new() -> Self {
        Recent(crate::table::Recent::new())
    }

    #[inline(always)]
    fn mixed(tuple: &Tuple) -> u64 {
        let ports = u64::from(tuple.source_port) | u64::from(tuple.destination_port) << 16;
        // Turned, so that the two directions of a connection differ.
        tuple.source.low ^ tuple.destination.low.rotate_left(24) ^ ports << 32
    }

    /// The place at which a packet's connection may lie.
    #[inline(always)]
    pub(super) fn likely(&self, tuple: &Tuple) -> Option<u32> {
        self.0.likely(Self::mixed(tuple))
    }

    /// Takes down where the connection of a packet was found.
    #[inline(always)]
    pub(super) fn remember(&mut self, tuple: &Tuple, place: u32) {
        self.0.remember(Self::mixed(tuple), place);
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
