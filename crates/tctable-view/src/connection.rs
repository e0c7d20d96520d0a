use tctable::conntrack::{Connection, Direction, EndReason};
use tctable::packet::{Tuple, protocol};

use crate::Json;

/// The members of a connection's JSON object. A protocol without a name is told by its number too.
pub fn connection(json: &mut Json<'_>, connection: &Connection, id: Option<u64>, timeout: u64) {
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

/// The word for the end of a connection.
pub fn end_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Timeout => "timeout",
        EndReason::Reset => "reset",
        EndReason::Reopened => "reopened",
        EndReason::EarlyDrop => "early_drop",
        EndReason::Deleted => "deleted",
        EndReason::Helper => "helper",
    }
}
