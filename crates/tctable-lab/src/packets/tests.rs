//! Every builder, read back by a parser that knows nothing of it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use etherparse::{
    Icmpv4Type, Icmpv6Type, LaxSlicedPacket, LinkExtSlice, NetSlice, SlicedPacket, TcpOptionElement, TransportSlice,
};

use super::*;

const MAC: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
const IPV6: [Ipv6Addr; 2] = [Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1), Ipv6Addr::new(0x2a00, 1, 2, 3, 4, 5, 6, 7)];

fn pairs() -> [[SocketAddr; 2]; 2] {
    [["192.168.1.10:40000", "93.184.216.34:443"], ["[fd00::1]:40000", "[2a00::2]:443"]]
        .map(|pair| pair.map(|address| address.parse().unwrap()))
}

#[test]
fn tcp_is_read_back_with_its_checksum() {
    for [src, dst] in pairs() {
        let header = Tcp {
            seq: 1,
            ack: 2,
            flags: flags::SYN | flags::URG,
            window: 3,
            urgent: 4,
            options: vec![2, 4, 5, 180, 4, 2],
        };
        let packet = tcp_packet(src, dst, &header, b"odd");
        let sliced = SlicedPacket::from_ip(&packet).unwrap();
        let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("{sliced:?}") };
        assert_eq!((tcp.source_port(), tcp.destination_port()), (40_000, 443));
        assert_eq!((tcp.sequence_number(), tcp.acknowledgment_number()), (1, 2));
        assert!(tcp.syn() && tcp.urg() && !tcp.ack());
        assert_eq!((tcp.window_size(), tcp.urgent_pointer(), tcp.payload()), (3, 4, &b"odd"[..]));
        let options: Vec<_> = tcp.options_iterator().map(Result::unwrap).collect();
        assert_eq!(
            options,
            [TcpOptionElement::MaximumSegmentSize(1460), TcpOptionElement::SelectiveAcknowledgementPermitted]
        );
        let expected = match sliced.net.unwrap() {
            NetSlice::Ipv4(ip) => tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()),
            NetSlice::Ipv6(ip) => tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination()),
            other => panic!("{other:?}"),
        };
        assert_eq!(tcp.checksum(), expected.unwrap());
    }
}

#[test]
fn udp_is_read_back_with_its_checksum() {
    for [src, dst] in pairs() {
        let packet = udp_packet(src, dst, b"odd");
        let sliced = SlicedPacket::from_ip(&packet).unwrap();
        let Some(TransportSlice::Udp(udp)) = sliced.transport else { panic!("{sliced:?}") };
        assert_eq!((udp.source_port(), udp.destination_port(), udp.payload()), (40_000, 443, &b"odd"[..]));
        let header = udp.to_header();
        let expected = match sliced.net.unwrap() {
            NetSlice::Ipv4(ip) => header.calc_checksum_ipv4(&ip.header().to_header(), udp.payload()),
            NetSlice::Ipv6(ip) => header.calc_checksum_ipv6(&ip.header().to_header(), udp.payload()),
            other => panic!("{other:?}"),
        };
        assert_eq!(udp.checksum(), expected.unwrap());
    }
}

#[test]
fn ipv4_fields_are_where_they_belong() {
    let packet = Ipv4 {
        tos: 0xb8,
        ttl: 3,
        id: 0x1234,
        more_fragments: true,
        fragment_offset: 185,
        options: vec![0x94, 4, 0, 0, 1],
        ..Ipv4::new([10, 0, 0, 1], [10, 0, 0, 2], protocol::UDP)
    }
    .build(&[7; 16]);
    let sliced = SlicedPacket::from_ip(&packet).unwrap();
    let Some(NetSlice::Ipv4(ip)) = sliced.net else { panic!("{sliced:?}") };
    let header = ip.header().to_header();
    assert_eq!((header.source, header.destination), ([10, 0, 0, 1], [10, 0, 0, 2]));
    assert_eq!((header.total_len, header.time_to_live, header.identification), (20 + 8 + 16, 3, 0x1234));
    assert_eq!((header.dscp.value(), header.ecn.value(), header.protocol.0), (0x2e, 0, protocol::UDP));
    assert!(header.more_fragments && !header.dont_fragment);
    assert_eq!((header.fragment_offset.value(), &header.options[..]), (185, &[0x94, 4, 0, 0, 1, 0, 0, 0][..]));
    assert_eq!(header.header_checksum, header.calc_header_checksum());
    assert_eq!((ip.payload().payload, sliced.transport), (&[7; 16][..], None));
    let whole = Ipv4 { dont_fragment: true, ..Ipv4::default() }.build(&[]);
    assert_eq!(whole[6..8], [0x40, 0]);
}

