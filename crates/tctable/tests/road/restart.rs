//! A gateway that ends and another one that goes on: connections that were saved are judged as if nothing had been.

use std::fmt::Write as _;

use proptest::prelude::*;
use tctable::account::{Class, Host};
use tctable::conntrack::{Connection, ConnectionId, SavedConnections, SavedError};
use tctable::gateway::{Observer, Restored, Seen};
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway, HashKey};
use tctable_lab::step::Step;
use tctable_lab::talks::{self, Kind};

use crate::identity::steps::{self, World};
use crate::support::{Road, START, Shown, V4};

/// All that there is to a connection but where it lies.
fn describe(gateway: &Gateway, id: Option<ConnectionId>, connection: &Connection) -> String {
    let mut text = format!("{connection:?}");
    let field = |name: &str| text.find(name).expect("a field");
    let (timer, mark, cookie) = (field("timer: "), field("mark: "), field("cookie: "));
    // The last field, and one before it.
    text.truncate(cookie);
    text.replace_range(timer..mark, "");
    if let Some(id) = id {
        let table = gateway.conntrack();
        let master = table.master(id).map(|master| master.original().to_string());
        let _ = write!(text, " {:?} {master:?} {:x}", table.helper(id), table.labels(id));
        let owner = gateway.owner(connection).map(|(host, id)| (host.address(), id));
        let _ = write!(text, " {owner:?}");
    }
    text
}

/// All that can be seen of a gateway's tables.
fn tables(gateway: &Gateway) -> Vec<String> {
    let table = gateway.conntrack();
    let mut all: Vec<String> = table.iter().map(|(id, connection)| describe(gateway, Some(id), connection)).collect();
    all.sort_unstable();
    let mut expected: Vec<String> = table
        .expectations()
        .iter()
        .map(|expectation| {
            let master = table.get(expectation.master).map(|master| master.original().to_string());
            format!("{:?} {master:?}", tctable::conntrack::expect::Expectation { master: nobody(), ..*expectation })
        })
        .collect();
    expected.sort_unstable();
    all.extend(expected);
    let mut hosts: Vec<String> = gateway.hosts().iter().map(|host| describe_host(gateway, host)).collect();
    hosts.sort_unstable();
    all.extend(hosts);
    all.extend(gateway.groups().map(|group| format!("{group:?}")));
    all
}

/// In the place of a name that means nothing elsewhere.
fn nobody() -> ConnectionId {
    "0.0".parse().expect("a name")
}

fn describe_host(gateway: &Gateway, host: &Host) -> String {
    let classes = Class::ALL.map(|class| (host.class(class), host.connections(class)));
    let ids = (host.connections_opened(), host.next_id(), host.open_connections(), host.initiated_connections());
    // One with open connections does not expire.
    let expires = (host.open_connections() == 0).then(|| host.expires(Duration::ZERO));
    let times = (host.first_seen(), host.last_seen(), expires);
    let connections: Vec<u64> = gateway
        .host_connections(host.address())
        .expect("it is there")
        .map(|(_, connection)| gateway.owner(connection).expect("its own").1)
        .collect();
    // In the order of the table's places where they are not linked.
    let order = if gateway.hosts().config().links { connections } else { Vec::new() };
    format!("{} {classes:?} {ids:?} {times:?} {order:?} {:?}", host.address(), host.mac())
}

/// What became of each frame.
#[derive(Default)]
struct Saw(Vec<String>);

impl Observer for Saw {
    fn seen(&mut self, gateway: &Gateway, seen: &Seen<'_>) {
        let shown = Shown::from(seen);
        let connection = shown.connection.as_ref().map(|connection| describe(gateway, None, connection));
        self.0.push(format!("{:?} {} {:?} {:?} {connection:?}", shown.verdict, shown.line(), shown.host, shown.id));
    }
}

/// Another gateway, with another hash key, that goes on where this one ends.
fn restarted(mut old: Gateway, config: Config, places: usize) -> Gateway {
    let mut gateway = Gateway::new(Config { hash_key: HashKey([3, 5]), ..config });
    gateway.restore_hosts(&old.snapshot_hosts()).expect("a snapshot");
    let mut saved = SavedConnections::default();
    saved.read(0, &pages(&old, places)).expect("pages");
    let (connections, count) = (saved.len() as u64, old.conntrack().count() as u64);
    assert_eq!(connections, count);
    assert_eq!(gateway.restore_connections(saved), Restored { connections, left_out: 0 });
    old.handle_timeout(old.now());
    gateway
}

fn pages(gateway: &Gateway, places: usize) -> Vec<u8> {
    let mut pages = Vec::new();
    let mut next = Some(0);
    while let Some(from) = next {
        let (page, then) = gateway.save_connections(from, places);
        pages.extend(page);
        next = then;
    }
    pages
}

/// One frame, or a call because of the time.
type Sent<'a> = (Instant, Option<Frame<'a>>);

