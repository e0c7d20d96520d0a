//! What holds at any time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use tctable::account::Class;
use tctable::conntrack::{Changes, Connection, ConnectionId, Direction, Status};
use tctable::packet::Family;
use tctable::{Config, Event, Gateway};

#[derive(Default)]
pub struct Invariants {
    max: usize,
    host_max: usize,
    host_connections_max: u64,
    max_events: usize,
    /// Every event is asked for, and none is lost.
    mirrors: bool,
    /// The connections that the events tell of.
    told: HashSet<ConnectionId>,
    /// Packets, bytes, mark and labels of those that were there at the last look.
    known: HashMap<ConnectionId, Known>,
    /// What may only grow, as it was at the last look.
    grown: Vec<u64>,
    count: usize,
    hosts: usize,
    initiated: BTreeMap<IpAddr, u64>,
    events_lost: u64,
}

#[derive(Clone, Copy, Default)]
struct Known {
    counters: [u64; 4],
    mark: u32,
    labels: u128,
}

fn counters(connection: &Connection) -> [u64; 4] {
    let [there, back] = [Direction::Original, Direction::Reply].map(|direction| connection.counter(direction));
    [there.packets, there.bytes, back.packets, back.bytes]
}

impl Invariants {
    pub fn new(config: &Config) -> Self {
        Invariants {
            max: config.conntrack.max as usize,
            host_max: config.hosts.max as usize,
            host_connections_max: config.hosts.max_connections.into(),
            max_events: config.max_events,
            mirrors: config.events.connections == Changes::ALL && config.max_events == usize::MAX,
            ..Invariants::default()
        }
    }

    pub fn tuned(&mut self, name: &str, value: u64) {
        match name {
            "net.netfilter.nf_conntrack_max" => self.max = value as usize,
            "net.tctable.host_max" => self.host_max = value as usize,
            "net.tctable.host_connections_max" => self.host_connections_max = value,
            _ => {}
        }
    }

    pub fn deleted(&mut self, id: ConnectionId) {
        self.known.remove(&id);
    }

    pub fn marked(&mut self, id: ConnectionId, mark: u32) {
        self.known.entry(id).or_default().mark = mark;
    }

    pub fn labelled(&mut self, id: ConnectionId, labels: u128) {
        self.known.entry(id).or_default().labels = labels;
    }

    /// Nothing whose time is over is there after a call.
    pub fn check_deadlines(&self, gateway: &Gateway) {
        for (_, connection) in gateway.conntrack().iter() {
            assert!(connection.deadline() > gateway.now(), "{connection:?} is over at {:?}", gateway.now());
        }
        let timeout = gateway.hosts().config().timeout;
        for host in gateway.hosts().iter() {
            assert!(host.open_connections() != 0 || host.expires(timeout) > gateway.now(), "{host:?} is over");
        }
    }

    pub fn check(&mut self, gateway: &mut Gateway) {
        self.check_index(gateway);
        self.check_links(gateway);
        self.check_limits(gateway);
        assert!(gateway.totals().add_up(), "{:?}", gateway.totals());
        self.check_growth(gateway);
        if self.mirrors {
            self.take_events(gateway, usize::MAX);
            let there: HashSet<ConnectionId> = gateway.conntrack().iter().map(|(id, _)| id).collect();
            assert_eq!(self.told, there, "what was told, and what is there");
        }
    }

    /// Each connection is found by both of its tuples, and is what was known of it.
    fn check_index(&mut self, gateway: &Gateway) {
        let conntrack = gateway.conntrack();
        let mut known = HashMap::new();
        for (id, connection) in conntrack.iter() {
            assert!(conntrack.get(id).is_some());
            let (original, reply) = (connection.original(), connection.reply());
            // Who talks to himself over one port has one tuple.
            let alone = if *original == reply { Direction::Reply } else { Direction::Original };
            assert_eq!(conntrack.find(original), Some((id, alone)), "{connection:?}");
            assert_eq!(conntrack.find(&reply), Some((id, Direction::Reply)), "{connection:?}");
            let status = connection.status();
            assert!(status.contains(Status::CONFIRMED) && !status.contains(Status::DYING));
            assert!(connection.last_seen() <= gateway.now() && connection.first_seen() <= connection.last_seen());
            let before = self.known.remove(&id).unwrap_or_default();
            let counters = counters(connection);
            assert!(counters.iter().zip(before.counters).all(|(now, before)| *now >= before), "{connection:?}");
            assert!(counters[0] > 0);
            assert_eq!((connection.mark(), conntrack.labels(id)), (before.mark, before.labels), "{connection:?}");
            known.insert(id, Known { counters, ..before });
        }
        // A name is never given again.
        for id in self.known.keys() {
            assert!(conntrack.get(*id).is_none() && conntrack.labels(*id) == 0);
        }
        assert_eq!(known.len(), conntrack.count());
        self.known = known;
    }

    /// Hosts know how many connections they have, of which kind.
    fn check_links(&mut self, gateway: &Gateway) {
        let mut open: BTreeMap<IpAddr, ([u32; 4], u64, u64)> = BTreeMap::new();
        for (_, connection) in gateway.conntrack().iter() {
            let Some((host, id)) = gateway.owner(connection) else { continue };
            assert!(id < host.next_id());
            let (classes, unassured, initiated) = open.entry(host.address()).or_default();
            classes[Class::of(connection.original().protocol) as usize] += 1;
            *unassured += u64::from(!connection.status().contains(Status::ASSURED));
            let source = connection.original().source.to_ip(connection.original().family);
            *initiated += u64::from(source == host.address());
        }
        let mut addresses = BTreeSet::new();
        for host in gateway.hosts().iter() {
            assert!(addresses.insert(host.address()), "{} twice", host.address());
            let expected = open.remove(&host.address()).unwrap_or_default();
            let classes = Class::ALL.map(|class| host.connections(class));
            assert_eq!((classes, host.unassured_connections(), host.initiated_connections()), expected, "{host:?}");
        }
        assert!(open.is_empty(), "{open:?} belong to no host");
    }

