//! What is done to connections from outside, between packets.

use std::net::SocketAddr;

use tctable::conntrack::{Changes, ConnectionId, Direction};
use tctable::gateway::EventMask;
use tctable::packet::Tuple;
use tctable::time::Duration;
use tctable_lab::packets::udp_packet;

use crate::conntrack::open;
use crate::support::{BOTH, Net, Road, START};

/// A datagram from one of the client's ports.
fn ask(net: Net, port: u16) -> Vec<u8> {
    udp_packet(SocketAddr::new(net.client, port), net.to(), b"ask")
}

/// The connection with that port.
fn of_port(road: &Road, port: u16) -> ConnectionId {
    let mut all = road.gateway.conntrack().iter();
    all.find(|(_, connection)| connection.original().source_port == port).expect("a connection").0
}

fn labels(road: &Road, id: ConnectionId) -> u128 {
    road.gateway.conntrack().labels(id)
}

fn mark(road: &Road, id: ConnectionId) -> Option<u32> {
    road.gateway.conntrack().get(id).map(|connection| connection.mark())
}

#[test]
fn deleted_is_gone_for_all() {
    for net in BOTH {
        let mut road = open(net);
        let (id, _) = road.connection();
        let (original, reply) = (*road.connection().1.original(), road.connection().1.reply());
        assert!(road.gateway.delete_connection(id));
        let conntrack = road.gateway.conntrack();
        assert!(conntrack.get(id).is_none() && conntrack.count() == 0 && conntrack.iter().next().is_none());
        assert_eq!((conntrack.find(&original), conntrack.find(&reply)), (None, None));
        assert_eq!((conntrack.statistics().insert, conntrack.statistics().delete), (1, 1));
        assert_eq!(road.host(net.client).expect("a host").open_connections(), 0);
        // Nobody waits for it.
        assert!(!road.gateway.delete_connection(id));
        assert!(!road.gateway.set_mark(id, 1) && !road.gateway.set_labels(id, 1));
        // Its next packet is that of a stranger.
        assert!(road.line(&net.back("P.")).starts_with("NEW original tcp ESTABLISHED 300"));
        assert_eq!(road.gateway.conntrack().statistics().delete, 1);
    }
}

#[test]
fn deleting_makes_room_in_a_full_table() {
    for net in BOTH {
        let mut road = open(net);
        road.gateway.set_sysctl("nf_conntrack_max", "1").expect("a tunable");
        assert_eq!(road.line(&net.ask()), "-");
        let (id, _) = road.connection();
        road.gateway.delete_connection(id);
        assert!(road.line(&net.ask()).starts_with("NEW"));
    }
}

#[test]
fn what_was_deleted_does_not_time_out_as_well() {
    for net in BOTH {
        let mut road = Road::new();
        for port in 1..=9 {
            road.wait(Duration::from_millis(3)).pass(&ask(net, port));
        }
        for port in [3, 9, 1] {
            let id = of_port(&road, port);
            assert!(road.gateway.delete_connection(id));
        }
        assert_eq!(road.gateway.conntrack().count(), 6);
        road.wait(Duration::from_secs(31)).tick();
        assert_eq!((road.gateway.conntrack().count(), road.gateway.conntrack().statistics().delete), (0, 9));
    }
}

#[test]
fn marks_and_labels_are_told_when_they_change() {
    for net in BOTH {
        let mut road = Road::with(|config| {
            config.events = EventMask {
                connections: Changes::MARK | Changes::LABEL,
                expectations: false,
                host_expired: false,
                ..EventMask::default()
            };
        });
        road.pass(&net.ask());
        let (id, connection) = road.connection();
        assert_eq!((connection.mark(), labels(&road, id)), (0, 0));
        let deadline = connection.deadline();
        for (value, events) in [(0, 0), (7, 1), (7, 0), (u32::MAX, 1), (0, 1)] {
            assert!(road.gateway.set_mark(id, value));
            assert_eq!((mark(&road, id), road.events().len()), (Some(value), events));
            let wide = u128::from(value) << 96;
            assert!(road.gateway.set_labels(id, wide));
            assert_eq!((labels(&road, id), road.events().len()), (wide, events));
        }
        // Neither is a packet.
        let (_, connection) = road.connection();
        assert_eq!((connection.deadline(), connection.last_seen()), (deadline, START));
    }
}

