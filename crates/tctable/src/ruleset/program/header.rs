//! What a rule asks of the IP header and of the devices: `ip_packet_match` and `ip6_packet_match`.

use super::outcome::Outcome;
use crate::hook::PacketBuf;
use crate::packet::{Address, Family, Fragment, PacketInfo};
use crate::ruleset::{DevicePattern, Header, Masked, Not};

// Extension headers (RFC 8200 section 4).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

/// The names of a packet's devices; empty where it has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeviceNames<'n> {
    pub(super) input: &'n str,
    pub(super) output: &'n str,
}

/// Whether a packet has what the header asks for.
#[inline]
pub(super) fn matches(header: &Header, packet: &PacketBuf<'_>, devices: DeviceNames<'_>) -> Outcome {
    let tuple = &packet.info().tuple;
    let asked = address(&header.source, tuple.source)
        && address(&header.destination, tuple.destination)
        && device(&header.input, devices.input)
        && device(&header.output, devices.output);
    if !asked {
        return Outcome::Differs;
    }
    match tuple.family {
        Family::V4 => {
            let protocol = header.protocol.is_none_or(|asked| asked.wants(asked.value == tuple.protocol));
            let later = packet.info().fragment == Fragment::Later;
            Outcome::from(protocol && header.fragment.is_none_or(|asked| asked == later))
        }
        Family::V6 => match &header.protocol {
            Some(asked) => protocol_v6(asked, packet),
            None => Outcome::Matches,
        },
    }
}

fn address(asked: &Option<Not<Masked>>, address: Address) -> bool {
    asked.is_none_or(|asked| asked.wants(under(&asked.value, address)))
}

/// Whether an address is the asked one, as far as the mask says.
pub(super) fn under(asked: &Masked, address: Address) -> bool {
    address.high & asked.mask.high == asked.address.high && address.low & asked.mask.low == asked.address.low
}

fn device(asked: &Option<Not<DevicePattern>>, name: &str) -> bool {
    let Some(asked) = asked else { return true };
    let pattern = &*asked.value.name;
    // No name at all fits all.
    let any = asked.value.wildcard || pattern.is_empty();
    asked.wants(if any { name.as_bytes().starts_with(pattern.as_bytes()) } else { *name == *pattern })
}

/// In IPv6 the protocol is that of the last header. A packet that ends before it is dropped, and so is a later fragment
/// that would begin with another extension header.
fn protocol_v6(asked: &Not<u8>, packet: &PacketBuf<'_>) -> Outcome {
    match last_header(packet.info(), packet.data()) {
        Ok(protocol) => Outcome::from(asked.wants(asked.value == protocol)),
        Err(outcome) => outcome,
    }
}

/// The protocol of an IPv6 packet's last header, as rules look for it (`ipv6_find_hdr`): where headers are cut short they
/// are stricter than connection tracking, which wants no more than a routing header's first two bytes.
///
/// # Errors
/// What a rule that asks for it says of a packet in which it cannot be found.
fn last_header(info: &PacketInfo, data: &[u8]) -> Result<u8, Outcome> {
    if has_protocol(info) {
        return Ok(info.tuple.protocol);
    }
    let start = usize::from(info.network_offset);
    let end = start + info.ip_len as usize;
    let kept = data.get(..end).unwrap_or(data);
    walk_headers(kept, start).ok_or(if kept.len() < end { Outcome::Differs } else { Outcome::HotDrop })
}

/// Steps over the extension headers of the IPv6 packet that begins at `start`; `None` where it ends within them, and for a
/// later fragment of which nobody knows how they go on.
fn walk_headers(data: &[u8], start: usize) -> Option<u8> {
    let (mut protocol, mut at) = (*data.get(start + 6)?, start + 40);
    while is_extension(protocol) {
        let header = data.get(at..)?;
        let (next, length) = (*header.first()?, usize::from(*header.get(1)?));
        at += match protocol {
            ROUTING if header.len() < 4 => return None,
            FRAGMENT => {
                let later = u16::from_be_bytes([*header.get(2)?, *header.get(3)?]) & !7 != 0;
                if later {
                    return (!is_extension(next)).then_some(next);
                }
                8
            }
            AUTHENTICATION => (length + 2) * 4,
            _ => (length + 1) * 8,
        };
        protocol = next;
    }
    Some(protocol)
}

/// The extension headers that the kernel steps over (`ipv6_ext_hdr`), but for "no next header", which ends the search.
fn is_extension(protocol: u8) -> bool {
    matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION)
}

/// Whether the protocol that a rule asks for is the one that the packet was tracked by, without a look at the packet.
pub(super) fn has_protocol(info: &PacketInfo) -> bool {
    let plain = info.transport_offset == info.network_offset + 40 && !is_extension(info.tuple.protocol);
    info.tuple.family == Family::V4 || plain
}
