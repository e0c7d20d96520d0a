//! GRE without a control connection: versions 0 and 1, and headers that are neither.

use super::{
    Talk,
    places::{self, Place},
    tape::Tape,
};
use crate::{
    packets::{self, ethertype, gre_pptp, protocol},
    rng::Rng,
};

/// A tunnel between two hosts.
pub(super) struct Gre {
    places: [Place; 2],
    /// PPTP's version, with the call id of each end.
    calls: Option<[u16; 2]>,
    key: Option<u32>,
    checksum: bool,
    sequence: u32,
    left: u64,
}

impl Gre {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let calls = rng.one_in(3).then(|| [rng.below(4) as u16, rng.below(4) as u16]);
        Self::between(places::two(rng), calls, rng)
    }

    pub(super) fn between(places: [Place; 2], calls: Option<[u16; 2]>, rng: &mut Rng) -> Self {
        let key = rng.one_in(2).then(|| rng.below(4) as u32);
        Self { places, calls, key, checksum: rng.one_in(3), sequence: 0, left: rng.range(1, 10) }
    }
}

impl Talk for Gre {
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        self.sequence += 1;
        let back = usize::from(rng.percent(40));
        let (from, to) = (self.places[back], self.places[1 - back]);
        let len = rng.pick(&[0, 1, 40, 500]);
        let payload = rng.bytes(len);
        let mut packet = match self.calls {
            Some(calls) => {
                let acknowledgment = rng.one_in(2).then_some(self.sequence / 2);
                gre_pptp(calls[1 - back], self.sequence, acknowledgment, &payload)
            }
            None => packets::gre(
                &packets::Gre {
                    protocol: rng.pick(&[ethertype::IPV4, ethertype::IPV6, 0x6558]),
                    checksum: self.checksum,
                    key: self.key,
                    sequence: rng.one_in(2).then_some(self.sequence),
                },
                &payload,
            ),
        };
        match rng.below(20) {
            // Another version, other flags, another protocol, the routing bit of RFC 1701.
            0 => packet[1] = packet[1] & 0xf8 | rng.below(8) as u8,
            1 => packet[0] = rng.byte(),
            2 => packet[2..4].copy_from_slice(&rng.half().to_be_bytes()),
            3 => packet.truncate(rng.below(9) as usize),
            4 if self.calls.is_some() => packet[6..8].copy_from_slice(&rng.half().to_be_bytes()),
            _ => {}
        }
        tape.send_between(rng, &from, to.ip, protocol::GRE, &packet);
        true
    }
}
