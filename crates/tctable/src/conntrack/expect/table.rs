use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};

use thiserror::Error;

use super::expectation::{Expectation, Flags};
use super::statistics::Statistics;
use crate::conntrack::ConnectionId;
use crate::packet::{Address, Tuple};
use crate::table::{Hash, HashKey, Hasher, Index, Slab};
use crate::time::Instant;

/// Why an expectation was not inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InsertError {
    /// Some packet would be expected by both it and one that is there (`EBUSY`).
    #[error("clashes with another expectation")]
    Clash,
    /// The same is expected already, by another master or in another class (`EALREADY`).
    #[error("expected already")]
    Already,
    /// The table holds `nf_conntrack_expect_max` expectations (`EMFILE`).
    #[error("expectation table full")]
    Full,
}

/// Whose expectations of the same connection a new one is compared with before it is said to clash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Those of its own master: that of another master clashes.
    OfMaster,
    /// Those of any master: that of another one is [`InsertError::Already`] (`NF_CT_EXP_F_SKIP_MASTER`).
    OfAny,
}

/// The expectations.
///
/// One is found by its destination, so a lookup never walks over all of them. Since no two that are inserted ever expect
/// the same packet, the order in which they are looked at does not matter.
#[derive(Debug)]
pub struct Expectations {
    max: u32,
    hasher: Hasher,
    index: Index,
    slab: Slab<Expectation>,
    /// Each master's, oldest first. The keys are the engine's own numbers, which nobody chooses from outside.
    by_master: HashMap<ConnectionId, Vec<u32>, BuildHasherDefault<DefaultHasher>>,
    /// There are few, which come and go seldom: ordered by time they expire exactly, without a wheel.
    deadlines: BTreeSet<(Instant, u32)>,
    statistics: Statistics,
    /// What changed since it was last taken, where anybody wants to know.
    changes: Option<Vec<(Change, Expectation)>>,
}

/// What happened to an expectation: the kernel's events (`enum ip_conntrack_expect_events`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It was inserted.
    New,
    /// It was removed, whatever the cause.
    Destroy,
}

impl Expectations {
    /// A table of at most `max` expectations: `nf_conntrack_expect_max`, 4,096 on a machine with more than 4 GiB of
    /// memory.
    pub fn new(max: u32, key: HashKey) -> Self {
        Expectations {
            max,
            hasher: Hasher::new(key),
            index: Index::new(),
            slab: Slab::new(),
            by_master: HashMap::default(),
            deadlines: BTreeSet::new(),
            statistics: Statistics::default(),
            changes: None,
        }
    }

    /// From now on keeps what changes for [`Expectations::take_changes`].
    pub(crate) fn keep_changes(&mut self) {
        self.changes = Some(Vec::new());
    }

    /// What changed since the last call, the oldest first.
    pub(crate) fn take_changes(&mut self) -> Vec<(Change, Expectation)> {
        self.changes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn log(&mut self, change: Change, place: u32) {
        if let Some(changes) = &mut self.changes {
            changes.push((change, self.slab[place]));
        }
    }

    /// Another limit, from the next expectation on.
    pub(crate) fn set_max(&mut self, max: u32) {
        self.max = max;
    }

    /// How many there are; those whose time is over count until [`Expectations::expire`].
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What happened so far.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// All of them, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Expectation> {
        self.slab.iter().map(|(_, expectation)| expectation)
    }

    /// Those of one master, newest first.
    pub fn of_master(&self, master: ConnectionId) -> impl Iterator<Item = &Expectation> {
        self.places(master).iter().rev().map(|place| &self.slab[*place])
    }

    fn places(&self, master: ConnectionId) -> &[u32] {
        self.by_master.get(&master).map_or(&[], Vec::as_slice)
    }

    /// Inserts an expectation by the kernel's rules: the same one of the same master and class is replaced, one that
    /// clashes is refused, and where the master has as many of the class as its policy allows the oldest one goes.
    ///
    /// # Errors
    /// [`InsertError`]. Where the table is full the oldest of the class may be gone all the same.
    pub fn insert(&mut self, now: Instant, expectation: Expectation, known: Known) -> Result<(), InsertError> {
        self.expire(now);
        let hash = self.hash(&expectation.tuple);
        let mut same = None;
        let mut clash = false;
        self.index.find(hash, |place| {
            let other = &self.slab[place];
            let comparable = known == Known::OfAny || other.master == expectation.master;
            if comparable && other.expects_the_same(&expectation) {
                same = Some(place);
            } else {
                clash |= other.clashes(&expectation);
            }
            false
        });
        if let Some(place) = same {
            let other = &self.slab[place];
            if (other.master, other.class) != (expectation.master, expectation.class) {
                return Err(InsertError::Already);
            }
            self.unlink(place);
        } else if clash {
            return Err(InsertError::Clash);
        }
        self.make_room(&expectation);
        if self.len() >= self.max as usize {
            return Err(InsertError::Full);
        }
        let place = self.slab.insert(&expectation).ok_or(InsertError::Full)?;
        if self.index.insert(hash, place).is_err() {
            self.slab.remove(place);
            return Err(InsertError::Full);
        }
        self.by_master.entry(expectation.master).or_default().push(place);
        self.deadlines.insert((expectation.deadline, place));
        self.statistics.create += 1;
        self.log(Change::New, place);
        Ok(())
    }

