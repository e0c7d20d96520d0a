//! Frames of other shapes: fragments, jumbo, tagged, and what is not IP.

use std::net::IpAddr;
use std::time::Duration;

use tctable_lab::live::network::INTERFACE;
use tctable_lab::live::{Host, Size, ping, tcp};

use crate::gateway::Gateway;

const ONE_OF_EACH: Size = Size { clients: 1, servers: 1, mtu: 1500 };

fn pings(from: &Host, to: IpAddr, size: usize) -> usize {
    from.namespace.run(|| ping::ping(to, 5, Duration::ZERO, size)).expect("a socket").times.len()
}

#[test]
fn fragments_pass_and_are_counted() {
    let Some(gateway) = Gateway::start(ONE_OF_EACH, &[]) else { return };
    let (client, server) = gateway.pair();
    let before = gateway.interfaces();
    for address in server.addresses() {
        assert_eq!(pings(client, address, 4000), 5, "{address}");
    }
    let sent = gateway.interfaces()[0] - before[0];
    assert_eq!(sent.sent, 2 * 5 * 3, "three fragments for each");
    gateway.assert_counted(&before);
}

#[test]
fn jumbo_frames_pass_and_are_counted() {
    let Some(gateway) = Gateway::start(Size { mtu: 9000, ..ONE_OF_EACH }, &[]) else { return };
    let (client, server) = gateway.pair();
    let before = gateway.interfaces();
    let _servers = tcp::Servers::start(&server.namespace).expect("servers");
    for address in server.addresses() {
        assert_eq!(pings(client, address, 8900), 5, "{address}");
        client.namespace.run(|| tcp::stream(address, tcp::Way::Up, Duration::from_millis(100))).expect("a stream");
    }
    gateway.assert_counted(&before);
}

#[test]
fn tagged_frames_keep_their_tags() {
    let Some(gateway) = Gateway::start(ONE_OF_EACH, &[]) else { return };
    let (client, server) = gateway.pair();
    let hosts = [(client, "10.77.0.1", "fd77::1"), (server, "10.77.0.2", "fd77::2")];
    let macs = hosts.map(|(host, ..)| {
        let said = host.namespace.command("ip", &["-oneline", "link", "show", "dev", INTERFACE]).expect("ip");
        said.split("link/ether ").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address").to_owned()
    });
    for (at, (host, v4, v6)) in hosts.iter().enumerate() {
        let (other, mac) = (&hosts[1 - at], &macs[1 - at]);
        host.namespace
            .ip_batch(&format!(
                "link add link {INTERFACE} name tagged type vlan id 7\n\
                 link set dev tagged arp off multicast off addrgenmode none up\n\
                 addr add {v4}/24 dev tagged\naddr add {v6}/64 dev tagged nodad\n\
                 neigh replace {} lladdr {mac} dev tagged nud permanent\n\
                 neigh replace {} lladdr {mac} dev tagged nud permanent\n",
                other.1, other.2
            ))
            .expect("a VLAN");
    }
    let before = gateway.interfaces();
    let tagged = || client.namespace.counters("tagged").expect("an interface");
    let tagged_before = tagged();
    let _servers = tcp::Servers::start(&server.namespace).expect("servers");
    for address in ["10.77.0.2", "fd77::2"].map(|address| address.parse::<IpAddr>().expect("an address")) {
        assert_eq!(pings(client, address, 1400), 5, "{address}");
        client.namespace.run(|| tcp::stream(address, tcp::Way::Down, Duration::from_millis(100))).expect("a stream");
    }
    let passed = tagged() - tagged_before;
    assert!(passed.received > 10, "{passed:?}");
    // The interface below counts the tags too, which hosts are not charged for.
    let below = gateway.interfaces()[0] - before[0];
    assert_eq!((below.sent, below.received), (passed.sent, passed.received));
    let own = ["10.77.0.1", "fd77::1"].map(|address| address.parse().expect("an address"));
    let counted = gateway.counted(&own);
    assert_eq!(counted, [passed.sent_payload(), passed.received_payload()]);
}

#[test]
fn neighbours_find_each_other_through_the_gateway() {
    let Some(gateway) = Gateway::start(ONE_OF_EACH, &[]) else { return };
    let (client, server) = gateway.pair();
    for host in [client, server] {
        host.namespace
            .ip_batch(&format!("link set dev {INTERFACE} arp on\nneigh flush dev {INTERFACE} nud permanent\n"))
            .expect("ip");
    }
    for address in server.addresses() {
        // ARP, and neighbour discovery by multicast.
        let came = (0..5).any(|_| pings(client, address, 56) > 0);
        assert!(came, "{address}");
    }
}
