//! One end of a connection, as RFC 9293 wants it: what it says when it is its turn, and what it makes of what it hears.

use std::collections::VecDeque;

use super::{
    options::{self, Offers},
    segment::{Segment, after},
};
use crate::{
    packets::{Tcp, TcpOption, flags, tcp_options},
    rng::Rng,
};

/// Blocks that came too early and are remembered.
const EARLY: usize = 6;

/// How an end begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It sends a SYN of its own accord.
    Active,
    /// It waits for one and answers with a SYN/ACK.
    Passive,
    /// It waits for one and answers with an ACK or nothing, then a SYN of its own: the split handshake.
    Split,
}

/// How far its own SYN got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syn {
    Unsent,
    Sent,
    Acknowledged,
}

/// An end.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    role: Role,
    syn: Syn,
    iss: u32,
    /// The first sequence number that was not acknowledged.
    una: u32,
    /// The next one to send.
    pub nxt: u32,
    /// The next one that it expects.
    pub rcv: u32,
    /// The window that it offers, in bytes.
    pub window: u32,
    offers: Offers,
    /// What the other end's SYN offered, once it was heard.
    heard: Option<Offers>,
    peer_window: u32,
    /// Blocks that came too early.
    pub early: Vec<[u32; 2]>,
    pub owes_ack: bool,
    /// What it answers to something that it does not know.
    reset: Option<Segment>,
    /// What it still has to send.
    pub unsent: VecDeque<u8>,
    /// It sends a FIN when all is sent.
    pub closing: bool,
    fin_sent: bool,
    pub fin_heard: bool,
    /// It was reset: it knows nothing of the connection any more.
    pub dead: bool,
    /// Segments that were not acknowledged, in order.
    pub unacked: Vec<Segment>,
    clock: u32,
    echo: u32,
}

impl Peer {
    pub(super) fn new(rng: &mut Rng, role: Role, iss: u32) -> Self {
        Self {
            role,
            syn: Syn::Unsent,
            iss,
            una: iss,
            nxt: iss,
            rcv: 0,
            window: rng.weighted(&[(1, 100), (2, 2_000), (3, 29_200), (3, 65_535), (2, 300_000), (1, 5_000_000)]),
            offers: Offers::new(rng),
            heard: None,
            peer_window: 0,
            early: Vec::new(),
            owes_ack: false,
            reset: None,
            unsent: VecDeque::new(),
            closing: false,
            fin_sent: false,
            fin_heard: false,
            dead: false,
            unacked: Vec::new(),
            clock: rng.word(),
            echo: 0,
        }
    }

    /// Two ends in the middle of a connection of which nobody saw the beginning.
    pub(super) fn established(rng: &mut Rng, isses: [u32; 2]) -> [Self; 2] {
        let [mut one, mut two] = isses.map(|iss| Self::new(rng, Role::Active, iss));
        (one.heard, two.heard) = (Some(two.offers), Some(one.offers));
        (one.rcv, two.rcv) = (two.nxt, one.nxt);
        (one.peer_window, two.peer_window) = (two.window, one.window);
        (one.syn, two.syn) = (Syn::Acknowledged, Syn::Acknowledged);
        [one, two]
    }

    /// It sent a SYN and nothing answered it yet.
    pub(super) fn is_connecting(&self) -> bool {
        self.syn == Syn::Sent && self.heard.is_none()
    }

    /// Both SYNs were exchanged, as far as it knows.
    pub(super) fn is_open(&self) -> bool {
        self.syn == Syn::Acknowledged && self.heard.is_some() && !self.dead
    }

    /// Both FINs were exchanged, as far as it knows, or it was reset.
    pub(super) fn is_done(&self) -> bool {
        self.dead || self.fin_sent && self.fin_heard && self.una == self.nxt
    }

    /// The shift of its window field in all segments but SYNs.
    pub(super) fn shift(&self) -> u8 {
        match (self.offers.scale, self.heard.and_then(|heard| heard.scale)) {
            (Some(own), Some(_)) => own.min(14),
            _ => 0,
        }
    }

    fn peer_shift(&self) -> u8 {
        match (self.offers.scale, self.heard.and_then(|heard| heard.scale)) {
            (Some(_), Some(other)) => other.min(14),
            _ => 0,
        }
    }

    /// Bytes that it may still send.
    fn room(&self) -> usize {
        self.peer_window.saturating_sub(self.nxt.wrapping_sub(self.una)) as usize
    }

    fn wants_fin(&self) -> bool {
        self.closing && !self.fin_sent && self.unsent.is_empty()
    }

    /// It is its turn.
    pub(super) fn is_due(&self) -> bool {
        if self.dead {
            return self.reset.is_some();
        }
        self.reset.is_some()
            || match self.syn {
                Syn::Unsent => self.role == Role::Active || self.heard.is_some(),
                Syn::Sent => self.owes_ack,
                Syn::Acknowledged => {
                    self.owes_ack || self.is_open() && (!self.unsent.is_empty() && self.room() > 0 || self.wants_fin())
                }
            }
    }

