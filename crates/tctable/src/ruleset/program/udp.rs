//! `udp`, and ports.

use super::outcome::Outcome;
use super::transport;
use crate::hook::PacketBuf;
use crate::ruleset::{Not, PortRange, PortsMatch};

const HEADER_LEN: usize = 8;

pub(super) fn matches(asked: &PortsMatch, packet: &PacketBuf<'_>) -> Outcome {
    match transport::header(packet, HEADER_LEN) {
        Ok(bytes) => Outcome::from(ports_fit(asked, bytes)),
        Err(outcome) => outcome,
    }
}

/// Whether the ports at the beginning of a transport header are those.
pub(super) fn ports_fit(asked: &PortsMatch, bytes: &[u8]) -> bool {
    let (source, destination) = transport::ports(bytes);
    port_fits(&asked.source, source) && port_fits(&asked.destination, destination)
}

/// Whether a port is in the range, if one is asked for.
pub(super) fn port_fits(asked: &Option<Not<PortRange>>, port: u16) -> bool {
    asked.is_none_or(|asked| asked.wants(within(asked.value, port)))
}

/// Whether a port is in a range.
pub(super) fn within(range: PortRange, port: u16) -> bool {
    (range.first..=range.last).contains(&port)
}
