//! ICMP and ICMPv6 queries.

use tctable_lab::packets::{ip, protocol};

use crate::support::{BOTH, Net, Road, V4, V6, echo};

/// A query of another type than echo.
fn query(net: Net, there: bool, kind: u8) -> Vec<u8> {
    let (from, to) = if there { (net.client, net.server) } else { (net.server, net.client) };
    let mut packet = echo(from, to, !there, 7);
    packet[net.header() as usize] = kind;
    packet
}

#[test]
fn an_echo_and_its_reply() {
    for net in BOTH {
        let mut road = Road::new();
        assert_eq!(road.line(&net.ping(7)), "NEW original icmp 30 CONFIRMED");
        assert_eq!(road.line(&net.ping(7)), "NEW original icmp 30 CONFIRMED");
        assert_eq!(road.line(&net.pong(7)), "ESTABLISHED reply icmp 30 SEEN_REPLY,CONFIRMED");
        assert_eq!(road.line(&net.ping(7)), "ESTABLISHED original icmp 30 SEEN_REPLY,CONFIRMED");
        let (_, connection) = road.connection();
        let kind = if net.client.is_ipv4() { [8, 0] } else { [128, 129] };
        let (client, server) = (net.client, net.server);
        assert_eq!(
            connection.original().to_string(),
            format!("src={client} dst={server} type={} code=0 id=7", kind[0])
        );
        assert_eq!(connection.reply().to_string(), format!("src={server} dst={client} type={} code=0 id=7", kind[1]));
        let name = if net.client.is_ipv4() { "icmp" } else { "icmpv6" };
        assert_eq!(connection.protocol_name(), name);
    }
}

#[test]
fn each_identifier_is_a_connection() {
    for net in BOTH {
        let mut road = Road::new();
        for id in 0..5 {
            assert!(road.line(&net.ping(id)).starts_with("NEW original"));
        }
        assert!(road.line(&net.pong(3)).starts_with("ESTABLISHED reply"));
        assert_eq!(road.gateway.conntrack().count(), 5);
    }
}

#[test]
fn a_reply_begins_nothing() {
    for net in BOTH {
        let mut road = Road::new();
        assert_eq!(road.line(&net.pong(7)), "INVALID");
        road.pass(&net.ping(7));
        // Not the identifier that was asked with, and not who was asked.
        assert_eq!(road.line(&net.pong(8)), "INVALID");
        assert_eq!(road.line(&echo(net.router, net.client, true, 7)), "INVALID");
        assert_eq!(road.gateway.conntrack().statistics().invalid, 3);
    }
}

#[test]
fn both_ends_may_ask_with_the_same_identifier() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ping(7));
        assert!(road.line(&echo(net.server, net.client, false, 7)).starts_with("NEW original"));
        assert_eq!(road.gateway.conntrack().count(), 2);
    }
}

#[test]
fn the_other_queries() {
    // Timestamp, information, address mask; node information.
    for (net, kinds) in [(V4, &[(13, 14), (15, 16), (17, 18)][..]), (V6, &[(139, 140)])] {
        for (ask, answer) in kinds {
            let mut road = Road::new();
            assert_eq!(road.line(&query(net, false, *answer)), "INVALID");
            assert_eq!(road.line(&query(net, true, *ask)), "NEW original icmp 30 CONFIRMED");
            let answered = road.line(&query(net, false, *answer));
            assert_eq!(answered, "ESTABLISHED reply icmp 30 SEEN_REPLY,CONFIRMED");
        }
    }
}

#[test]
fn icmp_in_a_packet_of_the_other_family_is_invalid() {
    // Each family's tracker refuses the other's messages, as the kernel's do.
    for (net, number, message) in [(V6, protocol::ICMP, &V4.ping(7)[20..]), (V4, protocol::ICMPV6, &V6.ping(7)[40..])] {
        let mut road = Road::new();
        assert_eq!(road.line(&ip(net.client, net.server, number, message)), "INVALID");
        assert_eq!(road.line(&ip(net.server, net.client, number, message)), "INVALID");
        assert_eq!(road.gateway.conntrack().count(), 0);
    }
}
