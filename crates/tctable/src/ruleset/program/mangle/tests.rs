use std::net::{IpAddr, SocketAddr};

use super::super::sample::{kept, whole};
use super::*;
use TtlChange::{Decrease, Increase, Set};
use tctable_lab::packets::{
    Datagram, Ipv4, Ipv6, Tcp, TcpOption, ethernet, ethertype, flags, ip, protocol as lab, repair_checksums, tcp,
    tcp_options, udp,
};

const V4: [&str; 2] = ["10.0.0.1:1024", "198.51.100.2:80"];
const V6: [&str; 2] = ["[fd00::1]:1024", "[2001:db8::2]:80"];

fn ends(texts: [&str; 2]) -> [SocketAddr; 2] {
    texts.map(|text| text.parse().expect("an address"))
}

/// The same packet with checksums that were summed anew.
fn with_right_checksums(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    repair_checksums(&mut packet);
    packet
}

/// What becomes of a packet; its checksums are right.
fn changed(packet: &[u8], change: impl FnOnce(&mut PacketBuf<'_>)) -> Vec<u8> {
    let mut packet = whole(packet);
    change(&mut packet);
    assert_eq!(packet.data(), with_right_checksums(packet.data()), "checksums");
    packet.data().to_vec()
}

#[test]
fn dscp_leaves_ecn_alone() {
    let [from, to] = ends(V4);
    let datagram = udp(from, to, b"x");
    let v4 = |tos| Ipv4 { tos, ..Ipv4::new([10, 0, 0, 1], [198, 51, 100, 2], lab::UDP) }.build(&datagram);
    for (tos, dscp, expected) in [(0, 46, 0xb8), (0xff, 0, 3), (0x2b, 63, 0xff), (1, 0, 1), (0, 0x40 | 1, 4)] {
        assert_eq!(changed(&v4(tos), |packet| set_dscp(packet, dscp)), v4(expected), "{tos:#x}, {dscp}");
    }
    let [from, to] = ends(V6);
    let datagram = udp(from, to, b"x");
    let v6 = |traffic_class| {
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (from.ip(), to.ip()) else { panic!("IPv6") };
        Ipv6 { traffic_class, flow_label: 0xf_edcb, ..Ipv6::new(src, dst, lab::UDP) }.build(&datagram)
    };
    for (class, dscp, expected) in [(0, 46, 0xb8), (0xff, 0, 3), (0x2b, 63, 0xff), (1, 0, 1)] {
        assert_eq!(changed(&v6(class), |packet| set_dscp(packet, dscp)), v6(expected), "{class:#x}, {dscp}");
    }
}

#[test]
fn what_does_not_change_is_not_edited() {
    let [from, to] = ends(V4);
    let bytes = ip(from.ip(), to.ip(), lab::UDP, &udp(from, to, b"x"));
    let mut packet = whole(&bytes);
    set_dscp(&mut packet, 0);
    change_ttl(&mut packet, Set(64));
    assert!(!packet.is_edited());
}

#[test]
fn ttl_stays_within_its_bounds() {
    for texts in [V4, V6] {
        let [from, to] = ends(texts);
        let bytes = ip(from.ip(), to.ip(), lab::UDP, &udp(from, to, b"x"));
        let at = if from.is_ipv4() { 8 } else { 7 };
        for (how, expected) in [
            (Set(7), 7),
            (Set(0), 0),
            (Increase(1), 65),
            (Increase(200), 255),
            (Decrease(63), 1),
            (Decrease(64), 0),
            (Decrease(255), 0),
        ] {
            let after = changed(&bytes, |packet| change_ttl(packet, how));
            assert_eq!(after[at], expected, "{how:?}");
            let mut expected = bytes.clone();
            expected[at] = after[at];
            assert_eq!(after, with_right_checksums(&expected), "and nothing else");
        }
    }
}

/// All values of the words around which a sum in one's complement turns over.
#[test]
fn incremental_checksums_are_those_of_a_whole_sum() {
    for id in [0, 1, 0x7fff, 0xfffe, 0xffff] {
        for ttl in 0..=255 {
            let header = |ttl| Ipv4 { id, ttl, ..Ipv4::new([10, 0, 0, 1], [10, 0, 0, 2], 253) };
            let after = changed(&header(255 - ttl).build(b""), |packet| change_ttl(packet, Set(ttl)));
            assert_eq!(after, header(ttl).build(b""));
        }
    }
}

#[test]
fn a_wrong_checksum_stays_wrong() {
    let mut bytes = Ipv4::new([10, 0, 0, 1], [10, 0, 0, 2], 253).build(b"");
    bytes[10] ^= 0x40;
    let mut packet = whole(&bytes);
    change_ttl(&mut packet, Decrease(1));
    assert_ne!(packet.data(), with_right_checksums(packet.data()));
}

fn syn(texts: [&str; 2], options: &[TcpOption], payload: &[u8]) -> Vec<u8> {
    let [from, to] = ends(texts);
    let header = Tcp { flags: flags::SYN, seq: 0x1234_5678, options: tcp_options(options), ..Tcp::default() };
    ip(from.ip(), to.ip(), lab::TCP, &tcp(from, to, &header, payload))
}

const MTU: u16 = 1_500;

fn clamp_to(mss: u16) -> impl FnOnce(&mut PacketBuf<'_>) {
    move |packet| assert!(set_mss(packet, Some(mss), MTU), "it goes on")
}

fn clamp_to_mtu(mtu: u16) -> impl FnOnce(&mut PacketBuf<'_>) {
    move |packet| assert!(set_mss(packet, None, mtu), "it goes on")
}

#[test]
fn mss_is_lowered_and_never_raised() {
    use TcpOption::{Mss, Nop, SackPermitted, Timestamps};
    for texts in [V4, V6] {
        for (old, new) in [(1_460, 1_400), (1_400, 1_400), (1_300, 1_300), (65_535, 1_400), (0, 0)] {
            let before = syn(texts, &[Mss(old), SackPermitted, Timestamps(1, 2)], b"");
            let after = syn(texts, &[Mss(new), SackPermitted, Timestamps(1, 2)], b"");
            assert_eq!(changed(&before, clamp_to(1_400)), after, "{old}");
        }
        // Behind others, at an even and at an odd place, and with data.
        let behind = |mss| syn(texts, &[SackPermitted, Mss(mss)], b"data");
        assert_eq!(changed(&behind(9_000), clamp_to(1_234)), behind(1_234));
        let odd = |mss| syn(texts, &[Nop, Mss(mss), Nop, Nop, Nop], b"data");
        assert_eq!(changed(&odd(9_000), clamp_to(1_234)), odd(1_234));
    }
}

#[test]
fn mss_is_what_the_mtu_lets_pass() {
    use TcpOption::Mss;
    assert_eq!(changed(&syn(V4, &[Mss(1_460)], b""), clamp_to_mtu(1_492)), syn(V4, &[Mss(1_452)], b""));
    assert_eq!(changed(&syn(V6, &[Mss(1_460)], b""), clamp_to_mtu(1_492)), syn(V6, &[Mss(1_432)], b""));
    for (texts, headers) in [(V4, 40), (V6, 60)] {
        let bytes = syn(texts, &[Mss(1_460)], b"");
        assert!(!set_mss(&mut whole(&bytes), None, headers), "no room for anything");
        assert_eq!(changed(&bytes, clamp_to_mtu(headers + 1)), syn(texts, &[Mss(1)], b""));
    }
}

#[test]
fn mss_is_added_where_there_is_none() {
    use TcpOption::{Mss, SackPermitted, Timestamps};
    for (texts, default) in [(V4, 536), (V6, 1_220)] {
        for rest in [vec![], vec![SackPermitted, Timestamps(1, 2)]] {
            let with = |mss| syn(texts, &[vec![Mss(mss)], rest.clone()].concat(), b"");
            let without = syn(texts, &rest, b"");
            assert_eq!(changed(&without, clamp_to(1_400)), with(default));
            assert_eq!(changed(&without, clamp_to(500)), with(500));
        }
        let data = syn(texts, &[], b"data");
        assert_eq!(changed(&data, clamp_to(500)), data, "it might become too long");
        let full = syn(texts, &[Timestamps(1, 2), Timestamps(3, 4), Timestamps(5, 6), Timestamps(7, 8)], b"");
        assert_eq!(changed(&full, clamp_to(500)), full, "a header cannot be longer");
    }
}

#[test]
fn mss_is_added_within_a_frame() {
    let frame = |options: &[TcpOption]| ethernet([2; 6], [4; 6], ethertype::IPV4, &syn(V4, options, b""));
    let mut packet = super::super::sample::frame(&frame(&[])).into_owned();
    assert!(set_mss(&mut packet, Some(500), MTU));
    assert_eq!(packet.data(), frame(&[TcpOption::Mss(500)]));
}

#[test]
fn only_syns_are_touched() {
    let [from, to] = ends(V4);
    let header = Tcp { options: tcp_options(&[TcpOption::Mss(1_460)]), ..Tcp::default() };
    let ack = ip(from.ip(), to.ip(), lab::TCP, &tcp(from, to, &header, b""));
    assert_eq!(changed(&ack, clamp_to(500)), ack);
    let datagram = ip(from.ip(), to.ip(), lab::UDP, &udp(from, to, b"x"));
    assert_eq!(changed(&datagram, clamp_to(500)), datagram);
    let payload = syn(V4, &[TcpOption::Mss(1_460)], &[0; 40])[20..].to_vec();
    let split = Datagram { src: from.ip(), dst: to.ip(), protocol: lab::TCP, id: 1, payload };
    let later = split.fragment(&split.pieces(32)[1]);
    let mut packet = whole(&later);
    assert!(set_mss(&mut packet, Some(500), MTU) && !packet.is_edited());
}

#[test]
fn broken_headers_are_dropped_and_cut_ones_are_left_alone() {
    let bytes = syn(V4, &[TcpOption::Mss(1_460)], b"");
    for length in [0x40, 0xf0] {
        let mut broken = bytes.clone();
        broken[20 + 12] = length;
        assert!(!set_mss(&mut whole(&broken), Some(500), MTU), "{length:#x}");
    }
    let [from, to] = ends(V4);
    assert!(!set_mss(&mut whole(&ip(from.ip(), to.ip(), lab::TCP, &[0; 19])), Some(500), MTU), "no header");
    for cut in [20, 30, 39, 43] {
        let mut packet = kept(&bytes, cut);
        assert!(set_mss(&mut packet, Some(500), MTU) && !packet.is_edited(), "{cut}");
    }
    // Options that say that they have no length, and one that is longer than the header.
    for raw in [vec![9, 0, 9, 0], vec![9, 200, 1, 1]] {
        let odd = syn(V4, &[TcpOption::Raw(raw)], b"data");
        assert_eq!(changed(&odd, clamp_to(500)), odd);
    }
}
