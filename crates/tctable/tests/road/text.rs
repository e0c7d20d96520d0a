//! The text views, line by line. What the running kernel writes for the same packets is compared with them in `tctable-lab`.

use std::io::{self, Write};

use tctable::packet::DeviceId;
use tctable::time::Duration;
use tctable::{Gateway, text};
use tctable_lab::packets::{ip, protocol, sctp, sctp_chunk, udp_lite, udp_packet};

use crate::support::{BOTH, Net, Road, START, V4, V6};

type View = fn(&Gateway, &mut dyn Write) -> io::Result<()>;

fn tc_counter(gateway: &Gateway, out: &mut dyn Write) -> io::Result<()> {
    text::tc_counter(gateway, START, out)
}

fn read(road: &Road, view: View) -> String {
    let mut text = Vec::new();
    view(&road.gateway, &mut text).expect("memory takes all");
    String::from_utf8(text).expect("text")
}

/// The one line of `net/nf_conntrack` 1.9 seconds after these packets.
fn line(packets: &[Vec<u8>]) -> String {
    let mut road = Road::new();
    for packet in packets {
        road.pass(packet);
    }
    road.wait(Duration::from_millis(1_900)).tick();
    read(&road, text::nf_conntrack)
}

fn handshake(net: Net) -> [Vec<u8>; 3] {
    [net.out("S"), net.back("S."), net.out(".")]
}

#[test]
fn connections_of_ipv4() {
    assert_eq!(
        line(&handshake(V4)),
        "ipv4     2 tcp      6 431998 ESTABLISHED src=192.168.0.7 dst=198.51.100.1 sport=40000 dport=443 packets=2 bytes=80 \
         src=198.51.100.1 dst=192.168.0.7 sport=443 dport=40000 packets=1 bytes=40 [ASSURED] mark=0 zone=0 delta-time=1 use=2\n"
    );
    assert_eq!(
        line(&[V4.ping(77), V4.pong(77)]),
        "ipv4     2 icmp     1 28 src=192.168.0.7 dst=198.51.100.1 type=8 code=0 id=77 packets=1 bytes=28 \
         src=198.51.100.1 dst=192.168.0.7 type=0 code=0 id=77 packets=1 bytes=28 mark=0 zone=0 delta-time=1 use=2\n"
    );
    // With a key, version 0 has none of the others' keys.
    assert_eq!(
        line(&[ip(V4.client, V4.server, protocol::GRE, &[0x20, 1, 0x88, 0x0b, 0, 0, 0x12, 0x34, 0, 0, 0, 1])]),
        "ipv4     2 gre      47 28 timeout=30, stream_timeout=180 src=192.168.0.7 dst=198.51.100.1 srckey=0x0 dstkey=0x1234 \
         packets=1 bytes=32 [UNREPLIED] src=198.51.100.1 dst=192.168.0.7 srckey=0x1234 dstkey=0x0 packets=0 bytes=0 \
         mark=0 zone=0 delta-time=1 use=2\n"
    );
    assert_eq!(
        line(&[ip(V4.client, V4.server, protocol::DCCP, &[0; 16])]),
        "ipv4     2 unknown  33 598 src=192.168.0.7 dst=198.51.100.1 packets=1 bytes=36 [UNREPLIED] \
         src=198.51.100.1 dst=192.168.0.7 packets=0 bytes=0 mark=0 zone=0 delta-time=1 use=2\n"
    );
}

#[test]
fn connections_of_ipv6() {
    const THERE: &str = "src=fd00:0000:0000:0000:0000:0000:0000:0007 dst=2001:0db8:0000:0000:0000:0000:0000:0001";
    const BACK: &str = "src=2001:0db8:0000:0000:0000:0000:0000:0001 dst=fd00:0000:0000:0000:0000:0000:0000:0007";
    assert_eq!(
        line(&[V6.ask(), V6.answer()]),
        format!(
            "ipv6     10 udp      17 28 {THERE} sport=40000 dport=443 packets=1 bytes=51 \
             {BACK} sport=443 dport=40000 packets=1 bytes=54 mark=0 zone=0 delta-time=1 use=2\n"
        )
    );
    assert_eq!(
        line(&[V6.ping(77)]),
        format!(
            "ipv6     10 icmpv6   58 28 {THERE} type=128 code=0 id=77 packets=1 bytes=48 [UNREPLIED] \
             {BACK} type=129 code=0 id=77 packets=0 bytes=0 mark=0 zone=0 delta-time=1 use=2\n"
        )
    );
    let init = sctp_chunk(1, 0, &[0, 0, 0, 5, 0, 0, 9, 9, 0, 1, 0, 1, 0, 0, 0, 1]);
    assert_eq!(
        line(&[ip(V6.client, V6.server, protocol::SCTP, &sctp([7, 80], 0, &[init]))]),
        format!(
            "ipv6     10 sctp     132 8 CLOSED {THERE} sport=7 dport=80 packets=1 bytes=72 [UNREPLIED] \
             {BACK} sport=80 dport=7 packets=0 bytes=0 mark=0 zone=0 delta-time=1 use=2\n"
        )
    );
    assert_eq!(
        line(&[ip(V6.client, V6.server, protocol::UDP_LITE, &udp_lite(V6.from(), V6.to(), 8, b"lite"))]),
        format!(
            "ipv6     10 udplite  136 28 {THERE} sport=40000 dport=443 packets=1 bytes=52 [UNREPLIED] \
             {BACK} sport=443 dport=40000 packets=0 bytes=0 mark=0 zone=0 delta-time=1 use=2\n"
        )
    );
}

