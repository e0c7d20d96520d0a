//! TCP: a connection's state follows the flags of both sides (`state`), as long as their segments lie in its windows
//! (`window`).

mod flags;
mod options;
mod saved;
mod state;
mod window;

use super::config::TcpConfig;
use super::connection::Direction;
use super::status::Status;
use super::timeouts::{Millis, Ready};
use super::verdict::Verdict;
use crate::packet::TcpHeader;
use flags::{Kind, kind};
use state::{Next, TRANSITIONS};
use window::{Fit, Numbers, Segment, Side, before};

pub use state::TcpState;

/// What is known of a side, with the kernel's values (`IP_CT_TCP_FLAG_*`).
pub(super) mod side_flags {
    /// It offered window scaling.
    pub(super) const WINDOW_SCALE: u8 = 0x01;
    /// It permits selective acknowledgments.
    pub(super) const SACK_PERMITTED: u8 = 0x02;
    /// It closed first.
    pub(super) const CLOSE_INIT: u8 = 0x04;
    /// Its windows are not known well enough to refuse anything.
    pub(super) const BE_LIBERAL: u8 = 0x08;
    /// It sent what is not acknowledged yet.
    pub(super) const DATA_UNACKNOWLEDGED: u8 = 0x10;
    /// It sent an acknowledgment.
    pub(super) const MAX_ACK_SET: u8 = 0x20;
}

/// What is remembered of a segment that was let through without being believed, with the kernel's values.
mod last_flags {
    /// A SYN in LAST_ACK was ignored: the other side may answer with a challenge ACK (RFC 5961 section 4).
    pub(super) const EXPECT_CHALLENGE_ACK: u8 = 0x40;
    /// SYNs crossed each other.
    pub(super) const SIMULTANEOUS_OPEN: u8 = 0x80;
}

/// The last segment, as far as it was remembered.
#[derive(Clone, Copy, Debug)]
struct Last {
    sequence: u32,
    acknowledgment: u32,
    end: u32,
    window: u16,
    kind: Kind,
    direction: Direction,
    /// See [`last_flags`]; also the [`side_flags`] of a SYN that was ignored.
    flags: u8,
    /// The window scale of that SYN.
    scale: u8,
    /// How often the segment was repeated.
    repeated: u8,
}

/// What the tracker keeps of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tcp {
    sides: [Side; 2],
    last: Last,
    /// See [`side_flags`].
    flags: [u8; 2],
    scales: Scales,
    state: TcpState,
}

/// By how many bits the windows of both sides are to be shifted: 0 to 14 each, in one byte.
#[derive(Clone, Copy, Debug, Default)]
struct Scales(u8);

impl Scales {
    #[inline(always)]
    fn get(self, side: usize) -> u8 {
        self.0 >> (side * 4) & 0xf
    }

    fn set(&mut self, side: usize, scale: u8) {
        self.0 = self.0 & !(0xf << (side * 4)) | (scale & 0xf) << (side * 4);
    }
}

/// What can be read of a TCP connection, as in ctnetlink's `CTA_PROTOINFO_TCP`. Pairs are by [`Direction`]: of the side
/// that sends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// The state.
    pub state: TcpState,
    /// By how many bits the windows are to be shifted, once both sides offered it.
    pub window_scale: [u8; 2],
    /// `IP_CT_TCP_FLAG_*`
    pub flags: [u8; 2],
}

/// The sequence number after a segment with that many bytes of data; SYN and FIN take one each.
#[inline(always)]
fn end_of(header: &TcpHeader, kind: Kind, data_len: u32) -> u32 {
    let controls = u32::from(matches!(kind, Kind::Syn | Kind::SynAck | Kind::Fin));
    header.sequence.wrapping_add(data_len).wrapping_add(controls)
}

/// What the state table and the exceptions to it say of a segment.
enum Step {
    /// It may go on to that state, from that one, if the windows agree.
    Try {
        old: TcpState,
        new: TcpState,
    },
    /// The same, whatever the windows say.
    Take {
        old: TcpState,
        new: TcpState,
    },
    Done(Verdict),
}

