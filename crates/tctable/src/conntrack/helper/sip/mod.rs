//! SIP (RFC 3261) with SDP (RFC 8866): registrations announce calls, calls announce media streams.

mod message;
mod register;
mod sdp;
#[cfg(test)]
mod tests;

use self::message::Message;
use super::{Helper, Outcome, Payload, Requests, Session, text};
use crate::conntrack::expect::Policy;
use crate::packet::protocol;
use crate::time::Duration;

/// The port of a URI that tells none.
const PORT: u16 = 5060;
/// `SIP/2.0 200`: what is shorter is no message.
const SHORTEST: usize = 11;

/// The classes of expectations.
mod class {
    pub(super) const SIGNALLING: u8 = 0;
    pub(super) const AUDIO: u8 = 1;
    pub(super) const VIDEO: u8 = 2;
    pub(super) const IMAGE: u8 = 3;
}

const TIMEOUT: Duration = Duration::from_secs(180);
const POLICIES: [Policy; 4] = [
    Policy { name: "signalling", max_expected: 1, timeout: TIMEOUT },
    Policy { name: "audio", max_expected: 4, timeout: TIMEOUT },
    Policy { name: "video", max_expected: 4, timeout: TIMEOUT },
    Policy { name: "image", max_expected: 2, timeout: TIMEOUT },
];

/// What SIP goes over: one helper for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A message is a datagram.
    Udp,
    /// Messages follow each other; one that is not whole in a packet is not read.
    Tcp,
}

impl Transport {
    const fn protocol(self) -> u8 {
        match self {
            Transport::Udp => protocol::UDP,
            Transport::Tcp => protocol::TCP,
        }
    }
}

/// The helper for SIP over one transport; its fields are the parameters of `nf_conntrack_sip`.
#[derive(Clone, Copy, Debug)]
pub struct Sip {
    /// What it goes over.
    pub transport: Transport,
    /// `sip_timeout`: how long the signalling connection lasts after a packet.
    pub timeout: Duration,
    /// `sip_direct_signalling`: calls are expected from the registrar only.
    pub direct_signalling: bool,
    /// `sip_direct_media`: media is expected between those who signal only.
    pub direct_media: bool,
}

impl Sip {
    /// The kernel's parameters: an hour, and both direct.
    pub const fn new(transport: Transport) -> Self {
        Sip { transport, timeout: Duration::from_secs(3_600), direct_signalling: true, direct_media: true }
    }
}

impl Helper for Sip {
    fn name(&self) -> &'static str {
        "sip"
    }

    fn protocol(&self) -> u8 {
        self.transport.protocol()
    }

    fn default_ports(&self) -> &[u16] {
        &[PORT]
    }

    fn policies(&self) -> &[Policy] {
        &POLICIES
    }

    fn attach(&self) -> Box<dyn Session> {
        Box::new(Signalling { sip: *self, register_sequence: 0, invite_sequence: 0 })
    }
}

/// Why a message's packet is not to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// It could not be read.
    Unreadable,
    /// What it announces cannot be expected.
    Refused,
}

type Handled = Result<(), Failure>;

/// A signalling connection.
#[derive(Debug)]
struct Signalling {
    sip: Sip,
    /// The CSeq of the last REGISTER that was understood.
    register_sequence: u32,
    /// The CSeq of the last INVITE that was understood.
    invite_sequence: u32,
}

impl Session for Signalling {
    fn packet(&mut self, payload: &Payload<'_>, requests: &mut Requests<'_>) -> Outcome {
        let stream = self.sip.transport == Transport::Tcp;
        if payload.wire_len == 0 || stream && !payload.is_established() {
            return Outcome::Accept;
        }
        requests.refresh_master(self.sip.timeout);
        if (payload.wire_len as usize) < SHORTEST {
            return Outcome::Accept;
        }
        let handled = if stream {
            self.stream(payload, requests)
        } else {
            self.message(Message::new(payload.bytes, payload.family()), payload, requests)
        };
        match handled {
            Ok(()) => Outcome::Accept,
            Err(Failure::Unreadable) => payload.unreadable(),
            Err(Failure::Refused) => Outcome::Drop,
        }
    }

