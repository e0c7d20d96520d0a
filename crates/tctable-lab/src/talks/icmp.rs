//! ICMP and ICMPv6: questions and answers, and errors about whatever else goes on.

use std::net::IpAddr;

use super::{
    Talk,
    places::{self, Place, across},
    tape::Tape,
};
use crate::{
    packets::{icmp, icmp_error, icmpv6, icmpv6_error, layout, protocol, udp_packet},
    rng::Rng,
    step::Step,
};

/// Questions of IPv4 and their answers: echo, timestamp, information, address mask.
const QUERIES: [[u8; 2]; 4] = [[8, 0], [13, 14], [15, 16], [17, 18]];
/// Questions of IPv6 and their answers: echo, node information.
const QUERIES_V6: [[u8; 2]; 2] = [[128, 129], [139, 140]];
/// What else there is: router discovery, traceroute, types that nobody defined.
const OTHERS: [u8; 8] = [1, 2, 7, 9, 10, 19, 30, 255];
/// What else there is in IPv6: multicast listeners, neighbour discovery, mobility, types that nobody defined.
const OTHERS_V6: [u8; 16] = [0, 100, 127, 130, 131, 132, 133, 134, 135, 136, 137, 141, 143, 144, 151, 255];

/// A message of any type from one host to another.
fn message(from: IpAddr, to: IpAddr, kind: u8, code: u8, word: u32, payload: &[u8]) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V6(src), IpAddr::V6(dst)) => icmpv6(src, dst, [kind, code], word, payload),
        _ => icmp(kind, code, word, payload),
    }
}

fn number(ip: IpAddr) -> u8 {
    if ip.is_ipv6() { protocol::ICMPV6 } else { protocol::ICMP }
}

/// Questions from one host to another, and what comes back.
pub(super) struct Queries {
    places: [Place; 2],
    id: u16,
    sequence: u16,
    kinds: [u8; 2],
    left: u64,
}

impl Queries {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let places = places::two(rng);
        let echo_only = rng.percent(60);
        let kinds = match places[0].ip.is_ipv6() {
            true => QUERIES_V6[if echo_only { 0 } else { 1 }],
            false => QUERIES[if echo_only { 0 } else { rng.below(4) as usize }],
        };
        Self { places, id: rng.below(4) as u16, sequence: 0, kinds, left: rng.range(2, 30) }
    }
}

impl Talk for Queries {
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        let [asks, answers] = self.places;
        let v6 = asks.ip.is_ipv6();
        // Questions and answers take turns, until one of them does not.
        let asked = self.sequence % 2 == 1;
        self.sequence += 1;
        let (mut from, mut to, mut kind) =
            if asked { (answers, asks, self.kinds[1]) } else { (asks, answers, self.kinds[0]) };
        let (mut id, mut code) = (self.id, 0);
        match rng.below(30) {
            // The answer comes from who asked, or the question the other way.
            0 => (from, to) = (to, from),
            // An answer to another question, or to none.
            1 => kind = if v6 { 129 } else { rng.pick(&[0, 14, 16, 18]) },
            2 => id = rng.half(),
            3 => code = rng.byte(),
            4 => kind = if v6 { rng.pick(&OTHERS_V6) } else { rng.pick(&OTHERS) },
            5 => kind = if v6 { 128 } else { rng.pick(&[8, 13, 15, 17]) },
            _ => {}
        }
        let len = rng.pick(&[0, 12, 56, 56, 1_000]);
        let word = u32::from(id) << 16 | u32::from(self.sequence / 2);
        let mut message = message(from.ip, to.ip, kind, code, word, &rng.bytes(len));
        if rng.one_in(50) {
            message.truncate(rng.below(8) as usize);
        }
        tape.send_between(rng, &from, to.ip, number(from.ip), &message);
        true
    }
}

/// Errors about packets that others sent, and about some that nobody did.
pub(super) struct Errors {
    left: u64,
}

