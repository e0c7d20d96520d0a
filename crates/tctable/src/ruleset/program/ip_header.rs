//! `ttl`, `hl`, `dscp`: what else is read of the IP header.

use crate::hook::PacketBuf;
use crate::packet::Family;
use crate::ruleset::{Not, TtlMatch};

pub(super) fn ttl(asked: TtlMatch, packet: &PacketBuf<'_>) -> bool {
    let at = match packet.info().tuple.family {
        Family::V4 => 8,
        Family::V6 => 7,
    };
    let ttl = byte(packet, at);
    match asked {
        TtlMatch::Equal(value) => ttl == value,
        TtlMatch::NotEqual(value) => ttl != value,
        TtlMatch::Less(value) => ttl < value,
        TtlMatch::Greater(value) => ttl > value,
    }
}

/// The upper six bits of IPv4's second byte and of IPv6's traffic class (RFC 2474).
pub(super) fn dscp(asked: Not<u8>, packet: &PacketBuf<'_>) -> bool {
    let dscp = match packet.info().tuple.family {
        Family::V4 => byte(packet, 1) >> 2,
        Family::V6 => (byte(packet, 0) & 0x0f) << 2 | byte(packet, 1) >> 6,
    };
    asked.wants(dscp == asked.value)
}

/// A byte of the fixed header, which every packet has.
fn byte(packet: &PacketBuf<'_>, at: usize) -> u8 {
    packet.data().get(usize::from(packet.info().network_offset) + at).copied().unwrap_or_default()
}
