//! What a tracker in the middle can know of two ends: how far each has sent, and how far the other lets it.

use super::segment::{Segment, after};
use crate::{packets::flags, rng::Rng};

/// A lag of acknowledgements that nf_conntrack allows whatever the window is.
const ACK_LAG: u32 = 66_000;

/// One direction's sender, as it looks from the middle.
#[derive(Clone, Copy, Debug, Default)]
struct Sender {
    seen: bool,
    /// The highest sequence number after a segment of it.
    end: u32,
    /// The highest sequence number that the other end allows it.
    max_end: u32,
    /// The largest window that it offered, in bytes.
    max_window: u32,
}

/// Both senders.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch([Sender; 2]);

impl Watch {
    /// Nothing was seen yet.
    pub(super) fn is_blank(&self) -> bool {
        !self.0[0].seen && !self.0[1].seen
    }

    /// A segment of sender `who`, whose window field is to be shifted.
    pub(super) fn see(&mut self, who: usize, segment: &Segment, shift: u8) {
        let window = u32::from(segment.tcp.window) << shift.min(14);
        let me = &mut self.0[who];
        if !me.seen || after(segment.end(), me.end) {
            me.end = segment.end();
        }
        me.seen = true;
        me.max_window = me.max_window.max(window);
        if segment.has(flags::ACK) {
            let other = &mut self.0[1 - who];
            let allowed = segment.tcp.ack.wrapping_add(window.max(1));
            if other.max_end == 0 || after(allowed, other.max_end) {
                other.max_end = allowed;
            }
        }
    }

    /// A sequence number for a segment of that many bytes by `who`: at, just inside or just outside an edge of what can be
    /// right, or far from it.
    pub(super) fn sequence(&self, rng: &mut Rng, who: usize, len: u32) -> u32 {
        let (me, other) = (&self.0[who], &self.0[1 - who]);
        let edge = match rng.below(6) {
            // The upper edge counts for the first byte in one reading, for the one after the last in the other.
            0 => me.max_end,
            1 => me.max_end.wrapping_sub(len),
            // The lower edge counts for the end.
            2 | 3 => me.end.wrapping_sub(other.max_window).wrapping_sub(len),
            4 => me.end,
            _ => me.end.wrapping_sub(len),
        };
        edge.wrapping_add(offset(rng))
    }

    /// An acknowledgement by `who` at an edge of what can be right, or far from it.
    pub(super) fn acknowledgment(&self, rng: &mut Rng, who: usize) -> u32 {
        let (me, other) = (&self.0[who], &self.0[1 - who]);
        let edge = match rng.below(5) {
            0 | 1 => other.end,
            2 => other.end.wrapping_sub(me.max_window.max(ACK_LAG)),
            3 => other.end.wrapping_sub(ACK_LAG),
            _ => {
                let any = rng.word();
                return rng.pick(&[0, me.end, any, other.end ^ 1 << 31]);
            }
        };
        edge.wrapping_add(offset(rng))
    }

    /// The first byte that the other end did not allow `who` to send.
    pub(super) fn beyond(&self, who: usize) -> u32 {
        self.0[who].max_end
    }
}

/// How far from an edge: mostly on it or one or two off.
fn offset(rng: &mut Rng) -> u32 {
    let far = rng.pick(&[10, 1_000, 65_535, 1_000_000, 1 << 30, 1 << 31]);
    let near = rng.below(3) as u32;
    let distance = if rng.percent(85) { near } else { far };
    if rng.one_in(2) { distance } else { distance.wrapping_neg() }
}
