use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayVec;
use thiserror::Error;

use super::changes::Changes;
use super::config::Config;
use super::connection::{Connection, Cookie, Direction};
use super::expect::Expectations;
use super::extension::Extension;
use super::helper::{Helpers, Keymap};
use super::recent::Recent;
use super::statistics::Statistics;
use super::status::Status;
use super::timeouts::Ready;
use super::track::Unconfirmed;
use crate::packet::Tuple;
use crate::table::{Bits, Hash, HashKey, Hasher, Index, Line, Random, Slab};
use crate::time::{Duration, Instant, Promptness, Wheel};

/// A connection in the table, from the outside: stays the name of that connection only, also when its place in the
/// table is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    place: u32,
    generation: u32,
}

impl ConnectionId {
    pub(super) fn new(place: u32, generation: u32) -> Self {
        ConnectionId { place, generation }
    }

    /// Its place: where a part that begins with it begins, see [`Conntrack::page`].
    pub fn place(self) -> u32 {
        self.place
    }

    pub(super) fn generation(self) -> u32 {
        self.generation
    }
}

/// Two numbers with a dot between them.
impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.place, self.generation)
    }
}

/// A text names no connection, whether one that is there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not the name of a connection: two numbers with a dot between them")]
pub struct ConnectionIdError;

/// Reads what `Display` writes. That name may be one that no connection has or had.
impl FromStr for ConnectionId {
    type Err = ConnectionIdError;

    fn from_str(text: &str) -> Result<ConnectionId, ConnectionIdError> {
        let (place, generation) = text.split_once('.').ok_or(ConnectionIdError)?;
        let number = |text: &str| text.parse().map_err(|_| ConnectionIdError);
        Ok(ConnectionId { place: number(place)?, generation: number(generation)? })
    }
}

/// Why a connection left the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Its timeout passed.
    Timeout,
    /// A reset answered its first packet.
    Reset,
    /// A new connection took its tuple.
    Reopened,
    /// The table was full, and it was not assured.
    EarlyDrop,
    /// It was deleted from outside.
    Deleted,
    /// The helper of another connection ended it: a PPTP call was hung up.
    Helper,
}

/// A connection that left the table.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The connection as it was at its end.
    pub connection: Connection,
    /// When it ended: its deadline, or the time of the packet that ended it.
    pub at: Instant,
    /// Why.
    pub reason: EndReason,
}

/// Why a connection was not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum ConfirmError {
    /// The table has no place left.
    #[error("connection table full")]
    Full,
    /// Another connection has one of its tuples.
    #[error("connection clashes with another one")]
    Clash,
    /// Too many connections lie where its hash would have it.
    #[error("hash chain too long")]
    ChainTooLong,
}

/// A connection that was taken out of the table, while its place still shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) place: u32,
    pub(crate) id: ConnectionId,
    pub(crate) at: Instant,
    pub(crate) reason: EndReason,
    /// The events that are told of it.
    pub(crate) events: Changes,
}

/// The connection table of one shard.
#[derive(Debug)]
pub struct Conntrack {
    pub(super) config: Config,
    pub(super) timeouts: Ready,
    hasher: Hasher,
    index: Index,
    recent: Recent,
    pub(super) slab: Slab<Connection>,
    wheel: Wheel,
    pub(super) statistics: Statistics,
    /// What the packet that is on its road changed on its connection.
    pub(super) changes: Changes,
    /// The place of that connection, where there are such changes.
    pub(super) changed: u32,
    /// The places of the connections that are not assured.
    pub(super) unassured: Bits,
    pub(super) random: Random,
    pub(super) extensions: BTreeMap<u32, Extension>,
    pub(super) expectations: Expectations,
    pub(super) keymap: Keymap,
    pub(super) helpers: Helpers,
    ended: VecDeque<End>,
}

impl Conntrack {
    pub(crate) fn new(config: Config, helpers: Helpers, key: HashKey, seed: u64) -> Self {
        Conntrack {
            timeouts: Ready::from(&config.timeouts),
            expectations: Expectations::new(config.expect_max, key),
            keymap: Keymap::new(config.expect_max, key),
            config,
            hasher: Hasher::new(key),
            index: Index::new(),
            recent: Recent::new(),
            slab: Slab::new(),
            wheel: Wheel::new(),
            statistics: Statistics::default(),
            changes: Changes::NONE,
            changed: 0,
            unassured: Bits::default(),
            random: Random::new(seed),
            extensions: BTreeMap::new(),
            helpers,
            ended: VecDeque::new(),
        }
    }

