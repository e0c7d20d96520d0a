use super::address::{Address, Family};
use super::error::{Malformed, NotIp};
use super::hop_by_hop;
use super::info::{Fragment, PacketInfo};
use super::transport::{self, Invalid, Transport};
use super::tuple::Tuple;

const HEADER_LEN: usize = 40;

/// The extension headers that the kernel steps over (RFC 8200 section 4, RFC 4302). To it mobility (135), host identity
/// (139) and shim6 (140) are protocols like any other.
mod extension {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;

    pub(super) const fn is(protocol: u8) -> bool {
        matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION)
    }
}

/// Nothing follows (RFC 8200 section 4.7).
pub(super) const NO_NEXT_HEADER: u8 = 59;

/// Where the transport header is, and what was found on the way there.
pub(super) struct Chain {
    pub(super) protocol: u8,
    /// From the start of the IPv6 header, in bytes.
    pub(super) offset: usize,
    pub(super) fragment: Fragment,
    /// Whether the kept bytes reached the end of the chain; otherwise `protocol` is that of the header that is cut.
    pub(super) complete: bool,
}

impl Chain {
    /// The header that would come next is not there.
    fn cut(mut self) -> Chain {
        if self.protocol == extension::FRAGMENT {
            // Reassembly tells whether it is the packet itself that ends here.
            self.fragment = Fragment::Later;
        }
        self.complete = false;
        self
    }

    /// The transport header follows at once.
    #[inline(always)]
    const fn none(protocol: u8) -> Chain {
        Chain { protocol, offset: HEADER_LEN, fragment: Fragment::None, complete: true }
    }
}

/// Reads an IPv6 packet (RFC 8200 section 3): `bytes` are what was kept of it, `wire_len` is what the frame has left
/// for it.
#[inline(always)]
pub(super) fn fill(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) -> Result<(), NotIp> {
    let header = bytes.first_chunk::<HEADER_LEN>().ok_or_else(|| cut(bytes))?;
    if header[0] >> 4 != 6 {
        return Err(Malformed::IpVersion.into());
    }
    let payload_len = u16::from_be_bytes([header[4], header[5]]);
    let mut ip_len = u32::from(payload_len) + HEADER_LEN as u32;
    if ip_len > wire_len {
        return Err(Malformed::IpLength.into());
    }
    if header[6] == extension::HOP_BY_HOP {
        ip_len = hop_by_hop::read(bytes, payload_len, wire_len)?;
    }
    let kept = &bytes[..bytes.len().min(ip_len as usize)];
    info.ip_len = ip_len;
    info.tuple = Tuple::new(Family::V6, header[6], address(header, 8), address(header, 24));
    if extension::is(header[6]) {
        fill_extended(info, kept);
    } else {
        fill_after(info, kept, Chain::none(header[6]));
    }
    Ok(())
}

/// The same from the first extension header on.
#[inline(never)]
fn fill_extended(info: &mut PacketInfo, kept: &[u8]) {
    let chain = walk(kept, info.tuple.protocol);
    fill_after(info, kept, chain);
}

#[inline(always)]
fn fill_after(info: &mut PacketInfo, kept: &[u8], chain: Chain) {
    info.tuple.protocol = chain.protocol;
    info.transport_offset = u16::try_from(usize::from(info.network_offset) + chain.offset).unwrap_or(u16::MAX);
    info.fragment = chain.fragment;
    if chain.complete && chain.protocol == NO_NEXT_HEADER && chain.fragment != Fragment::Later {
        info.transport = Transport::Invalid(Invalid::NoNextHeader);
    } else if chain.complete {
        let wire_left = info.ip_len.saturating_sub(chain.offset as u32);
        transport::fill(info, kept.get(chain.offset..).unwrap_or_default(), wire_left);
    }
}

pub(super) fn address(bytes: &[u8], at: usize) -> Address {
    let mut octets = [0; 16];
    octets.copy_from_slice(&bytes[at..at + 16]);
    Address::from_v6_bits(u128::from_be_bytes(octets))
}

/// Follows the extension headers. Each is at least 8 bytes long, so the walk ends with the bytes.
#[inline]
pub(super) fn walk(bytes: &[u8], first: u8) -> Chain {
    use extension::*;
    let mut chain = Chain::none(first);
    loop {
        if !is(chain.protocol) {
            return chain;
        }
        let rest = bytes.get(chain.offset..).unwrap_or_default();
        // As in the kernel the two bytes that are read are enough, of a fragment header four.
        let Some(header) = rest.first_chunk::<2>() else { return chain.cut() };
        let length = match chain.protocol {
            FRAGMENT => {
                let Some([_, _, high, low]) = rest.first_chunk::<4>() else { return chain.cut() };
                let word = u16::from_be_bytes([*high, *low]);
                if word & 0xfff8 != 0 {
                    chain.fragment = Fragment::Later;
                } else if word & 1 != 0 {
                    chain.fragment = Fragment::First;
                } else if chain.fragment == Fragment::None {
                    chain.fragment = Fragment::Atomic;
                }
                8
            }
            // The authentication header counts in words of four bytes, less two (RFC 4302 section 2.2).
            AUTHENTICATION => (usize::from(header[1]) + 2) * 4,
            _ => (usize::from(header[1]) + 1) * 8,
        };
        chain.protocol = header[0];
        chain.offset += length;
        // What follows in a later fragment is not a header.
        if chain.fragment == Fragment::Later {
            return chain;
        }
    }
}

fn cut(bytes: &[u8]) -> Malformed {
    match bytes.first() {
        Some(first) if first >> 4 != 6 => Malformed::IpVersion,
        _ => Malformed::IpHeaderCut,
    }
}
