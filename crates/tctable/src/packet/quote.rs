use super::address::{Address, Family};
use super::info::{Fragment, Packet};
use super::ipv6;
use super::transport::{REDIRECT_LEN, call_id, is_redirect, protocol};
use super::tuple::Tuple;

/// An ICMP or ICMPv6 error's own header.
const ERROR_HEADER_LEN: usize = 8;

/// The option in which a redirect quotes the packet, and the bytes of it that come before the quote (RFC 4861 section
/// 4.6.3).
const REDIRECTED_HEADER: u8 = 4;
const REDIRECTED_HEADER_LEN: usize = 8;

/// Why there is no quote where an error should have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoQuote {
    /// The message makes no sense.
    Malformed,
    /// A redirect whose first option is another one; the kernel looks no further, and takes it for a message like others.
    OtherOption,
}

/// The packet that an error quotes, as far as it is quoted.
#[derive(Clone, Copy)]
struct Quote<'a> {
    /// What was kept of it.
    bytes: &'a [u8],
    /// What the error itself has of it.
    wire_len: usize,
}

impl<'a> Quote<'a> {
    /// The quote from there on.
    fn after(self, offset: usize) -> Quote<'a> {
        let bytes = self.bytes.get(offset..).unwrap_or_default();
        Quote { bytes, wire_len: self.wire_len.saturating_sub(offset) }
    }
}

/// The tuple of the packet that an ICMP or ICMPv6 error quotes, as its sender had sent it.
///
/// The quote may be cut after the first 8 bytes of the transport header (RFC 792, RFC 4443 section 2.4), so only that
/// much is read. As in the kernel the quoted packet's version and lengths are not looked at: it was a packet once.
/// `None` where what names a connection is missing, or where the quote is a later fragment. The source key of a quoted
/// enhanced GRE header is zero, see [`Transport::Gre`](super::Transport::Gre).
pub fn quoted_tuple(packet: Packet<'_>) -> Option<Tuple> {
    let error = Quote { bytes: packet.transport_bytes(), wire_len: packet.transport_len() as usize };
    let quote = error.after(quote_offset(packet).ok()?);
    let (mut tuple, transport) = match packet.info.tuple.family {
        Family::V4 => quoted_v4(quote)?,
        Family::V6 => quoted_v6(quote)?,
    };
    match tuple.protocol {
        protocol::ICMP | protocol::ICMPV6 => {
            let header = transport.bytes.first_chunk::<8>()?;
            tuple.source_port = u16::from_be_bytes([header[4], header[5]]);
            tuple.destination_port = u16::from_be_bytes([header[0], header[1]]);
        }
        protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP => {
            let ports = transport.bytes.first_chunk::<4>()?;
            tuple.source_port = u16::from_be_bytes([ports[0], ports[1]]);
            tuple.destination_port = u16::from_be_bytes([ports[2], ports[3]]);
        }
        protocol::GRE => tuple.destination_port = call_id(transport.bytes, transport.wire_len as u32).ok()?,
        _ => {}
    }
    Some(tuple)
}

/// Where in an error the quote begins.
pub(crate) fn quote_offset(packet: Packet<'_>) -> Result<usize, NoQuote> {
    let tuple = &packet.info.tuple;
    if !is_redirect(tuple.protocol, tuple.destination_port) {
        return Ok(ERROR_HEADER_LEN);
    }
    // Only a neighbour may redirect (RFC 4861 section 8.1).
    let hop_limit = packet.frame.data.get(usize::from(packet.info.network_offset) + 7);
    let link_local = tuple.source.bits() >> 118 == 0xfe80 >> 6;
    let option = packet.transport_bytes().get(REDIRECT_LEN as usize..).and_then(|options| options.first_chunk::<2>());
    match (hop_limit, option) {
        (Some(255), Some([kind, length])) if link_local && *length != 0 => match *kind {
            REDIRECTED_HEADER => Ok(REDIRECT_LEN as usize + REDIRECTED_HEADER_LEN),
            _ => Err(NoQuote::OtherOption),
        },
        _ => Err(NoQuote::Malformed),
    }
}

fn quoted_v4(quote: Quote<'_>) -> Option<(Tuple, Quote<'_>)> {
    let header = quote.bytes.first_chunk::<20>()?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let later_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0;
    if later_fragment || header_len > quote.wire_len {
        return None;
    }
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let tuple = Tuple::new(Family::V4, header[9], Address::from_v4_bits(word(12)), Address::from_v4_bits(word(16)));
    Some((tuple, quote.after(header_len)))
}

fn quoted_v6(quote: Quote<'_>) -> Option<(Tuple, Quote<'_>)> {
    let header = quote.bytes.first_chunk::<40>()?;
    let chain = ipv6::walk(quote.bytes, header[6]);
    if !chain.complete || chain.protocol == ipv6::NO_NEXT_HEADER || chain.fragment == Fragment::Later {
        return None;
    }
    let tuple = Tuple::new(Family::V6, chain.protocol, ipv6::address(header, 8), ipv6::address(header, 24));
    Some((tuple, quote.after(chain.offset)))
}
