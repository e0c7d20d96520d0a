//! `connbytes`

use crate::conntrack::{Connection, Counter, Direction};
use crate::ruleset::{Connbytes, ConnbytesDirection, ConnbytesMode};

/// The packet itself is counted already. A packet without a connection fits no range, nor the opposite of one.
pub(super) fn matches(asked: &Connbytes, connection: Option<&Connection>) -> bool {
    let Some(connection) = connection else { return false };
    let mut counter = Counter::default();
    if asked.direction != ConnbytesDirection::Reply {
        counter += connection.counter(Direction::Original);
    }
    if asked.direction != ConnbytesDirection::Original {
        counter += connection.counter(Direction::Reply);
    }
    let what = match asked.mode {
        ConnbytesMode::Packets => counter.packets,
        ConnbytesMode::Bytes => counter.bytes,
        ConnbytesMode::AveragePacket => counter.bytes.checked_div(counter.packets).unwrap_or_default(),
    };
    let (lowest, highest) = asked.range.value;
    // The kernel has the opposite of a range as one whose ends are exchanged, and so cannot have that of a single value.
    let negated = asked.range.negated && lowest != highest;
    (lowest..=highest).contains(&what) != negated
}