impl Tcp {
    /// The tracker's state for a first segment. `None` where no connection begins with it.
    pub(super) fn begin(header: &TcpHeader, options: &[u8], data_len: u32, loose: bool) -> Option<Tcp> {
        let kind = kind(header)?;
        let syn = match TRANSITIONS[0][kind as usize][TcpState::None as usize] {
            Next::To(TcpState::SynSent) => true,
            Next::To(_) if loose => false,
            _ => return None,
        };
        let end = end_of(header, kind, data_len);
        let window = u32::from(header.window).max(1);
        let max_end = if syn { end } else { end.wrapping_add(window) };
        // In mid-stream nobody knows the scales: each side is believed until more is known.
        let flags = if syn { 0 } else { side_flags::SACK_PERMITTED | side_flags::BE_LIBERAL };
        let mut tcp = Tcp {
            sides: [Side { end, max_end, max_window: window, max_ack: 0 }, Side::default()],
            last: Last {
                sequence: 0,
                acknowledgment: 0,
                end: 0,
                window: 0,
                kind: Kind::None,
                direction: Direction::Original,
                flags: 0,
                scale: 0,
                repeated: 0,
            },
            flags: [flags; 2],
            scales: Scales::default(),
            state: TcpState::None,
        };
        if syn {
            tcp.set_options(0, options);
        }
        Some(tcp)
    }

    /// Takes the connection for closed; tells whether it was open.
    pub(super) fn close(&mut self) -> bool {
        std::mem::replace(&mut self.state, TcpState::Close) != TcpState::Close
    }

    pub(super) fn state(&self) -> TcpState {
        self.state
    }

    pub(super) fn info(&self) -> TcpInfo {
        TcpInfo { state: self.state, window_scale: [self.scales.get(0), self.scales.get(1)], flags: self.flags }
    }

    /// Goes on with the SYN that the connection began with, and gives the timeout; `None`, and nothing is changed, for any
    /// other first segment, which is [`Tcp::packet`]'s.
    #[inline(always)]
    pub(super) fn open(&mut self, header: &TcpHeader, rules: Rules<'_>) -> Option<Millis> {
        if kind(header) != Some(Kind::Syn) {
            return None;
        }
        // What it allows the other side to send, counted from what is still unknown.
        self.sides[1].max_end = u32::from(header.window).max(1);
        self.last.kind = Kind::Syn;
        self.state = TcpState::SynSent;
        Some(self.timeout(Kind::Syn, TcpState::SynSent, rules))
    }

