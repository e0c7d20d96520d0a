use std::sync::{Arc, Mutex, MutexGuard};

use proptest::prelude::*;
use tctable::account::Inside;
use tctable::gateway::Route;
use tctable::packet::{DeviceId, Family, LinkType};
use tctable::ruleset::{Ruleset, Sets};
use tctable::sched::text::{Command, Reader, lines};
use tctable::sched::{self, DeviceConfig, Scheduler};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};
use tctable_lab::packets::{Datagram, Ipv4, ethernet, ethertype, protocol, tcp_packet, udp_packet, vlan};

use super::fake::{Fake, Wire};
use super::*;
use crate::config::shaping::{DeviceNames, Shaping};

const LAN: DeviceId = DeviceId(0);
const WAN: DeviceId = DeviceId(1);
const CLIENT: [u8; 6] = [2, 0, 0, 0, 0, 1];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// A bridge between two wires, in virtual time.
struct Bridge {
    forwarder: Forwarder,
    shard: Shard,
    wires: [Arc<Mutex<Wire>>; 2],
    now: Instant,
}

impl Bridge {
    fn new() -> Bridge {
        Bridge::with(&[Some(1), Some(0)], LinkType::Ethernet, |config| {
            config.inside = Inside::new(&[]);
            config.inside.set_device(LAN, true);
            config.route = Route::Between(LAN, WAN);
        })
    }

    fn with(to: &[Option<usize>], link: LinkType, configure: impl FnOnce(&mut Config)) -> Bridge {
        let mut config = Config { max_transmits: 1024, ..Config::default() };
        configure(&mut config);
        let mut scheduler = Scheduler::new(sched::Config::default());
        let mut forwarder = Forwarder::new(to);
        let wires = [Wire::new(), Wire::new()];
        for (device, wire) in [LAN, WAN].into_iter().zip(&wires).take(to.len()) {
            scheduler.add_device(device, DeviceConfig::default()).expect("a new one");
            forwarder.set_port(device, Fake::new(wire, device, link));
        }
        let shard = Shard::new(0, Gateway::new(config), scheduler);
        Bridge { forwarder, shard, wires, now: Instant::from_secs(1_000) }
    }

    fn rules(mut self, text: &str) -> Bridge {
        let rules = Ruleset::parse(Family::V4, text, &Sets::default()).expect("right rules");
        self.shard.gateway.set_rules(Some(rules), None, &Sets::default()).expect("no helpers");
        self
    }

    fn tc(mut self, text: &str) -> Bridge {
        let mut reader = Reader::new();
        reader.name_device("lan", LAN);
        reader.name_device("wan", WAN);
        for line in lines(text).expect("right lines") {
            match reader.read_line(&line).expect("a right line").command {
                Command::SetQdisc(request, flags) => {
                    self.shard.scheduler.set_qdisc(self.now, &request, flags).expect("possible")
                }
                Command::SetClass(request, flags) => {
                    self.shard.scheduler.set_class(self.now, &request, flags).expect("possible")
                }
                Command::SetFilter(request, flags) => {
                    self.shard.scheduler.set_filter(self.now, &request, flags).map(drop).expect("possible")
                }
                other => panic!("{other:?}"),
            }
        }
        self.shard.shaped = true;
        self
    }

    fn wire(&self, device: DeviceId) -> MutexGuard<'_, Wire> {
        self.wires[usize::from(device.0)].lock().expect("no panic")
    }

    /// Frames come by a device; what left by the other one is given, and what went back.
    fn come(&mut self, device: DeviceId, frames: impl IntoIterator<Item = Vec<u8>>) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        self.wire(device).coming.extend(frames);
        self.turn();
        let other = DeviceId(1 - device.0);
        (std::mem::take(&mut self.wire(other).sent), std::mem::take(&mut self.wire(device).sent))
    }

    fn turn(&mut self) {
        loop {
            let turn = self.forwarder.turn(&mut self.shard, self.now);
            assert!(turn.broken.is_empty());
            if turn.received == 0 {
                break;
            }
        }
        self.all_is_counted();
    }

    fn all_is_counted(&self) {
        let Counts { received, filtered, passed, dropped, held, watched, .. } = self.shard.counts;
        let sum = |counters: &[tctable::conntrack::Counter]| {
            counters.iter().fold((0, 0), |(packets, bytes), one| (packets + one.packets, bytes + one.bytes))
        };
        assert_eq!(sum(&[received]), sum(&[filtered, passed, dropped, held, watched]), "{:?}", self.shard.counts);
        let Counts { pieces, answers, copies, sent, shed, waiting, .. } = self.shard.counts;
        let left = sum(&[passed, pieces, answers, copies]);
        assert_eq!(left, sum(&[sent, shed, waiting]), "{:?}", self.shard.counts);
    }
}

