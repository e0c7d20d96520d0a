//! `CT`, `NOTRACK`

use crate::conntrack::{Changes, Conntrack, CtState};
use crate::hook::{Ct, PacketBuf, Template};
use crate::ruleset::CtTarget;

/// What is laid down first stays: a packet that has a connection, or for which something was laid down, is left alone.
pub(super) fn lay_down(target: &CtTarget, packet: &mut PacketBuf<'_>, conntrack: &Conntrack) {
    if target.notrack {
        return do_not_track(packet);
    }
    if is_settled(packet) {
        return;
    }
    let tuple = packet.info().tuple;
    let helper = target.helper.as_deref();
    packet.template = Some(Box::new(Template {
        notrack: false,
        zone: target.zone,
        helper: helper.and_then(|name| conntrack.helper_name(name, tuple.family, tuple.protocol)),
        events: target.events.map(Changes::from_bits),
    }));
    // Until it is tracked the packet counts as the first one of what is laid down.
    packet.tracking.state = CtState::New;
}

pub(super) fn do_not_track(packet: &mut PacketBuf<'_>) {
    if !is_settled(packet) {
        packet.template = Some(Box::new(Template { notrack: true, ..Template::default() }));
        packet.tracking.state = CtState::Untracked;
    }
}

fn is_settled(packet: &PacketBuf<'_>) -> bool {
    let tracked = !matches!(packet.tracking.connection, Ct::None);
    tracked || packet.template.is_some() || packet.tracking.state == CtState::Untracked
}
