//! Every cause for which a frame cannot be counted as IP, by its name.

use std::collections::BTreeSet;
use std::net::IpAddr;

use tctable::packet::{Frame, LinkType, Malformed, NotIp, PacketInfo};
use tctable_lab::packets::{Ipv6, ethernet, ethertype, linux_sll, linux_sll2, pppoe_session, protocol, vlan};

use crate::support::{BOTH, Net, Road, V4, V6, counter, frame};

/// A frame that is wrong: the cause that it shows, its link type, bytes on the wire, and the bytes.
type Wrong = (&'static str, LinkType, u32, Vec<u8>);

fn wrong() -> Vec<Wrong> {
    let mut all = Vec::new();
    let mut whole = |name, link, data: Vec<u8>| all.push((name, link, data.len() as u32, data));
    let ether = |ethertype, payload: &[u8]| ethernet([2; 6], [4; 6], ethertype, payload);
    let changed = |mut packet: Vec<u8>, at: usize, value: u8| {
        packet[at] = value;
        packet
    };

    whole("link_header_cut", LinkType::Ethernet, ether(0x0800, &[])[..13].to_vec());
    whole("link_header_cut", LinkType::Ethernet, ether(ethertype::VLAN, &[0, 1, 8]));
    whole("link_header_cut", LinkType::Ethernet, ether(ethertype::PPPOE_SESSION, &[0x11; 6]));
    whole("link_header_cut", LinkType::LinuxSll, linux_sll(0, [2; 6], 0x0800, &[])[..15].to_vec());
    whole("link_header_cut", LinkType::LinuxSll2, linux_sll2(0, 1, [2; 6], 0x0800, &[])[..10].to_vec());
    whole("link_header_cut", LinkType::Pppoe, pppoe_session(1, 0x21, &[])[..7].to_vec());
    for link in [LinkType::Null, LinkType::Loop] {
        whole("link_header_cut", link, vec![0, 0, 0]);
    }
    for link in [LinkType::Ethernet, LinkType::LinuxSll, LinkType::LinuxSll2, LinkType::Pppoe, LinkType::Null] {
        whole("link_header_cut", link, Vec::new());
    }

    let five = (0..4).fold(vlan(1, 0x0800, &V4.ask()), |inside, _| vlan(1, ethertype::VLAN, &inside));
    whole("too_many_tags", LinkType::Ethernet, ether(ethertype::QINQ, &five));

    let session = pppoe_session(1, 0x21, &V4.ask());
    for (at, value) in [(0, 0x12), (0, 0x21), (1, 0x09)] {
        whole("pppoe_header", LinkType::Pppoe, changed(session.clone(), at, value));
    }

    for net in BOTH {
        whole("ip_version", LinkType::Raw, changed(net.ask(), 0, 0x55));
    }
    whole("ip_version", LinkType::Ethernet, ether(ethertype::IPV4, &V6.ask()));
    whole("ip_version", LinkType::Ethernet, ether(ethertype::IPV6, &V4.ask()));
    whole("ip_version", LinkType::Ethernet, ether(ethertype::IPV6, &V4.ask()[..1]));

    whole("ip_header_cut", LinkType::Raw, Vec::new());
    for net in BOTH {
        whole("ip_header_cut", LinkType::Raw, net.ask()[..net.header() as usize - 1].to_vec());
    }
    whole("ip_header_cut", LinkType::Ethernet, ether(ethertype::IPV4, &[]));

    whole("ipv4_header_length", LinkType::Raw, changed(V4.ask(), 0, 0x44));
    // A total length below the header's.
    whole("ipv4_header_length", LinkType::Raw, changed(V4.ask(), 3, 19));
    // A header of 60 bytes in a packet of 31.
    whole("ipv4_header_length", LinkType::Raw, changed(V4.ask(), 0, 0x4f));

    for net in BOTH {
        let packet = net.ask();
        whole("ip_length", LinkType::Raw, packet[..packet.len() - 1].to_vec());
        // The link layer takes its part of the frame.
        let kind = if net.client.is_ipv4() { ethertype::IPV4 } else { ethertype::IPV6 };
        let data = ether(kind, &packet[..packet.len() - 1]);
        whole("ip_length", LinkType::Ethernet, data);
    }
    let Net { client: IpAddr::V6(from), server: IpAddr::V6(to), .. } = V6 else { panic!("IPv6") };
    let hop_by_hop =
        |options: &[u8]| Ipv6::new(from, to, protocol::UDP).extension(protocol::HOP_BY_HOP, options).build(b"");
    // Padding of eight bytes, padding that is not zero, an option that must be known, one beyond the header, a jumbo
    // option in a packet with a length.
    for options in
        [&[0; 14][..], &[1, 4, 0, 0, 0, 1], &[0x5e, 4, 0, 0, 0, 0], &[0x1e, 5, 0, 0, 0, 0], &[194, 4, 0, 1, 0, 0]]
    {
        whole("hop_by_hop", LinkType::Raw, hop_by_hop(options));
    }
    // The packet ends before its header does, or before there is one.
    whole("hop_by_hop", LinkType::Raw, changed(hop_by_hop(&[1, 4, 0, 0, 0, 0]), 41, 1));
    for length in 0..8 {
        let packet = changed(hop_by_hop(&[1, 4, 0, 0, 0, 0]), 5, length);
        whole("hop_by_hop", LinkType::Raw, packet[..40 + usize::from(length)].to_vec());
    }
    // The capture kept less than there was on the wire, and there was less than the header tells.
    all.push(("ip_length", LinkType::Raw, 30, V4.ask()[..24].to_vec()));
    all
}

#[test]
fn every_cause_is_told() {
    let mut told = BTreeSet::new();
    for (name, link, wire_len, data) in wrong() {
        let frame = Frame { wire_len, ..frame(link, &data) };
        let Err(NotIp::Malformed(cause)) = PacketInfo::read(&frame) else { panic!("{name} {link:?} {data:02x?}") };
        assert_eq!(cause.name(), name, "{link:?} {data:02x?}");
        told.insert(name);
    }
    assert_eq!(told, Malformed::ALL.iter().map(|cause| cause.name()).collect());
}

#[test]
fn every_cause_is_counted_with_the_bytes_on_the_wire() {
    for (name, link, wire_len, data) in wrong() {
        let mut road = Road::new();
        let shown = road.pass_frame(Frame { wire_len, ..frame(link, &data) });
        assert!(shown.info.is_none() && shown.ct_state.is_none() && shown.host.is_none());
        let totals = road.gateway.totals();
        for (cause, count) in totals.unaccounted.malformed() {
            let expected = if cause.name() == name { counter(1, wire_len.into()) } else { counter(0, 0) };
            assert_eq!(count, expected, "{name} {}", cause.name());
        }
        assert_eq!((totals.frames, totals.ip), (counter(1, wire_len.into()), counter(0, 0)));
        assert!(totals.unaccounted.not_ip.is_empty() && road.gateway.hosts().is_empty());
    }
}
