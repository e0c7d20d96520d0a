//! TCP: a connection's state follows the flags of both sides.

use std::fmt;

use super::connection::Direction;
use super::status::Status;
use super::timeouts::{Millis, Ready};
use crate::packet::{TcpHeader, tcp_flags};

/// The states of a TCP connection as nf_conntrack names them, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TcpState {
    /// Before the first packet.
    None,
    /// A SYN in the original direction.
    SynSent,
    /// A SYN/ACK answered it.
    SynRecv,
    /// An ACK closed the handshake.
    Established,
    /// One side sent a FIN.
    FinWait,
    /// The FIN was acknowledged.
    CloseWait,
    /// Both sides sent a FIN.
    LastAck,
    /// The last FIN was acknowledged.
    TimeWait,
    /// Reset.
    Close,
    /// A SYN in both directions: simultaneous open.
    SynSent2,
}

impl TcpState {
    /// Every state, in the kernel's order.
    pub const ALL: [TcpState; 10] = [
        TcpState::None,
        TcpState::SynSent,
        TcpState::SynRecv,
        TcpState::Established,
        TcpState::FinWait,
        TcpState::CloseWait,
        TcpState::LastAck,
        TcpState::TimeWait,
        TcpState::Close,
        TcpState::SynSent2,
    ];
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            TcpState::None => "NONE",
            TcpState::SynSent => "SYN_SENT",
            TcpState::SynRecv => "SYN_RECV",
            TcpState::Established => "ESTABLISHED",
            TcpState::FinWait => "FIN_WAIT",
            TcpState::CloseWait => "CLOSE_WAIT",
            TcpState::LastAck => "LAST_ACK",
            TcpState::TimeWait => "TIME_WAIT",
            TcpState::Close => "CLOSE",
            TcpState::SynSent2 => "SYN_SENT2",
        })
    }
}

/// What a segment is to the state table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Syn,
    SynAck,
    Fin,
    Ack,
    Rst,
    None,
}

/// What a flags byte means; PSH, ECE and CWR play no part.
#[derive(Clone, Copy)]
struct Flags {
    kind: Kind,
    /// Some stack sends this combination.
    sane: bool,
}

impl Flags {
    const fn new(flags: u8) -> Flags {
        use tcp_flags::*;
        let kind = if flags & RST != 0 {
            Kind::Rst
        } else if flags & SYN != 0 {
            if flags & ACK != 0 { Kind::SynAck } else { Kind::Syn }
        } else if flags & FIN != 0 {
            Kind::Fin
        } else if flags & ACK != 0 {
            Kind::Ack
        } else {
            Kind::None
        };
        const SYN_URG: u8 = SYN | URG;
        const SYN_ACK: u8 = SYN | ACK;
        const RST_ACK: u8 = RST | ACK;
        const FIN_ACK: u8 = FIN | ACK;
        const FIN_ACK_URG: u8 = FIN | ACK | URG;
        const ACK_URG: u8 = ACK | URG;
        let sane = matches!(
            flags & !(PSH | ECE | CWR),
            SYN | SYN_URG | SYN_ACK | RST | RST_ACK | FIN_ACK | FIN_ACK_URG | ACK | ACK_URG
        );
        Flags { kind, sane }
    }

    #[inline(always)]
    fn of(header: &TcpHeader) -> Flags {
        FLAGS[usize::from(header.flags)]
    }
}

static FLAGS: [Flags; 256] = {
    let mut all = [Flags { kind: Kind::None, sane: false }; 256];
    let mut flags = 0;
    while flags < 256 {
        all[flags] = Flags::new(flags as u8);
        flags += 1;
    }
    all
};

/// What the state table says of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    To(TcpState),
    /// Perhaps the two ends know better than we: let it pass, change nothing.
    Ignore,
    Invalid,
}

/// The state after a segment of a kind, for each state before it, in the order of [`TcpState`].
type Row = [Next; 10];

