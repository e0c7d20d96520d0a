//! Namespaces and the traffic between them, with the kernel as the gateway.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use tctable_lab::live::network::INTERFACE;
use tctable_lab::live::{Error, Form, Network, Size, not_tested, ping, tcp, udp};

fn network(form: Form) -> Option<Network> {
    match Network::build(Size { clients: 2, servers: 1, mtu: 1500 }, form) {
        Ok(network) => Some(network),
        Err(why @ (Error::NotRoot(_) | Error::NoTool { .. })) => {
            not_tested(why);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_is_sent_is_what_interfaces_count_and_nothing_else() {
    let Some(network) = network(Form::Routed) else { return };
    let [near, far] = [&network.clients[0], &network.servers[0]];
    let count = || [near, far].map(|host| host.namespace.counters(INTERFACE).expect("an interface"));
    let before = count();
    let mut bytes = 0;
    for address in far.addresses() {
        let receiver = udp::Receiver::start(&far.namespace, address, 5000).expect("a receiver");
        let steady = udp::Steady { rate: 2000, size: 100, length: Duration::from_millis(300) };
        let sent = near.namespace.run(|| udp::send((address, 5000).into(), steady)).expect("sent");
        let received = receiver.stop();
        assert_eq!((received.count, received.bytes, received.out_of_order), (sent, 100 * sent, 0));
        bytes += sent * (if address.is_ipv4() { 20 } else { 40 } + 8 + 100);
    }
    let [sent, received] = {
        let after = count();
        [after[0] - before[0], after[1] - before[1]]
    };
    assert_eq!((sent.sent, sent.sent_bytes), (received.received, received.received_bytes));
    assert_eq!((sent.received, received.sent), (0, 0));
    assert_eq!((sent.sent_payload(), received.received_payload()), (bytes, bytes));
}

#[test]
fn tcp_and_pings_pass() {
    let Some(network) = network(Form::Routed) else { return };
    let [near, far] = [&network.clients[0], &network.servers[0]];
    let _servers = tcp::Servers::start(&far.namespace).expect("servers");
    for address in far.addresses() {
        for way in [tcp::Way::Up, tcp::Way::Down] {
            let came = near.namespace.run(|| tcp::stream(address, way, Duration::from_millis(200))).expect("a stream");
            assert!(came.bytes > 1_000_000, "{address} {way:?}: {came:?}");
        }
        let pinged = near.namespace.run(|| ping::ping(address, 20, Duration::ZERO, 56)).expect("a socket");
        assert_eq!((pinged.sent, pinged.times.len()), (20, 20));
        assert!(pinged.quantile(500) <= pinged.quantile(990));
    }
}

#[test]
fn in_line_nothing_passes_by_itself() {
    let Some(network) = network(Form::InLine) else { return };
    let far: IpAddr = network.servers[0].v4.into();
    let pinged = network.clients[0].namespace.run(|| ping::ping(far, 1, Duration::ZERO, 56)).expect("a socket");
    assert_eq!((pinged.sent, pinged.times.len()), (1, 0));
    let beside: IpAddr = network.clients[1].v4.into();
    let pinged = network.clients[0].namespace.run(|| ping::ping(beside, 1, Duration::ZERO, 56)).expect("a socket");
    assert_eq!(pinged.times.len(), 1, "clients reach each other through their switch");
}

#[test]
fn a_network_is_gone_when_it_is_dropped() {
    let Some(network) = network(Form::InLine) else { return };
    let path = network.gateway.path();
    assert!(std::fs::metadata(&path).is_ok());
    drop(network);
    // The descriptor's number may be another file's by now, in another thread; it is not this namespace's.
    let target = std::fs::read_link(&path).map(|target| target.to_string_lossy().into_owned());
    assert!(!target.is_ok_and(|target| target.starts_with("net:")));
    thread::yield_now();
}
