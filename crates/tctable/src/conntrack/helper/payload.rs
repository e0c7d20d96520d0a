use crate::conntrack::{CtState, Direction};
use crate::packet::{Address, Family, Tuple};
use crate::time::Instant;

use super::Outcome;

/// A packet of a connection, as its helper sees it.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// When it came.
    pub now: Instant,
    /// Its direction in the connection.
    pub direction: Direction,
    /// The connection's tuples by direction.
    pub tuples: &'a [Tuple; 2],
    /// What it is to its connection.
    pub state: CtState,
    /// Whether its connection was expected by another one.
    pub expected: bool,
    /// The TCP sequence number of the first byte; 0 for other protocols.
    pub sequence: u32,
    /// The bytes after the transport header that were kept.
    pub bytes: &'a [u8],
    /// How many there were on the wire.
    pub wire_len: u32,
}

impl Payload<'_> {
    /// The tuple of the packet's direction.
    pub fn tuple(&self) -> &Tuple {
        &self.tuples[self.direction as usize]
    }

    /// The tuple of the other direction.
    pub fn opposite_tuple(&self) -> &Tuple {
        &self.tuples[self.direction.opposite() as usize]
    }

    /// The version of IP.
    pub fn family(&self) -> Family {
        self.tuples[0].family
    }

    /// Who sent it, before translation.
    pub fn sender(&self) -> Address {
        self.tuple().source
    }

    /// Whether packets have gone both ways, this one included.
    pub fn is_established(&self) -> bool {
        self.state == CtState::Established
    }

    /// Whether some of its bytes were not kept.
    pub fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < u64::from(self.wire_len)
    }

    /// What becomes of it where it could not be read: the kernel's helpers drop it. Where bytes are missing that were on
    /// the wire nobody knows, and it goes on.
    pub(super) fn unreadable(&self) -> Outcome {
        if self.is_cut() { Outcome::Accept } else { Outcome::Drop }
    }
}
