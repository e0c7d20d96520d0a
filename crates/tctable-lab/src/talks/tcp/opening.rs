//! How a connection begins, and with which sequence numbers.

use super::{
    line::Message,
    peer::{Peer, Role},
};
use crate::rng::Rng;

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// SYN, SYN/ACK, ACK.
    Usual,
    /// Both send a SYN before they hear the other's.
    Simultaneous,
    /// The second end answers a SYN with a SYN.
    Split,
    /// Nobody answers.
    Unanswered,
    /// The port is closed.
    Refused,
    /// It began before anybody looked.
    MidStream,
    /// The first packets take another way.
    Unseen,
    /// The first end was switched off in a connection, of which the second still knows.
    Crash,
}

impl Opening {
    pub(super) fn any(rng: &mut Rng) -> Self {
        rng.weighted(&[
            (56, Self::Usual),
            (8, Self::Simultaneous),
            (4, Self::Split),
            (4, Self::Unanswered),
            (5, Self::Refused),
            (12, Self::MidStream),
            (8, Self::Unseen),
            (10, Self::Crash),
        ])
    }

    /// Both ends, at the start; `last` is what was spoken there before, if anything was.
    pub(super) fn peers(self, rng: &mut Rng, last: Option<&[Peer; 2]>) -> [Peer; 2] {
        let isses = [0, 1].map(|who| initial_sequence(rng, last.map(|last| last[who].nxt)));
        let roles = match self {
            Self::Simultaneous => [Role::Active, Role::Active],
            Self::Split => [Role::Active, Role::Split],
            _ => [Role::Active, Role::Passive],
        };
        let mut peers = [0, 1].map(|who| Peer::new(rng, roles[who], isses[who]));
        match (self, last) {
            (Self::MidStream, _) => peers = Peer::established(rng, isses),
            (Self::Refused, _) => peers[1].die(),
            (Self::Crash, Some(last)) => peers[1] = last[1].clone(),
            _ => {}
        }
        peers
    }
}

/// An initial sequence number: often close before a wrap, and on used ports often close to the last one.
fn initial_sequence(rng: &mut Rng, last: Option<u32>) -> u32 {
    let close = rng.pick(&[0, 1, 2, 100, 3_000, 70_000]);
    let distance = rng.below(close + 1) as u32;
    if let Some(last) = last
        && rng.percent(60)
    {
        return match rng.below(6) {
            0..3 => last.wrapping_add(distance),
            3 | 4 => last.wrapping_sub(distance),
            _ => last.wrapping_add(1 << 31).wrapping_sub(distance),
        };
    }
    match rng.below(10) {
        0..4 => 0u32.wrapping_sub(distance),
        4..7 => (1u32 << 31).wrapping_sub(distance),
        _ => rng.word(),
    }
}

/// What two ends have to say to each other, and how they part.
pub(super) fn script(rng: &mut Rng) -> Vec<Message> {
    let mut script = Vec::new();
    for _ in 0..rng.pick(&[0, 1, 2, 3, 5, 8, 20]) {
        let len = rng.pick(&[1, 10, 100, 500, 1_000, 3_000]);
        script.push(Message::Data(rng.below(2) as usize, rng.bytes(len)));
    }
    let first = rng.below(2) as usize;
    match rng.below(10) {
        // One after the other, often with something to say in between.
        0..5 => {
            script.push(Message::Close(first));
            let len = rng.pick(&[0, 0, 1, 1_000]);
            script.push(Message::Data(1 - first, rng.bytes(len)));
            script.push(Message::Close(1 - first));
        }
        5..7 => script.extend([Message::Close(first), Message::Close(1 - first)]),
        7 => script.push(Message::Close(first)),
        8 => script.push(Message::Abort(first)),
        // They just fall silent.
        _ => {}
    }
    script
}
