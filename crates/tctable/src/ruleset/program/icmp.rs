//! `icmp`, `icmp6`

use super::outcome::Outcome;
use super::transport;
use crate::hook::PacketBuf;
use crate::packet::Family;
use crate::ruleset::{IcmpMatch, Not};

const HEADER_LEN: usize = 8;

/// IPv4's name for any type.
const ANY: u8 = 255;

pub(super) fn matches(asked: &Not<IcmpMatch>, packet: &PacketBuf<'_>) -> Outcome {
    let (kind, code) = match transport::header(packet, HEADER_LEN) {
        Ok([kind, code, ..]) => (*kind, *code),
        Ok(_) => return Outcome::Differs,
        Err(outcome) => return outcome,
    };
    let IcmpMatch { kind: wanted, codes } = asked.value;
    let any = wanted == ANY && packet.info().tuple.family == Family::V4;
    Outcome::from(asked.wants(any || (kind == wanted && (codes.0..=codes.1).contains(&code))))
}
