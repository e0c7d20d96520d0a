use std::net::SocketAddr;

use super::super::sample::{frame, kept, whole};
use super::*;
use crate::packet::DeviceId;
use tctable_lab::packets::{
    Datagram, Ipv4, Ipv6, Tcp, TcpOption, ethernet, ethertype, flags, icmp, icmp_echo, icmp_error, icmpv6, icmpv6_echo,
    icmpv6_error, ip, protocol, tcp, tcp_options, tcp_packet, udp_lite, udp_packet, vlan,
};

const ALL: u8 = 1 | 2 | 4 | 8;

fn log(flags: u8) -> Log {
    Log { level: 4, prefix: "in ".into(), flags }
}

fn devices() -> Devices {
    let mut devices = Devices::default();
    devices.set(DeviceId(0), "eth0");
    devices.set(DeviceId(1), "ppp0");
    devices
}

/// The line of a packet from its addresses on.
fn line_of(packet: &PacketBuf<'_>, flags: u8) -> String {
    let line = record(&log(flags), Hook::Forward, packet, &devices()).to_string();
    line.strip_prefix("in IN= OUT= ").expect("no devices").to_owned()
}

fn line(packet: &[u8], flags: u8) -> String {
    line_of(&whole(packet), flags)
}

fn ends(texts: [&str; 2]) -> [SocketAddr; 2] {
    texts.map(|text| text.parse().expect("an address"))
}

fn v4() -> [SocketAddr; 2] {
    ends(["10.0.0.1:40000", "198.51.100.2:80"])
}

fn v6() -> [SocketAddr; 2] {
    ends(["[fd00::1]:40000", "[2001:db8::2]:80"])
}

const SIX: &str = "SRC=fd00:0000:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0000:0000:0000:0000:0000:0002 ";

#[test]
fn a_segment_with_everything() {
    let [from, to] = v4();
    let header = Tcp {
        seq: 1,
        ack: 4_294_967_295,
        flags: flags::SYN | flags::ECE | flags::CWR,
        window: 64_240,
        urgent: 7,
        options: tcp_options(&[TcpOption::Mss(1_460), TcpOption::SackPermitted]),
    };
    let segment = tcp(from, to, &header, b"");
    let packet = Ipv4 {
        tos: 0xb9,
        id: 54_321,
        dont_fragment: true,
        options: vec![0x94, 4, 0, 0],
        ..Ipv4::new([10, 0, 0, 1], [198, 51, 100, 2], protocol::TCP)
    };
    let packet = packet.build(&segment);
    assert_eq!(
        line(&packet, 0),
        "SRC=10.0.0.1 DST=198.51.100.2 LEN=52 TOS=0x18 PREC=0xA0 TTL=64 ID=54321 DF PROTO=TCP SPT=40000 DPT=80 \
         WINDOW=64240 RES=0x00 CWR ECE SYN URGP=7 "
    );
    assert_eq!(
        line(&packet, ALL),
        "SRC=10.0.0.1 DST=198.51.100.2 LEN=52 TOS=0x18 PREC=0xA0 TTL=64 ID=54321 DF OPT (94040000) PROTO=TCP SPT=40000 \
         DPT=80 SEQ=1 ACK=4294967295 WINDOW=64240 RES=0x00 CWR ECE SYN URGP=7 OPT (020405B404020000) "
    );
    let mut reserved = packet.clone();
    reserved[24 + 12] |= 0x0f;
    assert!(line(&reserved, 0).contains("RES=0x38 AE CWR "), "{}", line(&reserved, 0));
}

