//! Hosts that somebody deletes, or sets to zero.

use tctable::Event;
use tctable::account::Class;
use tctable::conntrack::EndReason;
use tctable::time::Duration;

use super::{datagram, family_of_groups};
use crate::support::{BOTH, Road, counter};

#[test]
fn a_host_is_read_and_zeroed_in_one_step() {
    for net in BOTH {
        let mut road = Road::with(|config| {
            config.hosts.groups = family_of_groups(net, |_| ());
            config.hosts.rates = true;
        });
        road.pass(&net.ask());
        road.pass(&net.answer());
        let (asked, answered) = (net.ask().len() as u64, net.answer().len() as u64);
        let before = road.gateway.zero_host(net.client).expect("a host");
        let udp = before.class(Class::Udp);
        assert_eq!((udp.tx, udp.rx), (counter(1, asked), counter(1, answered)));
        let host = road.host(net.client).expect("it stays");
        assert_eq!((host.class(Class::Udp), host.open_connections(), host.next_id()), (Default::default(), 1, 2));
        assert_eq!((host.first_seen(), host.last_seen()), (before.first_seen(), before.last_seen()));
        road.pass(&net.ask());
        assert_eq!(road.host(net.client).unwrap().class(Class::Udp).tx, counter(1, asked));
        // The group has both, and so has the second in which it was.
        assert_eq!(road.gateway.group("client").unwrap().classes[Class::Udp as usize].tx, counter(2, 2 * asked));
        road.wait(Duration::from_secs(1));
        let rates = road.host(net.client).unwrap().rates(road.now).expect("they are kept");
        assert_eq!((rates.second.tx, rates.second.connections), (counter(2, 2 * asked), 1));
        assert!(road.gateway.zero_host(net.server).is_none());
    }
}

#[test]
fn a_host_goes_with_its_connections() {
    for net in BOTH {
        for links in [false, true] {
            let mut road = Road::with(|config| {
                config.hosts.groups = family_of_groups(net, |_| ());
                config.hosts.links = links;
            });
            for port in 1..=3 {
                road.pass(&datagram(net, net.client, port, 100));
            }
            road.pass(&datagram(net, net.neighbour, 1, 100));
            let host = road.gateway.delete_host(net.client).expect("a host");
            assert_eq!(
                (host.address(), host.open_connections(), host.class(Class::Udp).tx),
                (net.client, 0, counter(3, 300))
            );
            assert_eq!((road.hosts(), road.gateway.hosts().len()), (vec![net.neighbour], 1));
            assert_eq!(road.gateway.conntrack().count(), 1);
            let deleted = |event: &Event| matches!(event, Event::ConnectionEnded { ended, .. } if ended.reason == EndReason::Deleted);
            assert_eq!(road.events().iter().filter(|event| deleted(event)).count(), 3);
            assert!(road.gateway.delete_host(net.client).is_none());
            assert_eq!(road.gateway.group("client").unwrap().classes[Class::Udp as usize].tx, counter(3, 300));
            // It comes back as another one, and its ids go on.
            assert_eq!(road.pass(&datagram(net, net.client, 1, 100)).id, Some(4));
            assert_eq!(road.host(net.client).unwrap().class(Class::Udp).tx, counter(1, 100));
        }
    }
}

#[test]
fn the_timers_of_deleted_hosts_do_no_harm() {
    for net in BOTH {
        let mut road = Road::with(|config| config.hosts.timeout = Duration::from_secs(100));
        for round in 0..50 {
            road.pass(&net.pong(1));
            assert!(road.gateway.delete_host(net.client).is_some(), "{round}");
            road.wait(Duration::from_secs(3)).tick();
        }
        road.pass(&net.pong(1));
        let end = road.now + Duration::from_secs(100);
        road.sleep_until(tctable::time::Instant::from_nanos(end.as_nanos() - 1));
        assert_eq!((road.hosts(), road.gateway.hosts().len()), (vec![net.client], 1));
        road.sleep_until(end);
        road.tick();
        assert!(road.gateway.hosts().is_empty() && road.hosts().is_empty());
    }
}
