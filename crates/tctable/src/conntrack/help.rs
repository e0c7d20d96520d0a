//! Where expectations and helpers meet the packet's road: a new connection is looked up among what is expected, and each
//! packet of a connection with a helper is read by it at the end of its road.

use super::changes::Changes;
use super::connection::{Connection, Direction, Protocol};
use super::expect::{Change, Expectation, Expectations};
use super::extension::Extension;
use super::helper::{Attached, Consequences, Outcome, Payload};
use super::state::CtState;
use super::status::Status;
use super::table::{ConnectionId, Conntrack, End, EndReason};
use super::tcp::TcpState;
use super::timeouts::Millis;
use super::track::{Attached as AttachedTo, Tracked, Unconfirmed};
use crate::packet::{Packet, Transport, Tuple, protocol};
use crate::time::Instant;

impl Conntrack {
    /// The connections that are expected.
    pub fn expectations(&self) -> &Expectations {
        &self.expectations
    }

    /// From now on keeps what changes among the expectations.
    pub(crate) fn keep_expectation_changes(&mut self) {
        self.expectations.keep_changes();
    }

    /// What changed among the expectations since the last call.
    pub(crate) fn take_expectation_changes(&mut self) -> Vec<(Change, Expectation)> {
        self.expectations.take_changes()
    }

    /// Removes the expectations whose time is over; tells whether there were any.
    pub(crate) fn expire_expectations(&mut self, now: Instant) -> bool {
        self.expectations.expire(now) != 0
    }

    /// The tuple of an enhanced GRE packet with the source's call id, which only PPTP's helper knows; `None` where it
    /// stays as it is.
    pub(crate) fn gre_tuple(&self, tuple: &Tuple) -> Option<Tuple> {
        if tuple.protocol != protocol::GRE || tuple.destination_port == 0 || self.keymap.is_empty() {
            return None;
        }
        Some(Tuple { source_port: self.keymap.lookup(tuple), ..*tuple })
    }

    /// What expects a new connection with that tuple; it is expected no longer.
    pub(super) fn take_expectation(&mut self, now: Instant, tuple: &Tuple) -> Option<Expectation> {
        let Conntrack { expectations, slab, .. } = self;
        expectations.take(now, tuple, tuple.zone, |master| {
            let connection = slab.get(master.place(), master.generation());
            connection.is_some_and(|master| !master.status.contains(Status::DYING) && master.deadline() > now)
        })
    }

    /// A packet that its tracker refuses at first sight uses up what is expected all the same: as in the kernel, which
    /// needs no more than its ports for that.
    #[cold]
    pub(super) fn waste_expectation(&mut self, now: Instant, packet: Packet<'_>) {
        let mut tuple = packet.info.tuple;
        let has_ports = matches!(tuple.protocol, protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP);
        let Some([a, b, c, d]) = packet.transport_bytes().first_chunk::<4>().filter(|_| has_ports) else { return };
        tuple.source_port = u16::from_be_bytes([*a, *b]);
        tuple.destination_port = u16::from_be_bytes([*c, *d]);
        let known = self.search(self.hash(&tuple), &tuple);
        if known.is_none_or(|(place, _)| self.slab[place].deadline() <= now) {
            self.take_expectation(now, &tuple);
        }
    }

    /// What a new connection gets beside its place in the table: its master, and a helper.
    pub(super) fn extend(
        &mut self,
        connection: &mut Connection,
        expectation: Option<Expectation>,
    ) -> Option<Box<Extension>> {
        let tuple = connection.original;
        let mut helper = None;
        if let Some(expected) = &expectation {
            connection.status.insert(Status::EXPECTED);
            connection.mark = self.get(expected.master).map_or(0, Connection::mark);
            helper = expected.attach.and_then(|name| self.helpers.find(name, tuple.family, tuple.protocol));
        } else if let Some(automatic) = self.helpers.automatic(&tuple) {
            helper = Some(automatic);
        }
        // A rule does not take away what the expectation gave.
        if helper.is_none()
            && let Some(assigned) = self.helpers.assigned(&tuple)
        {
            connection.status.insert(Status::HELPER);
            helper = Some(assigned);
        }
        let master = expectation.map(|expected| expected.master);
        if master.is_none() && helper.is_none() {
            return None;
        }
        let helper = helper.map(|helper| Attached::new(helper.clone()));
        Some(Box::new(Extension { master, helper, ..Extension::default() }))
    }

    /// Shows a packet to the helper of its connection, if that has one; tells whether the packet goes on.
    #[inline]
    pub(crate) fn help(&mut self, now: Instant, packet: Packet<'_>, tracked: &Tracked) -> Outcome {
        match tracked.attached {
            AttachedTo::Confirmed(place) if tracked.extended => self.help_confirmed(now, packet, tracked, place),
            _ => Outcome::Accept,
        }
    }

    #[cold]
    fn help_confirmed(&mut self, now: Instant, packet: Packet<'_>, tracked: &Tracked, place: u32) -> Outcome {
        let connection = &self.slab[place];
        let error = packet.info.transport == Transport::IcmpError;
        if error || connection.status.contains(Status::DYING) {
            return Outcome::Accept;
        }
        let Some(mut helper) = self.extensions.get_mut(&place).and_then(|extension| extension.helper.take()) else {
            return Outcome::Accept;
        };
        let tuples = [connection.original, connection.reply()];
        let payload = payload(now, packet, tracked.direction, &tuples, tracked.state, connection);
        let id = self.id(place);
        let (outcome, consequences) =
            helper.packet(&payload, id, tuples[0].zone, &mut self.expectations, &mut self.keymap);
        if let Some(extension) = self.extensions.get_mut(&place) {
            extension.helper = Some(helper);
        }
        if let Some(timeout) = consequences.timeout {
            self.set_timeout(now, place, timeout.into());
        }
        self.end_all(now, &consequences);
        outcome
    }

