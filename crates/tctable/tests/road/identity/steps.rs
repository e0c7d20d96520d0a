//! Arbitrary traffic among few, so that everything meets everything.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tctable::Config;
use tctable::account::{Group, Groups, HardMark, Limits, Member, OverQuota, Period, Quota, UtcOffset};
use tctable::gateway::EventMask;
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::{Duration, Instant};
use tctable_lab::packets::{Ipv4, Ipv6, Tcp, ip, protocol, tcp_packet, udp_packet};

use crate::support::{CROWD, START, echo, unreachable};

/// What the engine is told: small tables and a short life for hosts.
#[derive(Clone, Debug)]
pub struct World {
    connections: u32,
    hosts: u32,
    host_seconds: u64,
    loose: bool,
    customers: Terms,
    /// Whether the second device is inside.
    pub device: bool,
    /// Whether so many others are there that the engine looks ahead.
    pub crowded: bool,
}

/// What hosts and groups may.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Of each host, of the groups "a", "b" and "all".
    pub limits: [Limits; 4],
    pub quotas: [Option<Quota>; 4],
    utc_offset: i32,
    rates: bool,
    links: bool,
}

fn terms() -> impl Strategy<Value = Terms> {
    let limit = || prop_oneof![2 => Just(0u32), 1 => 1..6u32];
    let limits = (limit(), limit()).prop_map(|(connections, new_connections)| Limits { connections, new_connections });
    let verdict = prop_oneof![2 => Just(OverQuota::Drop), 1 => (1..9u32).prop_map(OverQuota::Mark)];
    // Some are large enough that bytes are lent in advance.
    let bytes = || prop_oneof![0..4_000u64, 60_000..120_000u64];
    let hard = (bytes(), verdict).prop_map(|(bytes, verdict)| HardMark { bytes, verdict });
    let quota = (prop::option::of(bytes()), prop::option::of(hard)).prop_map(|(soft, hard)| Quota {
        period: Period::Day,
        soft,
        hard,
    });
    let quotas = prop::option::weighted(0.4, quota);
    (
        prop::array::uniform4(limits),
        prop::array::uniform4(quotas),
        // Midnight comes soon.
        5_000..6_500i32,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(limits, quotas, utc_offset, rates, links)| Terms { limits, quotas, utc_offset, rates, links })
}

pub fn world(crowded: bool) -> impl Strategy<Value = World> {
    let small = |most: u32| prop_oneof![0..most, Just(u32::MAX)];
    let none =
        Terms { limits: Default::default(), quotas: Default::default(), utc_offset: 0, rates: false, links: false };
    let terms = prop_oneof![Just(none), terms(), terms()];
    (small(8), small(6), 0u64..200, any::<bool>(), prop::bool::weighted(0.3), terms).prop_map(
        move |(connections, hosts, host_seconds, loose, device, customers)| World {
            connections,
            hosts,
            host_seconds,
            loose,
            customers,
            device,
            crowded,
        },
    )
}

/// The groups: two that are part of a third one. Somebody of the first has no group of his own in IPv6.
pub const GROUPS: [(&str, Option<&str>, &[&str]); 3] = [
    ("a", Some("all"), &["10.0.0.0/31", "fd00::/128"]),
    ("b", Some("all"), &["10.0.0.2/32", "fd00::2/128"]),
    ("all", None, &[]),
];

impl World {
    /// What hosts and groups may.
    pub fn terms(&self) -> &Terms {
        &self.customers
    }

