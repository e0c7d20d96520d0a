//! A connection's name outlives it, and never becomes another's.

use std::collections::HashSet;

use tctable::time::Duration;

use crate::support::{BOTH, Road, packets};

#[test]
fn a_name_is_that_of_one_connection_only() {
    for net in BOTH {
        let mut road = Road::with(|config| config.conntrack.max = 1);
        let mut names = HashSet::new();
        for _ in 0..10 {
            road.pass(&net.ask());
            let (name, _) = road.connection();
            assert!(names.insert(name), "{name:?} was given twice");
            for known in &names {
                let found = road.gateway.conntrack().get(*known);
                assert_eq!(found.is_some(), *known == name);
            }
            road.wait(Duration::from_secs(31)).tick();
            assert!(names.iter().all(|name| road.gateway.conntrack().get(*name).is_none()));
        }
    }
}

#[test]
fn a_name_stays_while_the_connection_changes() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        let (name, _) = road.connection();
        for port in 1..1000 {
            let mut other = net.from();
            other.set_port(port);
            road.pass(&tctable_lab::packets::udp_packet(other, net.to(), b""));
        }
        road.pass(&net.answer());
        let connection = road.gateway.conntrack().get(name).expect("still there");
        assert_eq!((packets(connection), connection.original().source_port), ([1, 1], net.from().port()));
    }
}
