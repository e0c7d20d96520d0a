use std::collections::BTreeMap;

use thiserror::Error;

use super::config::Config;
use super::host::{Class, Host, NOBODY, Side};
use super::links::{END, Links};
use super::mac::Station;
use super::metering::Turns;
use super::owner::Owner;
use super::quota::{MarkReached, Meter, Quota};
use super::rates::Traffic;
use super::roster::Roster;
use super::snapshot::Journal;
use crate::packet::{Address, Family};
use crate::table::{Hash, HashKey, Hasher, Index, Line, Slab, prefetch};
use crate::time::{Instant, Promptness, Wheel};

/// The table holds `max` hosts, or too many whose hashes are alike: the packet is not counted for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("host table full")]
pub struct HostTableFull;

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
    pub(super) limited: bool,
    /// Whether somebody wants to know of connections that begin and end.
    pub(super) attentive: bool,
    pub(super) turns: Turns,
    /// What hosts that are gone used of their quota in the present period.
    pub(super) remembered: BTreeMap<(Family, Address), Meter>,
    pub(super) forgotten: u64,
    pub(super) marks_reached: Vec<MarkReached>,
    pub(super) links: Links,
    /// Where somebody keeps a copy of the table.
    pub(super) journal: Option<Box<Journal>>,
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
            journal: None,
        };
        hosts.set_attention();
        hosts
    }

    /// Finds out what has to be looked at.
    fn set_attention(&mut self) {
        let was_limited =
            std::mem::replace(&mut self.limited, self.config.limits().is_any() || self.roster.has_limits());
        if self.limited && !was_limited {
            self.count_initiated();
        }
        self.attentive = self.limited || self.config.links;
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
            self.note_regrouped();
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

    /// A part of the same: the hosts at so many places from `from` on, and where the next part begins. One that is in the
    /// table all the time, while part after part is read, is in one of them.
    pub fn page(&self, from: u32, places: usize) -> (impl Iterator<Item = &Host>, Option<u32>) {
        let page = self.slab.page(from, places).map(|(_, host)| host).filter(|host| !host.gone);
        (page, self.slab.next_page(from, places))
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
            self.note_touched(place);
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
        self.note_gone(place);
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
        self.note_touched(place);
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