    pub fn config(&self) -> Config {
        let mut config = Config { events: EventMask::ALL, ..Config::default() };
        config.conntrack.max = self.connections;
        if self.crowded {
            config.conntrack.max = self.connections.saturating_add(CROWD);
            // They are no connections of TCP, UDP or ICMP, and stay to the end.
            config.conntrack.timeouts.generic = Duration::from_secs(3_000_000);
        }
        config.conntrack.tcp.loose = self.loose;
        config.hosts.max = self.hosts;
        config.hosts.timeout = Duration::from_secs(self.host_seconds);
        let Terms { limits: [limits, others @ ..], quotas: [quota, other_quotas @ ..], utc_offset, rates, links } =
            self.customers.clone();
        config.hosts.max_connections = limits.connections;
        config.hosts.max_new_connections = limits.new_connections;
        config.hosts.quota = quota;
        config.hosts.utc_offset = UtcOffset::from_secs(utc_offset).expect("less than a day");
        (config.hosts.rates, config.hosts.links) = (rates, links);
        let groups =
            GROUPS.iter().zip(others).zip(other_quotas).map(|(((name, parent, members), limits), quota)| Group {
                parent: parent.map(Into::into),
                members: members.iter().map(|prefix| Member::Prefix(prefix.parse().expect("a prefix"))).collect(),
                limits,
                quota,
                ..Group::new(name)
            });
        config.hosts.groups = Groups::new(groups.collect()).expect("they make sense");
        if self.device {
            config.inside.set_device(DeviceId(1), true);
        }
        config
    }
}

#[derive(Clone, Debug)]
pub struct Step {
    /// In nanoseconds; time may go back.
    wait: i64,
    device: u16,
    direction: FrameDirection,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Packet(Packet),
    /// The packet before this one answered, or followed, by another kind of packet.
    Talk {
        answers: bool,
        kind: Kind,
        size: usize,
    },
    /// An error about the packet before this one, from somebody to its sender or to somebody else.
    Error {
        from: usize,
        to: Option<usize>,
    },
    /// A packet of which only some bytes were kept.
    Cut(Packet, usize),
    Arp,
    /// No frame: the driver calls because of the time.
    Call,
}

#[derive(Clone, Debug)]
struct Packet {
    v6: bool,
    from: usize,
    to: usize,
    ports: (u16, u16),
    kind: Kind,
    size: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Tcp(u8),
    Udp,
    Ping,
    Pong,
    Gre,
    LaterFragment,
}

/// Three are inside, two are not.
fn person(v6: bool, nth: usize) -> IpAddr {
    if v6 {
        let network = if nth < 3 { 0xfd00 } else { 0x2001 };
        IpAddr::V6(Ipv6Addr::new(network, 0, 0, 0, 0, 0, 0, nth as u16))
    } else {
        let network = if nth < 3 { 10 } else { 99 };
        IpAddr::V4(Ipv4Addr::new(network, 0, 0, nth as u8))
    }
}

/// What the default prefixes say of these addresses.
pub fn is_inside(ip: IpAddr) -> bool {
    (0..3).any(|nth| ip == person(ip.is_ipv6(), nth))
}

