//! `connmark`, `CONNMARK`

use super::conntrack;
use super::{Effect, Env};
use crate::conntrack::Conntrack;
use crate::hook::{Ct, PacketBuf};
use crate::ruleset::{ConnmarkTarget, MarkChange, MarkMatch, Not};

/// A packet without a connection has no such mark, and so neither this one nor another.
pub(super) fn matches(asked: &Not<MarkMatch>, packet: &PacketBuf<'_>, table: &Conntrack) -> bool {
    let MarkMatch { value, mask } = asked.value;
    conntrack::mark(packet, table).is_some_and(|mark| asked.wants(mark & mask == value))
}

pub(super) fn change(target: ConnmarkTarget, packet: &mut PacketBuf<'_>, env: &mut Env<'_>) {
    let Some(before) = conntrack::mark(packet, env.conntrack) else { return };
    let mark = match target {
        ConnmarkTarget::Set(change) => changed(before, change),
        ConnmarkTarget::Save { ct_mask, nf_mask } => before & !ct_mask ^ packet.mark & nf_mask,
        ConnmarkTarget::Restore { ct_mask, nf_mask } => {
            packet.mark = packet.mark & !nf_mask ^ before & ct_mask;
            return;
        }
    };
    if mark == before {
        return;
    }
    match &mut packet.tracking.connection {
        Ct::New(unconfirmed) => unconfirmed.set_mark(mark),
        Ct::Confirmed(place) => {
            env.conntrack.set_mark_at(*place, mark);
            // One that ended with this packet has no name any more, and nobody is told of it.
            env.effects.extend(env.conntrack.named(*place).map(|(id, _)| Effect::Marked(id)));
        }
        Ct::None => {}
    }
}

/// A mark after a change.
pub(super) fn changed(mark: u32, change: MarkChange) -> u32 {
    mark & !change.mask ^ change.value
}
