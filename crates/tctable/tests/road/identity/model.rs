//! What must hold after every frame, counted beside the engine in the plainest way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use tctable::account::{Class, Host};
use tctable::conntrack::{Connection, Counter, CtState, Direction, Statistics};
use tctable::gateway::{Observer, Seen, Totals};
use tctable::packet::{Fragment, PacketInfo, Tuple};
use tctable::time::Instant;
use tctable::{Event, Gateway};

use super::customers::Customers;
use super::steps::{World, is_inside};
use crate::support::{Shown, counter, life};

/// All that can be seen of a run, for comparing.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    frames: Vec<String>,
    events: Vec<String>,
    hosts: Vec<String>,
    groups: Vec<String>,
    snapshot: Vec<u8>,
    connections: Vec<String>,
    totals: Totals,
    statistics: Statistics,
    timeout: Option<Instant>,
    now: Instant,
}

impl Outcome {
    /// The hosts as they were in the end.
    pub fn snapshot(&self) -> &[u8] {
        &self.snapshot
    }
}

/// Watches a run.
#[derive(Default)]
pub struct Auditor {
    crowded: bool,
    frames: Vec<String>,
    events: Vec<String>,
    /// IP packets by what they were to connections: none, invalid, untracked.
    judged: [u64; 3],
    /// What the addresses of the packets that were not dropped say: from inside, to inside, neither.
    by_address: [Counter; 3],
    /// What was counted for connections.
    counted: Counter,
    /// Connections that had been confirmed.
    opened: u64,
    /// Fragments that had been refused.
    refused: u64,
    /// The tuple of each connection that was seen: its first packet's time and its packets.
    known: BTreeMap<String, (Instant, u64)>,
    /// The names of all connections that there ever were, and the last id of each host.
    names: BTreeSet<(IpAddr, u64)>,
    last_ids: BTreeMap<IpAddr, u64>,
    /// What hosts and groups may, and what they did.
    customers: Customers,
    /// What ended connections and expired hosts had counted.
    ended: Counter,
    expired: [Counter; 2],
}

fn add(one: Counter, other: Counter) -> Counter {
    counter(one.packets + other.packets, one.bytes + other.bytes)
}

fn sum(counters: impl IntoIterator<Item = Counter>) -> Counter {
    counters.into_iter().fold(Counter::default(), add)
}

/// A connection's traffic in both directions.
fn traffic(connection: &Connection) -> Counter {
    sum([Direction::Original, Direction::Reply].map(|direction| connection.counter(direction)))
}

/// A host's traffic: sent and received.
fn sides(host: &Host) -> [Counter; 2] {
    let classes = Class::ALL.map(|class| host.class(class));
    [sum(classes.map(|class| class.tx)), sum(classes.map(|class| class.rx))]
}

/// The same words for both directions of a connection.
fn name(tuple: &Tuple) -> String {
    let words = |tuple: &Tuple| format!("{} {} {tuple}", tuple.family, tuple.protocol);
    let inverted = tuple.inverted().map_or_else(|| words(tuple), |inverted| words(&inverted));
    words(tuple).min(inverted)
}

fn describe_connection(connection: &Connection) -> String {
    let both = [Direction::Original, Direction::Reply].map(|direction| connection.counter(direction));
    let times = (connection.first_seen(), connection.last_seen(), connection.deadline());
    format!("{} {} {both:?} {times:?}", connection.original(), life(connection))
}

fn describe_host(host: &Host) -> String {
    let classes = Class::ALL.map(|class| (host.class(class), host.connections(class)));
    let ids = (host.connections_opened(), host.next_id());
    let times = (host.first_seen(), host.last_seen(), host.expires(tctable::time::Duration::ZERO));
    format!("{} {classes:?} {ids:?} {times:?}", host.address())
}

impl Observer for Auditor {
    fn seen(&mut self, gateway: &Gateway, seen: &Seen<'_>) {
        let shown = Shown::from(seen);
        let connection = shown.connection.as_ref().map(describe_connection);
        self.frames.push(format!(
            "{} {:?} {:?} {connection:?} {:?}",
            shown.line(),
            shown.host,
            shown.id,
            seen.packet.err()
        ));
        if let Ok(info) = seen.packet {
            self.judge(gateway, info, seen);
        }
        self.check(gateway);
        // Where there are many it would take too long after every frame.
        if !self.crowded || self.frames.len().is_multiple_of(50) {
            self.check_links(gateway);
        }
    }
}

