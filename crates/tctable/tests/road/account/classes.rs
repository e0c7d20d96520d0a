//! Traffic and connections by protocol class.

use tctable::account::Class;
use tctable_lab::packets::ip;

use crate::support::{BOTH, Net, Road, counter};

fn packets(net: Net) -> [(Class, Vec<u8>, Vec<u8>); 4] {
    [
        (Class::Tcp, net.out("S"), net.back("S.")),
        (Class::Udp, net.ask(), net.answer()),
        (Class::Icmp, net.ping(1), net.pong(1)),
        (Class::Other, ip(net.client, net.server, 253, b"one"), ip(net.server, net.client, 253, b"other")),
    ]
}

#[test]
fn each_class_has_its_counters_and_its_connections() {
    for net in BOTH {
        for (class, there, back) in packets(net) {
            let mut road = Road::new();
            road.pass(&there);
            road.pass(&back);
            let host = road.host(net.client).expect("a host");
            for other in Class::ALL {
                let used = u64::from(other == class);
                let counters = host.class(other);
                assert_eq!(counters.tx, counter(used, used * there.len() as u64), "{class:?} {other:?}");
                assert_eq!(counters.rx, counter(used, used * back.len() as u64), "{class:?} {other:?}");
                assert_eq!(u64::from(host.connections(other)), used, "{class:?} {other:?}");
            }
        }
    }
}

#[test]
fn the_classes_of_a_host_are_counted_apart() {
    for net in BOTH {
        let mut road = Road::new();
        for (times, (_, there, back)) in (1..).zip(packets(net)) {
            for _ in 0..times {
                road.pass(&there);
            }
            road.pass(&back);
        }
        let host = road.host(net.client).expect("a host");
        let sent = Class::ALL.map(|class| host.class(class).tx.packets);
        let received = Class::ALL.map(|class| host.class(class).rx.packets);
        assert_eq!((sent, received), ([1, 2, 3, 4], [1, 1, 1, 1]));
        assert_eq!((host.open_connections(), host.connections_opened(), host.next_id()), (4, 4, 5));
    }
}

#[test]
fn classes_have_the_names_of_the_tc_counter_line() {
    assert_eq!(Class::ALL.map(Class::name), ["tcp", "udp", "icmp", "other"]);
}
