//! A host's own Ethernet address, and groups of hosts by it.

use std::net::IpAddr;

use tctable::account::{Class, Group, Groups, MacAddress, Member};
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable_lab::packets::ethernet;

use super::datagram;
use crate::support::{BOTH, Road, frame};

const HERS: [u8; 6] = [2, 0, 0, 0, 0, 7];
const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn pass(road: &mut Road, source: [u8; 6], packet: &[u8]) {
    let ethertype = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
    let data = ethernet(source, OURS, ethertype, packet);
    road.pass_frame(Frame { wire_len: data.len() as u32, ..frame(LinkType::Ethernet, &data) });
}

fn mac(road: &Road, ip: IpAddr) -> Option<[u8; 6]> {
    road.host(ip).expect("a host").mac().map(|mac| mac.0)
}

#[test]
fn it_is_the_source_of_frames_that_it_opens_connections_with() {
    for net in BOTH {
        let mut road = Road::new();
        pass(&mut road, HERS, &net.ask());
        assert_eq!(mac(&road, net.client), Some(HERS));
        // It moves to another card.
        pass(&mut road, [2, 0, 0, 0, 0, 8], &datagram(net, net.client, 9, 100));
        assert_eq!(mac(&road, net.client), Some([2, 0, 0, 0, 0, 8]));
    }
}

#[test]
fn what_comes_to_it_tells_nothing() {
    for net in BOTH {
        let mut road = Road::new();
        pass(&mut road, OURS, &net.answer());
        assert_eq!(mac(&road, net.client), None);
        road.direction = FrameDirection::Outbound;
        pass(&mut road, OURS, &net.ping(1));
        assert_eq!(mac(&road, net.client), None);
        road.direction = FrameDirection::Inbound;
        pass(&mut road, [0xff; 6], &net.ping(2));
        assert_eq!(mac(&road, net.client), None);
    }
}

#[test]
fn where_there_are_inside_devices_only_those_tell() {
    for net in BOTH {
        let mut road = Road::with(|config| config.inside.set_device(DeviceId(1), true));
        pass(&mut road, [2, 0, 0, 0, 0, 8], &net.ping(1));
        assert_eq!(mac(&road, net.client), None);
        road.device = DeviceId(1);
        pass(&mut road, HERS, &net.ping(2));
        assert_eq!(mac(&road, net.client), Some(HERS));
    }
}

#[test]
fn a_group_of_a_mac_counts_whatever_address_it_has() {
    for net in BOTH {
        let group = Group { members: vec![Member::Mac(MacAddress(HERS))], ..Group::new("hers") };
        let mut road = Road::with(|config| config.hosts.groups = Groups::new(vec![group.clone()]).unwrap());
        let sent = |road: &Road| road.gateway.group("hers").unwrap().classes[Class::Udp as usize].tx.bytes;
        pass(&mut road, HERS, &datagram(net, net.client, 1, 100));
        pass(&mut road, HERS, &datagram(net, net.neighbour, 1, 200));
        assert_eq!((sent(&road), road.gateway.group("hers").unwrap().members), (300, 2));
        // Another machine gets the neighbour's address.
        pass(&mut road, OURS, &datagram(net, net.neighbour, 2, 1_000));
        assert_eq!((sent(&road), road.gateway.group("hers").unwrap().members), (300, 1));
        assert_eq!(road.gateway.group("hers").unwrap().connections, 1);
    }
}

#[test]
fn a_host_that_was_known_by_what_it_received_joins_when_it_speaks() {
    for net in BOTH {
        let group = Group { members: vec![Member::Mac(MacAddress(HERS))], ..Group::new("hers") };
        let mut road = Road::with(|config| config.hosts.groups = Groups::new(vec![group.clone()]).unwrap());
        pass(&mut road, OURS, &net.answer());
        assert_eq!(road.gateway.group("hers").unwrap().members, 0);
        pass(&mut road, HERS, &datagram(net, net.client, 9, 100));
        let report = road.gateway.group("hers").unwrap();
        assert_eq!((report.members, report.classes[Class::Udp as usize].tx.bytes), (1, 100));
        assert_eq!(report.classes[Class::Udp as usize].rx.bytes, 0);
    }
}
