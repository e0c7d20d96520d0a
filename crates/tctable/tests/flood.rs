//! A flood of random SYNs against a table of the default size: who is connected stays so, and who opens new connections
//! meanwhile gets them.
//!
//! `TCTABLE_FLOOD_PACKETS` tells how many SYNs each test sends; a million by default, enough to fill the table six times.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tctable::conntrack::{ConnectionId, Status};
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};
use tctable_lab::packets::{Tcp, flags, tcp_packet, udp_packet};

/// Connections that the table holds.
const TABLE: u32 = 262_144;
/// Hosts that have connections before the flood, and how many each.
const HOSTS: u32 = 1_000;
const CONNECTIONS_EACH: u16 = 100;
/// Of them: hosts that also have connections that were answered but are not assured, and how many each.
const ASKERS: u32 = 100;
const ANSWERED_EACH: u16 = 50;
/// Flood packets between one new connection of somebody else and the next.
const OPEN_EVERY: u64 = 1_000;
/// Flood packets that are sent at a time.
const BURST: u64 = 100;
/// Hosts that have a place in the host table: sources that nobody has fill it soon, which must not matter.
const HOST_TABLE: u32 = 100_000;

fn flood_packets() -> u64 {
    std::env::var("TCTABLE_FLOOD_PACKETS").map_or(1_000_000, |count| count.parse().expect("a number of packets"))
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn port(&mut self) -> u16 {
        1 + (self.next() % 65_535) as u16
    }
}

/// Where the flood comes from, and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flood {
    /// One host inside, to anybody outside.
    OneHost,
    /// Anybody inside, to anybody outside: sources are made up.
    MadeUpInside,
    /// Anybody outside, to one host inside.
    FromOutside,
}

/// A family's addresses, by number. By the default prefixes those of `inside` and `made_up` are inside.
#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn address(self, v4: u32, v6: u16, nth: u64) -> IpAddr {
        match self {
            Family::V4 => Ipv4Addr::from_bits(v4 | nth as u32).into(),
            Family::V6 => Ipv6Addr::from_bits(u128::from(v6) << 112 | u128::from(nth)).into(),
        }
    }

    /// A host that lives inside: of 4,194,304.
    fn inside(self, nth: u64) -> IpAddr {
        self.address(0x0a00_0000, 0xfd01, nth & 0x3f_ffff)
    }

    /// An address inside that nobody has: of 8,388,608, and of more in IPv6.
    fn made_up(self, random: &mut Random) -> IpAddr {
        let nth = random.next();
        match self {
            Family::V4 => self.address(0x0a80_0000, 0, nth & 0x7f_ffff),
            Family::V6 => self.address(0, 0xfd02, nth),
        }
    }

    /// Anybody outside.
    fn outside(self, random: &mut Random) -> IpAddr {
        let nth = random.next();
        match self {
            Family::V4 => self.address(0x2000_0000, 0, nth & 0x0fff_ffff),
            Family::V6 => self.address(0, 0x2001, nth),
        }
    }

    /// Whom the others talk to.
    fn server(self) -> SocketAddr {
        SocketAddr::new(self.address(0xc633_6401, 0x2600, 1), 443)
    }
}

/// A connection that somebody opens while the flood is on.
#[derive(Clone, Copy)]
struct Opening {
    /// The number of the flood packet before the next step.
    due: u64,
    client: SocketAddr,
    /// The SYN was answered.
    answered: bool,
}

struct Scene {
    gateway: Gateway,
    family: Family,
    now: Instant,
    random: Random,
    /// Connections that are assured and have to stay.
    assured: Vec<ConnectionId>,
    /// Connections that were answered, and have to stay as long as the flood has none such.
    answered: Vec<ConnectionId>,
    openings: VecDeque<Opening>,
    opened: u64,
    refused: u64,
}

/// A segment without data; `ack` is that of an answer.
fn segment(from: SocketAddr, to: SocketAddr, flags: u8) -> Vec<u8> {
    let ack = u32::from(flags & flags::ACK != 0);
    let seq = u32::from(flags == flags::ACK);
    tcp_packet(from, to, &Tcp { seq, ack, flags, ..Tcp::default() }, b"")
}

