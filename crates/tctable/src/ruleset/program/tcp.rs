//! `tcp`

use super::outcome::Outcome;
use super::{transport, udp};
use crate::hook::PacketBuf;
use crate::packet::{Family, Fragment};
use crate::ruleset::{Not, TcpMatch};

const HEADER_LEN: usize = 20;

pub(super) fn matches(asked: &TcpMatch, packet: &PacketBuf<'_>) -> Outcome {
    if overwrites_flags(packet) {
        return Outcome::HotDrop;
    }
    let bytes = match transport::header(packet, HEADER_LEN) {
        Ok(bytes) => bytes,
        Err(outcome) => return outcome,
    };
    if !udp::ports_fit(&asked.ports, bytes) {
        return Outcome::Differs;
    }
    let flags = bytes.get(13).copied().unwrap_or_default();
    if asked.flags.is_some_and(|asked| !asked.wants(flags & asked.value.0 == asked.value.1)) {
        return Outcome::Differs;
    }
    match asked.option {
        // The kernel takes 0 for "not asked".
        Some(asked) if asked.value != 0 => option(asked, packet, bytes),
        _ => Outcome::Matches,
    }
}

/// A fragment that begins 8 bytes into the datagram, and so would bring its own flags (RFC 1858 section 3).
fn overwrites_flags(packet: &PacketBuf<'_>) -> bool {
    let info = packet.info();
    if info.fragment != Fragment::Later || info.tuple.family != Family::V4 {
        return false;
    }
    let at = usize::from(info.network_offset) + 6;
    packet.data().get(at..at + 2).is_some_and(|word| word[0] & 0x1f == 0 && word[1] == 1)
}

/// Whether an option of that kind is there. As in the kernel the end of options does not end the search.
fn option(asked: Not<u8>, packet: &PacketBuf<'_>, bytes: &[u8]) -> Outcome {
    let header_len = bytes.get(12).map_or(0, |byte| usize::from(byte >> 4) * 4);
    if header_len < HEADER_LEN {
        return Outcome::HotDrop;
    }
    let options = match transport::header(packet, header_len) {
        Ok(bytes) => bytes.get(HEADER_LEN..header_len).unwrap_or_default(),
        Err(outcome) => return outcome,
    };
    let mut at = 0;
    while let Some(kind) = options.get(at) {
        if *kind == asked.value {
            return Outcome::from(asked.wants(true));
        }
        at += match kind {
            0 | 1 => 1,
            _ => usize::from(options.get(at + 1).copied().unwrap_or_default()).max(1),
        };
    }
    Outcome::from(asked.wants(false))
}