impl Packet {
    fn build(&self) -> Vec<u8> {
        let Packet { v6, from, to, ports, size, .. } = *self;
        let (from, to) = (SocketAddr::new(person(v6, from), ports.0), SocketAddr::new(person(v6, to), ports.1));
        let payload = vec![0; size];
        match (self.kind, from.ip(), to.ip()) {
            (Kind::Tcp(flags), ..) => tcp_packet(from, to, &Tcp { flags, ..Tcp::default() }, &payload),
            (Kind::Udp, ..) => udp_packet(from, to, &payload),
            (Kind::Ping, ..) => echo(from.ip(), to.ip(), false, 1),
            (Kind::Pong, ..) => echo(from.ip(), to.ip(), true, 1),
            (Kind::LaterFragment, IpAddr::V4(src), IpAddr::V4(dst)) => {
                Ipv4 { fragment_offset: 1, ..Ipv4::new(src, dst, protocol::UDP) }.build(&payload)
            }
            (Kind::LaterFragment, IpAddr::V6(src), IpAddr::V6(dst)) => {
                Ipv6::new(src, dst, protocol::UDP).fragment(1, 1, false).build(&payload)
            }
            _ => ip(from.ip(), to.ip(), protocol::GRE, &payload),
        }
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    // SYN, SYN/ACK, ACK, FIN/ACK, RST, and SYN/FIN, which nobody sends.
    let flags = select(&[0x02, 0x12, 0x10, 0x11, 0x04, 0x03][..]);
    prop_oneof![
        6 => flags.prop_map(Kind::Tcp),
        3 => Just(Kind::Udp),
        1 => Just(Kind::Ping),
        1 => Just(Kind::Pong),
        1 => Just(Kind::Gre),
        1 => Just(Kind::LaterFragment),
    ]
}

fn packet() -> impl Strategy<Value = Packet> {
    (any::<bool>(), 0..5usize, 0..5usize, (1..3u16, 1..3u16), kind(), 0..40usize)
        .prop_map(|(v6, from, to, ports, kind, size)| Packet { v6, from, to, ports, kind, size })
}

fn step() -> impl Strategy<Value = Step> {
    let to = prop::option::weighted(0.2, 0..5usize);
    let what = prop_oneof![
        8 => packet().prop_map(What::Packet),
        12 => (any::<bool>(), kind(), 0..40usize).prop_map(|(answers, kind, size)| What::Talk { answers, kind, size }),
        2 => (0..5usize, to).prop_map(|(from, to)| What::Error { from, to }),
        1 => (packet(), 0..60usize).prop_map(|(packet, kept)| What::Cut(packet, kept)),
        1 => Just(What::Arp),
        2 => Just(What::Call),
    ];
    let wait = prop_oneof![
        10 => Just(0i64),
        10 => 0..30_000_000i64,
        // To the nanosecond where deadlines lie.
        5 => (0..14i64).prop_map(|tens| tens * 10_000_000_000),
        3 => 0..700_000_000_000i64,
        1 => -5_000_000_000..0i64,
    ];
    let direction =
        prop_oneof![Just(FrameDirection::Unknown), Just(FrameDirection::Inbound), Just(FrameDirection::Outbound),];
    (wait, 0..2u16, direction, what).prop_map(|(wait, device, direction, what)| Step { wait, device, direction, what })
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 0..200)
}

/// A step as it is sent. One without data is a call.
pub struct Sent {
    pub time: Instant,
    device: u16,
    direction: FrameDirection,
    link: LinkType,
    wire_len: usize,
    data: Option<Vec<u8>>,
}

impl Sent {
    /// Whether it is a call instead of a frame.
    pub fn calls(&self) -> bool {
        self.data.is_none()
    }

    pub fn frame(&self) -> Frame<'_> {
        Frame {
            time: self.time,
            device: DeviceId(self.device),
            direction: self.direction,
            link: self.link,
            wire_len: self.wire_len as u32,
            data: self.data.as_deref().unwrap_or_default(),
        }
    }
}

/// The steps with their times.
pub fn frames(steps: &[Step]) -> Vec<Sent> {
    let mut now = START.as_nanos();
    let mut last = Packet { v6: false, from: 0, to: 3, ports: (1, 1), kind: Kind::Udp, size: 0 };
    let sent = steps.iter().map(|step| {
        now = now.saturating_add_signed(step.wait);
        let mut link = LinkType::Raw;
        let mut kept = usize::MAX;
        let mut data = match &step.what {
            What::Packet(packet) => {
                last = packet.clone();
                Some(packet.build())
            }
            What::Talk { answers, kind, size } => {
                last = Packet { kind: *kind, size: *size, ..last.clone() };
                if *answers {
                    last = Packet { from: last.to, to: last.from, ports: (last.ports.1, last.ports.0), ..last.clone() };
                }
                Some(last.build())
            }
            What::Error { from, to } => {
                let (from, to) = (person(last.v6, *from), person(last.v6, to.unwrap_or(last.from)));
                Some(unreachable(from, to, &last.build()))
            }
            What::Cut(packet, bytes) => {
                kept = *bytes;
                Some(packet.build())
            }
            What::Arp => {
                link = LinkType::Ethernet;
                Some(tctable_lab::packets::ethernet([2; 6], [4; 6], 0x0806, &[0; 46]))
            }
            What::Call => None,
        };
        let wire_len = data.as_ref().map_or(0, Vec::len);
        if let Some(data) = &mut data {
            data.truncate(kept);
        }
        Sent { time: Instant::from_nanos(now), device: step.device, direction: step.direction, link, wire_len, data }
    });
    sent.collect()
}
