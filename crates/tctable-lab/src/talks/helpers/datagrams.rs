//! Datagrams in an order that is known beforehand, most of which arrive.

use std::collections::VecDeque;

use crate::{
    packets::{protocol, udp},
    rng::Rng,
    talks::{Talk, places::End, tape::Tape},
};

/// Datagrams still to be sent: from, to, and what they carry.
#[derive(Default)]
pub(super) struct Datagrams(pub VecDeque<(End, End, Vec<u8>)>);

impl Datagrams {
    pub(super) fn push(&mut self, from: End, to: End, payload: impl Into<Vec<u8>>) {
        self.0.push_back((from, to, payload.into()));
    }
}

impl Talk for Datagrams {
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        match rng.below(30) {
            0 => drop(self.0.pop_front()),
            1 if self.0.len() > 1 => self.0.swap(0, 1),
            2 => self.0.extend(self.0.front().cloned()),
            _ => {}
        }
        let Some((from, to, payload)) = self.0.pop_front() else { return false };
        tape.send(rng, &from, &to, protocol::UDP, &udp(from.address, to.address, &payload));
        true
    }
}
