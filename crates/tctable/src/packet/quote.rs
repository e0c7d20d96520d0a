use super::address::{Address, Family};
use super::info::{Fragment, Packet};
use super::ipv6;
use super::transport::protocol;
use super::tuple::Tuple;

/// An ICMP or ICMPv6 error's own header.
const ERROR_HEADER_LEN: usize = 8;

/// The tuple of the packet that an ICMP or ICMPv6 error quotes, as its sender had sent it.
///
/// The quote may be cut after the first 8 bytes of the transport header (RFC 792, RFC 4443 section 2.4), so only that
/// much is read. `None` where even that is missing, or where the quote is a later fragment.
pub fn quoted_tuple(packet: Packet<'_>) -> Option<Tuple> {
    let start = usize::from(packet.info.transport_offset) + ERROR_HEADER_LEN;
    let end = usize::from(packet.info.network_offset) + packet.info.ip_len as usize;
    let kept = &packet.frame.data[..packet.frame.data.len().min(end)];
    let quote = kept.get(start..)?;
    let (mut tuple, transport) = match packet.info.tuple.family {
        Family::V4 => quoted_v4(quote)?,
        Family::V6 => quoted_v6(quote)?,
    };
    match tuple.protocol {
        protocol::ICMP | protocol::ICMPV6 => {
            let header = transport.first_chunk::<8>()?;
            tuple.source_port = u16::from_be_bytes([header[4], header[5]]);
            tuple.destination_port = u16::from_be_bytes([header[0], header[1]]);
        }
        protocol::TCP | protocol::UDP => {
            let ports = transport.first_chunk::<4>()?;
            tuple.source_port = u16::from_be_bytes([ports[0], ports[1]]);
            tuple.destination_port = u16::from_be_bytes([ports[2], ports[3]]);
        }
        _ => {}
    }
    Some(tuple)
}

fn quoted_v4(quote: &[u8]) -> Option<(Tuple, &[u8])> {
    let header = quote.first_chunk::<20>()?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let later_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0;
    if header[0] >> 4 != 4 || header_len < 20 || later_fragment {
        return None;
    }
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let tuple = Tuple::new(Family::V4, header[9], Address::from_v4_bits(word(12)), Address::from_v4_bits(word(16)));
    Some((tuple, quote.get(header_len..)?))
}

fn quoted_v6(quote: &[u8]) -> Option<(Tuple, &[u8])> {
    let header = quote.first_chunk::<40>()?;
    let chain = ipv6::walk(quote, header[6]);
    if header[0] >> 4 != 6 || !chain.complete || chain.fragment == Fragment::Later {
        return None;
    }
    let tuple = Tuple::new(Family::V6, chain.protocol, ipv6::address(header, 8), ipv6::address(header, 24));
    Some((tuple, quote.get(chain.offset..)?))
}
