//! `nf_conntrack_checksum`: what arrives damaged belongs to no connection.

use crate::support::{BOTH, Road};

#[test]
fn damaged_packets_are_invalid_where_checksums_are_verified() {
    for net in BOTH {
        for packet in [net.ask(), net.out("S"), net.ping(1)] {
            let mut road = Road::with(|config| config.conntrack.checksum = true);
            let mut damaged = packet.clone();
            *damaged.last_mut().expect("not empty") ^= 1;
            assert_eq!(road.line(&damaged), "INVALID");
            let statistics = *road.gateway.conntrack().statistics();
            assert_eq!(statistics.invalid + statistics.error, 1);
            assert!(road.line(&packet).starts_with("NEW"), "{packet:02x?}");
            road.gateway.set_sysctl("nf_conntrack_checksum", "0").expect("a tunable");
            assert!(road.line(&damaged).starts_with("NEW"));
        }
    }
}

#[test]
fn a_packet_that_was_cut_cannot_be_verified() {
    for net in BOTH {
        let mut road = Road::with(|config| config.conntrack.checksum = true);
        let mut packet = net.ask();
        *packet.last_mut().expect("not empty") ^= 1;
        assert!(road.pass_cut(&packet, packet.len() - 1).line().starts_with("NEW"));
    }
}