#[test]
fn ipv6_extensions_chain_to_the_payload() {
    let segment = tcp(SocketAddr::from((IPV6[0], 1)), SocketAddr::from((IPV6[1], 2)), &Tcp::default(), b"data");
    let packet =
        Ipv6 { traffic_class: 0xb8, flow_label: 0xabcde, hop_limit: 9, ..Ipv6::new(IPV6[0], IPV6[1], protocol::TCP) }
            .extension(protocol::HOP_BY_HOP, &[5, 2, 0, 0])
            .extension(protocol::ROUTING, &[0; 14])
            .extension(protocol::DESTINATION, &[1, 4])
            .extension(protocol::AUTH, &[0; 14])
            .fragment(99, 0, false)
            .build(&segment);
    let sliced = SlicedPacket::from_ip(&packet).unwrap();
    let Some(NetSlice::Ipv6(ip)) = &sliced.net else { panic!("{sliced:?}") };
    let header = ip.header().to_header();
    assert_eq!((header.source_addr(), header.destination_addr()), (IPV6[0], IPV6[1]));
    assert_eq!((header.traffic_class, header.flow_label.value(), header.hop_limit), (0xb8, 0xabcde, 9));
    assert_eq!(ip.extensions().slice().len(), 8 + 16 + 8 + 16 + 8);
    let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("{sliced:?}") };
    assert_eq!(tcp.payload(), b"data");
}

#[test]
fn an_ipv6_fragment_has_no_transport_header() {
    let packet = Ipv6::new(IPV6[0], IPV6[1], protocol::UDP).fragment(7, 181, true).build(&[0; 8]);
    let sliced = SlicedPacket::from_ip(&packet).unwrap();
    let Some(NetSlice::Ipv6(ip)) = sliced.net else { panic!("{sliced:?}") };
    assert!(ip.is_payload_fragmented() && sliced.transport.is_none());
    assert_eq!(packet[40..48], [17, 0, 0x05, 0xa9, 0, 0, 0, 7]);
}

#[test]
fn icmp_messages_are_read_back_with_their_checksums() {
    let echo = icmp_echo(false, 0x1234, 5, b"ping");
    let quoted = ip(Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into(), protocol::UDP, &[0; 8]);
    for (message, kind) in [(echo, 8), (icmp_echo(true, 1, 2, b""), 0), (icmp_error(3, 4, 1400, &quoted), 3)] {
        let packet = Ipv4::new([10, 0, 0, 1], [10, 0, 0, 2], protocol::ICMP).build(&message);
        let sliced = SlicedPacket::from_ip(&packet).unwrap();
        let Some(TransportSlice::Icmpv4(icmp)) = sliced.transport else { panic!("{sliced:?}") };
        assert_eq!((icmp.type_u8(), icmp.slice()), (kind, &message[..]));
        assert_eq!(icmp.checksum(), icmp.icmp_type().calc_checksum(icmp.payload()));
        if let Icmpv4Type::EchoRequest(header) = icmp.icmp_type() {
            assert_eq!((header.id, header.seq, icmp.payload()), (0x1234, 5, &b"ping"[..]));
        }
    }
}