#[test]
fn they_stay_through_all_that_packets_do() {
    for net in BOTH {
        let mut road = open(net);
        let (id, _) = road.connection();
        road.gateway.set_mark(id, 7);
        road.gateway.set_labels(id, 9);
        for packet in [net.out("P."), net.out("F."), net.back("F."), net.out("."), net.out("SF")] {
            road.pass(&packet);
            assert_eq!((mark(&road, id), labels(&road, id)), (Some(7), 9));
        }
    }
}

#[test]
fn the_next_tenant_of_the_place_has_none() {
    for net in BOTH {
        for way in ["deleted", "reset", "reopened", "time", "dropped"] {
            let mut road = Road::new();
            road.pass(&net.out("S"));
            let (old, _) = road.connection();
            road.gateway.set_mark(old, 7);
            road.gateway.set_labels(old, 9);
            match way {
                "deleted" => assert!(road.gateway.delete_connection(old)),
                "reset" => _ = road.pass(&net.back("R.")),
                "reopened" => {
                    for packet in [net.back("S."), net.out("."), net.out("F."), net.back("F."), net.out(".")] {
                        road.pass(&packet);
                    }
                    assert_eq!(labels(&road, old), 9);
                }
                "time" => _ = road.wait(Duration::from_secs(120)),
                _ => road.gateway.set_sysctl("nf_conntrack_max", "1").expect("a tunable"),
            }
            // In a full table it is another one's.
            let next = if way == "dropped" { net.ask() } else { net.out("S") };
            assert!(road.line(&next).starts_with("NEW original"), "{way}");
            let (new, _) = road.connection();
            assert_ne!(old, new);
            assert_eq!((mark(&road, new), labels(&road, new)), (Some(0), 0), "{way}");
            assert_eq!((mark(&road, old), labels(&road, old)), (None, 0), "{way}");
            assert!(!road.gateway.set_labels(old, 5));
            assert_eq!(labels(&road, new), 0);
        }
    }
}

#[test]
fn looking_for_a_connection_disturbs_nothing() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&ask(net, 1));
        road.pass(&ask(net, 2));
        let first = of_port(&road, 1);
        let tuple = *road.gateway.conntrack().get(first).expect("a connection").original();
        let answer = tuple.inverted().expect("it can be answered");
        road.wait(Duration::from_secs(29)).tick();
        let before = format!("{:?}", road.gateway.conntrack().get(first));
        let conntrack = road.gateway.conntrack();
        assert_eq!(conntrack.find(&tuple), Some((first, Direction::Original)));
        assert_eq!(conntrack.find(&answer), Some((first, Direction::Reply)));
        for other in [
            Tuple { source_port: 3, ..tuple },
            Tuple { zone: 1, ..tuple },
            Tuple { protocol: 6, ..tuple },
            Tuple { source: tuple.destination, ..tuple },
        ] {
            assert_eq!(conntrack.find(&other), None, "{other}");
        }
        assert_eq!(format!("{:?}", conntrack.get(first)), before);
        assert_eq!((conntrack.statistics().insert, conntrack.statistics().found), (2, 0));
        road.wait(Duration::from_secs(1)).tick();
        assert_eq!(road.gateway.conntrack().find(&tuple), None);
    }
}

#[test]
fn an_icmp_query_is_found_by_its_reply_too() {
    for net in BOTH {
        let mut road = Road::new();
        let asked = road.pass(&net.ping(7)).info.expect("a packet").tuple;
        let answered = road.pass(&net.pong(7)).info.expect("a packet").tuple;
        let (id, _) = road.connection();
        let conntrack = road.gateway.conntrack();
        assert_eq!(conntrack.find(&asked), Some((id, Direction::Original)));
        assert_eq!(conntrack.find(&answered), Some((id, Direction::Reply)));
    }
}
