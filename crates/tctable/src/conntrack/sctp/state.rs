use std::fmt;

use super::super::connection::Direction;
use super::kind;

/// The states of an SCTP association as nf_conntrack names them, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SctpState {
    /// Before the first packet.
    None,
    /// Aborted, shut down, or not open yet: an INIT alone is no more than this.
    Closed,
    /// An INIT ACK came, or an INIT over a path that had only been probed.
    CookieWait,
    /// A COOKIE ECHO.
    CookieEchoed,
    /// A COOKIE ACK, or a HEARTBEAT ACK over another path of an association.
    Established,
    /// A SHUTDOWN in the original direction.
    ShutdownSent,
    /// A SHUTDOWN in the reply direction.
    ShutdownRecd,
    /// A SHUTDOWN ACK.
    ShutdownAckSent,
    /// A HEARTBEAT was the first packet: perhaps another path of an association.
    HeartbeatSent,
}

impl SctpState {
    /// Every state, in the kernel's order.
    pub const ALL: [SctpState; 9] = [
        SctpState::None,
        SctpState::Closed,
        SctpState::CookieWait,
        SctpState::CookieEchoed,
        SctpState::Established,
        SctpState::ShutdownSent,
        SctpState::ShutdownRecd,
        SctpState::ShutdownAckSent,
        SctpState::HeartbeatSent,
    ];

    /// The state after a chunk in that direction. `None` where no association is in this state when such a chunk comes.
    pub(super) fn after(self, direction: Direction, chunk: u8) -> Option<SctpState> {
        let row = match chunk {
            kind::INIT => 0,
            kind::INIT_ACK => 1,
            kind::ABORT => 2,
            kind::SHUTDOWN => 3,
            kind::SHUTDOWN_ACK => 4,
            kind::ERROR => 5,
            kind::COOKIE_ECHO => 6,
            kind::COOKIE_ACK => 7,
            kind::SHUTDOWN_COMPLETE => 8,
            kind::HEARTBEAT => 9,
            kind::HEARTBEAT_ACK => 10,
            // Data and whatever else there is change nothing.
            _ => return Some(self),
        };
        TRANSITIONS[direction as usize][row][self as usize]
    }
}

impl fmt::Display for SctpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SctpState::None => "NONE",
            SctpState::Closed => "CLOSED",
            SctpState::CookieWait => "COOKIE_WAIT",
            SctpState::CookieEchoed => "COOKIE_ECHOED",
            SctpState::Established => "ESTABLISHED",
            SctpState::ShutdownSent => "SHUTDOWN_SENT",
            SctpState::ShutdownRecd => "SHUTDOWN_RECD",
            SctpState::ShutdownAckSent => "SHUTDOWN_ACK_SENT",
            SctpState::HeartbeatSent => "HEARTBEAT_SENT",
        })
    }
}

/// The state after a chunk, for each state before it, in the order of [`SctpState`].
type Row = [Option<SctpState>; 9];

const CL: Option<SctpState> = Some(SctpState::Closed);
const CW: Option<SctpState> = Some(SctpState::CookieWait);
const CE: Option<SctpState> = Some(SctpState::CookieEchoed);
const ES: Option<SctpState> = Some(SctpState::Established);
const SS: Option<SctpState> = Some(SctpState::ShutdownSent);
const SR: Option<SctpState> = Some(SctpState::ShutdownRecd);
const SA: Option<SctpState> = Some(SctpState::ShutdownAckSent);
const HS: Option<SctpState> = Some(SctpState::HeartbeatSent);
const IV: Option<SctpState> = None;

/// By direction and chunk. Columns: NONE, CLOSED, COOKIE_WAIT, COOKIE_ECHOED, ESTABLISHED, SHUTDOWN_SENT, SHUTDOWN_RECD,
/// SHUTDOWN_ACK_SENT, HEARTBEAT_SENT.
#[rustfmt::skip]
static TRANSITIONS: [[Row; 11]; 2] = [
    [
        [CL, CL, CW, CE, ES, CL, CL, SA, CW], // INIT
        [CL, CL, CW, CE, ES, SS, SR, SA, CL], // INIT ACK
        [CL, CL, CL, CL, CL, CL, CL, CL, CL], // ABORT
        [CL, CL, CW, CE, SS, SS, SR, SA, CL], // SHUTDOWN
        [SA, CL, CW, CE, ES, SA, SA, SA, SA], // SHUTDOWN ACK
        [CL, CL, CW, CE, ES, SS, SR, SA, CL], // ERROR
        [CL, CL, CE, CE, ES, SS, SR, SA, CL], // COOKIE ECHO
        [CL, CL, CW, ES, ES, SS, SR, SA, CL], // COOKIE ACK
        [CL, CL, CW, CE, ES, SS, SR, CL, CL], // SHUTDOWN COMPLETE
        [HS, CL, CW, CE, ES, SS, SR, SA, HS], // HEARTBEAT
        [CL, CL, CW, CE, ES, SS, SR, SA, HS], // HEARTBEAT ACK
    ],
    [
        [IV, CL, CW, CE, ES, SS, SR, SA, IV], // INIT
        [IV, CW, CW, CE, ES, SS, SR, SA, IV], // INIT ACK
        [IV, CL, CL, CL, CL, CL, CL, CL, IV], // ABORT
        [IV, CL, CW, CE, SR, SS, SR, SA, IV], // SHUTDOWN
        [IV, CL, CW, CE, ES, SA, SA, SA, IV], // SHUTDOWN ACK
        [IV, CL, CW, CL, ES, SS, SR, SA, IV], // ERROR: the cookie was stale
        [IV, CL, CE, CE, ES, SS, SR, SA, IV], // COOKIE ECHO
        [IV, CL, CW, ES, ES, SS, SR, SA, IV], // COOKIE ACK
        [IV, CL, CW, CE, ES, SS, SR, CL, IV], // SHUTDOWN COMPLETE
        [IV, CL, CW, CE, ES, SS, SR, SA, HS], // HEARTBEAT
        [IV, CL, CW, CE, ES, SS, SR, SA, ES], // HEARTBEAT ACK
    ],
];
