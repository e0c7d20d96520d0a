//! What traffic control is to be told of a packet that passed the road.

use super::observer::Seen;
use crate::conntrack::{CtState, Direction};
use crate::packet::{Family, Frame};
use crate::sched::CtInfo;

impl Seen<'_> {
    /// The packet's priority: the class that a rule put it in (`CLASSIFY`), else what forwarding gives an IPv4 packet for its
    /// type of service, which `prio` and `pfifo_fast` look at. IPv6 packets keep 0, as in the kernel.
    pub fn priority(&self, frame: &Frame<'_>) -> u32 {
        /// By the four bits of the type of service (RFC 1349): best effort, bulk, interactive, interactive bulk.
        const PRIORITIES: [u8; 16] = [0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4];
        let classified = self.passed.map_or(0, |passed| passed.packet.priority);
        if classified != 0 {
            return classified;
        }
        let Ok(info) = self.packet else { return 0 };
        // Of a datagram that was put together all fragments have the same.
        match frame.data.get(usize::from(info.network_offset) + 1) {
            Some(tos) if info.tuple.family == Family::V4 => PRIORITIES[usize::from(tos >> 1 & 15)].into(),
            _ => 0,
        }
    }

    /// The packet's mark: what rules set, else what a quota that is used up does.
    pub fn mark(&self) -> u32 {
        // With hooks the quota's mark is the packet's, until a rule sets another one.
        self.passed.map_or(self.quota_mark.unwrap_or(0), |passed| passed.packet.mark)
    }

    /// What connection tracking says of the packet; `None` where it did not look.
    pub fn ct(&self) -> Option<CtInfo> {
        let packet = self.packet.ok()?;
        let state = match self.ct_state? {
            CtState::New => CtInfo::TRACKED | CtInfo::NEW,
            CtState::Established => CtInfo::TRACKED | CtInfo::ESTABLISHED,
            CtState::Related => CtInfo::TRACKED | CtInfo::RELATED,
            CtState::Invalid => CtInfo::TRACKED | CtInfo::INVALID,
            CtState::Untracked => return None,
        };
        let reply = if self.direction == Some(Direction::Reply) { CtInfo::REPLY } else { 0 };
        let connection = self.connection.map(|(connection, _)| connection);
        let original = connection.map_or(packet.tuple, |connection| *connection.original());
        let mark = connection.map_or(0, |connection| connection.mark());
        Some(CtInfo { original, state: state | reply, mark })
    }
}
