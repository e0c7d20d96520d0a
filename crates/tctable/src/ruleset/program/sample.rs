//! Packets for the tests of what looks at them.

use crate::hook::PacketBuf;
use crate::packet::{DeviceId, Frame, FrameDirection, LinkType, PacketInfo};
use crate::time::Instant;

/// An IP packet of which the capture kept that much.
pub(super) fn kept(packet: &[u8], kept: usize) -> PacketBuf<'_> {
    let frame = Frame {
        time: Instant::ZERO,
        device: DeviceId(0),
        direction: FrameDirection::Unknown,
        link: LinkType::Raw,
        wire_len: packet.len() as u32,
        data: &packet[..kept],
    };
    PacketBuf::new(frame, PacketInfo::read(&frame).expect("an IP packet"))
}

/// A whole IP packet.
pub(super) fn whole(packet: &[u8]) -> PacketBuf<'_> {
    kept(packet, packet.len())
}
