//! `tctable run` and `watch` between real stacks, in namespaces of this machine.

mod gateway;
mod killed;
mod restart;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use gateway::Gateway;
use tctable_lab::live::network::INTERFACE;
use tctable_lab::live::{Error, Form, Network, Size, not_tested, ping, tcp, udp};

fn network() -> Option<Network> {
    network_of(1)
}

/// So many clients, and as many servers.
fn network_of(pairs: u8) -> Option<Network> {
    match Network::build(Size { clients: pairs, servers: pairs, mtu: 1500 }, Form::InLine) {
        Ok(network) => Some(network),
        Err(why @ (Error::NotRoot(_) | Error::NoTool { .. })) => {
            not_tested(why);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn pings(network: &Network, to: IpAddr, count: u32, size: usize) -> usize {
    let pinged = network.clients[0].namespace.run(|| ping::ping(to, count, Duration::ZERO, size)).expect("a socket");
    pinged.times.len()
}

/// Waits for something to become so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(10), "{what}: not so");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_forwards_and_counts_what_interfaces_count() {
    let Some(network) = network() else { return };
    let far = &network.servers[0];
    assert_eq!(pings(&network, far.v4.into(), 1, 56), 0);
    let before = network.clients[0].namespace.counters(INTERFACE).expect("an interface");
    let gateway = Gateway::start(&network, &[]);
    for address in far.addresses() {
        assert_eq!(pings(&network, address, 5, 56), 5, "{address}");
        // In fragments.
        assert_eq!(pings(&network, address, 5, 4000), 5, "{address}");
        let receiver = udp::Receiver::start(&far.namespace, address, 5000).expect("a receiver");
        let steady = udp::Steady { rate: 2000, size: 100, length: Duration::from_millis(200) };
        let sent = network.clients[0].namespace.run(|| udp::send((address, 5000).into(), steady)).expect("sent");
        assert_eq!(receiver.stop().count, sent);
    }
    let after = network.clients[0].namespace.counters(INTERFACE).expect("an interface");
    let hosts = gateway.hosts();
    let sum = |side: &str| hosts.values().map(|host| host.bytes(side)).sum::<u64>();
    let moved = after - before;
    assert_eq!((sum("tx"), sum("rx")), (moved.sent_payload(), moved.received_payload()));
    assert_eq!(hosts.len(), 2);
    assert!(gateway.end().success());
}

#[test]
fn tcp_passes_in_both_directions() {
    let Some(network) = network() else { return };
    let gateway = Gateway::start(&network, &[]);
    let _servers = tcp::Servers::start(&network.servers[0].namespace).expect("servers");
    for address in network.servers[0].addresses() {
        for way in [tcp::Way::Up, tcp::Way::Down] {
            let stream = || tcp::stream(address, way, Duration::from_millis(300));
            let came = network.clients[0].namespace.run(stream).expect("a stream");
            assert!(came.bytes > 100_000, "{address} {way:?}: {came:?}");
        }
    }
    assert!(gateway.end().success());
}

#[test]
fn rules_hold_and_a_reload_loses_no_packet() {
    let Some(network) = network() else { return };
    let far = &network.servers[0];
    let directory = tempfile::tempdir().expect("a directory");
    let rules = directory.path().join("rules.v4");
    let write = |rest: &str| {
        let mut text = "*filter\n:FORWARD ACCEPT [0:0]\n".to_owned();
        let _ = write!(text, "-A FORWARD -p udp -m udp --dport 5000 -j ACCEPT\n{rest}COMMIT\n");
        std::fs::write(&rules, text).expect("written");
    };
    write("");
    let gateway = Gateway::start(&network, &["--rules", rules.to_str().expect("text")]);
    let receiver = udp::Receiver::start(&far.namespace, far.v4.into(), 5000).expect("a receiver");
    let steady = udp::Steady { rate: 2000, size: 100, length: Duration::from_secs(2) };
    let sent = std::thread::scope(|scope| {
        let sender = scope
            .spawn(|| network.clients[0].namespace.run(|| udp::send((far.v4, 5000).into(), steady)).expect("sent"));
        for nth in 0..10 {
            write(&"-A FORWARD -p tcp -m tcp --dport 81 -j DROP\n".repeat(nth));
            gateway.reload();
        }
        sender.join().expect("no panic")
    });
    assert_eq!(receiver.stop().count, sent);
    // The rule was there all the time, and so was its counter.
    until("the counter", || gateway.get("/v1/rules").contains(&format!("\"packets\":{sent}")));
    // What is wrong changes nothing.
    write("-A FORWARD -p icmp -j NONSENSE\n");
    gateway.reload();
    gateway.says("reload: nothing is changed");
    assert_eq!(pings(&network, far.v4.into(), 3, 56), 3);
    // And what is right does: a reject is answered.
    write("-A FORWARD -p icmp -j REJECT\n");
    gateway.reload();
    until("pings are rejected", || pings(&network, far.v4.into(), 1, 56) == 0);
    assert!(gateway.end().success());
}

#[test]
fn its_end_saves_all() {
    let Some(network) = network() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().to_str().expect("text");
    for round in 0..2 {
        let gateway = Gateway::start(&network, &["--state", state]);
        assert_eq!(gateway.packets_sent(), 7 * round);
        assert_eq!(pings(&network, network.servers[0].v4.into(), 7, 56), 7);
        assert!(gateway.end().success());
    }
}

#[test]
fn an_interface_may_go_down_and_come_back() {
    let Some(network) = network() else { return };
    let far: IpAddr = network.servers[0].v4.into();
    let gateway = Gateway::start(&network, &[]);
    assert_eq!(pings(&network, far, 2, 56), 2);
    network.gateway.ip(&["link", "set", "dev", "wan", "down"]).expect("possible");
    gateway.says("wan: the interface was taken down");
    network.gateway.ip(&["link", "set", "dev", "wan", "up"]).expect("possible");
    gateway.says("wan: the interface was brought up");
    until("it forwards again", || pings(&network, far, 1, 56) == 1);
    assert!(gateway.end().success());
}