#[test]
fn datagrams_of_both_versions() {
    let [from, to] = v4();
    assert_eq!(
        line(&udp_packet(from, to, b"query"), ALL),
        "SRC=10.0.0.1 DST=198.51.100.2 LEN=33 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=UDP SPT=40000 DPT=80 LEN=13 "
    );
    let [from, to] = v6();
    let packet = Ipv6 {
        traffic_class: 0xb8,
        flow_label: 0xabcde,
        ..Ipv6::new([0xfd00, 0, 0, 0, 0, 0, 0, 1], [0x2001, 0xdb8, 0, 0, 0, 0, 0, 2], protocol::UDP_LITE)
    };
    assert_eq!(
        line(&packet.build(&udp_lite(from, to, 8, b"x")), ALL),
        format!("{SIX}LEN=49 TC=184 HOPLIMIT=64 FLOWLBL=703710 PROTO=UDPLITE SPT=40000 DPT=80 LEN=8 ")
    );
    assert_eq!(
        line(&ip(from.ip(), to.ip(), 253, b""), 0),
        format!("{SIX}LEN=40 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=253 ")
    );
}

#[test]
fn devices_mark_and_link_header() {
    let [from, to] = v4();
    let packet = udp_packet(from, to, b"");
    let rest = "SRC=10.0.0.1 DST=198.51.100.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=UDP SPT=40000 DPT=80 LEN=8 ";
    let text = |mut packet: PacketBuf<'_>, flags| {
        packet.input = Some(DeviceId(0));
        packet.output = Some(DeviceId(1));
        packet.mark = 0xcafe;
        record(&log(flags), Hook::Forward, &packet, &devices()).to_string()
    };
    let plain = ethernet([2; 6], [0xab; 6], ethertype::IPV4, &packet);
    let (destination, source) = (&plain[..6], &plain[6..12]);
    assert_eq!((destination, source), ([0xab; 6].as_slice(), [2; 6].as_slice()), "as the builder has them");
    assert_eq!(
        text(frame(&plain), 0),
        format!("in IN=eth0 OUT=ppp0 MAC=ab:ab:ab:ab:ab:ab:02:02:02:02:02:02:08:00 {rest}MARK=0xcafe ")
    );
    let tagged = ethernet([2; 6], [0xab; 6], ethertype::VLAN, &vlan(7, ethertype::IPV4, &packet));
    assert_eq!(
        text(frame(&tagged), 32),
        format!(
            "in IN=eth0 OUT=ppp0 MACSRC=02:02:02:02:02:02 MACDST=ab:ab:ab:ab:ab:ab MACPROTO=0800 {rest}MARK=0xcafe "
        )
    );
    assert_eq!(text(whole(&packet), 32), format!("in IN=eth0 OUT=ppp0 MAC= {rest}MARK=0xcafe "));
    let mut made_here = whole(&packet);
    made_here.output = Some(DeviceId(1));
    let line = record(&log(0), Hook::LocalOut, &made_here, &devices()).to_string();
    assert_eq!(line, format!("in IN= OUT=ppp0 {rest}"));
}

#[test]
fn messages_and_what_they_quote() {
    let [from, to] = v4();
    let message = |message: &[u8]| ip(from.ip(), to.ip(), protocol::ICMP, message);
    let head =
        |length| format!("SRC=10.0.0.1 DST=198.51.100.2 LEN={length} TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=ICMP ");
    let echo = line(&message(&icmp_echo(false, 7, 9, b"")), 0);
    assert_eq!(echo, format!("{}TYPE=8 CODE=0 ID=7 SEQ=9 ", head(28)));
    let quoted = tcp_packet(to, from, &Tcp::default(), b"");
    let quote = "SRC=198.51.100.2 DST=10.0.0.1 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=TCP ";
    assert_eq!(
        line(&message(&icmp_error(3, 4, 1_400, &quoted[..28])), 0),
        format!("{}TYPE=3 CODE=4 [{quote}INCOMPLETE [8 bytes] ] MTU=1400 ", head(56))
    );
    assert_eq!(
        line(&message(&icmp_error(5, 1, 0x0a00_0009, &quoted)), 0),
        format!(
            "{}TYPE=5 CODE=1 GATEWAY=10.0.0.9 [{quote}SPT=80 DPT=40000 WINDOW=65535 RES=0x00 ACK URGP=0 ] ",
            head(68)
        )
    );
    // A quote within a quote is not told, and neither is one that is too short.
    let nested = message(&icmp_error(11, 0, 0, &quoted));
    let text = line(&message(&icmp_error(11, 0, 0, &nested)), 0);
    assert_eq!(text, format!("{}TYPE=11 CODE=0 [{}TYPE=11 CODE=0 ] ", head(96), head(68)));
    let short = line(&message(&icmp_error(3, 1, 0, &[0; 19])), 0);
    assert_eq!(short, format!("{}TYPE=3 CODE=1 INCOMPLETE [27 bytes] ", head(47)));
    assert_eq!(
        line(&message(&icmp(12, 0, 0x1400_0000, &quoted)), 0),
        format!("{}TYPE=12 CODE=0 PARAMETER=20 ", head(68))
    );
    assert_eq!(line(&message(&icmp(13, 0, 0, &[])), 0), format!("{}TYPE=13 CODE=0 INCOMPLETE [8 bytes] ", head(28)));
    assert_eq!(line(&message(&icmp(99, 1, 0, &[])), 0), format!("{}TYPE=99 CODE=1 ", head(28)));
    assert_eq!(line(&message(&[8, 0, 0, 0]), 0), format!("{}INCOMPLETE [4 bytes] ", head(24)));
}

