use std::net::SocketAddr;

use super::super::sample::{kept, whole};
use super::*;
use crate::conntrack::helper::Helpers;
use crate::conntrack::{Attached, Config};
use crate::hook::Ct;
use crate::table::HashKey;
use crate::time::Duration;
use Outcome::{Differs, HotDrop, Matches};
use tctable_lab::packets::{Datagram, Tcp, flags, ip, protocol, tcp_packet, udp_packet};

/// A connection table, a rule and what it remembers.
struct Rig {
    conntrack: Conntrack,
    rule: Connlimit,
    state: ConnlimitState,
    now: Instant,
}

impl Rig {
    fn new(limit: u32, mask: u8, family: Family) -> Rig {
        let rule = Connlimit { limit, above: true, mask, by_destination: false };
        let config = Config { checksum: false, ..Config::default() };
        Rig {
            conntrack: Conntrack::new(config, Helpers::default(), HashKey([1, 2]), 3),
            state: ConnlimitState::new(&rule, family),
            rule,
            now: Instant::from_secs(1_000),
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// Takes a packet through conntrack and the rule; it is dropped where `keep` says so of the outcome.
    fn send_if(&mut self, bytes: &[u8], keep: impl FnOnce(Outcome) -> bool) -> Outcome {
        let mut packet = whole(bytes);
        let tuple = packet.info().tuple;
        let hash = self.conntrack.hash(&tuple);
        let found = self.conntrack.search(hash, &tuple);
        let view = packet.packet();
        let tracked = self.conntrack.track(self.now, view.as_packet(), found);
        let connection = match tracked.attached {
            Attached::New => {
                let mut begun = None;
                let refused = self.conntrack.begin(self.now, view.as_packet(), hash, true, &mut begun).is_err();
                begun.filter(|_| !refused).map_or(Ct::None, |unconfirmed| Ct::New(Box::new(unconfirmed)))
            }
            Attached::Confirmed(place) => Ct::Confirmed(place),
            Attached::None => Ct::None,
        };
        packet.tracking.connection = connection;
        packet.tracking.direction = tracked.direction;
        let outcome = self.state.matches(&self.rule, &packet, &self.conntrack, self.now);
        if let Ct::New(unconfirmed) = &mut packet.tracking.connection
            && keep(outcome)
        {
            self.conntrack.confirm(unconfirmed).expect("it is alone");
        }
        outcome
    }

    fn send(&mut self, bytes: &[u8]) -> Outcome {
        self.send_if(bytes, |_| true)
    }

    /// How many are counted, all in all.
    fn counted(&self) -> usize {
        self.state.groups.values().map(Vec::len).sum()
    }
}

fn udp(from: &str, port: u16, to: &str) -> Vec<u8> {
    let ends = [(from, port), (to, 53)];
    let [from, to] = ends.map(|(address, port)| SocketAddr::new(address.parse().expect("an address"), port));
    udp_packet(from, to, b"x")
}

fn v4(host: u8, port: u16) -> Vec<u8> {
    udp(&format!("10.11.0.{host}"), port, "10.22.0.1")
}

fn tcp(reply: bool, flags: u8, seq: u32, ack: u32) -> Vec<u8> {
    let [client, server]: [SocketAddr; 2] = ["10.11.0.1:1000", "10.22.0.1:80"].map(|end| end.parse().unwrap());
    let (from, to) = if reply { (server, client) } else { (client, server) };
    tcp_packet(from, to, &Tcp { flags, seq, ack, ..Tcp::default() }, b"")
}

#[test]
fn connections_count_once_and_those_above_the_limit_match() {
    let mut rig = Rig::new(2, 32, Family::V4);
    let packets = [v4(1, 1), v4(1, 1), v4(1, 2), v4(2, 9), v4(1, 3), v4(1, 1)];
    assert_eq!(packets.map(|packet| rig.send(&packet)), [Differs, Differs, Differs, Differs, Matches, Matches]);
    rig.rule.above = false;
    assert_eq!((rig.send(&v4(1, 4)), rig.send(&v4(2, 9))), (Differs, Matches));
}

#[test]
fn connections_are_counted_by_address_under_the_mask() {
    let mut rig = Rig::new(1, 24, Family::V4);
    let packets = [v4(1, 1), v4(2, 1), udp("10.11.1.1", 1, "10.22.0.1")];
    assert_eq!(packets.map(|packet| rig.send(&packet)), [Differs, Matches, Differs]);
    let mut rig = Rig::new(1, 64, Family::V6);
    let v6 = |from| udp(from, 1, "fd01::1");
    assert_eq!(["fd00::1", "fd00::2", "fd00:0:0:1::1"].map(|from| rig.send(&v6(from))), [Differs, Matches, Differs]);
    let mut rig = Rig::new(1, 0, Family::V6);
    assert_eq!(["fd00::1", "fe00::2"].map(|from| rig.send(&v6(from))), [Differs, Matches]);
    let mut rig = Rig::new(1, 32, Family::V4);
    rig.rule.by_destination = true;
    assert_eq!([v4(1, 1), v4(2, 1)].map(|packet| rig.send(&packet)), [Differs, Matches]);
}

#[test]
fn a_reply_is_counted_by_its_own_address() {
    let mut rig = Rig::new(0, 32, Family::V4);
    rig.send(&v4(1, 1));
    let [client, server]: [SocketAddr; 2] = ["10.11.0.1:1", "10.22.0.1:53"].map(|end| end.parse().unwrap());
    rig.send(&udp_packet(server, client, b"answer"));
    let groups: Vec<(u128, usize)> = rig.state.groups.iter().map(|((ip, _), list)| (ip.bits(), list.len())).collect();
    assert_eq!(groups, [(0x0a0b_0001, 1), (0x0a16_0001, 1)]);
    assert_eq!(rig.state.groups.values().nth(1).map(|list| list[0].source_port), Some(1), "by the original tuple");
}

#[test]
fn what_is_gone_or_was_dropped_counts_no_more() {
    let mut rig = Rig::new(1, 32, Family::V4);
    rig.send(&v4(1, 1));
    for port in 2..9 {
        assert_eq!(rig.send_if(&v4(1, port), |outcome| outcome == Differs), Matches, "{port}");
        assert_eq!(rig.counted(), 2, "the one and this one");
    }
    rig.pass(31);
    assert_eq!((rig.send(&v4(1, 9)), rig.counted()), (Differs, 1), "UDP's 30 seconds are over");
}

#[test]
fn those_behind_the_own_one_are_not_looked_at() {
    let mut rig = Rig::new(0, 0, Family::V4);
    for port in 0..100 {
        rig.send(&v4(1, port));
    }
    rig.pass(20);
    rig.send(&v4(1, 0));
    rig.pass(20);
    rig.send(&v4(1, 0));
    assert_eq!(rig.counted(), 100);
    // 65 of 99 are forgotten, then the other 34.
    for (port, left) in [(1, 36), (2, 3), (3, 4)] {
        rig.send(&v4(2, port));
        assert_eq!(rig.counted(), left);
    }
}

#[test]
fn closed_tcp_connections_do_not_count() {
    use flags::{ACK, FIN, RST, SYN};
    let opened = |rig: &mut Rig| {
        rig.send(&tcp(false, SYN, 100, 0));
        rig.send(&tcp(true, SYN | ACK, 500, 101));
        rig.send(&tcp(false, ACK, 101, 501));
    };
    let mut rig = Rig::new(1, 0, Family::V4);
    opened(&mut rig);
    assert_eq!((rig.send(&v4(2, 1)), rig.counted()), (Matches, 2));
    rig.send(&tcp(false, FIN | ACK, 101, 501));
    rig.send(&tcp(true, FIN | ACK, 501, 102));
    assert_eq!(rig.send(&v4(2, 1)), Matches, "LAST_ACK");
    assert_eq!(rig.send(&tcp(false, ACK, 102, 502)), Matches, "TIME_WAIT, but its own packet");
    assert_eq!((rig.send(&v4(2, 1)), rig.counted()), (Differs, 1));

    let mut rig = Rig::new(1, 0, Family::V4);
    opened(&mut rig);
    rig.send(&tcp(false, RST, 101, 0));
    assert_eq!((rig.send(&v4(2, 1)), rig.counted()), (Differs, 1), "CLOSE");
}

#[test]
fn packets_without_a_connection_count_by_their_tuple_or_are_dropped() {
    let mut rig = Rig::new(0, 32, Family::V4);
    let [one, other] = ["10.11.0.1", "10.22.0.1"].map(|text| text.parse().expect("an address"));
    // A TCP header that contradicts itself, and one that is not there.
    assert_eq!(rig.send(&ip(one, other, protocol::TCP, b"123")), HotDrop);
    // Ports are enough, whatever the length beside them says.
    assert_eq!(rig.send(&ip(one, other, protocol::TCP, b"1234")), Matches);
    assert_eq!(rig.send(&ip(one, other, protocol::UDP, &[0, 1, 0, 2, 0, 99, 0, 0])), Matches);
    let mut untracked = |bytes: &[u8]| rig.state.matches(&rig.rule, &whole(bytes), &rig.conntrack, rig.now);
    assert_eq!(untracked(&v4(1, 1)), Matches);
    let datagram = Datagram { src: one, dst: other, protocol: protocol::UDP, id: 1, payload: vec![0; 32] };
    assert_eq!(untracked(&datagram.fragment(&datagram.pieces(16)[1])), HotDrop);
    let cut = rig.state.matches(&rig.rule, &kept(&v4(1, 1), 22), &rig.conntrack, rig.now);
    assert_eq!(cut, Differs, "nobody knows what the capture cut off");
}

#[test]
fn a_flood_of_sources_leaves_no_more_than_live() {
    let mut rig = Rig::new(9, 128, Family::V6);
    for source in 0..5_000 {
        rig.send_if(&udp(&format!("fd00::{source:x}"), 1, "fd01::1"), |_| source % 100 == 0);
    }
    assert_eq!(rig.conntrack.count(), 50);
    assert!(rig.state.groups.len() <= 110, "{} groups", rig.state.groups.len());
    assert!(rig.state.groups.len() >= 50, "those that live");
}
