use crate::step::{Side, Step};
use crate::talks::{self, Kind};

/// Random packets of several kinds, one kind after the other, of about the same number each: those that [`takes`] takes.
pub fn steps(kinds: &[Kind], seed: u64, packets: usize) -> Vec<Step> {
    let each = packets.div_ceil(kinds.len().max(1));
    let mut steps = Vec::with_capacity(packets);
    for kind in kinds {
        let wanted = each.min(packets - steps.len());
        // Some are not taken.
        let talks = talks::generate(*kind, seed, wanted + wanted / 3 + 8).into_iter().filter(takes);
        steps.extend(talks.take(wanted));
    }
    steps
}

/// Whether a packet's way is the same in a router that looks at routes: from its own side to the other, and far enough.
pub fn takes(step: &Step) -> bool {
    let Step { side, packet } = step;
    let (own, other): (u8, u8) = match side {
        Side::Left => (11, 22),
        Side::Right => (22, 11),
    };
    match packet.first().map(|first| first >> 4) {
        Some(4) => packet.len() >= 20 && packet[8] > 1 && packet[12..14] == [10, own] && packet[16..18] == [10, other],
        Some(6) => {
            let net = |nth: u8| [0xfd, 0, 0, if nth == 11 { 0x11 } else { 0x22 }, 0, 0, 0, 0];
            packet.len() >= 40 && packet[7] > 1 && packet[8..16] == net(own) && packet[24..32] == net(other)
        }
        _ => false,
    }
}
