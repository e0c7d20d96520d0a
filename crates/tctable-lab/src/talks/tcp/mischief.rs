//! What ends should not do, and what an attacker between them would: each at an edge of what a tracker lets pass.

use super::{line::Line, options, segment::Segment};
use crate::{
    packets::{flags, tcp_options},
    rng::Rng,
    talks::tape::Tape,
};

/// Kinds of mischief.
#[derive(Clone, Copy, Debug)]
enum Mischief {
    /// The very same segment again, once or often.
    Again,
    /// Part of it, or of it and more.
    AgainInPart,
    /// A sequence number at an edge.
    Sequence,
    /// An acknowledgement at an edge.
    Acknowledgment,
    /// Is anybody there?
    Keepalive,
    /// Another window, often none.
    Window,
    /// Data that the other end has no room for.
    Beyond,
    /// Selective acknowledgements, right and wrong.
    Sack,
    Reset,
    Syn,
    SynAck,
    Fin,
    /// Flags as they fall.
    Flags,
    /// Options that are broken.
    Options,
    /// A data offset that is too small or too large.
    DataOffset,
    /// Urgent data and congestion flags: harmless.
    Decoration,
    /// All numbers as they fall.
    Noise,
}

impl Line {
    /// Does one of them, in the name of one end or the other.
    pub(super) fn mischief(&mut self, rng: &mut Rng, tape: &mut Tape) {
        let who = rng.below(2) as usize;
        let kind = rng.weighted(&[
            (10, Mischief::Again),
            (6, Mischief::AgainInPart),
            (14, Mischief::Sequence),
            (12, Mischief::Acknowledgment),
            (5, Mischief::Keepalive),
            (6, Mischief::Window),
            (4, Mischief::Beyond),
            (7, Mischief::Sack),
            (5, Mischief::Reset),
            (6, Mischief::Syn),
            (5, Mischief::SynAck),
            (4, Mischief::Fin),
            (4, Mischief::Flags),
            (5, Mischief::Options),
            (3, Mischief::DataOffset),
            (3, Mischief::Decoration),
            (2, Mischief::Noise),
        ]);
        let mut segment = self.peers[who].acknowledgment(rng);
        match kind {
            Mischief::Again => return self.again(rng, tape, who),
            Mischief::AgainInPart => match self.again_in_part(rng, who) {
                Some(part) => segment = part,
                None => return,
            },
            Mischief::Sequence => {
                if rng.one_in(2) {
                    segment.payload = payload(rng);
                }
                segment.tcp.flags |= rng.weighted(&[(6, 0), (1, flags::FIN), (2, flags::PSH)]);
                segment.tcp.seq = self.watch.sequence(rng, who, segment.len());
            }
            Mischief::Acknowledgment => {
                if rng.one_in(3) {
                    segment.payload = payload(rng);
                }
                segment.tcp.flags |= rng.weighted(&[(6, 0), (1, flags::FIN), (1, flags::URG)]);
                segment.tcp.ack = self.watch.acknowledgment(rng, who);
            }
            Mischief::Keepalive => {
                segment.tcp.seq = segment.tcp.seq.wrapping_sub(1);
                segment.payload = vec![0; rng.below(2) as usize];
                self.peers[1 - who].owes_ack = true;
            }
            Mischief::Window => return self.change_window(rng, tape, who),
            Mischief::Beyond => {
                segment.payload = payload(rng);
                let ahead = rng.pick(&[0, 1, 2]);
                let end = self.watch.beyond(who).wrapping_add(ahead);
                segment.tcp.seq = end.wrapping_sub(rng.below(1 + u64::from(segment.len())) as u32);
            }
            Mischief::Sack => {
                let blocks = self.blocks(rng, who);
                segment.tcp.options = tcp_options(&options::of_segment(rng, None, &blocks));
            }
            Mischief::Reset => self.reset(rng, who, &mut segment),
            Mischief::Syn => {
                segment = self.peers[who].syn_segment(rng, flags::SYN);
                segment.tcp.seq = self.opening_sequence(rng, who, segment.tcp.seq);
            }
            Mischief::SynAck => {
                segment = self.peers[who].syn_segment(rng, flags::SYN | flags::ACK);
                segment.tcp.seq = self.opening_sequence(rng, who, segment.tcp.seq);
                if rng.one_in(3) {
                    segment.tcp.ack = self.watch.acknowledgment(rng, who);
                }
            }
            Mischief::Fin => {
                self.hurry(rng.range(5, 60));
                segment.tcp.flags = rng.pick(&[flags::FIN, flags::FIN | flags::ACK, flags::FIN | flags::ACK]);
                if rng.one_in(2) {
                    segment.tcp.seq = self.watch.sequence(rng, who, segment.len());
                }
            }
            Mischief::Flags => {
                let named = [0, 0x3f, 0xff, flags::FIN | flags::PSH | flags::URG, flags::SYN | flags::FIN];
                let named = [&named[..], &[flags::SYN | flags::RST, flags::URG, flags::PSH, flags::FIN]].concat();
                let any = rng.byte();
                segment.tcp.flags = if rng.one_in(2) { rng.pick(&named) } else { any };
            }
            Mischief::Options => {
                segment.tcp.options = options::broken(rng);
                if rng.one_in(4) {
                    let options = std::mem::take(&mut segment.tcp.options);
                    segment = self.peers[who].syn_segment(rng, flags::SYN);
                    segment.tcp.options = options;
                }
            }
            Mischief::DataOffset => {
                segment.payload = payload(rng);
                let words = 5 + segment.tcp.options.len().div_ceil(4) as u8;
                let beyond = (5 + (segment.payload.len() / 4) as u8 + words).min(15);
                segment.data_offset = Some(rng.pick(&[0, 1, 4, words.saturating_add(1).min(15), beyond, 15]));
            }
            Mischief::Decoration => {
                segment.tcp.flags |= rng.pick(&[flags::URG, flags::ECE, flags::CWR, flags::ECE | flags::CWR]);
                segment.tcp.urgent = rng.pick(&[0, 1, 100]);
            }
            Mischief::Noise => {
                segment.tcp.seq = rng.word();
                segment.tcp.ack = rng.word();
                segment.tcp.window = rng.half();
                segment.payload = payload(rng);
            }
        }
        if self.emit(rng, tape, who, segment.clone()) && rng.percent(30) {
            self.wires[1 - who].push(segment);
        }
    }

