//! A gateway without interfaces, for tests: its shards are fed with a capture's frames.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Instant as Clock;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tctable::packet::{DeviceId, Family, Frame, FrameDirection, LinkType};
use tctable::ruleset::{Ruleset, Sets};
use tctable::sched::text::{Command, Reader};
use tctable::sched::{self, DeviceConfig, Scheduler, Skb};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};
use tctable_io::capture::Capture;
use tctable_io::port::PortStatistics;

use crate::Daemon;
use crate::config::{Loaded, Said, Settings, Sources};
use crate::link::{Link, Links};
use crate::shard::{Inbox, PortView, Shard, Shards};

/// Frames that come in a step of traffic that goes on, and how long that takes.
const STEP: usize = 200;
const STEP_NANOS: i64 = 50_000_000;

const RULES: &str = "\
*filter
:FORWARD ACCEPT [0:0]
:web - [0:0]
-A FORWARD -p tcp -m tcp --dport 443 -j web
-A FORWARD -p udp -m udp --dport 53 -j ACCEPT
-A web -j ACCEPT
COMMIT
";

const TC: &str = "\
qdisc add dev office root handle 1: htb default 20
class add dev office parent 1: classid 1:1 htb rate 100mbit
class add dev office parent 1:1 classid 1:10 htb rate 10mbit ceil 100mbit prio 0
class add dev office parent 1:1 classid 1:20 htb rate 50mbit ceil 100mbit prio 1
";

/// Whether frames keep coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// The capture came once, and no more comes.
    Over,
    /// It comes again and again.
    GoesOn,
}

struct Packet {
    time: Instant,
    link: LinkType,
    wire_len: u32,
    data: Vec<u8>,
}

/// A gateway of so many shards that saw `examples/office.pcap`, with a few rules and, where it is one shard, a few classes.
///
/// # Panics
/// Where it cannot be had.
pub fn office(shards: usize, traffic: Traffic) -> Arc<Daemon> {
    let packets = Arc::new(capture());
    let started = packets.first().expect("frames").time;
    let options = Said {
        watch: Some(vec!["office".to_owned()]),
        shards: Some(shards.try_into().expect("few")),
        ..Said::default()
    };
    let settings = Settings::read(Sources { options, ..Sources::default() }).expect("settings");
    let (ways, inboxes) = Shards::new(shards).expect("descriptors");
    for (number, inbox) in inboxes.into_iter().enumerate() {
        let packets = Arc::clone(&packets);
        thread::spawn(move || {
            let mine = packets.iter().filter(|packet| shard_of(packet, shards) == number).collect();
            run(&inbox, number, shards, mine, traffic);
        });
    }
    let loaded = Loaded::read(&settings).expect("no files");
    let mut link = Link::new("office");
    (link.interface, link.index, link.mtu) = (Some("office".to_owned()), Some(1), 1500);
    (link.up, link.carrier) = (true, true);
    let links = Links::new(vec![link]);
    Arc::new(Daemon::new(ways, settings, loaded, links, started))
}

fn capture() -> Vec<Packet> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/office.pcap");
    let mut capture = Capture::open(&path).expect("the example");
    let mut packets = Vec::new();
    while let Some(burst) = capture.next_burst(256).expect("a whole file") {
        packets.extend(burst.frames().map(|frame| Packet {
            time: frame.time,
            link: frame.link,
            wire_len: frame.wire_len,
            data: frame.data.to_vec(),
        }));
    }
    packets
}

/// The same for both directions of a connection: by the addresses' bytes, whichever is first.
fn shard_of(packet: &Packet, shards: usize) -> usize {
    let addresses = match packet.data.get(12..14) {
        Some([0x08, 0x00]) => packet.data.get(26..34),
        Some([0x86, 0xdd]) => packet.data.get(22..54),
        _ => None,
    };
    addresses.into_iter().flatten().map(|byte| usize::from(*byte)).sum::<usize>() % shards
}

fn run(inbox: &Inbox, number: usize, shards: usize, packets: Vec<&Packet>, traffic: Traffic) {
    let mut config = Config::default();
    config.conntrack.checksum = false;
    let mut gateway = Gateway::new(config);
    let rules = Ruleset::parse(Family::V4, RULES, &Sets::default()).expect("rules");
    gateway.set_rules(Some(rules), None, &Sets::default()).expect("no helpers");
    let scheduler = Scheduler::new(sched::Config::default());
    let mut shard = Shard::new(number, gateway, scheduler);
    shape(&mut shard.scheduler, shards == 1);
    shard.ports = vec![PortView { name: "office".into(), up: true, statistics: PortStatistics::default() }];
    let mut latest = Instant::ZERO;
    for packet in &packets {
        feed(&mut shard, packet, packet.time);
        latest = latest.max(packet.time);
    }
    let began = Clock::now();
    let mut again = packets.iter().cycle();
    let pause = match traffic {
        Traffic::Over => None,
        Traffic::GoesOn => Some(Timespec { tv_sec: 0, tv_nsec: STEP_NANOS }),
    };
    loop {
        poll(&mut [PollFd::new(&inbox.bell(), PollFlags::IN)], pause.as_ref()).expect("a bell");
        inbox.work(&mut shard);
        if pause.is_some() {
            let now = latest + Duration::from_nanos(began.elapsed().as_nanos() as u64);
            again.by_ref().take(STEP).for_each(|packet| feed(&mut shard, packet, now));
        }
    }
}

fn feed(shard: &mut Shard, packet: &Packet, time: Instant) {
    let frame = Frame {
        time,
        device: DeviceId(0),
        direction: FrameDirection::Unknown,
        link: packet.link,
        wire_len: packet.wire_len,
        data: &packet.data,
    };
    shard.gateway.receive([frame]);
    shard.now = time;
    let seen = &mut shard.counts;
    for counter in [&mut seen.received, &mut seen.watched] {
        counter.packets += 1;
        counter.bytes += u64::from(packet.wire_len);
    }
    shard.ports[0].statistics.received += 1;
    let mut skb = Skb {
        token: 0,
        data: &packet.data,
        network_offset: 14,
        protocol: 0x0800,
        len: packet.wire_len,
        info: None,
        mark: 0,
        priority: 0,
        input: None,
        ct: None,
        host: None,
    };
    shard.scheduler.offer(time, DeviceId(0), &mut skb);
    while let sched::Poll::Packet(_) = shard.scheduler.poll(time, DeviceId(0)) {}
    while shard.scheduler.poll_dropped().is_some() {}
}

fn shape(scheduler: &mut Scheduler, with_classes: bool) {
    let device = DeviceConfig { name: "office".to_owned(), ..DeviceConfig::default() };
    scheduler.add_device(DeviceId(0), device).expect("a device");
    let mut reader = Reader::new();
    reader.name_device("office", DeviceId(0));
    for statement in reader.read(if with_classes { TC } else { "" }).expect("lines") {
        match statement.command {
            Command::SetQdisc(request, flags) => scheduler.set_qdisc(Instant::ZERO, &request, flags).expect("a qdisc"),
            Command::SetClass(request, flags) => scheduler.set_class(Instant::ZERO, &request, flags).expect("a class"),
            other => panic!("{other:?}"),
        }
    }
}