impl Scene {
    /// A gateway with a hundred thousand open connections, a hundred of each host.
    fn new(family: Family, change: impl FnOnce(&mut Config)) -> Scene {
        let mut config = Config { seed: 7, ..Config::default() };
        assert_eq!(config.conntrack.max, TABLE, "the default size");
        config.hosts.max = HOST_TABLE;
        change(&mut config);
        let mut scene = Scene {
            gateway: Gateway::new(config),
            family,
            now: Instant::from_secs(1_700_000_000),
            random: Random(1),
            assured: Vec::new(),
            answered: Vec::new(),
            openings: VecDeque::new(),
            opened: 0,
            refused: 0,
        };
        for host in 0..HOSTS {
            for port in 1..=CONNECTIONS_EACH {
                let client = SocketAddr::new(family.inside(host.into()), port);
                scene.send(client, family.server(), flags::SYN);
                scene.send(family.server(), client, flags::SYN | flags::ACK);
                scene.send(client, family.server(), flags::ACK);
            }
        }
        for host in 0..ASKERS {
            for port in 1..=ANSWERED_EACH {
                let client = SocketAddr::new(family.inside(host.into()), port);
                let server = family.server();
                scene.receive(&[udp_packet(client, server, b"ask"), udp_packet(server, client, b"answer")]);
            }
        }
        for (id, connection) in scene.gateway.conntrack().iter() {
            let assured = connection.status().contains(Status::ASSURED);
            if assured { scene.assured.push(id) } else { scene.answered.push(id) }
        }
        assert_eq!(scene.assured.len() as u32, HOSTS * u32::from(CONNECTIONS_EACH));
        assert_eq!(scene.answered.len() as u32, ASKERS * u32::from(ANSWERED_EACH));
        scene
    }

    fn receive(&mut self, packets: &[Vec<u8>]) {
        let start = self.now;
        // A million packets a second.
        let frames = packets.iter().zip(1..).map(|(data, nth)| Frame {
            time: start + Duration::from_nanos(nth * 1_000),
            device: DeviceId(0),
            direction: FrameDirection::Unknown,
            link: LinkType::Raw,
            wire_len: data.len() as u32,
            data,
        });
        self.gateway.receive(frames);
        self.now = self.gateway.now();
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, flags: u8) {
        self.receive(&[segment(from, to, flags)]);
    }

    /// Sends the flood, and all that others do meanwhile.
    fn flood(&mut self, flood: Flood, packets: u64) {
        let family = self.family;
        let one = family.inside(0x20_0000);
        for sent in (0..packets).step_by(BURST as usize) {
            let burst: Vec<Vec<u8>> = (0..BURST)
                .map(|_| {
                    let random = &mut self.random;
                    let (from, to) = match flood {
                        Flood::OneHost => (one, family.outside(random)),
                        Flood::MadeUpInside => (family.made_up(random), family.outside(random)),
                        Flood::FromOutside => (family.outside(random), one),
                    };
                    let (from, to) = (SocketAddr::new(from, random.port()), SocketAddr::new(to, random.port()));
                    segment(from, to, flags::SYN)
                })
                .collect();
            self.receive(&burst);
            if sent.is_multiple_of(OPEN_EVERY) {
                self.begin(sent);
            }
            self.go_on(sent);
        }
        self.go_on(u64::MAX);
    }

    /// Somebody else opens a connection: three of four times who has some already, else who was never seen.
    fn begin(&mut self, sent: u64) {
        let nth = sent / OPEN_EVERY;
        let host = if nth.is_multiple_of(4) { 0x10_0000 + nth / 4 } else { nth % u64::from(HOSTS) };
        let client = SocketAddr::new(self.family.inside(host), 10_000 + (nth / u64::from(HOSTS)) as u16);
        self.send(client, self.family.server(), flags::SYN);
        let due = sent + 1_000 + self.random.next() % 7_000;
        self.openings.push_back(Opening { due, client, answered: false });
    }

    /// The next steps of the handshakes that are due: the answer some thousand flood packets after the SYN, the third
    /// segment as long after that.
    fn go_on(&mut self, sent: u64) {
        for _ in 0..self.openings.len() {
            let Some(opening) = self.openings.pop_front() else { return };
            if opening.due > sent {
                self.openings.push_back(opening);
            } else if !opening.answered {
                self.send(self.family.server(), opening.client, flags::SYN | flags::ACK);
                let due = opening.due.saturating_add(1_000 + self.random.next() % 7_000);
                self.openings.push_back(Opening { due, answered: true, ..opening });
            } else {
                self.send(opening.client, self.family.server(), flags::ACK);
                self.conclude(opening.client);
            }
        }
        if sent == u64::MAX && !self.openings.is_empty() {
            self.go_on(sent);
        }
    }

