//! What the tests have in common: the people of a small network, in both families, and a road to send packets along.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tctable::account::Host;
use tctable::conntrack::{Changes, Connection, ConnectionId, Counter, CtState, Direction};
use tctable::gateway::{EventMask, Observer, Seen};
use tctable::hook::Verdict;
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType, PacketInfo};
use tctable::time::{Duration, Instant};
use tctable::{Config, Event, Gateway};
use tctable_lab::packets::{Tcp, flags, icmp_echo, icmp_error, icmpv6_echo, icmpv6_error, ip, protocol, tcp_packet};
use tctable_lab::packets::{udp, udp_packet};

pub const CLIENT_PORT: u16 = 40_000;
pub const SERVER_PORT: u16 = 443;

/// When every test begins.
pub const START: Instant = Instant::from_secs(1_700_000_000);

/// Who there is, in one family. By the default prefixes the first two are inside.
#[derive(Clone, Copy, Debug)]
pub struct Net {
    pub client: IpAddr,
    pub neighbour: IpAddr,
    pub server: IpAddr,
    pub router: IpAddr,
}

pub const V4: Net = Net {
    client: IpAddr::V4(Ipv4Addr::new(192, 168, 0, 7)),
    neighbour: IpAddr::V4(Ipv4Addr::new(192, 168, 0, 8)),
    server: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
    router: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
};

pub const V6: Net = Net {
    client: IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7)),
    neighbour: IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 8)),
    server: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    router: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, 1)),
};

pub const BOTH: [Net; 2] = [V4, V6];

impl Net {
    /// The bytes of an IP header without options or extensions.
    pub fn header(&self) -> u64 {
        if self.client.is_ipv4() { 20 } else { 40 }
    }

    /// The client's end of the connection that most tests watch.
    pub fn from(&self) -> SocketAddr {
        SocketAddr::new(self.client, CLIENT_PORT)
    }

    /// The server's end of it.
    pub fn to(&self) -> SocketAddr {
        SocketAddr::new(self.server, SERVER_PORT)
    }

    /// A segment from the client to the server; flags in the words of tcpdump.
    pub fn out(&self, flags: &str) -> Vec<u8> {
        segment(self.from(), self.to(), flags)
    }

    /// A segment from the server to the client.
    pub fn back(&self, flags: &str) -> Vec<u8> {
        segment(self.to(), self.from(), flags)
    }

    /// A datagram from the client to the server.
    pub fn ask(&self) -> Vec<u8> {
        udp_packet(self.from(), self.to(), b"ask")
    }

    /// A datagram from the server to the client.
    pub fn answer(&self) -> Vec<u8> {
        udp_packet(self.to(), self.from(), b"answer")
    }

    /// An echo request from the client to the server.
    pub fn ping(&self, id: u16) -> Vec<u8> {
        echo(self.client, self.server, false, id)
    }

    /// The server's reply.
    pub fn pong(&self, id: u16) -> Vec<u8> {
        echo(self.server, self.client, true, id)
    }
}

/// `S` for SYN, `.` for ACK, `F`, `R`, `P`, `U`.
pub fn segment(from: SocketAddr, to: SocketAddr, letters: &str) -> Vec<u8> {
    let bit = |letter| match letter {
        'S' => flags::SYN,
        '.' => flags::ACK,
        'F' => flags::FIN,
        'R' => flags::RST,
        'P' => flags::PSH,
        'U' => flags::URG,
        other => panic!("no flag {other}"),
    };
    let flags = letters.chars().fold(0, |flags, letter| flags | bit(letter));
    tcp_packet(from, to, &Tcp { flags, ..Tcp::default() }, b"")
}

/// An echo request or reply of whichever family the addresses are.
pub fn echo(from: IpAddr, to: IpAddr, reply: bool, id: u16) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V6(src), IpAddr::V6(dst)) => ip(from, to, protocol::ICMPV6, &icmpv6_echo(src, dst, reply, id, 1, b"")),
        _ => ip(from, to, protocol::ICMP, &icmp_echo(reply, id, 1, b"")),
    }
}

/// "Port unreachable", which quotes a packet or the beginning of one.
pub fn unreachable(from: IpAddr, to: IpAddr, quote: &[u8]) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V6(src), IpAddr::V6(dst)) => ip(from, to, protocol::ICMPV6, &icmpv6_error(src, dst, 1, 4, 0, quote)),
        _ => ip(from, to, protocol::ICMP, &icmp_error(3, 3, 0, quote)),
    }
}

/// A datagram whose header claims a length of its own, in an IP packet.
pub fn datagram_claiming(net: Net, length: u16) -> Vec<u8> {
    let mut datagram = udp(net.from(), net.to(), b"payload");
    datagram[4..6].copy_from_slice(&length.to_be_bytes());
    ip(net.client, net.server, protocol::UDP, &datagram)
}

/// Connections from which on the engine looks ahead, and some more.
pub const CROWD: u32 = 5_000;

/// Opening packets of that many connections that nobody inside has a part in.
pub fn crowd() -> impl Iterator<Item = Vec<u8>> {
    let server = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1));
    (0..CROWD).map(move |number| ip(IpAddr::V4(Ipv4Addr::from_bits(0x0700_0000 + number)), server, 253, b""))
}

/// A frame at the start of time that was kept whole.
pub fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
    Frame {
        time: START,
        device: DeviceId(0),
        direction: FrameDirection::Unknown,
        link,
        wire_len: data.len() as u32,
        data,
    }
}

