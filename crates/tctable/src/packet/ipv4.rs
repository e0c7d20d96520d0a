use super::address::{Address, Family};
use super::error::{Malformed, NotIp};
use super::info::{Fragment, PacketInfo};
use super::link::Link;
use super::transport::{self, Invalid, Transport};
use super::tuple::Tuple;

const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

/// Reads an IPv4 packet (RFC 791 section 3.1): `bytes` are what was kept of it, `wire_len` is what the frame has left
/// for it.
#[inline]
pub(super) fn parse(bytes: &[u8], wire_len: u32, link: Link) -> Result<PacketInfo, NotIp> {
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
    let mut info = PacketInfo {
        tuple: Tuple {
            source: Address::from_v4_bits(source),
            destination: Address::from_v4_bits(destination),
            source_port: 0,
            destination_port: 0,
            protocol: header[9],
            family: Family::V4,
        },
        ip_len: u32::from(total_len),
        network_offset: link.offset,
        transport_offset: link.offset + header_len as u16,
        fragment,
        direction: link.direction,
        transport: Transport::Invalid(Invalid::Cut),
    };
    // Padding after the packet is none of its bytes.
    let kept = &bytes[..bytes.len().min(usize::from(total_len))];
    if let Some(rest) = kept.get(header_len..) {
        transport::parse(&mut info, rest, u32::from(total_len) - header_len as u32);
    }
    Ok(info)
}

/// The bytes end inside the fixed header; a version that is not 4 says more than that.
fn cut(bytes: &[u8]) -> Malformed {
    match bytes.first() {
        Some(first) if first >> 4 != 4 => Malformed::IpVersion,
        _ => Malformed::IpHeaderCut,
    }
}
