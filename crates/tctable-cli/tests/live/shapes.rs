//! Frames of other shapes: fragments, jumbo, tagged, and what is not IP.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tctable::packet::DeviceId;
use tctable_io::port::{Arrival, Departure, Offload, PacketConfig, PacketSocket, Port, Role};
use tctable_lab::live::network::INTERFACE;
use tctable_lab::live::{Host, Size, ping, tcp};
use tctable_lab::packets::{ethernet, ethertype, udp_packet, vlan};

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

/// A port of a host's interface.
fn port(host: &Host) -> PacketSocket {
    let config = PacketConfig::new(INTERFACE, DeviceId(0), Role::InLine);
    host.namespace.run(|| PacketSocket::open(config)).expect("a packet socket")
}

#[test]
fn tags_and_what_is_not_ip_arrive_as_they_were() {
    let Some(gateway) = Gateway::start(ONE_OF_EACH, &[]) else { return };
    let (client, server) = gateway.pair();
    let end = |last: u8| -> [SocketAddr; 2] {
        [([10, 77, 0, last], 5000).into(), ([0xfd77, 0, 0, 0, 0, 0, 0, u16::from(last)], 5000).into()]
    };
    let [v4, v6] = [0, 1].map(|at| udp_packet(end(1)[at], end(2)[at], &[7; 100]));
    let frame = |ethertype: u16, payload: &[u8]| {
        let mut frame = ethernet(client.mac(), server.mac(), ethertype, payload);
        frame.resize(frame.len().max(60), 0);
        frame
    };
    // The bridge group's address, and a length in the place of a type.
    let mut spanning_tree = ethernet(client.mac(), [1, 0x80, 0xc2, 0, 0, 0], 38, &[0x42, 0x42, 3]);
    spanning_tree.resize(60, 0);
    let frames = [
        frame(ethertype::VLAN, &vlan(7, ethertype::IPV4, &v4)),
        frame(ethertype::VLAN, &vlan(0x6064, ethertype::IPV6, &v6)),
        frame(0x88a8, &vlan(100, ethertype::VLAN, &vlan(7, ethertype::IPV4, &v4))),
        frame(0x88cc, &[1; 80]),
        spanning_tree,
    ];
    let (mut from, mut to) = (port(client), port(server));
    let departures: Vec<_> = frames.iter().map(|data| Departure { data, offload: Offload::default() }).collect();
    assert_eq!(from.send(&departures).expect("sent"), frames.len());
    let mut came: Vec<Vec<u8>> = Vec::new();
    let since = Instant::now();
    while came.len() < frames.len() && since.elapsed() < Duration::from_secs(3) {
        let take = &mut |arrivals: &[Arrival<'_>]| came.extend(arrivals.iter().map(|each| each.frame.data.to_vec()));
        to.receive(tctable::time::Instant::ZERO, 64, take).expect("received");
    }
    assert_eq!(came, frames);
    // Hosts are charged for packets, whatever tags were around them.
    let own = [end(1)[0].ip(), end(1)[1].ip()];
    assert_eq!(gateway.counted(&own), [(2 * v4.len() + v6.len()) as u64, 0]);
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
