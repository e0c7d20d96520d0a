//! Session descriptions: each end tells where it receives which media.

use super::super::text;
use super::message::{Message, is_letter};
use super::{Failure, Handled, Signalling, class};
use crate::conntrack::expect::{InsertError, Known};
use crate::conntrack::helper::{Payload, Requests, Wanted};
use crate::packet::{Address, Family, protocol};

/// The media that are expected.
const MEDIA: [(&[u8], u8); 3] = [(b"audio ", class::AUDIO), (b"video ", class::VIDEO), (b"image ", class::IMAGE)];
/// Media descriptions that are read.
const MAX_MEDIA: usize = 3;

/// A media description.
struct Media {
    /// Where its type begins.
    at: usize,
    /// How long type and port are.
    length: usize,
}

impl Message<'_> {
    /// What follows the next `letter=` at a line's beginning, before a line of `until`.
    fn description(&self, from: usize, letter: u8, until: Option<u8>) -> Option<usize> {
        let is = |line, letter| text::begins_with(self.bytes, line, &[letter, b'=']);
        let mut at = from;
        loop {
            let line = self.next_line(at)?;
            if until.is_some_and(|until| is(line, until)) {
                return None;
            }
            if is(line, letter) {
                return Some(line + 2);
            }
            at = line + 1;
        }
    }

    /// Where the description begins: at its version.
    fn session(&self) -> Option<usize> {
        self.description(0, b'v', None).filter(|value| text::digits(self.bytes, *value) > 0)
    }

    /// The address of the next connection line before the next media line. It must be of the packet's version of IP.
    fn connection(&self, from: usize) -> Option<Address> {
        let value = self.description(from, b'c', Some(b'm'))?;
        let network: &[u8] = match self.family {
            Family::V4 => b"IN IP4 ",
            Family::V6 => b"IN IP6 ",
        };
        let line = self.bytes.get(value..)?;
        let end = line.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(line.len());
        // One that ends the text is not looked at.
        let places = end.min(line.len().saturating_sub(network.len()));
        let at = (0..places).find(|at| line[*at..].starts_with(network))?;
        text::address(&line[at + network.len()..], self.family).map(|(address, _)| address)
    }

    /// The next media line: a word, one blank, and perhaps digits.
    fn media(&self, from: usize) -> Option<Media> {
        let at = self.description(from, b'm', None)?;
        let rest = self.bytes.get(at..)?;
        let word = rest.iter().take_while(|byte| is_letter(**byte)).count();
        let length = word + 1 + text::digits(rest, word + 1);
        (rest.get(word) == Some(&b' ')).then_some(Media { at, length })
    }
}

impl Signalling {
    /// Expects the media streams that a message describes, if it does.
    pub(super) fn describe(&self, message: Message<'_>, payload: &Payload<'_>, requests: &mut Requests<'_>) -> Handled {
        let Some(session) = message.session() else { return Ok(()) };
        let of_session = message.connection(session);
        let mut at = session;
        let mut described = 0;
        while described < MAX_MEDIA {
            let Some(media) = message.media(at) else { break };
            let Some((name, class)) = MEDIA.iter().find(|(name, _)| message.bytes[media.at..].starts_with(name)) else {
                at = media.at + media.length;
                continue;
            };
            at = media.at + name.len();
            let port = message.number(at).unwrap_or(0);
            // A stream that is not used, or not any more.
            if port == 0 {
                continue;
            }
            let port = u16::try_from(port).ok().filter(|port| *port >= 1024).ok_or(Failure::Unreadable)?;
            let address = message.connection(at).or(of_session).ok_or(Failure::Unreadable)?;
            self.expect_media(payload, requests, *class, address, port)?;
            described += 1;
        }
        Ok(())
    }

    /// Expects RTP at the even port and RTCP at the odd one after it.
    fn expect_media(
        &self,
        payload: &Payload<'_>,
        requests: &mut Requests<'_>,
        class: u8,
        address: Address,
        port: u16,
    ) -> Handled {
        if self.sip.direct_media && address != payload.sender() {
            return Ok(());
        }
        let from = self.sip.direct_media.then_some(payload.opposite_tuple().source);
        let at = |port| {
            let wanted = Wanted::new(protocol::UDP, from, address, port, payload.direction.opposite());
            Wanted { class, ..wanted }
        };
        // The same call may be described on several connections.
        if requests.others_expect(&at(port)) {
            return Ok(());
        }
        let (rtp, rtcp) = (at(port & !1), at(port | 1));
        // So may the same stream as several media; the first one counts.
        let added = match requests.expect(&rtp, Known::OfAny) {
            Ok(()) => true,
            Err(InsertError::Already) => false,
            Err(_) => return Err(Failure::Refused),
        };
        match requests.expect(&rtcp, Known::OfAny) {
            Ok(()) | Err(InsertError::Already) => Ok(()),
            Err(_) => {
                if added {
                    requests.cancel(&rtp);
                }
                Err(Failure::Refused)
            }
        }
    }
}