impl Auditor {
    /// For a road that so many packets between others have passed before.
    pub fn after(world: &World, crowd: &[Vec<u8>]) -> Auditor {
        let passed = counter(crowd.len() as u64, crowd.iter().map(|packet| packet.len() as u64).sum());
        let by_address = [Counter::default(), Counter::default(), passed];
        Auditor {
            customers: Customers::of(world),
            counted: passed,
            by_address,
            crowded: !crowd.is_empty(),
            ..Auditor::default()
        }
    }

    fn judge(&mut self, gateway: &Gateway, info: &PacketInfo, seen: &Seen<'_>) {
        let refused = gateway.totals().unaccounted.fragments_refused.packets;
        let refused = std::mem::replace(&mut self.refused, refused) != refused;
        if self.customers.count(gateway, info) && info.fragment != Fragment::None {
            return;
        }
        match seen.ct_state {
            // It waits for the rest of its datagram, or was refused.
            None if info.fragment != Fragment::None => {}
            None => self.judged[0] += 1,
            Some(CtState::Invalid) => self.judged[1] += 1,
            Some(CtState::Untracked) => self.judged[2] += 1,
            Some(CtState::Related) => {}
            Some(CtState::New | CtState::Established) => self.follow(gateway, info, seen),
        }
        if seen.ct_state.is_none() && (info.fragment == Fragment::None || refused) {
            return;
        }
        let inside = [info.tuple.source, info.tuple.destination].map(|end| is_inside(end.to_ip(info.tuple.family)));
        for (place, told) in [(0, inside[0]), (1, inside[1]), (2, inside == [false, false])] {
            if told {
                self.by_address[place].count(info.ip_len);
            }
        }
    }

    /// A packet of a connection. It counts for it unless the connection stands as it stood before.
    fn follow(&mut self, gateway: &Gateway, info: &PacketInfo, seen: &Seen<'_>) {
        let name = name(&info.tuple);
        let Some((connection, id)) = seen.connection else {
            // It ended the connection.
            self.known.remove(&name);
            self.counted.count(info.ip_len);
            return;
        };
        let stands = (connection.first_seen(), traffic(connection).packets);
        let before = self.known.insert(name, stands);
        // One that took the place of its namesake at the same moment stands just as that did.
        let opened = std::mem::replace(&mut self.opened, gateway.conntrack().statistics().insert) != self.opened;
        let counts = opened || before != Some(stands);
        if counts {
            self.counted.count(info.ip_len);
        }
        if stands.1 == 1
            && counts
            && let (Some(id), Some((host, _))) = (id, gateway.owner(connection))
        {
            assert!(self.names.insert((host.address(), id)), "{} {id} was given twice", host.address());
            let last = self.last_ids.insert(host.address(), id);
            assert!(last < Some(id), "ids rise");
        }
    }

    /// Takes the events that wait.
    pub fn take_events(&mut self, gateway: &mut Gateway) {
        while let Some(event) = gateway.poll_event() {
            self.events.push(match event {
                Event::ConnectionEnded { owner, ended, .. } => {
                    self.ended = add(self.ended, traffic(&ended.connection));
                    let words = describe_connection(&ended.connection);
                    format!("{owner:?} {words} {:?} {:?}", ended.at, ended.reason)
                }
                Event::HostExpired(host) => {
                    assert_eq!(host.open_connections(), 0);
                    let [sent, received] = sides(&host);
                    self.expired = [add(self.expired[0], sent), add(self.expired[1], received)];
                    self.customers.expired(&host);
                    describe_host(&host)
                }
                Event::Connection { changes, owner, connection, .. } => {
                    format!("{owner:?} {changes:?} {}", describe_connection(&connection))
                }
                Event::Expectation { change, expectation } => format!("{change:?} {expectation:?}"),
                Event::Log(record) => format!("{record:?}"),
                Event::Lost(count) => format!("{count} lost"),
                Event::QuotaMark(reached) => format!("{reached:?}"),
                Event::Refused { host, refusal, count } => format!("{host} {refusal:?} {count}"),
            });
        }
    }

