//! A connection with a helper, and what is expected because of it: what the helpers' tests are told in.

use std::sync::Arc;

use super::{Attached, Consequences, Helper, Keymap, Outcome, Payload};
use crate::conntrack::expect::Expectations;
pub(super) use crate::conntrack::expect::testing::{NOW, masters, tuple};
use crate::conntrack::{ConnectionId, CtState, Direction};
use crate::packet::{Family, Tuple, protocol};
use crate::table::HashKey;
use crate::time::{Duration, Instant};

pub(super) use Direction::{Original, Reply};

/// The tables that helpers fill.
pub(super) struct Tables {
    pub(super) expectations: Expectations,
    pub(super) keymap: Keymap,
    masters: Vec<ConnectionId>,
}

impl Tables {
    pub(super) fn new() -> Self {
        let key = HashKey([3, 5]);
        Tables { expectations: Expectations::new(64, key), keymap: Keymap::new(8, key), masters: masters(8) }
    }

    /// A line for each expectation, in order: seconds left, the tuple in short, flags and class.
    pub(super) fn expected(&self, now: Instant) -> Vec<String> {
        let mut lines: Vec<String> =
            self.expectations.iter().map(|line| crate::text::expectation(line, now).to_string()).collect();
        lines.sort();
        lines
    }
}

/// A connection from client to server, with a helper.
pub(super) struct Talk {
    attached: Attached,
    tuples: [Tuple; 2],
    sequences: [u32; 2],
    master: ConnectionId,
    pub(super) now: Instant,
    pub(super) state: CtState,
    pub(super) expected: bool,
    pub(super) consequences: Consequences,
}

pub(super) const CLIENT: &str = "10.1.0.1";
pub(super) const SERVER: &str = "10.2.0.1";
pub(super) const CLIENT6: &str = "fd01::1";
pub(super) const SERVER6: &str = "fd02::1";

impl Talk {
    pub(super) fn new(helper: impl Helper + 'static, family: Family, tables: &mut Tables) -> Self {
        let (client, server) = match family {
            Family::V4 => (CLIENT, SERVER),
            Family::V6 => (CLIENT6, SERVER6),
        };
        let original = tuple(helper.protocol(), (client, 20_000), (server, helper.default_ports()[0]));
        Talk {
            attached: Attached::new(Arc::new(helper)),
            tuples: [original, original.inverted().unwrap()],
            sequences: [1_000, u32::MAX - 20],
            master: tables.masters.pop().unwrap(),
            now: NOW,
            state: CtState::Established,
            expected: false,
            consequences: Consequences::default(),
        }
    }

    pub(super) fn say(&mut self, tables: &mut Tables, direction: Direction, bytes: impl AsRef<[u8]>) -> Outcome {
        self.say_cut(tables, direction, bytes, 0)
    }

    /// As [`Talk::say`], with so many bytes at the end that were not kept.
    pub(super) fn say_cut(
        &mut self,
        tables: &mut Tables,
        direction: Direction,
        bytes: impl AsRef<[u8]>,
        cut: u32,
    ) -> Outcome {
        let bytes = bytes.as_ref();
        let wire_len = bytes.len() as u32 + cut;
        let sequence = self.sequences[direction as usize];
        self.sequences[direction as usize] = sequence.wrapping_add(wire_len);
        self.say_at(tables, direction, bytes, wire_len, sequence)
    }

    pub(super) fn say_at(
        &mut self,
        tables: &mut Tables,
        direction: Direction,
        bytes: &[u8],
        wire_len: u32,
        sequence: u32,
    ) -> Outcome {
        let payload = Payload {
            now: self.now,
            direction,
            tuples: &self.tuples,
            state: self.state,
            expected: self.expected,
            sequence: if self.tuples[0].protocol == protocol::TCP { sequence } else { 0 },
            bytes,
            wire_len,
        };
        let Tables { expectations, keymap, .. } = tables;
        let (outcome, consequences) = self.attached.packet(&payload, self.master, 0, expectations, keymap);
        // No connection that was expected has come.
        consequences.end.iter().for_each(|tuple| {
            expectations.remove(tuple, 0);
        });
        self.consequences = consequences;
        outcome
    }

    pub(super) fn wait(&mut self, tables: &mut Tables, span: Duration) {
        self.now += span;
        tables.expectations.expire(self.now);
    }

    pub(super) fn end(self, tables: &mut Tables) -> Consequences {
        let Tables { expectations, keymap, .. } = tables;
        self.attached.end(self.now, &self.tuples, self.master, 0, expectations, keymap)
    }
}

/// The lines of connections over TCP that are expected, from one host to each of the ports of another.
pub(super) fn tcp_lines(helper: &str, from: &str, to: &str, ports: &[u16]) -> Vec<String> {
    let line = |port| format!("300 l3proto = 2 proto=6 src={from} dst={to} sport=0 dport={port} {helper}");
    ports.iter().map(line).collect()
}
