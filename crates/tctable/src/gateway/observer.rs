use std::net::IpAddr;

use super::engine::Gateway;
use crate::conntrack::{Connection, CtState, Direction};
use crate::defrag::Seams;
use crate::hook::{PacketBuf, Verdict};
use crate::packet::{NotIp, PacketInfo};
use crate::ruleset::TraceRecord;
use crate::time::Instant;

/// Sees every frame right after it has passed the road.
pub trait Observer {
    /// Whether it looks at all; what it would be shown is not put together otherwise.
    const LOOKS: bool = true;

    /// One frame has passed.
    fn seen(&mut self, gateway: &Gateway, seen: &Seen<'_>);
}

/// Watches nothing, at no cost.
#[derive(Debug)]
pub(super) struct Unobserved;

impl Observer for Unobserved {
    const LOOKS: bool = false;

    fn seen(&mut self, _: &Gateway, _: &Seen<'_>) {}
}

/// What became of one frame.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The frame's own time.
    pub time: Instant,
    /// What its headers say, or why it is no IP packet.
    pub packet: Result<&'a PacketInfo, NotIp>,
    /// What became of it: [`Verdict::Accept`] for what is passed on, or was only looked at.
    pub verdict: Verdict,
    /// What it is to its connection; `None` for a frame that is no IP packet, and for one that was dropped because the
    /// connection table is full, or because of a limit or quota.
    pub ct_state: Option<CtState>,
    /// Its direction in its connection.
    pub direction: Option<Direction>,
    /// The host that it was counted for; the sender, where it was counted for two.
    pub host: Option<IpAddr>,
    /// The mark that it carries because the quota of its host or group is used up.
    pub quota_mark: Option<u32>,
    /// Its connection as it stands now, and the connection's id within its host; `None` also for a connection that
    /// ended with this packet.
    pub connection: Option<(&'a Connection, Option<u64>)>,
    /// The packet at its road's end, with its mark, its devices and its bytes, and the rules that it met: where rules are
    /// loaded or functions registered.
    pub passed: Option<Passed<'a>>,
    /// The datagram that this frame, its last fragment, made whole: it is what the verdict is on. The fragments before had
    /// [`Verdict::Stolen`].
    pub whole: Option<Whole<'a>>,
}

/// A datagram that came in fragments.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    /// Its bytes from the IP header on, as they are now.
    pub data: &'a [u8],
    /// What its headers say.
    pub info: &'a PacketInfo,
    /// Where it was put together, to cut it again.
    pub seams: Seams,
}

/// A packet that went through hooks.
#[derive(Clone, Copy, Debug)]
pub struct Passed<'a> {
    /// The packet as it is now.
    pub packet: &'a PacketBuf<'a>,
    /// The rules and policies that it met, in order; empty unless [`super::Config::trace`] asks for them.
    pub met: &'a [TraceRecord],
}
