//! FTP (RFC 959, RFC 1123 section 4.1.2.6, RFC 2428): the control connection names the data connection's address and port.

mod command;
#[cfg(test)]
mod tests;

use arrayvec::ArrayVec;

use self::command::Match;
use super::{Helper, Outcome, Payload, Requests, Session, Wanted};
use crate::conntrack::expect::Policy;
use crate::packet::{Address, protocol};
use crate::time::Duration;

const POLICIES: [Policy; 1] = [Policy { name: "", max_expected: 1, timeout: Duration::from_secs(300) }];

/// The helper for FTP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ftp {
    /// Whether a host may name another one's address: `loose` of `nf_conntrack_ftp`. It lets clients open doors to
    /// others' ports.
    pub loose: bool,
}

impl Helper for Ftp {
    fn name(&self) -> &'static str {
        "ftp"
    }

    fn protocol(&self) -> u8 {
        protocol::TCP
    }

    fn default_ports(&self) -> &[u16] {
        &[21]
    }

    fn policies(&self) -> &[Policy] {
        &POLICIES
    }

    fn attach(&self) -> Box<dyn Session> {
        Box::new(Control { loose: self.loose, lines: Default::default() })
    }
}

/// A control connection.
#[derive(Debug)]
struct Control {
    loose: bool,
    /// By direction, the sequence numbers at which lines are known to begin.
    lines: [LineStarts; 2],
}

/// The last two sequence numbers that came right after a newline: two, since packets may overtake each other.
#[derive(Debug, Default)]
struct LineStarts(ArrayVec<u32, 2>);

impl LineStarts {
    fn add(&mut self, sequence: u32) {
        if self.0.contains(&sequence) || self.0.try_push(sequence).is_ok() {
            return;
        }
        // As the kernel does it, also for numbers that are 2^31 apart.
        let after = |one: u32, other: u32| (other.wrapping_sub(one) as i32) < 0;
        if let [first, second] = self.0.as_mut_slice() {
            let oldest = if after(*second, *first) { first } else { second };
            if after(sequence, *oldest) {
                *oldest = sequence;
            }
        }
    }
}

impl Session for Control {
    fn packet(&mut self, payload: &Payload<'_>, requests: &mut Requests<'_>) -> Outcome {
        if !payload.is_established() || payload.wire_len == 0 {
            return Outcome::Accept;
        }
        let at_line_start = self.lines[payload.direction as usize].0.contains(&payload.sequence);
        let found = if at_line_start { command::find(payload) } else { Match::None };
        let outcome = match found {
            Match::None => Outcome::Accept,
            // What ends inside a command would be read by halves, and the rest of it never: it is to come once more.
            Match::Partial => match payload.unreadable() {
                Outcome::Drop => return Outcome::Drop,
                Outcome::Accept => Outcome::Accept,
            },
            Match::Found(named) if named.address == payload.sender() => {
                self.expect(payload, requests, payload.opposite_tuple().destination, named.port)
            }
            Match::Found(named) if self.loose => self.expect(payload, requests, named.address, named.port),
            Match::Found(_) => Outcome::Accept,
        };
        // Packets mostly hold whole lines: the last byte that was cut off is taken for a newline.
        if payload.is_cut() || payload.bytes.ends_with(b"\n") {
            self.lines[payload.direction as usize].add(payload.sequence.wrapping_add(payload.wire_len));
        }
        outcome
    }

    fn saved(&self) -> Vec<u8> {
        let mut saved = Vec::new();
        for LineStarts(starts) in &self.lines {
            saved.push(starts.len() as u8);
            saved.extend(starts.iter().flat_map(|start| start.to_le_bytes()));
        }
        saved
    }

    fn restore(&mut self, mut saved: &[u8]) -> bool {
        for LineStarts(starts) in &mut self.lines {
            let Some((count, rest)) = saved.split_first() else { return false };
            saved = rest;
            for _ in 0..*count {
                let Some((start, rest)) = saved.split_first_chunk() else { return false };
                saved = rest;
                if starts.try_push(u32::from_le_bytes(*start)).is_err() {
                    return false;
                }
            }
        }
        saved.is_empty()
    }
}

impl Control {
    /// Whoever spoke waits for the other end's data connection.
    fn expect(&self, payload: &Payload<'_>, requests: &mut Requests<'_>, address: Address, port: u16) -> Outcome {
        let from = payload.opposite_tuple().source;
        let direction = payload.direction.opposite();
        requests.expect_or_drop(&Wanted::new(protocol::TCP, Some(from), address, port, direction))
    }
}
