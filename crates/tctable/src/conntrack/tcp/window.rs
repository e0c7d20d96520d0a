//! Whether a segment lies in its connection's windows, after "Real Stateful TCP Packet Filtering in IP Filter" (Guido van
//! Rooij, 2000), as nf_conntrack has it.
//!
//! For each side is known how far it has sent (`end`), how far it may send (`max_end`), the largest window that it ever
//! offered (`max_window`) and the highest acknowledgment that it sent (`max_ack`). A segment is good when
//!
//! 1. it begins not above what its sender may send;
//! 2. it ends not below what its receiver has long acknowledged (one window);
//! 3. it acknowledges nothing that the receiver has not sent;
//! 4. it acknowledges not less than the receiver sent a window ago.

use super::super::connection::Direction;
use super::options;
use super::{Kind, Scales, Tcp, TcpState, side_flags};
use crate::packet::{TcpHeader, tcp_flags};

/// Acknowledgments may be late by this many bytes at least, however small the windows are.
const MIN_ACK_WINDOW: u32 = 66_000;

/// Sequence numbers are compared modulo 2^32 (RFC 9293 section 3.4).
#[inline(always)]
pub(super) fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

#[inline(always)]
pub(super) fn after(a: u32, b: u32) -> bool {
    before(b, a)
}

/// All bits, or none.
#[inline(always)]
fn mask(all: bool) -> u32 {
    u32::from(all).wrapping_neg()
}

/// What is known of one side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side {
    /// The sequence number after the last byte that it sent.
    pub(super) end: u32,
    /// The sequence number up to which the other side lets it send.
    pub(super) max_end: u32,
    /// The largest window that it offered, in bytes; 0: it was never heard of.
    pub(super) max_window: u32,
    /// The highest acknowledgment number that it sent.
    pub(super) max_ack: u32,
}

/// A segment, as far as windows go.
#[derive(Clone, Copy)]
pub(super) struct Segment<'a> {
    pub(super) header: &'a TcpHeader,
    pub(super) kind: Kind,
    /// The sequence number after its last byte.
    pub(super) end: u32,
    pub(super) options: &'a [u8],
}

impl Segment<'_> {
    #[inline(always)]
    fn is_syn(&self) -> bool {
        matches!(self.kind, Kind::Syn | Kind::SynAck)
    }

    #[inline(always)]
    fn acknowledges(&self) -> bool {
        self.header.flags & tcp_flags::ACK != 0
    }
}

/// The sequence numbers that a segment is judged by.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    pub(super) sequence: u32,
    /// After its last byte.
    pub(super) end: u32,
    /// What it acknowledges in its header, and in a SACK option.
    pub(super) acknowledged: u32,
    pub(super) selectively: u32,
}

/// What the windows say of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Accept,
    /// Let it pass, but it keeps nothing alive.
    Ignore,
    Invalid,
}

/// Where a segment lies that does not lie in the windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Partly above what its receiver allowed.
    Above,
    /// Below, or it acknowledges too little.
    Late,
    /// Nowhere near, or it acknowledges what was never sent.
    Outside,
}

impl Tcp {
    /// Whether anything was heard of the side that sends.
    #[inline(always)]
    pub(super) fn knows_sender(&self, direction: Direction) -> bool {
        self.sides[direction as usize].max_window != 0
    }

