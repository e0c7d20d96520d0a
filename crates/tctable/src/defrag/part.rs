use super::outcome::Cause;
use crate::packet::{DeviceId, Tuple};

/// What fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The addresses, the identification in the place of the ports, for IPv4 the protocol (RFC 791 section 3.2), and the zone.
    pub(super) tuple: Tuple,
    /// Where the datagram came in, if its destination means something only there.
    pub(super) device: Option<DeviceId>,
}

impl Key {
    /// The identification of IPv6.
    pub(super) fn identification(&self) -> u32 {
        u32::from(self.tuple.source_port) << 16 | u32::from(self.tuple.destination_port)
    }
}

/// One fragment: what its headers say, and the bytes that were kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) key: Key,
    /// Where its payload begins and ends in the datagram's, as the headers tell; `offset <= end`.
    pub(super) offset: u32,
    pub(super) end: u32,
    /// More fragments follow.
    pub(super) more: bool,
    pub(super) ecn: Ecn,
    /// What was kept of its payload, at most `end - offset`.
    pub(super) payload: &'a [u8],
    /// The headers before the payload, without the fragment header: in the whole datagram those of the first fragment
    /// stand.
    pub(super) header: Header<'a>,
}

impl Part<'_> {
    /// The same as one of that zone.
    pub(super) fn in_zone(mut self, zone: u16) -> Self {
        self.key.tuple.zone = zone;
        self
    }
}

/// The headers that come before a fragment's payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    /// What was kept of them.
    pub(super) bytes: &'a [u8],
    /// Their length.
    pub(super) len: u32,
    /// What the family needs to know to make them the datagram's.
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    V4 {
        dont_fragment: bool,
    },
    /// Where the number of the fragment header stands, and the number that takes its place.
    V6 {
        at: u32,
        next_header: u8,
    },
}

/// Why a packet is no part of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPart {
    Passed,
    Refused(Cause),
}

/// The ECN fields that were seen, a bit for each of the four (RFC 3168 section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ecn(u8);

impl Ecn {
    const NOT_CAPABLE: u8 = 1 << 0;
    const CONGESTED: u8 = 1 << 3;

    /// From the octet that ends in the ECN field.
    pub(super) const fn from_octet(octet: u8) -> Self {
        Ecn(1 << (octet & 3))
    }

    pub(super) fn insert(&mut self, other: Ecn) {
        self.0 |= other.0;
    }

    /// The bits that the datagram's ECN field gets beside the first fragment's (RFC 3168 section 5.3); `None` where the
    /// fragments contradict each other.
    pub(super) const fn joined(self) -> Option<u8> {
        match self.0 {
            Self::NOT_CAPABLE => Some(0),
            seen if seen & Self::NOT_CAPABLE != 0 => None,
            seen if seen & Self::CONGESTED != 0 => Some(3),
            _ => Some(0),
        }
    }
}
