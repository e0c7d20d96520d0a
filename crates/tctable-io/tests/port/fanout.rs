use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use tctable::packet::DeviceId;
use tctable_io::port::{PacketConfig, PacketSocket, Port, Role, shard_of};
use tctable_lab::packets::{
    Ipv4, Ipv6, Tcp, ethernet, ethertype, icmp_error, icmpv6_error, ip, pppoe_session, protocol, tcp, udp, vlan,
};

use super::far::Far;
use super::net::{BOUND, down, in_namespace, ready, run, until_up, veth};

const SHARDS: usize = 3;
const ENDS: u8 = 24;

fn open(device: &str) -> Vec<PacketSocket> {
    let config = PacketConfig { slots: 512, ..PacketConfig::new(device, DeviceId(0), Role::InLine) };
    PacketSocket::open_shards(&config, SHARDS).expect("ports")
}

/// Two ends of either family.
fn ends(number: u8) -> [[IpAddr; 2]; 2] {
    let v6 = |high: u16, low: u8| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, high, 0, 0, 0, 0, low.into()));
    [[Ipv4Addr::new(10, 0, 0, number).into(), Ipv4Addr::new(198, 51, 100, 7).into()], [v6(1, number), v6(0xffff, 1)]]
}

/// Frames of what two ends have to do with one another, from the first to the second.
fn frames([from, to]: [IpAddr; 2], ports: [u16; 2]) -> Vec<Vec<u8>> {
    let kind = if from.is_ipv4() { ethertype::IPV4 } else { ethertype::IPV6 };
    let frame = |kind, payload: &[u8]| ethernet([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], kind, payload);
    let datagram = udp((from, ports[0]).into(), (to, ports[1]).into(), b"some data, enough of it");
    let packet = ip(from, to, protocol::UDP, &datagram);
    let back = ip(to, from, protocol::TCP, &tcp((to, ports[1]).into(), (from, ports[0]).into(), &Tcp::default(), b""));
    let (pieces, error) = match [from, to] {
        [IpAddr::V4(from), IpAddr::V4(to)] => {
            let header = Ipv4::new(from, to, protocol::UDP);
            let first = Ipv4 { more_fragments: true, ..header.clone() }.build(&datagram[..16]);
            let rest = Ipv4 { fragment_offset: 2, ..header }.build(&datagram[16..]);
            // A later fragment that looks like an error.
            let icmp = Ipv4 { fragment_offset: 2, ..Ipv4::new(from, to, protocol::ICMP) }.build(&[3; 32]);
            // From a router on the way.
            let error = Ipv4 { options: vec![1; 8], ..Ipv4::new([192, 0, 2, 33], to, protocol::ICMP) };
            (vec![first, rest, icmp], error.build(&icmp_error(11, 0, 0, &back)))
        }
        [IpAddr::V6(from), IpAddr::V6(to)] => {
            let header = || Ipv6::new(from, to, protocol::UDP);
            let pieces = vec![
                header().fragment(1, 0, true).build(&datagram[..16]),
                header().fragment(1, 2, false).build(&datagram[16..]),
            ];
            let router = Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 9);
            let error = icmpv6_error(router, to, 3, 0, 0, &back);
            (pieces, Ipv6::new(router, to, protocol::ICMPV6).build(&error))
        }
        _ => panic!("two families"),
    };
    let ppp = if from.is_ipv4() { 0x21 } else { 0x57 };
    let mut frames = vec![
        frame(kind, &packet),
        frame(kind, &error),
        frame(ethertype::VLAN, &vlan(5, kind, &packet)),
        frame(ethertype::QINQ, &vlan(9, ethertype::VLAN, &vlan(5, kind, &packet))),
        frame(ethertype::QINQ, &vlan(9, ethertype::VLAN, &vlan(5, ethertype::VLAN, &vlan(6, kind, &error)))),
        frame(ethertype::PPPOE_SESSION, &pppoe_session(1, ppp, &packet)),
        frame(ethertype::VLAN, &vlan(5, ethertype::PPPOE_SESSION, &pppoe_session(1, ppp, &error))),
    ];
    frames.extend(pieces.iter().map(|piece| frame(kind, piece)));
    frames
}

