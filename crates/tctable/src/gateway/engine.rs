use super::burst::Burst;
use super::config::Config;
use super::event::Events;
use super::hooks::Hooks;
use super::queue::Queues;
use super::route::Own;
use super::totals::Totals;
use super::transmit::Transmits;
use super::zones::Zones;
use crate::account::{Herald, Hosts, Inside, Owner};
use crate::conntrack::{Connection, Conntrack};
use crate::defrag::{Defrag, Statistics as DefragStatistics};
use crate::hook::Devices;
use crate::packet::Family;
use crate::ruleset::program::{Effect, Program};
use crate::table::Random;
use crate::time::Instant;

/// One engine: the tables of one shard and the road through them.
///
/// It does no I/O and reads no clock: frames and their times go in, tables, totals and events can be read.
///
/// ```
/// use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
/// use tctable::time::Instant;
/// use tctable::{Config, Gateway};
///
/// // An IPv4 UDP datagram of 32 bytes from 192.168.0.7:5000 to 198.51.100.1:53.
/// let datagram: [u8; 32] = [
///     0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 168, 0, 7, 198, 51, 100, 1, // IPv4
///     0x13, 0x88, 0, 53, 0, 12, 0, 0, // UDP
///     1, 2, 3, 4,
/// ];
/// let mut gateway = Gateway::new(Config::default());
/// gateway.receive([Frame {
///     time: Instant::from_secs(1),
///     device: DeviceId(0),
///     direction: FrameDirection::Unknown,
///     link: LinkType::Raw,
///     wire_len: 32,
///     data: &datagram,
/// }]);
///
/// let host = gateway.hosts().iter().next().expect("192.168.0.7 is inside");
/// assert_eq!((host.open_connections(), host.class(tctable::account::Class::Udp).tx.bytes), (1, 32));
/// assert_eq!(gateway.conntrack().count(), 1);
///
/// // An unanswered datagram keeps its connection for 30 seconds.
/// gateway.handle_timeout(Instant::from_secs(32));
/// assert_eq!(gateway.conntrack().count(), 0);
/// ```
#[derive(Debug)]
pub struct Gateway {
    pub(super) config: Config,
    pub(super) conntrack: Conntrack,
    pub(super) hosts: Hosts,
    pub(super) zones: Zones,
    /// Taken out while a datagram that it made whole is on its road.
    pub(super) defrag: Option<Box<Defrag>>,
    pub(super) hooks: Hooks,
    pub(super) program: Option<Box<Program>>,
    /// What rules did beside their verdicts, until it is seen to.
    pub(super) effects: Vec<Effect>,
    /// For rules that go by chance.
    pub(super) random: Random,
    pub(super) devices: Devices,
    pub(super) own: Own,
    pub(super) queues: Queues,
    pub(super) transmits: Transmits,
    pub(super) totals: Totals,
    pub(super) events: Events,
    pub(super) herald: Herald,
    /// The mark that a quota put on a packet the last time that one did.
    pub(super) quota_mark: u32,
    pub(super) now: Instant,
    pub(super) timers_at: Instant,
    /// Used anew by each burst; taken out while one is under way.
    pub(super) burst: Option<Box<Burst>>,
}

impl Gateway {
    /// An engine with empty tables.
    pub fn new(config: Config) -> Self {
        Gateway {
            conntrack: Self::conntrack_of(&config),
            hosts: Hosts::new(config.hosts.clone(), config.hash_key),
            zones: Zones::default(),
            defrag: Some(Box::new(Defrag::new(&config.defrag, config.hash_key))),
            hooks: Hooks::new(),
            program: None,
            effects: Vec::new(),
            random: Random::new(config.seed),
            devices: Devices::default(),
            own: Own::new(&config.local),
            queues: Queues::default(),
            transmits: Transmits::new(config.max_transmits),
            totals: Totals::default(),
            events: Events::new(config.max_events),
            herald: Herald::default(),
            quota_mark: 0,
            now: Instant::ZERO,
            timers_at: Instant::ZERO,
            burst: None,
            config,
        }
    }

    fn conntrack_of(config: &Config) -> Conntrack {
        let Config { conntrack, helpers, hash_key, seed, events, .. } = config;
        let mut conntrack = Conntrack::new(conntrack.clone(), helpers.clone(), *hash_key, *seed);
        if events.expectations {
            conntrack.keep_expectation_changes();
        }
        conntrack
    }

    /// The connections.
    pub fn conntrack(&self) -> &Conntrack {
        &self.conntrack
    }

    /// The hosts.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// What happened to the fragments of one family.
    pub fn defrag(&self, family: Family) -> DefragStatistics {
        self.defrag.as_ref().map_or_else(DefragStatistics::default, |defrag| *defrag.statistics(family))
    }

    /// What was seen, and what was not accounted.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The latest time that the engine was told.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Which networks and devices are inside; may be changed at any time. Devices count from the next packet on, prefixes
    /// for connections that begin later: an open one keeps what its first packet was told.
    pub fn inside_mut(&mut self) -> &mut Inside {
        &mut self.config.inside
    }

    /// The host that a connection belongs to and its id there; `None` where its first packet was not accounted.
    pub fn owner(&self, connection: &Connection) -> Option<(&crate::account::Host, u64)> {
        let owner = Owner::from_cookie(connection.cookie())?;
        Some((self.hosts.get(owner), owner.id))
    }
}
