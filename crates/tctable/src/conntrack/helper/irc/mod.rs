//! IRC's direct client connections (DCC): a client tells another one, through the server, where it listens.

#[cfg(test)]
mod tests;

use super::{Helper, Outcome, Payload, Requests, Session, Wanted, text};
use crate::conntrack::Direction;
use crate::conntrack::expect::Policy;
use crate::packet::{Address, Family, protocol};
use crate::time::Duration;

/// Bytes of a packet that are read.
const MAX_READ: usize = 4095;
/// The shortest that can follow where a message's text begins: `:\1DCC CHAT t AAAAAAAA P\1\n` and the blank before it.
const MIN_MESSAGE: usize = 26;
/// The shortest that can follow the blank before an address: `AAAAAAAA P\1\n`.
const MIN_ADDRESS: usize = 12;
const WORDS: [&[u8]; 5] = [b"SEND ", b"CHAT ", b"MOVE ", b"TSEND ", b"SCHAT "];

/// The helper for IRC. IPv4 only: DCC writes an address as one number.
#[derive(Clone, Copy, Debug)]
pub struct Irc {
    policies: [Policy; 1],
}

impl Irc {
    /// A helper that expects at most `max_dcc_channels` connections for a client, each for `dcc_timeout`: the
    /// parameters of `nf_conntrack_irc`.
    pub const fn new(max_dcc_channels: u32, dcc_timeout: Duration) -> Self {
        Irc { policies: [Policy { name: "", max_expected: max_dcc_channels, timeout: dcc_timeout }] }
    }
}

impl Default for Irc {
    /// 8 connections, 300 seconds.
    fn default() -> Self {
        Irc::new(8, Duration::from_secs(300))
    }
}

impl Helper for Irc {
    fn name(&self) -> &'static str {
        "irc"
    }

    fn protocol(&self) -> u8 {
        protocol::TCP
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V4)
    }

    fn default_ports(&self) -> &[u16] {
        &[6667]
    }

    fn policies(&self) -> &[Policy] {
        &self.policies
    }

    fn attach(&self) -> Box<dyn Session> {
        Box::new(Client)
    }
}

/// Nothing is remembered between packets.
#[derive(Debug)]
struct Client;

impl Session for Client {
    fn packet(&mut self, payload: &Payload<'_>, requests: &mut Requests<'_>) -> Outcome {
        if payload.direction == Direction::Reply || !payload.is_established() {
            return Outcome::Accept;
        }
        // The address may be the client's own, or the one that others see it by.
        let own = [payload.sender(), payload.opposite_tuple().destination];
        match find(payload, |address, port| own.contains(&address) && port != 0) {
            Some(port) => {
                let destination = payload.opposite_tuple().destination;
                requests.expect_or_drop(&Wanted::new(protocol::TCP, None, destination, port, Direction::Reply))
            }
            None => Outcome::Accept,
        }
    }
}

/// The port of the first offer in a message, if it is `honest`.
fn find(payload: &Payload<'_>, honest: impl Fn(Address, u16) -> bool) -> Option<u16> {
    let bytes = &payload.bytes[..payload.bytes.len().min(MAX_READ)];
    let not_blank = |byte: &u8| !matches!(byte, b' ' | b'\r' | b'\n');
    let start = bytes.iter().position(not_blank).filter(|start| start + 10 < bytes.len())?;
    if !text::begins_with(bytes, start, b"PRIVMSG ") {
        return None;
    }
    let last_newline = bytes.iter().rposition(|byte| *byte == b'\n');
    let mut at = start + 8;
    while at + MIN_MESSAGE < bytes.len() {
        if !bytes[at..].starts_with(b" :") {
            at += 1;
            continue;
        }
        at += 2;
        if !bytes[at..].starts_with(b"\x01DCC ") {
            return None;
        }
        at += 5;
        // One word is no other one's beginning: at most one of them fits.
        let Some(word) = WORDS.iter().find(|word| bytes[at..].starts_with(word)) else { continue };
        let (address, port) = offer(bytes, at + word.len(), last_newline, payload.is_cut())?;
        return honest(address, port).then_some(port);
    }
    None
}

/// The address and port after the next word. Both wrap round, and are 0 where there is no number. A newline must follow
/// somewhere, or in a packet that was cut anything that ends the port.
fn offer(bytes: &[u8], at: usize, last_newline: Option<usize>, cut: bool) -> Option<(Address, u16)> {
    let word = bytes.get(at..)?.iter().position(|byte| *byte == b' ')?;
    // The blank need not have that room after it, only what is before it.
    if word > 0 && at + word + MIN_ADDRESS > bytes.len() {
        return None;
    }
    let at = at + word + 1;
    let (address, end) = text::wrapping_number(bytes, at);
    let blanks = bytes.get(end..)?.iter().take_while(|byte| **byte == b' ').count();
    let (port, end) = text::wrapping_number(bytes, end + blanks);
    let complete = last_newline.is_some_and(|newline| newline >= at) || cut && end < bytes.len();
    complete.then_some((Address::from_v4_bits(address as u32), port as u16))
}
