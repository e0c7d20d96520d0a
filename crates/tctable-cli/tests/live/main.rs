//! The gateway in line between real stacks, in namespaces: what passes is whole, and what is counted is what the interfaces count.

mod failing;
mod gateway;
mod lab;
mod links;
mod privileges;
mod shapes;
#[path = "../tmux/mod.rs"]
mod tmux;
mod tools;

use std::time::Duration;

use gateway::Gateway;
use tctable_lab::live::udp::{Receiver, Steady};
use tctable_lab::live::{Size, ping, tcp, udp};

#[test]
fn streams_datagrams_and_pings_are_counted_to_the_byte() {
    let Some(gateway) = Gateway::start(Size::default(), &[]) else { return };
    let before = gateway.interfaces();
    let servers: Vec<_> =
        gateway.network.servers.iter().map(|server| tcp::Servers::start(&server.namespace).expect("servers")).collect();
    std::thread::scope(|scope| {
        for (number, client) in gateway.network.clients.iter().enumerate() {
            let server = &gateway.network.servers[number % 2];
            scope.spawn(move || {
                for address in server.addresses() {
                    for way in [tcp::Way::Up, tcp::Way::Down] {
                        let length = Duration::from_millis(200);
                        let came = client.namespace.run(|| tcp::stream(address, way, length)).expect("a stream");
                        assert!(came.bytes > 100_000, "{address} {way:?}: {came:?}");
                    }
                    let pinged = client.namespace.run(|| ping::ping(address, 20, Duration::ZERO, 1000)).expect("pings");
                    assert_eq!(pinged.times.len(), 20, "{address}");
                }
            });
        }
    });
    for address in gateway.pair().1.addresses() {
        let (client, server) = gateway.pair();
        let receiver = Receiver::start(&server.namespace, address, 53).expect("a receiver");
        let steady = Steady { rate: 2000, size: 40, length: Duration::from_millis(500) };
        let sent = client.namespace.run(|| udp::send((address, 53).into(), steady)).expect("sent");
        let received = receiver.stop();
        assert_eq!((received.count, received.bytes, received.out_of_order), (sent, 40 * sent, 0));
    }
    drop(servers);
    gateway.assert_counted(&before);
}

#[test]
fn several_shards_count_the_same() {
    let Some(gateway) = Gateway::start(Size::default(), &["--shards", "2"]) else { return };
    let before = gateway.interfaces();
    let (_, server) = gateway.pair();
    let _servers = tcp::Servers::start(&server.namespace).expect("servers");
    for client in &gateway.network.clients {
        for address in server.addresses() {
            let way = if address.is_ipv4() { tcp::Way::Up } else { tcp::Way::Down };
            client.namespace.run(|| tcp::stream(address, way, Duration::from_millis(100))).expect("a stream");
        }
    }
    gateway.assert_counted(&before);
}
