//! Direction is the host's, and inside is what the prefixes say.

use tctable::account::{Class, Host, Inside};
use tctable_lab::packets::{protocol, udp_packet};

use crate::packet::fragment;
use crate::support::{BOTH, Net, Road, V4, V6, counter};

fn udp(host: &Host) -> (u64, u64) {
    let counters = host.class(Class::Udp);
    (counters.tx.packets, counters.rx.packets)
}

fn between(net: Net, there: bool) -> Vec<u8> {
    let (from, mut to) = (net.from(), net.from());
    to.set_ip(net.neighbour);
    if there { udp_packet(from, to, b"there") } else { udp_packet(to, from, b"and back") }
}

#[test]
fn out_is_tx_of_the_source_and_in_is_rx_of_the_destination() {
    for net in BOTH {
        let mut road = Road::new();
        assert_eq!(road.pass(&net.ask()).host, Some(net.client));
        assert_eq!(road.pass(&net.answer()).host, Some(net.client));
        assert_eq!(road.hosts(), [net.client]);
        let (sent, received) = (net.ask().len() as u64, net.answer().len() as u64);
        let host = road.host(net.client).expect("a host");
        let counters = host.class(Class::Udp);
        assert_eq!((counters.tx, counters.rx), (counter(1, sent), counter(1, received)));
        let totals = road.gateway.totals();
        assert_eq!((totals.tx(), totals.rx()), (counter(1, sent), counter(1, received)));
        assert_eq!(totals.ip, counter(2, sent + received));
        assert_eq!(totals.frames, totals.ip);
    }
}

#[test]
fn a_connection_from_outside_belongs_to_the_host_inside() {
    for net in BOTH {
        let mut road = Road::new();
        let shown = road.pass(&net.answer());
        assert_eq!((shown.host, shown.id), (Some(net.client), Some(1)));
        road.pass(&net.ask());
        let host = road.host(net.client).expect("a host");
        assert_eq!((udp(host), host.open_connections()), ((1, 1), 1));
        assert_eq!(road.hosts(), [net.client]);
    }
}

#[test]
fn inside_to_inside_counts_for_both() {
    for net in BOTH {
        let mut road = Road::new();
        // The connection belongs to the one who began.
        assert_eq!(road.pass(&between(net, true)).host, Some(net.client));
        assert_eq!(road.pass(&between(net, false)).host, Some(net.neighbour));
        let (client, neighbour) = (road.host(net.client).expect("one"), road.host(net.neighbour).expect("other"));
        assert_eq!((udp(client), udp(neighbour)), ((1, 1), (1, 1)));
        assert_eq!((client.open_connections(), neighbour.open_connections()), (1, 0));
        let bytes = (between(net, true).len() + between(net, false).len()) as u64;
        let totals = road.gateway.totals();
        assert_eq!(totals.inside_to_inside, counter(2, bytes));
        assert_eq!((totals.tx(), totals.rx(), totals.ip), (counter(2, bytes), counter(2, bytes), counter(2, bytes)));
    }
}

#[test]
fn outside_to_outside_counts_for_nobody() {
    for net in BOTH {
        let mut road = Road::new();
        let (from, mut to) = (net.to(), net.to());
        to.set_ip(net.router);
        let packet = udp_packet(from, to, b"passing by");
        let shown = road.pass(&packet);
        // It is tracked all the same.
        assert_eq!((shown.line().as_str(), shown.host, shown.id), ("NEW original udp 30 CONFIRMED", None, None));
        assert!(road.gateway.hosts().is_empty());
        let (_, connection) = road.connection();
        assert!(road.gateway.owner(connection).is_none());
        let totals = road.gateway.totals();
        assert_eq!(totals.unaccounted.outside_to_outside, counter(1, packet.len() as u64));
        assert_eq!((totals.tx(), totals.rx()), (counter(0, 0), counter(0, 0)));
    }
}

#[test]
fn the_owner_of_a_connection_can_be_asked_for() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ping(1));
        road.pass(&net.ask());
        for (_, connection) in road.gateway.conntrack().iter() {
            let (host, id) = road.gateway.owner(connection).expect("an owner");
            assert_eq!((host.address(), id), (net.client, if connection.protocol_name() == "udp" { 2 } else { 1 }));
        }
    }
}

#[test]
fn packets_without_a_connection_count_by_their_addresses() {
    for net in BOTH {
        let mut road = Road::new();
        let datagram = &net.ask()[net.header() as usize..];
        for packet in [net.pong(1), net.back("SF"), fragment(net, protocol::UDP, 1, false, datagram)] {
            assert_eq!(road.pass(&packet).host, Some(net.client));
        }
        let totals = road.gateway.totals();
        assert_eq!((totals.tx().packets, totals.rx().packets), (1, 2));
        assert_eq!(road.host(net.client).expect("a host").next_id(), 1);
    }
}

#[test]
fn what_is_inside_can_be_set() {
    for net in BOTH {
        let prefix = format!("{}/{}", net.server, if net.client.is_ipv4() { 32 } else { 128 });
        let mut road = Road::with(|config| config.inside = Inside::new(&[prefix.parse().expect("a prefix")]));
        assert_eq!(road.pass(&net.ask()).host, Some(net.server));
        assert_eq!(road.hosts(), [net.server]);
        assert_eq!(road.gateway.totals().rx().packets, 1);
    }
}

#[test]
fn nothing_is_inside_without_a_prefix() {
    let mut road = Road::with(|config| config.inside = Inside::new(&[]));
    for net in [V4, V6] {
        assert_eq!(road.pass(&net.ask()).host, None);
    }
    assert_eq!(road.gateway.totals().unaccounted.outside_to_outside.packets, 2);
}

#[test]
fn a_hosts_first_and_last_packet() {
    use tctable::time::Duration;
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        let first = road.now;
        road.wait(Duration::from_secs(5)).pass(&net.answer());
        let host = road.host(net.client).expect("a host");
        assert_eq!((host.first_seen(), host.last_seen()), (first, road.now));
    }
}
