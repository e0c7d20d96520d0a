//! Connections as text: the lines of `conntrack -L -o extended`, or JSON objects.

use std::net::IpAddr;

use tctable::Gateway;
use tctable::conntrack::{Connection, EndReason};
use tctable::text::conntrack_line;
use tctable::time::{Duration, Instant};
use tctable_view::{Json, append, connection as connection_members, end_reason};

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
                connection_members(json, connection, owner.map(|(_, id)| id), left(connection, now, ended).as_secs());
                json.time("first", connection.first_seen());
                json.time("last", connection.last_seen());
                if let Some(reason) = ended {
                    json.time("ended", now);
                    json.plain("end_reason", end_reason(reason));
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
