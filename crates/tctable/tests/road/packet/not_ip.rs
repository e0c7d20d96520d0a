//! Frames of other protocols, by ethertype.

use tctable::packet::{LinkType, NotIp};
use tctable_lab::packets::{ethernet, ethertype, linux_sll, linux_sll2, loopback, null, pppoe_session, vlan};

use super::read;
use crate::support::{Road, V4, counter, frame};

fn frames() -> Vec<(u16, LinkType, Vec<u8>)> {
    let body = [0; 46];
    vec![
        (0x0806, LinkType::Ethernet, ethernet([2; 6], [4; 6], ethertype::ARP, &body)),
        (0x88cc, LinkType::Ethernet, ethernet([2; 6], [4; 6], 0x88cc, &body)),
        // IEEE 802.3: a length in the place of the ethertype.
        (46, LinkType::Ethernet, ethernet([2; 6], [4; 6], 46, &body)),
        (0x0806, LinkType::Ethernet, ethernet([2; 6], [4; 6], ethertype::QINQ, &vlan(7, ethertype::ARP, &body))),
        (0x0806, LinkType::LinuxSll, linux_sll(1, [2; 6], ethertype::ARP, &body)),
        (0x0806, LinkType::LinuxSll2, linux_sll2(1, 3, [2; 6], ethertype::ARP, &body)),
        // PPP's own protocols: link control, and the IPv4 control protocol.
        (0x8864, LinkType::Pppoe, pppoe_session(1, 0xc021, &body)),
        (0x8864, LinkType::Ethernet, ethernet([2; 6], [4; 6], 0x8864, &pppoe_session(1, 0x8021, &body))),
        // PPPoE discovery.
        (0x8863, LinkType::Ethernet, ethernet([2; 6], [4; 6], 0x8863, &body)),
        (0, LinkType::Null, null(7, &V4.ask())),
        (0, LinkType::Loop, loopback(7, &V4.ask())),
    ]
}

#[test]
fn other_protocols_are_told_by_ethertype() {
    for (expected, link, data) in frames() {
        assert_eq!(read(link, &data).err(), Some(NotIp::Ethertype(expected)), "{link:?} {data:02x?}");
    }
}

#[test]
fn other_protocols_are_counted_by_ethertype_with_the_bytes_on_the_wire() {
    let mut road = Road::new();
    let mut bytes = 0;
    for (_, link, data) in frames() {
        bytes += data.len() as u64;
        let shown = road.pass_frame(frame(link, &data));
        assert!(shown.info.is_none() && shown.ct_state.is_none() && shown.connection.is_none());
    }
    let totals = road.gateway.totals();
    assert_eq!((totals.frames, totals.ip), (counter(11, bytes), counter(0, 0)));
    let counted: Vec<(u16, u64)> =
        totals.unaccounted.not_ip.iter().map(|(ethertype, count)| (*ethertype, count.packets)).collect();
    assert_eq!(counted, [(0, 2), (46, 1), (0x0806, 4), (0x8863, 1), (0x8864, 2), (0x88cc, 1)]);
    assert_eq!(totals.unaccounted.not_ip.values().map(|count| count.bytes).sum::<u64>(), bytes);
    assert!(totals.unaccounted.malformed().all(|(_, count)| count.packets == 0));
}
