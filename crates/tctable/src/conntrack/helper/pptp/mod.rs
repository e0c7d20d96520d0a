//! PPTP (RFC 2637): the control connection gives each end a call id, which the GRE packets to it carry.

#[cfg(test)]
mod tests;

use super::{Helper, Outcome, Payload, Requests, Session, Wanted};
use crate::conntrack::Direction;
use crate::conntrack::expect::{Known, Policy};
use crate::packet::{Family, Tuple, protocol};
use crate::time::Duration;

const POLICIES: [Policy; 1] = [Policy { name: "", max_expected: 2, timeout: Duration::from_secs(300) }];

const CONTROL_MESSAGE: u16 = 1;
const MAGIC_COOKIE: u32 = 0x1a2b_3c4d;
/// Length, message type, cookie, control message type, a reserved field.
const HEADER: usize = 12;
/// The result of all requests that succeeded.
const OK: u8 = 1;

/// Control message types (RFC 2637 section 2), and the length of each after the header.
mod message {
    pub(super) const START_REQUEST: u16 = 1;
    pub(super) const START_REPLY: u16 = 2;
    pub(super) const STOP_REQUEST: u16 = 3;
    pub(super) const STOP_REPLY: u16 = 4;
    pub(super) const OUT_CALL_REQUEST: u16 = 7;
    pub(super) const OUT_CALL_REPLY: u16 = 8;
    pub(super) const IN_CALL_REQUEST: u16 = 9;
    pub(super) const IN_CALL_REPLY: u16 = 10;
    pub(super) const IN_CALL_CONNECTED: u16 = 11;
    pub(super) const CALL_CLEAR_REQUEST: u16 = 12;
    pub(super) const CALL_DISCONNECTED: u16 = 13;

    /// By type, from 1 on.
    pub(super) const LENGTHS: [u32; 15] = [144, 144, 4, 4, 4, 8, 156, 20, 208, 12, 16, 4, 136, 28, 12];
}

/// The helper for PPTP. IPv4 only, as the kernel's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pptp;

impl Helper for Pptp {
    fn name(&self) -> &'static str {
        "pptp"
    }

    fn protocol(&self) -> u8 {
        protocol::TCP
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V4)
    }

    fn default_ports(&self) -> &[u16] {
        &[1723]
    }

    fn policies(&self) -> &[Policy] {
        &POLICIES
    }

    fn attach(&self) -> Box<dyn Session> {
        Box::new(Control::default())
    }
}

/// Where a control connection stands. The order counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    #[default]
    None,
    Error,
    StopRequested,
    Requested,
    Confirmed,
}

impl Link {
    const ALL: [Link; 5] = [Link::None, Link::Error, Link::StopRequested, Link::Requested, Link::Confirmed];
}

/// Where its call stands: only the last one is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Call {
    #[default]
    None,
    OutRequested,
    OutConfirmed,
    InRequested,
    InReplied,
    InConfirmed,
    ClearRequested,
}

impl Call {
    const ALL: [Call; 7] = [
        Call::None,
        Call::OutRequested,
        Call::OutConfirmed,
        Call::InRequested,
        Call::InReplied,
        Call::InConfirmed,
        Call::ClearRequested,
    ];
}

/// A control connection. Whoever opened it is taken to be the PNS, the caller; the other end is the PAC.
#[derive(Debug, Default)]
struct Control {
    link: Link,
    call: Call,
    /// The id that GRE packets to the PNS carry.
    pns_call_id: u16,
    /// The id that GRE packets to the PAC carry.
    pac_call_id: u16,
}

impl Session for Control {
    fn packet(&mut self, payload: &Payload<'_>, requests: &mut Requests<'_>) -> Outcome {
        if payload.is_established()
            && let Some(message) = Message::read(payload)
        {
            // What makes no sense, or was cut before it could be read, changes nothing.
            let _ = match payload.direction {
                Direction::Original => self.pns_says(&message),
                Direction::Reply => self.pac_says(&message, payload.tuples, requests),
            };
        }
        Outcome::Accept
    }

    fn end(&mut self, tuples: &[Tuple; 2], requests: &mut Requests<'_>) {
        self.hang_up(tuples, requests);
    }

    fn saved(&self) -> Vec<u8> {
        let mut saved = vec![self.link as u8, self.call as u8];
        saved.extend([self.pns_call_id, self.pac_call_id].into_iter().flat_map(u16::to_le_bytes));
        saved
    }

    fn restore(&mut self, saved: &[u8]) -> bool {
        let Ok([link, call, ids @ ..]) = <[u8; 6]>::try_from(saved) else { return false };
        let [a, b, c, d] = ids;
        let link = Link::ALL.into_iter().find(|known| *known as u8 == link);
        let call = Call::ALL.into_iter().find(|known| *known as u8 == call);
        let (Some(link), Some(call)) = (link, call) else { return false };
        *self =
            Control { link, call, pns_call_id: u16::from_le_bytes([a, b]), pac_call_id: u16::from_le_bytes([c, d]) };
        true
    }
}