    /// No table grows beyond its limit; one that was above it when that was lowered does not grow.
    fn check_limits(&mut self, gateway: &Gateway) {
        let count = gateway.conntrack().count();
        assert!(self.max == 0 || count <= self.max.max(self.count), "{count} connections of {}", self.max);
        self.count = count;
        let hosts = gateway.hosts().len();
        assert!(hosts <= self.host_max.max(self.hosts), "{hosts} hosts of {}", self.host_max);
        self.hosts = hosts;
        let initiated = gateway.hosts().iter().map(|host| (host.address(), host.initiated_connections()));
        let initiated: BTreeMap<IpAddr, u64> = initiated.collect();
        for (address, count) in &initiated {
            let before = self.initiated.get(address).copied().unwrap_or(0);
            let most = self.host_connections_max.max(before);
            assert!(self.host_connections_max == 0 || *count <= most, "{address}: {count} of {most}");
        }
        self.initiated = initiated;
    }

    /// What only grows has not fallen.
    fn check_growth(&mut self, gateway: &Gateway) {
        let totals = gateway.totals();
        let unaccounted = &totals.unaccounted;
        let counted = [
            totals.frames,
            totals.ip,
            totals.tx(),
            totals.rx(),
            totals.inside_to_inside,
            unaccounted.outside_to_outside,
            unaccounted.host_table_full,
            unaccounted.conntrack_full,
            unaccounted.host_limit,
            unaccounted.host_rate_limit,
            unaccounted.group_limit,
            unaccounted.group_rate_limit,
            unaccounted.quota,
            unaccounted.fragments_refused,
        ];
        let mut grown: Vec<u64> = counted.iter().flat_map(|counter| [counter.packets, counter.bytes]).collect();
        let statistics = gateway.conntrack().statistics();
        grown.extend(statistics.named().map(|(_, value)| value));
        grown.extend([totals.hosts_refused, totals.time_reversed, totals.events_lost, gateway.now().as_nanos()]);
        for family in [Family::V4, Family::V6] {
            let defrag = gateway.defrag(family);
            grown.extend([defrag.requests, defrag.oks, defrag.fails, defrag.timeouts, defrag.overlaps, defrag.cut]);
            assert_eq!(defrag.queues == 0, defrag.memory == 0, "{defrag:?}");
        }
        assert!(self.grown.is_empty() || self.grown.iter().zip(&grown).all(|(before, now)| before <= now));
        self.grown = grown;
        assert_eq!(statistics.insert - statistics.delete, gateway.conntrack().count() as u64);
        // One first packet at a time.
        assert_eq!((statistics.found, statistics.clash_resolve, statistics.insert_failed), (0, 0, 0));
    }

    /// Takes some events.
    pub fn take_events(&mut self, gateway: &mut Gateway, most: usize) {
        let mut taken = 0;
        while taken < most {
            let Some(event) = gateway.poll_event() else { break };
            taken += 1;
            match event {
                Event::Connection { changes, id, connection, .. } => {
                    assert!(!changes.is_empty() && !changes.contains(Changes::DESTROY));
                    assert!(connection.status().contains(Status::CONFIRMED));
                    let begins = changes.contains(Changes::NEW) || changes.contains(Changes::RELATED);
                    let is_new = if begins { self.told.insert(id) } else { false };
                    assert!(!self.mirrors || is_new == begins && self.told.contains(&id));
                }
                Event::ConnectionEnded { id, ended, .. } => {
                    assert!(ended.connection.status().contains(Status::DYING) && ended.at <= gateway.now());
                    assert!(self.told.remove(&id) || !self.mirrors);
                }
                // Nobody asks for them here.
                Event::Expectation { .. } | Event::QuotaMark(_) | Event::Refused { .. } | Event::Log(_) => {
                    unreachable!()
                }
                Event::HostExpired(host) => assert_eq!(host.open_connections(), 0),
                Event::Lost(count) => {
                    assert!(count > 0);
                    self.events_lost += count;
                }
            }
        }
        // Besides the news of the latest gap.
        assert!(taken <= self.max_events.saturating_add(1));
        assert!(self.events_lost <= gateway.totals().events_lost);
        if taken < most {
            assert_eq!(self.events_lost, gateway.totals().events_lost);
        }
    }

    /// All that can be seen, in words; but for the events.
    pub fn describe(&self, gateway: &Gateway) -> Vec<String> {
        let mut seen = vec![format!("{:?} {:?}", gateway.totals(), gateway.conntrack().statistics())];
        seen.extend(gateway.hosts().iter().map(|host| format!("{host:?}")));
        seen.extend(gateway.conntrack().iter().map(|(id, connection)| format!("{id:?} {connection:?}")));
        seen.push(format!("{:?} {:?}", gateway.now(), gateway.poll_timeout()));
        seen.extend([Family::V4, Family::V6].map(|family| format!("{:?}", gateway.defrag(family))));
        seen
    }

    /// Nothing leaks.
    pub fn check_empty(&self, gateway: &Gateway) {
        assert_eq!((gateway.conntrack().count(), gateway.hosts().len()), (0, 0));
        for family in [Family::V4, Family::V6] {
            assert_eq!((gateway.defrag(family).queues, gateway.defrag(family).memory), (0, 0));
        }
        assert_eq!(gateway.poll_timeout(), None);
        assert!(self.known.is_empty() && (!self.mirrors || self.told.is_empty()));
    }
}
