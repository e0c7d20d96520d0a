//! A connection that announces another one: FTP's control connection and what comes of it.

use std::net::SocketAddr;

use tctable::conntrack::expect::Change;
use tctable::conntrack::{Changes, EndReason, Status};
use tctable::gateway::EventMask;
use tctable::time::Duration;
use tctable::{Config, Event};
use tctable_lab::packets::{Tcp, flags, protocol, tcp_packet, udp_packet};

use crate::support::{BOTH, Net, Road, unreachable};

const FTP: u16 = 21;
const DATA: u16 = 40_001;

/// A road on which connections to port 21 have a helper, and all events are told.
fn road() -> Road {
    road_with(|_| ())
}

fn road_with(change: impl FnOnce(&mut Config)) -> Road {
    let mut road = Road::with(|config| {
        config.events = EventMask::ALL;
        change(config);
    });
    road.gateway.assign_helper("ftp", protocol::TCP, FTP).expect("built in");
    road
}

fn segment(from: SocketAddr, to: SocketAddr, flags: u8, seq: u32, ack: u32, text: &str) -> Vec<u8> {
    tcp_packet(from, to, &Tcp { seq, ack, flags, ..Tcp::default() }, text.as_bytes())
}

fn control(net: Net) -> (SocketAddr, SocketAddr) {
    (net.from(), SocketAddr::new(net.server, FTP))
}

fn data(net: Net) -> (SocketAddr, SocketAddr) {
    (SocketAddr::new(net.client, 50_000), SocketAddr::new(net.server, DATA))
}

fn open_data(net: Net) -> Vec<u8> {
    let (client, server) = data(net);
    segment(client, server, flags::SYN, 7, 0, "")
}

/// Where the server waits, in its words.
fn passive(net: Net) -> String {
    match net.server {
        std::net::IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("227 Entering Passive Mode ({a},{b},{c},{d},{},{}).\r\n", DATA >> 8, DATA & 0xff)
        }
        std::net::IpAddr::V6(_) => format!("229 Entering Extended Passive Mode (|||{DATA}|)\r\n"),
    }
}

/// A control connection over which the server announced where it waits.
fn announce(road: &mut Road, net: Net) {
    let (client, server) = control(net);
    for packet in [
        segment(client, server, flags::SYN, 100, 0, ""),
        segment(server, client, flags::SYN | flags::ACK, 500, 101, ""),
        segment(client, server, flags::ACK, 101, 501, ""),
        segment(server, client, flags::ACK | flags::PSH, 501, 101, "220 ready\r\n"),
        segment(client, server, flags::ACK | flags::PSH, 101, 512, "EPSV\r\n"),
        segment(server, client, flags::ACK | flags::PSH, 512, 107, &passive(net)),
    ] {
        assert_ne!(road.line(&packet), "-");
    }
}

#[test]
fn what_was_announced_is_related_and_knows_its_master() {
    for net in BOTH {
        let mut road = road();
        announce(&mut road, net);
        let (control, _) = road.connection();
        assert_eq!(road.gateway.conntrack().helper(control), Some("ftp"));
        assert!(road.gateway.set_mark(control, 77));
        let expected = road.gateway.conntrack().expectations();
        assert_eq!((expected.len(), expected.statistics().create), (1, 1));

        assert_eq!(road.line(&open_data(net)), "RELATED original tcp SYN_SENT 120 EXPECTED,CONFIRMED");
        let conntrack = road.gateway.conntrack();
        let expected = conntrack.expectations();
        assert_eq!((expected.len(), expected.statistics().new, expected.statistics().delete), (0, 1, 1));
        let (id, connection) = conntrack.iter().find(|(id, _)| *id != control).expect("a data connection");
        assert_eq!(
            conntrack.master(id).map(|master| *master.original()),
            conntrack.get(control).map(|it| *it.original())
        );
        // It has its master's mark, and no helper of its own.
        assert_eq!((connection.mark(), conntrack.helper(id)), (77, None));
        assert!(conntrack.get(control).is_some_and(|control| control.status().contains(Status::HELPER)));
        // Expected once, not for ever.
        road.gateway.delete_connection(id);
        assert!(road.line(&open_data(net)).starts_with("NEW"));
    }
}

#[test]
fn related_stays_until_it_is_answered_and_its_errors_are_related_too() {
    for net in BOTH {
        let mut road = road();
        announce(&mut road, net);
        road.pass(&open_data(net));
        let quote = open_data(net);
        assert!(road.line(&unreachable(net.server, net.client, &quote)).starts_with("RELATED reply"));
        let (client, server) = data(net);
        let answer = segment(server, client, flags::SYN | flags::ACK, 9, 8, "");
        assert!(road.line(&answer).starts_with("ESTABLISHED reply"));
    }
}