#[test]
fn marks_and_zones() {
    for net in BOTH {
        let mut road = Road::new();
        road.gateway.set_zone(DeviceId(0), 9);
        road.pass(&net.ask());
        let id = road.connection().0;
        road.gateway.set_mark(id, u32::MAX);
        let text = read(&road, text::nf_conntrack);
        assert!(text.ends_with(" mark=4294967295 zone=9 delta-time=0 use=2\n"), "{text}");
    }
}

/// Those whose time is over are not shown, whether their timers came round or not.
#[test]
fn what_is_over_is_not_shown() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.wait(Duration::from_secs(20)).pass(&net.ping(1));
        assert_eq!(read(&road, text::nf_conntrack).lines().count(), 2);
        // The packet tells the time, but does not turn the wheel that far.
        road.wait(Duration::from_secs(10)).pass(&net.ping(1));
        let text = read(&road, text::nf_conntrack);
        assert!(text.contains(" icmp") && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn expected_connections_and_statistics() {
    let tftp = |net: Net| udp_packet(net.from(), std::net::SocketAddr::new(net.server, 69), b"\0\x01file\0octet\0");
    let mut road = Road::new();
    road.gateway.assign_helper("tftp", protocol::UDP, 69).expect("built in");
    for net in BOTH {
        road.pass(&tftp(net));
    }
    road.pass(&V4.back("SF"));
    road.wait(Duration::from_secs(1)).tick();
    assert_eq!(
        read(&road, text::nf_conntrack_expect),
        "299 l3proto = 2 proto=17 src=198.51.100.1 dst=192.168.0.7 sport=0 dport=40000 tftp\n\
         299 l3proto = 10 proto=17 src=2001:0db8:0000:0000:0000:0000:0000:0001 \
         dst=fd00:0000:0000:0000:0000:0000:0000:0007 sport=0 dport=40000 tftp\n"
    );
    assert_eq!(
        read(&road, text::nf_conntrack_stat),
        "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  \
         expect_new expect_create expect_delete search_restart\n\
         00000002  00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 \
         00000000  00000000 00000002 00000000 00000000\n"
    );
    road.wait(Duration::from_secs(299)).tick();
    assert_eq!(read(&road, text::nf_conntrack_expect), "");
}

#[test]
fn hosts() {
    let mut road = Road::new();
    road.wait(Duration::from_millis(12_345)).pass(&V4.ask());
    road.wait(Duration::from_secs(1)).pass(&V6.pong(1));
    const NONE: &str = "[ tx pcnt=0 bcnt=0 ] [ rx pcnt=0 bcnt=0 ] conn=0";
    assert_eq!(
        read(&road, tc_counter),
        format!(
            "192.168.0.7 899 {{ tcp {NONE} }} {{ udp [ tx pcnt=1 bcnt=31 ] [ rx pcnt=0 bcnt=0 ] conn=1 }} {{ icmp {NONE} }} \
             {{ other {NONE} }} use=2 last=1234 next_id=2\n\
             fd00::7 900 {{ tcp {NONE} }} {{ udp {NONE} }} {{ icmp [ tx pcnt=0 bcnt=0 ] [ rx pcnt=1 bcnt=48 ] conn=0 }} \
             {{ other {NONE} }} use=1 last=1334 next_id=1\n"
        )
    );
}

/// Takes so many lines, and no more.
struct Full {
    lines: usize,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert_eq!(bytes.iter().position(|byte| *byte == b'\n'), Some(bytes.len() - 1), "a whole line");
        self.lines = self.lines.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_gets_whole_lines_and_its_error_is_told() {
    let mut road = Road::new();
    for net in BOTH {
        road.pass(&net.ask());
        road.pass(&net.ping(1));
    }
    let views: [(View, usize); 3] = [(text::nf_conntrack, 4), (text::nf_conntrack_stat, 2), (tc_counter, 2)];
    for (view, lines) in views {
        assert!(view(&road.gateway, &mut Full { lines }).is_ok());
        let refused = view(&road.gateway, &mut Full { lines: lines - 1 });
        assert_eq!(refused.map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
    }
}
