//! Datagrams cut into fragments.

use std::net::IpAddr;

use super::ip::{Ipv4, Ipv6};

/// A datagram before it is cut: what an IP packet carries, and between whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Source address.
    pub src: IpAddr,
    /// Destination address, of the same family.
    pub dst: IpAddr,
    /// What the payload is.
    pub protocol: u8,
    /// Identification, by which the fragments find each other; IPv4 keeps the lower half.
    pub id: u32,
    /// The payload as a whole.
    pub payload: Vec<u8>,
}

/// A stretch of a datagram's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it belongs, in units of 8 bytes; 13 bits.
    pub offset: u16,
    /// More fragments follow.
    pub more: bool,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Datagram {
    /// The pieces of at most `size` bytes each, rounded down to a multiple of 8.
    ///
    /// # Panics
    ///
    /// If `size` is below 8.
    pub fn pieces(&self, size: usize) -> Vec<Piece> {
        let size = size / 8 * 8;
        let count = self.payload.len().div_ceil(size);
        let piece = |(number, bytes): (usize, &[u8])| Piece {
            offset: (number * size / 8) as u16,
            more: number + 1 < count,
            bytes: bytes.to_vec(),
        };
        self.payload.chunks(size).enumerate().map(piece).collect()
    }

    /// The fragment that carries a piece. In IPv6 it has a fragment header even if it is the whole ("atomic", RFC 6946).
    ///
    /// # Panics
    ///
    /// If the addresses are of different families.
    pub fn fragment(&self, piece: &Piece) -> Vec<u8> {
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => Ipv4 {
                id: self.id as u16,
                more_fragments: piece.more,
                fragment_offset: piece.offset,
                ..Ipv4::new(src, dst, self.protocol)
            }
            .build(&piece.bytes),
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                Ipv6::new(src, dst, self.protocol).fragment(self.id, piece.offset, piece.more).build(&piece.bytes)
            }
            (src, dst) => panic!("{src} and {dst} cannot be in one packet"),
        }
    }
}