const SS: Next = Next::To(TcpState::SynSent);
const SR: Next = Next::To(TcpState::SynRecv);
const ES: Next = Next::To(TcpState::Established);
const FW: Next = Next::To(TcpState::FinWait);
const CW: Next = Next::To(TcpState::CloseWait);
const LA: Next = Next::To(TcpState::LastAck);
const TW: Next = Next::To(TcpState::TimeWait);
const CL: Next = Next::To(TcpState::Close);
const S2: Next = Next::To(TcpState::SynSent2);
const IG: Next = Next::Ignore;
const IV: Next = Next::Invalid;

/// By direction and [`Kind`]. Columns: NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT,
/// CLOSE, SYN_SENT2.
static TRANSITIONS: [[Row; 6]; 2] = [
    [
        [SS, SS, IG, IG, IG, IG, IG, SS, SS, S2], // SYN
        [IV, IV, SR, IV, IV, IV, IV, IV, IV, SR], // SYN/ACK: only after a SYN of the other side
        [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV], // FIN
        [ES, IV, ES, ES, CW, CW, TW, TW, CL, IV], // ACK: the first one picks up a connection in mid-stream
        [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL], // RST
        [IV; 10],
    ],
    [
        [IV, S2, IV, IV, IV, IV, IV, SS, IV, S2], // SYN: simultaneous open, or a TIME_WAIT opened again
        [IV, SR, IG, IG, IG, IG, IG, IG, IG, SR], // SYN/ACK
        [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV], // FIN
        [IV, IG, SR, ES, CW, CW, TW, TW, CL, IG], // ACK
        [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL], // RST
        [IV; 10],
    ],
];

/// What the tracker decides on a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts, and the connection lives that long from now on.
    Accept(Millis),
    /// It passes, but neither counts nor keeps the connection alive.
    Ignore,
    /// It counts, and ends the connection.
    Kill,
    /// It begins a new connection in the place of this one.
    Reopen,
    /// It does not belong here.
    Invalid,
}

/// What the tracker keeps of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tcp {
    state: TcpState,
    last_kind: Kind,
    last_direction: Direction,
    /// That side closed first.
    close_init: [bool; 2],
    simultaneous_open: bool,
    /// A SYN in LAST_ACK was ignored: the other side may answer with a challenge ACK (RFC 5961 section 4).
    expect_challenge_ack: bool,
    /// The sequence number after the last segment.
    last_end: u32,
}

/// Whether a segment can belong to any connection: the tracker's error check.
#[inline]
pub(super) fn is_sane(header: &TcpHeader) -> bool {
    Flags::of(header).sane
}

/// The sequence number after a segment with that many bytes of data; SYN and FIN take one each.
fn end_of(header: &TcpHeader, data_len: u32) -> u32 {
    let controls = u32::from(header.flags & tcp_flags::SYN != 0) + u32::from(header.flags & tcp_flags::FIN != 0);
    header.sequence.wrapping_add(data_len).wrapping_add(controls)
}

impl Tcp {
    /// The tracker's state for a first segment. `None` where no connection begins with it.
    pub(super) fn begin(header: &TcpHeader, loose: bool) -> Option<Tcp> {
        let kind = Flags::of(header).kind;
        match TRANSITIONS[0][kind as usize][TcpState::None as usize] {
            SS => {}
            Next::To(_) if loose => {}
            _ => return None,
        }
        Some(Tcp {
            state: TcpState::None,
            last_kind: Kind::None,
            last_direction: Direction::Original,
            close_init: [false; 2],
            simultaneous_open: false,
            expect_challenge_ack: false,
            last_end: 0,
        })
    }

    pub(super) fn state(&self) -> TcpState {
        self.state
    }

