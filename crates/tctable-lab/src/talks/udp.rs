//! UDP and UDP-Lite: datagrams one way, both ways, in streams, and with headers that are wrong.

use super::{
    Talk,
    places::{self, End},
    tape::{Tape, wrap},
};
use crate::{
    packets::{protocol, repair_checksums, udp, udp_lite},
    rng::Rng,
};

/// Datagrams between two ends.
pub(super) struct Udp {
    ends: [End; 2],
    lite: bool,
    left: u64,
    /// How many of a hundred datagrams come from the second end.
    answers: u64,
}

impl Udp {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self::between(places::ends(rng, &[53, 123, 443, 5000]), rng)
    }

    /// UDP-Lite in place of UDP.
    pub(super) fn lite(rng: &mut Rng) -> Self {
        Self { lite: true, ..Self::new(rng) }
    }

    pub(super) fn between(ends: [End; 2], rng: &mut Rng) -> Self {
        let left = rng.weighted(&[(3, 1), (3, 2), (4, 6), (2, 30)]);
        Self { ends, lite: false, left, answers: rng.pick(&[0, 20, 50, 50, 90]) }
    }

    fn datagram(&self, rng: &mut Rng, from: &End, to: &End) -> Vec<u8> {
        let len = rng.weighted(&[(2, 0), (2, 1), (6, 40), (2, 513), (1, 1_400)]);
        let payload = rng.bytes(len);
        if self.lite {
            let whole = 8 + len as u64;
            let coverage = match rng.below(12) {
                0..5 => 0,
                5..7 => 8,
                7..9 => whole,
                9 => rng.range(8, whole),
                10 => rng.range(1, 7),
                _ => whole + 1 + rng.below(100),
            };
            return udp_lite(from.address, to.address, coverage as u16, &payload);
        }
        udp(from.address, to.address, &payload)
    }
}

/// Makes a UDP header's length wrong, or its checksum absent.
fn tamper(rng: &mut Rng, datagram: &mut Vec<u8>, lite: bool) {
    let len = datagram.len() as u16;
    match rng.below(24) {
        0 => datagram[6..8].fill(0),
        1 if !lite => {
            let wrong = rng.pick(&[0, 1, 7, 8, len - 1, len + 1, len + 100, 0xffff]);
            datagram[4..6].copy_from_slice(&wrong.to_be_bytes());
        }
        // The header itself is cut.
        2 if rng.one_in(3) => datagram.truncate(rng.below(8) as usize),
        _ => {}
    }
}

impl Talk for Udp {
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        let back = usize::from(rng.percent(self.answers));
        let (from, to) = (self.ends[back], self.ends[1 - back]);
        let mut datagram = self.datagram(rng, &from, &to);
        let number = if self.lite { protocol::UDP_LITE } else { protocol::UDP };
        tamper(rng, &mut datagram, self.lite);
        let mut packet = wrap(rng, from.address.ip(), to.address.ip(), number, &datagram);
        // A wrong length with a checksum that is right for it: only the length can tell.
        let odd = datagram.get(4..6).is_some_and(|len| len != (datagram.len() as u16).to_be_bytes());
        if !self.lite && odd && rng.percent(70) {
            repair_checksums(&mut packet);
        }
        tape.send_packet(rng, &from.place(), to.address.ip(), packet);
        true
    }
}
