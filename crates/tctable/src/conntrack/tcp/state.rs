use std::fmt;

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

    /// Whether the connection is on its way out.
    pub(super) const fn is_closing(self) -> bool {
        matches!(
            self,
            TcpState::FinWait | TcpState::CloseWait | TcpState::LastAck | TcpState::TimeWait | TcpState::Close
        )
    }
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

/// What the state table says of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
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

/// By direction and [`super::flags::Kind`]. Columns: NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT,
/// LAST_ACK, TIME_WAIT, CLOSE, SYN_SENT2.
pub(super) static TRANSITIONS: [[Row; 6]; 2] = [
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
