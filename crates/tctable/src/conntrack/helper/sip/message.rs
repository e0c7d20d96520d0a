use super::super::text;
use super::{Failure, PORT};
use crate::packet::{Address, Family, Tuple, protocol};

/// Ports below are not taken from a URI.
const LOWEST_PORT: u32 = 1024;

/// A message, or what a datagram holds. All places in it are offsets from its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) family: Family,
}

/// A field that a search found, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<T> {
    /// There is none.
    Absent,
    /// Its value, which begins there, makes no sense.
    Unreadable { value: usize },
    /// What it says.
    Found(T),
}

/// A SIP URI whose host is an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uri {
    pub(super) address: Address,
    pub(super) port: u16,
    /// Where its parameters begin.
    pub(super) end: usize,
}

/// How far a walk over the contacts has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Contacts {
    at: usize,
    /// Whether another one may follow in the same header.
    in_header: bool,
    /// Where the last `@` or line's end that was looked for stands: many URIs may stand before one, and looking for it anew
    /// for each would take the square of the line's length.
    stop: Option<usize>,
}

impl<'a> Message<'a> {
    pub(super) const fn new(bytes: &'a [u8], family: Family) -> Self {
        Message { bytes, family }
    }

    /// Whether it is a request of that method: one blank and a URI follow it.
    pub(super) fn is_request(&self, method: &[u8]) -> bool {
        let uri = self.bytes.get(method.len() + 1);
        text::begins_with(self.bytes, 0, method)
            && self.bytes.get(method.len()) == Some(&b' ')
            && uri.is_some_and(|byte| is_letter(*byte))
    }

    /// The number of the CSeq header and where its digits end.
    pub(super) fn sequence(&self) -> Result<(u32, usize), Failure> {
        let value = self.numeric_header(b"CSeq", None).ok_or(Failure::Unreadable)?;
        let sequence = self.number(value).ok_or(Failure::Unreadable)?;
        Ok((sequence, value + text::digits(self.bytes, value)))
    }

    /// The Expires header; 0 where there is none, or none that makes sense.
    pub(super) fn expires(&self) -> u32 {
        self.numeric_header(b"Expires", None).and_then(|value| self.number(value)).unwrap_or(0)
    }

    /// The length of the message that these bytes begin with, from its Content-Length. It may be more than there is.
    pub(super) fn length(&self) -> Option<usize> {
        let value = self.numeric_header(b"Content-Length", Some(b'l'))?;
        let body = self.number(value)?;
        let after = value + text::digits(self.bytes, value);
        let end = self.bytes.get(after..)?.windows(4).position(|window| window == b"\r\n\r\n")?;
        Some((after + end + 4).saturating_add(body as usize))
    }

    /// The number at a place. Eleven digits are the most that are read.
    pub(super) fn number(&self, at: usize) -> Option<u32> {
        let digits = text::digits(self.bytes, at);
        let (number, _) = text::wrapping_number(self.bytes, at);
        if (1..=11).contains(&digits) { u32::try_from(number).ok() } else { None }
    }

    /// Where a header's value begins that is a number.
    fn numeric_header(&self, name: &[u8], compact: Option<u8>) -> Option<usize> {
        self.header(0, name, compact).filter(|value| text::digits(self.bytes, *value) > 0)
    }

