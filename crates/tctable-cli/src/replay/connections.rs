//! Connections as text: the lines of `conntrack -L -o extended`, or JSON objects.

use std::net::IpAddr;

use tctable::Gateway;
use tctable::conntrack::{Connection, Direction, EndReason};
use tctable::packet::{Tuple, protocol};
use tctable::text::conntrack_line;
use tctable::time::{Duration, Instant};

use crate::json::{Json, append};
use crate::output::{Output, OutputError};

/// Writes the connections that were asked for.
pub(super) struct Connections {
    pub(super) output: Output,
    json: bool,
    /// Also those that ended.
    all: bool,
}

impl Connections {
    pub(super) fn new(output: Output, json: bool, all: bool) -> Connections {
        Connections { output, json, all }
    }

    /// A connection that ended.
    pub(super) fn ended(
        &mut self,
        owner: Option<(IpAddr, u64)>,
        connection: &Connection,
        at: Instant,
        reason: EndReason,
    ) {
        if self.all {
            self.write(owner, connection, at, Some(reason));
        }
    }

    /// Writes those that are open at the end, and whatever is still to be written.
    pub(super) fn finish(mut self, gateway: &Gateway) -> Result<(), OutputError> {
        for (_, connection) in gateway.conntrack().iter() {
            let owner = gateway.owner(connection).map(|(host, id)| (host.address(), id));
            self.write(owner, connection, gateway.now(), None);
            self.output.relieve()?;
        }
        self.output.finish()
    }

    fn write(&mut self, owner: Option<(IpAddr, u64)>, connection: &Connection, now: Instant, ended: Option<EndReason>) {
        let text = &mut self.output.text;
        if self.json {
            Json::object(text, |json| {
                if let Some((host, _)) = owner {
                    json.plain("host", host);
                }
                json.plain("family", connection.original().family);
                members(json, connection, owner.map(|(_, id)| id), left(connection, now, ended).as_secs());
                json.time("first", connection.first_seen());
                json.time("last", connection.last_seen());
                if let Some(reason) = ended {
                    json.time("ended", now);
                    json.plain("end_reason", reason_name(reason));
                }
            });
        } else {
            append(text, conntrack_line(connection, left(connection, now, ended)));
        }
        text.push('\n');
    }
}

/// The time that is left; none after the end.
fn left(connection: &Connection, now: Instant, ended: Option<EndReason>) -> Duration {
    match ended {
        Some(_) => Duration::ZERO,
        None => connection.deadline() - now,
    }
}

fn reason_name(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Timeout => "timeout",
        EndReason::Reset => "reset",
        EndReason::Reopened => "reopened",
        EndReason::EarlyDrop => "early_drop",
        EndReason::Deleted => "deleted",
        EndReason::Helper => "helper",
    }
}

/// The members of a connection's JSON object. A protocol without a name is told by its number too.
pub(super) fn members(json: &mut Json<'_>, connection: &Connection, id: Option<u64>, timeout: u64) {
    if let Some(id) = id {
        json.number("id", id);
    }
    let name = connection.protocol_name();
    json.plain("protocol", name);
    if name == "unknown" {
        json.number("protocol_number", connection.original().protocol);
    }
    if let Some(state) = connection.tcp_state() {
        json.plain("state", state);
    }
    if let Some(state) = connection.sctp_state() {
        json.plain("state", state);
    }
    json.number("timeout", timeout);
    json.array("status", |json| connection.status().names().for_each(|name| json.plain_element(name)));
    for (key, tuple, direction) in
        [("original", *connection.original(), Direction::Original), ("reply", connection.reply(), Direction::Reply)]
    {
        json.member(key, |json| {
            tuple_members(json, &tuple);
            json.packets_bytes(connection.counter(direction));
        });
    }
}

fn tuple_members(json: &mut Json<'_>, tuple: &Tuple) {
    json.plain("src", tuple.source.to_ip(tuple.family));
    json.plain("dst", tuple.destination.to_ip(tuple.family));
    match tuple.protocol {
        protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP => {
            json.number("sport", tuple.source_port);
            json.number("dport", tuple.destination_port);
        }
        protocol::GRE => {
            json.number("srckey", tuple.source_port);
            json.number("dstkey", tuple.destination_port);
        }
        _ if tuple.is_icmp() => {
            json.number("type", tuple.destination_port >> 8);
            json.number("code", tuple.destination_port & 0xff);
            json.number("icmp_id", tuple.source_port);
        }
        _ => {}
    }
}
