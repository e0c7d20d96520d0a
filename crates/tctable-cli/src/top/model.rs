//! What is known of a gateway from one look after another.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use ipnet::IpNet;
use tctable_view::HostRow;

use crate::live::documents::{Class, Classes, Hosts};

/// Rates that are kept of each host: what a graph can show.
const HISTORY: usize = 120;

/// A host and how fast it goes.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) row: HostRow,
    /// Bits a second that it receives and sends.
    pub(super) down: u64,
    pub(super) up: u64,
    /// The sum of both, the newest last.
    pub(super) history: VecDeque<u64>,
}

/// What hosts are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Rate,
    Down,
    Up,
    Total,
    Connections,
    Address,
}

impl Order {
    /// All, with their keys and names.
    pub(super) const ALL: [(Order, char, &'static str); 6] = [
        (Order::Rate, 'r', "rate"),
        (Order::Down, 'd', "down"),
        (Order::Up, 'u', "up"),
        (Order::Total, 't', "total"),
        (Order::Connections, 'c', "connections"),
        (Order::Address, 'a', "address"),
    ];

    pub(super) fn name(self) -> &'static str {
        Order::ALL[self as usize].2
    }

    pub(super) fn next(self) -> Order {
        Order::ALL[(self as usize + 1) % Order::ALL.len()].0
    }

    fn rank(self, host: &Host) -> u64 {
        match self {
            Order::Rate => host.down.saturating_add(host.up),
            Order::Down => host.down,
            Order::Up => host.up,
            Order::Total => host.row.rx().bytes + host.row.tx().bytes,
            Order::Connections => host.row.open_connections(),
            Order::Address => 0,
        }
    }
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub(super) struct Model {
    hosts: HashMap<IpAddr, Host>,
    hosts_at: Option<Instant>,
    /// All hosts' bytes at the last look.
    bytes: [u64; 2],
    /// Bits a second that all hosts receive and send.
    pub(super) down: u64,
    pub(super) up: u64,
    /// Hosts and connections that there are.
    pub(super) count: u64,
    pub(super) open: u64,
    /// How long the gateway runs, in seconds.
    pub(super) running: f64,
    classes: Vec<(Class, u64)>,
    classes_at: Option<Instant>,
}

impl Model {
    /// Takes hosts in: all of them, or those that counted something since the last time.
    pub(super) fn take_hosts(&mut self, document: &Hosts, all: bool, at: Instant) {
        let rate = rate_since(self.hosts_at, at);
        let mut seen: HashMap<IpAddr, HostRow> =
            document.hosts.iter().map(|host| (host.ip, HostRow::from(host))).collect();
        self.hosts.retain(|address, host| {
            let row = seen.remove(address);
            let is_there = row.is_some() || !all;
            host.step(row.unwrap_or_else(|| host.row.clone()), &rate);
            is_there
        });
        let is_first = self.hosts_at.is_none();
        for (address, row) in seen {
            // Of a host that was not there before, all is new; at the first look nothing is known to be.
            let mut host = Host { down: 0, up: 0, history: VecDeque::new(), row };
            if !is_first && !all {
                (host.down, host.up) = (rate(host.row.rx().bytes), rate(host.row.tx().bytes));
                host.history.push_back(host.down.saturating_add(host.up));
            }
            self.hosts.insert(address, host);
        }
        let totals = &document.totals;
        let bytes = [totals.rx.bytes, totals.tx.bytes];
        if !is_first {
            self.down = rate(bytes[0].saturating_sub(self.bytes[0]));
            self.up = rate(bytes[1].saturating_sub(self.bytes[1]));
        }
        self.bytes = bytes;
        (self.count, self.open) = (totals.hosts, totals.connections_open);
        self.running = document.capture.duration;
        self.hosts_at = Some(at);
    }

    /// Takes classes in.
    pub(super) fn take_classes(&mut self, document: Classes, at: Instant) {
        let rate = rate_since(self.classes_at, at);
        let key = |class: &Class| (class.device.clone(), class.class.clone());
        let before: HashMap<_, u64> = self.classes.iter().map(|(class, _)| (key(class), class.sent.bytes)).collect();
        let with_rate = |class: Class| {
            let before = before.get(&key(&class)).copied();
            let rate = before.map_or(0, |before| rate(class.sent.bytes.saturating_sub(before)));
            (class, rate)
        };
        self.classes = document.classes.into_iter().map(with_rate).collect();
        self.classes_at = Some(at);
    }

    /// The hosts that are to be shown, in their order.
    pub(super) fn hosts(&self, order: Order, filter: &str) -> Vec<&Host> {
        let wanted = Filter::new(filter);
        let mut hosts: Vec<&Host> = self.hosts.values().filter(|host| wanted.wants(host.row.address)).collect();
        hosts.sort_by_key(|host| (Reverse(order.rank(host)), host.row.address));
        hosts
    }

    /// The classes with their rates, in bits a second.
    pub(super) fn classes(&self) -> &[(Class, u64)] {
        &self.classes
    }
}

impl Host {
    fn step(&mut self, row: HostRow, rate: &impl Fn(u64) -> u64) {
        // Counters may have been zeroed.
        let since = |now: u64, before: u64| if now < before { now } else { now - before };
        self.down = rate(since(row.rx().bytes, self.row.rx().bytes));
        self.up = rate(since(row.tx().bytes, self.row.tx().bytes));
        self.history.push_back(self.down.saturating_add(self.up));
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
        self.row = row;
    }
}

/// What so many bytes since then come to, in bits a second.
fn rate_since(before: Option<Instant>, now: Instant) -> impl Fn(u64) -> u64 {
    let seconds = before.map_or(0.0, |before| now.saturating_duration_since(before).as_secs_f64());
    move |bytes| if seconds > 0.0 { (bytes as f64 * 8.0 / seconds).round() as u64 } else { 0 }
}

/// What addresses are looked for: a prefix, or a part of their text.
enum Filter<'a> {
    Net(IpNet),
    Part(&'a str),
}

impl Filter<'_> {
    fn new(text: &str) -> Filter<'_> {
        match text.parse() {
            Ok(net) => Filter::Net(net),
            Err(_) => Filter::Part(text),
        }
    }

    fn wants(&self, address: IpAddr) -> bool {
        match self {
            Filter::Net(net) => net.contains(&address),
            Filter::Part(part) => part.is_empty() || address.to_string().contains(part),
        }
    }
}
