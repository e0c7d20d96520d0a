use std::net::IpAddr;
use std::str::FromStr;

use tctable::account::{Class, ClassCounters, Host};
use tctable::conntrack::Counter;
use tctable::text::HostLine;
use tctable::time::{Duration, Instant};

use crate::Json;

/// One host with what it counted: of one entry in one engine's table, or of several together.
#[derive(Clone, Debug)]
pub struct HostRow {
    /// Its address.
    pub address: IpAddr,
    /// Its traffic by [`Class`].
    pub classes: [ClassCounters; 4],
    /// Its open connections by [`Class`].
    pub open: [u32; 4],
    /// The connections that it ever had.
    pub opened: u64,
    /// The id that its next connection would get.
    pub next_id: u64,
    /// When its first packet was counted.
    pub first: Instant,
    /// When its last packet was counted.
    pub last: Instant,
    /// How long its entry would still live.
    pub left: Duration,
}

impl HostRow {
    /// An entry that is in the table of an engine whose time is `now`, and whose entries live `timeout` after their last
    /// use.
    pub fn new(host: &Host, now: Instant, timeout: Duration) -> HostRow {
        HostRow {
            open: Class::ALL.map(|class| host.connections(class)),
            left: HostLine::new(host, now, timeout, Instant::ZERO).left,
            ..HostRow::expired(host)
        }
    }

    /// An entry that has expired.
    pub fn expired(host: &Host) -> HostRow {
        HostRow {
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

    /// Adds a later entry of the same host, which came after this one had expired.
    pub fn add_later(&mut self, later: &HostRow) {
        self.add_counters(later);
        self.open = later.open;
        self.next_id = later.next_id;
        self.left = later.left;
    }

    /// Adds the same host's entry in the table of another engine.
    pub fn add_beside(&mut self, other: &HostRow) {
        self.add_counters(other);
        for (sum, more) in self.open.iter_mut().zip(other.open) {
            *sum += more;
        }
        self.next_id = self.next_id.max(other.next_id);
        self.left = self.left.max(other.left);
    }

    fn add_counters(&mut self, other: &HostRow) {
        for (sum, more) in self.classes.iter_mut().zip(&other.classes) {
            sum.tx += more.tx;
            sum.rx += more.rx;
        }
        self.opened += other.opened;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// What it sent.
    pub fn tx(&self) -> Counter {
        sum(self.classes.iter().map(|class| class.tx))
    }

    /// What it received.
    pub fn rx(&self) -> Counter {
        sum(self.classes.iter().map(|class| class.rx))
    }

    /// Its open connections.
    pub fn open_connections(&self) -> u64 {
        self.open.iter().map(|open| u64::from(*open)).sum()
    }

    /// What it is sorted by: most comes first, of equals the lowest address.
    pub fn rank(&self, sort: Sort) -> u64 {
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
pub fn sum(counters: impl Iterator<Item = Counter>) -> Counter {
    counters.fold(Counter::default(), |mut sum, counter| {
        sum += counter;
        sum
    })
}

/// What hosts are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Bytes sent and received.
    #[default]
    Bytes,
    /// Packets sent and received.
    Packets,
    /// Connections opened.
    Connections,
    /// Bytes received.
    Rx,
    /// Bytes sent.
    Tx,
    /// The address, lowest first, IPv4 before IPv6.
    Ip,
}

impl Sort {
    /// Every way, with what is to be said of it.
    pub const ALL: [(Sort, &'static str); 6] = [
        (Sort::Bytes, "Bytes sent and received"),
        (Sort::Packets, "Packets sent and received"),
        (Sort::Connections, "Connections opened"),
        (Sort::Rx, "Bytes received"),
        (Sort::Tx, "Bytes sent"),
        (Sort::Ip, "The address, lowest first"),
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Sort::Bytes => "bytes",
            Sort::Packets => "packets",
            Sort::Connections => "connections",
            Sort::Rx => "rx",
            Sort::Tx => "tx",
            Sort::Ip => "ip",
        }
    }
}

/// Hosts are not sorted by anything of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSort;

impl std::fmt::Display for UnknownSort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hosts are sorted by bytes, packets, connections, rx, tx or ip")
    }
}

impl std::error::Error for UnknownSort {}

impl FromStr for Sort {
    type Err = UnknownSort;

    fn from_str(name: &str) -> Result<Sort, UnknownSort> {
        Sort::ALL.into_iter().map(|(sort, _)| sort).find(|sort| sort.name() == name).ok_or(UnknownSort)
    }
}

/// The members of a host's object.
pub fn host(json: &mut Json<'_>, row: &HostRow) {
    json.plain("ip", row.address);
    for (class, (counters, open)) in Class::ALL.into_iter().zip(row.classes.iter().zip(row.open)) {
        json.member(class.name(), |json| {
            json.counter("tx", counters.tx);
            json.counter("rx", counters.rx);
            json.number("connections", open);
        });
    }
    json.number("connections_opened", row.opened);
    json.time("first", row.first);
    json.time("last", row.last);
}
