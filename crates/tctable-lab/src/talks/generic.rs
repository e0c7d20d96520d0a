//! Protocols that a tracker knows only by their number, and IPv6 extension headers before those that it knows better.

use std::net::IpAddr;

use super::{
    Talk,
    places::{self, Place},
    tape::Tape,
};
use crate::{
    packets::{
        Ipv6, Tcp, flags, icmpv6_echo,
        protocol::{AUTH, DCCP, DESTINATION, ESP, HOP_BY_HOP, ICMPV6, NO_NEXT, OSPF, ROUTING, TCP, UDP},
        tcp, udp,
    },
    rng::Rng,
};

/// Numbers without a tracker of their own: DCCP's was taken out of Linux in 2025.
const NUMBERS: [u8; 8] = [ESP, AUTH, OSPF, 253, DCCP, 4, 103, 255];

/// Packets of one protocol between two hosts.
pub(super) struct Generic {
    places: [Place; 2],
    number: u8,
    /// IPv6 with extension headers.
    chain: bool,
    left: u64,
}

impl Generic {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let chain = rng.one_in(2);
        let places = if chain { places::two_of(rng, true) } else { places::two(rng) };
        Self { places, number: rng.pick(&NUMBERS), chain, left: rng.range(1, 8) }
    }
}

/// Extension headers in an order that RFC 8200 section 4.1 recommends, or in another that routers let pass: only
/// hop-by-hop options must come first.
fn extend(rng: &mut Rng, mut ip: Ipv6) -> Ipv6 {
    const PADDING: [u8; 6] = [1, 4, 0, 0, 0, 0];
    if rng.one_in(3) {
        ip = ip.extension(HOP_BY_HOP, &PADDING);
    }
    for _ in 0..rng.below(4) {
        ip = match rng.below(6) {
            0 | 1 => ip.extension(DESTINATION, &PADDING),
            2 => ip.extension(DESTINATION, &[[1, 12].as_slice(), &[0; 12]].concat()),
            // A routing header of an experimental type with no segments left: nobody has to do anything.
            3 => ip.extension(ROUTING, &[253, 0, 0, 0, 0, 0]),
            // Authentication data of 12 bytes after the SPI and the sequence number.
            4 => ip.extension(AUTH, &[[0, 0].as_slice(), &7u32.to_be_bytes(), &1u32.to_be_bytes(), &[5; 12]].concat()),
            // An atomic fragment.
            _ => ip.fragment(rng.word(), 0, false),
        };
    }
    ip
}

impl Talk for Generic {
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        let back = usize::from(rng.percent(40));
        let (from, to) = (self.places[back], self.places[1 - back]);
        let len = rng.pick(&[0, 1, 4, 8, 24, 200]);
        let (true, IpAddr::V6(src), IpAddr::V6(dst)) = (self.chain, from.ip, to.ip) else {
            let payload = rng.bytes(len);
            tape.send_between(rng, &from, to.ip, self.number, &payload);
            return true;
        };
        let [a, b] = [from.port(1024 + self.left as u16).address, to.port(53).address];
        let (number, payload) = match rng.below(6) {
            0 | 1 => (UDP, udp(a, b, &rng.bytes(len))),
            2 => (TCP, tcp(a, b, &Tcp { flags: flags::SYN, seq: rng.word(), ..Tcp::default() }, b"")),
            3 => (ICMPV6, icmpv6_echo(src, dst, back == 1, 7, 1, &rng.bytes(len))),
            4 => (NO_NEXT, Vec::new()),
            _ => (self.number, rng.bytes(len)),
        };
        let mut packet = extend(rng, Ipv6::new(src, dst, number)).build(&payload);
        if rng.one_in(12) {
            // The chain is cut, and the header says so.
            packet.truncate(40 + rng.below(packet.len() as u64 - 39) as usize);
            let left = packet.len() as u16 - 40;
            packet[4..6].copy_from_slice(&left.to_be_bytes());
        }
        tape.push(from.side, to.ip, packet);
        true
    }
}
