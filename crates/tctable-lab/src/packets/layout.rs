//! Where things are in a finished packet, and its checksums made right again after a change.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
};

use super::protocol::{AUTH, DESTINATION, FRAGMENT, HOP_BY_HOP, ICMP, ICMPV6, ROUTING, SCTP, TCP, UDP, UDP_LITE};
use crate::checksum::{Sum, checksum, crc32c};

/// A fragment's place in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentInfo {
    /// Identification.
    pub id: u32,
    /// Where its bytes belong, in bytes.
    pub offset: usize,
    /// More fragments follow.
    pub more: bool,
}

/// What the IP headers of a packet say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// What the payload is; for a later fragment, what the whole datagram's is, or its first extension header.
    pub protocol: u8,
    /// Where the payload lies: as far as the IP header's length says, if the packet is that long.
    pub payload: Range<usize>,
    /// Its place, if the packet is a fragment, an atomic one included.
    pub fragment: Option<FragmentInfo>,
    /// The length that the IP header tells.
    pub total_length: usize,
}

/// Reads the IP headers of a packet; `None` where they make no sense.
pub fn layout(packet: &[u8]) -> Option<Layout> {
    match packet.first()? >> 4 {
        4 => ipv4(packet),
        6 => ipv6(packet),
        _ => None,
    }
}

fn half(packet: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?])))
}

fn ipv4(packet: &[u8]) -> Option<Layout> {
    let header = usize::from(packet[0] & 0xf) * 4;
    let total_length = half(packet, 2)?;
    let word = half(packet, 6)?;
    let (offset, more) = ((word & 0x1fff) * 8, word & 0x2000 != 0);
    if header < 20 || packet.len() < header || total_length < header {
        return None;
    }
    let address = |at: usize| <[u8; 4]>::try_from(&packet[at..at + 4]).map(Ipv4Addr::from);
    Some(Layout {
        src: address(12).ok()?.into(),
        dst: address(16).ok()?.into(),
        protocol: packet[9],
        payload: header..total_length.min(packet.len()),
        fragment: (offset != 0 || more).then_some(FragmentInfo { id: half(packet, 4)? as u32, offset, more }),
        total_length,
    })
}

fn ipv6(packet: &[u8]) -> Option<Layout> {
    if packet.len() < 40 {
        return None;
    }
    let total_length = 40 + half(packet, 4)?;
    let end = total_length.min(packet.len());
    let (mut protocol, mut at, mut fragment) = (packet[6], 40, None);
    while matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION | AUTH) && at + 8 <= end {
        let length = match protocol {
            FRAGMENT => {
                let word = half(packet, at + 2)?;
                let id = (half(packet, at + 4)? << 16 | half(packet, at + 6)?) as u32;
                fragment = Some(FragmentInfo { id, offset: word & !7, more: word & 1 != 0 });
                8
            }
            AUTH => (usize::from(packet[at + 1]) + 2) * 4,
            _ => (usize::from(packet[at + 1]) + 1) * 8,
        };
        if at + length > end {
            break;
        }
        (protocol, at) = (packet[at], at + length);
        if fragment.is_some_and(|fragment| fragment.offset != 0) {
            break;
        }
    }
    let address = |at: usize| <[u8; 16]>::try_from(&packet[at..at + 16]).map(Ipv6Addr::from);
    Some(Layout {
        src: address(8).ok()?.into(),
        dst: address(24).ok()?.into(),
        protocol,
        payload: at..end,
        fragment,
        total_length,
    })
}

/// The transport checksum's place in a packet and the bytes that belong there. `None` where there is none: in a fragment
/// of several, in a header that is cut, for other protocols.
///
/// It covers the whole IP payload, whatever a UDP header says of its own length, as the kernel's does.
fn transport_checksum(packet: &[u8]) -> Option<(Range<usize>, [u8; 4])> {
    let Layout { src, dst, protocol, payload, fragment, .. } = layout(packet)?;
    if fragment.is_some_and(|fragment| fragment.offset != 0 || fragment.more) {
        return None;
    }
    let (at, width, smallest) = match protocol {
        TCP => (16, 2, 20),
        UDP | UDP_LITE => (6, 2, 8),
        ICMP | ICMPV6 => (2, 2, 4),
        SCTP => (8, 4, 12),
        _ => return None,
    };
    let mut bytes = packet[payload.clone()].to_vec();
    if bytes.len() < smallest {
        return None;
    }
    bytes[at..at + width].fill(0);
    let field = payload.start + at..payload.start + at + width;
    let sum = || Sum::pseudo_header(src, dst, protocol, bytes.len());
    let short = |sum: u16| [sum.to_be_bytes()[0], sum.to_be_bytes()[1], 0, 0];
    let right = match protocol {
        SCTP => crc32c(&bytes).to_le_bytes(),
        ICMP => short(checksum(&bytes)),
        UDP_LITE => {
            let coverage = match usize::from(u16::from_be_bytes([bytes[4], bytes[5]])) {
                0 => bytes.len(),
                some => some.min(bytes.len()),
            };
            let mut sum = sum();
            sum.add(&bytes[..coverage]);
            short(sum.finish_udp())
        }
        _ => {
            let mut sum = sum();
            sum.add(&bytes);
            short(if protocol == UDP { sum.finish_udp() } else { sum.finish() })
        }
    };
    Some((field, right))
}

/// Whether the transport checksum is right; `None` where there is none to look at. UDP's zero, "no checksum", is none in
/// IPv4 and wrong in IPv6.
pub fn checksum_is_right(packet: &[u8]) -> Option<bool> {
    let (field, right) = transport_checksum(packet)?;
    let stands = &packet[field.clone()];
    if packet[0] >> 4 == 4 && layout(packet)?.protocol == UDP && stands == [0, 0] {
        return None;
    }
    Some(*stands == right[..field.len()])
}

/// Where the transport checksum stands; `None` where there is none.
pub fn checksum_field(packet: &[u8]) -> Option<Range<usize>> {
    Some(transport_checksum(packet)?.0)
}

/// Makes the IPv4 header's checksum and the transport's right.
pub fn repair_checksums(packet: &mut [u8]) {
    if let Some((field, right)) = transport_checksum(packet) {
        let width = field.len();
        packet[field].copy_from_slice(&right[..width]);
    }
    if packet.first().is_some_and(|byte| byte >> 4 == 4) {
        let header = usize::from(packet[0] & 0xf) * 4;
        if (20..=packet.len()).contains(&header) {
            packet[10..12].fill(0);
            let sum = checksum(&packet[..header]);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
    }
}
