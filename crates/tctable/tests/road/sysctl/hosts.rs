//! Hosts: how many, how long, and how many connections of each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tctable::Event;
use tctable::time::Duration;
use tctable_lab::packets::udp_packet;

use super::tunables;
use crate::support::{BOTH, Net, Road, START, counter};

tunables! {
    "net.tctable.host_connections_max" => host_connections_max: connections_of_one;
    "net.tctable.host_links" => host_links: links;
    "net.tctable.host_max" => host_max: hosts;
    "net.tctable.host_new_connections_max" => host_new_connections_max: new_connections_of_one;
    "net.tctable.host_rates" => host_rates: rates;
    "net.tctable.host_timeout" => host_timeout: time_to_live;
}

fn set(road: &mut Road, name: &str, value: u64) {
    road.gateway.set_sysctl(name, &value.to_string()).expect("a tunable");
}

/// A datagram that the client opens a connection with.
fn ask(net: Net, port: u16) -> Vec<u8> {
    udp_packet(SocketAddr::new(net.client, port), net.to(), b"ask")
}

fn connections_of_one(net: Net, name: &str) {
    let mut road = Road::new();
    for port in 1..=5 {
        road.pass(&ask(net, port));
    }
    // Fewer than there are: those stay and go on.
    set(&mut road, name, 3);
    let refused = ask(net, 6);
    assert_eq!(road.line(&refused), "-");
    assert_eq!(road.gateway.totals().unaccounted.host_limit, counter(1, refused.len() as u64));
    assert_eq!(road.line(&ask(net, 5)), "NEW original udp 30 CONFIRMED");
    assert_eq!(road.gateway.conntrack().count(), 5);
    // Others open what they like, also to it.
    assert!(road.line(&udp_packet(SocketAddr::new(net.neighbour, 1), net.to(), b"")).starts_with("NEW"));
    assert!(road.line(&udp_packet(net.to(), SocketAddr::new(net.client, 7), b"")).starts_with("NEW"));
    set(&mut road, name, 6);
    assert!(road.line(&refused).starts_with("NEW"));
    assert_eq!(road.line(&ask(net, 8)), "-");
    set(&mut road, name, 0);
    assert!(road.line(&ask(net, 8)).starts_with("NEW"));
    // It falls with each that ends.
    set(&mut road, name, 1);
    assert_eq!(road.line(&ask(net, 9)), "-");
    road.wait(Duration::from_secs(31)).tick();
    assert!(road.line(&ask(net, 9)).starts_with("NEW"));
    assert_eq!(road.line(&ask(net, 10)), "-");
    assert_eq!(road.gateway.totals().unaccounted.host_limit.packets, 4);
}

fn new_connections_of_one(net: Net, name: &str) {
    let mut road = Road::new();
    for port in 1..=5 {
        assert!(road.line(&ask(net, port)).starts_with("NEW"));
    }
    set(&mut road, name, 2);
    // The bucket is full: nobody counted before.
    assert!(road.line(&ask(net, 6)).starts_with("NEW"));
    assert!(road.line(&ask(net, 7)).starts_with("NEW"));
    let refused = ask(net, 8);
    assert_eq!(road.line(&refused), "-");
    assert_eq!(road.gateway.totals().unaccounted.host_rate_limit, counter(1, refused.len() as u64));
    // Packets of open connections, other hosts, and what others open to it pass.
    assert!(road.line(&ask(net, 7)).starts_with("NEW"));
    assert!(road.line(&udp_packet(SocketAddr::new(net.neighbour, 1), net.to(), b"")).starts_with("NEW"));
    assert!(road.line(&udp_packet(net.to(), SocketAddr::new(net.client, 70), b"")).starts_with("NEW"));
    // A token comes every half a second.
    road.wait(Duration::from_nanos(499_999_999));
    assert_eq!(road.line(&refused), "-");
    road.wait(Duration::from_nanos(1));
    assert!(road.line(&refused).starts_with("NEW"));
    assert_eq!(road.line(&ask(net, 9)), "-");
    set(&mut road, name, 0);
    assert!(road.line(&ask(net, 9)).starts_with("NEW"));
}

