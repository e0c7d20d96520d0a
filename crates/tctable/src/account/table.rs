use thiserror::Error;

use super::host::{Class, Host, Side};
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
    /// How long a host is kept without traffic and without connections: `tc_counter_timeout`.
    pub timeout: Duration,
}

impl Default for Config {
    /// 1,048,576 hosts with any number of connections, 15 minutes.
    fn default() -> Self {
        Config { max: 1 << 20, max_connections: 0, timeout: Duration::from_secs(900) }
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
    const MAX_ID: u64 = (1 << 45) - 1;

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
    config: Config,
    hasher: Hasher,
    index: Index,
    slab: Slab<Host>,
    wheel: Wheel,
    /// Ids of hosts that expired are not given again, so that (address, id) names one connection for ever: a new host
    /// begins after the highest of them.
    first_id: u64,
}

impl Hosts {
    pub(crate) fn new(config: Config, key: HashKey) -> Self {
        Hosts {
            config,
            hasher: Hasher::new(key),
            index: Index::new(),
            slab: Slab::new(),
            wheel: Wheel::new(),
            first_id: 1,
        }
    }

    /// Changes how hosts are kept, from now on.
    pub(crate) fn set_config(&mut self, now: Instant, config: Config) {
        let is_shorter = config.timeout < self.config.timeout;
        self.config = config;
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

    /// Hosts in the table.
    pub fn len(&self) -> usize {
        self.slab.len()
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
        self.slab.iter().map(|(_, host)| host)
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

    /// Whether a host is at a guessed place.
    #[inline(always)]
    pub(crate) fn is_at(&self, place: u32, family: Family, address: Address) -> bool {
        let host = &self.slab[place];
        host.address == address && host.family == family && !host.gone
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

    /// Finds a host or enters it.
    #[inline]
    pub(crate) fn enter(&mut self, now: Instant, family: Family, address: Address) -> Result<u32, HostTableFull> {
        match self.find(family, address) {
            Some(place) => Ok(place),
            None => self.enter_new(now, family, address),
        }
    }

    fn enter_new(&mut self, now: Instant, family: Family, address: Address) -> Result<u32, HostTableFull> {
        if self.slab.len() >= self.config.max as usize {
            return Err(HostTableFull);
        }
        let host = Host {
            first: now,
            armed: now,
            address,
            family,
            by_device: false,
            gone: false,
            classes: Default::default(),
            next_id: self.first_id,
            first_id: self.first_id,
        };
        let expires = host.expires(self.config.timeout);
        let place = self.slab.insert(&host).ok_or(HostTableFull)?;
        if self.index.insert(self.hasher.host(family, address), place).is_err() {
            self.slab.remove(place);
            return Err(HostTableFull);
        }
        self.wheel.insert(place, expires);
        Ok(place)
    }

    /// Counts a packet of `bytes` for a host.
    #[inline(always)]
    pub(crate) fn count(&mut self, now: Instant, place: u32, class: Class, side: Side, bytes: u32) {
        let entry = &mut self.slab[place].classes[class as usize];
        entry.counters[side as usize].count(bytes);
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
    pub(crate) fn open(&mut self, place: u32, class: Class, ends: Ends) -> Owner {
        let host = &mut self.slab[place];
        let id = host.next_id;
        let entry = &mut host.classes[class as usize];
        entry.open += 1;
        entry.unassured += 1;
        entry.initiated += u32::from(!ends.responder);
        host.next_id += 1;
        Owner { place, id, ends }
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

    /// A connection of a host became assured.
    pub(crate) fn assure(&mut self, owner: Owner, class: Class) {
        self.slab[owner.place].classes[class as usize].unassured -= 1;
    }

    /// Whether a host has opened as many connections as it may.
    pub(crate) fn is_at_limit(&self, family: Family, address: Address) -> bool {
        let max = u64::from(self.config.max_connections);
        let at_limit = |place: u32| self.slab[place].initiated_connections() >= max;
        max != 0 && self.find(family, address).is_some_and(at_limit)
    }

    /// Ends a connection of a host: from then on it may expire.
    pub(crate) fn close(&mut self, owner: Owner, class: Class, assured: bool, at: Instant) {
        let entry = &mut self.slab[owner.place].classes[class as usize];
        entry.open -= 1;
        entry.unassured -= u32::from(!assured);
        entry.initiated -= u32::from(!owner.ends.responder);
        entry.ended = entry.ended.max(at);
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
                let hash = self.hasher.host(host.family, host.address);
                self.index.remove(hash, place);
                let host = &mut self.slab[place];
                self.first_id = self.first_id.max(host.next_id);
                expired(host);
                host.gone = true;
                self.slab.remove(place);
            }
        }
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
