//! ICMP (RFC 792) and ICMPv6 (RFC 4443).

use std::net::Ipv6Addr;

use super::{link::join, protocol::ICMPV6};
use crate::checksum::{Sum, checksum};

/// An ICMP echo request or reply.
pub fn icmp_echo(reply: bool, id: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    icmp(if reply { 0 } else { 8 }, 0, u32::from(id) << 16 | u32::from(sequence), payload)
}

/// An ICMP error that quotes `packet`, an IP packet or its beginning. `rest` is the header's second word: zero, or what the
/// type puts there, as the next hop's MTU of "fragmentation needed".
pub fn icmp_error(kind: u8, code: u8, rest: u32, packet: &[u8]) -> Vec<u8> {
    icmp(kind, code, rest, packet)
}

/// An ICMPv6 echo request or reply; the addresses are for its checksum.
pub fn icmpv6_echo(src: Ipv6Addr, dst: Ipv6Addr, reply: bool, id: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    icmpv6(src, dst, [if reply { 129 } else { 128 }, 0], u32::from(id) << 16 | u32::from(sequence), payload)
}

/// An ICMPv6 error that quotes `packet`, an IPv6 packet or its beginning; see [`icmp_error`] for `rest`.
pub fn icmpv6_error(src: Ipv6Addr, dst: Ipv6Addr, kind: u8, code: u8, rest: u32, packet: &[u8]) -> Vec<u8> {
    icmpv6(src, dst, [kind, code], rest, packet)
}

/// An ICMP message of any type: type, code, the header's second word and what follows.
pub fn icmp(kind: u8, code: u8, rest: u32, payload: &[u8]) -> Vec<u8> {
    let mut message = join(&[&[kind, code, 0, 0], &rest.to_be_bytes(), payload]);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// An ICMPv6 message of any type and code: the header's second word and what follows; the addresses are for its checksum.
pub fn icmpv6(src: Ipv6Addr, dst: Ipv6Addr, [kind, code]: [u8; 2], rest: u32, payload: &[u8]) -> Vec<u8> {
    let mut message = join(&[&[kind, code, 0, 0], &rest.to_be_bytes(), payload]);
    let mut sum = Sum::pseudo_header(src.into(), dst.into(), ICMPV6, message.len());
    sum.add(&message);
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    message
}
