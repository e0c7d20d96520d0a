//! UDP and UDP-Lite: datagrams one way, both ways, in streams, and with headers that are wrong.

use std::net::IpAddr;

use super::{
    Talk,
    places::{self, End},
    tape::{Tape, wrap},
};
use crate::{
    checksum::Sum,
    packets::{protocol, repair_checksums, udp, udp_lite},
    rng::Rng,
};

/// By whose rules a UDP-Lite checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verified {
    /// RFC 3828.
    Standard,
    /// nf_conntrack before routing, when it has to sum itself: the pseudo header has UDP's number, and in IPv4 only the
    /// low byte of the length (seen with Linux 6.18). What is right by the standard is INVALID there.
    Linux,
}

/// Datagrams between two ends.
pub(super) struct Udp {
    ends: [End; 2],
    lite: Option<Verified>,
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
        let lite = Some(rng.weighted(&[(1, Verified::Standard), (7, Verified::Linux)]));
        Self { lite, ..Self::new(rng) }
    }

    pub(super) fn between(ends: [End; 2], rng: &mut Rng) -> Self {
        let left = rng.weighted(&[(3, 1), (3, 2), (4, 6), (2, 30)]);
        Self { ends, lite: None, left, answers: rng.pick(&[0, 20, 50, 50, 90]) }
    }

    fn datagram(&self, rng: &mut Rng, from: &End, to: &End) -> Vec<u8> {
        let len = rng.weighted(&[(2, 0), (2, 1), (6, 40), (2, 513), (1, 1_400)]);
        let payload = rng.bytes(len);
        if let Some(verified) = self.lite {
            let whole = 8 + len as u64;
            let coverage = match rng.below(24) {
                0..10 => 0,
                10..14 => 8,
                14..18 => whole,
                18..22 => rng.range(8, whole),
                22 => rng.range(1, 7),
                _ => whole + 1 + rng.below(100),
            };
            let mut datagram = udp_lite(from.address, to.address, coverage as u16, &payload);
            if verified == Verified::Linux {
                let sum = linux_checksum(from.address.ip(), to.address.ip(), &datagram);
                datagram[6..8].copy_from_slice(&sum.to_be_bytes());
            }
            return datagram;
        }
        udp(from.address, to.address, &payload)
    }
}

/// The checksum of a UDP-Lite datagram by [`Verified::Linux`].
fn linux_checksum(src: IpAddr, dst: IpAddr, datagram: &[u8]) -> u16 {
    let coverage = match usize::from(u16::from_be_bytes([datagram[4], datagram[5]])) {
        0 => datagram.len(),
        some => some.min(datagram.len()),
    };
    let length = if src.is_ipv4() { datagram.len() & 0xff } else { datagram.len() };
    let mut covered = datagram[..coverage].to_vec();
    if let Some(field) = covered.get_mut(6..8) {
        field.fill(0);
    }
    let mut sum = Sum::pseudo_header(src, dst, protocol::UDP, length);
    sum.add(&covered);
    sum.finish_udp()
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
        let number = if self.lite.is_some() { protocol::UDP_LITE } else { protocol::UDP };
        let lite = self.lite.is_some();
        tamper(rng, &mut datagram, lite);
        let mut packet = wrap(rng, from.address.ip(), to.address.ip(), number, &datagram);
        // A wrong length with a checksum that is right for it: only the length can tell.
        let odd = datagram.get(4..6).is_some_and(|len| len != (datagram.len() as u16).to_be_bytes());
        if !lite && odd && rng.percent(70) {
            repair_checksums(&mut packet);
        }
        tape.send_packet(rng, &from.place(), to.address.ip(), packet);
        true
    }
}
