use std::collections::BTreeMap;

use thiserror::Error;

use super::group::Groups;
use super::host::{Class, Host, NOBODY, Side};
use super::limit::{Limits, Reached, Refusal};
use super::links::{END, Links};
use super::mac::Station;
use super::metering::Turns;
use super::period::UtcOffset;
use super::quota::{MarkReached, Meter, Quota};
use super::rates::Traffic;
use super::roster::Roster;
use crate::conntrack::{Cookie, Direction};
use crate::packet::{Address, Family};
use crate::table::{Hash, HashKey, Hasher, Index, Line, Slab, prefetch};
use crate::time::{Duration, Instant, Promptness, Wheel};

/// How hosts are kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// Hosts that the table may hold: `net.tctable.host_max`.
    pub max: u32,
    /// Connections that a host may have opened at a time: `net.tctable.host_connections_max`; 0 is no limit. What others
    /// open to it does not count, so that nobody can use up what is another's.
    pub max_connections: u32,
    /// New connections that a host may open a second: `net.tctable.host_new_connections_max`, as
    /// [`Limits::new_connections`]; 0 is no limit.
    pub max_new_connections: u32,
    /// How long a host is kept without traffic and without connections: `net.tctable.host_timeout`.
    pub timeout: Duration,
    /// What each host may send and receive in a period. What a host used is remembered to the period's end, also when the
    /// host goes before that, for as many of those as there may be hosts.
    pub quota: Option<Quota>,
    /// Hosts that count as one.
    pub groups: Groups,
    /// Where local midnight lies, at which periods begin.
    pub utc_offset: UtcOffset,
    /// Whether rates are kept ([`Host::rates`]), at 800 bytes for each host: `net.tctable.host_rates`.
    pub rates: bool,
    /// Whether each host knows its connections ([`crate::Gateway::host_connections`]), at eight bytes for each connection:
    /// `net.tctable.host_links`.
    pub links: bool,
}

impl Default for Config {
    /// 1,048,576 hosts with any number of connections, 15 minutes, nothing else.
    fn default() -> Self {
        Config {
            max: 1 << 20,
            max_connections: 0,
            max_new_connections: 0,
            timeout: Duration::from_secs(900),
            quota: None,
            groups: Groups::default(),
            utc_offset: UtcOffset::default(),
            rates: false,
            links: false,
        }
    }
}

impl Config {
    /// What each host may open.
    fn limits(&self) -> Limits {
        Limits { connections: self.max_connections, new_connections: self.max_new_connections }
    }
}

/// The table holds `max` hosts, or too many whose hashes are alike: the packet is not counted for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("host table full")]
pub struct HostTableFull;

/// The host that a connection belongs to, as it is kept on the connection: a packet of the connection finds its host, and
/// which of its ends are inside, without a look-up.
///
/// The link never dangles: a host with open connections does not expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The host's place in its table.
    pub(crate) place: u32,
    /// The connection's id within its host.
    pub(crate) id: u64,
    pub(crate) ends: Ends,
}

/// Which ends of a connection are inside, as they were at its first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) source: bool,
    pub(crate) destination: bool,
    /// The host that the connection belongs to is its destination.
    pub(crate) responder: bool,
}

impl Ends {
    /// The side of the connection's host, as a packet of that direction sees it, where only that end is inside.
    #[inline(always)]
    pub(crate) fn only_side(self, direction: Direction) -> Option<Side> {
        let bits = usize::from(self.source) | usize::from(self.destination) << 1 | usize::from(self.responder) << 2;
        match (bits, direction) {
            (0b001, Direction::Original) | (0b110, Direction::Reply) => Some(Side::Tx),
            (0b001, Direction::Reply) | (0b110, Direction::Original) => Some(Side::Rx),
            _ => None,
        }
    }
}

impl Owner {
    /// At a million new connections a second on one host, ids last for more than a year; at ten thousand, a century.
    pub(super) const MAX_ID: u64 = (1 << 45) - 1;

