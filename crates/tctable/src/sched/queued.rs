use crate::time::Instant;

/// What a packet's ECN field says (RFC 3168).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ecn {
    /// It may not be marked: no IP packet, or Not-ECT.
    #[default]
    NotEct,
    /// It may be marked: ECT(0) or ECT(1).
    Ect,
    /// It is marked: somebody before met congestion, or a qdisc here did.
    Ce,
}

/// What waits of a packet: as much as qdiscs need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queued {
    /// The caller's name for it.
    pub(crate) token: u64,
    /// When it was offered to the device.
    pub(crate) arrived: Instant,
    /// Bytes of the frame, link header included.
    pub(crate) len: u32,
    /// A keyed hash of its flow: addresses, protocol and ports.
    pub(crate) flow: u32,
    pub(crate) ecn: Ecn,
    /// A qdisc set its ECN field to CE while it waited: the caller has to write that into its bytes.
    pub(crate) is_marked: bool,
}

impl Queued {
    /// Marks it as having met congestion, where it allows that (RFC 3168 section 5); tells whether it does.
    pub(crate) fn mark(&mut self) -> bool {
        self.is_marked |= self.ecn == Ecn::Ect;
        if self.ecn == Ecn::Ect {
            self.ecn = Ecn::Ce;
        }
        self.ecn == Ecn::Ce
    }
}