/// Only what is not looked for place by place comes in the order of its age.
fn links(net: Net, name: &str) {
    let mut road = Road::new();
    (1..=3).for_each(|port| _ = road.pass(&ask(net, port)));
    let ports = |road: &Road| -> Vec<u16> {
        let all = road.gateway.host_connections(net.client).expect("a host");
        all.map(|(_, connection)| connection.original().source_port).collect()
    };
    assert_eq!(ports(&road), [1, 2, 3]);
    set(&mut road, name, 1);
    (4..=5).for_each(|port| _ = road.pass(&ask(net, port)));
    assert_eq!((ports(&road)[..2].to_vec(), ports(&road).len()), (vec![5, 4], 5));
    road.wait(Duration::from_secs(20)).pass(&ask(net, 4));
    road.wait(Duration::from_secs(15)).tick();
    assert_eq!(ports(&road), [4]);
    set(&mut road, name, 0);
    (6..=7).for_each(|port| _ = road.pass(&ask(net, port)));
    assert_eq!(ports(&road).len(), 3);
    set(&mut road, name, 1);
    road.wait(Duration::from_secs(60)).tick();
    assert!(ports(&road).is_empty());
}

fn rates(net: Net, name: &str) {
    let mut road = Road::new();
    road.pass(&net.ask());
    assert_eq!(road.host(net.client).expect("a host").rates(road.now), None);
    set(&mut road, name, 1);
    road.wait(Duration::from_secs(1)).pass(&net.ask());
    road.wait(Duration::from_secs(1));
    let rates = road.host(net.client).expect("a host").rates(road.now).expect("they are kept");
    // What was before is not known.
    assert_eq!((rates.second.tx.packets, rates.ten_seconds.tx.packets), (1, 1));
    set(&mut road, name, 0);
    assert_eq!(road.host(net.client).expect("a host").rates(road.now), None);
}

fn inside(net: Net, nth: u8) -> IpAddr {
    match net.client {
        IpAddr::V4(_) => Ipv4Addr::new(10, 0, 0, nth).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, nth.into()).into(),
    }
}

fn hosts(net: Net, name: &str) {
    let mut road = Road::new();
    let host_of =
        |road: &mut Road, nth| road.pass(&udp_packet(SocketAddr::new(inside(net, nth), 1), net.to(), b"")).host;
    for nth in 1..=3 {
        assert_eq!(host_of(&mut road, nth), Some(inside(net, nth)));
    }
    set(&mut road, name, 2);
    assert_eq!((host_of(&mut road, 4), host_of(&mut road, 3)), (None, Some(inside(net, 3))));
    assert_eq!((road.gateway.totals().hosts_refused, road.gateway.hosts().len()), (1, 3));
    set(&mut road, name, 4);
    assert_eq!((host_of(&mut road, 5), host_of(&mut road, 6)), (Some(inside(net, 5)), None));
}

/// When the client's entry went, if it did by then.
fn gone(road: &mut Road, seconds: u64) -> bool {
    road.sleep_until(START + Duration::from_secs(seconds));
    road.tick();
    road.events().iter().any(|event| matches!(event, Event::HostExpired(_)))
}

fn time_to_live(net: Net, name: &str) {
    // Without a connection: nobody asked.
    let mut road = Road::new();
    road.pass(&net.pong(1));
    set(&mut road, name, 5);
    assert!(!gone(&mut road, 4), "too early");
    assert!(gone(&mut road, 5), "a shorter time holds for those that are there");
    // Longer.
    let mut road = Road::new();
    road.pass(&net.pong(1));
    set(&mut road, name, 2_000);
    assert!(!gone(&mut road, 1_999));
    assert!(gone(&mut road, 2_000));
}

#[test]
fn a_shorter_time_holds_for_a_host_with_connections_too() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        set(&mut road, "net.tctable.host_timeout", 5);
        assert!(!gone(&mut road, 34));
        assert!(gone(&mut road, 36));
    }
}