    /// The straight road of nearly all segments of a connection that both sides have seen open: an ACK that lies in the
    /// windows. Gives the timeout; `None`, and nothing is changed, for any other, which is [`Tcp::packet`]'s.
    #[inline(always)]
    pub(super) fn plain<'a>(
        &mut self,
        direction: Direction,
        header: &TcpHeader,
        options: impl FnOnce() -> &'a [u8],
        data_len: u32,
        rules: Rules<'_>,
    ) -> Option<Millis> {
        if kind(header) != Some(Kind::Ack) || self.state != TcpState::Established {
            return None;
        }
        let numbers = Numbers {
            sequence: header.sequence,
            end: end_of(header, Kind::Ack, data_len),
            acknowledged: header.acknowledgment,
            selectively: self.selectively(direction, header.acknowledgment, options),
        };
        if !self.knows_sender(direction) || self.misfit(direction, numbers).is_some() {
            return None;
        }
        self.follow_numbers(direction, header, Kind::Ack, numbers);
        self.last.kind = Kind::Ack;
        self.last.direction = direction;
        Some(self.timeout(Kind::Ack, TcpState::Established, rules))
    }

    /// Judges a segment and follows it; `options` are its options as far as they were kept, `data_len` is its payload in
    /// bytes.
    #[inline]
    pub(super) fn packet(
        &mut self,
        status: &mut Status,
        direction: Direction,
        header: &TcpHeader,
        options: &[u8],
        data_len: u32,
        rules: Rules<'_>,
    ) -> Verdict {
        let Some(kind) = kind(header) else { return Verdict::Invalid };
        let segment = Segment { header, kind, end: end_of(header, kind, data_len), options };
        let next = TRANSITIONS[direction as usize][kind as usize][self.state as usize];
        let step = self.step(*status, direction, segment, next, rules.config);
        let (old, new) = match step {
            Step::Done(verdict) => return verdict,
            Step::Take { old, new } => (old, new),
            Step::Try { old, new } => match self.in_window(direction, segment, rules.config.be_liberal) {
                Fit::Accept => (old, new),
                Fit::Ignore => return Verdict::Ignore,
                Fit::Invalid => return self.invalid(*status, direction, segment.kind, rules.timeouts),
            },
        };
        self.last.kind = segment.kind;
        self.last.direction = direction;
        self.state = new;
        if new == TcpState::FinWait && old != new {
            self.flags[direction as usize] |= side_flags::CLOSE_INIT;
        }
        self.accepted(status, segment, old, rules)
    }

    /// What the state table says, and the cases that it does not know.
    #[inline]
    fn step(
        &mut self,
        status: Status,
        direction: Direction,
        segment: Segment<'_>,
        next: Next,
        config: &TcpConfig,
    ) -> Step {
        let old = self.state;
        let new = match next {
            Next::To(TcpState::SynSent) if old >= TcpState::TimeWait && old != TcpState::SynSent2 => {
                // The side that closed has waited: a SYN may open the connection again (RFC 9293 section 3.6.1).
                let closed = (self.flags[0] | self.flags[1]) & side_flags::CLOSE_INIT != 0;
                let reset = self.last.direction == direction && self.last.kind == Kind::Rst;
                if closed || reset {
                    return Step::Done(Verdict::Reopen);
                }
                return self.ignore_or_catch_up(direction, segment);
            }
            Next::To(state) => state,
            Next::Ignore => return self.ignore_or_catch_up(direction, segment),
            Next::Invalid => return Step::Done(Verdict::Invalid),
        };
        // In this order, and not by state: which one it is cannot be foreseen.
        if new == TcpState::Close && segment.kind == Kind::Rst {
            return self.reset(status, direction, segment, config);
        }
        if segment.kind == Kind::Ack {
            return self.step_by_ack(direction, old, new);
        }
        if new == TcpState::SynSent2 {
            self.last.flags |= last_flags::SIMULTANEOUS_OPEN;
        }
        Step::Try { old, new }
    }

    /// The cases of an ACK that the state table does not know.
    #[inline]
    fn step_by_ack(&mut self, direction: Direction, old: TcpState, new: TcpState) -> Step {
        let last = &mut self.last;
        if new == TcpState::TimeWait
            && old == TcpState::LastAck
            && last.direction != direction
            && last.kind == Kind::Syn
            && last.flags & last_flags::EXPECT_CHALLENGE_ACK != 0
        {
            last.flags &= !last_flags::EXPECT_CHALLENGE_ACK;
            return Step::Done(Verdict::Ignore);
        }
        let both_opened = new == TcpState::SynRecv
            && direction == Direction::Reply
            && last.flags & last_flags::SIMULTANEOUS_OPEN != 0;
        Step::Try { old, new: if both_opened { TcpState::Established } else { new } }
    }

    /// A reset: from outside it must be hard to forge (RFC 5961 section 3).
    fn reset(&self, status: Status, direction: Direction, segment: Segment<'_>, config: &TcpConfig) -> Step {
        let old = self.state;
        let close = TcpState::Close;
        let sequence = segment.header.sequence;
        if old.is_closing() {
            // The tuple may be in use again by now, and what is known of it out of date.
            return Step::Take { old, new: close };
        }
        let other = direction.opposite() as usize;
        let open = old == TcpState::Established && status.contains(Status::ASSURED);
        // What was acknowledged may be out of date after a SYN that was let through.
        if self.flags[other] & side_flags::MAX_ACK_SET != 0 && self.last.kind != Kind::Syn {
            let expected = self.sides[other].max_ack;
            if sequence == 0 && !open {
                // It answers a SYN that was let through.
                return Step::Try { old, new: close };
            }
            if before(sequence, expected) && !config.ignore_invalid_rst {
                return Step::Done(Verdict::Invalid);
            }
            let follows_data =
                self.last.kind == Kind::Ack && self.last.direction == direction && sequence == self.last.end;
            if !open || sequence == expected || follows_data {
                return Step::Try { old, new: close };
            }
            // In the window, but not exact: the other side will challenge it. So the connection stays as it is.
            return self.answer_to_ignored(status, direction, segment, old, old);
        }
        self.answer_to_ignored(status, direction, segment, old, close)
    }

    /// A reset may answer a SYN or an ACK that was let through without being believed. The windows know nothing of
    /// that one.
    fn answer_to_ignored(
        &self,
        status: Status,
        direction: Direction,
        segment: Segment<'_>,
        old: TcpState,
        new: TcpState,
    ) -> Step {
        let from_other_side = self.last.direction != direction;
        let after_syn = status.contains(Status::SEEN_REPLY) && self.last.kind == Kind::Syn && from_other_side;
        let after_ack = !status.contains(Status::ASSURED) && self.last.kind == Kind::Ack;
        let answers = (after_syn || after_ack) && segment.header.acknowledgment == self.last.end;
        let answers_challenge = old == TcpState::SynSent
            && self.last.kind == Kind::Ack
            && self.last.direction == Direction::Reply
            && segment.header.sequence == self.last.acknowledgment;
        if answers || answers_challenge { Step::Take { old, new } } else { Step::Try { old, new } }
    }

    /// A segment that may tell that the two ends know better than we: it passes and is remembered. When the other end
    /// takes such a SYN, so do we.
    fn ignore_or_catch_up(&mut self, direction: Direction, segment: Segment<'_>) -> Step {
        let old = self.state;
        let header = segment.header;
        let last = &mut self.last;
        if segment.kind == Kind::SynAck
            && last.kind == Kind::Syn
            && last.direction != direction
            && header.acknowledgment == last.end
        {
            let there = last.direction as usize;
            let window = u32::from(last.window).max(1);
            let max_ack = self.sides[there].max_ack;
            self.sides[there] = Side { end: last.end, max_end: last.end, max_window: window, max_ack };
            self.sides[direction as usize] = Side::default();
            last.flags &= !last_flags::EXPECT_CHALLENGE_ACK;
            self.flags[there] = last.flags;
            self.flags[direction as usize] &= side_flags::BE_LIBERAL;
            self.scales = Scales::default();
            self.scales.set(there, last.scale);
            return Step::Try { old: TcpState::SynSent, new: TcpState::SynRecv };
        }
        last.kind = segment.kind;
        last.direction = direction;
        last.sequence = header.sequence;
        last.end = segment.end;
        last.window = header.window;
        if segment.kind == Kind::Syn && direction == Direction::Original {
            let read = options::of_syn(segment.options);
            last.flags = read.flags();
            last.scale = read.scale.unwrap_or(0);
            if old == TcpState::LastAck {
                last.flags |= last_flags::EXPECT_CHALLENGE_ACK;
            }
        }
        if old == TcpState::SynSent && segment.kind == Kind::Ack && direction == Direction::Reply {
            // Perhaps a challenge ACK, which a reset will answer.
            last.acknowledgment = header.acknowledgment;
        }
        Step::Done(Verdict::Ignore)
    }

    /// Both sides try to close, but outside the windows: we have lost track, and the connection is most likely gone.
    #[cold]
    fn invalid(&mut self, status: Status, direction: Direction, kind: Kind, timeouts: &Ready) -> Verdict {
        let fixed = status.contains(Status::FIXED_TIMEOUT);
        if !status.contains(Status::ASSURED) || fixed || !matches!(kind, Kind::Rst | Kind::Fin) {
            return Verdict::Invalid;
        }
        if self.last.direction != direction && matches!(self.last.kind, Kind::Rst | Kind::Fin) {
            return Verdict::InvalidShorten(timeouts.tcp_unacknowledged);
        }
        self.last.kind = kind;
        self.last.direction = direction;
        Verdict::Invalid
    }

    /// How long the connection is kept after an accepted segment.
    #[inline(always)]
    fn timeout(&self, kind: Kind, state: TcpState, Rules { config, timeouts }: Rules<'_>) -> Millis {
        let of_state = timeouts.tcp[state as usize];
        let unacknowledged = (self.flags[0] | self.flags[1]) & side_flags::DATA_UNACKNOWLEDGED != 0;
        if self.last.repeated >= config.max_retrans && of_state > timeouts.tcp_max_retrans {
            timeouts.tcp_max_retrans
        } else if kind == Kind::Rst {
            timeouts.tcp[TcpState::Close as usize]
        } else if unacknowledged && of_state > timeouts.tcp_unacknowledged {
            timeouts.tcp_unacknowledged
        } else if self.last.window == 0 && of_state > timeouts.tcp_max_retrans {
            timeouts.tcp_max_retrans
        } else {
            of_state
        }
    }

    /// An accepted segment's effect on the connection's life.
    #[inline]
    fn accepted(&self, status: &mut Status, segment: Segment<'_>, old: TcpState, rules: Rules<'_>) -> Verdict {
        let timeouts = rules.timeouts;
        let timeout = self.timeout(segment.kind, self.state, rules);
        if !status.contains(Status::SEEN_REPLY) {
            return self.accepted_unreplied(segment, old, timeout, timeouts);
        }
        if self.state == TcpState::Established
            && !status.contains(Status::ASSURED)
            && matches!(old, TcpState::SynRecv | TcpState::Established)
        {
            status.insert(Status::ASSURED);
        }
        Verdict::Accept(timeout)
    }

    fn accepted_unreplied(&self, segment: Segment<'_>, old: TcpState, timeout: Millis, timeouts: &Ready) -> Verdict {
        // Nobody but a reset answered: there is no connection to keep.
        if segment.kind == Kind::Rst {
            return Verdict::Kill;
        }
        // Else the use of a port over and over would keep an entry for ever.
        if segment.kind == Kind::Syn && old == TcpState::SynSent {
            return Verdict::Ignore;
        }
        // Picked up in mid-stream, and only one side seen so far.
        if self.state == TcpState::Established {
            return Verdict::Accept(timeout.min(timeouts.tcp_unacknowledged));
        }
        Verdict::Accept(timeout)
    }
}

/// What the tracker goes by.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) config: &'a TcpConfig,
    pub(super) timeouts: &'a Ready,
}

#[cfg(test)]
mod tests;
