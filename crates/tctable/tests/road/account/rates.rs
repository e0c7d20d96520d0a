//! How fast a host's traffic is.

use tctable::account::{Class, Rates};
use tctable::time::{Duration, Instant};

use super::datagram;
use crate::support::{BOTH, Net, Road, counter};

fn rates(road: &Road, net: Net) -> Rates {
    road.host(net.client).expect("a host").rates(road.now).expect("they are kept")
}

fn road() -> Road {
    let mut road = Road::with(|config| config.hosts.rates = true);
    // The beginning of a minute.
    road.now = Instant::from_secs(1_700_000_040);
    road
}

#[test]
fn over_a_second_ten_and_a_minute() {
    for net in BOTH {
        let mut road = road();
        // Thirty seconds with a packet of 100 bytes every half a second, on one connection.
        for _ in 0..60 {
            road.pass(&datagram(net, net.client, 1, 100));
            road.wait(Duration::from_millis(500));
        }
        let now = rates(&road, net);
        assert_eq!(
            (now.second.tx, now.ten_seconds.tx, now.minute.tx),
            (counter(2, 200), counter(20, 2_000), counter(60, 6_000))
        );
        assert_eq!((now.second.connections, now.ten_seconds.connections, now.minute.connections), (0, 0, 1));
        // Seconds later, without a packet.
        road.wait(Duration::from_secs(4));
        let now = rates(&road, net);
        assert_eq!(
            (now.second.tx, now.ten_seconds.tx, now.minute.tx),
            (counter(0, 0), counter(12, 1_200), counter(60, 6_000))
        );
        assert_eq!(now.peak.tx, counter(2, 200));
        road.wait(Duration::from_secs(60));
        let now = rates(&road, net);
        assert_eq!((now.ten_seconds.tx, now.minute.tx.packets), (counter(0, 0), 0));
    }
}

#[test]
fn both_sides_and_all_classes_count() {
    for net in BOTH {
        let mut road = road();
        road.pass(&net.ask());
        road.pass(&net.answer());
        road.pass(&net.ping(1));
        road.pass(&net.pong(1));
        road.pass(&net.pong(1));
        road.wait(Duration::from_secs(1));
        let Rates { second, .. } = rates(&road, net);
        assert_eq!((second.tx.packets, second.rx.packets, second.connections), (2, 3, 2));
        let host = road.host(net.client).unwrap();
        assert_eq!(second.rx.bytes, host.class(Class::Udp).rx.bytes + host.class(Class::Icmp).rx.bytes);
    }
}

#[test]
fn the_peak_is_the_best_second_of_each_number() {
    for net in BOTH {
        let mut road = road();
        road.pass(&datagram(net, net.client, 1, 1_000));
        road.wait(Duration::from_secs(1));
        (0..3).for_each(|_| _ = road.pass(&datagram(net, net.client, 1, 100)));
        // The second that is under way counts when it is over.
        assert_eq!(rates(&road, net).peak.tx, counter(1, 1_000));
        road.wait(Duration::from_secs(1));
        assert_eq!(rates(&road, net).peak.tx, counter(3, 1_000));
        road.pass(&datagram(net, net.client, 1, 100));
        road.wait(Duration::from_secs(1));
        assert_eq!(rates(&road, net).peak.tx, counter(3, 1_000));
    }
}

#[test]
fn a_second_begins_to_the_nanosecond() {
    for net in BOTH {
        let mut road = road();
        road.pass(&datagram(net, net.client, 1, 100));
        road.wait(Duration::from_nanos(999_999_999)).pass(&datagram(net, net.client, 1, 100));
        assert_eq!(rates(&road, net).second.tx, counter(0, 0));
        road.wait(Duration::from_nanos(1)).pass(&datagram(net, net.client, 1, 100));
        assert_eq!(rates(&road, net).second.tx, counter(2, 200));
    }
}
