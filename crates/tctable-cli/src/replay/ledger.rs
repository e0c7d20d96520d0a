//! What is known of every host that ever had an entry, also after the entry expired.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use tctable::Gateway;
use tctable::account::{Class, ClassCounters, Host};
use tctable::conntrack::Counter;
use tctable::text::HostLine;
use tctable::time::{Duration, Instant};

use crate::args::Sort;

/// One host's line in the report.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Its traffic by [`Class`].
    pub(crate) classes: [ClassCounters; 4],
    /// Its open connections by [`Class`].
    pub(crate) open: [u32; 4],
    /// The connections that it ever had.
    pub(crate) opened: u64,
    /// The id that its next connection would get.
    pub(crate) next_id: u64,
    /// When its first packet was counted.
    pub(crate) first: Instant,
    /// When its last packet was counted.
    pub(crate) last: Instant,
    /// How long its entry would still live.
    pub(crate) left: Duration,
}

impl Row {
    /// An entry that has expired.
    fn of_expired(host: &Host) -> Row {
        Row {
            address: host.address(),
            classes: Class::ALL.map(|class| host.class(class)),
            open: [0; 4],
            opened: host.connections_opened(),
            next_id: host.next_id(),
            first: host.first_seen(),
            last: host.last_seen(),
            left: Duration::ZERO,
        }
    }

    /// A later entry of the same host.
    fn add(&mut self, later: &Row) {
        for (sum, more) in self.classes.iter_mut().zip(&later.classes) {
            sum.tx += more.tx;
            sum.rx += more.rx;
        }
        self.open = later.open;
        self.opened += later.opened;
        self.next_id = later.next_id;
        self.first = self.first.min(later.first);
        self.last = self.last.max(later.last);
        self.left = later.left;
    }

    /// What it sent.
    pub(crate) fn tx(&self) -> Counter {
        sum(self.classes.iter().map(|class| class.tx))
    }

    /// What it received.
    pub(crate) fn rx(&self) -> Counter {
        sum(self.classes.iter().map(|class| class.rx))
    }

    /// Its open connections.
    pub(crate) fn open_connections(&self) -> u64 {
        self.open.iter().map(|open| u64::from(*open)).sum()
    }

    fn rank(&self, sort: Sort) -> u64 {
        match sort {
            Sort::Bytes => self.tx().bytes + self.rx().bytes,
            Sort::Packets => self.tx().packets + self.rx().packets,
            Sort::Connections => self.opened,
            Sort::Rx => self.rx().bytes,
            Sort::Tx => self.tx().bytes,
            Sort::Ip => 0,
        }
    }
}

/// Adds counters up.
pub(crate) fn sum(counters: impl Iterator<Item = Counter>) -> Counter {
    counters.fold(Counter::default(), |mut sum, counter| {
        sum += counter;
        sum
    })
}

/// The hosts whose entries expired. Entries of the same address are added up.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    past: HashMap<IpAddr, Row>,
    expired: u64,
}

impl Ledger {
    /// An entry expired.
    pub(super) fn expired(&mut self, host: &Host) {
        self.expired += 1;
        let row = Row::of_expired(host);
        self.past.entry(row.address).and_modify(|past| past.add(&row)).or_insert(row);
    }

    /// Entries that expired.
    pub(super) fn hosts_expired(&self) -> u64 {
        self.expired
    }

    /// Every host, whether its entry expired or not, in no order.
    pub(super) fn entries<'a>(&'a self, gateway: &'a Gateway) -> Vec<Entry<'a>> {
        let timeout = gateway.hosts().config().timeout;
        let mut entries: Vec<Entry<'a>> = Vec::with_capacity(gateway.hosts().len() + self.past.len());
        entries.extend(gateway.hosts().iter().map(|host| {
            let past = self.past.get(&host.address());
            Entry::Live { host, past, now: gateway.now(), timeout }
        }));
        let mut gone: HashMap<&IpAddr, &Row> = self.past.iter().collect();
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
        past: Option<&'a Row>,
        /// The end of the capture.
        now: Instant,
        /// The time that an entry lives on.
        timeout: Duration,
    },
    /// A host whose last entry expired.
    Expired(&'a Row),
}

impl Entry<'_> {
    /// The host's line.
    pub(crate) fn row(&self) -> Row {
        let (host, past, now, timeout) = match self {
            Entry::Live { host, past, now, timeout } => (host, past, *now, *timeout),
            Entry::Expired(row) => return (*row).clone(),
        };
        let mut row = Row::of_expired(host);
        row.open = Class::ALL.map(|class| host.connections(class));
        row.left = HostLine::new(host, now, timeout, Instant::ZERO).left;
        match past {
            Some(past) => {
                let mut sum = (*past).clone();
                sum.add(&row);
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
