//! Fragments that wait for their datagram. Each family has its own tunables, which leave the other one alone.

use tctable::packet::Family;
use tctable::time::Duration;
use tctable_lab::packets::{Datagram, protocol, udp};

use super::tunables;
use crate::support::{Net, Road};

tunables! {
    "net.ipv4.ipfrag_time" => ipfrag_time: |net, name| time(net, name, Family::V4);
    "net.netfilter.nf_conntrack_frag6_timeout" => frag6_timeout: |net, name| time(net, name, Family::V6);
    "net.ipv4.ipfrag_high_thresh" => ipfrag_high_thresh: |net, name| memory(net, name, Family::V4);
    "net.netfilter.nf_conntrack_frag6_high_thresh" => frag6_high_thresh: |net, name| memory(net, name, Family::V6);
    "net.ipv4.ipfrag_max_dist" => ipfrag_max_dist: distance;
}

fn family(net: Net) -> Family {
    if net.client.is_ipv4() { Family::V4 } else { Family::V6 }
}

/// A datagram in two pieces.
fn halves(net: Net, id: u32) -> Vec<Vec<u8>> {
    let payload = udp(net.from(), net.to(), &[7; 40]);
    let datagram = Datagram { src: net.client, dst: net.server, protocol: protocol::UDP, id, payload };
    datagram.pieces(24).iter().map(|piece| datagram.fragment(piece)).collect()
}

fn time(net: Net, name: &str, of: Family) {
    let mut road = Road::new();
    road.gateway.set_sysctl(name, "5").expect("a tunable");
    let default = if net.client.is_ipv4() { 30 } else { 60 };
    let seconds = if family(net) == of { 5 } else { default };
    for (late, whole) in [(0, true), (1, false)] {
        let halves = halves(net, late as u32);
        road.pass(&halves[0]);
        // One nanosecond before its end, and at it.
        road.wait(Duration::from_nanos(seconds * 1_000_000_000 - 1 + late)).tick();
        assert_eq!(road.gateway.defrag(family(net)).queues, u32::from(whole));
        assert_eq!(road.line(&halves[1]).starts_with("NEW original udp"), whole);
        // The half that came too late.
        road.wait(Duration::from_secs(100)).tick();
        assert_eq!(road.gateway.defrag(family(net)).memory, 0);
    }
}

fn memory(net: Net, name: &str, of: Family) {
    let mut road = Road::new();
    let mut id = 0;
    for (limit, kept) in [("0", false), ("1000000", true), ("0", false), ("4194304", true)] {
        road.gateway.set_sysctl(name, limit).expect("a tunable");
        id += 1;
        let before = road.gateway.totals().unaccounted.fragments_refused.packets;
        let lines: Vec<String> = halves(net, id).iter().map(|half| road.line(half)).collect();
        let kept = kept || family(net) != of;
        assert_eq!(lines[1].starts_with("NEW original udp"), kept, "{limit}: {lines:?}");
        let refused = road.gateway.totals().unaccounted.fragments_refused.packets - before;
        assert_eq!(refused, if kept { 0 } else { 2 });
    }
    // Between nothing and all: until they take more than that.
    road.gateway.set_sysctl(name, "2000").expect("a tunable");
    for id in 100..200 {
        road.pass(&halves(net, id)[0]);
    }
    let waiting = road.gateway.defrag(family(net)).queues;
    assert_eq!((1..100).contains(&waiting), family(net) == of, "{waiting}");
}

/// Pieces of many datagrams between those of one: in IPv4 its identification came round.
fn distance(net: Net, name: &str) {
    for (limit, whole) in [("64", true), ("2", net.client.is_ipv6()), ("0", true)] {
        let mut road = Road::new();
        road.gateway.set_sysctl(name, limit).expect("a tunable");
        let watched = halves(net, 1);
        road.pass(&watched[0]);
        for id in 100..110 {
            road.pass(&halves(net, id)[0]);
        }
        assert_eq!(road.line(&watched[1]).starts_with("NEW original udp"), whole, "{limit}");
    }
}