    /// Data waits for a window.
    pub(super) fn is_blocked(&self) -> bool {
        self.is_open() && !self.unsent.is_empty() && self.room() == 0
    }

    /// Its current acknowledgement and window, in a segment without data.
    pub(super) fn acknowledgment(&mut self, rng: &mut Rng) -> Segment {
        let blocks = match self.heard {
            Some(heard) if heard.sack && self.offers.sack => self.early.clone(),
            _ => Vec::new(),
        };
        let stamps = self.stamps(rng);
        let options = options::of_segment(rng, stamps, &blocks);
        self.segment(flags::ACK, self.nxt, Vec::new(), &options)
    }

    /// The value and the echo of its timestamps, if both ends agreed on them.
    fn stamps(&mut self, rng: &mut Rng) -> Option<[u32; 2]> {
        let agreed = self.offers.stamps && self.heard.is_some_and(|heard| heard.stamps);
        self.clock = self.clock.wrapping_add(rng.below(20) as u32);
        agreed.then_some([self.clock, self.echo])
    }

    fn segment(&self, flags: u8, seq: u32, payload: Vec<u8>, options: &[TcpOption]) -> Segment {
        let shift = if flags & flags::SYN != 0 { 0 } else { self.shift() };
        let window = (self.window >> shift).min(0xffff) as u16;
        let ack = if flags & flags::ACK != 0 { self.rcv } else { 0 };
        let tcp = Tcp { seq, ack, flags, window, urgent: 0, options: tcp_options(options) };
        Segment { tcp, payload, data_offset: None }
    }

    /// What it says now that it is its turn.
    pub(super) fn speak(&mut self, rng: &mut Rng) -> Segment {
        if let Some(reset) = self.reset.take() {
            return reset;
        }
        match self.syn {
            Syn::Unsent => self.open(rng),
            Syn::Sent => {
                // Both sent a SYN: each answers the other's with its own, again, now with an ACK.
                self.owes_ack = false;
                self.syn_segment(rng, flags::SYN | flags::ACK)
            }
            Syn::Acknowledged => self.carry_on(rng),
        }
    }

    fn open(&mut self, rng: &mut Rng) -> Segment {
        if self.role == Role::Split && self.owes_ack && rng.one_in(2) {
            self.owes_ack = false;
            return self.segment(flags::ACK, rng.word(), Vec::new(), &[]);
        }
        let answers = self.heard.is_some() && self.role != Role::Split;
        self.owes_ack = false;
        self.syn = Syn::Sent;
        let mut segment = self.syn_segment(rng, if answers { flags::SYN | flags::ACK } else { flags::SYN });
        // Fast open: data in the SYN.
        if rng.one_in(12) && !self.unsent.is_empty() {
            let len = self.unsent.len().min(500);
            segment.payload = self.unsent.drain(..len).collect();
        }
        self.nxt = segment.end();
        self.unacked.push(segment.clone());
        segment
    }

    /// Its SYN as it would send it now, without data.
    pub(super) fn syn_segment(&mut self, rng: &mut Rng, mut flags: u8) -> Segment {
        if rng.one_in(8) {
            flags |= if flags & flags::ACK == 0 { flags::ECE | flags::CWR } else { flags::ECE };
        }
        let heard = if flags & flags::ACK == 0 { None } else { self.heard };
        let options = self.offers.of_syn(rng, heard.as_ref(), [self.clock, self.echo]);
        self.segment(flags, self.iss, Vec::new(), &options)
    }

    fn carry_on(&mut self, rng: &mut Rng) -> Segment {
        let mut segment = self.acknowledgment(rng);
        self.owes_ack = false;
        let room = self.room().min(self.unsent.len());
        if room > 0 && self.is_open() {
            let len = room.min(rng.pick(&[1, 100, 536, 1_000, 1_400]));
            segment.payload = self.unsent.drain(..len).collect();
            if rng.one_in(2) {
                segment.tcp.flags |= flags::PSH;
            }
        }
        if self.wants_fin() && self.is_open() && (segment.payload.is_empty() || rng.one_in(2)) {
            segment.tcp.flags |= flags::FIN;
            self.fin_sent = true;
        }
        if segment.len() > 0 {
            self.nxt = segment.end();
            self.unacked.push(segment.clone());
        }
        segment
    }

    /// The oldest segment that nobody acknowledged, with what it would acknowledge now.
    pub(super) fn retransmission(&mut self, rng: &mut Rng) -> Option<Segment> {
        let mut segment = self.unacked.first()?.clone();
        if segment.has(flags::ACK) {
            segment.tcp.ack = self.rcv;
        }
        if !segment.has(flags::SYN) && rng.one_in(2) {
            segment.tcp.window = (self.window >> self.shift()).min(0xffff) as u16;
        }
        Some(segment)
    }

