use std::collections::VecDeque;
use std::net::IpAddr;

use crate::account::{Host, MarkReached, Refusal};
use crate::conntrack::expect::{Change, Expectation};
use crate::conntrack::{Changes, Connection, ConnectionId, Ended};
use crate::ruleset::LogRecord;

/// Something that happened, with all that was known of it.
#[derive(Clone, Debug)]
pub enum Event {
    /// A connection came into the table, or changed in it. All that one packet did to it is told at once, after the
    /// packet's road.
    Connection {
        /// What happened: never empty, and nothing that [`EventMask::connections`] leaves out.
        changes: Changes,
        /// Names the connection.
        id: ConnectionId,
        /// The host that it belongs to and its id there, if it has one.
        owner: Option<(IpAddr, u64)>,
        /// The connection as it stands then.
        connection: Box<Connection>,
    },
    /// A connection left the table.
    ConnectionEnded {
        /// Named the connection.
        id: ConnectionId,
        /// The host that it belonged to and its id there, if it had one.
        owner: Option<(IpAddr, u64)>,
        /// The connection.
        ended: Box<Ended>,
    },
    /// A helper expects a connection, or does so no longer.
    Expectation {
        /// Which of the two.
        change: Change,
        /// What is or was expected.
        expectation: Box<Expectation>,
    },
    /// A host had neither traffic nor connections for too long.
    HostExpired(Box<Host>),
    /// A rule logged a packet (`LOG`).
    Log(Box<LogRecord>),
    /// A host or group came to a mark of its quota.
    QuotaMark(Box<MarkReached>),
    /// Something was refused to a host. At most one such event a second is made for each reason.
    Refused {
        /// The host; one that opened a connection, or that has no place in the table.
        host: IpAddr,
        /// Why.
        refusal: Refusal,
        /// How often something was refused for that reason, to anybody, since the last such event.
        count: u64,
    },
    /// So many events were lost here, because too many waited. The tables still have all that is in them, with all
    /// counters: who keeps a copy of them reads them again.
    Lost(u64),
}

/// Kinds of events: what nobody asks for is never built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventMask {
    /// [`Event::Connection`], and [`Event::ConnectionEnded`] for [`Changes::DESTROY`].
    pub connections: Changes,
    /// [`Event::Expectation`]
    pub expectations: bool,
    /// [`Event::HostExpired`]
    pub host_expired: bool,
    /// [`Event::Log`]
    pub log: bool,
    /// [`Event::QuotaMark`]
    pub quota_marks: bool,
    /// [`Event::Refused`]
    pub refused: bool,
}

impl EventMask {
    /// Every event.
    pub const ALL: EventMask = EventMask {
        connections: Changes::ALL,
        expectations: true,
        host_expired: true,
        log: true,
        quota_marks: true,
        refused: true,
    };
}

/// Events that wait for their reader.
#[derive(Debug)]
pub(super) struct Events {
    waiting: VecDeque<Event>,
    max: usize,
    /// Events lost since the last one that was kept.
    lost: u64,
}

impl Events {
    pub(super) fn new(max: usize) -> Self {
        Events { waiting: VecDeque::new(), max, lost: 0 }
    }

    /// Keeps an event; tells whether there was room.
    pub(super) fn push(&mut self, event: Event) -> bool {
        // The news of a gap takes a place too.
        let places = 1 + usize::from(self.lost != 0);
        if self.waiting.len() + places > self.max {
            self.lost += 1;
            return false;
        }
        if self.lost != 0 {
            self.waiting.push_back(Event::Lost(std::mem::take(&mut self.lost)));
        }
        self.waiting.push_back(event);
        true
    }

    pub(super) fn poll(&mut self) -> Option<Event> {
        let lost = &mut self.lost;
        self.waiting.pop_front().or_else(|| (*lost != 0).then(|| Event::Lost(std::mem::take(lost))))
    }
}
