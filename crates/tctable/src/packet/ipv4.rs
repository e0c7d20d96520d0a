use super::address::{Address, Family};
use super::error::{Malformed, NotIp};
use super::info::{Fragment, PacketInfo};
use super::transport;
use super::tuple::Tuple;

const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

/// Reads an IPv4 packet (RFC 791 section 3.1): `bytes` are what was kept of it, `wire_len` is what the frame has left
/// for it.
#[inline(always)]
pub(super) fn fill(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) -> Result<(), NotIp> {
    let header = bytes.first_chunk::<20>().ok_or_else(|| cut(bytes))?;
    if header[0] >> 4 != 4 {
        return Err(Malformed::IpVersion.into());
    }
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total_len = u16::from_be_bytes([header[2], header[3]]);
    if header_len < 20 || usize::from(total_len) < header_len {
        return Err(Malformed::Ipv4HeaderLength.into());
    }
    if u32::from(total_len) > wire_len {
        return Err(Malformed::IpLength.into());
    }
    let word = u16::from_be_bytes([header[6], header[7]]);
    let fragment = match (word & OFFSET_MASK, word & MORE_FRAGMENTS) {
        (0, 0) => Fragment::None,
        (0, _) => Fragment::First,
        _ => Fragment::Later,
    };
    let source = u32::from_be_bytes([header[12], header[13], header[14], header[15]]);
    let destination = u32::from_be_bytes([header[16], header[17], header[18], header[19]]);
    info.tuple = Tuple::new(Family::V4, header[9], Address::from_v4_bits(source), Address::from_v4_bits(destination));
    info.ip_len = u32::from(total_len);
    info.transport_offset = info.network_offset + header_len as u16;
    info.fragment = fragment;
    // Padding after the packet is none of its bytes.
    let kept = &bytes[..bytes.len().min(usize::from(total_len))];
    if let Some(rest) = kept.get(header_len..) {
        transport::fill(info, rest, u32::from(total_len) - header_len as u32);
    }
    Ok(())
}

/// The bytes end inside the fixed header; a version that is not 4 says more than that.
fn cut(bytes: &[u8]) -> Malformed {
    match bytes.first() {
        Some(first) if first >> 4 != 4 => Malformed::IpVersion,
        _ => Malformed::IpHeaderCut,
    }
}