#[test]
fn everything_is_told() {
    for net in BOTH {
        let mut road = road();
        announce(&mut road, net);
        road.pass(&open_data(net));
        let told: Vec<String> = road
            .events()
            .iter()
            .map(|event| match event {
                Event::Connection { changes, .. } => format!("{changes:?}"),
                Event::Expectation { change, expectation } => format!("{change:?} {}", expectation.helper),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [
            "{\"new\", \"helper\"}",
            "{\"reply\", \"protoinfo\"}",
            "{\"assured\", \"protoinfo\"}",
            "New ftp",
            "Destroy ftp",
            "{\"related\"}",
        ];
        assert_eq!(told, expected);
    }
}

#[test]
fn nothing_is_told_that_nobody_asked_for() {
    for net in BOTH {
        let mut road = road_with(|config| {
            config.events = EventMask {
                connections: Changes::HELPER,
                expectations: false,
                host_expired: false,
                ..EventMask::default()
            };
        });
        announce(&mut road, net);
        road.pass(&open_data(net));
        assert!(matches!(&road.events()[..], [Event::Connection { changes: Changes::HELPER, .. }]));
    }
}

#[test]
fn the_masters_end_removes_what_it_expected() {
    for net in BOTH {
        let mut road = road();
        announce(&mut road, net);
        let (control, _) = road.connection();
        assert!(road.gateway.delete_connection(control));
        assert!(road.gateway.conntrack().expectations().is_empty());
        let events = road.events();
        let ended =
            |event: &Event| matches!(event, Event::ConnectionEnded { ended, .. } if ended.reason == EndReason::Deleted);
        let gone = |event: &Event| matches!(event, Event::Expectation { change: Change::Destroy, .. });
        assert!(events.iter().any(ended) && events.iter().any(gone));
        assert!(road.line(&open_data(net)).starts_with("NEW"));
    }
}

#[test]
fn it_is_expected_for_five_minutes() {
    for net in BOTH {
        let mut road = road();
        announce(&mut road, net);
        // So that the control connection itself stays.
        let (client, server) = control(net);
        let said = 512 + passive(net).len() as u32;
        road.pass(&segment(client, server, flags::ACK, 107, said, ""));
        let end = road.now + Duration::from_secs(300);
        road.sleep_until(end);
        road.tick();
        assert!(road.gateway.conntrack().expectations().is_empty());
        assert_eq!(road.gateway.conntrack().count(), 1);
        assert!(road.line(&open_data(net)).starts_with("NEW"));
    }
}

#[test]
fn an_announcement_that_cannot_be_kept_is_dropped() {
    for net in BOTH {
        let mut road = road_with(|config| config.conntrack.expect_max = 0);
        let (client, server) = control(net);
        for packet in [
            segment(client, server, flags::SYN, 100, 0, ""),
            segment(server, client, flags::SYN | flags::ACK, 500, 101, ""),
            segment(client, server, flags::ACK, 101, 501, ""),
            // A line counts where the one before it was seen to end.
            segment(client, server, flags::ACK | flags::PSH, 101, 501, "USER me\r\n"),
        ] {
            road.pass(&packet);
        }
        let port = match net.client {
            std::net::IpAddr::V4(address) => format!("PORT {},200,1\r\n", address.to_string().replace('.', ",")),
            std::net::IpAddr::V6(address) => format!("EPRT |2|{address}|51201|\r\n"),
        };
        let packet = segment(client, server, flags::ACK | flags::PSH, 110, 501, &port);
        assert_eq!(road.line(&packet), "-");
        road.gateway.set_sysctl("nf_conntrack_expect_max", "4096").expect("a tunable");
        assert!(road.line(&packet).starts_with("ESTABLISHED original"));
        assert_eq!(road.gateway.conntrack().expectations().len(), 1);
    }
}

/// The kernel counts what it drops at PREROUTING; a helper drops at the end of the road.
#[test]
fn what_a_helper_drops_is_not_counted_as_dropped() {
    for net in BOTH {
        let mut road = Road::with(|config| config.conntrack.expect_max = 0);
        road.gateway.assign_helper("tftp", protocol::UDP, 69).expect("built in");
        let request = udp_packet(net.from(), SocketAddr::new(net.server, 69), b"\0\x01file\0octet\0");
        assert_eq!(road.line(&request), "-");
        let statistics = road.gateway.conntrack().statistics();
        assert_eq!((statistics.drop, statistics.insert, statistics.insert_failed), (0, 0, 0));
    }
}

#[test]
fn a_helper_comes_by_its_port_only_where_that_is_asked_for() {
    for net in BOTH {
        for (automatic, helper) in [("0", None), ("1", Some("ftp"))] {
            let mut road = Road::new();
            road.gateway.set_sysctl("nf_conntrack_helper", automatic).expect("a tunable");
            let (client, server) = control(net);
            road.pass(&segment(client, server, flags::SYN, 100, 0, ""));
            let (id, connection) = road.connection();
            assert_eq!(road.gateway.conntrack().helper(id), helper);
            assert!(!connection.status().contains(Status::HELPER), "nobody attached it by hand");
        }
    }
}

#[test]
fn a_helper_can_be_attached_later() {
    for net in BOTH {
        let mut road = Road::with(|config| config.events = EventMask::ALL);
        let (client, server) = control(net);
        road.pass(&segment(client, server, flags::SYN, 100, 0, ""));
        let (id, _) = road.connection();
        road.events();
        assert!(!road.gateway.attach_helper(id, "gopher"));
        assert!(road.gateway.attach_helper(id, "ftp"));
        assert!(matches!(&road.events()[..], [Event::Connection { changes: Changes::HELPER, .. }]));
        assert!(road.gateway.assign_helper("ftp", protocol::UDP, FTP).is_err());
    }
}
