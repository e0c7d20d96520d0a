//! `--pcap-out`, checked by what the packets say themselves.

use std::collections::BTreeMap;

use super::world::{Left, class, flow, packet, read_pcap, report, together};
use crate::support::{Files, HOST, OTHER, SERVER, Timed, raw};

/// Simulates, and gives the report and the packets that left.
fn shaped(files: &Files, capture: &[u8], shaping: &str) -> (serde_json::Value, Vec<Left>) {
    let out = files.path("out.pcap");
    let report = report(files, capture, shaping, &["--pcap-out", &out]);
    (report, read_pcap(&std::fs::read(out).unwrap()))
}

/// The port to which a packet goes, and its number.
fn named(left: &Left) -> (u16, u32) {
    let ip = if left.bytes[0] >> 4 == 4 { 20 } else { 40 };
    let port = u16::from_be_bytes(left.bytes[ip + 2..ip + 4].try_into().unwrap());
    (port, u32::from_be_bytes(left.bytes[ip + 8..ip + 12].try_into().unwrap()))
}

/// Three classes by port; twice what they carry together is offered to two of them.
const SHAPING: &str = "\
link set dev wan speed 2mbit
qdisc add dev wan root handle 1: htb default 3
class add dev wan parent 1: classid 1:9 htb rate 1600kbit ceil 1600kbit burst 4k cburst 4k
class add dev wan parent 1:9 classid 1:1 htb rate 400kbit ceil 800kbit burst 4k cburst 4k
class add dev wan parent 1:9 classid 1:2 htb rate 400kbit ceil 1600kbit burst 4k cburst 4k
class add dev wan parent 1:9 classid 1:3 htb rate 800kbit ceil 1600kbit burst 4k cburst 4k
qdisc add dev wan parent 1:1 pfifo limit 50
qdisc add dev wan parent 1:2 pfifo limit 50
qdisc add dev wan parent 1:3 pfifo limit 50
filter add dev wan parent 1: protocol ip prio 1 u32 match ip dport 1001 0xffff flowid 1:1
filter add dev wan parent 1: protocol ip prio 1 u32 match ip dport 1002 0xffff flowid 1:2
filter add dev wan parent 1: protocol ipv6 prio 2 u32 match ip6 dport 1001 0xffff flowid 1:1
filter add dev wan parent 1: protocol ipv6 prio 2 u32 match ip6 dport 1002 0xffff flowid 1:2
";

#[test]
fn what_left_is_what_the_report_says_in_order_and_in_time() {
    for (one, other, server) in [(HOST, OTHER, SERVER), ("fd00::2", "fd00::3", "2001:db8::1")] {
        let files = Files::new(&format!("simulate-left-{}", one.len()));
        let flows =
            [flow(one, server, 1001, 150, 4), flow(other, server, 1002, 150, 4), flow(one, server, 1003, 40, 4)];
        let sent = together(flows);
        let (report, left) = shaped(&files, &raw(sent.clone()), SHAPING);
        // As many as the report says, of each class.
        let mut by_port: BTreeMap<u16, Vec<(u64, u32)>> = BTreeMap::new();
        for packet in &left {
            let (port, number) = named(packet);
            by_port.entry(port).or_default().push((packet.time, number));
        }
        for (port, name) in [(1001, "1:1"), (1002, "1:2"), (1003, "1:3")] {
            let row = class(&report, "wan", name);
            assert_eq!(row["carried"]["packets"], by_port[&port].len(), "{name}");
            let offered = sent.iter().filter(|(_, bytes)| named(&read(bytes)).0 == port).count() as u64;
            assert_eq!(row["dropped"]["packets"], offered - by_port[&port].len() as u64, "{name}");
            // In the order in which they came.
            assert!(by_port[&port].is_sorted_by(|one, next| one.1 < next.1), "{name}");
        }
        assert_eq!(class(&report, "wan", "1:3")["dropped"]["packets"], 0);
        // Their delays, from the two captures.
        let came: BTreeMap<(u16, u32), u64> =
            sent.iter().map(|(time, bytes)| (named(&read(bytes)), time * 1_000)).collect();
        let delays: Vec<u64> = left.iter().map(|packet| packet.time - came[&named(packet)]).collect();
        let total = class(&report, "wan", "1:9");
        let told = |what: &str| (total["delay"][what].as_f64().unwrap() * 1e9).round() as u64;
        assert_eq!(told("max"), *delays.iter().max().unwrap());
        assert_eq!(told("mean"), (delays.iter().sum::<u64>() / delays.len() as u64));
        let mut sorted = delays.clone();
        sorted.sort_unstable();
        let p95 = sorted[(sorted.len() * 95).div_ceil(100) - 1];
        assert!(told("p95").abs_diff(p95) <= p95 / 64, "{} {p95}", told("p95"));
        // On the line one packet comes behind the other, and each takes its 4 ms.
        assert!(left.is_sorted_by(|one, next| one.time + next.wire_len * 8 * 500 <= next.time));
        // No class has more than its ceil and its burst, in any window from one packet to another. A packet leaves when
        // its class has any token left, and so may be that much in debt.
        for (port, ceil) in [(1001, 100_000u64), (1002, 200_000), (0, 200_000)] {
            let times: Vec<u64> = match port {
                0 => left.iter().map(|packet| packet.time).collect(),
                port => by_port[&port].iter().map(|(time, _)| *time).collect(),
            };
            for (at, start) in times.iter().enumerate() {
                for (count, end) in times[at..].iter().enumerate() {
                    let allowed = ceil * (end - start) / 1_000_000_000 + 4_096 + 2_000;
                    assert!(count as u64 * 1_000 <= allowed, "port {port}: {count} in {} ns", end - start);
                }
            }
        }
        // And all that was to be had was used: the parent is backlogged from the first half second on.
        let window = left.iter().filter(|packet| (500_000_000..3_500_000_000).contains(&packet.time)).count();
        assert!((597..=603).contains(&window), "{window} packets in 3 s at 200 a second");
    }
}

