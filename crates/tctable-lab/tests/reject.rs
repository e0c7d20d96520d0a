//! REJECT's answers beside those of the running kernel, byte for byte, and in the eyes of tshark. Needs root, nf_tables and
//! TUN; where they are missing nothing is tested and one line says so.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Command, Stdio};

use tctable::hook::Hook;
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType, Packet, PacketInfo};
use tctable::ruleset::{RejectWith, reject_answer};
use tctable::time::Instant;
use tctable_lab::kernel::{Error, Kernel, not_tested};
use tctable_lab::packets::{
    Ipv4, Ipv6, Tcp, TcpOption, flags, icmp, icmp_echo, icmpv6, ip, link_type, pcap, protocol, repair_checksums, tcp,
    tcp_options, tcp_packet, udp, udp_lite, udp_packet,
};
use tctable_lab::step::Side;

const CLIENT_4: Ipv4Addr = Ipv4Addr::new(10, 11, 0, 1);
const SERVER_4: Ipv4Addr = Ipv4Addr::new(10, 22, 0, 1);
const OWN_4: Ipv4Addr = Ipv4Addr::new(10, 11, 255, 254);
const CLIENT_6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x11, 0, 0, 0, 0, 0, 1);
const SERVER_6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x22, 0, 0, 0, 0, 0, 1);
const OWN_6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x11, 0, 0, 0, 0, 0xffff, 0xfffe);

/// A port of which tshark knows nothing, so that it leaves what is quoted alone.
const PORT: u16 = 4_711;

/// A packet and what it is.
type Named = (String, Vec<u8>);

/// What the kernel is told, and what that is here.
const V4: [(&str, RejectWith); 8] = [
    ("icmp type net-unreachable", RejectWith::NetUnreachable),
    ("icmp type host-unreachable", RejectWith::HostUnreachable),
    ("icmp type prot-unreachable", RejectWith::ProtoUnreachable),
    ("icmp type port-unreachable", RejectWith::PortUnreachable),
    ("icmp type net-prohibited", RejectWith::NetProhibited),
    ("icmp type host-prohibited", RejectWith::HostProhibited),
    ("icmp type admin-prohibited", RejectWith::AdminProhibited),
    ("tcp reset", RejectWith::TcpReset),
];
const V6: [(&str, RejectWith); 7] = [
    ("icmpv6 type no-route", RejectWith::NoRoute6),
    ("icmpv6 type admin-prohibited", RejectWith::AdminProhibited6),
    ("icmpv6 type addr-unreachable", RejectWith::AddressUnreachable6),
    ("icmpv6 type port-unreachable", RejectWith::PortUnreachable6),
    ("icmpv6 type policy-fail", RejectWith::PolicyFail6),
    ("icmpv6 type reject-route", RejectWith::RejectRoute6),
    ("tcp reset", RejectWith::TcpReset),
];

