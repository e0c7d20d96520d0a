//! Whatever a capture comes in, the report is the same.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tctable_lab::packets::{ethernet, ethertype, linux_sll, linux_sll2, loopback, null, pcap, pppoe_session, vlan};

use super::identity;
use crate::support::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// What must be the same whatever is around the packets.
fn counted(capture: &[u8]) -> [Value; 2] {
    let mut report = report(capture, &[]);
    identity::check(&report);
    [report["totals"].take(), report["hosts"].take()]
}

fn ppp_protocol(packet: &[u8]) -> u16 {
    if packet[0] >> 4 == 4 { 0x0021 } else { 0x0057 }
}

/// Tags around a packet, the outermost one first; gives the ethertype of the whole and its bytes.
fn tagged(packet: &[u8], tags: &[u16]) -> (u16, Vec<u8>) {
    tags.iter()
        .rev()
        .fold((ethertype_of(packet), packet.to_vec()), |(inner, bytes), tag| (*tag, vlan(7, inner, &bytes)))
}

#[test]
fn every_link_type_and_tag_depth_gives_the_same_report() {
    const Q: u16 = ethertype::VLAN;
    const AD: u16 = ethertype::QINQ;
    type Wrap = fn(&[u8]) -> Vec<u8>;
    fn tags(packet: &[u8], tags: &[u16]) -> Vec<u8> {
        let (outer, bytes) = tagged(packet, tags);
        ethernet(MAC, MAC, outer, &bytes)
    }
    fn family(packet: &[u8], v6: u32) -> u32 {
        if packet[0] >> 4 == 4 { 2 } else { v6 }
    }
    let wraps: [(&str, u32, Wrap); 17] = [
        ("Ethernet", 1, |packet| tags(packet, &[])),
        ("802.1Q", 1, |packet| tags(packet, &[Q])),
        ("802.1ad", 1, |packet| tags(packet, &[AD, Q])),
        ("three tags", 1, |packet| tags(packet, &[AD, Q, Q])),
        ("four tags", 1, |packet| tags(packet, &[AD, AD, Q, Q])),
        ("padded", 1, |packet| [tags(packet, &[]), vec![0; 30]].concat()),
        ("PPPoE on Ethernet", 1, |packet| {
            ethernet(MAC, MAC, ethertype::PPPOE_SESSION, &pppoe_session(1, ppp_protocol(packet), packet))
        }),
        ("PPPoE", 51, |packet| pppoe_session(1, ppp_protocol(packet), packet)),
        ("cooked", 113, |packet| linux_sll(0, MAC, ethertype_of(packet), packet)),
        ("cooked v2", 276, |packet| linux_sll2(4, 3, MAC, ethertype_of(packet), packet)),
        ("raw", 101, <[u8]>::to_vec),
        ("raw of OpenBSD", 14, <[u8]>::to_vec),
        ("loopback of FreeBSD", 0, |packet| null(family(packet, 28), packet)),
        ("loopback of macOS", 0, |packet| null(family(packet, 30), packet)),
        ("loopback of NetBSD", 0, |packet| null(family(packet, 24), packet)),
        ("loopback of a big-endian machine", 0, |packet| loopback(family(packet, 24), packet)),
        ("loopback of OpenBSD", 108, |packet| loopback(family(packet, 24), packet)),
    ];
    let expected = counted(&raw(mixture()));
    for (name, link, wrap) in wraps {
        let packets = mixture().into_iter().map(|(time, packet)| (time, wrap(&packet)));
        assert_eq!(counted(&pcap(link, 65_535, packets)), expected, "{name}");
    }
}

#[test]
fn link_types_of_one_family_are_read() {
    for (link, version) in [(228, 4), (229, 6)] {
        let packets = mixture().into_iter().filter(|(_, packet)| packet[0] >> 4 == version);
        assert_eq!(counted(&pcap(link, 65_535, packets.clone())), counted(&raw(packets)), "{link}");
    }
}

#[test]
fn a_fifth_tag_is_malformed() {
    let (outer, bytes) = tagged(&udp(HOST, SERVER), &[ethertype::VLAN; 5]);
    let report = report(&pcap(1, 65_535, [(0, ethernet(MAC, MAC, outer, &bytes))]), &[]);
    identity::check(&report);
    assert_eq!(report["unaccounted"]["malformed"]["by_cause"]["too_many_tags"]["packets"], 1);
}

/// The same file in the other byte order, or with nanoseconds.
fn rewritten(file: &[u8], big: bool, nanos: bool) -> Vec<u8> {
    let word = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let read = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let half = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut out = word(if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }).to_vec();
    out.extend([half(2), half(4)].concat());
    out.extend((8..24).step_by(4).flat_map(|at| word(read(at))));
    let mut at = 24;
    while at < file.len() {
        let kept = read(at + 8);
        let fraction = read(at + 4) * if nanos { 1_000 } else { 1 };
        out.extend([read(at), fraction, kept, read(at + 12)].into_iter().flat_map(word));
        out.extend(&file[at + 16..at + 16 + kept as usize]);
        at += 16 + kept as usize;
    }
    out
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

#[test]
fn every_file_format_gives_the_same_report() {
    let file = raw(mixture());
    let expected = counted(&file);
    for (big, nanos) in [(false, true), (true, false), (true, true)] {
        assert_eq!(counted(&rewritten(&file, big, nanos)), expected, "big {big} nanos {nanos}");
    }
    let pcapng =
        mixture().into_iter().fold(PcapNg::new().interface(101, "eth0"), |file, packet| file.packet(0, packet));
    assert_eq!(counted(&pcapng.clone().bytes()), expected);
    for whole in [file, pcapng.bytes()] {
        assert_eq!(counted(&gzipped(&whole)), expected);
        assert_eq!(counted(&zstandard(&whole)), expected);
    }
}

#[test]
fn compression_is_told_by_content_and_reported() {
    let files = Files::new("content");
    let file = files.write("no-suffix", &gzipped(&raw(mixture())));
    let report = tctable(&["replay", "--format", "json", &file]).json();
    let told = &report["capture"]["files"][0];
    assert_eq!((&told["file"], &told["format"], &told["compression"]), (&file.into(), &"pcap".into(), &"gzip".into()));
    assert_eq!(told["interfaces"][0]["link_type"], 101);
}

#[test]
fn several_files_are_one_capture() {
    let files = Files::new("several");
    let packets = mixture();
    let (early, late) = packets.split_at(5);
    let one = files.write("1.pcap", &raw(early.to_vec()));
    let two = files.write("2.pcap", &zstandard(&raw(late.to_vec())));
    let split = tctable(&["replay", "--format", "json", &one, &two]).json();
    identity::check(&split);
    let whole = report(&raw(packets), &[]);
    assert_eq!((&split["totals"], &split["hosts"]), (&whole["totals"], &whole["hosts"]));
    assert_eq!(split["capture"]["files"].as_array().unwrap().len(), 2);
}

#[test]
fn standard_input_is_one_of_the_files() {
    let files = Files::new("stdin");
    let packets = mixture();
    let (early, late) = packets.split_at(5);
    let one = files.write("1.pcap", &raw(early.to_vec()));
    let ran = with_stdin(&["replay", "--format", "proc", &one, "-"], &raw(late.to_vec()));
    assert_eq!(ran.clean(), replay(&raw(packets), &["--format", "proc"]));
}
