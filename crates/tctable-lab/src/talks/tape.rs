//! What was sent so far.

use std::net::IpAddr;

use super::places::{End, Place, across, is_on};
use crate::{
    packets::{Ipv4, Ipv6, checksum_field, protocol},
    rng::Rng,
    step::{Side, Step},
};

/// How far back [`Tape::recent`] looks.
const RECENT: usize = 60;

/// While [`Tape::flip_checksums`] is on, one packet in that many is broken.
const FLIPPED: u64 = 6;

/// The packets of a run as they come, for everyone to add to and to quote from.
#[derive(Default)]
pub(super) struct Tape {
    steps: Vec<Step>,
    /// Now and then a bit of a transport checksum is flipped.
    pub flip_checksums: bool,
}

impl Tape {
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn into_steps(mut self, packets: usize) -> Vec<Step> {
        self.steps.truncate(packets);
        self.steps
    }

    /// One of the last packets of anyone.
    pub(super) fn recent(&self, rng: &mut Rng) -> Option<&Step> {
        let first = self.steps.len().saturating_sub(RECENT);
        match self.steps.len() - first {
            0 => None,
            some => self.steps.get(first + rng.below(some as u64) as usize),
        }
    }

    /// A packet to `dst`, as it is. What the gateway would not carry to the other side is not sent: nobody could see it.
    pub(super) fn push(&mut self, side: Side, dst: IpAddr, packet: Vec<u8>) {
        if is_on(across(side), dst) {
            self.steps.push(Step { side, packet });
        }
    }

    /// What an IP packet carries, from one end to the other, in headers that are harmless and not always the same. Says
    /// whether it can arrive: seldom a packet is damaged on the way.
    pub(super) fn send(&mut self, rng: &mut Rng, from: &End, to: &End, protocol: u8, payload: &[u8]) -> bool {
        self.send_between(rng, &from.place(), to.address.ip(), protocol, payload)
    }

    /// As [`Tape::send`], from a host to an address.
    pub(super) fn send_between(
        &mut self,
        rng: &mut Rng,
        from: &Place,
        to: IpAddr,
        protocol: u8,
        payload: &[u8],
    ) -> bool {
        let packet = wrap(rng, from.ip, to, protocol, payload);
        self.send_packet(rng, from, to, packet)
    }

    /// As [`Tape::send_between`], for a packet with its header.
    pub(super) fn send_packet(&mut self, rng: &mut Rng, from: &Place, to: IpAddr, mut packet: Vec<u8>) -> bool {
        let whole = tamper_with_length(rng, &mut packet);
        let right = !(self.flip_checksums && rng.one_in(FLIPPED) && flip_checksum(rng, &mut packet));
        self.push(from.side, to, packet);
        whole && right
    }
}

/// An IP packet with random, harmless header fields; rarely with padding options or extension headers.
pub(super) fn wrap(rng: &mut Rng, src: IpAddr, dst: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let tos = if rng.one_in(20) { rng.byte() } else { 0 };
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let options = if rng.one_in(60) && payload.len() < 1_400 { vec![1; 4] } else { Vec::new() };
            Ipv4 {
                tos,
                id: rng.half(),
                dont_fragment: payload.len() <= 1_480 && rng.one_in(2),
                options,
                ..Ipv4::new(src, dst, protocol)
            }
            .build(payload)
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let mut ip = Ipv6 { traffic_class: tos, flow_label: rng.word(), ..Ipv6::new(src, dst, protocol) };
            if rng.one_in(40) && payload.len() < 1_400 {
                // PadN over all six bytes: an option that nobody needs to understand.
                let number = rng.pick(&[protocol::HOP_BY_HOP, protocol::DESTINATION]);
                ip = ip.extension(number, &[1, 4, 0, 0, 0, 0]);
            }
            ip.build(payload)
        }
        _ => unreachable!("both ends are of one family"),
    }
}

/// Rarely makes a packet longer than its header says, or shorter; says whether it is still whole.
fn tamper_with_length(rng: &mut Rng, packet: &mut Vec<u8>) -> bool {
    match rng.below(150) {
        // Padding, as a short Ethernet frame brings it: not part of the packet.
        0..2 => {
            let padding = 1 + rng.below(18) as usize;
            packet.extend(rng.bytes(padding));
            true
        }
        2 if packet.len() > 60 => {
            let cut = 1 + rng.below(20) as usize;
            packet.truncate(packet.len() - cut);
            false
        }
        _ => true,
    }
}

/// Flips a bit of the transport checksum; says whether there is one.
fn flip_checksum(rng: &mut Rng, packet: &mut [u8]) -> bool {
    let Some(field) = checksum_field(packet) else { return false };
    packet[field.start + rng.below(field.len() as u64) as usize] ^= 1 << rng.below(8);
    true
}
