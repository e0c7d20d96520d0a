//! A TCP connection as a tap between its ends sees it.
//!
//! Both ends keep their sequence numbers, so that a strict window tracker accepts every segment: nothing is acknowledged
//! that was not sent, and nothing is sent beyond the window that the other end announced. Data flows in turns, one end
//! at a time; the receiver acknowledges every second segment and stays a few segments behind, as a real one does.

use super::{
    frame::{Frame, Payload, Segment, Side},
    rng::Rng,
};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// The end that opens the connection, and the end that answers.
const OPENER: usize = 0;
const ANSWERER: usize = 1;

/// The window in a SYN, where it is not scaled yet: what every end accepts at least.
const FIRST_WINDOW: u16 = 64_240;
/// Segments that may be in flight before the first acknowledgement (RFC 6928).
const INITIAL_FLIGHT: u32 = 10;
/// Microseconds until an unanswered SYN is sent again; doubled each time.
const SYN_RETRANSMIT: u64 = 1_000_000;

/// Bytes of the shortest data segment: a TLS record's header and one byte.
const SHORTEST_RECORD: u64 = 6;

/// How a connection goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody answers; the SYN is sent this many times.
    Silent(u32),
    /// The SYN is answered with a reset.
    Refused,
    /// The opener resets as soon as it is answered, as a port scanner does.
    Scanned,
    /// The connection opens, carries its data, and is closed by both ends.
    Closed,
    /// The connection opens, carries its data, and is reset by the opener.
    Reset,
}

/// What is decided about a connection when it opens.
pub(super) struct Plan {
    pub fate: Fate,
    /// Packets between the handshake and the close.
    pub packets: u64,
    /// The data goes from the opener to the answerer.
    pub upload: bool,
    /// Whether segments carry timestamps.
    pub timestamps: bool,
    /// Mean microseconds between two packets of a turn.
    pub gap: u64,
    /// Microseconds between the two ends.
    pub round_trip: u64,
    /// Longest pause before a turn, in microseconds.
    pub pause: u64,
    /// Segments that the acknowledgements stay behind the data.
    pub flight: u32,
    /// The window that both ends announce after the handshake, in units of 128 bytes.
    pub window: u16,
    /// The opener's initial sequence number; the answerer's follows from it.
    pub first_seq: u32,
}

/// What the next packet is.
#[derive(Clone, Copy)]
enum Stage {
    Syn { tries: u32 },
    Answer,
    Established,
    Data,
    Reset,
    Fin,
    FinAcked,
    PeerFin,
    LastAck,
}

/// What one end has sent.
struct End {
    /// The next sequence number.
    next: u32,
    /// What the other end has acknowledged of it.
    acked: u32,
    /// The last timestamp that the other end saw.
    stamp: u32,
}

/// One end's run of segments.
struct Turn {
    from: usize,
    /// Segments still to send.
    segments: u64,
    /// Sent since the last acknowledgement.
    since_ack: u32,
}

/// A segment that goes out again, or late: its sequence number and length.
type Pending = (u32, usize);

/// One connection.
pub(super) struct Tcp {
    route: [Side; 2],
    plan: Plan,
    stage: Stage,
    ends: [End; 2],
    turn: Turn,
    /// Data packets and acknowledgements still to send.
    budget: u64,
    /// Segments that may be in flight now: grows with each acknowledgement until the plan's `flight`.
    flight: u32,
    pending: Option<Pending>,
    /// The end that closes first.
    closer: usize,
    /// The largest payload.
    mss: usize,
}

impl Tcp {
    pub(super) fn new(route: [Side; 2], plan: Plan) -> Self {
        let ipv6 = if route[0].ip.is_ipv6() { 20 } else { 0 };
        let mss = 1460 - ipv6 - if plan.timestamps { 12 } else { 0 };
        let end = |next| End { next, acked: next, stamp: 0 };
        let tries = if let Fate::Silent(tries) = plan.fate { tries } else { 1 };
        Self {
            route,
            stage: Stage::Syn { tries },
            ends: [end(plan.first_seq), end(!plan.first_seq.rotate_left(11))],
            turn: Turn { from: ANSWERER, segments: 0, since_ack: 0 },
            budget: plan.packets,
            flight: INITIAL_FLIGHT.min(plan.flight),
            pending: None,
            closer: OPENER,
            mss,
            plan,
        }
    }