    /// Hears a segment that got through.
    pub(super) fn hear(&mut self, rng: &mut Rng, segment: &Segment) {
        if self.dead || self.syn == Syn::Unsent && !segment.has(flags::SYN) {
            return;
        }
        if segment.has(flags::RST) {
            let exact = if self.is_connecting() { segment.tcp.ack == self.nxt } else { segment.tcp.seq == self.rcv };
            self.dead |= exact;
            return;
        }
        if segment.has(flags::ACK) && self.is_connecting() && segment.tcp.ack != self.nxt {
            // It answers something else: the sender of that is told so (RFC 9293 section 3.10.7.3).
            let nothing_new = !after(segment.tcp.ack, self.iss) || after(segment.tcp.ack, self.nxt);
            if nothing_new {
                self.refuse(segment);
                return;
            }
        }
        if segment.has(flags::SYN) && !self.hear_syn(rng, segment) {
            return;
        }
        if segment.has(flags::ACK) {
            self.hear_ack(segment);
        }
        if self.heard.is_some() {
            self.hear_data(segment);
        }
    }

    /// Whether there is more to hear in a segment with a SYN.
    fn hear_syn(&mut self, rng: &mut Rng, segment: &Segment) -> bool {
        if self.heard.is_some() {
            // Once more, or out of the blue: both get an acknowledgement (RFC 5961 section 4).
            self.owes_ack = true;
            return false;
        }
        let stated = |kind: u8| option_at(&segment.tcp.options, kind);
        self.heard = Some(Offers {
            scale: stated(3).and_then(|at| segment.tcp.options.get(at + 2).copied()),
            sack: stated(4).is_some(),
            stamps: stated(8).is_some(),
        });
        // Data in a SYN is taken, or has to be sent again.
        let taken = if rng.one_in(2) { segment.payload.len() as u32 } else { 0 };
        self.rcv = segment.tcp.seq.wrapping_add(1 + taken);
        self.peer_window = u32::from(segment.tcp.window);
        self.owes_ack = true;
        true
    }

    fn hear_ack(&mut self, segment: &Segment) {
        let ack = segment.tcp.ack;
        if after(ack, self.nxt) {
            self.owes_ack = true;
            return;
        }
        if after(ack, self.una) {
            self.una = ack;
            self.unacked.retain(|segment| after(segment.end(), ack));
            if self.syn == Syn::Sent {
                self.syn = Syn::Acknowledged;
                self.unacked.iter_mut().for_each(|segment| strip_syn(segment, self.rcv));
            }
        }
        let shift = if segment.has(flags::SYN) { 0 } else { self.peer_shift() };
        self.peer_window = u32::from(segment.tcp.window) << shift;
        if let Some(value) = option_at(&segment.tcp.options, 8).and_then(|at| segment.tcp.options.get(at + 2..at + 6)) {
            self.echo = u32::from_be_bytes([value[0], value[1], value[2], value[3]]);
        }
    }

    fn hear_data(&mut self, segment: &Segment) {
        let len = segment.len() - u32::from(segment.has(flags::SYN));
        if len == 0 {
            return;
        }
        self.owes_ack = true;
        let start = segment.end().wrapping_sub(len);
        let end = segment.end();
        if after(start, self.rcv) {
            if self.early.len() < EARLY && start.wrapping_sub(self.rcv) < self.window && !segment.has(flags::FIN) {
                self.early.push([start, end]);
            }
            return;
        }
        if !after(end, self.rcv) {
            return;
        }
        self.rcv = end;
        self.fin_heard |= segment.has(flags::FIN);
        // What came early may follow now, in whatever order it was kept.
        while let Some(at) = self.early.iter().position(|[start, _]| !after(*start, self.rcv)) {
            let [_, end] = self.early.swap_remove(at);
            if after(end, self.rcv) {
                self.rcv = end;
            }
        }
    }

    /// Answers a segment with a reset (RFC 9293 section 3.10.7.1).
    pub(super) fn refuse(&mut self, segment: &Segment) {
        let (flags, seq, ack) = match segment.has(flags::ACK) {
            true => (flags::RST, segment.tcp.ack, 0),
            false => (flags::RST | flags::ACK, 0, segment.end()),
        };
        let tcp = Tcp { seq, ack, flags, window: 0, ..Tcp::default() };
        self.reset = Some(Segment { tcp, payload: Vec::new(), data_offset: None });
    }

    /// Forgets everything, as a host does that was switched off.
    pub(super) fn die(&mut self) {
        self.dead = true;
    }
}

/// Makes plain data of what a SYN carried and the other end did not take.
fn strip_syn(segment: &mut Segment, rcv: u32) {
    if segment.has(flags::SYN) {
        let seq = segment.tcp.seq.wrapping_add(1);
        segment.tcp = Tcp { seq, ack: rcv, flags: flags::ACK | flags::PSH, ..Tcp::default() };
    }
}

/// Where the first option of a kind begins, in a list that is well-formed as far as that.
fn option_at(options: &[u8], kind: u8) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = options.get(at) {
        match *found {
            0 => return None,
            1 => at += 1,
            found if found == kind => return Some(at),
            _ => at += usize::from(*options.get(at + 1)?).max(2),
        }
    }
    None
}
