//! Captures with packets that can be told apart, shapings, and captures read back.

use serde_json::Value;

use tctable_lab::packets::udp_packet;

use crate::support::{Files, Timed, socket, tctable};

/// The classic example: 100 kB/s for three classes, of which those of two hosts are told by their addresses.
pub const CLASSIC: &str = "\
qdisc add dev eth0 root handle 1: htb default 12
class add dev eth0 parent 1: classid 1:1 htb rate 100kbps ceil 100kbps
class add dev eth0 parent 1:1 classid 1:10 htb rate 30kbps ceil 100kbps
class add dev eth0 parent 1:1 classid 1:11 htb rate 10kbps ceil 100kbps
class add dev eth0 parent 1:1 classid 1:12 htb rate 60kbps ceil 100kbps
filter add dev eth0 protocol ip parent 1:0 prio 1 u32 match ip src 192.168.1.2 match ip dport 80 0xffff flowid 1:10
filter add dev eth0 protocol ip parent 1:0 prio 1 u32 match ip src 192.168.1.2 flowid 1:11
";

/// A UDP datagram in an IP packet of that length, with a number in it.
pub fn packet(from: &str, to: &str, port: u16, len: usize, number: u32) -> Vec<u8> {
    let headers = if from.contains(':') { 48 } else { 28 };
    let mut payload = vec![0; len - headers];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    udp_packet(socket(from, 5000), socket(to, port), &payload)
}

/// Packets of 1,000 bytes from one host to another, so many a second, over that many seconds; numbered from 0 on.
pub fn flow(from: &str, to: &str, port: u16, per_second: u64, seconds: u64) -> Vec<Timed> {
    let numbers = 0..per_second * seconds;
    numbers.map(|n| (n * 1_000_000 / per_second, packet(from, to, port, 1_000, n as u32))).collect()
}

/// Several flows in the order of time.
pub fn together(flows: impl IntoIterator<Item = Vec<Timed>>) -> Vec<Timed> {
    let mut all: Vec<Timed> = flows.into_iter().flatten().collect();
    all.sort_by_key(|(time, _)| *time);
    all
}

/// A packet of a capture that was read back.
pub struct Left {
    /// In nanoseconds.
    pub time: u64,
    pub wire_len: u64,
    pub bytes: Vec<u8>,
}

/// Reads a pcap file with nanoseconds.
pub fn read_pcap(file: &[u8]) -> Vec<Left> {
    let word = |at: usize| u64::from(u32::from_le_bytes(file[at..at + 4].try_into().unwrap()));
    assert_eq!(word(0), 0xa1b2_3c4d, "no pcap with nanoseconds");
    let mut packets = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let kept = word(at + 8) as usize;
        let bytes = file[at + 16..at + 16 + kept].to_vec();
        packets.push(Left { time: word(at) * 1_000_000_000 + word(at + 4), wire_len: word(at + 12), bytes });
        at += 16 + kept;
    }
    packets
}

/// Simulates, and gives standard output of a run without complaints.
pub fn simulate(files: &Files, capture: &[u8], shaping: &str, options: &[&str]) -> String {
    let (capture, shaping) = (files.write("in.pcap", capture), files.write("shaping.tc", shaping.as_bytes()));
    tctable(&[&["simulate", &capture, "--tc", &shaping], options].concat()).clean()
}

/// The JSON document of a simulation.
pub fn report(files: &Files, capture: &[u8], shaping: &str, options: &[&str]) -> Value {
    let text = simulate(files, capture, shaping, &[options, &["--format", "json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A class's object in the document.
pub fn class<'a>(report: &'a Value, device: &str, class: &str) -> &'a Value {
    let classes = report["classes"].as_array().unwrap();
    let found = classes.iter().find(|each| each["device"] == device && each["class"] == class);
    found.unwrap_or_else(|| panic!("no {class} of {device} in {report}"))
}

/// A host's object of a device.
pub fn host<'a>(report: &'a Value, device: &str, ip: &str) -> &'a Value {
    let hosts = report["hosts"].as_array().unwrap();
    let found = hosts.iter().find(|each| each["device"] == device && each["ip"] == ip);
    found.unwrap_or_else(|| panic!("no {ip} of {device} in {report}"))
}

/// Every row: offered = carried + dropped + taken, in packets and bytes.
pub fn check_identity(report: &Value) {
    for list in ["devices", "classes", "hosts"] {
        for row in report[list].as_array().unwrap() {
            for what in ["packets", "bytes"] {
                let count = |name: &str| row[name][what].as_u64().unwrap();
                assert_eq!(count("offered"), count("carried") + count("dropped") + count("taken"), "{row}");
            }
        }
    }
}
