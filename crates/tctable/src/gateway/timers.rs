//! What time ends, and who is told of what ended or changed.

use super::engine::Gateway;
use super::event::Event;
use crate::account::{Class, Owner};
use crate::conntrack::{Changes, ConnectionId, End, Ended, Status};
use crate::time::{Duration, Instant, Promptness};

/// How often, in packet time, the timers are looked at.
const TIMER_INTERVAL: Duration = Duration::from_nanos(1 << 24);

impl Gateway {
    /// Looks at the timers at the next packet, whenever that comes: they may have changed.
    pub(super) fn look_at_timers(&mut self) {
        self.timers_at = Instant::ZERO;
    }

    pub(super) fn timers(&mut self, promptness: Promptness) {
        self.timers_at = (self.now + TIMER_INTERVAL).min(self.hosts.turn(self.now));
        while self.conntrack.expire_some(self.now, promptness) {
            self.take_ended();
        }
        if self.conntrack.expire_expectations(self.now) {
            self.tell_expectations();
        }
        if let Some(defrag) = &mut self.defrag {
            defrag.expire(self.now, promptness);
        }
        let (events, totals) = (&mut self.events, &mut self.totals);
        let wanted = self.config.events.host_expired;
        self.hosts.expire(self.now, promptness, |host| {
            totals.hosts_expired += 1;
            if wanted {
                totals.events_lost += u64::from(!events.push(Event::HostExpired(Box::new(host.clone()))));
            }
        });
    }

    /// Tells the hosts, and whoever asked, of connections that ended.
    #[inline]
    pub(super) fn take_ended(&mut self) {
        if self.conntrack.has_ended() {
            self.take_all_ended();
        }
    }

    fn take_all_ended(&mut self) {
        // The hosts' cache lines first: many connections end together.
        for connection in self.conntrack.iter_ended() {
            if let Some(owner) = Owner::from_cookie(connection.cookie()) {
                self.hosts.prefetch_class(owner.place, Class::of(connection.original().protocol));
            }
        }
        while let Some(end) = self.conntrack.take_ended() {
            self.close(end);
        }
        self.tell_expectations();
    }

    fn close(&mut self, end: End) {
        let connection = self.conntrack.ended(end);
        let owner = Owner::from_cookie(connection.cookie());
        if let Some(owner) = owner {
            let assured = connection.status().contains(Status::ASSURED);
            self.hosts.close(owner, Class::of(connection.original().protocol), assured, end.at, end.place);
        }
        if self.config.events.connections.and(end.events).contains(Changes::DESTROY) {
            let owner = owner.map(|owner| (self.hosts.get(owner).address(), owner.id));
            let ended = Box::new(Ended { connection: connection.clone(), at: end.at, reason: end.reason });
            self.push_event(Event::ConnectionEnded { id: end.id, owner, ended });
        }
    }

    /// Tells the host, and whoever asked, of what a packet changed on its connection.
    #[inline(always)]
    pub(super) fn take_changes(&mut self) {
        let wanted = Changes::ASSURED | self.config.events.connections;
        if !self.conntrack.changes().and(wanted).is_empty() {
            self.tell_changes(self.conntrack.changed());
        }
    }

    #[inline(never)]
    fn tell_changes(&mut self, place: u32) {
        let Some((id, connection)) = self.conntrack.named(place) else { return };
        let changes = self.conntrack.changes();
        if changes.contains(Changes::ASSURED)
            && let Some(owner) = Owner::from_cookie(connection.cookie())
        {
            self.hosts.assure(owner, Class::of(connection.original().protocol));
        }
        self.tell(id, place, changes);
    }

    /// Makes an event of what changed on a connection, if anybody wants to know it.
    pub(super) fn tell(&mut self, id: ConnectionId, place: u32, changes: Changes) {
        let changes = self.conntrack.told(place, changes.and(self.config.events.connections));
        let Some(connection) = self.conntrack.at(place).filter(|_| !changes.is_empty()) else { return };
        let owner = Owner::from_cookie(connection.cookie());
        let owner = owner.map(|owner| (self.hosts.get(owner).address(), owner.id));
        let connection = Box::new(connection.clone());
        self.push_event(Event::Connection { changes, id, owner, connection });
    }

    /// Makes events of what changed among the expectations, if anybody wants to know it.
    pub(super) fn tell_expectations(&mut self) {
        if self.config.events.expectations {
            for (change, expectation) in self.conntrack.take_expectation_changes() {
                self.push_event(Event::Expectation { change, expectation: Box::new(expectation) });
            }
        }
    }

    pub(super) fn push_event(&mut self, event: Event) {
        self.totals.events_lost += u64::from(!self.events.push(event));
    }

    /// An event that has not been taken yet, the oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.poll()
    }

    /// When [`Gateway::handle_timeout`] has something to do, if nothing comes before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let defrag = self.defrag.as_ref().and_then(|defrag| defrag.next_timeout());
        let expectations = self.conntrack.next_expectation_timeout();
        [self.conntrack.next_timeout(), expectations, self.hosts.next_timeout(), defrag].into_iter().flatten().min()
    }

    /// Moves time on without a frame and ends all that is over. Time never goes back.
    ///
    /// Exact to the nanosecond, however often it is called.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.timers(Promptness::Exact);
    }
}
