//! Zones: the same addresses over and over, each time other people.

use tctable::conntrack::{Changes, Direction};
use tctable::gateway::EventMask;
use tctable::packet::{DeviceId, Family};
use tctable::time::Duration;

use crate::packet::fragment;
use crate::support::{BOTH, Road, packets, unreachable};
use tctable_lab::packets::{protocol, udp};

/// A road whose second device is in zone 7.
fn two_zones() -> Road {
    let mut road = Road::new();
    road.gateway.set_zone(DeviceId(1), 7);
    road
}

/// Sends a packet through a device.
fn through(road: &mut Road, device: u16, packet: &[u8]) -> String {
    road.device = DeviceId(device);
    road.line(packet)
}

/// Zone and packets of each connection, by zone.
fn connections(road: &Road) -> Vec<(u16, [u64; 2])> {
    let conntrack = road.gateway.conntrack();
    let mut all: Vec<_> = conntrack.iter().map(|(_, connection)| (connection.zone(), packets(connection))).collect();
    all.sort_unstable();
    all
}

#[test]
fn the_same_tuple_in_two_zones_is_two_connections() {
    for net in BOTH {
        let mut road = two_zones();
        for device in [0, 1] {
            assert_eq!(through(&mut road, device, &net.ask()), "NEW original udp 30 CONFIRMED");
        }
        assert_eq!(through(&mut road, 1, &net.answer()), "ESTABLISHED reply udp 30 SEEN_REPLY,CONFIRMED");
        assert_eq!(connections(&road), [(0, [1, 0]), (7, [1, 1])]);
        assert_eq!(through(&mut road, 0, &net.ask()), "NEW original udp 30 CONFIRMED");
        // Devices of one zone are one.
        road.gateway.set_zone(DeviceId(2), 7);
        assert!(through(&mut road, 2, &net.ask()).starts_with("ESTABLISHED original"));
        assert_eq!(connections(&road), [(0, [2, 0]), (7, [2, 1])]);
        // Both are the client's, which is one host.
        assert_eq!(road.host(net.client).expect("a host").open_connections(), 2);
    }
}

#[test]
fn a_tuple_is_found_in_its_own_zone() {
    for net in BOTH {
        let mut road = two_zones();
        for device in [0, 1] {
            through(&mut road, device, &net.ask());
        }
        let conntrack = road.gateway.conntrack();
        for (id, connection) in conntrack.iter() {
            assert_eq!(conntrack.find(connection.original()), Some((id, Direction::Original)));
            assert_eq!(conntrack.find(&connection.reply()), Some((id, Direction::Reply)));
        }
    }
}

#[test]
fn a_zone_holds_from_the_next_packet_on() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.gateway.set_zone(DeviceId(0), 9);
        assert_eq!(road.line(&net.answer()), "NEW original udp 30 CONFIRMED");
        road.gateway.set_zone(DeviceId(0), 0);
        assert!(road.line(&net.answer()).starts_with("ESTABLISHED reply"));
        road.gateway.set_zone(DeviceId(0), 9);
        assert_eq!(road.line(&net.answer()), "NEW original udp 30 CONFIRMED");
        assert_eq!(connections(&road), [(0, [1, 1]), (9, [2, 0])]);
    }
}

#[test]
fn an_error_stays_in_its_zone() {
    for net in BOTH {
        let mut road = two_zones();
        through(&mut road, 1, &net.ask());
        let error = unreachable(net.router, net.client, &net.ask());
        assert_eq!(through(&mut road, 0, &error), "INVALID");
        assert_eq!(through(&mut road, 1, &error), "RELATED reply udp 30 CONFIRMED");
        assert_eq!(road.gateway.conntrack().statistics().error, 1);
    }
}

#[test]
fn a_datagram_is_put_together_of_pieces_of_one_zone() {
    for net in BOTH {
        let family = if net.client.is_ipv4() { Family::V4 } else { Family::V6 };
        let mut road = two_zones();
        road.gateway.set_zone(DeviceId(2), 7);
        let datagram = udp(net.from(), net.to(), &[7; 40]);
        let first = fragment(net, protocol::UDP, 0, true, &datagram[..24]);
        let last = fragment(net, protocol::UDP, 3, false, &datagram[24..]);
        assert_eq!(through(&mut road, 0, &first), "-");
        assert_eq!(through(&mut road, 1, &last), "-");
        assert_eq!(road.gateway.defrag(family).queues, 2);
        // Of two devices of one zone.
        assert_eq!(through(&mut road, 2, &first), "NEW original udp 30 CONFIRMED");
        assert_eq!(connections(&road), [(7, [1, 0])]);
        assert_eq!(through(&mut road, 0, &last), "NEW original udp 30 CONFIRMED");
        assert_eq!(connections(&road), [(0, [1, 0]), (7, [1, 0])]);
        assert_eq!(road.gateway.defrag(family).queues, 0);
    }
}

#[test]
fn a_thousand_zones_with_the_same_tuple() {
    for net in BOTH {
        let mut road = Road::new();
        for zone in 1..=1_000 {
            road.gateway.set_zone(DeviceId(zone), zone);
        }
        for (expected, packet) in [("NEW original", net.ask()), ("ESTABLISHED reply", net.answer())] {
            for device in 0..=1_000 {
                assert!(through(&mut road, device, &packet).starts_with(expected), "{device}");
            }
        }
        assert!(connections(&road).into_iter().eq((0..=1_000).map(|zone| (zone, [1, 1]))));
        road.wait(Duration::from_secs(31)).tick();
        assert_eq!(road.gateway.conntrack().count(), 0);
    }
}

#[test]
fn a_connection_of_another_zone_takes_no_mark_and_no_end_from_this_one() {
    for net in BOTH {
        let mut road = two_zones();
        road.gateway.set_zone(DeviceId(3), 3);
        for device in [0, 1, 3] {
            through(&mut road, device, &net.out("S"));
        }
        let ids: Vec<_> = road.gateway.conntrack().iter().map(|(id, connection)| (connection.zone(), id)).collect();
        let of = |zone| ids.iter().find(|(of, _)| *of == zone).expect("a connection").1;
        assert!(road.gateway.set_mark(of(7), 5));
        assert!(road.gateway.delete_connection(of(0)));
        // A refused SYN ends that of its zone only.
        through(&mut road, 3, &net.back("R."));
        assert_eq!(connections(&road), [(7, [1, 0])]);
        assert_eq!(road.connection().1.mark(), 5);
    }
}

#[test]
fn events_tell_the_zone() {
    for net in BOTH {
        let mut road = Road::with(|config| {
            config.events = EventMask {
                connections: Changes::NEW,
                expectations: false,
                host_expired: false,
                ..EventMask::default()
            };
        });
        road.gateway.set_zone(DeviceId(1), 7);
        for device in [1, 0] {
            through(&mut road, device, &net.ask());
        }
        let zones = road.events().into_iter().map(|event| match event {
            tctable::Event::Connection { connection, .. } => connection.zone(),
            other => panic!("{other:?}"),
        });
        assert!(zones.eq([7, 0]));
    }
}
