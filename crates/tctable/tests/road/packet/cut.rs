//! A frame that the capture cut anywhere, and a frame of any bytes at all.

use proptest::collection::vec;
use proptest::prelude::*;
use tctable::packet::{Frame, LinkType, Malformed, NotIp, PacketInfo, Transport};
use tctable_lab::packets::protocol::{DESTINATION, HOP_BY_HOP, TCP, UDP};
use tctable_lab::packets::{
    Ipv4, Ipv6, Tcp, ethernet, ethertype, linux_sll, linux_sll2, loopback, null, pppoe_session, tcp, vlan,
};

use super::fragments::fragment;
use crate::support::{BOTH, Net, Road, V4, V6, frame, unreachable};

const LINKS: [LinkType; 9] = [
    LinkType::Null,
    LinkType::Ethernet,
    LinkType::Pppoe,
    LinkType::Raw,
    LinkType::Loop,
    LinkType::LinuxSll,
    LinkType::Ipv4,
    LinkType::Ipv6,
    LinkType::LinuxSll2,
];

/// Packets of every kind.
fn packets(net: Net) -> Vec<Vec<u8>> {
    let segment = tcp(net.from(), net.to(), &Tcp { options: vec![1; 12], ..Tcp::default() }, b"data");
    let mut packets = vec![
        net.out("S"),
        net.ask(),
        net.ping(1),
        unreachable(net.router, net.client, &net.ask()),
        fragment(net, UDP, 0, true, &[0; 16]),
        fragment(net, UDP, 4, false, &[0; 16]),
        tctable_lab::packets::ip(net.client, net.server, 47, &[0; 12]),
    ];
    packets.push(if net.client.is_ipv4() {
        Ipv4 { options: vec![1; 24], ..Ipv4::new([10, 0, 0, 1], [10, 0, 0, 2], TCP) }.build(&segment)
    } else {
        Ipv6::new(1u128 << 120, 2, TCP).extension(HOP_BY_HOP, &[0; 6]).extension(DESTINATION, &[0; 14]).build(&segment)
    });
    packets
}

/// A packet behind every link layer, with the link layer's length.
fn frames(net: Net, packet: &[u8]) -> Vec<(LinkType, usize, Vec<u8>)> {
    let v4 = net.client.is_ipv4();
    let (kind, ppp, family) = if v4 { (ethertype::IPV4, 0x21, 2) } else { (ethertype::IPV6, 0x57, 30) };
    let session = pppoe_session(1, ppp, packet);
    let tags = vlan(1, ethertype::VLAN, &vlan(2, kind, packet));
    vec![
        (LinkType::Raw, 0, packet.to_vec()),
        (if v4 { LinkType::Ipv4 } else { LinkType::Ipv6 }, 0, packet.to_vec()),
        (LinkType::Null, 4, null(family, packet)),
        (LinkType::Loop, 4, loopback(family, packet)),
        (LinkType::Ethernet, 14, ethernet([2; 6], [4; 6], kind, packet)),
        (LinkType::Ethernet, 22, ethernet([2; 6], [4; 6], ethertype::QINQ, &tags)),
        (LinkType::Ethernet, 22, ethernet([2; 6], [4; 6], ethertype::PPPOE_SESSION, &session)),
        (LinkType::Pppoe, 8, session),
        (LinkType::LinuxSll, 16, linux_sll(0, [2; 6], kind, packet)),
        (LinkType::LinuxSll2, 20, linux_sll2(0, 1, [2; 6], kind, packet)),
    ]
}

#[test]
fn lengths_and_addresses_come_from_the_ip_header_wherever_the_frame_is_cut() {
    for net in BOTH {
        for packet in packets(net) {
            for (link, offset, data) in frames(net, &packet) {
                let whole = PacketInfo::read(&frame(link, &data)).expect("an IP packet");
                for kept in 0..=data.len() {
                    let cut = Frame { wire_len: data.len() as u32, ..frame(link, &data[..kept]) };
                    let read = PacketInfo::read(&cut);
                    if kept < offset + net.header() as usize {
                        let Err(NotIp::Malformed(cause)) = read else { panic!("{link:?} {kept}: {read:?}") };
                        let link_cut = kept < offset;
                        let expected = if link_cut { Malformed::LinkHeaderCut } else { Malformed::IpHeaderCut };
                        assert_eq!(cause, expected, "{link:?} {kept}");
                        continue;
                    }
                    let info = read.unwrap_or_else(|why| panic!("{link:?} {kept}: {why}"));
                    assert_eq!(info.ip_len as usize, packet.len());
                    assert_eq!(
                        (info.tuple.source, info.tuple.destination),
                        (whole.tuple.source, whole.tuple.destination)
                    );
                    // What is told of the transport header is right, or nothing is.
                    let told = !matches!(info.transport, Transport::Invalid(_));
                    assert!(!told || (info.transport, info.tuple) == (whole.transport, whole.tuple), "{link:?} {kept}");
                }
            }
        }
    }
}

#[test]
fn a_frame_that_was_cut_on_the_wire_is_malformed_or_shorter() {
    for net in BOTH {
        for packet in packets(net) {
            for (link, _, data) in frames(net, &packet) {
                for kept in 0..data.len() {
                    let read = PacketInfo::read(&frame(link, &data[..kept]));
                    assert!(matches!(read, Err(NotIp::Malformed(_))), "{link:?} {kept}: {read:?}");
                }
            }
        }
    }
}

#[test]
fn a_cut_packet_counts_whole() {
    for net in BOTH {
        let packet = net.out("S.");
        for kept in net.header() as usize..packet.len() {
            let mut road = Road::new();
            assert_eq!(road.pass_cut(&packet, kept).line(), "INVALID");
            assert_eq!(road.gateway.totals().tx().bytes, packet.len() as u64);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_at_all_are_read_or_refused(
        link in 0..LINKS.len(),
        begin in 0..12usize,
        wire_len in prop_oneof![0u32..40, 0u32..200, any::<u32>()],
        mut data in prop_oneof![vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..120)],
    ) {
        // Half of the time with a beginning that leads further in.
        let (link, begin) = match begin {
            0 => (LinkType::Raw, V4.ask()),
            1 => (LinkType::Raw, V6.ask()),
            2 => (LinkType::Ethernet, ethernet([2; 6], [4; 6], ethertype::IPV6, &[])),
            3 => (LinkType::Ethernet, ethernet([2; 6], [4; 6], ethertype::QINQ, &vlan(1, ethertype::IPV4, &[]))),
            4 => (LinkType::LinuxSll2, linux_sll2(0, 1, [2; 6], ethertype::IPV4, &[])),
            5 => (LinkType::Pppoe, pppoe_session(1, 0x21, &[])),
            _ => (LINKS[link], Vec::new()),
        };
        let copied = begin.len().min(data.len());
        data[..copied].copy_from_slice(&begin[..copied]);
        let frame = Frame { wire_len, ..frame(link, &data) };
        if let Ok(info) = PacketInfo::read(&frame) {
            let offset = u32::from(info.network_offset);
            prop_assert!(info.ip_len + offset <= wire_len.max(data.len() as u32));
            prop_assert!(offset as usize + 20 <= data.len());
            prop_assert!(info.transport_offset >= info.network_offset + 20);
        }
        let mut road = Road::new();
        road.pass_frame(frame);
        prop_assert_eq!(road.gateway.totals().frames.packets, 1);
    }
}
