//! Functions that change packets.

use tctable::Gateway;
use tctable::gateway::{Observer, Passing, Seen};
use tctable::hook::{Families, Hook, Verdict};
use tctable::packet::LinkType;

use crate::support::{BOTH, Road, V4, frame};

/// The last packet at its road's end: mark, priority, whether it was edited, and its bytes.
#[derive(Default)]
struct End(Option<(u32, u32, bool, Vec<u8>)>);

impl Observer for End {
    fn seen(&mut self, _: &Gateway, seen: &Seen<'_>) {
        let packet = seen.passed.expect("there are hooks").packet;
        self.0 = Some((packet.mark, packet.priority, packet.is_edited(), packet.data().to_vec()));
    }
}

fn end(road: &mut Road, packet: &[u8]) -> (u32, u32, bool, Vec<u8>) {
    let mut end = End::default();
    road.gateway.receive_observed([frame(LinkType::Raw, packet)], &mut end);
    end.0.expect("it was seen")
}

#[test]
fn marks_go_along_with_the_packet() {
    for net in BOTH {
        let mut road = Road::new();
        road.gateway.register_hook(Hook::PreRouting, 0, Families::Both, |passing: &mut Passing<'_, '_>| {
            passing.packet.mark = 7;
            Verdict::Accept
        });
        road.gateway.register_hook(Hook::PostRouting, 0, Families::Both, |passing: &mut Passing<'_, '_>| {
            passing.packet.priority = passing.packet.mark + 1;
            Verdict::Accept
        });
        assert_eq!(end(&mut road, &net.ask()), (7, 8, false, net.ask()));
    }
}

#[test]
fn bytes_change_and_headers_are_read_anew() {
    let packet = V4.ask();
    let mut road = Road::new();
    road.gateway.register_hook(Hook::Forward, 0, Families::Both, |passing: &mut Passing<'_, '_>| {
        passing.packet.edit(|data| data[23] = 99).expect("it stays an IP packet");
        Verdict::Accept
    });
    road.gateway.register_hook(Hook::PostRouting, 0, Families::Both, |passing: &mut Passing<'_, '_>| {
        // A port, as everybody behind the editor sees it.
        assert_eq!(passing.packet.info().tuple.destination_port & 0xff, 99);
        // What is no packet any more is refused, and nothing is changed.
        assert!(passing.packet.edit(|data| data.truncate(3)).is_err());
        Verdict::Accept
    });
    let mut expected = packet.clone();
    expected[23] = 99;
    assert_eq!(end(&mut road, &packet), (0, 0, true, expected));
}

#[test]
fn hosts_count_what_crossed_the_line() {
    for net in BOTH {
        let mut road = Road::new();
        road.gateway.register_hook(Hook::PreRouting, -1000, Families::V4, |passing: &mut Passing<'_, '_>| {
            let edit = |data: &mut Vec<u8>| {
                data.extend([0; 100]);
                let len = data.len() as u16;
                data[2..4].copy_from_slice(&len.to_be_bytes());
            };
            passing.packet.edit(edit).expect("it stays an IP packet");
            Verdict::Accept
        });
        let packet = net.ping(1);
        road.pass(&packet);
        let host = road.host(net.client).expect("it counts");
        assert_eq!(host.class(tctable::account::Class::Icmp).tx.bytes, packet.len() as u64);
    }
}

#[test]
fn a_router_takes_one_hop_and_drops_the_last() {
    for net in BOTH {
        let mut road = Road::with(|config| config.decrement_ttl = true);
        super::always(&mut road.gateway, Hook::Forward, 0, Verdict::Accept);
        let (ttl, sum) = if net.client.is_ipv4() { (8, 10) } else { (7, 40) };
        let mut packet = net.ask();
        let before = packet[ttl];
        let (.., edited, bytes) = end(&mut road, &packet);
        assert_eq!((edited, bytes[ttl]), (true, before - 1));
        if net.client.is_ipv4() {
            // The header's sum with its checksum stays all ones.
            let sum_of = |bytes: &[u8]| {
                let sum: u32 = bytes[..20].chunks(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]]))).sum();
                (sum & 0xffff) + (sum >> 16)
            };
            assert_eq!((sum_of(&packet), sum_of(&bytes)), (0xffff, 0xffff));
        }
        assert_eq!(bytes[sum + 2..], packet[sum + 2..]);
        if net.client.is_ipv4() {
            // Of two zeros the kernel's.
            packet[10..12].copy_from_slice(&[0xfe, 0xff]);
            assert_eq!(end(&mut road, &packet).3[10..12], [0, 0]);
        }
        packet[ttl] = 1;
        assert_eq!(road.pass(&packet).verdict, Verdict::DROP);
        assert_eq!(road.gateway.totals().unaccounted.dropped.packets, 1);
    }
}
