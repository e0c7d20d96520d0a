//! What becomes of packets.

use super::context::DropCause;
use super::handle::ClassId;
use super::queued::{Ecn, Queued};
use crate::packet::DeviceId;
use crate::time::Instant;

/// What became of a packet that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingress {
    /// It goes on.
    Pass,
    /// A filter dropped it.
    Dropped(DropCause),
    /// A filter's action took it.
    Stolen,
    /// A filter's action redirected it.
    Redirected(Redirected),
}

/// What became of a packet that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It waits.
    Queued {
        /// In that class.
        class: Option<ClassId>,
    },
    /// It is dropped.
    Dropped {
        /// By that class, or on its way from it.
        class: Option<ClassId>,
        /// Why.
        cause: DropCause,
    },
    /// A filter's action took it.
    Stolen,
    /// A filter's action redirected it.
    Redirected(Redirected),
}

/// Where a packet, or a copy, went by an action (`mirred`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirected {
    /// It waits at another device.
    Queued {
        /// That device.
        device: DeviceId,
        /// In that class.
        class: Option<ClassId>,
    },
    /// It is to be taken for one that came in by another device, and passed the filters there.
    Received {
        /// That device.
        device: DeviceId,
    },
}

/// What a device has to send.
#[derive(Debug, PartialEq, Eq)]
pub enum Poll {
    /// A packet, to be sent now.
    Packet(Departure),
    /// None before that time, unless more is offered.
    Later(Instant),
    /// Nothing waits.
    Empty,
}

/// A packet that leaves.
#[derive(Debug, PartialEq, Eq)]
pub struct Departure {
    /// The caller's name for it.
    pub token: u64,
    /// Bytes of the frame, link header included.
    pub len: u32,
    /// When it was offered.
    pub arrived: Instant,
    /// Whether it met congestion: its ECN field has to be set to CE (RFC 3168), which is the caller's to write.
    pub is_marked: bool,
    flow: u32,
    ecn: Ecn,
}

/// A packet that was queued, and is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The caller's name for it.
    pub token: u64,
    /// Bytes of the frame, link header included.
    pub len: u32,
    /// When it was offered.
    pub arrived: Instant,
    /// Where it waited.
    pub device: DeviceId,
    /// Why it is gone.
    pub cause: DropCause,
}

impl Dropped {
    pub(super) fn new(queued: Queued, device: DeviceId, cause: DropCause) -> Dropped {
        let Queued { token, len, arrived, .. } = queued;
        Dropped { token, len, arrived, device, cause }
    }
}

impl From<Queued> for Departure {
    fn from(Queued { token, arrived, len, flow, ecn, is_marked }: Queued) -> Departure {
        Departure { token, len, arrived, is_marked, flow, ecn }
    }
}

impl From<Departure> for Queued {
    fn from(Departure { token, len, arrived, is_marked, flow, ecn }: Departure) -> Queued {
        Queued { token, arrived, len, flow, ecn, is_marked }
    }
}