    pub(crate) fn to_cookie(self) -> Cookie {
        let place = self.place + 1;
        let Ends { source, destination, responder } = self.ends;
        let bits = u64::from(source) | u64::from(destination) << 1 | u64::from(responder) << 2;
        let word = (self.id & Self::MAX_ID) << 3 | bits;
        Cookie([place as u16, (place >> 16) as u16, word as u16, (word >> 16) as u16, (word >> 32) as u16])
    }

    #[inline(always)]
    pub(crate) fn from_cookie(Cookie(half): Cookie) -> Option<Owner> {
        let place = u32::from(half[0]) | u32::from(half[1]) << 16;
        let word = u64::from(half[2]) | u64::from(half[3]) << 16 | u64::from(half[4]) << 32;
        let ends = Ends { source: word & 1 != 0, destination: word & 2 != 0, responder: word & 4 != 0 };
        Some(Owner { place: place.checked_sub(1)?, id: word >> 3, ends })
    }
}

/// The hosts of one shard.
#[derive(Debug)]
pub struct Hosts {
    pub(super) config: Config,
    hasher: Hasher,
    index: Index,
    pub(super) slab: Slab<Host>,
    wheel: Wheel,
    /// Ids of hosts that are gone are not given again, so that (address, id) names one connection for ever: a new host
    /// begins after the highest of them.
    pub(super) first_id: u64,
    /// Hosts that were deleted, whose places wait for their timers.
    buried: usize,
    pub(super) roster: Roster,
    /// Whether connections that begin have to be looked at: somebody is limited.
    limited: bool,
    /// Whether somebody wants to know of connections that begin and end.
    attentive: bool,
    pub(super) turns: Turns,
    /// What hosts that are gone used of their quota in the present period.
    pub(super) remembered: BTreeMap<(Family, Address), Meter>,
    pub(super) forgotten: u64,
    pub(super) marks_reached: Vec<MarkReached>,
    links: Links,
}

impl Hosts {
    pub(crate) fn new(config: Config, key: HashKey) -> Self {
        Hosts::with(config, Hasher::new(key))
    }

    fn with(config: Config, hasher: Hasher) -> Self {
        let roster = Roster::new(config.groups.clone(), Instant::ZERO, config.utc_offset);
        let mut hosts = Hosts {
            limited: false,
            attentive: false,
            config,
            hasher,
            index: Index::new(),
            slab: Slab::new(),
            wheel: Wheel::new(),
            first_id: 1,
            buried: 0,
            roster,
            turns: Turns::UNKNOWN,
            remembered: BTreeMap::new(),
            forgotten: 0,
            marks_reached: Vec::new(),
            links: Links::new(),
        };
        hosts.set_attention();
        hosts
    }

    /// Finds out what has to be looked at.
    fn set_attention(&mut self) {
        self.limited = self.config.limits().is_any() || self.roster.has_limits();
        self.attentive = self.limited || self.config.links || !self.roster.is_empty();
    }

    /// Changes how hosts are kept, from now on. Where links are switched on, [`Hosts::link`] is to be called for each
    /// connection.
    pub(crate) fn set_config(&mut self, now: Instant, config: Config) {
        let is_shorter = config.timeout < self.config.timeout;
        let same_groups = config.groups.is(&self.roster.groups);
        let same_billing = config.quota == self.config.quota
            && config.utc_offset == self.config.utc_offset
            && config.rates == self.config.rates;
        let no_links = !config.links && self.config.links;
        if !(same_groups && same_billing) {
            self.rebill(now, config);
        } else {
            self.config = config;
        }
        self.set_attention();
        if no_links {
            self.links = Links::new();
            self.places().for_each(|place| self.slab[place].newest = END);
        }
        if is_shorter {
            // The wheel would look at each host when its old time is over.
            self.wheel = Wheel::new();
            // It is empty, and only told the time.
            self.wheel.poll(now, Promptness::Tick);
            for (place, host) in self.slab.iter() {
                self.wheel.insert(place, host.expires(self.config.timeout));
            }
        }
    }