#[test]
fn icmpv6_messages_are_read_back_with_their_checksums() {
    let [src, dst] = IPV6;
    let echo = icmpv6_echo(src, dst, true, 0x1234, 5, b"pong");
    let error = icmpv6_error(src, dst, 1, 4, 0, &Ipv6::new(dst, src, protocol::UDP).build(&[0; 8]));
    for message in [echo, icmpv6_echo(src, dst, false, 1, 2, b""), error] {
        let packet = Ipv6::new(src, dst, protocol::ICMPV6).build(&message);
        let sliced = SlicedPacket::from_ip(&packet).unwrap();
        let Some(TransportSlice::Icmpv6(icmp)) = sliced.transport else { panic!("{sliced:?}") };
        assert!(icmp.is_checksum_valid(src.octets(), dst.octets()));
        if let Icmpv6Type::EchoReply(header) = icmp.icmp_type() {
            assert_eq!((header.id, header.seq, icmp.payload()), (0x1234, 5, &b"pong"[..]));
        }
    }
}

#[test]
fn tags_stack() {
    let packet = ip(Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into(), protocol::GRE, b"x");
    let tags = vlan(0x6064, ethertype::VLAN, &vlan(7, ethertype::IPV4, &packet));
    let frame = ethernet(MAC[0], MAC[1], ethertype::QINQ, &tags);
    let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
    let ethernet = sliced.link.as_ref().unwrap().to_header().unwrap().ethernet2().unwrap();
    assert_eq!((ethernet.source, ethernet.destination), (MAC[0], MAC[1]));
    let tags: Vec<_> = sliced
        .link_exts
        .iter()
        .map(|tag| match tag {
            LinkExtSlice::Vlan(tag) => (tag.priority_code_point().value(), tag.vlan_identifier().value()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(tags, [(3, 100), (0, 7)]);
    assert!(matches!(sliced.net, Some(NetSlice::Ipv4(_))));
}

#[test]
fn cooked_packets_are_read_back() {
    let packet = ip(IPV6[0].into(), IPV6[1].into(), protocol::NO_NEXT, b"");
    let cooked = linux_sll(4, MAC[0], ethertype::IPV6, &packet);
    let sliced = SlicedPacket::from_linux_sll(&cooked).unwrap();
    assert!(matches!(sliced.net, Some(NetSlice::Ipv6(_))));
    let header = sliced.link.unwrap().to_header().unwrap().linux_sll().unwrap();
    assert_eq!((u16::from(header.packet_type), header.sender_address_valid_length), (4, 6));
    assert_eq!(header.sender_address[..6], MAC[0]);
}

/// Layers that the parser does not know, against the layout in their specifications.
#[test]
fn other_link_layers_have_their_published_layout() {
    assert_eq!(pppoe_session(0x1234, 0x0021, &[9; 3]), [0x11, 0, 0x12, 0x34, 0, 5, 0, 0x21, 9, 9, 9]);
    let cooked = linux_sll2(4, 3, MAC[0], ethertype::IPV4, b"x");
    assert_eq!(cooked, [8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0, b'x']);
    assert_eq!(null(2, b"x"), [2, 0, 0, 0, b'x']);
    assert_eq!(loopback(24, b"x"), [0, 0, 0, 24, b'x']);
}

#[test]
fn a_capture_file_keeps_what_the_snap_length_allows() {
    let file = pcap(link_type::RAW, 4, [(1_000_002, &b"abcdef"[..]), (2_000_003, b"xyz")]);
    assert_eq!(file.len(), 24 + 16 + 4 + 16 + 3);
    assert_eq!(file[20..24], [101, 0, 0, 0]);
    assert_eq!(file[24..44], [1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 6, 0, 0, 0, b'a', b'b', b'c', b'd']);
    assert_eq!(file[44..63], [2, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, b'x', b'y', b'z']);
}

#[test]
fn a_cut_packet_keeps_the_length_in_its_header() {
    let [src, dst] = pairs()[0];
    let packet = tcp_packet(src, dst, &Tcp::default(), &[0; 1000]);
    let sliced = LaxSlicedPacket::from_ip(&packet[..60]).unwrap();
    let Some(etherparse::LaxNetSlice::Ipv4(ip)) = sliced.net else { panic!("{sliced:?}") };
    assert_eq!(ip.header().total_len(), 1040);
}

#[test]
fn tcp_options_are_read_back() {
    let [src, dst] = pairs()[0];
    let options = [
        TcpOption::Mss(1400),
        TcpOption::WindowScale(7),
        TcpOption::SackPermitted,
        TcpOption::Timestamps(5, 6),
        TcpOption::Nop,
        TcpOption::Sack(vec![[1, 2]]),
        TcpOption::Raw(vec![1]),
    ];
    let packet = tcp_packet(src, dst, &Tcp { options: tcp_options(&options), ..Tcp::default() }, b"");
    let sliced = SlicedPacket::from_ip(&packet).unwrap();
    let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("{sliced:?}") };
    let read: Vec<_> = tcp.options_iterator().map(Result::unwrap).collect();
    assert_eq!(
        read,
        [
            TcpOptionElement::MaximumSegmentSize(1400),
            TcpOptionElement::WindowScale(7),
            TcpOptionElement::SelectiveAcknowledgementPermitted,
            TcpOptionElement::Timestamp(5, 6),
            TcpOptionElement::Noop,
            TcpOptionElement::SelectiveAcknowledgement((1, 2), [None; 3]),
            TcpOptionElement::Noop,
        ]
    );
    assert_eq!(tcp_options(&[TcpOption::FastOpen(vec![9; 4]), TcpOption::End]), [34, 6, 9, 9, 9, 9, 0]);
}

/// RFC 9260 section 3, RFC 2784, RFC 2890, RFC 2637, RFC 3828: layouts that the parser does not know.
#[test]
fn other_transports_have_their_published_layout() {
    let packet = sctp([1, 2], 3, &[sctp_chunk(chunk::ERROR, 4, &[5]), sctp_chunk(chunk::COOKIE_ACK, 0, &[])]);
    assert_eq!(packet[..8], [0, 1, 0, 2, 0, 0, 0, 3]);
    assert_eq!(packet[12..], [9, 4, 0, 5, 5, 0, 0, 0, 11, 0, 0, 4]);

    let plain = gre(&Gre { protocol: 0x0800, ..Gre::default() }, b"x");
    assert_eq!(plain, [0, 0, 8, 0, b'x']);
    let full = gre(&Gre { protocol: 0x0800, checksum: true, key: Some(7), sequence: Some(8) }, b"x");
    assert_eq!(full[..4], [0xb0, 0, 8, 0]);
    assert_eq!(full[6..], [0, 0, 0, 0, 0, 7, 0, 0, 0, 8, b'x']);
    assert_eq!(crate::checksum::checksum(&full), 0);
    assert_eq!(gre_pptp(0x102, 3, None, b""), [0x20, 1, 0x88, 0x0b, 0, 0, 1, 2]);
    let both = gre_pptp(0x102, 3, Some(4), b"x");
    assert_eq!(both, [0x30, 0x81, 0x88, 0x0b, 0, 1, 1, 2, 0, 0, 0, 3, 0, 0, 0, 4, b'x']);

    for [src, dst] in pairs() {
        // With all of it covered it is UDP but for the protocol's number, and the length where the coverage stands.
        let lite = udp_lite(src, dst, 13, b"hello");
        let same = udp(src, dst, b"hello");
        assert_eq!((&lite[..6], &lite[8..]), (&same[..6], &same[8..]));
        let sum = |datagram: &[u8]| u16::from_be_bytes([datagram[6], datagram[7]]);
        assert_eq!(sum(&same).wrapping_sub(sum(&lite)), 136 - 17);
        // What is not covered does not matter.
        assert_eq!(udp_lite(src, dst, 8, b"hello")[..8], udp_lite(src, dst, 8, b"jello")[..8]);
        assert_ne!(udp_lite(src, dst, 9, b"hello")[..8], udp_lite(src, dst, 9, b"jello")[..8]);
    }
}

#[test]
fn pieces_make_up_the_datagram() {
    for [src, dst] in pairs() {
        let payload: Vec<u8> = (0..100).collect();
        let datagram =
            Datagram { src: src.ip(), dst: dst.ip(), protocol: protocol::UDP, id: 9, payload: payload.clone() };
        let mut whole: Vec<u8> = Vec::new();
        for piece in datagram.pieces(30) {
            let packet = datagram.fragment(&piece);
            let found = layout(&packet).unwrap();
            let fragment = found.fragment.unwrap();
            assert_eq!((fragment.id, fragment.offset, found.protocol), (9, whole.len(), protocol::UDP));
            whole.extend(&packet[found.payload]);
            assert_eq!(fragment.more, whole.len() < 100);
        }
        assert_eq!(whole, payload);
    }
}

#[test]
fn layouts_are_read_through_options_and_extensions() {
    let [src, dst] = IPV6;
    let body = udp("[fd00::1]:1".parse().unwrap(), "[2a00:1:2:3:4:5:6:7]:2".parse().unwrap(), b"hi");
    let packet = Ipv6::new(src, dst, protocol::UDP)
        .extension(protocol::HOP_BY_HOP, &[1, 4, 0, 0, 0, 0])
        .extension(protocol::AUTH, &[0; 22])
        .build(&body);
    let found = layout(&packet).unwrap();
    assert_eq!((found.src, found.protocol), (src.into(), protocol::UDP));
    assert_eq!((found.payload.clone(), found.total_length), (72..packet.len(), packet.len()));
    assert_eq!(checksum_is_right(&packet), Some(true));
    let mut longer = packet.clone();
    longer.push(0);
    assert_eq!((layout(&longer).unwrap().payload, checksum_is_right(&longer)), (found.payload, Some(true)));

    let options = Ipv4 { options: vec![1; 8], ..Ipv4::new([10, 0, 0, 1], [10, 0, 0, 2], protocol::TCP) };
    assert_eq!(layout(&options.build(b"abc")).unwrap().payload, 28..31);
    for nonsense in [&[][..], &[0x45; 19], &[0x44; 40], &[0x60; 39], &[0x50; 60]] {
        assert_eq!(layout(nonsense), None);
    }
}

#[test]
fn checksums_are_repaired_for_every_protocol_that_has_one() {
    for [src, dst] in pairs() {
        let v6 = src.is_ipv6();
        let echo = match (src.ip(), dst.ip()) {
            (std::net::IpAddr::V6(src), std::net::IpAddr::V6(dst)) => icmpv6_echo(src, dst, false, 1, 2, b"odd"),
            _ => icmp_echo(false, 1, 2, b"odd"),
        };
        let icmp = if v6 { protocol::ICMPV6 } else { protocol::ICMP };
        for (number, payload) in [
            (protocol::TCP, tcp(src, dst, &Tcp::default(), b"odd")),
            (protocol::UDP, udp(src, dst, b"odd")),
            (protocol::UDP_LITE, udp_lite(src, dst, 8, b"odd")),
            (protocol::SCTP, sctp([1, 2], 3, &[sctp_chunk(chunk::DATA, 3, b"odd")])),
            (icmp, echo),
        ] {
            let good = ip(src.ip(), dst.ip(), number, &payload);
            assert_eq!(checksum_is_right(&good), Some(true), "{number}");
            let mut bad = good.clone();
            bad[checksum_field(&good).unwrap().start] ^= 0x40;
            assert_eq!(checksum_is_right(&bad), Some(false), "{number}");
            if !v6 {
                bad[11] ^= 1;
            }
            repair_checksums(&mut bad);
            assert_eq!(bad, good, "{number}");
        }
        let mut none = udp_packet(src, dst, b"odd");
        let field = checksum_field(&none).unwrap();
        none[field].fill(0);
        assert_eq!(checksum_is_right(&none), if v6 { Some(false) } else { None });
        assert_eq!(checksum_field(&ip(src.ip(), dst.ip(), protocol::GRE, &[0; 20])), None);
    }
}
