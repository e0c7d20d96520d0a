//! `--connections`: as conntrack prints them. For a capture of traffic in a network namespace the lines were those of
//! `conntrack -L -o extended` (conntrack-tools 1.4.7) to the byte, timeouts apart.

use tctable_lab::packets::{icmp_echo, icmpv6_echo, ip, protocol};

use crate::support::*;

fn capture() -> Vec<u8> {
    let ping =
        |from: &str, to: &str, reply| ip(address(from), address(to), protocol::ICMP, &icmp_echo(reply, 7, 1, &[0; 56]));
    let ping6 = |from: &str, to: &str, reply| {
        let (src, dst) = (from.parse().unwrap(), to.parse().unwrap());
        ip(address(from), address(to), protocol::ICMPV6, &icmpv6_echo(src, dst, reply, 9, 1, &[0; 56]))
    };
    let esp = |from: &str, to: &str| ip(address(from), address(to), 50, &[0; 8]);
    let [syn, syn_ack, ack] = handshake("fd00::2", "2001:db8::1");
    raw([
        (0, udp(HOST, SERVER)),
        (0, syn),
        (0, syn_ack),
        (0, ack),
        (0, esp("192.168.1.3", SERVER)),
        (0, esp("fd00::3", "2001:db8::1")),
        (0, ping(HOST, SERVER, false)),
        (0, ping(SERVER, HOST, true)),
        (0, ping6("fd00::4", "2001:db8::1", false)),
        (0, ping6("2001:db8::1", "fd00::4", true)),
        // A millisecond later, whole seconds are one less.
        (1_000, udp_answer(SERVER, HOST)),
        (2_000, udp(OTHER, SERVER)),
    ])
}

const LINES: [&str; 7] = [
    "ipv4     2 udp      17 29 src=192.168.1.2 dst=93.184.216.34 sport=5000 dport=53 packets=1 bytes=100 \
     src=93.184.216.34 dst=192.168.1.2 sport=53 dport=5000 packets=1 bytes=100 mark=0 use=1",
    "ipv6     10 tcp      6 431999 ESTABLISHED src=fd00::2 dst=2001:db8::1 sport=1234 dport=80 packets=2 bytes=120 \
     src=2001:db8::1 dst=fd00::2 sport=80 dport=1234 packets=1 bytes=60 [ASSURED] mark=0 use=1",
    "ipv4     2 unknown  50 599 src=192.168.1.3 dst=93.184.216.34 packets=1 bytes=28 [UNREPLIED] \
     src=93.184.216.34 dst=192.168.1.3 packets=0 bytes=0 mark=0 use=1",
    "ipv6     10 unknown  50 599 src=fd00::3 dst=2001:db8::1 packets=1 bytes=48 [UNREPLIED] \
     src=2001:db8::1 dst=fd00::3 packets=0 bytes=0 mark=0 use=1",
    "ipv4     2 icmp     1 29 src=192.168.1.2 dst=93.184.216.34 type=8 code=0 id=7 packets=1 bytes=84 \
     src=93.184.216.34 dst=192.168.1.2 type=0 code=0 id=7 packets=1 bytes=84 mark=0 use=1",
    "ipv6     10 icmpv6   58 29 src=fd00::4 dst=2001:db8::1 type=128 code=0 id=9 packets=1 bytes=104 \
     src=2001:db8::1 dst=fd00::4 type=129 code=0 id=9 packets=1 bytes=104 mark=0 use=1",
    "ipv4     2 udp      17 30 src=192.168.1.3 dst=93.184.216.34 sport=5000 dport=53 packets=1 bytes=100 [UNREPLIED] \
     src=93.184.216.34 dst=192.168.1.3 sport=53 dport=5000 packets=0 bytes=0 mark=0 use=1",
];

#[test]
fn lines_are_those_of_conntrack() {
    let text = replay(&capture(), &["--connections"]);
    assert_eq!(text.lines().collect::<Vec<_>>(), LINES);
}

#[test]
fn with_a_file_the_hosts_are_printed_too() {
    let files = Files::new("connections");
    let option = format!("--connections={}", files.path("ct.txt"));
    assert_eq!(replay(&capture(), &[&option, "--format", "proc"]), replay(&capture(), &["--format", "proc"]));
    assert_eq!(files.read("ct.txt").lines().collect::<Vec<_>>(), LINES);
}

#[test]
fn json_lines_tell_host_and_id() {
    let connections = lines(&replay(&capture(), &["--connections", "--format", "json"]));
    let named: Vec<_> =
        connections.iter().map(|each| (each["host"].as_str().unwrap(), each["id"].as_u64().unwrap())).collect();
    assert_eq!(named, [(HOST, 1), ("fd00::2", 1), (OTHER, 1), ("fd00::3", 1), (HOST, 2), ("fd00::4", 1), (OTHER, 2)]);
    assert_eq!(
        connections[1],
        serde_json::json!({
            "host": "fd00::2", "family": "ipv6", "id": 1, "protocol": "tcp", "state": "ESTABLISHED", "timeout": 431_999,
            "status": ["SEEN_REPLY", "ASSURED", "CONFIRMED"],
            "original": {
                "src": "fd00::2", "dst": "2001:db8::1", "sport": 1234, "dport": 80, "packets": 2, "bytes": 120
            },
            "reply": {"src": "2001:db8::1", "dst": "fd00::2", "sport": 80, "dport": 1234, "packets": 1, "bytes": 60},
            "first": 0.0, "last": 0.0
        })
    );
    assert_eq!((&connections[2]["protocol"], &connections[2]["protocol_number"]), (&"unknown".into(), &50.into()));
}

#[test]
fn a_connection_between_strangers_has_neither_host_nor_id() {
    let connections = lines(&replay(&raw([(0, udp(SERVER, "8.8.8.8"))]), &["--connections", "--format", "json"]));
    assert!(connections[0].get("host").is_none() && connections[0].get("id").is_none(), "{connections:?}");
}

#[test]
fn gre_is_told_with_its_keys() {
    let text = replay(&raw([(0, gre("192.168.1.3", SERVER))]), &["--connections"]);
    assert_eq!(
        text.trim_end(),
        "ipv4     2 gre      47 30 src=192.168.1.3 dst=93.184.216.34 srckey=0x0 dstkey=0x0 packets=1 bytes=28 \
         [UNREPLIED] src=93.184.216.34 dst=192.168.1.3 srckey=0x0 dstkey=0x0 packets=0 bytes=0 mark=0 use=1"
    );
}