/// What became of a packet, as [`Seen`], for keeping.
#[derive(Clone, Debug)]
pub struct Shown {
    pub info: Option<PacketInfo>,
    pub ct_state: Option<CtState>,
    pub direction: Option<Direction>,
    pub host: Option<IpAddr>,
    pub quota_mark: Option<u32>,
    pub id: Option<u64>,
    pub connection: Option<Connection>,
    pub verdict: Verdict,
}

impl From<&Seen<'_>> for Shown {
    fn from(seen: &Seen<'_>) -> Shown {
        Shown {
            info: seen.packet.ok().copied(),
            ct_state: seen.ct_state,
            direction: seen.direction,
            host: seen.host,
            quota_mark: seen.quota_mark,
            id: seen.connection.and_then(|(_, id)| id),
            connection: seen.connection.map(|(connection, _)| connection.clone()),
            verdict: seen.verdict,
        }
    }
}

impl Shown {
    /// In one line: state and direction of the packet; protocol, state, seconds and status of the connection.
    pub fn line(&self) -> String {
        let mut words = vec![self.ct_state.map_or("-".to_owned(), |state| state.to_string())];
        words.extend(self.direction.map(|direction| format!("{direction:?}").to_lowercase()));
        words.extend(self.connection.as_ref().map(life));
        words.join(" ")
    }

    /// Packets of both directions of the connection.
    pub fn packets(&self) -> [u64; 2] {
        self.connection.as_ref().map_or([0, 0], packets)
    }
}

/// A connection's protocol, state, seconds to live and status.
pub fn life(connection: &Connection) -> String {
    let mut words = vec![connection.protocol_name().trim_end_matches("v6").to_owned()];
    words.extend(connection.tcp_state().map(|state| state.to_string()));
    words.extend(connection.sctp_state().map(|state| state.to_string()));
    words.push((connection.deadline() - connection.last_seen()).as_secs().to_string());
    words.push(connection.status().names().collect::<Vec<_>>().join(","));
    words.join(" ")
}

/// Packets of both directions of a connection.
pub fn packets(connection: &Connection) -> [u64; 2] {
    [Direction::Original, Direction::Reply].map(|direction| connection.counter(direction).packets)
}

/// A counter from its numbers.
pub fn counter(packets: u64, bytes: u64) -> Counter {
    Counter { packets, bytes }
}

/// A gateway with its clock, which a test moves by hand.
pub struct Road {
    pub gateway: Gateway,
    pub now: Instant,
    pub device: DeviceId,
    pub direction: FrameDirection,
}

impl Road {
    /// The defaults, and every event.
    pub fn new() -> Road {
        Road::with(|_| ())
    }

    /// The defaults but for what `change` changes.
    pub fn with(change: impl FnOnce(&mut Config)) -> Road {
        let mut config = Config {
            events: EventMask {
                connections: Changes::DESTROY,
                expectations: false,
                host_expired: true,
                ..EventMask::default()
            },
            ..Config::default()
        };
        // Most tests do not care for checksums, and leave them out.
        config.conntrack.checksum = false;
        change(&mut config);
        Road { gateway: Gateway::new(config), now: START, device: DeviceId(0), direction: FrameDirection::Unknown }
    }

    /// Lets time pass before the next packet.
    pub fn wait(&mut self, span: Duration) -> &mut Road {
        self.now += span;
        self
    }

    /// Sends an IP packet along the road.
    pub fn pass(&mut self, packet: &[u8]) -> Shown {
        self.pass_cut(packet, packet.len())
    }

    /// Sends an IP packet of which the capture kept only the first `kept` bytes.
    pub fn pass_cut(&mut self, packet: &[u8], kept: usize) -> Shown {
        let wire_len = packet.len() as u32;
        self.pass_frame(Frame { wire_len, ..frame(LinkType::Raw, &packet[..kept]) })
    }

    /// Sends a frame along the road, now and on the current device.
    pub fn pass_frame(&mut self, frame: Frame<'_>) -> Shown {
        struct Last(Option<Shown>);
        impl Observer for Last {
            fn seen(&mut self, _: &Gateway, seen: &Seen<'_>) {
                assert!(self.0.is_none(), "one frame is seen once");
                self.0 = Some(seen.into());
            }
        }
        let mut last = Last(None);
        let frame = Frame { time: self.now, device: self.device, direction: self.direction, ..frame };
        self.gateway.receive_observed([frame], &mut last);
        last.0.expect("every frame is seen")
    }

    /// Sends an IP packet and gives what became of it in one line.
    pub fn line(&mut self, packet: &[u8]) -> String {
        self.pass(packet).line()
    }

    /// Tells the time without a packet.
    pub fn tick(&mut self) {
        self.gateway.handle_timeout(self.now);
    }

    /// Does what a driver without traffic does until `end`: sleeps until the gateway wants to be called.
    pub fn sleep_until(&mut self, end: Instant) {
        while let Some(at) = self.gateway.poll_timeout().filter(|at| *at <= end) {
            assert!(at > self.now, "the driver would spin");
            self.now = at;
            self.tick();
        }
        self.now = end;
    }

    /// The host of that address, if it is in the table.
    pub fn host(&self, ip: IpAddr) -> Option<&Host> {
        self.gateway.hosts().iter().find(|host| host.address() == ip)
    }

    /// The addresses of all hosts, sorted.
    pub fn hosts(&self) -> Vec<IpAddr> {
        let mut hosts: Vec<IpAddr> = self.gateway.hosts().iter().map(Host::address).collect();
        hosts.sort_unstable();
        hosts
    }

    /// The only connection.
    pub fn connection(&self) -> (ConnectionId, &Connection) {
        let mut all = self.gateway.conntrack().iter();
        let only = all.next().expect("a connection");
        assert!(all.next().is_none(), "more than one connection");
        only
    }

    /// The events that wait.
    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.gateway.poll_event()).collect()
    }
}