    /// The same where other quotas, groups or rates are wanted: with no allowance that was given under the old ones.
    fn rebill(&mut self, now: Instant, config: Config) {
        self.places().for_each(|place| self.charge_all(place));
        let before = std::mem::replace(&mut self.config, config);
        let groups = self.config.groups.clone();
        if !groups.is(&self.roster.groups) {
            self.regroup(now, groups);
        }
        let period = |quota: Option<Quota>| quota.map(|quota| quota.period);
        let other_period = period(before.quota) != period(self.config.quota);
        if other_period {
            self.remembered.clear();
        }
        for place in self.places() {
            if let Some(metering) = self.slab[place].metering.as_mut().filter(|_| other_period) {
                metering.meter = None;
            }
            if !self.config.rates {
                self.slab[place].past = None;
            }
            self.meter(now, place);
        }
        self.turns = Turns::UNKNOWN;
        self.turn(now);
    }

    /// The hosts that are there with their places.
    pub(super) fn there(&self) -> impl Iterator<Item = (u32, &Host)> {
        self.slab.iter().filter(|(_, host)| !host.gone)
    }

    /// The places of the hosts that are there.
    pub(super) fn places(&self) -> std::vec::IntoIter<u32> {
        self.there().map(|(place, _)| place).collect::<Vec<u32>>().into_iter()
    }

    /// The same without hosts, and without anything that was counted.
    pub(super) fn emptied(&self, now: Instant) -> Hosts {
        let mut hosts = Hosts::with(self.config.clone(), self.hasher.clone());
        // It is empty, and only told the time.
        hosts.wheel.poll(now, Promptness::Tick);
        hosts.first_id = self.first_id.max(self.iter().map(Host::next_id).max().unwrap_or(1));
        hosts.forgotten = self.forgotten;
        hosts.turn(now);
        hosts
    }

    /// Hosts in the table.
    pub fn len(&self) -> usize {
        self.slab.len() - self.buried
    }