    /// Writes the next segment; returns the microseconds until the one after it, if there is one.
    pub(super) fn step(&mut self, now: u64, rng: &mut Rng, frame: &mut Frame) -> Option<u64> {
        let half = self.plan.round_trip / 2 + 1;
        match self.stage {
            Stage::Syn { tries } => {
                self.syn(now, OPENER, SYN, frame);
                match self.plan.fate {
                    Fate::Silent(all) => {
                        if tries <= 1 {
                            return None;
                        }
                        self.stage = Stage::Syn { tries: tries - 1 };
                        return Some(SYN_RETRANSMIT << (all - tries));
                    }
                    Fate::Refused => self.stage = Stage::Reset,
                    Fate::Scanned | Fate::Closed | Fate::Reset => self.stage = Stage::Answer,
                }
                // The SYN that the tap saw is acknowledged from now on.
                self.ends[OPENER].next = self.ends[OPENER].next.wrapping_add(1);
                Some(rng.around(half))
            }
            Stage::Answer => {
                self.ends[OPENER].acked = self.ends[OPENER].next;
                self.syn(now, ANSWERER, SYN | ACK, frame);
                self.ends[ANSWERER].next = self.ends[ANSWERER].next.wrapping_add(1);
                self.stage = if self.plan.fate == Fate::Scanned { Stage::Reset } else { Stage::Established };
                Some(rng.around(half))
            }
            Stage::Established => {
                self.acknowledge(now, OPENER, self.ends[ANSWERER].next, frame);
                self.stage = Stage::Data;
                if self.budget == 0 {
                    self.close(rng);
                }
                Some(rng.around(self.plan.gap))
            }
            Stage::Data => Some(self.data(now, rng, frame)),
            Stage::Reset => {
                self.reset(frame);
                None
            }
            Stage::Fin => {
                self.fin(now, self.closer, frame);
                self.stage = if rng.percent(70) { Stage::PeerFin } else { Stage::FinAcked };
                Some(rng.around(half))
            }
            Stage::FinAcked => {
                self.acknowledge(now, 1 - self.closer, self.ends[self.closer].next, frame);
                self.stage = Stage::PeerFin;
                Some(rng.around(half))
            }
            Stage::PeerFin => {
                self.ends[self.closer].acked = self.ends[self.closer].next;
                self.fin(now, 1 - self.closer, frame);
                self.stage = Stage::LastAck;
                Some(rng.around(half))
            }
            Stage::LastAck => {
                self.acknowledge(now, self.closer, self.ends[1 - self.closer].next, frame);
                None
            }
        }
    }

    /// One packet of the data phase.
    fn data(&mut self, now: u64, rng: &mut Rng, frame: &mut Frame) -> u64 {
        self.budget = self.budget.saturating_sub(1);
        let Turn { from, segments, since_ack } = self.turn;
        if let Some((seq, len)) = self.pending.take() {
            self.segment(now, from, (seq, len), ACK, frame);
            return rng.around(self.plan.gap);
        }
        let in_flight = self.ends[from].next.wrapping_sub(self.ends[from].acked);
        let flight = self.flight * self.mss as u32;
        if segments > 0 && (since_ack < 2 || in_flight <= flight) {
            return self.new_data(now, rng, frame);
        }
        if in_flight == 0 {
            // Only the very first turn finds nothing to acknowledge.
            self.begin_turn(rng);
            return self.new_data(now, rng, frame);
        }
        // In the middle of a turn the data stays ahead; at its end the rest is acknowledged in larger steps.
        let step = if segments > 0 { in_flight - flight } else { in_flight.min(4 * self.mss as u32) };
        self.turn.since_ack = 0;
        self.flight = (self.flight + 2).min(self.plan.flight);
        self.acknowledge(now, 1 - from, self.ends[from].acked.wrapping_add(step), frame);
        if segments > 0 || step < in_flight {
            return rng.around(self.plan.gap);
        }
        if self.budget == 0 {
            self.close(rng);
            return rng.around(self.plan.round_trip);
        }
        self.begin_turn(rng);
        let thought = if rng.one_in(4) { rng.below(self.plan.pause + 1) } else { 0 };
        thought + rng.around(self.plan.round_trip)
    }

    /// Lets the other end speak, for as long as the budget and chance allow.
    fn begin_turn(&mut self, rng: &mut Rng) {
        let from = 1 - self.turn.from;
        let bulk = from == if self.plan.upload { OPENER } else { ANSWERER };
        // Two segments and one acknowledgement make three packets.
        let most = (self.budget * 2 / 3).max(1);
        let segments = if bulk { (most >> rng.below(5)).max(1) } else { rng.range(1, 2).min(most) };
        self.turn = Turn { from, segments, since_ack: 0 };
    }

    /// Sends the turn's next segment: full, but for the last one. Now and then it will be sent again, or the one after it
    /// overtakes it.
    fn new_data(&mut self, now: u64, rng: &mut Rng, frame: &mut Frame) -> u64 {
        let from = self.turn.from;
        self.turn.segments -= 1;
        self.turn.since_ack += 1;
        let last = self.turn.segments == 0;
        let len = if last { rng.range(SHORTEST_RECORD, self.mss as u64) as usize } else { self.mss };
        let seq = self.ends[from].next;
        self.ends[from].next = seq.wrapping_add(len as u32);
        if self.turn.segments > 1 && rng.one_in(1500) {
            let overtaking = self.ends[from].next;
            self.ends[from].next = overtaking.wrapping_add(self.mss as u32);
            self.turn.segments -= 1;
            self.turn.since_ack += 1;
            self.pending = Some((seq, len));
            self.segment(now, from, (overtaking, self.mss), ACK, frame);
            return rng.range(1, 50);
        }
        self.segment(now, from, (seq, len), if last { ACK | PSH } else { ACK }, frame);
        if rng.one_in(1000) {
            self.pending = Some((seq, len));
            return rng.around(self.plan.round_trip);
        }
        rng.around(self.plan.gap)
    }

