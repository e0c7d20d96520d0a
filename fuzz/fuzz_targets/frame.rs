//! Arbitrary bytes as frames on a gateway's road: never a panic, every packet counted once, and the state depends on
//! the frames alone, not on how they were cut into bursts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tctable::account::{Class, Inside};
use tctable::conntrack::{Changes, Connection};
use tctable::gateway::EventMask;
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType, PacketInfo};
use tctable::time::{Duration, Instant};
use tctable::{Config, Event, Gateway, HashKey};

const LINKS: [LinkType; 9] = [
    LinkType::Raw,
    LinkType::Ethernet,
    LinkType::Null,
    LinkType::Pppoe,
    LinkType::Loop,
    LinkType::LinuxSll,
    LinkType::Ipv4,
    LinkType::Ipv6,
    LinkType::LinuxSll2,
];
const DIRECTIONS: [FrameDirection; 3] = [FrameDirection::Unknown, FrameDirection::Inbound, FrameDirection::Outbound];

/// Connections from which on the engine looks ahead, and the protocol of those that are there for that alone.
const CROWD: u16 = 4_096;
const CROWD_PROTOCOL: u8 = 253;

/// Bytes that the configuration takes, and each frame before its data.
const CONFIG: usize = 4;
const HEAD: usize = 6;

fuzz_target!(|input: &[u8]| {
    let Some((config, mut rest)) = input.split_first_chunk::<CONFIG>() else { return };
    let mut now = Instant::from_secs(1_700_000_000);
    let mut steps = Vec::new();
    while let Some(step) = take(&mut rest, &mut now) {
        steps.push(step);
    }
    // Not always: it takes time.
    let crowded = config[3] >> 5 == 7;
    let expected = run(self::config(*config, HashKey::default()), &steps, 1, crowded);
    let other = run(self::config(*config, HashKey([now.as_nanos(), 7])), &steps, usize::MAX, crowded);
    assert_eq!(expected, other);
});

/// Small tables and short lives, so that all limits are met.
fn config([connections, hosts, seconds, bits]: [u8; CONFIG], hash_key: HashKey) -> Config {
    let mut config = Config { hash_key, ..Config::default() };
    config.conntrack.max = u32::from(connections);
    config.conntrack.tcp.loose = bits & 1 == 0;
    config.hosts.max = u32::from(hosts);
    config.hosts.timeout = Duration::from_secs(seconds.into());
    if bits & 2 != 0 {
        config.inside = Inside::new(&[]);
    }
    if bits & 4 != 0 {
        config.inside.set_device(DeviceId(1), true);
    }
    if bits >> 5 == 7 {
        config.conntrack.max += u32::from(CROWD);
        config.conntrack.timeouts.generic = Duration::from_secs(3_000_000);
    }
    config.events = EventMask {
        connections: if bits & 8 == 0 { Changes::ALL } else { Changes::NONE },
        expectations: bits & 8 == 0,
        host_expired: bits & 16 == 0,
        ..EventMask::default()
    };
    config
}

/// A frame, or a call because of the time.
enum Step<'a> {
    Frame(Frame<'a>),
    Call(Instant),
}

/// The next step: link type and direction; device; time to pass, as a signed mantissa and a shift; bytes on the wire
/// beyond those that were kept; the length of the data; the data.
fn take<'a>(rest: &mut &'a [u8], now: &mut Instant) -> Option<Step<'a>> {
    let (head, after) = rest.split_first_chunk::<HEAD>()?;
    let [kind, device, mantissa, shift, more, length] = *head;
    let wait = i64::from(mantissa as i8) << (shift % 58);
    *now = Instant::from_nanos(now.as_nanos().saturating_add_signed(wait));
    let (data, after) = after.split_at(after.len().min(length.into()));
    *rest = after;
    if kind == u8::MAX {
        return Some(Step::Call(*now));
    }
    Some(Step::Frame(Frame {
        time: *now,
        device: DeviceId(u16::from(device & 1)),
        direction: DIRECTIONS[usize::from(kind) / LINKS.len() % DIRECTIONS.len()],
        link: LINKS[usize::from(kind) % LINKS.len()],
        wire_len: data.len() as u32 + u32::from(more) * u32::from(more),
        data,
    }))
}