/// Runs a tool in the namespace of this thread.
fn feed(command: &str, arguments: &[&str], input: &str) {
    let child = Command::new(command).args(arguments).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the tool is there");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs `work` with a gateway that has addresses and may speak, or says why not.
fn with_gateway(work: impl FnOnce(&mut Kernel) + Send) {
    let outcome = Kernel::run(|mut kernel| {
        for (name, value) in [
            ("net.ipv4.icmp_msgs_per_sec", 1_000_000),
            ("net.ipv4.icmp_msgs_burst", 1_000_000),
            ("net.ipv6.icmp.ratelimit", 0),
            ("net.ipv6.auto_flowlabels", 0),
        ] {
            kernel.set_sysctl(name, value).expect("the kernel has it");
        }
        let addresses = format!("addr add {OWN_4}/32 dev left\naddr add {OWN_6}/128 dev left nodad\n");
        feed("ip", &["-batch", "-"], &addresses);
        // Nobody asks or answers but who rejects.
        feed(
            "nft",
            &["-f", "-"],
            "add rule inet oracle output icmpv6 type destination-unreachable accept\n\
             add rule inet oracle output icmp type destination-unreachable accept\n\
             add rule inet oracle output tcp flags rst accept\n\
             add chain inet oracle through { type filter hook forward priority 0; }\n\
             add chain inet oracle within { type filter hook input priority 0; }\n",
        );
        work(&mut kernel);
    });
    match outcome {
        Ok(()) => {}
        Err(Error::Unavailable(why)) => not_tested(why),
        Err(error) => panic!("{error}"),
    }
}

fn reject_with(with: &str) {
    // A reset is for segments alone; what is left over is dropped, without a word from anybody else.
    let matches = if with == "tcp reset" { "meta l4proto tcp " } else { "" };
    let rules = |chain| {
        format!(
            "flush chain inet oracle {chain}\n\
             add rule inet oracle {chain} {matches}reject with {with}\n\
             add rule inet oracle {chain} drop\n"
        )
    };
    feed("nft", &["-f", "-"], &["through", "within"].map(rules).concat());
}

/// What the kernel tells the sender of a packet.
fn kernels(kernel: &mut Kernel, packet: &[u8]) -> Option<Vec<u8>> {
    match kernel.send(Side::Left, packet) {
        Ok(_) => None,
        // What came out is not what went in.
        Err(Error::Copy { came, .. }) => Some(came),
        Err(error) => panic!("{error}"),
    }
}

/// What we tell him. Where the rule is, one hop of the packet is used up, if it goes through.
fn ours(with: RejectWith, packet: &[u8], hook: Hook) -> Option<Vec<u8>> {
    let mut packet = packet.to_vec();
    let v6 = packet[0] >> 4 == 6;
    if hook == Hook::Forward && v6 {
        packet[7] -= 1;
    } else if hook == Hook::Forward {
        packet[8] -= 1;
        let sum = u16::from_be_bytes([packet[10], packet[11]]);
        let (sum, carry) = sum.overflowing_add(0x100);
        packet[10..12].copy_from_slice(&(sum + u16::from(carry)).to_be_bytes());
    }
    let frame = Frame {
        time: Instant::ZERO,
        device: DeviceId(0),
        direction: FrameDirection::Unknown,
        link: LinkType::Raw,
        wire_len: packet.len() as u32,
        data: &packet,
    };
    let info = PacketInfo::read(&frame).expect("an IP packet");
    let own: IpAddr = if v6 { OWN_6.into() } else { OWN_4.into() };
    reject_answer(with, Packet { frame: &frame, info: &info }, hook, Some(own))
}

/// The same without what the kernel takes at random: an error's identification, and with it the header's checksum.
fn comparable(answer: Option<Vec<u8>>) -> Option<Vec<u8>> {
    answer.map(|mut answer| {
        let mut right = answer.clone();
        repair_checksums(&mut right);
        assert_eq!(answer, right, "checksums");
        if answer[0] >> 4 == 4 && answer[9] == protocol::ICMP {
            answer[4..6].fill(0);
            answer[10..12].fill(0);
        }
        answer
    })
}

fn wrong(mut packet: Vec<u8>) -> Vec<u8> {
    *packet.last_mut().expect("a byte") ^= 1;
    packet
}

/// Segments, with what is odd about each.
fn segments(from: SocketAddr, to: SocketAddr) -> Vec<(&'static str, Vec<u8>)> {
    use flags::{ACK, FIN, PSH, RST, SYN};
    let options = tcp_options(&[TcpOption::Mss(1_460), TcpOption::SackPermitted, TcpOption::Timestamps(1, 2)]);
    let segment = |flags, options: &[u8], data: &[u8]| {
        let header = Tcp { seq: 0xffff_fff0, ack: 0x1234_5678, flags, options: options.to_vec(), ..Tcp::default() };
        tcp_packet(from, to, &header, data)
    };
    let with_length = |length: u8, flags| {
        let mut packet = segment(flags, &options, b"data");
        let at = packet.len() - 24 - options.len() + 12;
        packet[at] = length << 4;
        repair_checksums(&mut packet);
        packet
    };
    vec![
        ("SYN", segment(SYN, &[], b"")),
        ("SYN with options and data", segment(SYN, &options, b"early data")),
        ("SYN/ACK", segment(SYN | ACK, &options, b"")),
        ("ACK", segment(ACK, &[], b"")),
        ("data", segment(PSH | ACK, &options, &[7; 1_000])),
        ("FIN", segment(FIN, &[], b"the end")),
        ("FIN/ACK", segment(FIN | ACK, &[], b"")),
        ("no flags", segment(0, &[], b"?")),
        ("all flags but RST", segment(!RST, &[], b"")),
        ("RST", segment(RST, &[], b"")),
        ("RST/ACK", segment(RST | ACK, &[], b"")),
        ("wrong checksum", wrong(segment(SYN, &[], b"x"))),
        ("header without length", with_length(0, SYN)),
        ("header longer than the segment", with_length(15, SYN)),
        ("half a header", ip(from.ip(), to.ip(), protocol::TCP, &[0; 19])),
    ]
}

fn datagrams(from: SocketAddr, to: SocketAddr) -> Vec<(&'static str, Vec<u8>)> {
    let mut without_checksum = udp_packet(from, to, b"x");
    let at = without_checksum.len() - 3;
    without_checksum[at..at + 2].fill(0);
    let other = |number, payload: &[u8]| ip(from.ip(), to.ip(), number, payload);
    vec![
        ("empty datagram", udp_packet(from, to, b"")),
        ("datagram", udp_packet(from, to, b"query")),
        ("odd datagram of 520", udp_packet(from, to, &[7; 519])),
        ("datagram of 1400", udp_packet(from, to, &[7; 1_392])),
        ("datagram of 9000", udp_packet(from, to, &[7; 8_992])),
        ("no checksum", without_checksum),
        ("wrong checksum", wrong(udp_packet(from, to, b"x"))),
        ("half a UDP header", other(protocol::UDP, &[0; 7])),
        ("UDP-Lite", other(protocol::UDP_LITE, &udp_lite(from, to, 8, b"x"))),
        ("GRE", other(protocol::GRE, &[0, 0, 8, 0, 1, 2, 3, 4])),
        ("ESP", other(protocol::ESP, &[9; 16])),
        (
            "AH",
            other(
                protocol::AUTH,
                &[protocol::GRE, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ),
        ),
        ("SCTP", other(protocol::SCTP, &[9; 16])),
        ("DCCP", other(protocol::DCCP, &[9; 16])),
        ("unknown protocol", other(253, b"some bytes")),
        ("unknown protocol of zeros", other(253, &[0; 8])),
        ("unknown protocol that sums up", other(253, &[0xff, 0xff])),
        ("unknown protocol without content", other(253, b"")),
    ]
}

fn v4_packets(server: Ipv4Addr) -> Vec<Named> {
    let (from, to) = (SocketAddr::from((CLIENT_4, 1_024)), SocketAddr::from((server, PORT)));
    let quoted = udp_packet(to, from, b"x");
    let messages = (0..=19).chain([30, 40, 42, 43, 255]).map(|kind| {
        (format!("ICMP {kind}"), ip(CLIENT_4.into(), server.into(), protocol::ICMP, &icmp(kind, 0, 7, &quoted)))
    });
    let echo = icmp_echo(false, 1, 2, b"ping");
    let header = Ipv4 { id: 0xbeef, ..Ipv4::new(CLIENT_4, server, protocol::UDP) };
    let datagram = udp(from, to, b"query");
    let unusual = [
        ("wrong ICMP checksum", wrong(ip(CLIENT_4.into(), server.into(), protocol::ICMP, &echo))),
        ("all of the type of service", Ipv4 { tos: 0xff, ..header.clone() }.build(&datagram)),
        ("ECN", Ipv4 { tos: 0x03, ..header.clone() }.build(&datagram)),
        ("expedited", Ipv4 { tos: 0xb8, ..header.clone() }.build(&datagram)),
        ("don't fragment", Ipv4 { dont_fragment: true, ..header.clone() }.build(&datagram)),
        ("time to live of 2", Ipv4 { ttl: 2, ..header.clone() }.build(&datagram)),
        ("options", Ipv4 { options: vec![0x94, 4, 0, 0, 1, 1, 1, 0], ..header.clone() }.build(&datagram)),
        ("options and 1000 bytes", Ipv4 { options: vec![1; 40], ..header }.build(&udp(from, to, &[1; 1_000]))),
        (
            "options and a segment",
            Ipv4 { options: vec![1; 8], ..Ipv4::new(CLIENT_4, server, protocol::TCP) }.build(&tcp(
                from,
                to,
                &Tcp { flags: flags::SYN, ..Tcp::default() },
                b"x",
            )),
        ),
    ];
    let named = segments(from, to).into_iter().chain(datagrams(from, to)).chain(unusual);
    named.map(|(name, packet)| (name.to_owned(), packet)).chain(messages).collect()
}

fn v6_packets(server: Ipv6Addr) -> Vec<Named> {
    let (from, to) = (SocketAddr::from((CLIENT_6, 1_024)), SocketAddr::from((server, PORT)));
    let quoted = udp_packet(to, from, b"x");
    let message = |kind| icmpv6(CLIENT_6, server, [kind, 0], 7, &quoted);
    let messages = [0, 1, 2, 3, 4, 5, 100, 127, 128, 129, 130, 139, 143, 200, 255]
        .map(|kind| (format!("ICMPv6 {kind}"), ip(CLIENT_6.into(), server.into(), protocol::ICMPV6, &message(kind))));
    let header = |number| Ipv6::new(CLIENT_6, server, number);
    let datagram = udp(from, to, b"query");
    let syn = tcp(from, to, &Tcp { flags: flags::SYN, ..Tcp::default() }, b"x");
    let options =
        |number| header(number).extension(protocol::HOP_BY_HOP, &[1, 4]).extension(protocol::DESTINATION, &[1, 12]);
    let unusual = [
        ("wrong ICMPv6 checksum", wrong(ip(CLIENT_6.into(), server.into(), protocol::ICMPV6, &message(128)))),
        (
            "traffic class and flow label",
            Ipv6 { traffic_class: 0xff, flow_label: 0xa_bcde, ..header(protocol::UDP) }.build(&datagram),
        ),
        ("hop limit of 2", Ipv6 { hop_limit: 2, ..header(protocol::UDP) }.build(&datagram)),
        ("extension headers", options(protocol::UDP).build(&datagram)),
        ("extension headers and a segment", options(protocol::TCP).build(&syn)),
        ("extension headers and ICMPv6", options(protocol::ICMPV6).build(&message(1))),
        ("nothing follows", header(protocol::NO_NEXT).build(b"")),
        ("nothing follows, and then something", header(protocol::NO_NEXT).build(b"12345678")),
        ("extension header and then nothing", header(253).extension(protocol::DESTINATION, &[1, 4]).build(b"")),
    ];
    let named = segments(from, to).into_iter().chain(datagrams(from, to)).chain(unusual);
    named.map(|(name, packet)| (name.to_owned(), packet)).chain(messages).collect()
}

/// Compares all answers to packets through the gateway, and to it, and gives ours.
fn compare(kernel: &mut Kernel, withs: &[(&str, RejectWith)], packets: &[(Hook, Vec<Named>)]) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    let mut differences = Vec::new();
    for (told, with) in withs {
        reject_with(told);
        for (hook, packets) in packets {
            for (name, packet) in packets {
                let theirs = kernels(kernel, packet);
                let own = ours(*with, packet, *hook);
                if comparable(theirs.clone()) != comparable(own.clone()) {
                    differences.push(format!("{told}, {hook}, {name}:\nkernel {theirs:02x?}\nours   {own:02x?}"));
                }
                answers.extend(own);
            }
        }
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    answers
}

/// tshark finds nothing wrong with these packets. Where it is not there one line says so.
fn is_valid(answers: &[Vec<u8>]) {
    let file = pcap(link_type::RAW, 1 << 16, answers.iter().map(|answer| (0, answer)));
    let checks = ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE"];
    let options = checks.iter().flat_map(|check| ["-o", check]);
    let count = |filter: &str| {
        let mut tshark = Command::new("tshark");
        tshark.args(["-r", "-", "-Y", filter]).args(options.clone());
        let child = tshark.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.ok()?;
        let mut pipe = child.stdin.take().expect("a pipe");
        let file = file.clone();
        let writer = std::thread::spawn(move || pipe.write_all(&file));
        let output = child.wait_with_output().expect("it ends");
        writer.join().expect("no panic").expect("it reads");
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // tshark 4.0 sums what is quoted of a segment as if it were all of it.
    let wrong = "_ws.malformed || ip.checksum.status == \"Bad\" || (tcp.checksum.status == \"Bad\" && !icmp) || \
                 icmp.checksum.status == \"Bad\" || icmpv6.checksum.status == \"Bad\"";
    let right =
        "ip.checksum.status == \"Good\" || tcp.checksum.status == \"Good\" || icmpv6.checksum.status == \"Good\"";
    match (count(wrong), count(right)) {
        (Some(wrong), Some(right)) => {
            assert_eq!(wrong, "");
            assert_eq!(right.lines().count(), answers.len(), "all were looked at");
        }
        _ => not_tested("tshark"),
    }
}

#[test]
fn answers_are_the_kernels() {
    with_gateway(|kernel| {
        let packets = [(Hook::Forward, v4_packets(SERVER_4)), (Hook::LocalIn, v4_packets(OWN_4))];
        let answers = compare(kernel, &V4, &packets);
        assert!(answers.len() > 300, "{} answers", answers.len());
        is_valid(&answers);
    });
}

#[test]
fn answers_of_version_6_are_the_kernels() {
    with_gateway(|kernel| {
        let packets = [(Hook::Forward, v6_packets(SERVER_6)), (Hook::LocalIn, v6_packets(OWN_6))];
        let answers = compare(kernel, &V6, &packets);
        assert!(answers.len() > 300, "{} answers", answers.len());
        is_valid(&answers);
    });
}
