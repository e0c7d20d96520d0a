//! Nothing is lost: the sum of all rows and of what was not accounted equals the capture, and equals an independent
//! count over the same bytes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;
use tctable_io::capture::{Resolution, Writer};
use tctable_lab::generate::Kind;
use tctable_lab::packets::{Ipv4, link_type, pcap, protocol};

use crate::support::*;

const CLASSES: [&str; 4] = ["tcp", "udp", "icmp", "other"];

/// Packets and bytes.
type Counter = [u64; 2];

fn counter(value: &Value) -> Counter {
    ["packets", "bytes"].map(|key| value[key].as_u64().unwrap_or_else(|| panic!("{value}")))
}

fn sum(counters: impl IntoIterator<Item = Counter>) -> Counter {
    counters.into_iter().fold([0; 2], |sum, counter| [sum[0] + counter[0], sum[1] + counter[1]])
}

/// The equations that every document keeps.
pub fn check(report: &Value) {
    let (totals, unaccounted) = (&report["totals"], &report["unaccounted"]);
    let hosts = report["hosts"].as_array().unwrap().iter();
    let side = |side: &str| sum(hosts.clone().flat_map(|host| CLASSES.map(|class| counter(&host[class][side]))));
    assert_eq!(side("tx"), counter(&totals["tx"]));
    assert_eq!(side("rx"), counter(&totals["rx"]));
    let missing = ["outside_to_outside", "host_table_full", "conntrack_full", "host_limit", "fragments_refused"];
    let accounted = sum([side("tx"), side("rx")].into_iter().chain(missing.map(|key| counter(&unaccounted[key]))));
    let twice = counter(&totals["inside_to_inside"]);
    assert_eq!([accounted[0] - twice[0], accounted[1] - twice[1]], counter(totals), "{unaccounted}");

    let packets = |value: &Value| value["packets"].as_u64().unwrap();
    let other = packets(&unaccounted["not_ip"]) + packets(&unaccounted["malformed"]);
    assert_eq!(packets(&report["capture"]), packets(totals) + other);
    for (all, parts) in [("not_ip", "by_ethertype"), ("malformed", "by_cause")] {
        let parts = unaccounted[all][parts].as_object().unwrap().values().map(counter);
        assert_eq!(sum(parts), counter(&unaccounted[all]));
    }
    let files = report["capture"]["files"].as_array().unwrap().iter().map(counter);
    assert_eq!(sum(files), counter(&report["capture"]));
}

/// What an Ethernet pcap file holds, by a walk over its bytes that shares nothing with the engine.
#[derive(Debug, Default, PartialEq)]
struct Count {
    frames: Counter,
    ip: Counter,
    both: Counter,
    neither: Counter,
    /// By address and class: sent, received.
    hosts: BTreeMap<(IpAddr, &'static str), [Counter; 2]>,
}

impl Count {
    fn of(file: &[u8]) -> Count {
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let mut count = Count::default();
        let mut at = 24;
        while at < file.len() {
            let (kept, wire) = (word(at + 8), word(at + 12));
            count.frames = sum([count.frames, [1, wire as u64]]);
            count.frame(&file[at + 16..at + 16 + kept]);
            at += 16 + kept;
        }
        count
    }

    fn frame(&mut self, frame: &[u8]) {
        let packet = &frame[14..];
        let (from, to, number, bytes): (IpAddr, IpAddr, u8, u64) = match frame[12..14] {
            [8, 0] => {
                let ip = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&packet[at..at + 4]).unwrap()).into();
                (ip(12), ip(16), packet[9], u64::from(packet[2]) << 8 | u64::from(packet[3]))
            }
            [0x86, 0xdd] => {
                let ip = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&packet[at..at + 16]).unwrap()).into();
                (ip(8), ip(24), packet[6], (u64::from(packet[4]) << 8 | u64::from(packet[5])) + 40)
            }
            _ => return,
        };
        let one = [1, bytes];
        self.ip = sum([self.ip, one]);
        let class = match number {
            6 => "tcp",
            17 => "udp",
            1 | 58 => "icmp",
            _ => "other",
        };
        let sides: Vec<_> = [from, to].into_iter().enumerate().filter(|(_, ip)| inside(*ip)).collect();
        match sides.len() {
            0 => self.neither = sum([self.neither, one]),
            2 => self.both = sum([self.both, one]),
            _ => {}
        }
        for (side, ip) in sides {
            let host = self.hosts.entry((ip, class)).or_default();
            host[side] = sum([host[side], one]);
        }
    }
}

