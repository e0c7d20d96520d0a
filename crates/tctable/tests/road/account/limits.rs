//! A full host table.

use tctable_lab::packets::udp_packet;

use crate::support::{BOTH, Net, Road, counter};

/// A road with room for one host, which the client has.
fn full(net: Net) -> Road {
    let mut road = Road::with(|config| config.hosts.max = 1);
    assert_eq!(road.pass(&net.ping(1)).host, Some(net.client));
    road
}

/// A datagram from the neighbour to the server, or to the client.
fn from_neighbour(net: Net, inside: bool) -> Vec<u8> {
    let mut from = net.from();
    from.set_ip(net.neighbour);
    udp_packet(from, if inside { net.from() } else { net.to() }, b"")
}

#[test]
fn one_more_host_is_not_counted_and_that_is_counted() {
    for net in BOTH {
        let mut road = full(net);
        let packet = from_neighbour(net, false);
        let shown = road.pass(&packet);
        // Its connection is tracked, and belongs to nobody.
        assert_eq!((shown.line().as_str(), shown.host, shown.id), ("NEW original udp 30 CONFIRMED", None, None));
        assert_eq!(road.hosts(), [net.client]);
        let totals = road.gateway.totals();
        assert_eq!(totals.unaccounted.host_table_full, counter(1, packet.len() as u64));
        assert_eq!((totals.hosts_refused, totals.tx().packets), (1, 1));
    }
}

#[test]
fn hosts_that_are_there_still_count() {
    for net in BOTH {
        let mut road = full(net);
        road.pass(&from_neighbour(net, false));
        assert_eq!(road.pass(&net.ask()).id, Some(2));
        road.pass(&net.answer());
        let totals = road.gateway.totals();
        assert_eq!((totals.tx().packets, totals.rx().packets, totals.hosts_refused), (2, 1, 1));
    }
}

#[test]
fn inside_to_inside_counts_for_the_end_that_has_a_place() {
    for net in BOTH {
        let mut road = full(net);
        let packet = from_neighbour(net, true);
        let shown = road.pass(&packet);
        // The receiver is counted, so the connection is the receiver's.
        assert_eq!((shown.host, shown.id), (Some(net.client), Some(2)));
        let mut back = net.from();
        back.set_ip(net.neighbour);
        assert_eq!(road.pass(&udp_packet(net.from(), back, b"")).host, Some(net.client));
        let totals = road.gateway.totals();
        assert_eq!((totals.tx().packets, totals.rx().packets), (2, 1));
        assert_eq!((totals.hosts_refused, totals.inside_to_inside.packets), (2, 0));
        assert_eq!(totals.unaccounted.host_table_full, counter(0, 0));
    }
}

#[test]
fn inside_to_inside_may_be_refused_on_both_sides() {
    for net in BOTH {
        let mut road = Road::with(|config| config.hosts.max = 0);
        let packet = from_neighbour(net, true);
        assert_eq!(road.pass(&packet).host, None);
        let totals = road.gateway.totals();
        assert_eq!(totals.unaccounted.host_table_full, counter(1, packet.len() as u64));
        assert_eq!((totals.hosts_refused, totals.ip.packets), (2, 1));
    }
}

#[test]
fn a_host_that_expired_makes_room() {
    use tctable::time::Duration;
    for net in BOTH {
        let mut road = full(net);
        road.wait(Duration::from_secs(931)).tick();
        assert_eq!(road.pass(&from_neighbour(net, false)).host, Some(net.neighbour));
    }
}

#[test]
fn a_connection_without_a_host_stays_without_one() {
    use tctable::time::Duration;
    for net in BOTH {
        let mut road = full(net);
        road.pass(&from_neighbour(net, false));
        // The client goes, the neighbour gets its place; the connection has begun without an owner.
        for _ in 0..40 {
            road.wait(Duration::from_secs(25)).pass(&from_neighbour(net, false));
        }
        assert_eq!(road.hosts(), [net.neighbour]);
        let (_, connection) = road.connection();
        assert!(road.gateway.owner(connection).is_none());
        assert_eq!(road.host(net.neighbour).expect("a host").open_connections(), 0);
    }
}
