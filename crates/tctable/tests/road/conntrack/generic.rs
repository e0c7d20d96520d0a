//! Protocols without a tracker of their own.

use tctable_lab::packets::ip;

use crate::support::{BOTH, Road};

/// IGMP, ESP, IPComp, mobility, and one that nobody has. To IPv6 mobility is a protocol too.
const NUMBERS: [u8; 5] = [2, 50, 108, 135, 253];

#[test]
fn two_addresses_and_a_protocol_are_a_connection_for_ten_minutes() {
    for net in BOTH {
        for number in NUMBERS {
            let mut road = Road::new();
            let (there, back) = (ip(net.client, net.server, number, b"1"), ip(net.server, net.client, number, b"23"));
            assert_eq!(road.line(&there), "NEW original unknown 600 CONFIRMED");
            assert_eq!(road.line(&back), "ESTABLISHED reply unknown 600 SEEN_REPLY,CONFIRMED");
            assert_eq!(road.line(&there), "ESTABLISHED original unknown 600 SEEN_REPLY,CONFIRMED");
            assert_eq!(road.gateway.conntrack().count(), 1);
        }
    }
}

#[test]
fn each_protocol_is_a_connection_of_its_own() {
    for net in BOTH {
        let mut road = Road::new();
        for number in NUMBERS {
            assert!(road.line(&ip(net.client, net.server, number, b"")).starts_with("NEW"));
        }
        assert_eq!(road.gateway.conntrack().count(), NUMBERS.len());
    }
}

#[test]
fn the_two_families_are_never_mixed_up() {
    let mut road = Road::new();
    for net in BOTH {
        assert!(road.line(&ip(net.client, net.server, 50, b"")).starts_with("NEW"));
    }
    assert_eq!(road.gateway.conntrack().count(), 2);
}

#[test]
fn dccp_has_a_name_and_no_tracker() {
    for net in BOTH {
        let mut road = Road::new();
        assert_eq!(road.line(&ip(net.client, net.server, 33, &[0, 7, 0, 80])), "NEW original dccp 600 CONFIRMED");
        assert!(road.connection().1.original().to_string().ends_with(" sport=0 dport=0"));
    }
}
