use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use thiserror::Error;

use crate::conntrack::{ConnectionId, Direction};
use crate::packet::Tuple;
use crate::table::{Hash, HashKey, Hasher, Index, Slab};

/// Why a GRE key was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The master has another one for that direction (`EEXIST`).
    #[error("another key is kept for that direction")]
    Exists,
    /// There is no room left.
    #[error("too many keys")]
    Full,
}

/// The keys of GRE connections that PPTP announced.
///
/// A GRE packet of version 1 says only the receiver's key, its call id. The sender's, which the tuple needs, is what was
/// announced for that receiver (`nf_ct_gre_keymap_add`). Each master has two at most, one for each direction.
#[derive(Debug)]
pub struct Keymap {
    max: usize,
    hasher: Hasher,
    index: Index,
    slab: Slab<Entry>,
    /// By direction. The keys are the engine's own numbers, which nobody chooses from outside.
    by_master: HashMap<ConnectionId, [Option<u32>; 2], BuildHasherDefault<DefaultHasher>>,
    /// Rises with each insertion.
    serial: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    tuple: Tuple,
    serial: u64,
}

impl Keymap {
    /// A map of at most `max` keys. The kernel knows no limit of its own here; what it comes to there is two for each
    /// connection that PPTP helps.
    pub fn new(max: u32, key: HashKey) -> Self {
        Keymap {
            max: max as usize,
            hasher: Hasher::new(key),
            index: Index::new(),
            slab: Slab::new(),
            by_master: HashMap::default(),
            serial: 0,
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the source's key of a GRE tuple. Keeping the same once more is no error.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn insert(&mut self, master: ConnectionId, direction: Direction, tuple: &Tuple) -> Result<(), KeyError> {
        let kept = self.by_master.get(&master).and_then(|keys| keys[direction as usize]);
        if let Some(place) = kept {
            return if same_but_source_key(&self.slab[place].tuple, tuple) { Ok(()) } else { Err(KeyError::Exists) };
        }
        if self.len() >= self.max {
            return Err(KeyError::Full);
        }
        let place = self.slab.insert(&Entry { tuple: *tuple, serial: self.serial }).ok_or(KeyError::Full)?;
        if self.index.insert(self.hash(tuple), place).is_err() {
            self.slab.remove(place);
            return Err(KeyError::Full);
        }
        self.serial += 1;
        self.by_master.entry(master).or_default()[direction as usize] = Some(place);
        Ok(())
    }

    /// The source's key of a GRE packet, whose tuple says the addresses and the destination's key: that of the oldest
    /// announcement, or 0 where nothing was announced.
    pub fn lookup(&self, tuple: &Tuple) -> u16 {
        let mut oldest: Option<&Entry> = None;
        self.index.find(self.hash(tuple), |place| {
            let entry = &self.slab[place];
            if same_but_source_key(&entry.tuple, tuple) && oldest.is_none_or(|oldest| entry.serial < oldest.serial) {
                oldest = Some(entry);
            }
            false
        });
        oldest.map_or(0, |entry| entry.tuple.source_port)
    }

    /// Removes a master's keys: when it ends, and when a GRE connection ends that it announced.
    pub fn remove_master(&mut self, master: ConnectionId) {
        for place in self.by_master.remove(&master).into_iter().flatten().flatten() {
            self.index.remove(self.hash(&self.slab[place].tuple), place);
            self.slab.remove(place);
        }
    }

    /// All keys with their masters, the oldest first.
    pub(in crate::conntrack) fn in_order(&self) -> Vec<(ConnectionId, Direction, &Tuple)> {
        let mut all: Vec<_> = self
            .by_master
            .iter()
            .flat_map(|(master, keys)| {
                [Direction::Original, Direction::Reply].map(|way| (*master, way, keys[way as usize]))
            })
            .filter_map(|(master, way, place)| Some((master, way, &self.slab[place?])))
            .collect();
        all.sort_unstable_by_key(|(_, _, entry)| entry.serial);
        all.into_iter().map(|(master, way, entry)| (master, way, &entry.tuple)).collect()
    }

    fn hash(&self, tuple: &Tuple) -> Hash {
        let mut known = *tuple;
        known.source_port = 0;
        self.hasher.connection(&known)
    }
}

fn same_but_source_key(one: &Tuple, other: &Tuple) -> bool {
    one.source == other.source
        && one.destination == other.destination
        && one.destination_port == other.destination_port
        && one.protocol == other.protocol
        && one.family == other.family
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conntrack::helper::testing::{Original, Reply, masters, tuple};
    use crate::packet::protocol;

    fn call(from: &str, key: u16, to: &str, peers_key: u16) -> Tuple {
        tuple(protocol::GRE, (from, key), (to, peers_key))
    }

    #[test]
    fn a_master_has_one_key_for_each_direction() {
        let mut keymap = Keymap::new(8, HashKey([1, 2]));
        let master = masters(1)[0];
        let out = call("10.0.0.1", 1, "10.0.0.2", 2);
        let back = call("10.0.0.2", 2, "10.0.0.1", 1);
        assert_eq!(keymap.insert(master, Original, &out), Ok(()));
        assert_eq!(keymap.insert(master, Original, &out), Ok(()));
        assert_eq!(keymap.insert(master, Original, &call("10.0.0.1", 1, "10.0.0.2", 3)), Err(KeyError::Exists));
        assert_eq!(keymap.insert(master, Reply, &back), Ok(()));
        assert_eq!(keymap.len(), 2);
        keymap.remove_master(master);
        assert!(keymap.is_empty());
        assert_eq!(keymap.lookup(&out), 0);
    }

    #[test]
    fn the_oldest_of_several_announcements_counts() {
        for key in 0..50 {
            let mut keymap = Keymap::new(80, HashKey([key, 2]));
            let masters = masters(40);
            for (number, master) in masters.iter().enumerate() {
                let tuple = call("10.0.0.1", 100 + number as u16, "10.0.0.2", 2);
                assert_eq!(keymap.insert(*master, Original, &tuple), Ok(()));
            }
            let packet = call("10.0.0.1", 0, "10.0.0.2", 2);
            assert_eq!(keymap.lookup(&packet), 100);
            keymap.remove_master(masters[0]);
            assert_eq!(keymap.lookup(&packet), 101);
            keymap.insert(masters[0], Original, &call("10.0.0.1", 7, "10.0.0.2", 2)).unwrap();
            assert_eq!(keymap.lookup(&packet), 101);
        }
    }

    #[test]
    fn there_is_a_limit() {
        let mut keymap = Keymap::new(1, HashKey::default());
        let masters = masters(2);
        let tuple = call("10.0.0.1", 1, "10.0.0.2", 2);
        assert_eq!(keymap.insert(masters[0], Original, &tuple), Ok(()));
        assert_eq!(keymap.insert(masters[1], Original, &tuple), Err(KeyError::Full));
    }
}
