use arrayvec::ArrayVec;

use super::super::class::NONE;
use crate::packet::{Address, Family};
use crate::sched::skb::HostKey;
use crate::table::{Hash, HashKey, Hasher, Index, Line, Recent, prefetch};
use crate::time::{Duration, Instant};

/// A class moves to the end of the list when that part of the timeout has passed since it last did, not at each packet:
/// so most packets touch its own entry only.
const PART: u64 = 64;

/// Hosts whose place is remembered: some thousand that are active at the same time. 128 KiB, of which few hosts need little.
const RECENT: usize = 16384;

/// A host with its class, in one cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Entry {
    pub(super) key: HostKey,
    pub(super) class: u32,
    /// When its last packet came.
    seen: Instant,
    /// When it moved to the end of the list.
    filed: Instant,
    older: u32,
    newer: u32,
}

/// Hosts that have a class, found by their keys, and listed from the one without traffic for the longest time on.
#[derive(Debug)]
pub(super) struct Table {
    hasher: Hasher,
    index: Index,
    recent: Recent<RECENT>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
}

impl Table {
    pub(super) fn new(key: HashKey) -> Table {
        let (index, entries, free) = (Index::new(), Vec::new(), Vec::new());
        let recent = Recent::new();
        Table { hasher: Hasher::new(key), index, recent, entries, free, oldest: NONE, newest: NONE }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    fn hash(&self, key: &HostKey) -> Hash {
        match *key {
            HostKey::Address(family, address) => self.hasher.host(family, address),
            HostKey::Group(group) => self.hasher.host(Family::V4, Address::from_v4_bits(group)),
        }
    }

    /// What most hosts differ in.
    fn mixed(key: &HostKey) -> u64 {
        match *key {
            HostKey::Address(_, Address { high, low }) => high.rotate_left(32) ^ low,
            HostKey::Group(group) => group.into(),
        }
    }

    /// The place of a host, if it has a class.
    #[inline]
    pub(super) fn find(&self, key: &HostKey) -> Option<u32> {
        let is = |place: u32| self.get(place).is_some_and(|entry| entry.key == *key);
        let guess = self.recent.likely(Self::mixed(key)).filter(|place| is(*place));
        guess.or_else(|| self.index.find(self.hash(key), is))
    }

    /// The classes of those hosts that have one, found together so that cache misses overlap; [`Table::find`] will find them
    /// at once.
    pub(super) fn look_up<const N: usize>(&mut self, keys: &ArrayVec<HostKey, N>) -> ArrayVec<u32, N> {
        let mut places = ArrayVec::<u32, N>::new();
        let mut strangers = ArrayVec::<(u64, Line<'_>), N>::new();
        for key in keys {
            let mixed = Self::mixed(key);
            match self.recent.likely(mixed) {
                Some(place) => places.push(place),
                None => strangers.push((mixed, self.index.prefetch(self.hash(key)))),
            }
        }
        // Few entries have passed their home.
        let passed: ArrayVec<Option<Line<'_>>, N> =
            strangers.iter().map(|(_, line)| if line.likely().is_none() { line.behind() } else { None }).collect();
        for ((mixed, line), passed) in strangers.iter().zip(&passed) {
            let Some(place) = line.likely().or_else(|| passed.as_ref()?.likely()) else { continue };
            self.recent.remember(*mixed, place);
            places.push(place);
        }
        let entries: ArrayVec<&Entry, N> =
            places.iter().filter_map(|place| self.entries.get(*place as usize)).collect();
        entries.iter().for_each(|entry| prefetch(*entry));
        entries.iter().map(|entry| entry.class).filter(|class| *class != NONE).collect()
    }

    /// The place that the next host gets.
    pub(super) fn next_place(&self) -> u32 {
        self.free.last().copied().unwrap_or(self.entries.len() as u32)
    }

    /// Enters a host, at the next place. `None` where the index has no room for it, which crafted addresses might bring about
    /// if they knew its key.
    pub(super) fn insert(&mut self, key: HostKey, class: u32, now: Instant) -> Option<()> {
        let place = self.next_place();
        self.index.insert(self.hash(&key), place).ok()?;
        let entry = Entry { key, class, seen: now, filed: now, older: NONE, newer: NONE };
        match self.free.pop() {
            Some(free) => self.entries[free as usize] = entry,
            None => self.entries.push(entry),
        }
        self.append(place);
        Some(())
    }

    pub(super) fn remove(&mut self, place: u32) {
        let hash = self.hash(&self.entries[place as usize].key);
        self.index.remove(hash, place);
        self.take_out(place);
        self.entries[place as usize].class = NONE;
        self.free.push(place);
    }

    /// The host of a place, if it is in use.
    pub(super) fn get(&self, place: u32) -> Option<&Entry> {
        self.entries.get(place as usize).filter(|entry| entry.class != NONE)
    }

    /// A host has traffic. Gives its class.
    #[inline]
    pub(super) fn touch(&mut self, place: u32, now: Instant, timeout: Duration) -> u32 {
        let entry = &mut self.entries[place as usize];
        self.recent.remember(Self::mixed(&entry.key), place);
        entry.seen = now;
        let class = entry.class;
        if now.since(entry.filed).as_nanos() >= timeout.as_nanos() / PART {
            entry.filed = now;
            if self.newest != place {
                self.take_out(place);
                self.append(place);
            }
        }
        class
    }

    /// The host whose turn to go it is next, and when its last packet came.
    pub(super) fn oldest(&self) -> Option<(u32, Instant)> {
        self.entries.get(self.oldest as usize).map(|entry| (self.oldest, entry.seen))
    }

    /// The classes of all hosts.
    pub(super) fn classes(&self) -> impl Iterator<Item = u32> + '_ {
        self.entries.iter().map(|entry| entry.class).filter(|class| *class != NONE)
    }

    fn append(&mut self, place: u32) {
        let entry = &mut self.entries[place as usize];
        (entry.older, entry.newer) = (self.newest, NONE);
        match self.newest {
            NONE => self.oldest = place,
            newest => self.entries[newest as usize].newer = place,
        }
        self.newest = place;
    }

    fn take_out(&mut self, place: u32) {
        let Entry { older, newer, .. } = self.entries[place as usize];
        match older {
            NONE => self.oldest = newer,
            older => self.entries[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.entries[newer as usize].older = older,
        }
    }
}
