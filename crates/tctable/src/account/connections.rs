//! What hosts are told of their connections, and what they may open.

use super::host::Class;
use super::limit::{Reached, Refusal};
use super::mac::Station;
use super::owner::{Ends, Owner};
use super::table::Hosts;
use crate::packet::{Address, Family};
use crate::time::Instant;

impl Hosts {
    /// Gives a new connection to a host, for a start: [`Hosts::confirm`] or [`Hosts::forget`] is to follow.
    #[inline(always)]
    pub(crate) fn open(&mut self, place: u32, class: Class, ends: Ends) -> Owner {
        let host = &mut self.slab[place];
        let id = host.next_id;
        let entry = &mut host.classes[class as usize];
        entry.open += 1;
        entry.unassured += 1;
        entry.initiated += u32::from(!ends.responder);
        // The last one is given again and again, so that it still fits where it is kept.
        host.next_id = (id + 1).min(Owner::MAX_ID);
        Owner { place, id, ends }
    }

    /// The host's latest [`Hosts::open`] came about, at a place in the connection table.
    #[inline(always)]
    pub(crate) fn confirm(&mut self, now: Instant, owner: Owner, connection: u32) {
        if self.attentive {
            self.note_beginning(now, owner, connection);
        }
    }

    #[inline(never)]
    fn note_beginning(&mut self, now: Instant, owner: Owner, connection: u32) {
        self.link(owner, connection);
        if self.limited && !owner.ends.responder {
            let host = &mut self.slab[owner.place];
            host.pace.take(now, self.config.max_new_connections);
            let group = host.group;
            self.roster.change(group, |state| {
                state.initiated += 1;
                state.pace.take(now, state.limits.new_connections);
            });
        }
    }

    /// Takes back the host's latest [`Hosts::open`]: the connection did not come about.
    pub(crate) fn forget(&mut self, owner: Owner, class: Class) {
        let host = &mut self.slab[owner.place];
        let entry = &mut host.classes[class as usize];
        entry.open -= 1;
        entry.unassured -= 1;
        entry.initiated -= u32::from(!owner.ends.responder);
        host.next_id = owner.id;
    }

    /// The host that a connection of another table belonged to, with a number that new ones do not get. One that is not there is
    /// entered, if there is room for it; it has opened no more connections than before.
    pub(crate) fn enter_known(&mut self, now: Instant, family: Family, address: Address, id: u64) -> Option<u32> {
        let place = match self.find(family, address) {
            Some(place) => place,
            None => self.enter(now, family, address, Station::UNKNOWN).ok()?,
        };
        let host = &mut self.slab[place];
        let ahead = (id + 1).min(Owner::MAX_ID).saturating_sub(host.next_id);
        host.first_id += ahead;
        host.next_id += ahead;
        Some(place)
    }

    /// Gives a host a connection of another table, which is at a place in this one from now on.
    pub(crate) fn adopt(&mut self, owner: Owner, class: Class, assured: bool, connection: u32) {
        let entry = &mut self.slab[owner.place].classes[class as usize];
        entry.open += 1;
        entry.unassured += u32::from(!assured);
        entry.initiated += u32::from(!owner.ends.responder);
        self.link(owner, connection);
        if self.limited && !owner.ends.responder {
            let group = self.slab[owner.place].group;
            self.roster.change(group, |state| state.initiated += 1);
        }
    }

    /// A connection of a host became assured.
    pub(crate) fn assure(&mut self, owner: Owner, class: Class) {
        self.slab[owner.place].classes[class as usize].unassured -= 1;
    }

    /// What stands in the way of a connection that somebody is about to open.
    #[inline(always)]
    pub(crate) fn refusal(
        &self,
        now: Instant,
        family: Family,
        address: Address,
        station: impl FnOnce() -> Station,
    ) -> Option<Refusal> {
        if self.limited { self.look_for_refusal(now, family, address, station) } else { None }
    }

    #[inline(never)]
    fn look_for_refusal(
        &self,
        now: Instant,
        family: Family,
        address: Address,
        station: impl FnOnce() -> Station,
    ) -> Option<Refusal> {
        let host = self.find(family, address).map(|place| &self.slab[place]);
        let reached = host.and_then(|host| self.config.limits().reached(now, host.initiated_connections(), host.pace));
        if let Some(reached) = reached {
            return Some(match reached {
                Reached::Connections => Refusal::HostConnections,
                Reached::NewConnections => Refusal::HostNewConnections,
            });
        }
        let group = match host {
            Some(host) => host.group,
            None => self.roster.groups.decide(family, address, station().address())?,
        };
        let mut states = self.roster.chain(group).filter_map(|number| self.roster.get(number));
        states.find_map(|state| state.limits.reached(now, state.initiated, state.pace)).map(|reached| match reached {
            Reached::Connections => Refusal::GroupConnections,
            Reached::NewConnections => Refusal::GroupNewConnections,
        })
    }

    /// Ends a connection of a host, which was at a place in the connection table: from then on the host may expire.
    pub(crate) fn close(&mut self, owner: Owner, class: Class, assured: bool, at: Instant, connection: u32) {
        let entry = &mut self.slab[owner.place].classes[class as usize];
        entry.open -= 1;
        entry.unassured -= u32::from(!assured);
        entry.initiated -= u32::from(!owner.ends.responder);
        entry.ended = entry.ended.max(at);
        if self.attentive {
            self.note_end(owner, connection);
        }
    }

    #[inline(never)]
    fn note_end(&mut self, owner: Owner, connection: u32) {
        if self.limited && !owner.ends.responder {
            let group = self.slab[owner.place].group;
            self.roster.change(group, |state| state.initiated -= 1);
        }
        if self.config.links {
            self.links.remove(&mut self.slab[owner.place].newest, connection);
        }
    }

    /// Links a host with a connection of its own, by the connection's place, if links are kept.
    pub(crate) fn link(&mut self, owner: Owner, connection: u32) {
        if self.config.links {
            self.links.push(&mut self.slab[owner.place].newest, connection);
        }
    }

    /// The places of a host's connections, the newest first; `None` where links are not kept.
    pub(crate) fn linked(&self, place: u32) -> Option<impl Iterator<Item = u32>> {
        self.config.links.then(|| self.links.iter(self.slab[place].newest))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::HashKey;

    #[test]
    fn ids_that_are_used_up_stay_within_their_range() {
        let now = Instant::from_secs(1);
        let hosts = || Hosts::new(crate::account::Config::default(), HashKey::default());
        let mut full = hosts();
        full.first_id = Owner::MAX_ID - 1;
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        let place = full.enter(now, Family::V4, Address::from(address), Station::UNKNOWN).expect("room");
        let ends = Ends { source: true, destination: false, responder: false };
        for id in [Owner::MAX_ID - 1, Owner::MAX_ID, Owner::MAX_ID] {
            let owner = full.open(place, Class::Udp, ends);
            assert_eq!((owner.id, Owner::from_cookie(owner.to_cookie())), (id, Some(owner)));
        }
        assert_eq!(hosts().restore(now, &full.snapshot(now)), Ok(now));
    }
}
