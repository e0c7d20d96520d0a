use super::host::Side;
use crate::conntrack::{Cookie, Direction};

/// The host that a connection belongs to, as it is kept on the connection: a packet of the connection finds its host, and
/// which of its ends are inside, without a look-up.
///
/// The link never dangles: a host with open connections does not expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The host's place in its table.
    pub(crate) place: u32,
    /// The connection's id within its host.
    pub(crate) id: u64,
    pub(crate) ends: Ends,
}

/// Which ends of a connection are inside, as they were at its first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) source: bool,
    pub(crate) destination: bool,
    /// The host that the connection belongs to is its destination.
    pub(crate) responder: bool,
}

impl Ends {
    /// As a number of three bits.
    pub(crate) fn bits(self) -> u8 {
        u8::from(self.source) | u8::from(self.destination) << 1 | u8::from(self.responder) << 2
    }

    /// By such a number.
    pub(crate) fn from_bits(bits: u8) -> Ends {
        Ends { source: bits & 1 != 0, destination: bits & 2 != 0, responder: bits & 4 != 0 }
    }
}

impl Owner {
    /// At a million new connections a second on one host, ids last for more than a year; at ten thousand, a century.
    pub(crate) const MAX_ID: u64 = (1 << 45) - 1;

    pub(crate) fn to_cookie(self) -> Cookie {
        let place = self.place + 1;
        let word = (self.id & Self::MAX_ID) << 3 | u64::from(self.ends.bits());
        Cookie([place as u16, (place >> 16) as u16, word as u16, (word >> 16) as u16, (word >> 32) as u16])
    }

    #[inline(always)]
    pub(crate) fn from_cookie(Cookie(half): Cookie) -> Option<Owner> {
        let place = u32::from(half[0]) | u32::from(half[1]) << 16;
        let word = u64::from(half[2]) | u64::from(half[3]) << 16 | u64::from(half[4]) << 32;
        Some(Owner { place: place.checked_sub(1)?, id: word >> 3, ends: Ends::from_bits(word as u8) })
    }

    /// The place of a connection's host, and its side as a packet of that direction sees it, where only that end is inside.
    ///
    /// A packet's direction cannot be foreseen: no branch hangs on it.
    #[inline(always)]
    pub(crate) fn only_end(Cookie(half): Cookie, direction: Direction) -> Option<(u32, Side)> {
        let place = u32::from(half[0]) | u32::from(half[1]) << 16;
        let bits = half[2] & 0b111;
        if (1 << 0b001 | 1 << 0b110) >> bits & 1 == 0 {
            return None;
        }
        let receives = (bits == 0b110) ^ (direction == Direction::Reply);
        Some((place.checked_sub(1)?, if receives { Side::Rx } else { Side::Tx }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_owner_comes_back_from_its_cookie(
            place in 0..u32::MAX,
            id in 0u64..=Owner::MAX_ID,
            source: bool,
            destination: bool,
            responder: bool,
        ) {
            let owner = Owner { place, id, ends: Ends { source, destination, responder } };
            prop_assert_eq!(Owner::from_cookie(owner.to_cookie()), Some(owner));
            for (direction, sender, receiver) in
                [(Direction::Original, source, destination), (Direction::Reply, destination, source)]
            {
                // Its host is at an end that is inside.
                let side = match (sender, receiver) {
                    (true, false) => Some(Side::Tx),
                    (false, true) => Some(Side::Rx),
                    _ => None,
                };
                let at_host = if responder { destination } else { source };
                let expected = side.filter(|_| at_host).map(|side| (place, side));
                prop_assert_eq!(Owner::only_end(owner.to_cookie(), direction), expected);
            }
        }
    }

    #[test]
    fn an_empty_cookie_has_no_owner() {
        assert_eq!(Owner::from_cookie(Cookie::default()), None);
        assert_eq!(Owner::only_end(Cookie([0, 0, 1, 0, 0]), Direction::Original), None);
    }
}