fn up(packet: &[u8]) -> Vec<u8> {
    let kind = if packet[0] >> 4 == 4 { ethertype::IPV4 } else { ethertype::IPV6 };
    ethernet(CLIENT, ROUTER, kind, packet)
}

fn query(port: u16, payload: &[u8]) -> Vec<u8> {
    up(&udp_packet(([192, 168, 0, 7], port).into(), ([198, 51, 100, 1], 53).into(), payload))
}

fn answer(port: u16, payload: &[u8]) -> Vec<u8> {
    let packet = udp_packet(([198, 51, 100, 1], 53).into(), ([192, 168, 0, 7], port).into(), payload);
    ethernet(ROUTER, CLIENT, ethertype::IPV4, &packet)
}

#[test]
fn frames_cross_as_they_came_and_count() {
    let mut bridge = Bridge::new();
    let arp = ethernet(CLIENT, [0xff; 6], ethertype::ARP, &[0; 28]);
    let stp = ethernet(CLIENT, [1, 0x80, 0xc2, 0, 0, 0], 38, &[0x42; 38]);
    let tagged = ethernet(CLIENT, ROUTER, ethertype::VLAN, &vlan(7, ethertype::IPV4, &query(2, b"x")[14..]));
    let frames = [query(1, b"who"), arp, stp, tagged];
    assert_eq!(bridge.come(LAN, frames.clone()), (frames.to_vec(), vec![]));
    assert_eq!(bridge.come(WAN, [answer(1, b"me")]), (vec![answer(1, b"me")], vec![]));
    let host = bridge.shard.gateway.host([192, 168, 0, 7].into()).expect("counted");
    let counters = host.class(tctable::account::Class::Udp);
    assert_eq!((counters.tx.packets, counters.rx.packets), (2, 1));
    assert_eq!(host.mac().map(|mac| mac.0), Some(CLIENT));
    assert_eq!(bridge.shard.counts.not_ip.packets, 2);
}

/// What has no room waits, and leaves before what comes later.
#[test]
fn a_full_port_loses_nothing_and_keeps_the_order() {
    let mut bridge = Bridge::new();
    let frames: Vec<Vec<u8>> = (0..200).map(|nth| query(1000, &[nth])).collect();
    bridge.wire(WAN).room = 3;
    assert_eq!(bridge.come(LAN, frames[..100].to_vec()).0, frames[..3]);
    assert_eq!(bridge.shard.counts.waiting.packets, 97);
    bridge.wire(WAN).room = 10;
    // It is not asked again at once.
    bridge.turn();
    assert_eq!(bridge.wire(WAN).sent.len(), 0);
    bridge.now += Duration::from_millis(1);
    assert_eq!(bridge.come(LAN, frames[100..].to_vec()).0, frames[3..13]);
    bridge.wire(WAN).room = usize::MAX;
    bridge.now += Duration::from_millis(1);
    assert!(bridge.forwarder.next().is_some_and(|next| next <= bridge.now));
    assert_eq!(bridge.come(LAN, []).0, frames[13..]);
    assert_eq!((bridge.shard.counts.waiting.packets, bridge.forwarder.next()), (0, None));
}

