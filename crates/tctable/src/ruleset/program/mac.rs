//! `mac`

use crate::hook::PacketBuf;
use crate::packet::LinkType;
use crate::ruleset::Not;

/// Whether the frame's Ethernet source is that one. A packet that came by no Ethernet has none, and so neither this one nor
/// another.
pub(super) fn matches(asked: &Not<[u8; 6]>, packet: &PacketBuf<'_>) -> bool {
    let ethernet = packet.input().is_some() && packet.packet().frame.link == LinkType::Ethernet;
    let source = packet.data().get(6..12).filter(|_| ethernet);
    source.is_some_and(|source| asked.wants(*source == asked.value))
}
