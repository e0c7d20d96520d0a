use super::tuple::Tuple;

/// A connection as ctnetlink tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The tuple of the original direction.
    pub original: Tuple,
    /// The tuple of the reply direction.
    pub reply: Tuple,
    /// The status bits (`enum ip_conntrack_status`).
    pub status: u32,
    /// Seconds until it ends unless a packet comes, rounded down.
    pub timeout: u32,
    /// Packets and bytes of the original and of the reply direction.
    pub counters: [(u64, u64); 2],
    /// What its protocol's tracker tells.
    pub protocol: Option<ProtocolState>,
    /// The connection mark.
    pub mark: u32,
    /// The zone.
    pub zone: u16,
    /// Names this connection only, also among later ones with its tuple.
    pub id: u32,
}

/// What a protocol's tracker tells of a connection; pairs are those of the original and of the reply direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolState {
    /// TCP.
    Tcp {
        /// `enum tcp_conntrack`
        state: u8,
        /// Window scales.
        scales: [u8; 2],
        /// `IP_CT_TCP_FLAG_*`
        flags: [u8; 2],
    },
    /// SCTP.
    Sctp {
        /// `enum sctp_conntrack`
        state: u8,
        /// Verification tags.
        tags: [u32; 2],
    },
}