#[test]
fn messages_of_version_6() {
    let [from, to] = v6();
    let (std::net::IpAddr::V6(src), std::net::IpAddr::V6(dst)) = (from.ip(), to.ip()) else { panic!("IPv6") };
    let message = |message: &[u8]| ip(from.ip(), to.ip(), protocol::ICMPV6, message);
    let head = |length| format!("{SIX}LEN={length} TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 ");
    let echo = line(&message(&icmpv6_echo(src, dst, true, 7, 9, b"")), 0);
    assert_eq!(echo, format!("{}TYPE=129 CODE=0 ID=7 SEQ=9 ", head(48)));
    let quoted = udp_packet(from, to, b"");
    let quote = format!("{SIX}LEN=48 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=UDP SPT=40000 DPT=80 LEN=8 ");
    let error = |kind, rest| line(&message(&icmpv6_error(src, dst, kind, 0, rest, &quoted)), 0);
    assert_eq!(error(2, 1_280), format!("{}TYPE=2 CODE=0 [{quote}] MTU=1280 ", head(96)));
    assert_eq!(error(4, 40), format!("{}TYPE=4 CODE=0 POINTER=00000028 [{quote}] ", head(96)));
    let solicitation = line(&message(&icmpv6(src, dst, [135, 0], 0, &[0; 16])), 0);
    assert_eq!(solicitation, format!("{}TYPE=135 CODE=0 ", head(64)));
}

#[test]
fn fragments_and_extension_headers() {
    let [from, to] = v4();
    let pieces = |src, dst| {
        let datagram =
            Datagram { src, dst, protocol: protocol::UDP, id: 0xbeef, payload: [0, 1, 0, 2, 0, 32, 0, 0].repeat(4) };
        datagram.pieces(16).iter().map(|piece| datagram.fragment(piece)).collect::<Vec<_>>()
    };
    let texts: Vec<String> = pieces(from.ip(), to.ip()).iter().map(|piece| line(piece, 0)).collect();
    let head = "SRC=10.0.0.1 DST=198.51.100.2 LEN=36 TOS=0x00 PREC=0x00 TTL=64 ID=48879 ";
    assert_eq!(texts[0], format!("{head}MF PROTO=UDP SPT=1 DPT=2 LEN=32 "));
    assert_eq!(texts[1], format!("{head}FRAG:2 PROTO=UDP "));

    let [from, to] = v6();
    let pieces = pieces(from.ip(), to.ip());
    let head = format!("{SIX}LEN=64 TC=0 HOPLIMIT=64 FLOWLBL=0 ");
    assert_eq!(line(&pieces[0], 0), format!("{head}FRAG:0 INCOMPLETE ID:0000beef PROTO=UDP SPT=1 DPT=2 LEN=32 "));
    assert_eq!(line(&pieces[1], 4), format!("{head}OPT ( FRAG:16 ID:0000beef ) PROTO=UDP "));

    let (std::net::IpAddr::V6(src), std::net::IpAddr::V6(dst)) = (from.ip(), to.ip()) else { panic!("IPv6") };
    let header = Ipv6::new(src, dst, 253).extension(protocol::DESTINATION, &[0; 6]);
    let packet = header.extension(protocol::AUTH, &[0, 0, 0, 0, 1, 2, 0, 0, 0, 0]).build(b"");
    let head = format!("{SIX}LEN=64 TC=0 HOPLIMIT=64 FLOWLBL=0 ");
    assert_eq!(line(&packet, 0), format!("{head}PROTO=253 "));
    assert_eq!(line(&packet, 4), format!("{head}OPT ( ) OPT ( AH SPI=0x102 ) PROTO=253 "));
    let esp = ip(from.ip(), to.ip(), protocol::ESP, &[0, 0, 0, 9, 0, 0, 0, 0]);
    let head = format!("{SIX}LEN=48 TC=0 HOPLIMIT=64 FLOWLBL=0 ");
    assert_eq!((line(&esp, 0), line(&esp, 4)), (head.clone(), format!("{head}OPT ( ESP SPI=0x9 )")));
    let nothing = ip(from.ip(), to.ip(), protocol::NO_NEXT, b"");
    assert!(line(&nothing, 0).ends_with("FLOWLBL=0 PROTO=59 "));
}

