//! What is told of connections, to whom, and what becomes of it when nobody listens.

mod changes;
mod ends;
mod lost;
mod masks;

use tctable::Event;
use tctable::conntrack::Changes;
use tctable::gateway::EventMask;

use crate::support::Road;

/// A road that tells these changes, and nothing of hosts.
fn telling(connections: Changes) -> Road {
    Road::with(|config| {
        config.events = EventMask { connections, expectations: false, host_expired: false, ..EventMask::default() }
    })
}

/// What was told since the last call, in one word for each event; the names of changes are joined by `+`.
fn told(road: &mut Road) -> Vec<String> {
    road.events().iter().map(word).collect()
}

fn word(event: &Event) -> String {
    match event {
        Event::Connection { changes, .. } => changes.names().collect::<Vec<_>>().join("+"),
        Event::ConnectionEnded { ended, .. } => format!("{:?}", ended.reason),
        Event::Expectation { change, .. } => format!("{change:?}"),
        Event::HostExpired(_) => "host".to_owned(),
        Event::QuotaMark(reached) => format!("{:?}", reached.mark),
        Event::Refused { refusal, .. } => format!("{refusal:?}"),
        Event::Log(record) => format!("log {record:?}"),
        Event::Lost(count) => format!("lost {count}"),
    }
}
