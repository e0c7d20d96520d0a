//! What REJECT tells the sender of a packet, as nf_reject_ipv4 and nf_reject_ipv6 make it.
//!
//! Nobody is told of later fragments, of packets from or to what is not one host, of ICMP errors, of resets, and of packets
//! with a wrong checksum. The kernel's checksum for protocols that it does not know is the one of ICMP in IPv4, so that it
//! hardly ever answers those, and the one with a pseudo header in IPv6.
//!
//! An answer has the hop limit that namespaces begin with, 64, and IPv6's no flow label, as with
//! `net.ipv6.auto_flowlabels=0`. Differences: an ICMP error's identification is the rejected packet's, where the kernel takes
//! a random one; it records no route and no time where the rejected packet has options that ask for it; a directed
//! broadcast is not known to be one; and answers are not limited in number (`icmp_ratelimit`, `icmp_msgs_per_sec`).

mod v4;
mod v6;

use std::net::IpAddr;

use crate::hook::Hook;
use crate::packet::{Address, Family, Fragment, LinkType, Packet, fold, protocol, pseudo, sum, tcp_flags};
use crate::ruleset::RejectWith;

/// The hop limit of packets that the gateway makes (`net.ipv4.ip_default_ttl`, `net.ipv6.conf.default.hop_limit`).
const HOP_LIMIT: u8 = 64;

/// An ICMP error's own header, which is the same in both versions: type, code, checksum and four bytes of nothing.
const ERROR_HEADER_LEN: usize = 8;

/// What the sender is told.
#[derive(Clone, Copy)]
enum Told {
    Reset,
    /// That code of "destination unreachable".
    Unreachable(u8),
}

/// The IP packet that tells a packet's sender that it is rejected; `None` where nobody is told, also where `with` is of
/// the other version of IP.
///
/// `own` is the gateway's address on the device that the packet came in by, from which an ICMP error is sent; without, and
/// at [`Hook::LocalIn`], it is sent from the address that the packet was for. A reset always comes from there. Of a packet
/// that a capture has cut an error quotes what there is.
///
/// In the kernel a reset also closes the packet's connection, if that is in the table; that is for the caller to do.
pub fn answer(with: RejectWith, packet: Packet<'_>, hook: Hook, own: Option<IpAddr>) -> Option<Vec<u8>> {
    let tuple = &packet.info.tuple;
    let told = told(with, tuple.family)?;
    if packet.info.fragment == Fragment::Later || !is_checksum_right(packet, hook) {
        return None;
    }
    match told {
        Told::Reset => {
            let segment = reset(packet)?;
            match tuple.family {
                Family::V4 => v4::reset(packet, segment),
                Family::V6 => v6::reset(packet, segment),
            }
        }
        Told::Unreachable(code) => {
            if is_for_many(packet) {
                return None;
            }
            let own = own.filter(|own| hook != Hook::LocalIn && Family::from(*own) == tuple.family);
            let source = own.map_or(tuple.destination, Address::from);
            match tuple.family {
                Family::V4 => v4::unreachable(packet, source, code),
                Family::V6 => v6::unreachable(packet, source, code),
            }
        }
    }
}

fn told(with: RejectWith, family: Family) -> Option<Told> {
    use RejectWith::*;
    let code = match (family, with) {
        (_, TcpReset) => return Some(Told::Reset),
        (Family::V4, NetUnreachable) | (Family::V6, NoRoute6) => 0,
        (Family::V4, HostUnreachable) | (Family::V6, AdminProhibited6) => 1,
        (Family::V4, ProtoUnreachable) => 2,
        (Family::V4, PortUnreachable) | (Family::V6, AddressUnreachable6) => 3,
        (Family::V6, PortUnreachable6) => 4,
        (Family::V6, PolicyFail6) => 5,
        (Family::V6, RejectRoute6) => 6,
        (Family::V4, NetProhibited) => 9,
        (Family::V4, HostProhibited) => 10,
        (Family::V4, AdminProhibited) => 13,
        _ => return None,
    };
    Some(Told::Unreachable(code))
}

