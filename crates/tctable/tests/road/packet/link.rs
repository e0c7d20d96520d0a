//! Every link layer leads to the same IP packet.

use tctable::packet::{Frame, FrameDirection, LinkType, Malformed, NotIp, PacketInfo};
use tctable_lab::packets::{ethernet, ethertype, linux_sll, linux_sll2, loopback, null, pppoe_session, vlan};

use super::read;
use crate::support::{BOTH, CLIENT_PORT, Net, SERVER_PORT, frame};

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// The ethertypes of tags.
const TAGS: [u16; 3] = [ethertype::VLAN, ethertype::QINQ, 0x9100];

fn ethertype_of(net: Net) -> u16 {
    if net.client.is_ipv4() { ethertype::IPV4 } else { ethertype::IPV6 }
}

fn ppp_of(net: Net) -> u16 {
    if net.client.is_ipv4() { 0x0021 } else { 0x0057 }
}

/// An Ethernet frame with these tags, outermost first.
fn tagged(tags: &[u16], inner: u16, payload: &[u8]) -> Vec<u8> {
    let (outer, body) =
        tags.iter().rev().fold((inner, payload.to_vec()), |(inside, body), tag| (*tag, vlan(100, inside, &body)));
    ethernet(MAC, MAC, outer, &body)
}

/// Expects the client's datagram behind `offset` bytes.
fn expect(net: Net, link: LinkType, data: &[u8], offset: usize) -> PacketInfo {
    let info = read(link, data).unwrap_or_else(|why| panic!("{link:?} {data:02x?}: {why}"));
    assert_eq!(usize::from(info.network_offset), offset, "{link:?} {data:02x?}");
    assert_eq!(info.ip_len as usize, net.ask().len());
    assert_eq!(usize::from(info.transport_offset), offset + net.header() as usize);
    let tuple = info.tuple;
    assert_eq!(tuple.source.to_ip(tuple.family), net.client);
    assert_eq!(tuple.destination.to_ip(tuple.family), net.server);
    assert_eq!((tuple.source_port, tuple.destination_port, tuple.protocol), (CLIENT_PORT, SERVER_PORT, 17));
    info
}

#[test]
fn ethernet_with_up_to_four_tags_in_any_mix() {
    for net in BOTH {
        for depth in 0..=4u32 {
            for mix in 0..3usize.pow(depth) {
                let tags: Vec<u16> = (0..depth).map(|at| TAGS[mix / 3usize.pow(at) % 3]).collect();
                let data = tagged(&tags, ethertype_of(net), &net.ask());
                expect(net, LinkType::Ethernet, &data, 14 + 4 * tags.len());
            }
        }
    }
}

#[test]
fn pppoe_on_ethernet_behind_tags_cooked_and_alone() {
    for net in BOTH {
        let session = pppoe_session(7, ppp_of(net), &net.ask());
        expect(net, LinkType::Pppoe, &session, 8);
        expect(net, LinkType::Ethernet, &tagged(&[], ethertype::PPPOE_SESSION, &session), 14 + 8);
        expect(net, LinkType::Ethernet, &tagged(&TAGS, ethertype::PPPOE_SESSION, &session), 14 + 12 + 8);
        expect(net, LinkType::LinuxSll, &linux_sll(0, MAC, ethertype::PPPOE_SESSION, &session), 16 + 8);
        expect(net, LinkType::LinuxSll2, &linux_sll2(0, 3, MAC, ethertype::PPPOE_SESSION, &session), 20 + 8);
    }
}

#[test]
fn a_ppp_protocol_of_one_byte() {
    for net in BOTH {
        let mut session = pppoe_session(7, ppp_of(net), &net.ask());
        session.remove(6);
        expect(net, LinkType::Pppoe, &session, 7);
    }
}

#[test]
fn cooked_of_both_versions_with_tags() {
    for net in BOTH {
        let ask = net.ask();
        expect(net, LinkType::LinuxSll, &linux_sll(0, MAC, ethertype_of(net), &ask), 16);
        expect(net, LinkType::LinuxSll2, &linux_sll2(0, 3, MAC, ethertype_of(net), &ask), 20);
        let inside = vlan(100, ethertype_of(net), &ask);
        expect(net, LinkType::LinuxSll, &linux_sll(0, MAC, ethertype::VLAN, &inside), 20);
        expect(net, LinkType::LinuxSll2, &linux_sll2(0, 3, MAC, ethertype::VLAN, &inside), 24);
    }
}

#[test]
fn the_cooked_packet_type_tells_the_direction_where_the_frame_does_not() {
    use FrameDirection::{Inbound, Outbound, Unknown};
    for net in BOTH {
        for (kind, told) in [(0, Inbound), (1, Inbound), (2, Inbound), (3, Inbound), (4, Outbound), (5, Unknown)] {
            let first = linux_sll(kind, MAC, ethertype_of(net), &net.ask());
            let second = linux_sll2(kind as u8, 3, MAC, ethertype_of(net), &net.ask());
            for (link, data, offset) in [(LinkType::LinuxSll, first, 16), (LinkType::LinuxSll2, second, 20)] {
                assert_eq!(expect(net, link, &data, offset).direction, told, "{link:?} {kind}");
                for direction in [Inbound, Outbound] {
                    let info = PacketInfo::read(&Frame { direction, ..frame(link, &data) }).expect("an IP packet");
                    assert_eq!(info.direction, direction, "{link:?} {kind}");
                }
            }
        }
    }
}

#[test]
fn other_links_pass_on_the_direction_of_the_frame() {
    for net in BOTH {
        let data = tagged(&[], ethertype_of(net), &net.ask());
        for direction in [FrameDirection::Unknown, FrameDirection::Inbound, FrameDirection::Outbound] {
            let frame = Frame { direction, ..frame(LinkType::Ethernet, &data) };
            assert_eq!(PacketInfo::read(&frame).expect("an IP packet").direction, direction);
        }
    }
}

#[test]
fn bsd_loopback_in_both_byte_orders() {
    for net in BOTH {
        let families: &[u32] = if net.client.is_ipv4() { &[2] } else { &[10, 24, 28, 30] };
        for family in families {
            expect(net, LinkType::Null, &null(*family, &net.ask()), 4);
            expect(net, LinkType::Null, &loopback(*family, &net.ask()), 4);
            expect(net, LinkType::Loop, &loopback(*family, &net.ask()), 4);
            // The other byte order is no family there.
            let refused = read(LinkType::Loop, &null(*family, &net.ask()));
            assert_eq!(refused.err(), Some(NotIp::Ethertype(0)));
        }
    }
}

#[test]
fn no_link_layer_at_all() {
    for net in BOTH {
        let (own, other) =
            if net.client.is_ipv4() { (LinkType::Ipv4, LinkType::Ipv6) } else { (LinkType::Ipv6, LinkType::Ipv4) };
        expect(net, LinkType::Raw, &net.ask(), 0);
        expect(net, own, &net.ask(), 0);
        assert_eq!(read(other, &net.ask()).err(), Some(NotIp::Malformed(Malformed::IpVersion)));
    }
}