    /// Decides how the connection ends.
    fn close(&mut self, rng: &mut Rng) {
        self.closer = if rng.percent(60) { OPENER } else { ANSWERER };
        self.stage = if self.plan.fate == Fate::Reset { Stage::Reset } else { Stage::Fin };
    }

    /// Sends a SYN, which offers everything (RFC 9293, 2018, 7323) in the order that Linux writes it.
    fn syn(&mut self, now: u64, from: usize, flags: u8, frame: &mut Frame) {
        let mss = if self.route[0].ip.is_ipv6() { 1440_u16 } else { 1460 }.to_be_bytes();
        let ack = if flags & ACK != 0 { self.ends[1 - from].next } else { 0 };
        let segment = |options: &[u8], frame: &mut Frame| {
            let segment = Segment { seq: self.ends[from].next, ack, flags, window: FIRST_WINDOW, options };
            frame.tcp(&self.route[from], &self.route[1 - from], &segment, Payload::EMPTY);
        };
        if self.plan.timestamps {
            let stamp = self.clock(from, now);
            let mut options = [2, 4, mss[0], mss[1], 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7];
            options[8..12].copy_from_slice(&stamp.to_be_bytes());
            if flags & ACK != 0 {
                options[12..16].copy_from_slice(&self.ends[1 - from].stamp.to_be_bytes());
            }
            segment(&options, frame);
            self.ends[from].stamp = stamp;
        } else {
            segment(&[2, 4, mss[0], mss[1], 1, 3, 3, 7, 1, 1, 4, 2], frame);
        }
    }

    /// Refuses the SYN, drops the connection that the scanner learned of, or ends an open one.
    fn reset(&mut self, frame: &mut Frame) {
        let [opener, answerer] = &self.ends;
        let (from, seq, ack, flags) = match self.plan.fate {
            Fate::Refused => (ANSWERER, 0, opener.next, RST | ACK),
            Fate::Scanned => (OPENER, opener.next, 0, RST),
            Fate::Silent(_) | Fate::Closed | Fate::Reset => (OPENER, opener.next, answerer.next, RST | ACK),
        };
        let segment = Segment { seq, ack, flags, window: 0, options: &[] };
        frame.tcp(&self.route[from], &self.route[1 - from], &segment, Payload::EMPTY);
    }

    /// Sends a segment without data from `from` that acknowledges the other end's bytes up to `ack`.
    fn acknowledge(&mut self, now: u64, from: usize, ack: u32, frame: &mut Frame) {
        self.ends[1 - from].acked = ack;
        self.raw(now, from, self.ends[from].next, ACK, Payload::EMPTY, frame);
    }

    /// Sends a FIN, which takes a sequence number.
    fn fin(&mut self, now: u64, from: usize, frame: &mut Frame) {
        let seq = self.ends[from].next;
        self.raw(now, from, seq, FIN | ACK, Payload::EMPTY, frame);
        self.ends[from].next = seq.wrapping_add(1);
    }

    /// Sends data whose place is already taken: a TLS record of application data, filled with zeros.
    fn segment(&mut self, now: u64, from: usize, (seq, len): Pending, flags: u8, frame: &mut Frame) {
        let record = (len as u16 - 5).to_be_bytes();
        let head = [0x17, 3, 3, record[0], record[1]];
        self.raw(now, from, seq, flags, Payload { head: &head, len }, frame);
    }

    /// Sends a segment after the handshake, with the acknowledgement as it stands and the options of this connection.
    fn raw(&mut self, now: u64, from: usize, seq: u32, flags: u8, payload: Payload<'_>, frame: &mut Frame) {
        let mut options = [1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut options_len = 0;
        if self.plan.timestamps {
            let stamp = self.clock(from, now);
            options[4..8].copy_from_slice(&stamp.to_be_bytes());
            options[8..12].copy_from_slice(&self.ends[1 - from].stamp.to_be_bytes());
            options_len = 12;
            self.ends[from].stamp = stamp;
        }
        let ack = self.ends[1 - from].acked;
        let segment = Segment { seq, ack, flags, window: self.plan.window, options: &options[..options_len] };
        frame.tcp(&self.route[from], &self.route[1 - from], &segment, payload);
    }

    /// An end's timestamp clock: milliseconds since some moment of its own.
    fn clock(&self, from: usize, now: u64) -> u32 {
        ((now / 1000) as u32).wrapping_add(self.plan.first_seq.rotate_left(7 + from as u32))
    }
}