/// Whether the link layer had the packet for more than one.
fn is_for_many(packet: Packet<'_>) -> bool {
    packet.frame.link == LinkType::Ethernet && packet.frame.data.first().is_some_and(|first| first & 1 != 0)
}

/// Whether a packet's checksum fits, as far as REJECT looks at it. It does not for what the gateway itself has made, whose
/// checksums the device is to fill in.
fn is_checksum_right(packet: Packet<'_>, hook: Hook) -> bool {
    let bytes = packet.transport_bytes();
    let length = packet.transport_len();
    let cut = bytes.len() < length as usize;
    let tuple = &packet.info.tuple;
    let checked = match tuple.protocol {
        protocol::UDP => bytes.get(6..8) != Some(&[0, 0]),
        // Authentication and ESP, and those of which the checksum does not cover all, or is another one.
        50 | 51 | protocol::GRE | protocol::SCTP | protocol::UDPLITE => false,
        _ => true,
    };
    if hook == Hook::LocalOut || cut || !checked {
        return true;
    }
    let plain = tuple.family == Family::V4 && !matches!(tuple.protocol, protocol::TCP | protocol::UDP);
    if plain {
        // The header is summed too, and a right one is a sum of nothing.
        return matches!(sum(bytes), 0 | 0xffff);
    }
    let pseudo = pseudo(tuple.source, tuple.destination, tuple.protocol, length);
    fold(pseudo + u64::from(sum(bytes))) == 0xffff
}

/// The segment that resets what a segment belongs to (RFC 9293 section 3.5.2), between the same ends the other way round.
/// Nobody resets a reset. What the header says of its own length is not asked whether it can be.
fn reset(packet: Packet<'_>) -> Option<Vec<u8>> {
    use tcp_flags::{ACK, FIN, RST, SYN};
    let tuple = &packet.info.tuple;
    let header = packet.transport_bytes().first_chunk::<20>()?;
    if tuple.protocol != protocol::TCP || header[13] & RST != 0 {
        return None;
    }
    let has = |flag| u32::from(header[13] & flag != 0);
    let be32 = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (sequence, acknowledgment, flags) = if has(ACK) == 1 {
        (be32(8), 0, RST)
    } else {
        let data = packet.transport_len().wrapping_sub(u32::from(header[12] >> 4) * 4);
        (0, be32(4).wrapping_add(has(SYN)).wrapping_add(has(FIN)).wrapping_add(data), RST | ACK)
    };
    let mut segment = Vec::with_capacity(20);
    segment.extend([header[2], header[3], header[0], header[1]]);
    segment.extend(sequence.to_be_bytes());
    segment.extend(acknowledgment.to_be_bytes());
    segment.extend([5 << 4, flags, 0, 0, 0, 0, 0, 0]);
    let pseudo = pseudo(tuple.destination, tuple.source, protocol::TCP, segment.len() as u32);
    fill_in(&mut segment, 16, pseudo);
    Some(segment)
}

/// "Destination unreachable" with as much of the packet as there is room for, its checksum still zero.
fn error(packet: Packet<'_>, kind: u8, code: u8, room: usize) -> Vec<u8> {
    let at = usize::from(packet.info.network_offset);
    let rejected = packet.frame.data.get(at..).unwrap_or_default();
    let quoted = rejected.len().min(packet.info.ip_len as usize).min(room);
    let mut message = vec![0; ERROR_HEADER_LEN];
    message[0] = kind;
    message[1] = code;
    message.extend(rejected.iter().take(quoted));
    message
}

/// Writes the checksum of all bytes and of what was summed before where there is a zero as yet.
fn fill_in(bytes: &mut [u8], at: usize, before: u64) {
    let sum = !fold(before + u64::from(sum(bytes)));
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