    /// The same for a connection that this packet begins. Where the packet does not go on the connection is not to be
    /// confirmed.
    #[inline]
    pub(crate) fn help_new(&mut self, now: Instant, packet: Packet<'_>, new: &mut Unconfirmed) -> Outcome {
        if new.extension.is_none() { Outcome::Accept } else { self.help_unconfirmed(now, packet, new) }
    }

    #[cold]
    fn help_unconfirmed(&mut self, now: Instant, packet: Packet<'_>, new: &mut Unconfirmed) -> Outcome {
        let Some(helper) = new.extension.as_mut().and_then(|extension| extension.helper.as_mut()) else {
            return Outcome::Accept;
        };
        let connection = &mut new.connection;
        let tuples = [connection.original, connection.reply()];
        let expected = connection.status.contains(Status::EXPECTED);
        let state = if expected { CtState::Related } else { CtState::New };
        let payload = payload(now, packet, Direction::Original, &tuples, state, connection);
        // The place that it will get: nothing comes in between.
        let (place, generation) = self.slab.next();
        let id = ConnectionId::new(place, generation);
        let (outcome, consequences) =
            helper.packet(&payload, id, tuples[0].zone, &mut self.expectations, &mut self.keymap);
        if let Some(timeout) = consequences.timeout {
            connection.timeout = Millis::from(timeout).0;
        }
        if outcome == Outcome::Drop
            && let Some(helper) = new.extension.take().and_then(|extension| extension.helper)
        {
            let zone = tuples[0].zone;
            let after = helper.end(now, &tuples, id, zone, &mut self.expectations, &mut self.keymap);
            self.end_all(now, &after);
        }
        self.end_all(now, &consequences);
        outcome
    }

    /// A connection with an extension ended: what it expected is expected no longer.
    #[cold]
    pub(super) fn end_extension(&mut self, end: End, extension: Extension) {
        let connection = &self.slab[end.place];
        let tuples = [connection.original, connection.reply()];
        if let (Some(master), protocol::GRE) = (extension.master, tuples[0].protocol) {
            self.keymap.remove_master(master);
        }
        if let Some(helper) = extension.helper {
            let zone = tuples[0].zone;
            let after = helper.end(end.at, &tuples, end.id, zone, &mut self.expectations, &mut self.keymap);
            self.end_all(end.at, &after);
        }
    }

    /// Ends the connections that a helper wants to end.
    fn end_all(&mut self, now: Instant, consequences: &Consequences) {
        for tuple in &consequences.end {
            let found = self.search(self.hash(tuple), tuple);
            match found.filter(|(place, _)| !self.slab[*place].status.contains(Status::DYING)) {
                Some((place, _)) => self.end(place, now, EndReason::Helper),
                None => {
                    self.expectations.remove(tuple, tuple.zone);
                }
            }
        }
    }

    /// The gateway itself resets a TCP connection.
    pub(crate) fn set_closing(&mut self, now: Instant, place: u32) {
        let Protocol::Tcp(tcp) = &mut self.slab[place].protocol else { return };
        if tcp.close() {
            self.changed = place;
            self.changes |= Changes::PROTOINFO;
            self.set_timeout(now, place, self.timeouts.tcp[TcpState::Close as usize]);
        }
    }

    fn set_timeout(&mut self, now: Instant, place: u32, timeout: Millis) {
        let connection = &mut self.slab[place];
        if !connection.status.contains(Status::FIXED_TIMEOUT) {
            connection.last = now;
            connection.timeout = timeout.0;
            self.refile(now, place);
        }
    }

    /// Gives a connection that begins the helper that a rule names, unless what expected it gave it one.
    pub(crate) fn assign(&mut self, new: &mut Unconfirmed, name: &str) {
        let tuple = new.connection.original;
        let Some(helper) = self.helpers.find(name, tuple.family, tuple.protocol) else { return };
        let extension = new.extension.get_or_insert_default();
        if extension.helper.is_none() {
            extension.helper = Some(Attached::new(helper.clone()));
            new.connection.status.insert(Status::HELPER);
        }
    }

    /// Lets a connection that begins tell of these events alone.
    pub(crate) fn choose_events(new: &mut Unconfirmed, events: Changes) {
        new.extension.get_or_insert_default().events = Some(events);
    }

    /// Gives a connection a helper, as a rule does for new ones; tells whether both were there.
    pub(crate) fn attach_helper(&mut self, id: ConnectionId, name: &str) -> Option<(u32, Changes)> {
        let connection = self.get(id).filter(|connection| !connection.status.contains(Status::DYING))?;
        let tuple = connection.original;
        let helper = Attached::new(self.helpers.find(name, tuple.family, tuple.protocol)?.clone());
        let place = id.place();
        self.extension_mut(place).helper = Some(helper);
        self.slab[place].status.insert(Status::HELPER);
        Some((place, Changes::HELPER))
    }
}

fn payload<'a>(
    now: Instant,
    packet: Packet<'a>,
    direction: Direction,
    tuples: &'a [Tuple; 2],
    state: CtState,
    connection: &Connection,
) -> Payload<'a> {
    let (sequence, header_len) = match &packet.info.transport {
        Transport::Tcp(header) => (header.sequence, usize::from(header.header_len)),
        _ => (0, 8),
    };
    Payload {
        now,
        direction,
        tuples,
        state,
        expected: connection.status.contains(Status::EXPECTED),
        sequence,
        bytes: packet.transport_bytes().get(header_len..).unwrap_or_default(),
        wire_len: packet.transport_len().saturating_sub(header_len as u32),
    }
}