    /// Connections in the table: `nf_conntrack_count`. One whose time is over counts until
    /// the wheel comes round, at most two ticks of 16.8 ms later, or until [`crate::Gateway::handle_timeout`].
    pub fn count(&self) -> usize {
        self.slab.len()
    }

    /// Buckets of eight connections each that the hash table has: `nf_conntrack_buckets`, but it follows the connections.
    pub fn buckets(&self) -> usize {
        self.index.buckets()
    }

    /// Whether the hash table is on its way to another size.
    pub fn is_resizing(&self) -> bool {
        self.index.is_moving()
    }

    /// How connections are tracked.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes how connections are tracked, from the next packet on. Connections keep the timeouts that they have until
    /// their next packet.
    pub(crate) fn set_config(&mut self, config: Config) {
        let recheck = self.timeouts.recheck;
        self.timeouts = Ready::from(&config.timeouts);
        self.expectations.set_max(config.expect_max);
        // Timers were filed by the old one.
        self.timeouts.recheck = self.timeouts.recheck.max(recheck);
        self.config = config;
    }

    /// Other helpers, for connections that begin from now on.
    pub(crate) fn set_helpers(&mut self, helpers: Helpers) {
        self.helpers = helpers;
    }

    /// Ends a connection at somebody's wish; tells whether it was there.
    pub(crate) fn delete(&mut self, now: Instant, id: ConnectionId) -> bool {
        let live = self.get(id).is_some_and(|connection| !connection.status.contains(Status::DYING));
        if live {
            self.end(id.place, now, EndReason::Deleted);
        }
        live
    }