impl Errors {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self { left: rng.range(10, 60) }
    }
}

impl Talk for Errors {
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        let quoted = match tape.recent(rng) {
            Some(step) if !rng.one_in(15) => step.clone(),
            _ => unknown(rng),
        };
        // Errors about errors are for now and then.
        if rng.percent(85) && layout(&quoted.packet).is_some_and(|found| found.protocol == number(found.dst)) {
            return true;
        }
        let Some(parts) = layout(&quoted.packet) else { return true };
        let sender = Place { side: quoted.side, ip: parts.src };
        let receiver = Place { side: across(quoted.side), ip: parts.dst };
        let (mut from, mut to) = (receiver, sender);
        match rng.below(16) {
            // A router on the way.
            0..3 => from = receiver.neighbour(rng),
            // Somebody is told about another's packet.
            3 => to = sender.neighbour(rng),
            // Somebody is told about a packet that was sent to it, not by it.
            4 => (from, to) = (sender, receiver),
            5 => (from, to) = (sender.neighbour(rng), receiver),
            _ => {}
        }
        let quote = cut(rng, &quoted.packet, parts.payload.start);
        let error = error(rng, from.ip, to.ip, &quote);
        tape.send_between(rng, &from, to.ip, number(from.ip), &error);
        true
    }
}

/// A datagram that was never sent.
fn unknown(rng: &mut Rng) -> Step {
    let [from, to] = places::two(rng).map(|place| place.port(9_000 + rng.below(99) as u16));
    Step { side: from.side, packet: udp_packet(from.address, to.address, b"never sent") }
}

/// The beginning of a packet, as far as somebody thought it worth quoting; sometimes not quite as it was.
fn cut(rng: &mut Rng, packet: &[u8], header: usize) -> Vec<u8> {
    let v6 = packet[0] >> 4 == 6;
    let most = if v6 { 1_232 } else { 548 };
    let kept = match rng.below(12) {
        0..5 => header + 8,
        5..9 => most,
        9 => header + rng.below(8) as usize,
        10 => rng.below(header as u64) as usize,
        _ => header + 20,
    };
    let mut quote = packet[..kept.min(most).min(packet.len())].to_vec();
    match rng.below(24) {
        // The quote is of a later fragment, or of a first one.
        0 if !v6 && quote.len() >= 20 => {
            quote[6..8].copy_from_slice(&rng.pick(&[0x00b9, 0x2000, 0x2001u16]).to_be_bytes())
        }
        // Of another version, of another protocol, with another header length.
        1 if !quote.is_empty() => quote[0] = rng.pick(&[0x46, 0x44, 0x50, 0x65, quote[0]]),
        2 if !v6 && quote.len() >= 20 => quote[9] = rng.pick(&[protocol::UDP, protocol::TCP, protocol::SCTP, 200]),
        3 if quote.len() > header + 3 => quote[header + 3] ^= 1,
        _ => {}
    }
    quote
}

/// An error of any type that quotes something.
fn error(rng: &mut Rng, from: IpAddr, to: IpAddr, quote: &[u8]) -> Vec<u8> {
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (from, to) else {
        let kind = rng.weighted(&[(6, 3), (1, 4), (2, 5), (3, 11), (2, 12), (1, 6)]);
        let (code, word) = match kind {
            3 => (rng.below(17) as u8, rng.pick(&[0, 1_400])),
            // A redirect names a gateway.
            5 => (rng.below(4) as u8, 0x0a0b_0102),
            _ => (rng.below(3) as u8, 0),
        };
        return icmp_error(kind, code, word, quote);
    };
    let kind = rng.weighted(&[(6, 1), (2, 2), (3, 3), (3, 4), (1, 5), (1, 137)]);
    let word = if kind == 2 { 1_280 } else { 0 };
    icmpv6_error(src, dst, kind, rng.below(8) as u8, word, quote)
}