    /// Removes the master's oldest expectation of the class where it has as many as the policy allows.
    fn make_room(&mut self, expectation: &Expectation) {
        let places = self.places(expectation.master).iter();
        let mut of_class = places.filter(|place| self.slab[**place].class == expectation.class);
        let oldest = of_class.next().copied();
        let count = of_class.count() + usize::from(oldest.is_some());
        let max = expectation.policy.max_expected as usize;
        if let Some(oldest) = oldest.filter(|_| max != 0 && count >= max) {
            self.unlink(oldest);
        }
    }

    /// The expectation that a new connection's first packet meets. It is gone then, unless it is permanent.
    ///
    /// `lives` tells whether a master is in the connection table: what a connection that is not there expects is not
    /// given.
    pub fn take(
        &mut self,
        now: Instant,
        tuple: &Tuple,
        zone: u16,
        lives: impl FnOnce(ConnectionId) -> bool,
    ) -> Option<Expectation> {
        if self.is_empty() {
            return None;
        }
        self.expire(now);
        let active = |expectation: &Expectation| !expectation.flags.contains(Flags::INACTIVE);
        let place = self.place_of(tuple, zone, active)?;
        let expectation = self.slab[place];
        if !lives(expectation.master) {
            return None;
        }
        if !expectation.flags.contains(Flags::PERMANENT) {
            self.unlink(place);
        }
        if expectation.either_way
            && let Some(inverted) = expectation.tuple.inverted()
        {
            self.remove(&inverted, zone);
        }
        self.statistics.new += 1;
        Some(expectation)
    }

    /// The expectation that a packet with that tuple would meet, also where it is inactive.
    pub fn find(&self, now: Instant, tuple: &Tuple, zone: u16) -> Option<&Expectation> {
        let place = self.place_of(tuple, zone, |expectation| expectation.deadline > now)?;
        Some(&self.slab[place])
    }

    /// Removes the expectation that [`Expectations::find`] gives; tells whether there was one.
    pub fn remove(&mut self, tuple: &Tuple, zone: u16) -> bool {
        let place = self.place_of(tuple, zone, |_| true);
        place.map(|place| self.unlink(place)).is_some()
    }

    /// Removes those of a master for which `which` holds, newest first.
    pub fn remove_of_master(&mut self, master: ConnectionId, which: impl Fn(&Expectation) -> bool) {
        let chosen: Vec<u32> =
            self.places(master).iter().rev().copied().filter(|place| which(&self.slab[*place])).collect();
        chosen.into_iter().for_each(|place| self.unlink(place));
    }

    /// Moves the deadline of the master's newest expectation for which `which` holds, and activates it; tells whether
    /// there was one.
    pub fn renew(&mut self, master: ConnectionId, deadline: Instant, which: impl Fn(&Expectation) -> bool) -> bool {
        let found = self.places(master).iter().rev().copied().find(|place| which(&self.slab[*place]));
        let Some(place) = found else { return false };
        let expectation = &mut self.slab[place];
        let before = std::mem::replace(&mut expectation.deadline, deadline);
        expectation.flags = expectation.flags.without(Flags::INACTIVE);
        self.deadlines.remove(&(before, place));
        self.deadlines.insert((deadline, place));
        true
    }

    /// Removes those whose time is over, and tells how many there were.
    pub fn expire(&mut self, now: Instant) -> usize {
        let before = self.len();
        while let Some((_, place)) = self.deadlines.first().copied().filter(|(deadline, _)| *deadline <= now) {
            self.unlink(place);
        }
        before - self.len()
    }

    /// When the next one's time is over.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    fn place_of(&self, tuple: &Tuple, zone: u16, which: impl Fn(&Expectation) -> bool) -> Option<u32> {
        self.index.find(self.hash(tuple), |place| {
            let expectation = &self.slab[place];
            expectation.covers(tuple, zone) && which(expectation)
        })
    }

    /// The hash of the destination alone: the source may be a wildcard.
    fn hash(&self, tuple: &Tuple) -> Hash {
        let mut destination = *tuple;
        destination.source = Address::default();
        destination.source_port = 0;
        self.hasher.connection(&destination)
    }

    fn unlink(&mut self, place: u32) {
        self.log(Change::Destroy, place);
        let Expectation { tuple, master, deadline, .. } = self.slab[place];
        self.index.remove(self.hash(&tuple), place);
        self.deadlines.remove(&(deadline, place));
        if let Some(places) = self.by_master.get_mut(&master) {
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.by_master.remove(&master);
            }
        }
        self.slab.remove(place);
        self.statistics.delete += 1;
    }
}
