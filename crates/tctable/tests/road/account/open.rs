//! Open connections go up with a connection's first packet and down with its end.

use tctable::account::Class;
use tctable::time::Duration;

use crate::support::{BOTH, Net, Road};

fn open(road: &Road, net: Net) -> [u32; 4] {
    let host = road.host(net.client).expect("a host");
    Class::ALL.map(|class| host.connections(class))
}

#[test]
fn a_connection_is_open_until_its_timeout() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.pass(&net.ping(1));
        road.pass(&net.ping(2));
        assert_eq!(open(&road, net), [0, 1, 2, 0]);
        road.wait(Duration::from_secs(29)).pass(&net.ask());
        road.wait(Duration::from_secs(2)).tick();
        assert_eq!(open(&road, net), [0, 1, 0, 0]);
        road.wait(Duration::from_secs(30)).tick();
        assert_eq!(open(&road, net), [0; 4]);
        assert_eq!(road.host(net.client).expect("a host").connections_opened(), 3);
    }
}

#[test]
fn a_reset_or_a_new_beginning_ends_it_at_once() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.out("S"));
        assert_eq!(open(&road, net), [1, 0, 0, 0]);
        road.pass(&net.back("R."));
        assert_eq!(open(&road, net), [0; 4]);

        for packet in [net.out("S"), net.back("S."), net.out("."), net.out("F."), net.back("F."), net.out(".")] {
            road.pass(&packet);
        }
        road.pass(&net.out("S"));
        assert_eq!(open(&road, net), [1, 0, 0, 0]);
        assert_eq!(road.host(net.client).expect("a host").connections_opened(), 3);
    }
}

#[test]
fn a_connection_that_was_opened_from_the_other_side_changes_hands() {
    for net in BOTH {
        let mut other = net.from();
        other.set_ip(net.neighbour);
        let there = |flags| crate::support::segment(net.from(), other, flags);
        let back = |flags| crate::support::segment(other, net.from(), flags);
        let mut road = Road::new();
        for packet in [there("S"), back("S."), there("."), there("F."), back("F."), there(".")] {
            road.pass(&packet);
        }
        let again = road.pass(&back("S"));
        assert_eq!((again.host, again.id), (Some(net.neighbour), Some(1)));
        assert_eq!(open(&road, net), [0; 4]);
        assert_eq!(road.host(net.neighbour).expect("a host").open_connections(), 1);
    }
}
