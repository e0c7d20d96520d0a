use super::{ERROR_HEADER_LEN, HOP_LIMIT, error, fill_in};
use crate::packet::{Address, Packet, protocol};

const HEADER_LEN: usize = 20;

/// The most that an ICMP error has, with its IP header (RFC 1812 section 4.3.2.3).
const MOST: usize = 576;

const DONT_FRAGMENT: u16 = 0x4000;

/// "Destination unreachable" (RFC 792).
const UNREACHABLE: u8 = 3;

/// Errors keep the type of service, but not its precedence (RFC 1349), which is that of internetwork control.
const TOS_MASK: u8 = 0x1e;
const INTERNETWORK_CONTROL: u8 = 0xc0;

pub(super) fn reset(packet: Packet<'_>, segment: Vec<u8>) -> Option<Vec<u8>> {
    let tuple = &packet.info.tuple;
    let ends_are_hosts = is_host(tuple.source) && is_host(tuple.destination);
    ends_are_hosts.then(|| {
        let header = Header { tos: 0, id: 0, fragment: DONT_FRAGMENT, protocol: protocol::TCP };
        header.build(tuple.destination, tuple.source, &segment)
    })
}

pub(super) fn unreachable(packet: Packet<'_>, source: Address, code: u8) -> Option<Vec<u8>> {
    let tuple = &packet.info.tuple;
    let answered = is_host(tuple.source) && is_host(tuple.destination) && !is_icmp_error(packet);
    let header = packet.frame.data.get(usize::from(packet.info.network_offset)..)?.first_chunk::<HEADER_LEN>()?;
    answered.then(|| {
        let mut message = error(packet, UNREACHABLE, code, MOST - HEADER_LEN - ERROR_HEADER_LEN);
        fill_in(&mut message, 2, 0);
        let header = Header {
            tos: header[1] & TOS_MASK | INTERNETWORK_CONTROL,
            id: u16::from_be_bytes([header[4], header[5]]),
            fragment: 0,
            protocol: protocol::ICMP,
        };
        header.build(source, tuple.source, &message)
    })
}

/// Whether an address is that of one host, as far as it tells: neither none, nor a group (224.0.0.0/4), nor all.
fn is_host(address: Address) -> bool {
    let bits = address.bits() as u32;
    bits != 0 && bits >> 28 != 0xe && bits != u32::MAX
}

/// Whether a packet is an ICMP message that is no query, no answer to one, or not known.
fn is_icmp_error(packet: Packet<'_>) -> bool {
    let kind = packet.transport_bytes().first();
    packet.info.tuple.protocol == protocol::ICMP && !matches!(kind, Some(0 | 8 | 13..=18))
}

struct Header {
    tos: u8,
    id: u16,
    fragment: u16,
    protocol: u8,
}

impl Header {
    fn build(&self, source: Address, destination: Address, payload: &[u8]) -> Vec<u8> {
        let Header { tos, id, fragment, protocol } = *self;
        let mut packet = Vec::with_capacity(HEADER_LEN + payload.len());
        packet.extend([0x45, tos]);
        packet.extend(((HEADER_LEN + payload.len()) as u16).to_be_bytes());
        packet.extend(id.to_be_bytes());
        packet.extend(fragment.to_be_bytes());
        packet.extend([HOP_LIMIT, protocol, 0, 0]);
        packet.extend((source.bits() as u32).to_be_bytes());
        packet.extend((destination.bits() as u32).to_be_bytes());
        fill_in(&mut packet, 10, 0);
        packet.extend(payload);
        packet
    }
}
