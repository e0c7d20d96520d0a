use std::net::SocketAddr;

use super::super::sample::{frame, kept, whole};
use super::*;
use tctable_lab::packets::{
    Datagram, Ipv4, Ipv6, Tcp, ethernet, ethertype, flags, icmp, icmp_echo, icmpv6, icmpv6_echo, ip, layout,
    protocol as lab, repair_checksums, tcp_packet, udp_packet,
};

const ALL: [RejectWith; 14] = [
    RejectWith::NetUnreachable,
    RejectWith::HostUnreachable,
    RejectWith::PortUnreachable,
    RejectWith::ProtoUnreachable,
    RejectWith::NetProhibited,
    RejectWith::HostProhibited,
    RejectWith::AdminProhibited,
    RejectWith::NoRoute6,
    RejectWith::AdminProhibited6,
    RejectWith::AddressUnreachable6,
    RejectWith::PortUnreachable6,
    RejectWith::PolicyFail6,
    RejectWith::RejectRoute6,
    RejectWith::TcpReset,
];

fn ends(texts: [&str; 2]) -> [SocketAddr; 2] {
    texts.map(|text| text.parse().expect("an address"))
}

fn v4() -> [SocketAddr; 2] {
    ends(["10.0.0.1:40000", "198.51.100.2:80"])
}

fn v6() -> [SocketAddr; 2] {
    ends(["[fd00::1]:40000", "[2001:db8::2]:80"])
}

fn unreachable_in(family: Family) -> RejectWith {
    match family {
        Family::V4 => RejectWith::PortUnreachable,
        Family::V6 => RejectWith::PortUnreachable6,
    }
}

/// The answer, whose checksums are right.
fn answered(with: RejectWith, packet: &[u8], hook: Hook, own: Option<IpAddr>) -> Option<Vec<u8>> {
    let packet = whole(packet);
    let answer = answer(with, packet.packet().as_packet(), hook, own)?;
    let mut right = answer.clone();
    repair_checksums(&mut right);
    assert_eq!(answer, right, "checksums");
    Some(answer)
}

fn unreachable(packet: &[u8]) -> Option<Vec<u8>> {
    let family = whole(packet).info().tuple.family;
    answered(unreachable_in(family), packet, Hook::Forward, None)
}

fn reset_of(packet: &[u8]) -> Option<Vec<u8>> {
    answered(RejectWith::TcpReset, packet, Hook::Forward, None)
}

#[test]
fn a_reset_fits_in_the_sequence() {
    use flags::{ACK, FIN, PSH, RST, SYN};
    for [from, to] in [v4(), v6()] {
        for (flags, data, expected) in [
            (SYN, "", (0, 1_001, RST | ACK)),
            (SYN, "early", (0, 1_006, RST | ACK)),
            (FIN, "end", (0, 1_004, RST | ACK)),
            (SYN | ACK, "", (77, 0, RST)),
            (ACK | PSH, "data", (77, 0, RST)),
            (0, "", (0, 1_000, RST | ACK)),
        ] {
            let segment = Tcp { seq: 1_000, ack: 77, flags, ..Tcp::default() };
            let (seq, ack, flags) = expected;
            let reset = Tcp { seq, ack, flags, window: 0, ..Tcp::default() };
            let expected = match tcp_packet(to, from, &reset, b"") {
                mut v4 if v4[0] == 0x45 => {
                    v4[6] = 0x40;
                    repair_checksums(&mut v4);
                    v4
                }
                v6 => v6,
            };
            assert_eq!(reset_of(&tcp_packet(from, to, &segment, data.as_bytes())), Some(expected), "{segment:?}");
        }
        let wraps = Tcp { seq: u32::MAX, flags: SYN, ..Tcp::default() };
        let answer = reset_of(&tcp_packet(from, to, &wraps, b"x")).expect("an answer");
        assert_eq!(answer[answer.len() - 12..answer.len() - 8], [0, 0, 0, 1]);
    }
}

#[test]
fn only_segments_are_reset_and_no_resets() {
    for [from, to] in [v4(), v6()] {
        let reset = Tcp { flags: flags::RST | flags::ACK, ..Tcp::default() };
        assert_eq!(reset_of(&tcp_packet(from, to, &reset, b"")), None);
        assert_eq!(reset_of(&udp_packet(from, to, b"")), None);
        assert_eq!(reset_of(&ip(from.ip(), to.ip(), lab::TCP, &[0; 19])), None);
    }
}