    /// What can be checked at any time.
    pub fn check(&self, gateway: &Gateway) {
        let totals = gateway.totals();
        let Totals { ip, inside_to_inside, unaccounted, .. } = totals;
        // The identity, with what is subtracted on the other side.
        assert_eq!(sum([totals.tx(), totals.rx(), unaccounted.ip()]), add(*ip, *inside_to_inside));
        let not_ip = unaccounted.not_ip.values().copied().chain(unaccounted.malformed().map(|(_, count)| count));
        assert_eq!(totals.frames.packets, ip.packets + sum(not_ip).packets);

        let statistics = gateway.conntrack().statistics();
        let limits = [
            unaccounted.host_limit,
            unaccounted.host_rate_limit,
            unaccounted.group_limit,
            unaccounted.group_rate_limit,
            unaccounted.quota,
        ];
        let dropped = statistics.drop + sum(limits).packets - self.customers.dropped_fragments();
        // What is dropped after it was judged is not shown as judged.
        assert_eq!(dropped, self.judged[0]);
        let judged = [statistics.invalid + statistics.error, statistics.ignore];
        if unaccounted.quota.packets == 0 {
            assert_eq!(judged, self.judged[1..]);
        }
        self.customers.check(gateway);
        assert_eq!(statistics.insert - statistics.delete, gateway.conntrack().count() as u64);
        assert_eq!((statistics.insert_failed, totals.events_lost), (0, 0));
        assert_eq!(unaccounted.conntrack_full.packets, statistics.drop);
    }

    /// That connections and hosts know each other.
    fn check_links(&self, gateway: &Gateway) {
        let mut open: HashMap<(IpAddr, Class), u32> = HashMap::new();
        for (id, connection) in gateway.conntrack().iter() {
            assert!(gateway.conntrack().get(id).is_some());
            if let Some((host, _)) = gateway.owner(connection) {
                let mut listed = gateway.host_connections(host.address()).expect("a host");
                assert!(listed.any(|(other, _)| other == id), "{} has {connection:?}", host.address());
                *open.entry((host.address(), Class::of(connection.original().protocol))).or_default() += 1;
            }
        }
        for host in gateway.hosts().iter() {
            for class in Class::ALL {
                let expected = open.remove(&(host.address(), class)).unwrap_or(0);
                assert_eq!(host.connections(class), expected, "{} {class:?}", host.address());
            }
            let listed = gateway.host_connections(host.address()).expect("a host").count();
            assert_eq!(listed as u64, host.open_connections(), "{}", host.address());
        }
        assert!(open.is_empty(), "{open:?} belong to no host");
    }

    /// What can be checked at the end, and what there is to compare.
    pub fn finish(mut self, mut gateway: Gateway) -> Outcome {
        self.take_events(&mut gateway);
        self.check(&gateway);
        self.check_links(&gateway);
        let totals = gateway.totals();

        let live = gateway.conntrack().iter().map(|(_, connection)| traffic(connection));
        if totals.unaccounted.quota.packets == 0 {
            assert_eq!(add(sum(live), self.ended), self.counted, "connections, open and ended");
        }

        let [sent, received] = gateway
            .hosts()
            .iter()
            .map(sides)
            .fold(self.expired, |[tx, rx], [sent, received]| [add(tx, sent), add(rx, received)]);
        assert_eq!([sent, received], [totals.tx(), totals.rx()], "hosts, present and expired");
        self.customers.check_groups(&gateway);

        Outcome {
            frames: self.frames,
            events: self.events,
            hosts: gateway.hosts().iter().map(describe_host).collect(),
            groups: gateway.groups().map(|group| format!("{group:?}")).collect(),
            snapshot: gateway.snapshot_hosts(),
            connections: gateway.conntrack().iter().map(|(_, connection)| describe_connection(connection)).collect(),
            totals: totals.clone(),
            statistics: *gateway.conntrack().statistics(),
            timeout: gateway.poll_timeout(),
            now: gateway.now(),
        }
    }

    /// Without inside devices every packet counts for the addresses in its own header, if there was a place for them.
    pub fn check_addresses(&self, totals: &Totals) {
        let [from_inside, to_inside, neither] = self.by_address;
        assert_eq!(totals.unaccounted.outside_to_outside, neither);
        if totals.hosts_refused == 0 {
            assert_eq!([totals.tx(), totals.rx()], [from_inside, to_inside]);
        }
    }
}
