use std::fmt;

use super::tuple::{family_number, in_full};
use crate::conntrack::{Connection, Direction, Status};
use crate::packet::{Family, Tuple};
use crate::time::{Duration, Instant};

/// A connection as a line of `net/nf_conntrack`, without the end of the line: as a kernel writes it that has
/// `nf_conntrack_acct` and `nf_conntrack_timestamp` on.
///
/// `use` is 2, one for the table and one for whoever reads. The kernel also counts the connections that this one expected.
pub fn connection(connection: &Connection, now: Instant) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        // What has no tracker has no name here, also where others have one for it.
        let name = match connection.protocol_name() {
            "dccp" => "unknown",
            name => name,
        };
        head(f, connection, name, connection.deadline() - now)?;
        if let Some([unreplied, stream]) = connection.gre_timeouts() {
            write!(f, "timeout={}, stream_timeout={} ", unreplied.as_secs(), stream.as_secs())?;
        }
        state(f, connection)?;
        directions(f, connection, in_full)?;
        let age = (now - connection.first_seen()).as_secs();
        write!(f, "mark={} zone={} delta-time={age} use=2", connection.mark(), connection.zone())
    })
}

/// A connection as a line of `conntrack -L -o extended`, without the end of the line. `left` is what it has left to live.
///
/// `use` is 1: nothing but the table uses it.
pub fn conntrack_line(connection: &Connection, left: Duration) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        head(f, connection, connection.protocol_name(), left)?;
        state(f, connection)?;
        directions(f, connection, |f, tuple| write!(f, "{tuple} "))?;
        write!(f, "mark={} ", connection.mark())?;
        if connection.zone() != 0 {
            write!(f, "zone={} ", connection.zone())?;
        }
        f.write_str("use=1")
    })
}

/// Family, protocol, and the whole seconds that are left.
fn head(f: &mut fmt::Formatter<'_>, connection: &Connection, protocol: &str, left: Duration) -> fmt::Result {
    let Tuple { family, protocol: number, .. } = *connection.original();
    let version = match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    write!(f, "{version:<8} {} {protocol:<8} {number} {} ", family_number(family), left.as_secs())
}

/// The state, of protocols that have states.
fn state(f: &mut fmt::Formatter<'_>, connection: &Connection) -> fmt::Result {
    if let Some(state) = connection.tcp_state() {
        write!(f, "{state} ")?;
    }
    if let Some(state) = connection.sctp_state() {
        write!(f, "{state} ")?;
    }
    Ok(())
}

/// Both directions with their counters, and whether they were seen.
fn directions(
    f: &mut fmt::Formatter<'_>,
    connection: &Connection,
    tuple: impl Fn(&mut fmt::Formatter<'_>, &Tuple) -> fmt::Result,
) -> fmt::Result {
    tuple(f, connection.original())?;
    counter(f, connection, Direction::Original)?;
    if !connection.status().contains(Status::SEEN_REPLY) {
        f.write_str("[UNREPLIED] ")?;
    }
    tuple(f, &connection.reply())?;
    counter(f, connection, Direction::Reply)?;
    if connection.status().contains(Status::ASSURED) {
        f.write_str("[ASSURED] ")?;
    }
    Ok(())
}

fn counter(f: &mut fmt::Formatter<'_>, connection: &Connection, direction: Direction) -> fmt::Result {
    let counter = connection.counter(direction);
    write!(f, "packets={} bytes={} ", counter.packets, counter.bytes)
}
