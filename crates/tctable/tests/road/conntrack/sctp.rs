//! SCTP on the road; what its tracker decides is tested beside it.

use tctable::time::Duration;
use tctable_lab::packets::ip;

use crate::support::{BOTH, Net, Road};

/// A packet between ports 7 and 80 with one chunk; checksums are not looked at.
fn packet(net: Net, there: bool, tag: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    let (from, to) = if there { (net.client, net.server) } else { (net.server, net.client) };
    let mut bytes = if there { vec![0, 7, 0, 80] } else { vec![0, 80, 0, 7] };
    bytes.extend([0, 0, 0, tag, 0, 0, 0, 0, kind, 0, 0, 4 + value.len() as u8]);
    bytes.extend(value);
    ip(from, to, 132, &bytes)
}

/// INIT (1) or INIT ACK (2).
fn init(net: Net, there: bool, tag: u8, kind: u8, own: u8) -> Vec<u8> {
    packet(net, there, tag, kind, &[0, 0, 0, own, 0, 0, 9, 9, 0, 1, 0, 1, 0, 0, 0, 1])
}

#[test]
fn an_association_opens_and_closes() {
    for net in BOTH {
        let mut road = Road::new();
        assert_eq!(road.line(&init(net, true, 0, 1, 11)), "NEW original sctp CLOSED 10 CONFIRMED");
        let line = road.line(&init(net, false, 11, 2, 22));
        assert_eq!(line, "ESTABLISHED reply sctp COOKIE_WAIT 3 SEEN_REPLY,CONFIRMED");
        let line = road.line(&packet(net, true, 22, 10, b"cook"));
        assert_eq!(line, "ESTABLISHED original sctp COOKIE_ECHOED 3 SEEN_REPLY,CONFIRMED");
        let line = road.line(&packet(net, false, 11, 11, b""));
        assert_eq!(line, "ESTABLISHED reply sctp ESTABLISHED 210 SEEN_REPLY,ASSURED,CONFIRMED");
        let line = road.line(&packet(net, true, 22, 7, b"seen"));
        assert_eq!(line, "ESTABLISHED original sctp SHUTDOWN_SENT 3 SEEN_REPLY,ASSURED,CONFIRMED");
        let line = road.line(&packet(net, false, 11, 8, b""));
        assert_eq!(line, "ESTABLISHED reply sctp SHUTDOWN_ACK_SENT 3 SEEN_REPLY,ASSURED,CONFIRMED");
        let line = road.line(&packet(net, true, 22, 14, b""));
        assert_eq!(line, "ESTABLISHED original sctp CLOSED 10 SEEN_REPLY,ASSURED,CONFIRMED");
        assert_eq!(road.gateway.conntrack().count(), 1);
    }
}

#[test]
fn a_packet_with_another_tag_is_invalid_and_changes_nothing() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&init(net, true, 0, 1, 11));
        road.pass(&init(net, false, 11, 2, 22));
        assert_eq!(road.line(&packet(net, true, 23, 10, b"cook")), "INVALID");
        assert_eq!(
            road.line(&packet(net, true, 22, 0, b"data")),
            "ESTABLISHED original sctp COOKIE_WAIT 3 SEEN_REPLY,CONFIRMED"
        );
        assert_eq!(road.line(&packet(net, true, 23, 0, b"data")), "INVALID");
        assert_eq!(road.gateway.conntrack().statistics().invalid, 2);
    }
}

#[test]
fn data_out_of_the_blue_begins_nothing() {
    for net in BOTH {
        let mut road = Road::new();
        assert_eq!(road.line(&packet(net, true, 1, 0, b"data")), "INVALID");
        assert_eq!(road.gateway.conntrack().count(), 0);
    }
}

#[test]
fn an_init_again_neither_counts_nor_keeps_it_alive() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&init(net, true, 0, 1, 11));
        road.wait(Duration::from_secs(6));
        let again = road.pass(&init(net, true, 0, 1, 12));
        assert_eq!(again.line(), "NEW original sctp CLOSED 10 CONFIRMED");
        assert_eq!(again.packets(), [1, 0]);
        road.wait(Duration::from_secs(4));
        // Ten seconds after the first one it is another connection.
        assert!(road.line(&init(net, true, 0, 1, 12)).starts_with("NEW original"));
        assert_eq!(road.connection().1.first_seen(), road.now);
    }
}

#[test]
fn another_path_begins_with_a_heartbeat() {
    for net in BOTH {
        let mut road = Road::new();
        assert_eq!(road.line(&packet(net, true, 22, 4, b"")), "NEW original sctp HEARTBEAT_SENT 30 CONFIRMED");
        let line = road.line(&packet(net, false, 11, 5, b""));
        assert_eq!(line, "ESTABLISHED reply sctp ESTABLISHED 210 SEEN_REPLY,ASSURED,CONFIRMED");
    }
}

#[test]
fn an_init_that_repeats_a_known_tag_does_not_make_a_collision() {
    for net in BOTH {
        // The client's packet tells the server's tag, of which the server's INIT says the same or another.
        for (known, taken) in [(22, true), (33, false)] {
            let mut road = Road::new();
            road.pass(&packet(net, true, known, 5, b""));
            road.pass(&init(net, false, 0, 1, 22));
            road.pass(&init(net, true, 0, 1, 11));
            let expected = if taken { "ESTABLISHED reply sctp COOKIE_WAIT 3 SEEN_REPLY,CONFIRMED" } else { "INVALID" };
            assert_eq!(road.line(&init(net, false, 11, 2, 33)), expected);
        }
    }
}

#[test]
fn after_a_collision_only_an_init_with_another_tag_begins_anew() {
    for net in BOTH {
        for (again, taken) in [(11, false), (33, true)] {
            let mut road = Road::new();
            road.pass(&init(net, true, 0, 1, 11));
            road.pass(&init(net, false, 0, 1, 22));
            road.pass(&init(net, true, 0, 1, again));
            let expected = if taken { "ESTABLISHED reply sctp COOKIE_WAIT 3 SEEN_REPLY,CONFIRMED" } else { "INVALID" };
            assert_eq!(road.line(&init(net, false, again, 2, 44)), expected);
        }
    }
}