fn send(gateway: &mut Gateway, sent: &[Sent<'_>]) -> Vec<String> {
    let mut saw = Saw::default();
    for (time, frame) in sent {
        match frame {
            Some(frame) => gateway.receive_observed([*frame], &mut saw),
            None => gateway.handle_timeout(*time),
        }
    }
    saw.0
}

/// Sends all with a restart in the middle, and all without one.
fn compare(config: &Config, sent: &[Sent<'_>], cut: usize, places: usize) {
    let (before, after) = sent.split_at(cut.min(sent.len()));
    let mut uncut = Gateway::new(config.clone());
    send(&mut uncut, before);
    let mut ends = Gateway::new(config.clone());
    send(&mut ends, before);
    // Whose time is over is gone before a gateway ends.
    uncut.handle_timeout(uncut.now());
    ends.handle_timeout(ends.now());
    let mut goes_on = restarted(ends, config.clone(), places);
    same(&tables(&goes_on), &tables(&uncut), &format!("right after {cut}"));
    assert_eq!(goes_on.now(), uncut.now());
    same(&send(&mut goes_on, after), &send(&mut uncut, after), &format!("frames after {cut}"));
    same(&tables(&goes_on), &tables(&uncut), &format!("at the end, cut after {cut}"));
}

/// Tells the first difference only: lines are long.
fn same(one: &[String], other: &[String], when: &str) {
    for (nth, (one, other)) in one.iter().zip(other).enumerate() {
        assert_eq!(one, other, "{when}, the {nth}th");
    }
    assert_eq!(one.len(), other.len(), "{when}");
}

/// Frames a fraction of a second apart, with pauses in which some connections end.
fn talk(steps: &[Step]) -> Vec<Sent<'_>> {
    let mut time = START;
    let frames = steps.iter().enumerate().map(|(nth, step)| {
        time += Duration::from_millis(if nth % 50 == 49 { 20_000 } else { 37 });
        let frame = Frame {
            time,
            device: DeviceId(step.side as u16),
            direction: FrameDirection::Inbound,
            link: LinkType::Raw,
            wire_len: step.packet.len() as u32,
            data: &step.packet,
        };
        (time, Some(frame))
    });
    frames.collect()
}

#[test]
fn talks_of_every_kind_go_on_after_a_restart() {
    // Fragments that wait for others are not kept.
    for kind in Kind::ALL.into_iter().filter(|kind| !matches!(kind, Kind::Fragments | Kind::Mixed)) {
        for seed in 0..6 {
            let steps = talks::generate(kind, seed, 400);
            let sent = talk(&steps);
            let mut config = Config::default();
            config.hosts.links = seed % 2 == 0;
            config.helpers.automatic = true;
            for cut in (1..sent.len()).step_by(29) {
                compare(&config, &sent, cut, [1, 7, usize::MAX][cut % 3]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_came_goes_on_after_a_restart(
        world in steps::world(false),
        steps in steps::steps(),
        cut in 0..200usize,
    ) {
        let frames = steps::frames(&steps);
        let sent: Vec<Sent<'_>> = frames
            .iter()
            .map(|sent| (sent.time, (!sent.calls()).then(|| sent.frame())))
            // Those that wait for others are not kept.
            .filter(|(_, frame)| !frame.is_some_and(|frame| is_fragment(frame.data)))
            .collect();
        compare(&unhurried(&world), &sent, cut, 5);
    }
}

fn is_fragment(packet: &[u8]) -> bool {
    match packet {
        [first, _, _, _, _, _, high, low, ..] if first >> 4 == 4 => u16::from_be_bytes([*high, *low]) & 0x3fff != 0,
        [first, _, _, _, _, _, next, ..] if first >> 4 == 6 => *next == 44,
        _ => false,
    }
}

/// As many connections as there may be: whom a full table pushes out is a matter of chance. So is whose usage of a quota is
/// forgotten, of hosts that go at the same time, where that of few is remembered.
fn unhurried(world: &World) -> Config {
    let mut config = world.config();
    config.conntrack.max = u32::MAX;
    if config.hosts.quota.is_some() {
        config.hosts.max = u32::MAX;
    }
    config
}

#[test]
fn marks_labels_and_what_a_rule_chose_are_kept() {
    let mut road = Road::new();
    road.line(&V4.out("S"));
    let (id, _) = road.connection();
    assert!(road.gateway.set_mark(id, 7) && road.gateway.set_labels(id, 1 << 100));
    assert!(road.gateway.attach_helper(id, "ftp"));
    let mut config = Config::default();
    config.conntrack.checksum = false;
    let gateway = restarted(road.gateway, config, 1);
    let (id, connection) = gateway.conntrack().iter().next().expect("it is there");
    assert_eq!((connection.mark(), gateway.conntrack().labels(id)), (7, 1 << 100));
    assert_eq!(gateway.conntrack().helper(id), Some("ftp"));
}

#[test]
fn there_are_no_more_than_there_may_be_and_the_assured_ones_come_first() {
    let steps = talks::generate(Kind::Udp, 1, 400);
    let mut old = Gateway::new(Config::default());
    send(&mut old, &talk(&steps));
    let assured =
        old.conntrack().iter().filter(|(_, connection)| connection.status().names().any(|name| name == "ASSURED"));
    let (assured, count) = (assured.count(), old.conntrack().count());
    assert!(assured > 1 && assured < count);
    for max in [1, assured, assured + 1, count] {
        let mut config = Config::default();
        config.conntrack.max = max as u32;
        let mut gateway = Gateway::new(config);
        let mut saved = SavedConnections::default();
        saved.read(0, &pages(&old, 8)).expect("pages");
        let restored = gateway.restore_connections(saved);
        assert_eq!(restored, Restored { connections: max as u64, left_out: (count - max) as u64 });
        let kept = gateway.conntrack().iter().filter(|(_, one)| one.status().names().any(|name| name == "ASSURED"));
        assert_eq!((kept.count(), gateway.conntrack().count()), (assured.min(max), max));
        // Their hosts came again without having been saved.
        assert_eq!(gateway.hosts().iter().map(Host::open_connections).sum::<u64>(), max as u64);
        assert_eq!(gateway.hosts().iter().map(Host::connections_opened).sum::<u64>(), 0);
    }
}

#[test]
fn those_of_several_tables_go_to_the_table_that_will_see_them() {
    let kinds = [Kind::Helpers, Kind::Tcp];
    let mut config = Config::default();
    config.helpers.automatic = true;
    let mut saved = SavedConnections::default();
    let mut all = 0;
    for (table, kind) in (0..).zip(kinds) {
        let steps = talks::generate(kind, 3, 400);
        let mut old = Gateway::new(config.clone());
        send(&mut old, &talk(&steps));
        all += old.conntrack().count();
        saved.read(table, &pages(&old, 16)).expect("pages");
    }
    assert_eq!(saved.len(), all);
    let parts = saved.split(3, |source, destination| {
        let last = |ip: std::net::IpAddr| match ip {
            std::net::IpAddr::V4(v4) => v4.octets()[3],
            std::net::IpAddr::V6(v6) => v6.octets()[15],
        };
        usize::from(last(source) ^ last(destination)) % 3
    });
    let mut count = 0;
    for part in parts {
        let mut gateway = Gateway::new(config.clone());
        let restored = gateway.restore_connections(part);
        count += (restored.connections + restored.left_out) as usize;
    }
    assert_eq!(count, all);
}

#[test]
fn what_is_damaged_is_refused() {
    let steps = talks::generate(Kind::Helpers, 1, 300);
    let mut config = Config::default();
    config.helpers.automatic = true;
    let mut old = Gateway::new(config);
    send(&mut old, &talk(&steps));
    let pages = pages(&old, 4);
    let read = |bytes: &[u8]| SavedConnections::default().read(0, bytes);
    assert_eq!(read(&pages), Ok(()));
    assert_eq!(read(b""), Ok(()));
    assert_eq!(read(b"tcthosts"), Err(SavedError::Foreign));
    for cut in 1..pages.len() {
        assert_eq!(read(&pages[..cut]), Err(SavedError::Torn), "{cut}");
    }
    let mut flipped = pages.clone();
    for at in 0..pages.len() {
        flipped[at] ^= 1 << (at % 8);
        assert!(read(&flipped).is_err(), "{at}");
        flipped[at] = pages[at];
    }
    let mut newer = pages;
    newer[8] = 9;
    assert_eq!(read(&newer), Err(SavedError::Version(9)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Its checksum is right: somebody else wrote it so.
    #[test]
    fn whatever_a_page_says_is_refused_or_goes_on(
        kind in proptest::sample::select(&[Kind::Tcp, Kind::Sctp, Kind::Helpers, Kind::Gre][..]),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let steps = talks::generate(kind, 2, 120);
        let sent = talk(&steps);
        let mut config = Config::default();
        config.helpers.automatic = true;
        let mut old = Gateway::new(config.clone());
        send(&mut old, &sent[..60]);
        let mut page = pages(&old, usize::MAX);
        let body = 18..page.len() - 4;
        for (at, with) in flips {
            page[body.start + at.index(body.len())] ^= with;
        }
        let checksum = crc32c::crc32c(&page[..body.end]);
        page[body.end..].copy_from_slice(&checksum.to_le_bytes());
        let mut saved = SavedConnections::default();
        let read = saved.read(0, &page);
        prop_assert!(matches!(read, Ok(()) | Err(SavedError::Senseless | SavedError::Torn)), "{:?}", read);
        let mut gateway = Gateway::new(config);
        let connections = saved.len() as u64;
        let restored = gateway.restore_connections(saved);
        prop_assert_eq!(restored.connections + restored.left_out, connections);
        let now = gateway.now();
        send(&mut gateway, &sent[60..]);
        gateway.handle_timeout(now.max(gateway.now()) + Duration::from_secs(100_000_000));
        prop_assert_eq!(gateway.hosts().iter().map(Host::open_connections).sum::<u64>(), gateway.conntrack().count() as u64);
    }
}