    /// Whether the table is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How hosts are kept.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The hosts, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Host> {
        self.there().map(|(_, host)| host)
    }

    pub(crate) fn find(&self, family: Family, address: Address) -> Option<u32> {
        self.index.find(self.hasher.host(family, address), |place| {
            let host = &self.slab[place];
            host.address == address && host.family == family
        })
    }

    /// The hash of a host's address.
    #[inline]
    pub(crate) fn hash(&self, family: Family, address: Address) -> Hash {
        self.hasher.host(family, address)
    }

    /// Looks ahead as [`crate::conntrack::Conntrack`] does for connections: asks for the index's cache line, which guesses
    /// at a host's place.
    #[inline(always)]
    pub(crate) fn prefetch_index(&self, hash: Hash) -> Line<'_> {
        self.index.prefetch(hash)
    }

    /// Whether a host is at a guessed place. Takes note of its Ethernet address, as [`Hosts::enter`] does.
    #[inline(always)]
    pub(crate) fn meets(
        &mut self,
        now: Instant,
        place: u32,
        family: Family,
        address: Address,
        station: Station,
    ) -> bool {
        let host = &self.slab[place];
        let is = host.address == address && host.family == family && !host.gone;
        if is && host.station != station {
            self.change_station(now, place, station);
        }
        is
    }

    /// Asks for the cache line of a host that will be found.
    #[inline]
    pub(crate) fn prefetch(&self, place: u32) {
        prefetch(&self.slab[place].address);
    }

    /// Asks for the cache line that a packet of that class will be counted in.
    #[inline]
    pub(crate) fn prefetch_class(&self, place: u32, class: Class) {
        prefetch(&self.slab[place].classes[class as usize]);
    }

    /// Finds a host or enters it, with its Ethernet address where that is told.
    #[inline]
    pub(crate) fn enter(
        &mut self,
        now: Instant,
        family: Family,
        address: Address,
        station: Station,
    ) -> Result<u32, HostTableFull> {
        match self.find(family, address) {
            Some(place) => {
                if self.slab[place].station != station {
                    self.change_station(now, place, station);
                }
                Ok(place)
            }
            None => self.enter_new(now, family, address, station),
        }
    }

    #[inline(never)]
    fn enter_new(
        &mut self,
        now: Instant,
        family: Family,
        address: Address,
        station: Station,
    ) -> Result<u32, HostTableFull> {
        if self.len() >= self.config.max as usize {
            return Err(HostTableFull);
        }
        let host = Host { station: station.checked(), ..Host::new(now, family, address, self.first_id) };
        let place = self.put(&host)?;
        if let Some(number) = self.roster.groups.decide(family, address, host.mac()) {
            self.join(place, number);
        }
        self.meter(now, place);
        Ok(place)
    }

    /// Puts a host in and files its timer.
    pub(super) fn put(&mut self, host: &Host) -> Result<u32, HostTableFull> {
        let place = self.slab.insert(host).ok_or(HostTableFull)?;
        if self.index.insert(self.hasher.host(host.family, host.address), place).is_err() {
            self.slab.remove(place);
            return Err(HostTableFull);
        }
        self.wheel.insert(place, host.expires(self.config.timeout));
        Ok(place)
    }

    /// Takes note of a host's Ethernet address, if it is told and a station can have it.
    #[inline(never)]
    fn change_station(&mut self, now: Instant, place: u32, station: Station) {
        let Some(mac) = station.address() else { return };
        let host = &mut self.slab[place];
        host.station = station;
        let (family, address, group) = (host.family, host.address, host.group);
        let number = self.roster.groups.decide(family, address, Some(mac));
        if number.unwrap_or(NOBODY) != group {
            self.charge_all(place);
            self.move_to(place, number);
            self.meter(now, place);
        }
    }

    /// Counts a packet of `bytes` for a host, if that may be done with no more ado; tells whether it was.
    #[inline(always)]
    pub(crate) fn count_straight(&mut self, now: Instant, place: u32, class: Class, side: Side, bytes: u32) -> bool {
        let boundary = self.turns.boundary;
        let entry = &mut self.slab[place].classes[class as usize];
        let Some(left) = entry.allowance.checked_sub(bytes).filter(|_| entry.last >= boundary) else { return false };
        entry.allowance = left;
        entry.counters[side as usize].count(bytes);
        entry.last = now;
        true
    }

    /// Counts a packet of `bytes` for a host, when [`Hosts::reserve`] said that it may.
    pub(crate) fn count(&mut self, now: Instant, place: u32, class: Class, side: Side, bytes: u32) {
        let entry = &mut self.slab[place].classes[class as usize];
        entry.counters[side as usize].count(bytes);
        entry.allowance = entry.allowance.saturating_sub(bytes);
        entry.last = now;
    }

    /// Whether a host was seen to send from an inside device.
    pub(crate) fn known_by_device(&self, family: Family, address: Address) -> bool {
        self.find(family, address).is_some_and(|place| self.slab[place].by_device)
    }

    pub(crate) fn set_known_by_device(&mut self, place: u32) {
        self.slab[place].by_device = true;
    }

    /// Gives a new connection to a host.
    #[inline(always)]
    pub(crate) fn open(&mut self, now: Instant, place: u32, class: Class, ends: Ends) -> Owner {
        let host = &mut self.slab[place];
        let id = host.next_id;
        let entry = &mut host.classes[class as usize];
        entry.open += 1;
        entry.unassured += 1;
        entry.initiated += u32::from(!ends.responder);
        host.next_id += 1;
        if self.attentive && !ends.responder {
            self.count_opened(now, place);
        }
        Owner { place, id, ends }
    }

    /// Counts a connection that a host opened, for those who limit it.
    #[inline(never)]
    fn count_opened(&mut self, now: Instant, place: u32) {
        let host = &mut self.slab[place];
        host.pace.take(now, self.config.max_new_connections);
        let group = host.group;
        self.roster.change(group, |state| {
            state.initiated += 1;
            state.pace.take(now, state.limits.new_connections);
        });
    }

    /// A connection that a host opened is no more.
    fn count_closed(&mut self, owner: Owner) {
        if !owner.ends.responder {
            let group = self.slab[owner.place].group;
            self.roster.change(group, |state| state.initiated -= 1);
        }
    }

    /// Takes back the host's latest [`Hosts::open`]: the connection did not come about. The token that it took of a limit on
    /// new connections is used up.
    pub(crate) fn forget(&mut self, owner: Owner, class: Class) {
        let host = &mut self.slab[owner.place];
        let entry = &mut host.classes[class as usize];
        entry.open -= 1;
        entry.unassured -= 1;
        entry.initiated -= u32::from(!owner.ends.responder);
        host.next_id = owner.id;
        self.count_closed(owner);
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
        self.count_closed(owner);
        if self.config.links {
            self.links.remove(&mut self.slab[owner.place].newest, connection);
        }
    }

    /// Links a host with a connection of its own, by the connection's place, if links are kept.
    #[inline(always)]
    pub(crate) fn link(&mut self, owner: Owner, connection: u32) {
        if self.attentive {
            self.note_link(owner, connection);
        }
    }

    #[inline(never)]
    fn note_link(&mut self, owner: Owner, connection: u32) {
        if self.config.links {
            self.links.push(&mut self.slab[owner.place].newest, connection);
        }
    }

    /// The places of a host's connections, the newest first; `None` where links are not kept.
    pub(crate) fn linked(&self, place: u32) -> Option<impl Iterator<Item = u32>> {
        self.config.links.then(|| self.links.iter(self.slab[place].newest))
    }

    /// The host that a connection belongs to.
    pub(crate) fn get(&self, owner: Owner) -> &Host {
        &self.slab[owner.place]
    }

    pub(crate) fn at(&self, place: u32) -> &Host {
        &self.slab[place]
    }

    /// Expires hosts whose time is over; `expired` sees each.
    pub(crate) fn expire(&mut self, now: Instant, promptness: Promptness, mut expired: impl FnMut(&Host)) {
        while let Some(due) = self.wheel.poll(now, promptness) {
            for place in due {
                let host = &mut self.slab[place];
                if host.gone {
                    self.buried -= 1;
                    self.slab.remove(place);
                    continue;
                }
                let in_use = host.open_connections() != 0;
                if in_use && host.expires(self.config.timeout) <= now {
                    host.armed = now;
                }
                let expires = host.expires(self.config.timeout);
                // In use comes first: with a timeout of zero it would be over all the same.
                if in_use || expires > now {
                    self.wheel.insert(place, expires);
                    continue;
                }
                expired(&self.slab[place]);
                self.depart(place);
                self.slab.remove(place);
            }
        }
    }

    /// Takes a host out of the table; its place is still to be freed.
    fn depart(&mut self, place: u32) {
        self.charge_all(place);
        self.remember(place);
        self.leave(place);
        let host = &mut self.slab[place];
        (host.gone, host.past, host.base) = (true, None, None);
        self.first_id = self.first_id.max(host.next_id);
        let hash = self.hasher.host(host.family, host.address);
        self.index.remove(hash, place);
    }

    /// Takes a host without connections out of the table. What it used of its quota is remembered.
    pub(crate) fn delete(&mut self, place: u32) -> Host {
        let host = self.slab[place].clone();
        self.depart(place);
        // Its timer still knows the place.
        self.buried += 1;
        host
    }

    /// A host as it stands; it counts from zero again. What it counted so far stays with its group and its quota.
    pub(crate) fn zero(&mut self, place: u32) -> Host {
        let before = self.slab[place].clone();
        self.charge_all(place);
        let group = before.group;
        if group != NOBODY {
            self.leave(place);
        }
        let host = &mut self.slab[place];
        for entry in &mut host.classes {
            entry.counters = Default::default();
        }
        if let Some(metering) = &mut host.metering {
            metering.charged = Default::default();
        }
        if let Some(past) = &mut host.past {
            past.rebase(Traffic { connections: 0, ..before.traffic() });
        }
        if group != NOBODY {
            self.join(place, group);
        }
        before
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.wheel.next_timeout()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_owner_comes_back_from_its_cookie(
            place in 0..u32::MAX,
            id in 0u64..=Owner::MAX_ID,
            source: bool,
            destination: bool,
            responder: bool,
        ) {
            let owner = Owner { place, id, ends: Ends { source, destination, responder } };
            prop_assert_eq!(Owner::from_cookie(owner.to_cookie()), Some(owner));
        }
    }

    #[test]
    fn an_empty_cookie_has_no_owner() {
        assert_eq!(Owner::from_cookie(Cookie::default()), None);
    }
}