    /// Judges a segment and follows it; `data_len` is its payload in bytes.
    #[inline(always)]
    pub(super) fn packet(
        &mut self,
        status: &mut Status,
        direction: Direction,
        header: &TcpHeader,
        data_len: u32,
        timeouts: &Ready,
    ) -> Verdict {
        let kind = Flags::of(header).kind;
        let mut old = self.state;
        let mut new = match TRANSITIONS[direction as usize][kind as usize][old as usize] {
            Next::To(TcpState::SynSent) if old >= TcpState::TimeWait && old != TcpState::SynSent2 => {
                // The side that closed has waited: a SYN may open the connection again (RFC 9293 section 3.6.1).
                let closed = self.close_init != [false; 2];
                let reset = self.last_direction == direction && self.last_kind == Kind::Rst;
                if closed || reset {
                    return Verdict::Reopen;
                }
                return self.ignore(kind, direction, header, data_len);
            }
            Next::To(state) => state,
            Next::Ignore => {
                let answers_ignored_syn = kind == Kind::SynAck
                    && self.last_kind == Kind::Syn
                    && self.last_direction != direction
                    && header.acknowledgment == self.last_end;
                if !answers_ignored_syn {
                    return self.ignore(kind, direction, header, data_len);
                }
                // The other side accepted a SYN that was ignored: the two ends know better.
                old = TcpState::SynSent;
                self.expect_challenge_ack = false;
                TcpState::SynRecv
            }
            Next::Invalid => return Verdict::Invalid,
        };
        match new {
            TcpState::TimeWait
                if old == TcpState::LastAck
                    && kind == Kind::Ack
                    && self.last_direction != direction
                    && self.last_kind == Kind::Syn
                    && self.expect_challenge_ack =>
            {
                self.expect_challenge_ack = false;
                return Verdict::Ignore;
            }
            TcpState::SynSent2 => self.simultaneous_open = true,
            TcpState::SynRecv if direction == Direction::Reply && kind == Kind::Ack && self.simultaneous_open => {
                new = TcpState::Established;
            }
            TcpState::FinWait if old != new => self.close_init[direction as usize] = true,
            _ => {}
        }
        self.remember(kind, direction, header, data_len);
        self.state = new;
        self.accepted(status, header, old, kind, timeouts)
    }

    /// An accepted segment's effect on the connection's life.
    #[inline(always)]
    fn accepted(
        &self,
        status: &mut Status,
        header: &TcpHeader,
        old: TcpState,
        kind: Kind,
        timeouts: &Ready,
    ) -> Verdict {
        let state = if kind == Kind::Rst { TcpState::Close } else { self.state };
        let timeout = timeouts.tcp[state as usize];
        if !status.contains(Status::SEEN_REPLY) {
            // Nobody but a reset answered: there is no connection to keep.
            if header.flags & tcp_flags::RST != 0 {
                return Verdict::Kill;
            }
            // Picked up in mid-stream, and only one side seen so far.
            if self.state == TcpState::Established {
                return Verdict::Accept(timeout.min(timeouts.tcp_unacknowledged));
            }
        } else if !status.contains(Status::ASSURED)
            && matches!(old, TcpState::SynRecv | TcpState::Established)
            && self.state == TcpState::Established
        {
            status.insert(Status::ASSURED);
        }
        Verdict::Accept(timeout)
    }

    fn ignore(&mut self, kind: Kind, direction: Direction, header: &TcpHeader, data_len: u32) -> Verdict {
        self.remember(kind, direction, header, data_len);
        if kind == Kind::Syn && direction == Direction::Original {
            self.expect_challenge_ack = self.state == TcpState::LastAck;
        }
        Verdict::Ignore
    }

    #[inline(always)]
    fn remember(&mut self, kind: Kind, direction: Direction, header: &TcpHeader, data_len: u32) {
        self.last_kind = kind;
        self.last_direction = direction;
        self.last_end = end_of(header, data_len);
    }
}

#[cfg(test)]
mod tests {
    use super::super::timeouts::Timeouts;
    use super::*;
    use Direction::{Original, Reply};

    fn seconds(seconds: u32) -> Verdict {
        Verdict::Accept(Millis(seconds * 1000))
    }

    /// Segments by name, in the words of tcpdump.
    fn segment(flags: &str) -> TcpHeader {
        let bits = flags.chars().map(|flag| match flag {
            'S' => tcp_flags::SYN,
            '.' => tcp_flags::ACK,
            'F' => tcp_flags::FIN,
            'R' => tcp_flags::RST,
            _ => unreachable!("no flag {flag}"),
        });
        TcpHeader { flags: bits.fold(0, |all, bit| all | bit), header_len: 20, ..TcpHeader::default() }
    }