/// Opens connections between others, so many that the engine looks ahead from then on.
fn crowd(gateway: &mut Gateway) {
    let mut packet = [0; 20];
    (packet[0], packet[3], packet[9]) = (0x45, 20, CROWD_PROTOCOL);
    for number in 0..CROWD {
        packet[14..16].copy_from_slice(&number.to_be_bytes());
        gateway.receive([Frame {
            time: Instant::from_secs(1_700_000_000),
            device: DeviceId(0),
            direction: FrameDirection::Unknown,
            link: LinkType::Raw,
            wire_len: 20,
            data: &packet,
        }]);
    }
}

/// Everything that can be seen after the steps, in words.
fn run(config: Config, steps: &[Step<'_>], max: usize, crowded: bool) -> Vec<String> {
    let mut gateway = Gateway::new(config);
    if crowded {
        crowd(&mut gateway);
    }
    let mut burst = Vec::new();
    for step in steps {
        match step {
            Step::Frame(frame) => burst.push(*frame),
            Step::Call(now) => {
                gateway.receive(burst.drain(..));
                gateway.handle_timeout(*now);
            }
        }
        if burst.len() >= max {
            gateway.receive(burst.drain(..));
        }
        if max == 1 && !crowded {
            check(&gateway);
        }
    }
    gateway.receive(burst);
    check(&gateway);
    for step in steps {
        if let Step::Frame(frame) = step {
            read(frame);
        }
    }

    let mut seen = vec![format!("{:?} {:?}", gateway.totals(), gateway.conntrack().statistics())];
    seen.extend(gateway.hosts().iter().map(|host| format!("{host:?}")));
    let others = |connection: &Connection| connection.original().protocol == CROWD_PROTOCOL;
    let connections = gateway.conntrack().iter().filter(|(_, connection)| !others(connection));
    seen.extend(connections.map(|(id, connection)| format!("{id:?} {connection:?}")));
    seen.push(format!("{:?} {:?}", gateway.now(), gateway.poll_timeout()));
    seen.extend(std::iter::from_fn(|| gateway.poll_event()).map(words));
    seen
}

fn words(event: Event) -> String {
    format!("{event:?}")
}

/// What is told of a packet lies within its frame.
fn read(frame: &Frame<'_>) {
    let Ok(info) = PacketInfo::read(frame) else { return };
    let offset = u32::from(info.network_offset);
    assert!(offset + info.ip_len <= frame.wire_len);
    assert!(offset as usize + 20 <= frame.data.len());
    assert!(info.transport_offset >= info.network_offset + 20);
}

/// What holds at any time: the identity that is documented on `Totals`, and the links between the tables.
fn check(gateway: &Gateway) {
    assert!(gateway.totals().add_up(), "{:?}", gateway.totals());

    let mut open: Vec<(_, Class)> = Vec::new();
    for (id, connection) in gateway.conntrack().iter() {
        assert!(gateway.conntrack().get(id).is_some());
        let owner = gateway.owner(connection).map(|(host, _)| host.address());
        open.extend(owner.map(|address| (address, Class::of(connection.original().protocol))));
    }
    let mut found = 0;
    for host in gateway.hosts().iter() {
        for class in Class::ALL {
            let owned = open.iter().filter(|owned| **owned == (host.address(), class)).count();
            assert_eq!(owned, host.connections(class) as usize);
            found += owned;
        }
    }
    assert_eq!(found, open.len());
    let statistics = gateway.conntrack().statistics();
    assert_eq!(statistics.insert - statistics.delete, gateway.conntrack().count() as u64);
}
