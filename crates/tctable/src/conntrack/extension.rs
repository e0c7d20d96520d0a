//! What few connections have: kept beside the table, so that the others need no room for it.

use super::changes::Changes;
use super::connection::Connection;
use super::helper::Attached;
use super::status::Status;
use super::table::{ConnectionId, Conntrack};
use crate::packet::Family;

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Extension {
    /// One bit for each label.
    pub(super) labels: u128,
    /// The connection that expected this one.
    pub(super) master: Option<ConnectionId>,
    /// The helper that listens to it.
    pub(super) helper: Option<Attached>,
    /// The events that are told of it, where a rule chose them (`CT --ctevents`).
    pub(super) events: Option<Changes>,
}

impl Conntrack {
    /// The extension of the connection at a place, if it has one.
    pub(super) fn extension(&self, place: u32) -> Option<&Extension> {
        let extended = self.slab[place].status.is_extended();
        if extended { self.extensions.get(&place) } else { None }
    }

    /// The same, made where there was none.
    pub(super) fn extension_mut(&mut self, place: u32) -> &mut Extension {
        self.slab[place].status.set_extended();
        self.extensions.entry(place).or_default()
    }

    fn live(&self, id: ConnectionId) -> Option<u32> {
        self.get(id).filter(|connection| !connection.status.contains(Status::DYING))?;
        Some(id.place())
    }

    /// The labels of a connection, one bit for each (`ct label`); none at first.
    pub fn labels(&self, id: ConnectionId) -> u128 {
        let extension = self.live(id).and_then(|place| self.extension(place));
        extension.map_or(0, |extension| extension.labels)
    }

    /// The connection that expected this one, as long as that is in the table.
    pub fn master(&self, id: ConnectionId) -> Option<&Connection> {
        let master = self.live(id).and_then(|place| self.extension(place))?.master?;
        self.get(master)
    }

    /// What of these changes is told of the connection at a place.
    pub(crate) fn told(&self, place: u32, changes: Changes) -> Changes {
        let chosen = self.extension(place).and_then(|extension| extension.events);
        chosen.map_or(changes, |chosen| changes.and(chosen))
    }

    /// The name of the helper that listens to a connection.
    pub fn helper(&self, id: ConnectionId) -> Option<&'static str> {
        let extension = self.live(id).and_then(|place| self.extension(place))?;
        extension.helper.as_ref().map(|attached| attached.helper().name())
    }

    /// The name of a helper as the helper itself has it, if there is one of that name for that version of IP and that
    /// transport protocol.
    pub(crate) fn helper_name(&self, name: &str, family: Family, protocol: u8) -> Option<&'static str> {
        self.helpers.find(name, family, protocol).map(|helper| helper.name())
    }

    /// Sets a connection's mark; gives its place and what changed.
    pub(crate) fn set_mark(&mut self, id: ConnectionId, mark: u32) -> Option<(u32, Changes)> {
        let place = self.live(id)?;
        let before = std::mem::replace(&mut self.slab[place].mark, mark);
        Some((place, if before == mark { Changes::NONE } else { Changes::MARK }))
    }

    /// Sets the mark of the connection at a place, also of one that ended with the packet that is on its road.
    pub(crate) fn set_mark_at(&mut self, place: u32, mark: u32) {
        self.slab[place].mark = mark;
    }

    /// Sets a connection's labels; gives its place and what changed.
    pub(crate) fn set_labels(&mut self, id: ConnectionId, labels: u128) -> Option<(u32, Changes)> {
        let place = self.live(id)?;
        let before = std::mem::replace(&mut self.extension_mut(place).labels, labels);
        Some((place, if before == labels { Changes::NONE } else { Changes::LABEL }))
    }
}