#[test]
fn an_error_quotes_the_packet_as_far_as_there_is_room() {
    for ([from, to], most, header) in [(v4(), 576, 20), (v6(), 1_280, 40)] {
        for data in [0, 1, 100, 519, 520, 521, 1_184, 1_185, 1_400] {
            let packet = udp_packet(from, to, &vec![7; data]);
            let answer = unreachable(&packet).expect("an answer");
            let quoted = packet.len().min(most - header - 8);
            assert_eq!(answer.len(), header + 8 + quoted, "{data}");
            assert_eq!(answer[header + 8..], packet[..quoted]);
            let layout = layout(&answer).expect("an IP packet");
            assert_eq!((layout.src, layout.dst), (to.ip(), from.ip()));
            assert_eq!(answer[header..header + 2], if header == 20 { [3, 3] } else { [1, 4] });
            assert_eq!(answer[header + 4..header + 8], [0; 4]);
        }
    }
}

#[test]
fn each_family_has_its_own_codes() {
    let codes = |packet: Vec<u8>, at: usize| {
        ALL.map(|with| answered(with, &packet, Hook::Forward, None).map(|answer| answer[at]))
    };
    let [from, to] = v4();
    let expected = [Some(0), Some(1), Some(3), Some(2), Some(9), Some(10), Some(13)];
    assert_eq!(codes(udp_packet(from, to, b""), 21), [expected.as_slice(), &[None; 7]].concat()[..]);
    let [from, to] = v6();
    let expected = [Some(0), Some(1), Some(3), Some(4), Some(5), Some(6), None];
    assert_eq!(codes(udp_packet(from, to, b""), 41), [[None; 7].as_slice(), &expected].concat()[..]);
}

#[test]
fn an_error_comes_from_the_gateway_and_keeps_the_type_of_service() {
    let [from, to] = v4();
    let datagram = udp_packet(from, to, b"x")[20..].to_vec();
    let packet = Ipv4 { tos: 0xbb, id: 77, ..Ipv4::new([10, 0, 0, 1], [198, 51, 100, 2], lab::UDP) }.build(&datagram);
    let own: IpAddr = "10.0.0.254".parse().expect("an address");
    let source = |hook| {
        let answer = answered(RejectWith::HostProhibited, &packet, hook, Some(own)).expect("an answer");
        assert_eq!((answer[1], &answer[4..9]), (0xc0 | 0x1a, [0, 77, 0, 0, 64].as_slice()));
        layout(&answer).expect("an IP packet").src
    };
    assert_eq!([Hook::Forward, Hook::LocalOut, Hook::LocalIn].map(source), [own, own, to.ip()]);
    let other: IpAddr = "fd00::254".parse().expect("an address");
    let answer = answered(RejectWith::HostProhibited, &packet, Hook::Forward, Some(other)).expect("an answer");
    assert_eq!(layout(&answer).expect("an IP packet").src, to.ip(), "an address of the other version is none");
}

#[test]
fn nobody_is_told_of_what_is_not_between_hosts() {
    for (texts, reset, error) in [
        (["10.0.0.1:1", "224.0.0.1:1"], false, false),
        (["10.0.0.1:1", "255.255.255.255:1"], false, false),
        (["0.0.0.0:1", "10.0.0.1:1"], false, false),
        (["239.1.1.1:1", "10.0.0.1:1"], false, false),
        (["10.0.0.1:1", "223.255.255.255:1"], true, true),
        (["[fd00::1]:1", "[ff02::1]:1"], false, false),
        (["[::]:1", "[fd00::1]:1"], false, false),
        (["[ff02::1]:1", "[fd00::1]:1"], false, false),
        (["[fe80::1]:1", "[fe80::2]:1"], true, true),
    ] {
        let [from, to] = ends(texts);
        let packet = tcp_packet(from, to, &Tcp::default(), b"");
        assert_eq!((reset_of(&packet).is_some(), unreachable(&packet).is_some()), (reset, error), "{texts:?}");
    }
    let [from, to] = v4();
    let inner = tcp_packet(from, to, &Tcp::default(), b"");
    for (destination, told) in [([2; 6], true), ([1, 0, 0x5e, 0, 0, 1], false), ([0xff; 6], false)] {
        let bytes = [destination.as_slice(), &[4; 6], &ethertype::IPV4.to_be_bytes(), &inner].concat();
        let packet = frame(&bytes);
        let answer = |with| answer(with, packet.packet().as_packet(), Hook::Forward, None).is_some();
        assert_eq!((answer(RejectWith::PortUnreachable), answer(RejectWith::TcpReset)), (told, true));
    }
    assert_eq!(ethernet([4; 6], [2; 6], ethertype::IPV4, &inner).len(), inner.len() + 14);
}

