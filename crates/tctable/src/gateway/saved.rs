//! Connections over a restart.

use std::collections::BTreeMap;

use super::engine::Gateway;
use crate::account::{Class, Ends, Owner};
use crate::conntrack::{ConnectionId, Cookie, SavedConnection, SavedConnections, SavedOwner};

/// What became of connections that were saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Those that go on.
    pub connections: u64,
    /// Those that do not: there is no room ([`crate::conntrack::Config::max`]), or a connection with its tuple is there.
    pub left_out: u64,
}

impl Gateway {
    /// Connections as bytes, for keeping: those at so many places of the table from `from` on (0 at first), and where the next
    /// page begins, `None` behind the last. Pages stand behind each other where they are kept, see
    /// [`SavedConnections::read`]. What passes between two pages may be missing: it is for a gateway that takes no more frames.
    ///
    /// A page has all that the next packet of its connections is judged by: tuples, zone, status, the protocol's state, timeout,
    /// counters, mark, labels, times, helper and what that remembers, master, host and id there; the last one has what is
    /// expected.
    pub fn save_connections(&self, from: u32, places: usize) -> (Vec<u8>, Option<u32>) {
        self.conntrack.saved_page(self.now, from, places, |cookie| self.saved_owner(cookie))
    }

    fn saved_owner(&self, cookie: Cookie) -> Option<SavedOwner> {
        let owner = Owner::from_cookie(cookie)?;
        let (family, address) = self.hosts.at(owner.place).key();
        Some(SavedOwner { family, address, id: owner.id, ends: owner.ends.bits() })
    }

    /// Takes saved connections in, as after a restart: after [`Gateway::restore_hosts`], so that they find their hosts. Time
    /// moves on to when they were saved, if that is later. Nobody is told of them; [`super::Totals`] stay.
    ///
    /// One whose time is over since ends at the next look at the timers, as it would have ended. Where there is not room for all,
    /// those that are assured come first. A connection has another [`ConnectionId`] than before, and the same host and id.
    /// What its helper remembers is lost where there is no such helper now, and so is what was expected by it.
    pub fn restore_connections(&mut self, saved: SavedConnections) -> Restored {
        self.now = self.now.max(saved.taken_at);
        let masters = saved.masters();
        let SavedConnections { mut connections, expectations, keys, .. } = saved;
        // A host's connections are linked in the order in which they began, and that is the order of their ids.
        connections.sort_by_key(|saved| saved.owner.map(|owner| owner.id));
        let mut restored = Restored::default();
        let mut surplus = self.surplus(connections.len());
        let mut places: BTreeMap<_, ConnectionId> = BTreeMap::new();
        let mut taken = Vec::new();
        for saved in connections {
            if surplus > 0 && !saved.is_assured() {
                surplus -= 1;
                restored.left_out += 1;
                continue;
            }
            let Some(id) = self.adopt(&saved) else {
                restored.left_out += 1;
                continue;
            };
            restored.connections += 1;
            if masters.contains(&saved.name) {
                places.insert(saved.name, id);
            }
            if let Some(master) = saved.master() {
                taken.push((id, master));
            }
        }
        for (id, master) in taken {
            if let Some(master) = places.get(&master) {
                self.conntrack.set_master(id, *master);
            }
        }
        for saved in expectations {
            if let Some(master) = places.get(&saved.master) {
                self.conntrack.adopt_expectation(self.now, saved, *master);
            }
        }
        // Who wants to know of new ones knows of these.
        self.conntrack.take_expectation_changes();
        for saved in &keys {
            if let Some(master) = places.get(&saved.master) {
                self.conntrack.adopt_key(saved, *master);
            }
        }
        self.look_at_timers();
        restored
    }

    /// How many of so many connections there is no room for.
    fn surplus(&self, connections: usize) -> usize {
        match self.conntrack.config().max {
            0 => 0,
            max => (self.conntrack.count() + connections).saturating_sub(max as usize),
        }
    }

    fn adopt(&mut self, saved: &SavedConnection) -> Option<ConnectionId> {
        let Gateway { conntrack, hosts, now, .. } = self;
        let mut owner = None;
        let id = conntrack.adopt(*now, saved, || {
            // A host that is not there comes again, if there is room for it; else the connection is nobody's.
            owner = saved.owner.filter(|owner| owner.id <= Owner::MAX_ID).and_then(|owner| {
                let place = hosts.enter_known(*now, owner.family, owner.address, owner.id)?;
                Some(Owner { place, id: owner.id, ends: Ends::from_bits(owner.ends) })
            });
            owner.map_or(Cookie::NONE, Owner::to_cookie)
        });
        let id = id.ok()?;
        if let Some(owner) = owner {
            hosts.adopt(owner, Class::of(saved.protocol()), saved.is_assured(), id.place());
        }
        Some(id)
    }
}
