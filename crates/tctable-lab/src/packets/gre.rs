//! GRE (RFC 2784, RFC 2890) and its version 1, in which PPTP carries PPP (RFC 2637 section 4.1).

use crate::checksum::checksum;

/// A GRE header; what is `None` is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gre {
    /// What it carries: an ethertype.
    pub protocol: u16,
    /// A checksum over header and payload is present.
    pub checksum: bool,
    /// The key.
    pub key: Option<u32>,
    /// The sequence number.
    pub sequence: Option<u32>,
}

/// A GRE packet of version 0.
pub fn gre(header: &Gre, payload: &[u8]) -> Vec<u8> {
    let present =
        u8::from(header.checksum) << 7 | u8::from(header.key.is_some()) << 5 | u8::from(header.sequence.is_some()) << 4;
    let mut packet = vec![present, 0];
    packet.extend(header.protocol.to_be_bytes());
    if header.checksum {
        packet.extend([0; 4]);
    }
    for word in [header.key, header.sequence].into_iter().flatten() {
        packet.extend(word.to_be_bytes());
    }
    packet.extend(payload);
    if header.checksum {
        let sum = checksum(&packet);
        packet[4..6].copy_from_slice(&sum.to_be_bytes());
    }
    packet
}

/// An enhanced GRE packet, version 1, for the receiver's call id. One without a payload carries no sequence number.
pub fn gre_pptp(call: u16, sequence: u32, acknowledgment: Option<u32>, payload: &[u8]) -> Vec<u8> {
    let numbered = !payload.is_empty();
    let mut packet = vec![0x20 | u8::from(numbered) << 4, 1 | u8::from(acknowledgment.is_some()) << 7, 0x88, 0x0b];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend(call.to_be_bytes());
    for word in [numbered.then_some(sequence), acknowledgment].into_iter().flatten() {
        packet.extend(word.to_be_bytes());
    }
    packet.extend(payload);
    packet
}