    /// From three on the kernel counts retransmissions against the connection.
    fn again(&mut self, rng: &mut Rng, tape: &mut Tape, who: usize) {
        if self.history[who].is_empty() {
            return;
        }
        let latest = self.history[who].len() - 1;
        let at = if rng.one_in(2) { latest } else { rng.below(1 + latest as u64) as usize };
        let segment = self.history[who][at].clone();
        for _ in 0..rng.pick(&[1, 1, 2, 3, 4, 5]) {
            self.emit(rng, tape, who, segment.clone());
        }
        if rng.one_in(2) {
            self.wires[1 - who].push(segment);
        }
    }

    /// A segment's beginning, its end, or its end and something new.
    fn again_in_part(&self, rng: &mut Rng, who: usize) -> Option<Segment> {
        let mut segment = self.history[who].iter().rev().find(|segment| !segment.payload.is_empty())?.clone();
        let at = rng.below(segment.payload.len() as u64) as usize;
        segment.tcp.flags &= !(flags::SYN | flags::FIN);
        match rng.below(3) {
            0 => segment.payload.truncate(at),
            1 => {
                segment.payload.drain(..at);
                segment.tcp.seq = segment.tcp.seq.wrapping_add(at as u32);
            }
            _ => segment.payload.extend(payload(rng)),
        }
        segment.payload.truncate(1_400);
        Some(segment)
    }

    /// A window of none, of little, of much, and the update that follows it.
    fn change_window(&mut self, rng: &mut Rng, tape: &mut Tape, who: usize) {
        let windows = [0, 0, 1, 10, 1_000, 65_535, 1_000_000];
        for _ in 0..rng.pick(&[1, 1, 2]) {
            self.peers[who].window = rng.pick(&windows);
            let segment = self.peers[who].acknowledgment(rng);
            self.watch.see(who, &segment, self.peers[who].shift());
            if self.emit(rng, tape, who, segment.clone()) {
                self.wires[1 - who].push(segment);
            }
        }
    }

    /// Blocks of a selective acknowledgement: what really came early, what came twice, what was never sent.
    fn blocks(&self, rng: &mut Rng, who: usize) -> Vec<[u32; 2]> {
        let (me, other) = (&self.peers[who], &self.peers[1 - who]);
        let mut blocks = me.early.clone();
        for _ in 0..rng.range(1, 4) {
            let start = match rng.below(6) {
                0 => me.rcv.wrapping_sub(100),
                1 => me.rcv.wrapping_add(100),
                2 => other.nxt.wrapping_sub(10),
                3 => other.nxt,
                4 => self.watch.acknowledgment(rng, who),
                _ => rng.word(),
            };
            let len = rng.pick(&[0, 1, 10, 1_000, 70_000, u32::MAX]);
            blocks.push([start, start.wrapping_add(len)]);
        }
        blocks
    }

    fn reset(&self, rng: &mut Rng, who: usize, segment: &mut Segment) {
        segment.tcp.options.clear();
        segment.tcp.flags = rng.pick(&[flags::RST, flags::RST, flags::RST | flags::ACK]);
        let (me, other) = (&self.peers[who], &self.peers[1 - who]);
        match rng.below(8) {
            // Right, as far as the other end knows.
            0..2 => segment.tcp.seq = other.rcv,
            2 => segment.tcp.seq = me.nxt,
            3 => segment.tcp.seq = other.rcv.wrapping_add(rng.pick(&[1, 10, 1_000])),
            4 => segment.tcp.seq = other.rcv.wrapping_sub(rng.pick(&[1, 10, 1_000])),
            5 => segment.tcp.seq = 0,
            _ => segment.tcp.seq = self.watch.sequence(rng, who, 0),
        }
        if rng.one_in(4) {
            segment.tcp.ack = self.watch.acknowledgment(rng, who);
        }
        if segment.tcp.flags & flags::ACK == 0 && rng.one_in(2) {
            segment.tcp.ack = 0;
        }
    }

    /// Where a SYN out of season begins: where the first one did, higher, lower, in the window, anywhere.
    fn opening_sequence(&self, rng: &mut Rng, who: usize, iss: u32) -> u32 {
        match rng.below(6) {
            0 | 1 => iss,
            2 => self.peers[who].nxt.wrapping_add(rng.pick(&[0, 1, 1_000])),
            3 => self.peers[who].nxt.wrapping_sub(rng.pick(&[1, 2, 1_000])),
            4 => self.watch.sequence(rng, who, 1),
            _ => rng.word(),
        }
    }
}

fn payload(rng: &mut Rng) -> Vec<u8> {
    let len = rng.pick(&[1, 1, 2, 50, 500]);
    rng.bytes(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_mischief_fit_into_a_header() {
        let mut rng = Rng::new(1);
        for _ in 0..500 {
            assert!(options::broken(&mut rng).len() <= 40);
            let blocks = vec![[1, 2]; 6];
            let stamps = rng.one_in(2).then_some([1, 2]);
            let bytes = tcp_options(&options::of_segment(&mut rng, stamps, &blocks));
            assert!(bytes.len() <= 40, "{bytes:?}");
        }
    }
}