    /// Whether the handshake made a connection that stays.
    fn conclude(&mut self, client: SocketAddr) {
        let (source, destination) = (client.ip().into(), self.family.server().ip().into());
        let family = if client.is_ipv4() { tctable::packet::Family::V4 } else { tctable::packet::Family::V6 };
        let tuple = tctable::packet::Tuple {
            source,
            destination,
            source_port: client.port(),
            destination_port: self.family.server().port(),
            protocol: 6,
            family,
            zone: 0,
        };
        let found = self.gateway.conntrack().find(&tuple);
        // Had the SYN been forgotten, the third segment would have picked the connection up without its beginning.
        let whole = |id: ConnectionId| {
            let connection = self.gateway.conntrack().get(id);
            connection.is_some_and(|of| {
                of.status().contains(Status::ASSURED)
                    && of.counter(tctable::conntrack::Direction::Original).packets == 2
                    && of.counter(tctable::conntrack::Direction::Reply).packets == 1
            })
        };
        match found.filter(|(id, _)| whole(*id)) {
            Some((id, _)) => {
                self.opened += 1;
                self.assured.push(id);
            }
            None => self.refused += 1,
        }
    }

    /// Assured connections that are gone.
    fn gone(&self) -> usize {
        let conntrack = self.gateway.conntrack();
        let stays = |id: &&ConnectionId| conntrack.get(**id).is_none_or(|of| !of.status().contains(Status::ASSURED));
        self.assured.iter().filter(stays).count()
    }

    /// What is to hold after a flood.
    fn expect_unharmed(&self, flood: Flood) {
        let statistics = self.gateway.conntrack().statistics();
        println!(
            "{flood:?}: {} opened, {} refused, {} gone of {}; {statistics:?}",
            self.opened,
            self.refused,
            self.gone(),
            self.assured.len()
        );
        assert_eq!(self.gone(), 0, "every assured connection stays");
        let answered = self.answered.iter().filter(|id| self.gateway.conntrack().get(**id).is_none()).count();
        assert_eq!(answered, 0, "every answered connection stays");
        assert!(self.opened + self.refused >= flood_packets() / OPEN_EVERY);
        assert_eq!(self.refused, 0, "all others could open theirs");
        assert!(self.gateway.conntrack().count() <= TABLE as usize);
    }
}

/// A flood of one kind in one family.
fn survives(family: Family, flood: Flood) {
    let mut scene = Scene::new(family, |_| ());
    scene.flood(flood, flood_packets());
    scene.expect_unharmed(flood);
    let statistics = scene.gateway.conntrack().statistics();
    assert!(statistics.early_drop > flood_packets() / 2, "the table was full");
    // Nothing was dropped: the flood took its own place over and over.
    assert_eq!((statistics.drop, statistics.insert_failed), (0, 0));
}

#[test]
fn one_host_ipv4() {
    survives(Family::V4, Flood::OneHost);
}

#[test]
fn one_host_ipv6() {
    survives(Family::V6, Flood::OneHost);
}

#[test]
fn made_up_sources_inside_ipv4() {
    survives(Family::V4, Flood::MadeUpInside);
}

#[test]
fn made_up_sources_inside_ipv6() {
    survives(Family::V6, Flood::MadeUpInside);
}

#[test]
fn sources_outside_ipv4() {
    survives(Family::V4, Flood::FromOutside);
}

#[test]
fn sources_outside_ipv6() {
    survives(Family::V6, Flood::FromOutside);
}

/// With a limit for each host the one that floods is held to it, and the table never gets full.
#[test]
fn one_host_held_to_its_limit() {
    const LIMIT: u32 = 1_000;
    for family in [Family::V4, Family::V6] {
        let mut scene = Scene::new(family, |config| config.hosts.max_connections = LIMIT);
        scene.flood(Flood::OneHost, flood_packets());
        scene.expect_unharmed(Flood::OneHost);
        let statistics = scene.gateway.conntrack().statistics();
        assert_eq!((statistics.early_drop, statistics.drop), (0, 0), "nobody is pushed out");
        let one = family.inside(0x20_0000);
        let host = scene.gateway.hosts().iter().find(|host| host.address() == one).expect("it is there");
        assert_eq!(host.initiated_connections(), LIMIT.into());
        let refused = scene.gateway.totals().unaccounted.host_limit.packets;
        assert_eq!(refused, flood_packets() - u64::from(LIMIT));
        // The table has not grown.
        assert_eq!(scene.gateway.conntrack().count(), scene.assured.len() + scene.answered.len() + LIMIT as usize);
    }
}