/// Which port each frame comes to, once all have come.
fn numbers(ports: &mut [PacketSocket], count: usize) -> BTreeMap<Vec<u8>, usize> {
    let deadline = Instant::now() + BOUND;
    let (mut came, mut total) = (BTreeMap::new(), 0);
    while total < count {
        assert!(Instant::now() < deadline, "{total} of {count} frames came");
        for (number, port) in ports.iter_mut().enumerate() {
            let shown = port.receive(tctable::time::Instant::ZERO, 64, &mut |burst| {
                for arrival in burst {
                    let before = came.insert(arrival.frame.data.to_vec(), number);
                    assert!(before.is_none_or(|before| before == number), "one frame, two shards");
                }
            });
            total += shown.expect("the port works");
        }
    }
    came
}

/// Whatever two ends send comes to the port of one number, on both devices, and not all ends to the same one.
fn check(left: &mut [PacketSocket], right: &mut [PacketSocket]) {
    let [far_left, far_right] = [Far::open("far-left"), Far::open("far-right")];
    let mut used = BTreeSet::new();
    for number in 0..ENDS {
        for [inside, outside] in ends(number) {
            let there: Vec<_> =
                [1, 2, 77].into_iter().flat_map(|port| frames([inside, outside], [port, 443])).collect();
            let back: Vec<_> = [1, 2, 77].into_iter().flat_map(|port| frames([outside, inside], [443, port])).collect();
            there.iter().for_each(|frame| far_left.send(frame));
            back.iter().for_each(|frame| far_right.send(frame));
            let at_left: BTreeSet<usize> = numbers(left, there.len()).into_values().collect();
            let at_right: BTreeSet<usize> = numbers(right, back.len()).into_values().collect();
            assert_eq!(at_left.len(), 1, "{inside} {outside}: {at_left:?}");
            assert_eq!(at_left, at_right, "{inside} {outside}");
            for [one, other] in [[inside, outside], [outside, inside]] {
                assert!(at_left.contains(&shard_of(one, other, SHARDS)), "{one} {other}: {at_left:?}");
            }
            used.extend(at_left);
        }
    }
    assert_eq!(used.len(), SHARDS);
    // What is not IP comes to the first.
    far_left.send(&super::packet::frame(60, 1));
    assert_eq!(numbers(left, 1).into_values().collect::<Vec<_>>(), [0]);
}

#[test]
fn a_pair_of_ends_has_one_shard_on_both_devices_in_both_directions() {
    in_namespace(|| {
        veth("left", "far-left");
        veth("right", "far-right");
        let (mut left, mut right) = (open("left"), open("right"));
        check(&mut left, &mut right);
        // Down and up: the kernel takes them out and in again.
        run("ip link set left down");
        left.iter_mut().for_each(|port| down(port));
        run("ip link set left up");
        ready(&["left", "far-left"]);
        left.iter_mut().for_each(|port| until_up(port));
        check(&mut left, &mut right);
        // Gone and back: they come in in their order, whoever asks first.
        run("ip link del right");
        right.iter_mut().for_each(|port| down(port));
        veth("right", "far-right");
        right.iter_mut().rev().for_each(|port| drop(port.reopen()));
        right.iter_mut().for_each(|port| drop(port.reopen()));
        right.iter_mut().for_each(|port| until_up(port));
        check(&mut left, &mut right);
    });
}

#[test]
fn who_watches_sees_both_directions_by_one_shard() {
    in_namespace(|| {
        veth("left", "far-left");
        let config = PacketConfig { slots: 512, ..PacketConfig::new("left", DeviceId(0), Role::Watch) };
        let mut ports = PacketSocket::open_shards(&config, SHARDS).expect("ports");
        let [near, far] = ["left", "far-left"].map(Far::open);
        let mut used = BTreeSet::new();
        for number in 0..ENDS {
            for [inside, outside] in ends(number) {
                let (there, back) = (frames([inside, outside], [1, 443]), frames([outside, inside], [443, 1]));
                there.iter().for_each(|frame| near.send(frame));
                back.iter().for_each(|frame| far.send(frame));
                let at: BTreeSet<usize> = numbers(&mut ports, there.len() + back.len()).into_values().collect();
                assert_eq!(at.len(), 1, "{inside} {outside}: {at:?}");
                used.extend(at);
            }
        }
        assert_eq!(used.len(), SHARDS);
    });
}
