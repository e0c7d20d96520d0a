//! What is known of every host that ever had an entry, also after the entry expired.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use tctable::Gateway;
use tctable::account::Host;
use tctable::time::{Duration, Instant};
use tctable_view::{HostRow, Sort};

/// The hosts whose entries expired. Entries of the same address are added up.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    past: HashMap<IpAddr, HostRow>,
}

impl Ledger {
    /// An entry expired.
    pub(super) fn expired(&mut self, host: &Host) {
        let row = HostRow::expired(host);
        self.past.entry(row.address).and_modify(|past| past.add_later(&row)).or_insert(row);
    }

    /// Every host, whether its entry expired or not, in no order.
    pub(super) fn entries<'a>(&'a self, gateway: &'a Gateway) -> Vec<Entry<'a>> {
        let timeout = gateway.hosts().config().timeout;
        let mut entries: Vec<Entry<'a>> = Vec::with_capacity(gateway.hosts().len() + self.past.len());
        entries.extend(gateway.hosts().iter().map(|host| {
            let past = self.past.get(&host.address());
            Entry::Live { host, past, now: gateway.now(), timeout }
        }));
        let mut gone: HashMap<&IpAddr, &HostRow> = self.past.iter().collect();
        for entry in &entries {
            if let Entry::Live { host, past: Some(_), .. } = entry {
                gone.remove(&host.address());
            }
        }
        entries.extend(gone.into_values().map(Entry::Expired));
        entries
    }
}

/// Where a row comes from. A million rows are made one at a time.
pub(crate) enum Entry<'a> {
    /// A host in the engine's table, with what it had before an earlier entry expired.
    Live {
        /// As the engine has it.
        host: &'a Host,
        /// Its earlier entries.
        past: Option<&'a HostRow>,
        /// The end of the capture.
        now: Instant,
        /// The time that an entry lives on.
        timeout: Duration,
    },
    /// A host whose last entry expired.
    Expired(&'a HostRow),
}

impl Entry<'_> {
    /// The host's line.
    pub(crate) fn row(&self) -> HostRow {
        let (host, past, now, timeout) = match self {
            Entry::Live { host, past, now, timeout } => (host, past, *now, *timeout),
            Entry::Expired(row) => return (*row).clone(),
        };
        let row = HostRow::new(host, now, timeout);
        match past {
            Some(past) => {
                let mut sum = (*past).clone();
                sum.add_later(&row);
                sum
            }
            None => row,
        }
    }
}

/// Puts entries in the order of the report: most first, equals by address, IPv4 before IPv6.
pub(crate) fn sort(entries: &mut [Entry<'_>], sort: Sort) {
    entries.sort_by_cached_key(|entry| {
        let row = entry.row();
        (Reverse(row.rank(sort)), row.address)
    });
}
