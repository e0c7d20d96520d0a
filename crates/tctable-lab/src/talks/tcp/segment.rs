//! One segment, and sequence number arithmetic.

use crate::{
    packets::{Tcp, flags, tcp},
    talks::places::End,
};

/// Whether `a` comes after `b` (RFC 9293 section 3.4).
pub(super) fn after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

/// A segment before it has addresses.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub tcp: Tcp,
    pub payload: Vec<u8>,
    /// What the data offset says, in words, where it is not to be right.
    pub data_offset: Option<u8>,
}

impl Segment {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.tcp.flags & flag != 0
    }

    /// Sequence numbers that it takes.
    pub(super) fn len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.has(flags::SYN)) + u32::from(self.has(flags::FIN))
    }

    /// The sequence number after it.
    pub(super) fn end(&self) -> u32 {
        self.tcp.seq.wrapping_add(self.len())
    }

    /// Its bytes. The checksum of one with a wrong data offset is made right by who wraps it in a packet.
    pub(super) fn build(&self, from: &End, to: &End) -> Vec<u8> {
        let mut bytes = tcp(from.address, to.address, &self.tcp, &self.payload);
        if let Some(words) = self.data_offset {
            bytes[12] = words << 4 | bytes[12] & 0xf;
        }
        bytes
    }
}
