//! The commands and answers that name an address.

use super::super::text;
use crate::conntrack::Direction;
use crate::conntrack::helper::Payload;
use crate::packet::{Address, Family};

/// What a line's beginning is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// Nothing that names an address.
    None,
    /// It may become something, or is something that makes no sense.
    Partial,
    /// An address and a port.
    Found(Named),
}

/// Where the data connection is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) address: Address,
    pub(super) port: u16,
}

struct Pattern {
    word: &'static [u8],
    /// What follows the word comes after this byte.
    skip: Option<u8>,
    read: fn(&[u8], Family, Address) -> Option<Named>,
}

const COMMANDS: [Pattern; 2] = [
    Pattern { word: b"PORT", skip: Some(b' '), read: port },
    Pattern { word: b"EPRT", skip: Some(b' '), read: extended_port },
];
const ANSWERS: [Pattern; 2] = [
    Pattern { word: b"227 ", skip: None, read: passive },
    Pattern { word: b"229 ", skip: Some(b'('), read: extended_passive },
];

/// Looks for a command or an answer at the payload's beginning.
pub(super) fn find(payload: &Payload<'_>) -> Match {
    let patterns = match payload.direction {
        Direction::Original => &COMMANDS,
        Direction::Reply => &ANSWERS,
    };
    let matches = patterns.iter().map(|pattern| pattern.find(payload));
    matches.into_iter().find(|found| *found != Match::None).unwrap_or(Match::None)
}

impl Pattern {
    fn find(&self, payload: &Payload<'_>) -> Match {
        let line = payload.bytes;
        if line.is_empty() {
            return Match::None;
        }
        if line.len() <= self.word.len() {
            let begun = text::begins_with(self.word, 0, line);
            return if begun { Match::Partial } else { Match::None };
        }
        if !text::begins_with(line, 0, self.word) {
            return Match::None;
        }
        let rest = &line[self.word.len()..];
        let rest = match self.skip {
            None => Some(rest),
            Some(skip) => rest.iter().position(|byte| *byte == skip).map(|at| &rest[at + 1..]),
        };
        let named = rest.and_then(|rest| (self.read)(rest, payload.family(), payload.sender()));
        named.map_or(Match::Partial, Match::Found)
    }
}

/// `N` numbers with separators between them, and how long they are. A terminator must follow them; where none is asked
/// for anything else may. Numbers wrap round, and may be missing, which is 0.
fn numbers<const N: usize>(text: &[u8], separator: u8, terminator: Option<u8>) -> Option<([u32; N], usize)> {
    let mut numbers = [0u32; N];
    let mut nth = 0;
    for (at, byte) in text.iter().enumerate() {
        let number = numbers.get_mut(nth)?;
        if byte.is_ascii_digit() {
            *number = number.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'));
        } else if *byte == separator {
            nth += 1;
        } else {
            let ends = terminator.is_none_or(|terminator| terminator == *byte) && nth + 1 == N;
            return ends.then_some((numbers, at));
        }
    }
    None
}

/// The parts of an address, each of which may reach into those before it.
fn quad(parts: [u32; 4]) -> Address {
    let [a, b, c, d] = parts;
    Address::from_v4_bits(a << 24 | b << 16 | c << 8 | d)
}

/// `h1,h2,h3,h4,p1,p2` (RFC 959 section 4.1.2).
fn host_port(text: &[u8], terminator: Option<u8>, family: Family) -> Option<Named> {
    let ([a, b, c, d, high, low], _) = numbers(text, b',', terminator)?;
    let port = (high << 8 | low) as u16;
    // An IPv4 address is nobody's on a connection over IPv6: no address of such a host.
    let address = if family == Family::V4 { quad([a, b, c, d]) } else { Address::from_v6_bits(u128::MAX) };
    Some(Named { address, port })
}

fn port(text: &[u8], family: Family, _sender: Address) -> Option<Named> {
    host_port(text, Some(b'\r'), family)
}

/// The numbers begin at the first digit, whatever is before and after them (RFC 1123 section 4.1.2.6).
fn passive(text: &[u8], family: Family, _sender: Address) -> Option<Named> {
    let start = text.iter().position(u8::is_ascii_digit)?;
    host_port(&text[start..], None, family)
}

/// The byte that stands between the parts (RFC 2428 section 2): printable, and no digit.
fn delimiter(text: &[u8]) -> Option<u8> {
    text.first().copied().filter(|byte| byte.is_ascii_graphic() && !byte.is_ascii_digit())
}

/// `|1|10.0.0.1|1025|` or `|2|2001:db8::1|1025|`.
fn extended_port(text: &[u8], family: Family, _sender: Address) -> Option<Named> {
    let delimiter = delimiter(text)?;
    let version = match family {
        Family::V4 => b'1',
        Family::V6 => b'2',
    };
    let rest = text.get(1..)?.strip_prefix(&[version, delimiter])?;
    if rest.is_empty() {
        return None;
    }
    let (address, length) = match family {
        Family::V4 => {
            let (parts, length) = numbers(rest, b'.', Some(delimiter))?;
            (quad(parts), length)
        }
        Family::V6 => text::ipv6(rest, Some(delimiter))?,
    };
    let port = delimited_port(rest.get(length + 1..)?, delimiter)?;
    Some(Named { address, port })
}

/// `|||1025|`: the address is the sender's.
fn extended_passive(text: &[u8], _family: Family, sender: Address) -> Option<Named> {
    let delimiter = delimiter(text)?;
    let port = delimited_port(text.strip_prefix(&[delimiter; 3])?, delimiter)?;
    Some(Named { address: sender, port })
}

/// A port that is not 0 and the delimiter after it. It wraps round.
fn delimited_port(text: &[u8], delimiter: u8) -> Option<u16> {
    let (port, end) = text::wrapping_number(text, 0);
    let port = Some(port as u16).filter(|port| *port != 0)?;
    (text.get(end) == Some(&delimiter)).then_some(port)
}