fn datagram(id: u32, v6: bool) -> Datagram {
    let payload: Vec<u8> = (0..4000u32).map(|at| (at * 3) as u8).collect();
    let (src, dst): (std::net::SocketAddr, std::net::SocketAddr) = match v6 {
        false => (([192, 168, 0, 7], 1000).into(), ([198, 51, 100, 1], 53).into()),
        true => ("[fd00::7]:1000".parse().unwrap(), "[2001:db8::1]:53".parse().unwrap()),
    };
    let udp = tctable_lab::packets::udp(src, dst, &payload);
    Datagram { src: src.ip(), dst: dst.ip(), protocol: protocol::UDP, id, payload: udp }
}

#[test]
fn fragments_go_on_when_their_datagram_is_whole() {
    for rules in [None, Some("*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n")] {
        for v6 in [false, true] {
            let mut bridge = Bridge::new();
            if let Some(rules) = rules {
                bridge = bridge.rules(rules);
            }
            let datagram = datagram(0x1234, v6);
            let frames: Vec<Vec<u8>> =
                datagram.pieces(1400).iter().map(|piece| up(&datagram.fragment(piece))).collect();
            // In whatever order they come.
            let mut coming = frames.clone();
            coming.rotate_left(1);
            let last = coming.pop().expect("three");
            assert_eq!(bridge.come(LAN, coming), (vec![], vec![]));
            assert_eq!(bridge.come(LAN, [last]), (frames.clone(), vec![]), "v6: {v6}, rules: {rules:?}");
            assert_eq!(bridge.shard.counts.held.packets, bridge.shard.counts.pieces.packets);
            assert_eq!(bridge.shard.gateway.conntrack().count(), 1);
        }
    }
}

#[test]
fn a_datagram_that_is_dropped_goes_in_no_piece() {
    let mut bridge =
        Bridge::new().rules("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p udp --dport 53 -j DROP\nCOMMIT\n");
    let datagram = datagram(7, false);
    let frames = datagram.pieces(1400).into_iter().map(|piece| up(&datagram.fragment(&piece)));
    assert_eq!(bridge.come(LAN, frames), (vec![], vec![]));
    assert_eq!((bridge.shard.counts.held.packets, bridge.shard.counts.dropped.packets), (2, 1));
}

#[test]
fn rules_drop_change_and_answer() {
    let mut bridge = Bridge::new().rules(
        "*mangle\n-A FORWARD -p udp --dport 53 -j DSCP --set-dscp 46\nCOMMIT\n\
         *filter\n-A FORWARD -p udp --dport 54 -j DROP\n-A FORWARD -p tcp -j REJECT --reject-with tcp-reset\nCOMMIT\n",
    );
    let other = up(&udp_packet(([192, 168, 0, 7], 1).into(), ([198, 51, 100, 1], 54).into(), b"x"));
    let syn = tcp_packet(
        ([192, 168, 0, 7], 4000).into(),
        ([198, 51, 100, 1], 80).into(),
        &tctable_lab::packets::Tcp { flags: 2, seq: 9, ..Default::default() },
        b"",
    );
    let tagged = ethernet(CLIENT, ROUTER, ethertype::VLAN, &vlan(7, ethertype::IPV4, &syn));
    let (on, back) = bridge.come(LAN, [query(1, b"who"), other, tagged]);
    assert_eq!((on.len(), back.len()), (1, 1), "{:?}", bridge.shard.counts);
    // The type of service, and the header's checksum.
    assert_eq!((on[0][15], &on[0][26..]), (46 << 2, &query(1, b"who")[26..]));
    assert!(tctable_lab::packets::checksum_is_right(&on[0][14..]).unwrap_or(false));
    // Addresses change places, the tag stays.
    assert_eq!(
        (&back[0][..6], &back[0][6..12], &back[0][12..18]),
        (&CLIENT[..], &ROUTER[..], &[0x81, 0, 0, 7, 8, 0][..])
    );
    // To the client, from the port that was asked: RST and ACK of its SYN.
    let segment = &back[0][38..];
    assert_eq!((&back[0][34..38], segment[0..2].to_vec(), segment[13]), (&[192, 168, 0, 7][..], vec![0, 80], 0x14));
}