    /// Feeds a talk to a new connection; gives the state and the verdict after its last segment.
    fn talk(segments: &[(Direction, &str)]) -> (TcpState, Verdict, Status) {
        let timeouts = Ready::from(&Timeouts::default());
        let mut status = Status::default();
        let mut tcp = Tcp::begin(&segment(segments[0].1), true).unwrap();
        let mut verdict = Verdict::Invalid;
        for (direction, flags) in segments {
            verdict = tcp.packet(&mut status, *direction, &segment(flags), 0, &timeouts);
            if *direction == Reply && verdict != Verdict::Invalid {
                status.insert(Status::SEEN_REPLY);
            }
        }
        (tcp.state(), verdict, status)
    }

    const OPEN: [(Direction, &str); 3] = [(Original, "S"), (Reply, "S."), (Original, ".")];
    const CLOSED: [(Direction, &str); 6] =
        [OPEN[0], OPEN[1], OPEN[2], (Original, "F."), (Reply, "F."), (Original, ".")];

    #[test]
    fn states_and_timeouts_follow_a_whole_life() {
        let steps = [
            (TcpState::SynSent, 120),
            (TcpState::SynRecv, 60),
            (TcpState::Established, 432_000),
            (TcpState::FinWait, 120),
            (TcpState::LastAck, 30),
            (TcpState::TimeWait, 120),
        ];
        for (length, (state, timeout)) in steps.into_iter().enumerate() {
            let (reached, verdict, status) = talk(&CLOSED[..=length]);
            assert_eq!((reached, verdict), (state, seconds(timeout)));
            assert_eq!(status.contains(Status::ASSURED), length >= 2);
        }
    }

    #[test]
    fn a_reset_without_an_answer_kills_and_a_later_one_closes() {
        assert_eq!(talk(&[(Original, "S"), (Reply, "R.")]).1, Verdict::Kill);
        let closed = talk(&[OPEN[0], OPEN[1], OPEN[2], (Reply, "R")]);
        assert_eq!((closed.0, closed.1), (TcpState::Close, seconds(10)));
    }

    #[test]
    fn mid_stream_pickup_waits_for_the_other_side() {
        let (state, verdict, _) = talk(&[(Original, ".")]);
        assert_eq!((state, verdict), (TcpState::Established, seconds(300)));
        let (_, verdict, status) = talk(&[(Original, "."), (Reply, "."), (Original, ".")]);
        assert_eq!(verdict, seconds(432_000));
        assert!(status.contains(Status::ASSURED));
        assert!(Tcp::begin(&segment("."), false).is_none());
        assert!(Tcp::begin(&segment("S"), false).is_some());
    }

    #[test]
    fn no_connection_begins_with_an_answer() {
        for flags in ["S.", "R", "R.", "F.", ""] {
            assert!(Tcp::begin(&segment(flags), true).is_none(), "{flags}");
        }
    }

    #[test]
    fn a_syn_opens_a_closed_connection_again() {
        let mut talked = CLOSED.to_vec();
        talked.push((Original, "S"));
        assert_eq!(talk(&talked).1, Verdict::Reopen);
    }

    #[test]
    fn a_syn_in_an_open_connection_is_ignored() {
        assert_eq!(talk(&[OPEN[0], OPEN[1], OPEN[2], (Original, "S")]).1, Verdict::Ignore);
    }

    #[test]
    fn a_challenge_ack_does_not_end_last_ack() {
        let mut talked = CLOSED[..5].to_vec();
        talked.extend([(Original, "S"), (Reply, ".")]);
        assert_eq!((talk(&talked).0, talk(&talked).1), (TcpState::LastAck, Verdict::Ignore));
    }

    #[test]
    fn both_sides_may_open_at_once() {
        let (state, _, _) = talk(&[(Original, "S"), (Reply, "S"), (Original, "S."), (Reply, ".")]);
        assert_eq!(state, TcpState::Established);
    }

    #[test]
    fn insane_flags_are_told() {
        for flags in 0..=255u8 {
            let header = TcpHeader { flags, ..TcpHeader::default() };
            let sane = is_sane(&header);
            assert_eq!(sane, is_sane(&TcpHeader { flags: flags | tcp_flags::PSH, ..header }));
            if flags & (tcp_flags::SYN | tcp_flags::FIN) == tcp_flags::SYN | tcp_flags::FIN || flags == 0 {
                assert!(!sane);
            }
        }
    }
}
