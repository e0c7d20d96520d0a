use std::fmt::{self, Write as _};
use std::io;

use super::{HostLine, connection, expectation, statistics};
use crate::conntrack::Status;
use crate::gateway::Gateway;
use crate::time::Instant;

/// Writes `net/nf_conntrack`: a line for each open connection, in the order of their places.
///
/// # Errors
/// The writer's; what was written before stays.
pub fn nf_conntrack(gateway: &Gateway, out: &mut dyn io::Write) -> io::Result<()> {
    let now = gateway.now();
    let connections = gateway.conntrack().iter().map(|(_, connection)| connection);
    let open = connections.filter(|open| open.deadline() > now && !open.status().contains(Status::DYING));
    write_lines(open.map(|open| connection(open, now)), out)
}

/// Writes `net/stat/nf_conntrack`: names, and a line for the one processor that there is.
///
/// # Errors
/// The writer's; what was written before stays.
pub fn nf_conntrack_stat(gateway: &Gateway, out: &mut dyn io::Write) -> io::Result<()> {
    write_lines([statistics::HEAD], out)?;
    write_lines([statistics::line(gateway.conntrack())], out)
}

/// Writes `net/nf_conntrack_expect`: a line for each connection that is expected.
///
/// # Errors
/// The writer's; what was written before stays.
pub fn nf_conntrack_expect(gateway: &Gateway, out: &mut dyn io::Write) -> io::Result<()> {
    let now = gateway.now();
    let expected = gateway.conntrack().expectations().iter().filter(|expected| expected.deadline > now);
    write_lines(expected.map(|expected| expectation(expected, now)), out)
}

/// Writes `net/tc_counter`: a line for each host, in the order of their places. Their last packets are told since `origin`.
///
/// # Errors
/// The writer's; what was written before stays.
pub fn tc_counter(gateway: &Gateway, origin: Instant, out: &mut dyn io::Write) -> io::Result<()> {
    let timeout = gateway.hosts().config().timeout;
    let now = gateway.now();
    let hosts = gateway.hosts().iter().filter(|host| host.expires(timeout) > now || host.open_connections() > 0);
    write_lines(hosts.map(|host| HostLine::new(host, now, timeout, origin)), out)
}

/// Each line in one piece, out of the same buffer.
fn write_lines<T: fmt::Display>(lines: impl IntoIterator<Item = T>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut text = String::new();
    for line in lines {
        text.clear();
        writeln!(text, "{line}").map_err(io::Error::other)?;
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}