#[test]
fn nobody_answers_what_was_sent_to_many() {
    let mut bridge = Bridge::new().rules("*filter\n-A FORWARD -j REJECT\nCOMMIT\n");
    let packet = udp_packet(([192, 168, 0, 7], 1).into(), ([198, 51, 100, 1], 54).into(), b"x");
    let frame = ethernet(CLIENT, [0xff; 6], ethertype::IPV4, &packet);
    assert_eq!(bridge.come(LAN, [frame]), (vec![], vec![]));
    assert_eq!((bridge.shard.counts.dropped.packets, bridge.shard.counts.answers.packets), (1, 0));
}

/// 1,000 bytes a second, and what a rule puts in the fast class leaves first.
#[test]
fn traffic_control_says_when_and_in_which_order() {
    let mut bridge = Bridge::new()
        .rules("*mangle\n-A POSTROUTING -p udp --sport 7 -j CLASSIFY --set-class 1:1\nCOMMIT\n")
        .tc("qdisc add dev wan root handle 1: prio\n\
         qdisc add dev wan parent 1:2 handle 2: tbf rate 1kbps burst 200 latency 10s\n");
    let slow: Vec<Vec<u8>> = (0..5).map(|nth| query(1, &[nth; 58])).collect();
    let fast = query(7, b"fast");
    let frames: Vec<Vec<u8>> = slow.iter().cloned().chain([fast.clone()]).collect();
    assert_eq!(slow[0].len(), 100);
    let (on, _) = bridge.come(LAN, frames);
    assert_eq!(on, [fast, slow[0].clone(), slow[1].clone()]);
    let next = bridge.forwarder.next().expect("more waits");
    assert_eq!(next, bridge.now + Duration::from_millis(100));
    bridge.now = next;
    assert_eq!(bridge.come(LAN, []).0, slow[2..3]);
    bridge.now += Duration::from_secs(1);
    assert_eq!(bridge.come(LAN, []).0, slow[3..]);
}

#[test]
fn ingress_filters_come_before_the_engine() {
    let mut bridge = Bridge::new().tc("qdisc add dev lan handle ffff: ingress\n\
         filter add dev lan parent ffff: protocol ip prio 1 u32 match ip dport 53 0xffff action drop\n");
    assert_eq!(bridge.come(LAN, [query(1, b"x")]), (vec![], vec![]));
    assert_eq!((bridge.shard.counts.filtered.packets, bridge.shard.gateway.totals().frames.packets), (1, 0));
}

#[test]
fn what_a_tun_device_gives_goes_back_to_it() {
    let mut bridge = Bridge::with(&[Some(0)], LinkType::Raw, |config| config.route = Route::Between(LAN, LAN));
    let packet = query(1, b"x")[14..].to_vec();
    bridge.wire(LAN).coming.push_back(packet.clone());
    bridge.turn();
    assert_eq!(bridge.wire(LAN).sent, [packet]);
}

#[test]
fn who_watches_sends_nothing() {
    let mut bridge = Bridge::with(&[None], LinkType::Ethernet, |_| ());
    assert_eq!(bridge.come(LAN, [query(1, b"x"), query(2, b"y")]), (vec![], vec![]));
    assert_eq!(bridge.shard.counts.watched.packets, 2);
    assert_eq!(bridge.shard.gateway.hosts().len(), 1);
}

#[test]
fn a_port_that_fails_is_told_of_and_waits_for_another_one() {
    let mut bridge = Bridge::new();
    bridge.wire(WAN).is_down = true;
    bridge.wire(LAN).coming.push_back(query(1, b"x"));
    let turn = bridge.forwarder.turn(&mut bridge.shard, bridge.now);
    assert_eq!(turn.broken.iter().map(|(device, _)| *device).collect::<Vec<_>>(), [WAN]);
    assert!(bridge.forwarder.is_down(WAN) && !bridge.forwarder.look_at(WAN));
    // What was to leave by it waits until it is back.
    bridge.turn();
    bridge.wire(WAN).is_down = false;
    assert!(bridge.forwarder.look_at(WAN));
    bridge.turn();
    assert_eq!(bridge.wire(WAN).sent, [query(1, b"x")]);
}

/// Other files of traffic control, one after the other; `None` is the one queue that every device has.
struct Files(Vec<Option<Shaping>>);

