//! PPTP (RFC 2637): a control connection, and a tunnel in GRE for each call.

use super::{Announced, Control};
use crate::{
    rng::Rng,
    talks::{gre::Gre, places, tcp::Message},
};

/// Control message types and their lengths (RFC 2637 section 2).
mod control {
    pub(super) const START_REQUEST: (u8, usize) = (1, 156);
    pub(super) const START_REPLY: (u8, usize) = (2, 156);
    pub(super) const STOP_REQUEST: (u8, usize) = (3, 16);
    pub(super) const STOP_REPLY: (u8, usize) = (4, 16);
    pub(super) const ECHO_REQUEST: (u8, usize) = (5, 16);
    pub(super) const ECHO_REPLY: (u8, usize) = (6, 20);
    pub(super) const OUTGOING_REQUEST: (u8, usize) = (7, 168);
    pub(super) const OUTGOING_REPLY: (u8, usize) = (8, 32);
    pub(super) const INCOMING_REQUEST: (u8, usize) = (9, 220);
    pub(super) const INCOMING_REPLY: (u8, usize) = (10, 24);
    pub(super) const INCOMING_CONNECTED: (u8, usize) = (11, 28);
    pub(super) const CLEAR_REQUEST: (u8, usize) = (12, 16);
    pub(super) const DISCONNECT_NOTIFY: (u8, usize) = (13, 148);
    pub(super) const WAN_ERROR: (u8, usize) = (14, 40);
    pub(super) const SET_LINK_INFO: (u8, usize) = (15, 24);
}
use control::*;

/// A control message with its header; the body is padded with zeros, seldom cut.
fn message(rng: &mut Rng, who: usize, (kind, length): (u8, usize), body: &[u8]) -> Message {
    let mut bytes = (length as u16).to_be_bytes().to_vec();
    bytes.extend([0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, kind, 0, 0]);
    bytes.extend(body);
    bytes.resize(length, 0);
    match rng.below(60) {
        0 => bytes.truncate(rng.range(1, length as u64) as usize),
        1 => bytes[4] ^= 1,
        _ => {}
    }
    Message::Data(who, bytes)
}

pub(super) fn begin(rng: &mut Rng) -> Control {
    let v6 = rng.one_in(10);
    let [client, server] = places::two_of(rng, v6);
    let ends = [client.port(1024 + rng.below(6) as u16), server.port(1723)];
    let version = [1, 0];
    // A result of 1 is success, anything else a failure.
    let result = rng.weighted(&[(9, 1), (1, 2)]);
    let mut script = vec![message(rng, 0, START_REQUEST, &version), message(rng, 1, START_REPLY, &[1, 0, result])];
    let mut announced = Vec::new();
    for _ in 0..rng.range(1, 3) {
        let calls = [0x100 + rng.below(3) as u16, 0x200 + rng.below(3) as u16];
        let [ours, theirs] = calls.map(u16::to_be_bytes);
        let result = rng.weighted(&[(9, 1), (1, 4)]);
        let both = [theirs, ours].concat();
        if rng.one_in(5) {
            // The server calls.
            script.push(message(rng, 1, INCOMING_REQUEST, &theirs));
            script.push(message(rng, 0, INCOMING_REPLY, &[&[ours, theirs].concat()[..], &[result, 0]].concat()));
            script.push(message(rng, 1, INCOMING_CONNECTED, &ours));
        } else {
            script.push(message(rng, 0, OUTGOING_REQUEST, &ours));
            let answered = if rng.one_in(12) { [theirs, theirs].concat() } else { both };
            script.push(message(rng, 1, OUTGOING_REPLY, &[&answered[..], &[result, 0]].concat()));
        }
        let called = if rng.one_in(12) { [calls[0], calls[0]] } else { calls };
        for _ in 0..2 {
            let talk = Box::new(Gre::between([client, server], Some(called), rng));
            announced.push(Announced { after: script.len(), talk });
        }
        script.push(message(rng, 0, SET_LINK_INFO, &theirs));
        match rng.below(4) {
            0 => script.extend([message(rng, 0, ECHO_REQUEST, &[0; 4]), message(rng, 1, ECHO_REPLY, &[0, 0, 0, 0, 1])]),
            1 => script.push(message(rng, 1, WAN_ERROR, &ours)),
            _ => {}
        }
        if rng.one_in(2) {
            script.push(message(rng, 0, CLEAR_REQUEST, &ours));
            script.push(message(rng, 1, DISCONNECT_NOTIFY, &theirs));
        }
    }
    if rng.one_in(2) {
        script.push(message(rng, 0, STOP_REQUEST, &[1]));
        script.push(message(rng, 1, STOP_REPLY, &[1]));
    }
    script.extend([Message::Close(0), Message::Close(1)]);
    Control::new(rng, ends, script, announced)
}
