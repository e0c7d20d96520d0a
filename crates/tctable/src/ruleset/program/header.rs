//! What a rule asks of the IP header and of the devices: `ip_packet_match` and `ip6_packet_match`.

use super::outcome::Outcome;
use crate::hook::PacketBuf;
use crate::packet::{Address, Family, Fragment, PacketInfo};
use crate::ruleset::{DevicePattern, Header, Masked, Not};

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

/// The protocol of an IPv6 packet's last header.
///
/// # Errors
/// What a rule that asks for it says of a packet in which it cannot be found.
fn last_header(info: &PacketInfo, data: &[u8]) -> Result<u8, Outcome> {
    if !is_extension(info.tuple.protocol) {
        return Ok(info.tuple.protocol);
    }
    let cut = data.len() < usize::from(info.network_offset) + info.ip_len as usize;
    Err(if cut { Outcome::Differs } else { Outcome::HotDrop })
}

/// The extension headers that the kernel steps over (`ipv6_ext_hdr`), but for "no next header", which ends the search.
fn is_extension(protocol: u8) -> bool {
    matches!(protocol, 0 | 43 | 44 | 51 | 60)
}

/// Whether a rule that asks for a protocol finds it in the packet.
pub(super) fn has_protocol(info: &PacketInfo) -> bool {
    info.tuple.family == Family::V4 || !is_extension(info.tuple.protocol)
}