impl Files {
    fn new(texts: &[&str]) -> Files {
        let names = || DeviceNames::new(vec![("lan".to_owned(), LAN), ("wan".to_owned(), WAN)], "there are two");
        let read = |text: &&str| {
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), text).expect("written");
            Shaping::load(file.path(), &names()).expect("right")
        };
        Files(texts.iter().map(|text| (!text.is_empty()).then(|| read(text))).collect())
    }

    /// What a reload does, from one of them to the next one.
    fn reload(&self, bridge: &mut Bridge, nth: usize) {
        let (old, new) = (nth.checked_sub(1).and_then(|before| self.0[before].as_ref()), self.0[nth].as_ref());
        Shaping::change(old, new, bridge.now, &mut bridge.shard.scheduler).expect("possible");
        bridge.shard.shaped = new.is_some();
        bridge.forwarder.wake(&mut bridge.shard, bridge.now);
        bridge.all_is_counted();
    }
}

/// All that waits leaves, however long that takes.
fn all(bridge: &mut Bridge) -> Vec<Vec<u8>> {
    let mut left = std::mem::take(&mut bridge.wire(WAN).sent);
    bridge.wire(WAN).room = usize::MAX;
    while let Some(next) = bridge.forwarder.next() {
        bridge.now = bridge.now.max(next);
        left.extend(bridge.come(LAN, []).0);
    }
    assert_eq!(bridge.shard.counts.waiting.packets, 0);
    left
}

const SLOW: &str = "qdisc add dev wan root handle 1: tbf rate 1kbps burst 2000 limit 1000000\n";
const TREE: &str = "\
qdisc add dev wan root handle 1: htb default 10
class add dev wan parent 1: classid 1:1 htb rate 8kbit
class add dev wan parent 1:1 classid 1:10 htb rate 4kbit ceil 8kbit
class add dev wan parent 1:1 classid 1:20 htb rate 4kbit ceil 8kbit
";
const BANDS: &str = "qdisc add dev wan root handle 3: prio\n";

#[test]
fn a_reload_loses_nothing_that_waits_and_keeps_the_order() {
    let frames: Vec<Vec<u8>> = (0..60).map(|nth| query(1, &[nth; 58])).collect();
    for files in [
        &["", SLOW, "", TREE][..],
        &[SLOW, TREE, BANDS, SLOW, TREE, ""],
        &["", BANDS, ""],
        // A class that goes, and comes again as the last one that there is.
        &[TREE, &TREE.replace("default 10", "default 20"), BANDS],
    ] {
        let mut bridge = Bridge::new();
        bridge.wire(WAN).room = 7;
        let files = Files::new(files);
        let mut rest = frames.as_slice();
        let mut left = Vec::new();
        for nth in 0..files.0.len() {
            files.reload(&mut bridge, nth);
            let (now, later) = rest.split_at(10);
            rest = later;
            left.extend(bridge.come(LAN, now.iter().cloned()).0);
        }
        let waited = bridge.shard.counts.waiting.packets;
        assert!(waited > 10, "{waited}");
        left.extend(all(&mut bridge));
        assert_eq!(left, frames[..files.0.len() * 10]);
        assert_eq!(bridge.shard.counts.shed.packets, 0);
    }
}

#[test]
fn what_the_new_limits_do_not_hold_is_counted() {
    let frames: Vec<Vec<u8>> = (0..40).map(|nth| query(1, &[nth; 58])).collect();
    let mut bridge = Bridge::new();
    bridge.wire(WAN).room = 0;
    let files = Files::new(&["", "qdisc add dev wan root handle 1: pfifo limit 15\n"]);
    files.reload(&mut bridge, 0);
    bridge.come(LAN, frames.iter().cloned());
    assert_eq!(bridge.shard.counts.waiting.packets, 40);
    files.reload(&mut bridge, 1);
    assert_eq!((bridge.shard.counts.waiting.packets, bridge.shard.counts.shed.packets), (15, 25));
    assert_eq!(all(&mut bridge), frames[..15]);
}

