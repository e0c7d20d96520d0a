//! What cannot happen on one engine's road, where each packet's connection is confirmed before the next one begins: two
//! first packets on their road at once, and too many equal hashes.

use std::net::SocketAddr;

use super::super::track::Attached;
use super::*;
use crate::packet::{DeviceId, Frame, FrameDirection, LinkType, Packet, PacketInfo};
use tctable_lab::packets::{Tcp, flags, ip, protocol, sctp, sctp_chunk, tcp_packet, udp_lite, udp_packet};

const NOW: Instant = Instant::from_secs(1_700_000_000);

/// A client and a server.
fn ends() -> [SocketAddr; 2] {
    ["192.168.0.7:40000", "198.51.100.1:53"].map(|end| end.parse().expect("an address"))
}

fn table() -> Conntrack {
    Conntrack::new(Config { checksum: false, ..Config::default() }, Helpers::default(), HashKey([1, 2]), 3)
}

/// The tuple that a packet has.
fn tuple_of(packet: &[u8]) -> Tuple {
    with(packet, |packet| packet.info.tuple)
}

/// Shows a packet to `look` as the road does.
fn with<T>(data: &[u8], look: impl FnOnce(Packet<'_>) -> T) -> T {
    let (device, direction, link) = (DeviceId(0), FrameDirection::Unknown, LinkType::Raw);
    let frame = Frame { time: NOW, device, direction, link, wire_len: data.len() as u32, data };
    let info = PacketInfo::read(&frame).expect("an IP packet");
    look(Packet { frame: &frame, info: &info })
}

/// The connection that begins with a packet.
fn begin(table: &mut Conntrack, packet: &[u8]) -> Unconfirmed {
    with(packet, |packet| {
        let hash = table.hash(&packet.info.tuple);
        assert_eq!(table.track(NOW, packet, None).attached, Attached::New);
        let mut begun = None;
        table.begin(NOW, packet, hash, true, &mut begun).expect("it may begin");
        begun.expect("it began")
    })
}

/// Both directions of a datagram, in both families.
fn datagrams() -> [[Vec<u8>; 2]; 2] {
    [["192.168.0.7:40000", "198.51.100.1:53"], ["[fd00::7]:40000", "[2001:db8::1]:53"]].map(|ends| {
        let [client, server] = ends.map(|end| end.parse().expect("an address"));
        [udp_packet(client, server, b"ask"), udp_packet(server, client, b"answer")]
    })
}

/// A packet of each protocol that loses its first packet when another one was faster.
fn first_of_those_that_mind() -> Vec<Vec<u8>> {
    let [client, server] = ends();
    let init = sctp_chunk(1, 0, &[0, 0, 0, 9, 0, 0, 9, 9, 0, 1, 0, 1, 0, 0, 0, 1]);
    vec![
        tcp_packet(client, server, &Tcp { flags: flags::SYN, ..Tcp::default() }, b""),
        ip(client.ip(), server.ip(), protocol::SCTP, &sctp([7, 80], 0, &[init])),
        ip(client.ip(), server.ip(), 253, b""),
    ]
}

#[test]
fn the_same_datagram_twice_at_once_is_one_connection() {
    for [ask, _] in datagrams() {
        let mut table = table();
        let [mut first, mut second] = [(); 2].map(|()| begin(&mut table, &ask));
        let place = table.confirm(&mut first).expect("it is alone");
        assert_eq!(table.confirm(&mut second), Ok(place));
        let bytes = ask.len() as u64;
        let expected = Statistics { insert: 1, found: 1, clash_resolve: 1, ..Statistics::default() };
        assert_eq!((*table.statistics(), table.count()), (expected, 1));
        let counters = table.at(place).expect("a connection").counters;
        assert_eq!((counters[0].packets, counters[0].bytes, counters[1].packets), (2, 2 * bytes, 0));
    }
}

#[test]
fn udp_lite_and_pings_and_gre_do_not_mind_either() {
    let [client, server] = ends();
    for packet in [
        ip(client.ip(), server.ip(), protocol::UDP_LITE, &udp_lite(client, server, 0, b"")),
        ip(client.ip(), server.ip(), protocol::ICMP, &tctable_lab::packets::icmp_echo(false, 1, 1, b"")),
        ip(client.ip(), server.ip(), protocol::GRE, &[0, 0, 8, 0]),
    ] {
        let mut table = table();
        let [mut first, mut second] = [(); 2].map(|()| begin(&mut table, &packet));
        assert_eq!(table.confirm(&mut first), table.confirm(&mut second));
        assert_eq!(table.statistics().clash_resolve, 1);
    }
}

#[test]
fn question_and_answer_at_once_are_a_clash() {
    for [ask, answer] in datagrams() {
        let mut table = table();
        let [mut first, mut second] = [ask, answer].map(|packet| begin(&mut table, &packet));
        let place = table.confirm(&mut first).expect("it is alone");
        assert_eq!(table.confirm(&mut second), Err(ConfirmError::Clash));
        let expected = Statistics { insert: 1, found: 1, insert_failed: 1, drop: 1, ..Statistics::default() };
        assert_eq!(*table.statistics(), expected);
        assert_eq!(table.at(place).expect("a connection").counters[1].packets, 0);
    }
}

#[test]
fn tcp_sctp_and_unknown_protocols_lose_the_slower_packet() {
    for packet in first_of_those_that_mind() {
        let mut table = table();
        let [mut first, mut second] = [(); 2].map(|()| begin(&mut table, &packet));
        table.confirm(&mut first).expect("it is alone");
        assert_eq!(table.confirm(&mut second), Err(ConfirmError::Clash));
        let expected = Statistics { insert: 1, found: 1, insert_failed: 1, drop: 1, ..Statistics::default() };
        assert_eq!((*table.statistics(), table.count()), (expected, 1));
    }
}

#[test]
fn what_has_ended_in_the_meantime_clashes_with_nothing() {
    for packet in first_of_those_that_mind() {
        let mut table = table();
        let [mut first, mut second] = [(); 2].map(|()| begin(&mut table, &packet));
        let place = table.confirm(&mut first).expect("it is alone");
        table.end(place, NOW, EndReason::Deleted);
        assert!(table.take_ended().is_some());
        assert!(table.confirm(&mut second).is_ok());
        assert_eq!(*table.statistics(), Statistics { insert: 2, delete: 1, ..Statistics::default() });
    }
}

#[test]
fn one_more_connection_of_a_crowded_hash_is_refused_and_leaves_no_trace() {
    let mut table = table();
    let [client, server] = ends();
    let packets = (1..=2_000).map(|port| udp_packet(SocketAddr::new(client.ip(), port), server, b""));
    let mut kept = 0;
    let mut refused = 0;
    for packet in packets {
        let mut unconfirmed = Unconfirmed { hash: Hash(7), ..begin(&mut table, &packet) };
        match table.confirm(&mut unconfirmed) {
            Ok(_) => kept += 1,
            Err(error) => {
                assert_eq!(error, ConfirmError::ChainTooLong);
                refused += 1;
            }
        }
    }
    assert!(kept >= 300 && refused > 1_000, "{kept} {refused}");
    let expected = Statistics {
        insert: kept,
        chaintoolong: refused,
        insert_failed: refused,
        drop: refused,
        ..Statistics::default()
    };
    assert_eq!((*table.statistics(), table.count() as u64), (expected, kept));
    assert_eq!(table.unassured.len() as u64, kept);
    // Other hashes are as free as before.
    let packet = &datagrams()[0][0];
    let mut other = begin(&mut table, packet);
    assert!(table.confirm(&mut other).is_ok());
    assert_eq!(table.find(&tuple_of(packet)).map(|(_, direction)| direction), Some(Direction::Original));
    // All of them time out.
    while table.expire_some(NOW + Duration::from_secs(31), Promptness::Exact) {
        while table.take_ended().is_some() {}
    }
    assert_eq!(table.count(), 1 + kept as usize - table.statistics().delete as usize);
}

#[test]
fn a_fixed_timeout_keeps_its_deadline_and_packets_count() {
    for [ask, answer] in datagrams() {
        let mut table = table();
        let mut unconfirmed = begin(&mut table, &ask);
        let place = table.confirm(&mut unconfirmed).expect("it is alone");
        table.slab[place].status.insert(Status::FIXED_TIMEOUT);
        let deadline = table.slab[place].deadline();
        for (seconds, packet) in [(1, &answer), (10, &ask), (29, &answer)] {
            let now = NOW + Duration::from_secs(seconds);
            with(packet, |packet| {
                let found = table.search(table.hash(&packet.info.tuple), &packet.info.tuple);
                assert_eq!(table.track(now, packet, found).attached, Attached::Confirmed(place));
            });
            assert_eq!(table.slab[place].deadline(), deadline);
        }
        assert_eq!(table.slab[place].counters.map(|counter| counter.packets), [2, 2]);
        assert!(table.expire_some(deadline, Promptness::Exact));
        assert_eq!(table.take_ended().map(|end| end.at), Some(deadline));
    }
}

#[test]
fn the_bits_of_a_connection_are_told_apart_from_our_own() {
    let mut status = Status::CONFIRMED;
    status.set_extended();
    assert_eq!((status.bits(), status.is_extended()), (1 << 3, true));
    assert!(status.names().eq(["CONFIRMED"]));
}
