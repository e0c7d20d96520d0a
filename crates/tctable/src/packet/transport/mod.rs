//! Transport headers: what names a connection, and what its tracker reads.
//!
//! A header that nf_conntrack cannot tell a connection from, with checksums switched off, is [`Transport::Invalid`].

mod gre;
mod icmp;
mod sctp;
mod udp;

use super::info::{Fragment, PacketInfo};

pub(super) use gre::call_id;
pub(super) use icmp::{REDIRECT_LEN, icmp_inverse, is_redirect};
pub(crate) use sctp::{Chunk, Chunks};

/// Transport protocol numbers (IANA protocol numbers).
pub mod protocol {
    /// ICMP, RFC 792.
    pub const ICMP: u8 = 1;
    /// TCP, RFC 9293.
    pub const TCP: u8 = 6;
    /// UDP, RFC 768.
    pub const UDP: u8 = 17;
    /// DCCP, RFC 4340.
    pub const DCCP: u8 = 33;
    /// GRE, RFC 2784.
    pub const GRE: u8 = 47;
    /// ICMPv6, RFC 4443.
    pub const ICMPV6: u8 = 58;
    /// SCTP, RFC 9260.
    pub const SCTP: u8 = 132;
    /// UDP-Lite, RFC 3828.
    pub const UDPLITE: u8 = 136;
}

/// The bits of a TCP header's flags byte (RFC 9293 section 3.1).
pub mod tcp_flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
    /// ECN echo.
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced.
    pub const CWR: u8 = 0x80;
}

/// What a TCP tracker reads of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpHeader {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// The window as it stands in the header, not scaled.
    pub window: u16,
    /// The flags, see [`tcp_flags`].
    pub flags: u8,
    /// The header's length in bytes, options included: 20 to 60.
    pub header_len: u8,
}

/// What an SCTP tracker reads of a packet's common header (RFC 9260 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SctpHeader {
    /// The tag that the receiver had chosen; zero with an INIT chunk.
    pub verification_tag: u32,
}

/// What follows the IP headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A TCP segment.
    Tcp(TcpHeader),
    /// A UDP datagram.
    Udp,
    /// A UDP-Lite datagram.
    UdpLite,
    /// An SCTP packet.
    Sctp(SctpHeader),
    /// GRE. Its tuple has no ports, but for the enhanced GRE of PPTP (RFC 2637 section 4.1): there the call id is in the
    /// place of the destination port, and the place of the source port, still zero, is for the other side's call id.
    Gre,
    /// An ICMP or ICMPv6 message that opens or answers a query, such as echo.
    IcmpQuery,
    /// An ICMP or ICMPv6 error, which quotes the packet that it is about.
    IcmpError,
    /// A message that is never tracked: ICMPv6 neighbour, listener and multicast router discovery.
    Untracked,
    /// Any other protocol, tracked by its addresses alone.
    Generic,
    /// A later fragment: what it belongs to stands in the first one.
    Fragment,
    /// Something that no connection can be told from.
    Invalid(Invalid),
}

/// Why the transport header tells no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// The bytes that were kept end before or inside the transport header, or inside the headers before it.
    Cut,
    /// The packet itself ends inside the transport header, or the header's lengths contradict the packet.
    Length,
    /// An ICMP type that neither opens nor answers nor reports anything, or ICMP of the other version of IP.
    IcmpType,
    /// A checksum of zero where there must be one: UDP-Lite (RFC 3828 section 3.1).
    NoChecksum,
    /// Enhanced GRE that does not carry PPP.
    GreProtocol,
    /// IPv6's "no next header".
    NoNextHeader,
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Reads the transport header: `bytes` are those that were kept of it and of what follows, `wire_len` is what the
/// packet itself has.
#[inline(always)]
pub(super) fn fill(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) {
    if info.fragment == Fragment::Later {
        info.transport = Transport::Fragment;
        return;
    }
    match info.tuple.protocol {
        protocol::TCP => tcp(info, bytes, wire_len),
        protocol::UDP => udp::fill(info, bytes, wire_len),
        _ => fill_other(info, bytes, wire_len),
    }
}

#[inline(never)]
fn fill_other(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) {
    match info.tuple.protocol {
        protocol::ICMP | protocol::ICMPV6 => icmp::fill(info, bytes, wire_len),
        protocol::UDPLITE => udp::fill_lite(info, bytes, wire_len),
        protocol::SCTP => sctp::fill(info, bytes, wire_len),
        protocol::GRE => gre::fill(info, bytes, wire_len),
        _ => info.transport = Transport::Generic,
    }
}

/// Either the capture or the packet itself is too short for a header of `need` bytes.
#[cold]
fn too_short(info: &mut PacketInfo, wire_len: u32, need: u32) {
    info.transport = Transport::Invalid(if wire_len < need { Invalid::Length } else { Invalid::Cut });
}

fn set_ports(info: &mut PacketInfo, bytes: &[u8]) {
    info.tuple.source_port = be16(bytes, 0);
    info.tuple.destination_port = be16(bytes, 2);
}

#[inline(always)]
fn tcp(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) {
    let Some(header) = bytes.first_chunk::<20>() else { return too_short(info, wire_len, 20) };
    set_ports(info, header);
    let header_len = (header[12] >> 4) * 4;
    if header_len < 20 || u32::from(header_len) > wire_len {
        info.transport = Transport::Invalid(Invalid::Length);
        return;
    }
    info.transport = Transport::Tcp(TcpHeader {
        sequence: be32(header, 4),
        acknowledgment: be32(header, 8),
        window: be16(header, 14),
        flags: header[13],
        header_len,
    });
}