#[test]
fn what_waits_is_classified_anew_by_what_was_known_of_it() {
    let rules = "*mangle\n-A POSTROUTING -p udp --sport 7 -j CLASSIFY --set-class 3:1\nCOMMIT\n";
    let mut bridge = Bridge::new().rules(rules);
    let files = Files::new(&[SLOW, BANDS]);
    files.reload(&mut bridge, 0);
    bridge.wire(WAN).room = 0;
    let slow: Vec<Vec<u8>> = (0..5).map(|nth| query(1, &[nth; 58])).collect();
    let fast = query(7, b"fast");
    bridge.come(LAN, slow.iter().cloned().chain([fast.clone()]));
    files.reload(&mut bridge, 1);
    // What the qdisc before gave out already, and was not taken, goes with it.
    let left = all(&mut bridge);
    assert_eq!(left, [fast].into_iter().chain(slow).collect::<Vec<_>>());
}

#[derive(Clone, Debug)]
enum Step {
    Come(bool, Vec<(u8, u8)>),
    Room(Option<u8>),
    Time(u16),
    Reload(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), proptest::collection::vec((0u8..6, any::<u8>()), 0..150))
            .prop_map(|(side, frames)| Step::Come(side, frames)),
        1 => proptest::option::of(0u8..100).prop_map(Step::Room),
        1 => (0u16..2000).prop_map(Step::Time),
        1 => (0u8..4).prop_map(Step::Reload),
    ]
}

fn any_frame(kind: u8, what: u8) -> Vec<u8> {
    match kind {
        0 => query(what.into(), &[what; 30]),
        1 => answer(what.into(), &[what; 30]),
        2 => ethernet(CLIENT, [0xff; 6], ethertype::ARP, &[what; 28]),
        3 => {
            let datagram = datagram(u32::from(what >> 2), what & 1 == 0);
            up(&datagram.fragment(&datagram.pieces(1400)[usize::from(what >> 1 & 1)]))
        }
        4 => vec![what; usize::from(what)],
        _ => up(&Ipv4 { ttl: 1, ..Ipv4::new([10, 0, 0, what], [192, 0, 2, 1], protocol::TCP) }.build(&[what; 4])),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_frame_leaves_or_is_counted(steps in proptest::collection::vec(step(), 1..40), rules: bool, shaped: bool) {
        let mut bridge = Bridge::new();
        if rules {
            bridge = bridge.rules(
                "*filter\n-A FORWARD -p udp --dport 0:99 -j REJECT\n-A FORWARD -p tcp -j DROP\nCOMMIT\n",
            );
        }
        const POLICED: &str = "qdisc add dev wan root handle 1: tbf rate 100kbps burst 5000 limit 20000\n";
        let files = [POLICED, "", TREE, BANDS].map(|text| Files::new(&[text]).0.remove(0));
        let mut holds = usize::from(!shaped);
        Files(vec![files[holds].clone()]).reload(&mut bridge, 0);
        for step in steps {
            match step {
                Step::Come(side, frames) => {
                    let frames = frames.into_iter().map(|(kind, what)| any_frame(kind, what));
                    bridge.come(if side { LAN } else { WAN }, frames);
                }
                Step::Room(room) => {
                    bridge.wires.iter().for_each(|wire| {
                        wire.lock().expect("no panic").room = room.map_or(usize::MAX, usize::from);
                    });
                    bridge.turn();
                }
                Step::Reload(other) => {
                    let before = std::mem::replace(&mut holds, other.into());
                    Files(vec![files[before].clone(), files[holds].clone()]).reload(&mut bridge, 1);
                    bridge.turn();
                }
                Step::Time(millis) => {
                    bridge.now += Duration::from_millis(millis.into());
                    bridge.turn();
                }
            }
        }
        // In the end all leaves.
        bridge.wires.iter().for_each(|wire| wire.lock().expect("no panic").room = usize::MAX);
        while let Some(next) = bridge.forwarder.next() {
            bridge.now = bridge.now.max(next);
            bridge.turn();
        }
        prop_assert_eq!(bridge.shard.counts.waiting, Default::default());
        prop_assert_eq!(bridge.forwarder.next(), None);
    }
}
