//! SCTP (RFC 9260).

use crate::checksum::crc32c;

/// Chunk types (RFC 9260 section 3.2).
pub mod chunk {
    /// User data.
    pub const DATA: u8 = 0;
    /// Opens an association.
    pub const INIT: u8 = 1;
    /// Answers an INIT, with a cookie.
    pub const INIT_ACK: u8 = 2;
    /// Acknowledges data.
    pub const SACK: u8 = 3;
    /// Asks whether a path works.
    pub const HEARTBEAT: u8 = 4;
    /// It does.
    pub const HEARTBEAT_ACK: u8 = 5;
    /// Ends an association at once.
    pub const ABORT: u8 = 6;
    /// The sender has no more data.
    pub const SHUTDOWN: u8 = 7;
    /// Answers a SHUTDOWN.
    pub const SHUTDOWN_ACK: u8 = 8;
    /// Something was wrong with a chunk.
    pub const ERROR: u8 = 9;
    /// Brings the cookie back.
    pub const COOKIE_ECHO: u8 = 10;
    /// The cookie was good.
    pub const COOKIE_ACK: u8 = 11;
    /// Closes the shutdown.
    pub const SHUTDOWN_COMPLETE: u8 = 14;
    /// Changes of addresses (RFC 5061).
    pub const ASCONF: u8 = 0xc1;
}

/// A chunk with its right length, padded to a multiple of 4 bytes.
pub fn sctp_chunk(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let length = 4 + value.len();
    let mut chunk = vec![kind, flags];
    chunk.extend((length as u16).to_be_bytes());
    chunk.extend(value);
    chunk.resize(length.next_multiple_of(4), 0);
    chunk
}

/// An SCTP packet: source and destination port, verification tag, chunks.
pub fn sctp([src, dst]: [u16; 2], tag: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut packet = Vec::new();
    packet.extend(src.to_be_bytes());
    packet.extend(dst.to_be_bytes());
    packet.extend(tag.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(chunks.concat());
    let crc = crc32c(&packet);
    packet[8..12].copy_from_slice(&crc.to_le_bytes());
    packet
}
