//! GRE: two addresses are a connection, and with a call id that too.

use tctable_lab::packets::ip;

use crate::support::{BOTH, Net, Road};

const PLAIN: [u8; 8] = [0, 0, 8, 0, 1, 2, 3, 4];

/// Enhanced GRE for a call.
fn enhanced(call: u8) -> [u8; 8] {
    [0x20, 1, 0x88, 0x0b, 0, 0, 0, call]
}

fn there(net: Net, payload: &[u8]) -> Vec<u8> {
    ip(net.client, net.server, 47, payload)
}

fn back(net: Net, payload: &[u8]) -> Vec<u8> {
    ip(net.server, net.client, 47, payload)
}

#[test]
fn the_packet_after_the_answer_makes_a_stream() {
    for net in BOTH {
        let mut road = Road::new();
        assert_eq!(road.line(&there(net, &PLAIN)), "NEW original gre 30 CONFIRMED");
        assert_eq!(road.line(&back(net, &PLAIN)), "ESTABLISHED reply gre 30 SEEN_REPLY,CONFIRMED");
        let stream = "ESTABLISHED original gre 180 SEEN_REPLY,ASSURED,CONFIRMED";
        assert_eq!(road.line(&there(net, &PLAIN)), stream);
    }
}

#[test]
fn a_key_or_a_checksum_makes_no_difference() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&there(net, &PLAIN));
        for payload in [[0x20, 0, 8, 0, 0, 0, 0, 1], [0x20, 0, 8, 0, 0, 0, 0, 2], [0x80, 0, 8, 0, 0, 0, 0, 0]] {
            assert_eq!(road.line(&there(net, &payload)), "NEW original gre 30 CONFIRMED");
        }
        assert_eq!(road.gateway.conntrack().count(), 1);
    }
}

#[test]
fn each_call_is_a_connection_and_without_its_helper_nothing_answers_it() {
    for net in BOTH {
        let mut road = Road::new();
        for packet in [there(net, &enhanced(77)), back(net, &enhanced(77)), back(net, &enhanced(78))] {
            assert_eq!(road.line(&packet), "NEW original gre 30 CONFIRMED");
            assert_eq!(road.line(&packet), "NEW original gre 30 CONFIRMED");
        }
        assert_eq!(road.gateway.conntrack().count(), 3);
        // Enhanced GRE carries nothing but PPP.
        assert_eq!(road.line(&there(net, &[0x20, 1, 8, 0, 0, 0, 0, 77])), "INVALID");
    }
}
