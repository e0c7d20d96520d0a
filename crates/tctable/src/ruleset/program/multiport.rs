//! `multiport`

use super::matches::Held;
use super::{transport, udp};
use crate::hook::PacketBuf;
use crate::ruleset::{Multiport, MultiportSide, Not};

/// All that is read: the ports.
const HEADER_LEN: usize = 4;

pub(super) fn matches(asked: &Not<Multiport>, packet: &PacketBuf<'_>) -> Held {
    let (source, destination) = match transport::header(packet, HEADER_LEN) {
        Ok(bytes) => transport::ports(bytes),
        Err(held) => return held,
    };
    let Multiport { side, ports } = &asked.value;
    let any = |port| ports.iter().any(|range| udp::within(*range, port));
    Held::from(asked.wants(match side {
        MultiportSide::Source => any(source),
        MultiportSide::Destination => any(destination),
        MultiportSide::Either => any(source) || any(destination),
    }))
}
