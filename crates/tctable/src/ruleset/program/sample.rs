//! Packets for the tests of what looks at them.

use crate::hook::PacketBuf;
use crate::packet::{DeviceId, Frame, FrameDirection, LinkType, PacketInfo};
use crate::time::Instant;

/// A frame of that link layer, of which the capture kept that much.
fn captured(link: LinkType, frame: &[u8], kept: usize) -> PacketBuf<'_> {
    let frame = Frame {
        time: Instant::ZERO,
        device: DeviceId(0),
        direction: FrameDirection::Unknown,
        link,
        wire_len: frame.len() as u32,
        data: &frame[..kept],
    };
    PacketBuf::new(frame, PacketInfo::read(&frame).expect("an IP packet"))
}

/// An IP packet of which the capture kept that much.
pub(super) fn kept(packet: &[u8], kept: usize) -> PacketBuf<'_> {
    captured(LinkType::Raw, packet, kept)
}

/// A whole IP packet.
pub(super) fn whole(packet: &[u8]) -> PacketBuf<'_> {
    kept(packet, packet.len())
}

/// A whole Ethernet frame.
pub(super) fn frame(frame: &[u8]) -> PacketBuf<'_> {
    captured(LinkType::Ethernet, frame, frame.len())
}