    fn saved(&self) -> Vec<u8> {
        [self.register_sequence, self.invite_sequence].into_iter().flat_map(u32::to_le_bytes).collect()
    }

    fn restore(&mut self, saved: &[u8]) -> bool {
        let Some((register, invite)) = saved.split_first_chunk() else { return false };
        let Ok(invite) = invite.try_into() else { return false };
        (self.register_sequence, self.invite_sequence) = (u32::from_le_bytes(*register), u32::from_le_bytes(invite));
        true
    }
}

impl Signalling {
    /// Reads the messages that begin in a segment, one after the other, up to one that is not whole.
    fn stream(&mut self, payload: &Payload<'_>, requests: &mut Requests<'_>) -> Handled {
        let mut rest = payload.bytes;
        let mut wire_rest = payload.wire_len as usize;
        while !rest.is_empty() {
            let whole = Message::new(rest, payload.family());
            let length = match whole.length() {
                Some(length) if length > wire_rest => break,
                Some(length) => length,
                // Its end may be among what was cut off.
                None if payload.is_cut() => wire_rest,
                None => break,
            };
            let (bytes, after) = rest.split_at(length.min(rest.len()));
            self.message(Message::new(bytes, payload.family()), payload, requests)?;
            rest = after;
            wire_rest -= length;
        }
        Ok(())
    }

    fn message(&mut self, message: Message<'_>, payload: &Payload<'_>, requests: &mut Requests<'_>) -> Handled {
        if text::begins_with(message.bytes, 0, b"SIP/2.0 ") {
            self.response(message, payload, requests)
        } else {
            self.request(message, payload, requests)
        }
    }

    fn request(&mut self, message: Message<'_>, payload: &Payload<'_>, requests: &mut Requests<'_>) -> Handled {
        let Some(method) = Method::ALL.into_iter().find(|method| message.is_request(method.name())) else {
            return Ok(());
        };
        let (sequence, _) = message.sequence()?;
        match method {
            Method::Invite => {
                flush_media(requests);
                self.describe(message, payload, requests)?;
                self.invite_sequence = sequence;
            }
            Method::Update | Method::Ack | Method::Prack => self.describe(message, payload, requests)?,
            Method::Bye => flush_media(requests),
            Method::Register => self.register(message, sequence, payload, requests)?,
        }
        Ok(())
    }

    fn response(&mut self, message: Message<'_>, payload: &Payload<'_>, requests: &mut Requests<'_>) -> Handled {
        if message.bytes.len() < SHORTEST {
            return Ok(());
        }
        let code = message.number(8).filter(|code| *code != 0).ok_or(Failure::Unreadable)?;
        let (sequence, end) = message.sequence()?;
        // One byte stands between the number and the method.
        let about = |method: &Method| text::begins_with(message.bytes, end + 1, method.name());
        match Method::ALL.iter().find(|method| method.is_answered() && about(method)) {
            Some(Method::Register) => self.registered(message, (code, sequence), payload, requests),
            Some(_) if (100..=299).contains(&code) => self.describe(message, payload, requests),
            Some(_) => {
                if sequence == self.invite_sequence {
                    flush_media(requests);
                }
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// The methods that say something of connections to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Invite,
    Update,
    Ack,
    Prack,
    Bye,
    Register,
}

impl Method {
    const ALL: [Method; 6] =
        [Method::Invite, Method::Update, Method::Ack, Method::Prack, Method::Bye, Method::Register];

    const fn name(self) -> &'static [u8] {
        match self {
            Method::Invite => b"INVITE",
            Method::Update => b"UPDATE",
            Method::Ack => b"ACK",
            Method::Prack => b"PRACK",
            Method::Bye => b"BYE",
            Method::Register => b"REGISTER",
        }
    }

    /// Whether its responses are read.
    const fn is_answered(self) -> bool {
        !matches!(self, Method::Ack | Method::Bye)
    }
}

/// The call is over, or described anew.
fn flush_media(requests: &mut Requests<'_>) {
    requests.cancel_all(|expectation| expectation.class != class::SIGNALLING);
}
