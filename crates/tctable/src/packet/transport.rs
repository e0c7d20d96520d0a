use super::address::Family;
use super::info::{Fragment, PacketInfo};

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

/// What follows the IP headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A TCP segment.
    Tcp(TcpHeader),
    /// A UDP datagram.
    Udp,
    /// An ICMP or ICMPv6 message that opens or answers a query, such as echo.
    IcmpQuery,
    /// An ICMP or ICMPv6 error, which quotes the packet that it is about.
    IcmpError,
    /// A message that is never tracked: ICMPv6 neighbour and listener discovery.
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
}

/// The type and code that answer `type_code` (type in the high byte), or that it answers.
///
/// The pairs are those that nf_conntrack tracks: echo, timestamp, information and address mask for ICMP; echo and node
/// information for ICMPv6.
pub(super) fn icmp_inverse(proto: u8, type_code: u16) -> Option<u16> {
    let (kind, code) = ((type_code >> 8) as u8, type_code & 0xff);
    let inverse: u8 = match (proto, kind) {
        (protocol::ICMP, 0) => 8,
        (protocol::ICMP, 8) => 0,
        (protocol::ICMP, 13 | 15 | 17) | (protocol::ICMPV6, 128) => kind + 1,
        (protocol::ICMP, 14 | 16 | 18) | (protocol::ICMPV6, 129) => kind - 1,
        (protocol::ICMPV6, 139) => 140,
        (protocol::ICMPV6, 140) => 139,
        _ => return None,
    };
    Some(u16::from(inverse) << 8 | code)
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
        protocol::UDP => udp(info, bytes, wire_len),
        protocol::ICMP | protocol::ICMPV6 => icmp(info, bytes, wire_len),
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

#[inline(always)]
fn udp(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) {
    let Some(header) = bytes.first_chunk::<8>() else { return too_short(info, wire_len, 8) };
    set_ports(info, header);
    let udp_len = u32::from(be16(header, 4));
    // A first fragment carries the length of the whole datagram.
    let beyond = udp_len > wire_len && info.fragment != Fragment::First;
    info.transport = if udp_len < 8 || beyond { Transport::Invalid(Invalid::Length) } else { Transport::Udp };
}

fn icmp(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) {
    let Some(header) = bytes.first_chunk::<8>() else { return too_short(info, wire_len, 8) };
    // Each belongs to its own version of IP.
    if (info.tuple.protocol == protocol::ICMP) != (info.tuple.family == Family::V4) {
        info.transport = Transport::Invalid(Invalid::IcmpType);
        return;
    }
    let type_code = be16(header, 0);
    info.tuple.source_port = be16(header, 4);
    info.tuple.destination_port = type_code;
    info.transport = match (info.tuple.protocol, header[0]) {
        // Destination unreachable, source quench, redirect, time exceeded, parameter problem.
        (protocol::ICMP, 3 | 4 | 5 | 11 | 12) => Transport::IcmpError,
        // All types below 128 are errors (RFC 4443 section 2.1).
        (protocol::ICMPV6, 0..128) => Transport::IcmpError,
        // Listener discovery, router and neighbour solicitation and advertisement.
        (protocol::ICMPV6, 130..=136 | 143) => Transport::Untracked,
        (proto, _) if icmp_inverse(proto, type_code).is_some() => Transport::IcmpQuery,
        _ => Transport::Invalid(Invalid::IcmpType),
    };
}