#[test]
fn nobody_is_told_of_errors_and_later_fragments() {
    let [from, to] = v4();
    for kind in 0..=255 {
        let message = icmp(kind, 0, 0, &udp_packet(to, from, b""));
        let told = unreachable(&ip(from.ip(), to.ip(), lab::ICMP, &message)).is_some();
        assert_eq!(told, matches!(kind, 0 | 8 | 13..=18), "{kind}");
    }
    let [from6, to6] = v6();
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (from6.ip(), to6.ip()) else { panic!("IPv6") };
    for kind in 0..=255 {
        let message = icmpv6(src, dst, [kind, 0], 0, &udp_packet(to6, from6, b""));
        assert_eq!(unreachable(&ip(src.into(), dst.into(), lab::ICMPV6, &message)).is_some(), kind >= 128, "{kind}");
    }
    for [from, to] in [[from, to], [from6, to6]] {
        let datagram = Datagram { src: from.ip(), dst: to.ip(), protocol: 253, id: 1, payload: vec![0; 32] };
        let pieces = datagram.pieces(16);
        assert_eq!(unreachable(&datagram.fragment(&pieces[1])), None);
    }
}

#[test]
fn nobody_is_told_of_wrong_checksums() {
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (v6()[0].ip(), v6()[1].ip()) else { panic!("IPv6") };
    let [from, to] = v4();
    let [from6, to6] = v6();
    for packet in [
        udp_packet(from, to, b"x"),
        tcp_packet(from, to, &Tcp::default(), b"x"),
        ip(from.ip(), to.ip(), lab::ICMP, &icmp_echo(false, 1, 2, b"x")),
        udp_packet(from6, to6, b"x"),
        tcp_packet(from6, to6, &Tcp::default(), b"x"),
        ip(from6.ip(), to6.ip(), lab::ICMPV6, &icmpv6_echo(src, dst, false, 1, 2, b"x")),
    ] {
        let mut wrong = packet.clone();
        *wrong.last_mut().expect("a byte") ^= 1;
        assert!(unreachable(&packet).is_some());
        assert_eq!((unreachable(&wrong), reset_of(&wrong)), (None, None));
        let with = unreachable_in(whole(&wrong).info().tuple.family);
        assert!(answered(with, &wrong, Hook::LocalOut, None).is_some(), "its device would have made it right");
    }
    // UDP without a checksum, and what has none that covers all of it.
    let mut none = udp_packet(from, to, b"x");
    none[26..28].fill(0);
    assert!(unreachable(&none).is_some());
    for protocol in [lab::GRE, lab::ESP, lab::SCTP, lab::UDP_LITE] {
        assert!(unreachable(&ip(from.ip(), to.ip(), protocol, &[9; 24])).is_some(), "{protocol}");
    }
    // Of others it is taken for granted that they sum up like ICMP, in IPv6 with a pseudo header.
    for protocol in [253, lab::DCCP] {
        let other = |payload: &[u8]| unreachable(&ip(from.ip(), to.ip(), protocol, payload)).is_some();
        assert_eq!([other(b""), other(&[0; 4]), other(&[0xff, 0xff]), other(&[1, 2])], [true, true, true, false]);
    }
}

#[test]
fn version_6_tells_nobody_of_packets_without_content() {
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (v6()[0].ip(), v6()[1].ip()) else { panic!("IPv6") };
    assert_eq!(unreachable(&Ipv6::new(src, dst, lab::NO_NEXT).build(b"1234")), None);
    assert_eq!(unreachable(&Ipv6::new(src, dst, lab::GRE).build(b"")), None);
    assert_eq!(unreachable(&Ipv6::new(src, dst, lab::DESTINATION).build(b"")), None);
    let behind = Ipv6::new(src, dst, lab::GRE).extension(lab::DESTINATION, &[0; 6]).build(b"12345678");
    assert!(unreachable(&behind).is_some());
}

#[test]
fn of_a_cut_packet_the_error_quotes_what_there_is() {
    let [from, to] = v4();
    let bytes = udp_packet(from, to, &[7; 100]);
    let packet = kept(&bytes, 50);
    let answer = answer(RejectWith::PortUnreachable, packet.packet().as_packet(), Hook::Forward, None);
    let answer = answer.expect("an answer");
    assert_eq!((answer.len(), &answer[28..]), (78, &bytes[..50]));
    let mut right = answer.clone();
    repair_checksums(&mut right);
    assert_eq!(answer, right);
}
