//! UDP-Lite: a stream as soon as packets went both ways.

use tctable_lab::packets::{ip, udp};

use crate::support::{BOTH, Net, Road};

fn packet(net: Net, there: bool) -> Vec<u8> {
    let (from, to) = if there { (net.from(), net.to()) } else { (net.to(), net.from()) };
    ip(from.ip(), to.ip(), 136, &udp(from, to, b"data"))
}

#[test]
fn the_packet_after_the_answer_makes_a_stream_without_waiting() {
    for net in BOTH {
        for third in [true, false] {
            let mut road = Road::new();
            assert_eq!(road.line(&packet(net, true)), "NEW original udplite 30 CONFIRMED");
            assert_eq!(road.line(&packet(net, true)), "NEW original udplite 30 CONFIRMED");
            let answer = road.line(&packet(net, false));
            assert_eq!(answer, "ESTABLISHED reply udplite 30 SEEN_REPLY,CONFIRMED");
            let direction = if third { "original" } else { "reply" };
            let stream = format!("ESTABLISHED {direction} udplite 120 SEEN_REPLY,ASSURED,CONFIRMED");
            assert_eq!(road.line(&packet(net, third)), stream);
        }
    }
}

#[test]
fn it_is_not_the_connection_of_udp_over_the_same_ports() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        assert!(road.line(&packet(net, true)).starts_with("NEW original udplite"));
        assert_eq!(road.gateway.conntrack().count(), 2);
    }
}