fn inside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The same from a document.
fn told(report: &Value) -> Count {
    let mut hosts = BTreeMap::new();
    for host in report["hosts"].as_array().unwrap() {
        let ip: IpAddr = host["ip"].as_str().unwrap().parse().unwrap();
        for class in CLASSES {
            let sides = ["tx", "rx"].map(|side| counter(&host[class][side]));
            if sides != [[0; 2]; 2] {
                hosts.insert((ip, class), sides);
            }
        }
    }
    Count {
        frames: counter(&report["capture"]),
        ip: counter(&report["totals"]),
        both: counter(&report["totals"]["inside_to_inside"]),
        neither: counter(&report["unaccounted"]["outside_to_outside"]),
        hosts,
    }
}

#[test]
fn generated_captures_equal_an_independent_count() {
    for (kind, packets, seconds) in [
        (Kind::Office, 30_000, 10),
        // Long enough for connections and hosts to expire.
        (Kind::Office, 30_000, 36_000),
        (Kind::Churn, 20_000, 10),
        (Kind::Elephant, 20_000, 10),
    ] {
        let capture = generated(kind, packets, seconds);
        let report = report(&capture, &[]);
        check(&report);
        assert_eq!(told(&report), Count::of(&capture), "{kind} over {seconds} s");
    }
}

#[test]
fn lengths_come_from_the_ip_header_when_the_snap_length_cut_the_packet() {
    let expected = told(&report(&raw(mixture()), &[]));
    // 40 bytes end before the ports of IPv6.
    for snap_len in [40, 48, 60] {
        let report = report(&pcap(link_type::RAW, snap_len, mixture()), &[]);
        check(&report);
        assert_eq!(told(&report), expected, "{snap_len}");
    }
}

#[test]
fn more_than_four_gigabytes_on_one_connection_are_exact() {
    const PACKETS: u64 = 70_000;
    let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    packet.extend(Ipv4::new([192, 168, 1, 2], [93, 184, 216, 34], protocol::UDP).build(&[0; 65_515]));
    // Ports and length of the datagram.
    packet[34..42].copy_from_slice(&[0, 7, 0, 9, 0xff, 0xeb, 0, 0]);
    let wire = packet.len() as u32;
    let mut writer = Writer::new(Vec::new(), tctable::packet::LinkType::Ethernet, 54, Resolution::Nanos).unwrap();
    for n in 0..PACKETS {
        writer.write(tctable::time::Instant::from_nanos(1 << 60 | n), wire, &packet).unwrap();
    }
    let capture = writer.finish().unwrap();

    let expected = [PACKETS, PACKETS * 65_535];
    let report = report(&capture, &[]);
    check(&report);
    assert_eq!(counter(&host(&report, HOST)["udp"]["tx"]), expected);
    assert_eq!(counter(&report["capture"]), [PACKETS, PACKETS * 65_549]);
    let connections = lines(&replay(&capture, &["--connections", "--format", "json"]));
    assert_eq!(counter(&connections[0]["original"]), expected);
}

#[test]
fn what_is_no_sound_ip_packet_is_counted_by_cause() {
    let ethernet = |ethertype: u16, payload: &[u8]| {
        let [high, low] = ethertype.to_be_bytes();
        (0, [&[2; 12], &[high, low][..], payload].concat())
    };
    let mut wrong_version = udp(HOST, SERVER);
    wrong_version[0] = 0x55;
    let capture = pcap(
        link_type::ETHERNET,
        65_535,
        [
            ethernet(0x0800, &udp(HOST, SERVER)),
            ethernet(0x0806, &[0; 28]),
            ethernet(0x0806, &[0; 46]),
            ethernet(0x88cc, &[0; 50]),
            ethernet(0x0800, &wrong_version),
            (0, vec![2; 5]),
        ],
    );
    let report = report(&capture, &[]);
    check(&report);
    let unaccounted = &report["unaccounted"];
    assert_eq!(counter(&unaccounted["not_ip"]["by_ethertype"]["0x0806"]), [2, 42 + 60]);
    assert_eq!(counter(&unaccounted["not_ip"]["by_ethertype"]["0x88cc"]), [1, 64]);
    assert_eq!(counter(&unaccounted["malformed"]["by_cause"]["ip_version"]), [1, 114]);
    assert_eq!(counter(&unaccounted["malformed"]["by_cause"]["link_header_cut"]), [1, 5]);
    let table = replay(&capture, &[]);
    assert!(table.contains("not IP: ARP (0x0806): 2 packets, 102 B"), "{table}");
    assert!(table.contains("malformed: bad IP version: 1 packet, 114 B"), "{table}");
}
