use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Name, SavedConnections};

impl SavedConnections {
    /// Hands them out to so many tables. `table` says from its two ends' addresses which one a connection is for; what it
    /// announced goes with it.
    ///
    /// # Panics
    /// If `table` gives a number that is not below `tables`.
    pub fn split(self, tables: usize, table: impl Fn(IpAddr, IpAddr) -> usize) -> Vec<SavedConnections> {
        let taken_at = self.taken_at;
        let mut parts: Vec<_> = (0..tables).map(|_| SavedConnections { taken_at, ..Self::default() }).collect();
        let masters = self.masters();
        let mut went: BTreeMap<Name, usize> = BTreeMap::new();
        for saved in self.connections {
            let tuple = &saved.connection.original;
            let to = table(tuple.source.to_ip(tuple.family), tuple.destination.to_ip(tuple.family));
            if masters.contains(&saved.name) {
                went.insert(saved.name, to);
            }
            parts[to].connections.push(saved);
        }
        // What is left of one that is not there is of no use.
        for saved in self.expectations {
            if let Some(to) = went.get(&saved.master) {
                parts[*to].expectations.push(saved);
            }
        }
        for saved in self.keys {
            if let Some(to) = went.get(&saved.master) {
                parts[*to].keys.push(saved);
            }
        }
        parts
    }
}
