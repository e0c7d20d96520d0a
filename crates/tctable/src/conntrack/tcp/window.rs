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
    fn has(&self, flag: u8) -> bool {
        self.header.flags & flag != 0
    }
}

/// What the windows say of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Accept,
    /// Let it pass, but it keeps nothing alive.
    Ignore,
    Invalid,
}

impl Tcp {
    /// Judges a segment by the windows of both sides and follows it.
    #[inline(always)]
    pub(super) fn in_window(&mut self, direction: Direction, segment: Segment<'_>, be_liberal: bool) -> Fit {
        let (from, to) = (direction as usize, direction.opposite() as usize);
        let header = segment.header;
        let (mut sequence, mut end) = (header.sequence, segment.end);
        let mut acknowledged = header.acknowledgment;
        let mut selectively = acknowledged;
        if self.flags[to] & side_flags::SACK_PERMITTED != 0 {
            selectively = options::highest_acknowledged(segment.options, acknowledged);
        }
        if (self.sides[from].max_window == 0 || segment.has(tcp_flags::SYN))
            && self.meet(direction, segment, selectively)
        {
            return Fit::Accept;
        }
        if !segment.has(tcp_flags::ACK) || (segment.has(tcp_flags::RST) && acknowledged == 0) {
            // No acknowledgment, or one of a stack that sets the flag on each reset: pretend that it was a good one.
            acknowledged = self.sides[to].end;
            selectively = acknowledged;
        }
        if segment.has(tcp_flags::RST) && sequence == 0 && self.state == TcpState::SynSent {
            // It answers a SYN.
            sequence = self.sides[from].end;
            end = sequence;
        }

        let (sender, receiver) = (&self.sides[from], &self.sides[to]);
        let ack_window = sender.max_window.max(MIN_ACK_WINDOW);
        let not_too_old = after(selectively, receiver.end.wrapping_sub(ack_window).wrapping_sub(1));
        let not_too_new = before(selectively, receiver.end.wrapping_add(1));
        let reaches_window = after(end, sender.end.wrapping_sub(receiver.max_window).wrapping_sub(1));
        let receiver_known = receiver.max_window != 0;
        let misfit = if !before(sequence, sender.max_end.wrapping_add(1)) {
            let beyond = end.wrapping_sub(sender.max_end).wrapping_add(1);
            let small = beyond <= receiver.max_window;
            if receiver_known && reaches_window && not_too_old && small && not_too_new {
                // More than its receiver allowed. Should that one take it all the same, its acknowledgment must not look
                // like one of data that was never sent.
                self.sides[from].end = end;
                self.flags[from] |= side_flags::DATA_UNACKNOWLEDGED;
                Some(Fit::Ignore)
            } else {
                Some(Fit::Invalid)
            }
        } else if !not_too_new {
            Some(Fit::Invalid)
        } else if (receiver_known && !reaches_window) || !not_too_old {
            Some(Fit::Ignore)
        } else {
            None
        };
        if let Some(misfit) = misfit {
            let liberal = be_liberal || self.flags[from] & side_flags::BE_LIBERAL != 0;
            return if liberal { Fit::Accept } else { misfit };
        }

        let mut window = u32::from(header.window);
        if !segment.has(tcp_flags::SYN) {
            window <<= self.scales.get(from);
        }
        self.follow_sender(
            from,
            segment,
            end,
            acknowledged,
            window.wrapping_add(selectively.wrapping_sub(acknowledged)),
        );
        let sender_max_end = self.sides[from].max_end;
        let receiver = &mut self.sides[to];
        if receiver_known && after(end, sender_max_end) {
            receiver.max_window = receiver.max_window.wrapping_add(end.wrapping_sub(sender_max_end));
        }
        let allowed = selectively.wrapping_add(window);
        if after(allowed, receiver.max_end.wrapping_sub(1)) {
            // A window of zero may be probed with one byte.
            receiver.max_end = allowed.wrapping_add(u32::from(window == 0));
        }
        if acknowledged == receiver.end {
            self.flags[to] &= !side_flags::DATA_UNACKNOWLEDGED;
        }
        if segment.kind == Kind::Ack {
            self.count_retransmissions(direction, sequence, acknowledged, end, header.window);
        }
        Fit::Accept
    }

    #[inline(always)]
    fn follow_sender(&mut self, from: usize, segment: Segment<'_>, end: u32, acknowledged: u32, window: u32) {
        let (sender, flags) = (&mut self.sides[from], &mut self.flags[from]);
        sender.max_window = sender.max_window.max(window);
        if after(end, sender.end) {
            sender.end = end;
            *flags |= side_flags::DATA_UNACKNOWLEDGED;
        }
        if segment.has(tcp_flags::ACK) && (*flags & side_flags::MAX_ACK_SET == 0 || after(acknowledged, sender.max_ack))
        {
            sender.max_ack = acknowledged;
            *flags |= side_flags::MAX_ACK_SET;
        }
    }

    /// The same segment over and over tells that the other side is gone.
    #[inline(always)]
    fn count_retransmissions(&mut self, direction: Direction, sequence: u32, acknowledged: u32, end: u32, window: u16) {
        let last = &mut self.last;
        let same = last.direction == direction
            && last.sequence == sequence
            && last.acknowledgment == acknowledged
            && last.end == end
            && last.window == window;
        if same {
            last.repeated = last.repeated.saturating_add(1);
        } else {
            last.direction = direction;
            last.sequence = sequence;
            last.acknowledgment = acknowledged;
            last.end = end;
            last.window = window;
            last.repeated = 0;
        }
    }

    /// The first segment of a side, or a SYN, which may begin anew; tells whether that settles it.
    #[cold]
    fn meet(&mut self, direction: Direction, segment: Segment<'_>, selectively: u32) -> bool {
        let (from, to) = (direction as usize, direction.opposite() as usize);
        let (syn, ack) = (segment.has(tcp_flags::SYN), segment.has(tcp_flags::ACK));
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