    /// The next beginning of a line. A line that is only a line feed hides the beginning of the one after it.
    pub(super) fn next_line(&self, at: usize) -> Option<usize> {
        let rest = self.bytes.get(at..)?;
        let mut line = at + rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))? + 1;
        if self.bytes[line - 1] == b'\r' && self.bytes.get(line) == Some(&b'\n') {
            line += 1;
        }
        (line < self.bytes.len()).then_some(line)
    }

    /// Where the value of the next header of that name begins. A compact name is one that no letter follows. Where
    /// something else than a colon follows the name no header is looked for any more.
    fn header(&self, from: usize, name: &[u8], compact: Option<u8>) -> Option<usize> {
        let mut at = from;
        loop {
            let line = self.next_line(at)?;
            // A continuation line needs no care: no name begins with a blank.
            let named = if text::begins_with(self.bytes, line, name) {
                name.len()
            } else if compact.is_some_and(|compact| self.is_compact(line, compact)) {
                1
            } else {
                at = line + 1;
                continue;
            };
            let colon = self.skip_blanks(line + named, self.bytes.len())?;
            if self.bytes.get(colon) != Some(&b':') || colon + 1 >= self.bytes.len() {
                return None;
            }
            return self.skip_blanks(colon + 1, self.bytes.len());
        }
    }

    fn is_compact(&self, line: usize, compact: u8) -> bool {
        let follows = self.bytes.get(line + 1);
        text::begins_with(self.bytes, line, &[compact]) && follows.is_some_and(|byte| !is_letter(*byte))
    }

    /// Skips blanks, and one line's end where the next line continues it. `None` at the end of the header.
    fn skip_blanks(&self, at: usize, limit: usize) -> Option<usize> {
        let bytes = self.bytes.get(..limit)?;
        let blanks = |at: usize| {
            at + bytes.get(at..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
        };
        let end = blanks(at);
        if !matches!(bytes.get(end), Some(b'\r' | b'\n')) {
            return Some(end);
        }
        let pair = bytes.get(end..)?.starts_with(b"\r\n");
        let line = end + if pair { 2 } else { 1 };
        matches!(bytes.get(line), Some(b' ' | b'\t')).then(|| blanks(line))
    }

    /// Where a word stands in the rest of a header, whatever its case. One that ends the text is not found, unless blanks
    /// are before it.
    fn search(&self, from: usize, limit: usize, word: &[u8]) -> Option<usize> {
        let last = limit.checked_sub(word.len())?;
        let mut at = from;
        while at < last {
            at = self.skip_blanks(at, last)?;
            if text::begins_with(self.bytes, at, word) {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    /// The next contact whose URI makes sense.
    pub(super) fn next_contact(&self, contacts: &mut Contacts) -> Option<Uri> {
        loop {
            let next = if contacts.in_header { self.further_contact(contacts) } else { self.contact(contacts) };
            match next {
                Field::Found(uri) => {
                    contacts.at = uri.end;
                    contacts.in_header = true;
                    return Some(uri);
                }
                Field::Unreadable { value } => contacts.at = value,
                Field::Absent if contacts.in_header => contacts.in_header = false,
                Field::Absent => return None,
            }
        }
    }

    /// The first URI of the next Contact header.
    fn contact(&self, contacts: &mut Contacts) -> Field<Uri> {
        let Some(value) = self.header(contacts.at, b"Contact", Some(b'm')) else { return Field::Absent };
        let scheme = self.search(value, self.bytes.len(), b"sip:");
        let uri = scheme.and_then(|at| self.uri(at + 4, &mut contacts.stop));
        uri.map_or(Field::Unreadable { value }, Field::Found)
    }

    /// The next URI of the same header.
    fn further_contact(&self, contacts: &mut Contacts) -> Field<Uri> {
        let limit = self.bytes.len();
        let comma = self.search(contacts.at, limit, b",");
        let Some(at) = comma.and_then(|comma| self.search(comma, limit, b"sip:")) else { return Field::Absent };
        self.uri(at + 4, &mut contacts.stop).map_or(Field::Unreadable { value: at + 4 }, Field::Found)
    }

    /// `user@host:port` after the scheme. Something must follow it.
    fn uri(&self, at: usize, stop: &mut Option<usize>) -> Option<Uri> {
        let stop = match *stop {
            Some(stop) if stop >= at => stop,
            _ => {
                let rest = self.bytes.get(at..)?.iter();
                let length = rest.take_while(|byte| !matches!(byte, b'@' | b'\r' | b'\n')).count();
                *stop.insert(at + length)
            }
        };
        let host = if self.bytes.get(stop) == Some(&b'@') { stop + 1 } else { at };
        let (address, end) = self.host(host)?;
        if *self.bytes.get(end)? != b':' {
            return Some(Uri { address, port: PORT, end });
        }
        let digits = text::digits(self.bytes, end + 1);
        let port = self.number(end + 1).filter(|port| digits <= 5 && *port >= LOWEST_PORT)?;
        let uri = Uri { address, port: u16::try_from(port).ok()?, end: end + 1 + digits };
        self.bytes.get(uri.end).map(|_| uri)
    }

    /// An address, in brackets where it is one of IPv6, and where it ends.
    fn host(&self, at: usize) -> Option<(Address, usize)> {
        let rest = self.bytes.get(at..)?;
        match self.family {
            Family::V4 => text::ipv4(rest).map(|(address, length)| (address, at + length)),
            Family::V6 => {
                let rest = rest.strip_prefix(b"[")?;
                let (address, length) = text::ipv6(rest, None)?;
                (rest.get(length) == Some(&b']')).then_some((address, at + length + 2))
            }
        }
    }

    /// Where the parameters end that begin at a place: at the next comma.
    fn parameters_end(&self, from: usize) -> usize {
        self.search(from, self.bytes.len(), b",").unwrap_or(self.bytes.len())
    }

    /// Where the value of a parameter begins; the name has the equals sign at its end.
    fn parameter(&self, from: usize, name: &[u8]) -> Option<usize> {
        self.search(from, self.parameters_end(from), name).map(|at| at + name.len())
    }

    /// The transport protocol that a URI asks for, which is the connection's where it says nothing; `None` where it is
    /// another one.
    pub(super) fn transport(&self, uri: &Uri, tuple: &Tuple) -> Option<u8> {
        let Some(value) = self.parameter(uri.end, b"transport=") else { return Some(tuple.protocol) };
        let names = [(protocol::TCP, b"TCP"), (protocol::UDP, b"UDP")];
        let asked = names.into_iter().find(|(_, name)| text::begins_with(self.bytes, value, *name))?;
        (asked.0 == tuple.protocol).then_some(asked.0)
    }

    /// A contact's own time to live.
    pub(super) fn contact_expires(&self, uri: &Uri) -> Result<Option<u32>, Failure> {
        let value = self.parameter(uri.end, b"expires=");
        value.map(|value| self.number(value).ok_or(Failure::Unreadable)).transpose()
    }
}

/// A letter of Latin 1.
pub(super) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0xc0 && !matches!(byte, 0xd7 | 0xf7)
}
