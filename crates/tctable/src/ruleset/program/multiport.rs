//! `multiport`

use super::outcome::Outcome;
use super::{transport, udp};
use crate::hook::PacketBuf;
use crate::ruleset::{Multiport, MultiportSide, Not};

/// All that is read: the ports.
const HEADER_LEN: usize = 4;

pub(super) fn matches(asked: &Not<Multiport>, packet: &PacketBuf<'_>) -> Outcome {
    let (source, destination) = match transport::header(packet, HEADER_LEN) {
        Ok(bytes) => transport::ports(bytes),
        Err(outcome) => return outcome,
    };
    let Multiport { side, ports } = &asked.value;
    let any = |port| ports.iter().any(|range| udp::within(*range, port));
    Outcome::from(asked.wants(match side {
        MultiportSide::Source => any(source),
        MultiportSide::Destination => any(destination),
        MultiportSide::Either => any(source) || any(destination),
    }))
}