#[test]
fn security_headers_of_version_4() {
    let [from, to] = v4();
    let packet = |protocol, payload: &[u8]| line(&ip(from.ip(), to.ip(), protocol, payload), 0);
    assert!(packet(protocol::ESP, &[0, 0, 1, 0, 0, 0, 0, 0]).ends_with("ID=0 PROTO=ESP SPI=0x100 "));
    assert!(packet(protocol::AUTH, &[6, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0]).ends_with("ID=0 PROTO=AH SPI=0x200 "));
    assert!(packet(protocol::ESP, &[0; 7]).ends_with("PROTO=ESP INCOMPLETE [7 bytes] "));
}

#[test]
fn packets_end_anywhere() {
    let [from, to] = v4();
    let header = Tcp { options: tcp_options(&[TcpOption::Mss(1_460)]), ..Tcp::default() };
    let packet = tcp_packet(from, to, &header, b"data");
    let head = "SRC=10.0.0.1 DST=198.51.100.2 LEN=48 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=TCP ";
    let line = |kept: usize| line_of(&super::super::sample::kept(&packet, kept), ALL);
    assert_eq!(line(20), format!("{head}INCOMPLETE [28 bytes] "));
    assert_eq!(line(39), format!("{head}INCOMPLETE [28 bytes] "));
    let all = format!("{head}SPT=40000 DPT=80 SEQ=0 ACK=0 WINDOW=65535 RES=0x00 ACK URGP=0 OPT (");
    assert_eq!((line(43), line(44)), (format!("{all}TRUNCATED)"), format!("{all}020405B4) ")));
    let [from, to] = v6();
    let packet = udp_packet(from, to, b"data");
    for cut in 40..packet.len() {
        assert!(!line_of(&kept(&packet, cut), ALL).is_empty(), "{cut}");
    }
}

#[test]
fn a_line_ends_where_the_kernels_buffer_does() {
    let [src, dst] = [[0xfd00, 0, 0, 0, 0, 0, 0, 1], [0x2001, 0xdb8, 0, 0, 0, 0, 0, 2]];
    let header =
        |count| (0..count).fold(Ipv6::new(src, dst, 253), |to, _| to.extension(protocol::DESTINATION, &[0; 6]));
    let text = line(&header(100).build(b""), ALL);
    assert!(text.ends_with("OPT ( ) PROTO=253 "), "{text}");
    let whole_line = |packet: &[u8]| record(&log(ALL), Hook::Forward, &whole(packet), &devices()).to_string();
    let text = whole_line(&header(120).build(b""));
    assert!((1_010..1_019).contains(&text.len()) && text.ends_with("OPT ( ) "), "{} {text}", text.len());
    // So many headers say nothing, and what follows is not kept.
    assert!(line(&header(200).build(b""), 0).ends_with("FLOWLBL=0 TRUNCATED"));
}
