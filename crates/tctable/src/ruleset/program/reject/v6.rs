use super::{ERROR_HEADER_LEN, HOP_LIMIT, error, fill_in};
use crate::packet::{Address, Packet, protocol, pseudo};

const HEADER_LEN: usize = 40;

/// The most that an ICMPv6 error has, with its IP header: the least MTU (RFC 4443 section 3.1).
const MOST: usize = 1_280;

/// "Destination unreachable" (RFC 4443 section 3.1).
const UNREACHABLE: u8 = 1;

/// ICMPv6 messages with this bit in their type are no errors.
const INFORMATIONAL: u8 = 0x80;

pub(super) fn reset(packet: Packet<'_>, segment: Vec<u8>) -> Option<Vec<u8>> {
    let tuple = &packet.info.tuple;
    let ends_are_hosts = is_host(tuple.source) && is_host(tuple.destination);
    ends_are_hosts.then(|| build(tuple.destination, tuple.source, protocol::TCP, &segment))
}

pub(super) fn unreachable(packet: Packet<'_>, source: Address, code: u8) -> Option<Vec<u8>> {
    let tuple = &packet.info.tuple;
    let nothing_follows = packet.transport_len() == 0 || is_without_transport(tuple.protocol);
    let is_error = tuple.protocol == protocol::ICMPV6
        && packet.transport_bytes().first().is_none_or(|kind| kind & INFORMATIONAL == 0);
    if !is_host(tuple.source) || is_group(tuple.destination) || nothing_follows || is_error {
        return None;
    }
    let mut message = error(packet, UNREACHABLE, code, MOST - HEADER_LEN - ERROR_HEADER_LEN);
    let pseudo = pseudo(source, tuple.source, protocol::ICMPV6, message.len() as u32);
    fill_in(&mut message, 2, pseudo);
    Some(build(source, tuple.source, protocol::ICMPV6, &message))
}

/// Whether the chain of headers says that nothing follows, or ends in an extension header that is cut.
fn is_without_transport(protocol: u8) -> bool {
    matches!(protocol, 0 | 43 | 44 | 51 | 59 | 60)
}

/// Neither none nor a group.
fn is_host(address: Address) -> bool {
    address.bits() != 0 && !is_group(address)
}

/// ff00::/8.
fn is_group(address: Address) -> bool {
    address.bits() >> 120 == 0xff
}

fn build(source: Address, destination: Address, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(HEADER_LEN + payload.len());
    packet.extend([0x60, 0, 0, 0]);
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([protocol, HOP_LIMIT]);
    packet.extend(source.bits().to_be_bytes());
    packet.extend(destination.bits().to_be_bytes());
    packet.extend(payload);
    packet
}