/// A packet that did not go through anything.
fn read(bytes: &[u8]) -> Left {
    Left { time: 0, wire_len: bytes.len() as u64, bytes: bytes.to_vec() }
}

#[test]
fn the_mark_of_congestion_is_written_with_its_checksum() {
    for (host, server) in [(HOST, SERVER), ("fd00::2", "2001:db8::1")] {
        let files = Files::new(&format!("simulate-ecn-{}", host.len()));
        let mut sent: Vec<Timed> = flow(host, server, 80, 200, 4);
        for (_, bytes) in &mut sent {
            // ECT(0); the checksum of IPv4 is put right.
            match bytes[0] >> 4 {
                4 => {
                    bytes[1] |= 2;
                    bytes[10..12].fill(0);
                    let sum = checksum(&bytes[..20]);
                    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
                }
                _ => bytes[1] |= 0x20,
            }
        }
        let shaping = "link set dev wan speed 800kbit\nqdisc add dev wan root handle 1: fq_codel ecn\n";
        let (report, left) = shaped(&files, &raw(sent), shaping);
        let mut marked = 0;
        for packet in &left {
            let is_marked = match packet.bytes[0] >> 4 {
                4 => packet.bytes[1] & 3 == 3,
                _ => packet.bytes[1] & 0x30 == 0x30,
            };
            marked += u64::from(is_marked);
            if packet.bytes[0] >> 4 == 4 {
                assert_eq!(checksum(&packet.bytes[..20]), 0);
            }
        }
        let devices = report["devices"].as_array().unwrap();
        let wan = devices.iter().find(|each| each["device"] == "wan").unwrap();
        assert_eq!(wan["marked"], marked);
        assert!(marked > 0 && marked < left.len() as u64, "{marked}");
    }
}

/// The Internet checksum (RFC 1071): 0 over a header that has a right one.
fn checksum(header: &[u8]) -> u16 {
    let sum: u32 = header.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    !(((sum & 0xffff) + (sum >> 16)) as u16)
}

#[test]
fn two_devices_are_written_in_the_order_of_time() {
    let files = Files::new("simulate-two-devices");
    // 80 ms on the one line, 0.8 ms on the other.
    let sent = together([flow(HOST, SERVER, 80, 10, 2), flow(SERVER, HOST, 80, 100, 2)]);
    let (_, left) =
        shaped(&files, &raw(sent.clone()), "link set dev wan speed 100kbit\nlink set dev lan speed 10mbit\n");
    assert_eq!(left.len(), sent.len());
    assert!(left.is_sorted_by_key(|packet| packet.time));
}

#[test]
fn standard_output_takes_the_packets_in_the_place_of_the_report() {
    let files = Files::new("simulate-pcap-stdout");
    let capture = files.write("in.pcap", &raw([(7, packet(HOST, SERVER, 80, 100, 1))]));
    let shaping = files.write("shaping.tc", b"");
    let args = ["simulate", &capture, "--tc", &shaping, "--pcap-out", "-"];
    let output = crate::support::command(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let left = read_pcap(&output.stdout);
    assert_eq!((left.len(), left[0].time, left[0].wire_len), (1, 7_000, 100));
}