    /// The highest sequence number that a segment acknowledges, with a SACK option or without.
    #[inline(always)]
    pub(super) fn selectively<'a>(
        &self,
        direction: Direction,
        acknowledged: u32,
        options: impl FnOnce() -> &'a [u8],
    ) -> u32 {
        if self.flags[direction.opposite() as usize] & side_flags::SACK_PERMITTED == 0 {
            return acknowledged;
        }
        options::highest_acknowledged(options(), acknowledged)
    }

    /// Judges a segment by the windows of both sides and follows it.
    #[inline]
    pub(super) fn in_window(&mut self, direction: Direction, segment: Segment<'_>, be_liberal: bool) -> Fit {
        let (from, to) = (direction as usize, direction.opposite() as usize);
        let header = segment.header;
        let acknowledged = header.acknowledgment;
        let selectively = self.selectively(direction, acknowledged, || segment.options);
        let mut numbers = Numbers { sequence: header.sequence, end: segment.end, acknowledged, selectively };
        if (!self.knows_sender(direction) || segment.is_syn()) && self.meet(direction, segment, selectively) {
            return Fit::Accept;
        }
        let reset = segment.kind == Kind::Rst;
        if !segment.acknowledges() || (reset && acknowledged == 0) {
            // No acknowledgment, or one of a stack that sets the flag on each reset: pretend that it was a good one.
            numbers.acknowledged = self.sides[to].end;
            numbers.selectively = numbers.acknowledged;
        }
        if reset && numbers.sequence == 0 && self.state == TcpState::SynSent {
            // It answers a SYN.
            numbers.sequence = self.sides[from].end;
            numbers.end = numbers.sequence;
        }
        if let Some(misfit) = self.misfit(direction, numbers) {
            if misfit == Misfit::Above {
                // Should its receiver take it all the same, its acknowledgment must not look like one of data that was
                // never sent.
                self.sides[from].end = numbers.end;
                self.flags[from] |= side_flags::DATA_UNACKNOWLEDGED;
            }
            let liberal = be_liberal || self.flags[from] & side_flags::BE_LIBERAL != 0;
            return match misfit {
                _ if liberal => Fit::Accept,
                Misfit::Above | Misfit::Late => Fit::Ignore,
                Misfit::Outside => Fit::Invalid,
            };
        }
        self.follow_numbers(direction, header, segment.kind, numbers);
        Fit::Accept
    }

    /// Whether a segment lies in the windows.
    #[inline(always)]
    pub(super) fn misfit(&self, direction: Direction, numbers: Numbers) -> Option<Misfit> {
        let Numbers { sequence, end, selectively, .. } = numbers;
        let (sender, receiver) = (&self.sides[direction as usize], &self.sides[direction.opposite() as usize]);
        let ack_window = sender.max_window.max(MIN_ACK_WINDOW);
        let not_too_old = after(selectively, receiver.end.wrapping_sub(ack_window).wrapping_sub(1));
        let not_too_new = before(selectively, receiver.end.wrapping_add(1));
        let reaches_window = after(end, sender.end.wrapping_sub(receiver.max_window).wrapping_sub(1));
        let receiver_known = receiver.max_window != 0;
        if !before(sequence, sender.max_end.wrapping_add(1)) {
            let beyond = end.wrapping_sub(sender.max_end).wrapping_add(1);
            let small = beyond <= receiver.max_window;
            let above = receiver_known && reaches_window && not_too_old && small && not_too_new;
            Some(if above { Misfit::Above } else { Misfit::Outside })
        } else if !not_too_new {
            Some(Misfit::Outside)
        } else if (receiver_known && !reaches_window) || !not_too_old {
            Some(Misfit::Late)
        } else {
            None
        }
    }

    /// Takes down what a segment that lies in the windows tells of both sides.
    #[inline(always)]
    pub(super) fn follow_numbers(&mut self, direction: Direction, header: &TcpHeader, kind: Kind, numbers: Numbers) {
        let (from, to) = (direction as usize, direction.opposite() as usize);
        let Numbers { sequence, end, acknowledged, selectively } = numbers;
        let mut window = u32::from(header.window);
        if !matches!(kind, Kind::Syn | Kind::SynAck) {
            window <<= self.scales.get(from);
        }

        let (sender, flags) = (&mut self.sides[from], &mut self.flags[from]);
        sender.max_window = sender.max_window.max(window.wrapping_add(selectively.wrapping_sub(acknowledged)));
        // Whether a segment brings data or acknowledges some cannot be foreseen: written in any case, no branch hangs on it.
        let advance = end.wrapping_sub(sender.end) & mask(after(end, sender.end));
        sender.end = sender.end.wrapping_add(advance);
        let mut known = *flags | mask(advance != 0) as u8 & side_flags::DATA_UNACKNOWLEDGED;
        if kind == Kind::Ack || header.flags & tcp_flags::ACK != 0 {
            let first = known & side_flags::MAX_ACK_SET == 0;
            sender.max_ack = if first | after(acknowledged, sender.max_ack) { acknowledged } else { sender.max_ack };
            known |= side_flags::MAX_ACK_SET;
        }
        *flags = known;

        let beyond = end.wrapping_sub(sender.max_end);
        let receiver = &mut self.sides[to];
        if receiver.max_window != 0 && after(beyond, 0) {
            receiver.max_window = receiver.max_window.wrapping_add(beyond);
        }
        let allowed = selectively.wrapping_add(window);
        if after(allowed, receiver.max_end.wrapping_sub(1)) {
            // A window of zero may be probed with one byte.
            receiver.max_end = allowed.wrapping_add(u32::from(window == 0));
        }
        self.flags[to] &= if acknowledged == receiver.end { !side_flags::DATA_UNACKNOWLEDGED } else { !0 };
        if kind == Kind::Ack {
            self.count_retransmissions(direction, sequence, acknowledged, end, header.window);
        }
    }

    /// The same segment over and over tells that the other side is gone.
    #[inline(always)]
    fn count_retransmissions(&mut self, direction: Direction, sequence: u32, acknowledged: u32, end: u32, window: u16) {
        let last = &mut self.last;
        let differ = last.direction as u32 ^ direction as u32
            | last.sequence ^ sequence
            | last.acknowledgment ^ acknowledged
            | last.end ^ end
            | u32::from(last.window ^ window);
        last.direction = direction;
        last.sequence = sequence;
        last.acknowledgment = acknowledged;
        last.end = end;
        last.window = window;
        last.repeated = if differ == 0 { last.repeated.saturating_add(1) } else { 0 };
    }

    /// The first segment of a side, or a SYN, which may begin anew; tells whether that settles it.
    #[cold]
    fn meet(&mut self, direction: Direction, segment: Segment<'_>, selectively: u32) -> bool {
        let (from, to) = (direction as usize, direction.opposite() as usize);
        let (syn, ack) = (segment.is_syn(), segment.acknowledges());
        if self.sides[from].max_window == 0 {
            if syn {
                // A SYN/ACK that answers, or the other SYN of a simultaneous open.
                self.begin_side(direction, segment);
                return !ack;
            }
            // In mid-stream: what came before is lost, so the segment itself is believed.
            let window = (u32::from(segment.header.window) << self.scales.get(from)).max(1);
            let sender = &mut self.sides[from];
            sender.end = segment.end;
            sender.max_window = window;
            sender.max_end = segment.end.wrapping_add(window);
            let receiver = &mut self.sides[to];
            if receiver.max_window == 0 {
                receiver.end = selectively;
                receiver.max_end = selectively;
            } else if selectively == receiver.end.wrapping_add(1) {
                // It answers a keep-alive (RFC 9293 section 3.8.4).
                receiver.end = selectively;
            }
        } else if after(segment.end, self.sides[from].end)
            && matches!(self.state, TcpState::SynSent | TcpState::SynRecv)
        {
            // A side that begins again has to take a higher sequence number than before (RFC 9293 section 3.4.1).
            self.begin_side(direction, segment);
            return direction == Direction::Reply && !ack;
        }
        false
    }

    /// Takes a side's numbers and options from its SYN.
    fn begin_side(&mut self, direction: Direction, segment: Segment<'_>) {
        let (from, to) = (direction as usize, direction.opposite() as usize);
        let window = u32::from(segment.header.window).max(1);
        let max_ack = self.sides[from].max_ack;
        self.sides[from] = Side { end: segment.end, max_end: segment.end, max_window: window, max_ack };
        self.set_options(from, segment.options);
        // Scaling is on where both sides offer it (RFC 7323 section 2.2).
        if direction == Direction::Reply && self.flags[from] & self.flags[to] & side_flags::WINDOW_SCALE == 0 {
            self.scales = Scales::default();
        }
    }

    /// What a side said of itself in its SYN; without any options what was known of it stays.
    pub(super) fn set_options(&mut self, side: usize, options: &[u8]) {
        if options.is_empty() {
            return;
        }
        let read = options::of_syn(options);
        self.scales.set(side, read.scale.unwrap_or(0));
        self.flags[side] &= side_flags::BE_LIBERAL;
        self.flags[side] |= read.flags();
    }
}
