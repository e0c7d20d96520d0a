//! Fragments: datagrams cut up, and put together again by whoever looks.

use std::collections::VecDeque;

use super::{
    Talk,
    places::{self, End},
    tape::Tape,
};
use crate::{
    packets::{Datagram, Piece, Tcp, icmp_echo, icmpv6_echo, protocol, tcp, udp},
    rng::Rng,
};

/// Datagrams between two ends, some of them under way at the same time.
pub(super) struct Fragments {
    ends: [End; 2],
    /// The fragments of each datagram that are still to be sent, and who sends them.
    under_way: Vec<(usize, VecDeque<Vec<u8>>)>,
    sequence: u32,
    left: u64,
}

impl Fragments {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            ends: places::ends(rng, &[53, 5000]),
            under_way: Vec::new(),
            sequence: rng.word(),
            left: rng.range(2, 10),
        }
    }

    /// The next datagram, whole.
    fn datagram(&mut self, rng: &mut Rng, who: usize) -> Datagram {
        let (from, to) = (self.ends[who].address, self.ends[1 - who].address);
        let len = rng.weighted(&[(2, 30), (6, 200), (6, 2_000), (2, 9_000), (1, 50_000)]);
        let len = rng.range(len / 2, len) as usize;
        let data = rng.bytes(len);
        let (protocol, payload) = match (rng.below(4), from.ip(), to.ip()) {
            (0, std::net::IpAddr::V6(src), std::net::IpAddr::V6(dst)) => {
                (protocol::ICMPV6, icmpv6_echo(src, dst, who == 1, 5, self.left as u16, &data))
            }
            (0, ..) => (protocol::ICMP, icmp_echo(who == 1, 5, self.left as u16, &data)),
            (1, ..) => {
                let header = Tcp { seq: self.sequence, ..Tcp::default() };
                self.sequence = self.sequence.wrapping_add(len as u32);
                (protocol::TCP, tcp(from, to, &header, &data))
            }
            _ => (protocol::UDP, udp(from, to, &data)),
        };
        // Few numbers, so that datagrams of different hosts have the same, and those of one host meet them again.
        let id = if rng.one_in(4) { rng.below(3) as u32 } else { rng.word() };
        Datagram { src: from.ip(), dst: to.ip(), protocol, id, payload }
    }
}

/// A datagram's pieces: mostly they make it whole again.
fn pieces(rng: &mut Rng, datagram: &Datagram) -> Vec<Piece> {
    let whole = datagram.payload.len();
    let size = match whole {
        0..100 => rng.pick(&[8, 16, 24]),
        100..3_000 => rng.pick(&[whole / 3, whole / 2, 512, 1_400]).max(24),
        _ => 1_440,
    };
    let mut pieces = datagram.pieces(size);
    if pieces.len() == 1 && datagram.src.is_ipv4() {
        return pieces;
    }
    match rng.below(24) {
        0..6 => {}
        6..9 => pieces.reverse(),
        9..11 => {
            for at in (1..pieces.len()).rev() {
                pieces.swap(at, rng.below(1 + at as u64) as usize);
            }
        }
        // One never comes.
        11 => drop(pieces.remove(rng.below(pieces.len() as u64) as usize)),
        // One comes twice.
        12 | 13 => {
            let piece = rng.pick(&pieces);
            pieces.insert(rng.below(1 + pieces.len() as u64) as usize, piece);
        }
        14..18 => overlap(rng, &mut pieces),
        // The end is not where it was said to be: earlier, later, twice.
        18 => {
            let mut piece = rng.pick(&pieces);
            piece.more = false;
            pieces.insert(rng.below(1 + pieces.len() as u64) as usize, piece);
        }
        19 => pieces.iter_mut().for_each(|piece| piece.more = true),
        20 => {
            let last = pieces.len() - 1;
            let offset = pieces[last].offset + 1;
            pieces.push(Piece { offset, more: false, bytes: rng.bytes(8) });
        }
        // A first piece of which nobody can read the ports, or hardly.
        21 => tiny_first(rng, &mut pieces),
        // A piece in the middle that does not end on a unit, or is empty.
        22 => {
            let at = rng.below(pieces.len() as u64) as usize;
            let kept = pieces[at].bytes.len().saturating_sub(rng.range(1, 7) as usize);
            pieces[at].bytes.truncate(if rng.one_in(4) { 0 } else { kept });
        }
        // It would be longer than a packet can be.
        _ => {
            let offset = rng.pick(&[8_191, 8_190, 8_000]);
            let len = rng.pick(&[7, 8, 16, 1_400]);
            pieces.push(Piece { offset, more: rng.one_in(2), bytes: rng.bytes(len) });
        }
    }
    pieces
}

/// One more piece that covers part of the others, with other bytes or with the same.
fn overlap(rng: &mut Rng, pieces: &mut Vec<Piece>) {
    let at = rng.below(pieces.len() as u64) as usize;
    let victim = pieces[at].clone();
    let units = (victim.bytes.len() / 8) as u16;
    let (offset, units) = match rng.below(6) {
        // Its front, its back, its inside, all of it, all of it and more.
        0 => (victim.offset.saturating_sub(1), 2),
        1 => (victim.offset + units.saturating_sub(1), 2),
        2 => (victim.offset + units / 2, 1),
        3 => (victim.offset, units.max(1)),
        4 => (victim.offset.saturating_sub(1), units + 2),
        _ => (victim.offset, (units / 2).max(1)),
    };
    let bytes = rng.bytes(usize::from(units) * 8);
    let more = if rng.one_in(5) { !victim.more } else { victim.more };
    pieces.insert(rng.below(1 + pieces.len() as u64) as usize, Piece { offset, more, bytes });
}

/// Cuts the first piece into one of 8 or 16 bytes and the rest.
fn tiny_first(rng: &mut Rng, pieces: &mut Vec<Piece>) {
    let first = rng.pick(&[8, 16]);
    if pieces[0].offset == 0 && pieces[0].bytes.len() > first {
        let rest = Piece { offset: first as u16 / 8, more: pieces[0].more, bytes: pieces[0].bytes.split_off(first) };
        pieces[0].more = true;
        pieces.insert(1, rest);
    }
}

impl Talk for Fragments {
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        let more = self.under_way.is_empty() || self.under_way.len() < 3 && rng.one_in(12);
        if more && let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            let who = usize::from(rng.percent(40));
            let datagram = self.datagram(rng, who);
            let fragments = pieces(rng, &datagram).iter().map(|piece| datagram.fragment(piece)).collect();
            self.under_way.push((who, fragments));
        }
        if self.under_way.is_empty() {
            return false;
        }
        let at = rng.below(self.under_way.len() as u64) as usize;
        let (who, fragments) = &mut self.under_way[at];
        if let Some(fragment) = fragments.pop_front() {
            let (from, to) = (self.ends[*who], self.ends[1 - *who]);
            tape.push(from.side, to.address.ip(), fragment);
        }
        if fragments.is_empty() {
            self.under_way.swap_remove(at);
        }
        true
    }
}
