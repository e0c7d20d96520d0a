use super::super::address::Family;
use super::super::info::PacketInfo;
use super::{Invalid, Transport, be16, protocol, too_short};

/// The type of an ICMPv6 redirect.
const REDIRECT: u8 = 137;

/// The bytes of a redirect before its options: header, target, destination.
pub(in crate::packet) const REDIRECT_LEN: u32 = 40;

/// Whether a message of ICMPv6 with that type and code is a redirect.
pub(in crate::packet) fn is_redirect(proto: u8, type_code: u16) -> bool {
    proto == protocol::ICMPV6 && type_code >> 8 == u16::from(REDIRECT)
}

/// The type and code that answer `type_code` (type in the high byte), or that it answers.
///
/// The pairs are those that nf_conntrack tracks: echo, timestamp, information and address mask for ICMP; echo and node
/// information for ICMPv6.
pub(in crate::packet) fn icmp_inverse(proto: u8, type_code: u16) -> Option<u16> {
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

pub(super) fn fill(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) {
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
        // A redirect (RFC 4861 section 4.5) is one too, where its code is right.
        (protocol::ICMPV6, REDIRECT) if wire_len < REDIRECT_LEN => Transport::Invalid(Invalid::Length),
        (protocol::ICMPV6, REDIRECT) if header[1] == 0 => Transport::IcmpError,
        // Listener discovery, router and neighbour solicitation and advertisement, multicast router advertisement and
        // solicitation (RFC 4286).
        (protocol::ICMPV6, 130..=136 | 143 | 151 | 152) => Transport::Untracked,
        (proto, _) if icmp_inverse(proto, type_code).is_some() => Transport::IcmpQuery,
        _ => Transport::Invalid(Invalid::IcmpType),
    };
}