    /// What happened so far.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The connections in the table, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.slab.iter().map(|(place, connection)| (self.id(place), connection))
    }

    /// A part of the same: the connections at so many places from `from` on, and where the next part begins. One that is in
    /// the table all the time, while part after part is read, is in one of them.
    pub fn page(&self, from: u32, places: usize) -> (impl Iterator<Item = (ConnectionId, &Connection)>, Option<u32>) {
        let page = self.slab.page(from, places).map(|(place, connection)| (self.id(place), connection));
        (page, self.slab.next_page(from, places))
    }

    /// The connection of that name, if it is still in the table.
    pub fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.slab.get(id.place, id.generation)
    }

    /// The connection at a place, if one still lives there.
    #[inline]
    pub(crate) fn at(&self, place: u32) -> Option<&Connection> {
        let connection = &self.slab[place];
        (!connection.status.contains(Status::DYING)).then_some(connection)
    }

    /// The place of a connection, if it is in the table.
    pub(crate) fn place_of(&self, id: ConnectionId) -> Option<u32> {
        self.get(id).map(|_| id.place())
    }

    /// The connection at a place, also one that ended with the packet that is on its road: a place shows its connection until
    /// the next one is confirmed.
    pub(crate) fn shown(&self, place: u32) -> &Connection {
        &self.slab[place]
    }

    /// The connection at a place with its name.
    pub(crate) fn named(&self, place: u32) -> Option<(ConnectionId, &Connection)> {
        self.at(place).map(|connection| (self.id(place), connection))
    }

    /// What the packet that is on its road changed on its connection so far.
    #[inline(always)]
    pub(crate) fn changes(&self) -> Changes {
        self.changes
    }

    /// They were told.
    pub(crate) fn clear_changes(&mut self) {
        self.changes = Changes::NONE;
    }

    /// The place of that connection; it means nothing without changes.
    pub(crate) fn changed(&self) -> u32 {
        self.changed
    }

    pub(super) fn id(&self, place: u32) -> ConnectionId {
        ConnectionId { place, generation: self.slab.generation(place) }
    }

    /// The hash of a packet's tuple.
    #[inline]
    pub(crate) fn hash(&self, tuple: &Tuple) -> Hash {
        self.hasher.connection(tuple)
    }

    /// First step of looking ahead, for a whole burst before the next step: asks for the cache line in which the index may
    /// have a packet's connection. Second step: the line's guess at the place of the connection.
    #[inline(always)]
    pub(crate) fn prefetch_index(&self, hash: Hash) -> Line<'_> {
        self.index.prefetch(hash)
    }

    /// What does for the first two steps where the connections are few.
    #[inline(always)]
    pub(crate) fn recent(&self, tuple: &Tuple) -> Option<u32> {
        self.recent.likely(tuple)
    }

    /// Takes down where the connection of a packet was found, for [`Conntrack::recent`].
    #[inline(always)]
    pub(crate) fn remember(&mut self, tuple: &Tuple, place: u32) {
        self.recent.remember(tuple, place);
    }

    /// Third step: asks for the cache lines of the connection.
    #[inline]
    pub(crate) fn prefetch(&self, place: u32) {
        let connection = &self.slab[place];
        connection.prefetch();
    }

    /// The same for the place that the next new connection but `ahead` will get.
    #[inline]
    pub(crate) fn prefetch_upcoming(&self, ahead: usize) {
        if let Some(place) = self.slab.upcoming(ahead) {
            self.prefetch(place);
        }
    }

    /// Fourth step: what is kept on the connection.
    #[inline]
    pub(crate) fn cookie(&self, place: u32) -> Cookie {
        self.slab[place].cookie
    }

    /// The connection that a tuple belongs to, and the direction that it names there. Nothing is counted or kept alive by
    /// it; a connection whose time is over is found until it has left the table.
    pub fn find(&self, tuple: &Tuple) -> Option<(ConnectionId, Direction)> {
        let (place, direction) = self.search(self.hash(tuple), tuple)?;
        Some((self.id(place), direction))
    }

    /// The same for the road: by its place.
    #[inline]
    pub(crate) fn search(&self, hash: Hash, tuple: &Tuple) -> Option<(u32, Direction)> {
        let mut direction = None;
        let place = self.index.find(hash, |place| {
            direction = self.direction_at(place, tuple);
            direction.is_some()
        })?;
        Some((place, direction?))
    }

    /// A function of its own: a search comes to it at most once, nearly always.
    #[inline(never)]
    fn direction_at(&self, place: u32, tuple: &Tuple) -> Option<Direction> {
        self.slab[place].direction_of(tuple)
    }

    /// Puts a connection in the table at the end of its first packet's road and gives its place.
    ///
    /// # Errors
    /// [`ConfirmError`]; the connection is gone then, and its packet is to be dropped.
    pub(crate) fn confirm(&mut self, unconfirmed: &mut Unconfirmed) -> Result<u32, ConfirmError> {
        let Unconfirmed { connection, extension, hash, begun_at } = unconfirmed;
        let hash = *hash;
        // Its tuple was looked up when it began: only what was confirmed since can clash.
        if *begun_at != self.statistics.insert
            && let Some((place, direction)) = self.search(hash, &connection.original)
        {
            if extension.is_some() {
                // What its helper expected already, in the name of the place that it would have got.
                let (place, generation) = self.slab.next();
                self.expectations.remove_of_master(ConnectionId::new(place, generation), |_| true);
            }
            return self.resolve_clash(place, direction, connection);
        }
        let check_at = self.check_at(connection.last, connection.deadline());
        let Some(place) = self.slab.insert(connection) else {
            self.statistics.drop += 1;
            return Err(ConfirmError::Full);
        };
        if self.index.insert(hash, place).is_err() {
            self.slab.remove(place);
            self.statistics.chaintoolong += 1;
            self.statistics.insert_failed += 1;
            self.statistics.drop += 1;
            return Err(ConfirmError::ChainTooLong);
        }
        let connection = &mut self.slab[place];
        connection.timer = self.wheel.insert(place, check_at);
        connection.status.insert(Status::CONFIRMED);
        let expected = connection.status.contains(Status::EXPECTED);
        self.statistics.insert += 1;
        self.unassured.insert(place);
        self.changes |= if expected { Changes::RELATED } else { Changes::NEW };
        if let Some(extension) = extension.take() {
            self.changes |= if extension.helper.is_some() { Changes::HELPER } else { Changes::NONE };
            *self.extension_mut(place) = *extension;
        }
        self.changed = place;
        Ok(place)
    }

    /// A connection that came about while this one was on its road has its tuple. If it is the same one, of a protocol
    /// that does not mind, this one's packet goes over to it.
    #[cold]
    fn resolve_clash(&mut self, place: u32, direction: Direction, loser: &Connection) -> Result<u32, ConfirmError> {
        self.statistics.found += 1;
        let same = direction == Direction::Original && loser.protocol.allows_clash();
        if !same {
            self.statistics.insert_failed += 1;
            self.statistics.drop += 1;
            return Err(ConfirmError::Clash);
        }
        self.statistics.clash_resolve += 1;
        for (counter, more) in self.slab[place].counters.iter_mut().zip(loser.counters) {
            *counter += more;
        }
        Ok(place)
    }

    /// Whether the table holds as many connections as it may.
    pub(crate) fn is_full(&self) -> bool {
        self.config.max != 0 && self.count() >= self.config.max as usize
    }

    /// Files a connection's timer anew, because its deadline came nearer. A later one needs no such care.
    #[cold]
    pub(super) fn refile(&mut self, now: Instant, place: u32) {
        self.unfile(place);
        let check_at = self.check_at(now, self.slab[place].deadline());
        self.slab[place].timer = self.wheel.insert(place, check_at);
    }

    /// When the wheel is to look at a connection: at its deadline, or before if that is far away, because a packet may
    /// bring it nearer.
    fn check_at(&self, now: Instant, deadline: Instant) -> Instant {
        deadline.min(now + Duration::from_millis(u64::from(self.timeouts.recheck.0)))
    }

    fn unfile(&mut self, place: u32) {
        let position = self.slab[place].timer;
        if let Some(moved) = self.wheel.cancel(position) {
            self.slab[moved].timer = position;
        }
    }

    /// Takes a connection that is not in the wheel's hands out of the table.
    fn remove(&mut self, place: u32, hash: Hash, at: Instant, reason: EndReason) {
        // A packet of the same burst may have guessed at this place: the bit tells it that nobody lives here.
        self.slab[place].status.insert(Status::DYING);
        self.unassured.remove(place);
        self.index.remove(hash, place);
        self.statistics.delete += 1;
        self.ended.push_back(End { place, id: self.id(place), at, reason, events: Changes::ALL });
    }

    /// Ends a connection now.
    pub(super) fn end(&mut self, place: u32, at: Instant, reason: EndReason) {
        self.unfile(place);
        let hash = self.hash(&self.slab[place].original);
        self.remove(place, hash, at, reason);
    }

    /// When the next expectation's time is over.
    pub(crate) fn next_expectation_timeout(&self) -> Option<Instant> {
        self.expectations.next_timeout()
    }

    /// Ends some connections whose time is over; tells whether there may be more. [`Conntrack::take_ended`] is to be
    /// called in between.
    pub(crate) fn expire_some(&mut self, now: Instant, promptness: Promptness) -> bool {
        let Some(due) = self.wheel.poll(now, promptness) else { return false };
        // Ask for all the connections, also for those that come next, then for all the index lines: the cache misses overlap.
        for place in due.iter().chain(self.wheel.upcoming_keys()) {
            self.slab[*place].prefetch_deadline();
        }
        let looked_up: ArrayVec<(Instant, Hash), { Wheel::MAX_DUE }> =
            due.iter().map(|place| (self.slab[*place].deadline(), self.hash(&self.slab[*place].original))).collect();
        for (place, (_, hash)) in due.iter().zip(&looked_up) {
            self.index.prefetch(*hash);
            self.slab.prefetch_generation(*place);
        }
        for (place, (deadline, hash)) in due.into_iter().zip(looked_up) {
            if deadline <= now {
                self.remove(place, hash, deadline, EndReason::Timeout);
            } else {
                let check_at = self.check_at(now, deadline);
                self.slab[place].timer = self.wheel.insert(place, check_at);
            }
        }
        true
    }

    /// When [`Conntrack::expire_some`] has something to do.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.wheel.next_timeout()
    }

    /// Whether a connection ended since they were last taken.
    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// The connections that [`Conntrack::take_ended`] will give.
    pub(crate) fn iter_ended(&self) -> impl Iterator<Item = &Connection> {
        self.ended.iter().map(|end| &self.slab[end.place])
    }

    /// A connection that ended since the last call, in the order of their ends. Its place is free after this, but shows
    /// the connection until the next one is confirmed.
    pub(crate) fn take_ended(&mut self) -> Option<End> {
        let mut end = self.ended.pop_front()?;
        if self.slab[end.place].status.is_extended()
            && let Some(extension) = self.extensions.remove(&end.place)
        {
            end.events = extension.events.unwrap_or(end.events);
            self.end_extension(end, extension);
        }
        self.slab.remove(end.place);
        Some(end)
    }

    /// The connection that ended at a place, right after [`Conntrack::take_ended`].
    pub(crate) fn ended(&self, end: End) -> &Connection {
        &self.slab[end.place]
    }
}

mod adopt;
#[cfg(test)]
mod tests;
