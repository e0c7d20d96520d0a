//! UDP.

use tctable::time::Duration;
use tctable_lab::packets::udp_packet;

use crate::support::{BOTH, Road};

#[test]
fn unanswered_it_is_kept_for_thirty_seconds() {
    for net in BOTH {
        let mut road = Road::new();
        assert_eq!(road.line(&net.ask()), "NEW original udp 30 CONFIRMED");
        // However much is sent.
        assert_eq!(road.wait(Duration::from_secs(20)).line(&net.ask()), "NEW original udp 30 CONFIRMED");
    }
}

#[test]
fn a_quick_answer_makes_no_stream() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        assert_eq!(road.line(&net.answer()), "ESTABLISHED reply udp 30 SEEN_REPLY,CONFIRMED");
        assert_eq!(road.line(&net.ask()), "ESTABLISHED original udp 30 SEEN_REPLY,CONFIRMED");
    }
}

#[test]
fn two_seconds_after_the_first_packet_it_is_a_stream() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.pass(&net.answer());
        road.wait(Duration::from_secs(2));
        assert_eq!(road.line(&net.ask()), "ESTABLISHED original udp 30 SEEN_REPLY,CONFIRMED");
        road.wait(Duration::from_nanos(1));
        assert_eq!(road.line(&net.ask()), "ESTABLISHED original udp 120 SEEN_REPLY,ASSURED,CONFIRMED");
        assert_eq!(road.line(&net.answer()), "ESTABLISHED reply udp 120 SEEN_REPLY,ASSURED,CONFIRMED");
    }
}

#[test]
fn a_late_first_answer_makes_no_stream_yet() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.wait(Duration::from_secs(10));
        assert_eq!(road.line(&net.answer()), "ESTABLISHED reply udp 30 SEEN_REPLY,CONFIRMED");
        assert_eq!(road.line(&net.answer()), "ESTABLISHED reply udp 120 SEEN_REPLY,ASSURED,CONFIRMED");
    }
}

#[test]
fn each_pair_of_ports_is_a_connection() {
    for net in BOTH {
        let mut road = Road::new();
        let mut other = net.from();
        other.set_port(1);
        road.pass(&net.ask());
        assert!(road.line(&udp_packet(other, net.to(), b"")).starts_with("NEW original"));
        assert!(road.line(&udp_packet(net.to(), other, b"")).starts_with("ESTABLISHED reply"));
        assert_eq!(road.gateway.conntrack().count(), 2);
    }
}

#[test]
fn a_port_that_talks_to_itself_answers_itself() {
    for net in BOTH {
        let mut road = Road::new();
        let echoing = udp_packet(net.from(), net.from(), b"");
        assert_eq!(road.line(&echoing), "NEW original udp 30 CONFIRMED");
        let again = "ESTABLISHED reply udp 30 SEEN_REPLY,CONFIRMED";
        assert_eq!(road.line(&echoing), again);
        assert_eq!(road.gateway.conntrack().count(), 1);
    }
}
