//! One JSON line for each packet, to explain it.

use tctable::Gateway;
use tctable::conntrack::Direction;
use tctable::gateway::{Observer, Passed, Seen};
use tctable::hook::Verdict;

use crate::output::Output;
use tctable_view::{Json, connection as connection_members};

/// Writes what the engine shows.
pub(super) struct Trace {
    pub(super) output: Output,
    packet: u64,
}

impl Trace {
    pub(super) fn new(output: Output) -> Trace {
        Trace { output, packet: 0 }
    }
}

impl Observer for Trace {
    fn seen(&mut self, gateway: &Gateway, seen: &Seen<'_>) {
        self.packet += 1;
        Json::object(&mut self.output.text, |json| {
            json.number("packet", self.packet);
            json.time("time", seen.time);
            if let Some(state) = seen.ct_state {
                json.plain("ctstate", state);
            }
            if let Some(direction) = seen.direction {
                json.plain(
                    "direction",
                    match direction {
                        Direction::Original => "original",
                        Direction::Reply => "reply",
                    },
                );
            }
            if let Some(passed) = seen.passed {
                road(json, seen.verdict, passed);
            }
            // A packet between two inside hosts counts for both. The one whose connection it is gives, with the
            // connection's id, the connection's name.
            let owner = seen.connection.and_then(|(connection, _)| gateway.owner(connection));
            if let Some(host) = owner.map(|(host, _)| host.address()).or(seen.host) {
                json.plain("host", host);
            }
            if let Some((connection, id)) = seen.connection {
                let timeout = (connection.deadline() - gateway.now()).as_secs();
                json.member("connection", |json| connection_members(json, connection, id, timeout));
            }
        });
        self.output.text.push('\n');
    }
}

/// What became of a packet among the rules: the verdict, and each rule that it met in turn.
fn road(json: &mut Json<'_>, verdict: Verdict, passed: Passed<'_>) {
    json.plain(
        "verdict",
        match verdict {
            Verdict::Accept => "ACCEPT",
            Verdict::Drop(_) => "DROP",
            Verdict::Stolen => "STOLEN",
            Verdict::Queue { .. } => "QUEUE",
            Verdict::Repeat => "REPEAT",
        },
    );
    if passed.packet.mark != 0 {
        json.number("mark", passed.packet.mark);
    }
    json.array("rules", |json| {
        for met in passed.met {
            json.element(|json| {
                json.plain("table", met.table.as_str());
                json.string("chain", &met.chain);
                json.plain("kind", met.kind.as_str());
                json.number("rule", met.number);
                json.string("target", &met.verdict);
            });
        }
    });
}
