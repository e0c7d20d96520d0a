//! `conntrack`, `state`

use super::{header, udp};
use crate::conntrack::{Connection, Conntrack, CtState, Direction, Status};
use crate::hook::{Ct, PacketBuf, Tracking};
use crate::packet::{Address, Family, Tuple};
use crate::ruleset::{ConntrackMatch, Masked, Not, state_bits};
use crate::time::Instant;

/// A packet's connection: in the table, not yet, or ended by this very packet.
pub(super) fn connection<'c>(packet: &'c PacketBuf<'_>, conntrack: &'c Conntrack) -> Option<&'c Connection> {
    match &packet.tracking.connection {
        Ct::None => None,
        Ct::Confirmed(place) => Some(conntrack.shown(*place)),
        Ct::New(unconfirmed) => Some(unconfirmed.connection()),
    }
}

/// Whether there is but what `CT` has laid down for a packet's connection. To the kernel that is a connection, with nothing in
/// it.
fn is_laid_down(packet: &PacketBuf<'_>) -> bool {
    matches!(packet.tracking.connection, Ct::None) && packet.tracking.state == CtState::New
}

/// The mark of a packet's connection.
pub(super) fn mark(packet: &PacketBuf<'_>, conntrack: &Conntrack) -> Option<u32> {
    let mark = connection(packet, conntrack).map(Connection::mark);
    mark.or_else(|| is_laid_down(packet).then_some(0))
}

/// Whether a packet's state is one of those.
pub(super) fn state(asked: Not<u16>, packet: &PacketBuf<'_>) -> bool {
    let bit = match packet.state() {
        CtState::Invalid => state_bits::INVALID,
        CtState::Established => state_bits::ESTABLISHED,
        CtState::Related => state_bits::RELATED,
        CtState::New => state_bits::NEW,
        CtState::Untracked => state_bits::UNTRACKED,
    };
    asked.wants(asked.value & bit != 0)
}

/// What is asked of a packet without a connection is its state alone: the rest is not looked at, but something must have been
/// said of the state.
pub(super) fn matches(asked: &ConntrackMatch, packet: &PacketBuf<'_>, conntrack: &Conntrack, now: Instant) -> bool {
    if asked.state.is_some_and(|asked| !state(asked, packet)) {
        return false;
    }
    let Facts { original, reply, direction, status, left } = match connection(packet, conntrack) {
        Some(connection) => Facts::of(connection, &packet.tracking, now),
        None if is_laid_down(packet) => Facts::template(packet.info().tuple.family),
        None => return asked.state.is_some(),
    };
    asked.direction.is_none_or(|asked| asked == direction)
        && address(&asked.original_source, original.source)
        && address(&asked.original_destination, original.destination)
        && address(&asked.reply_source, reply.source)
        && address(&asked.reply_destination, reply.destination)
        && asked.protocol.is_none_or(|asked| asked.wants(asked.value == original.protocol))
        && udp::port_fits(&asked.original_source_port, original.source_port)
        && udp::port_fits(&asked.original_destination_port, original.destination_port)
        && udp::port_fits(&asked.reply_source_port, reply.source_port)
        && udp::port_fits(&asked.reply_destination_port, reply.destination_port)
        && asked.status.is_none_or(|asked| asked.wants(asked.value & status != 0))
        && asked.expires.is_none_or(|asked| asked.wants((asked.value.0..=asked.value.1).contains(&left)))
}

fn address(asked: &Option<Not<Masked>>, address: Address) -> bool {
    asked.is_none_or(|asked| asked.wants(header::under(&asked.value, address)))
}

/// What can be asked of a connection.
struct Facts {
    original: Tuple,
    reply: Tuple,
    direction: Direction,
    status: u16,
    /// Whole seconds until it ends.
    left: u32,
}

impl Facts {
    fn of(connection: &Connection, tracking: &Tracking, now: Instant) -> Facts {
        let (mut status, direction) = (connection.status(), tracking.direction);
        // The first answer is one also where it is a reset that has ended its connection, and so was not noted there.
        if tracking.state == CtState::Established && direction == Direction::Reply {
            status.insert(Status::SEEN_REPLY);
        }
        // The time of one that is not in the table does not run yet: the kernel finds nothing left of it.
        let left = match status.contains(Status::CONFIRMED) {
            true => (connection.deadline() - now).as_secs(),
            false => 0,
        };
        Facts {
            original: *connection.original(),
            reply: connection.reply(),
            direction,
            status: status.bits(),
            left: u32::try_from(left).unwrap_or(u32::MAX),
        }
    }

    /// What `CT` has laid down.
    fn template(family: Family) -> Facts {
        let tuple = Tuple::new(family, 0, Address::default(), Address::default());
        let mut status = Status::TEMPLATE;
        status.insert(Status::CONFIRMED);
        Facts { original: tuple, reply: tuple, direction: Direction::Original, status: status.bits(), left: 0 }
    }
}