/// A control message: only the first one of a packet is read.
struct Message<'a> {
    kind: u16,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(payload: &Payload<'a>) -> Option<Self> {
        let (header, body) = payload.bytes.split_at_checked(HEADER)?;
        let header = Message { kind: 0, body: header };
        if header.word(2)? != CONTROL_MESSAGE || [header.word(4)?, header.word(6)?] != MAGIC_WORDS {
            return None;
        }
        let kind = header.word(8)?;
        let length = message::LENGTHS.get(usize::from(kind.checked_sub(1)?)).copied()?;
        (payload.wire_len >= HEADER as u32 + length).then_some(Message { kind, body })
    }

    fn word(&self, at: usize) -> Option<u16> {
        self.body.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.body.get(at).copied()
    }
}

const MAGIC_WORDS: [u16; 2] = [(MAGIC_COOKIE >> 16) as u16, MAGIC_COOKIE as u16];

impl Control {
    /// `None` where a message is not expected in this state.
    fn pns_says(&mut self, message: &Message<'_>) -> Option<()> {
        match message.kind {
            message::START_REQUEST if self.link == Link::None => self.link = Link::Requested,
            message::STOP_REQUEST => self.link = Link::StopRequested,
            message::OUT_CALL_REQUEST if self.link == Link::Confirmed => {
                self.pns_call_id = message.word(0)?;
                self.call = Call::OutRequested;
            }
            message::IN_CALL_REPLY if matches!(self.call, Call::InRequested | Call::InReplied) => {
                let (call_id, peers_call_id, result) = (message.word(0)?, message.word(2)?, message.byte(4)?);
                if peers_call_id != self.pac_call_id {
                    return None;
                }
                if result == OK {
                    self.call = Call::InReplied;
                    self.pns_call_id = call_id;
                } else {
                    self.call = Call::None;
                }
            }
            message::CALL_CLEAR_REQUEST if self.link == Link::Confirmed => self.call = Call::ClearRequested,
            _ => return None,
        }
        Some(())
    }

    /// `None` where a message is not expected in this state.
    fn pac_says(&mut self, message: &Message<'_>, tuples: &[Tuple; 2], requests: &mut Requests<'_>) -> Option<()> {
        match message.kind {
            message::START_REPLY if self.link >= Link::Requested => {
                self.link = if message.byte(2)? == OK { Link::Confirmed } else { Link::Error };
            }
            message::STOP_REPLY if self.link <= Link::StopRequested => {
                self.link = if message.byte(0)? == OK { Link::None } else { Link::Error };
            }
            message::OUT_CALL_REPLY
                if self.link == Link::Confirmed && matches!(self.call, Call::OutRequested | Call::OutConfirmed) =>
            {
                let (call_id, peers_call_id, result) = (message.word(0)?, message.word(2)?, message.byte(4)?);
                if peers_call_id != self.pns_call_id {
                    return None;
                }
                if result == OK {
                    self.call = Call::OutConfirmed;
                    self.pac_call_id = call_id;
                    self.expect_call(tuples, requests);
                } else {
                    self.call = Call::None;
                }
            }
            message::IN_CALL_REQUEST if self.link == Link::Confirmed => {
                self.pac_call_id = message.word(0)?;
                self.call = Call::InRequested;
            }
            message::IN_CALL_CONNECTED
                if self.link == Link::Confirmed && matches!(self.call, Call::InReplied | Call::InConfirmed) =>
            {
                if message.word(0)? != self.pns_call_id {
                    return None;
                }
                self.call = Call::InConfirmed;
                self.expect_call(tuples, requests);
            }
            message::CALL_DISCONNECTED => {
                self.call = Call::None;
                self.hang_up(tuples, requests);
            }
            _ => return None,
        }
        Some(())
    }

    /// The call's GRE connection in both directions: either end may send first.
    fn both_ways(&self, tuples: &[Tuple; 2]) -> [Wanted; 2] {
        [
            (Direction::Original, self.pns_call_id, self.pac_call_id),
            (Direction::Reply, self.pac_call_id, self.pns_call_id),
        ]
        .map(|(direction, from, to)| {
            let Tuple { source, destination, .. } = tuples[direction as usize];
            let wanted = Wanted::new(protocol::GRE, Some(source), destination, to, direction);
            Wanted { source_port: Some(from), either_way: true, ..wanted }
        })
    }

    /// Expects the call from both ends, or from none.
    fn expect_call(&self, tuples: &[Tuple; 2], requests: &mut Requests<'_>) {
        let [out, back] = self.both_ways(tuples);
        if requests.expect(&out, Known::OfMaster).is_err() {
            return;
        }
        if requests.expect(&back, Known::OfMaster).is_err() {
            requests.cancel(&out);
            return;
        }
        let keyless = if requests.add_key(&out).is_err() {
            true
        } else if requests.add_key(&back).is_err() {
            requests.flush_keys();
            true
        } else {
            false
        };
        if keyless {
            requests.cancel(&out);
            requests.cancel(&back);
        }
    }

    /// Ends the call's GRE connection, whether it has come or not.
    fn hang_up(&self, tuples: &[Tuple; 2], requests: &mut Requests<'_>) {
        requests.flush_keys();
        self.both_ways(tuples).iter().for_each(|wanted| requests.end(wanted));
    }
}
