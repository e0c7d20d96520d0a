//! Files that are cut, corrupt or no captures: each has its named outcome.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tctable_lab::packets::pcap;

use super::identity;
use crate::support::*;

/// Two datagrams of 100 bytes: 24 bytes of header, two records of 116.
fn two() -> Vec<u8> {
    raw([(0, udp(HOST, SERVER)), (SECOND, udp_answer(SERVER, HOST))])
}

/// Nothing is reported; gives what was said on standard error.
fn refused(ran: &Ran) -> &str {
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    ran.err.trim_end()
}

#[test]
fn a_cut_file_is_read_as_far_as_it_goes() {
    let files = Files::new("cut");
    let whole = two();
    for length in [24 + 116 + 1, 24 + 116 + 16, 24 + 2 * 116 - 1] {
        let file = files.write("cut.pcap", &whole[..length]);
        let ran = tctable(&["replay", "--format", "json", &file]);
        let report = ran.json();
        identity::check(&report);
        assert_eq!((ran.code, &report["capture"]["packets"]), (1, &1.into()));
        let error = &report["capture"]["errors"][0];
        assert_eq!((&error["file"], &error["offset"]), (&file.clone().into(), &140.into()));
        let words = error["error"].as_str().unwrap();
        assert!(words.starts_with("the file is cut at byte 140"), "{words}");
        assert_eq!(ran.err, format!("tctable: {file}: {words}\n"));

        let ran = tctable(&["replay", &file]);
        assert!(ran.code == 1 && ran.out.contains(&format!("Errors       {file}: {words}\n")), "{ran:?}");
    }
}

#[test]
fn the_files_after_a_cut_one_are_read() {
    let files = Files::new("after-cut");
    let cut = files.write("cut.pcap", &two()[..200]);
    let whole = files.write("whole.pcap", &two());
    let ran = tctable(&["replay", "--format", "json", &cut, &whole]);
    assert_eq!((ran.code, &ran.json()["capture"]["packets"]), (1, &3.into()));
}

#[test]
fn an_impossible_record_ends_the_file() {
    let mut file = two();
    file[24 + 116 + 8..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
    let ran = with_stdin(&["replay", "--format", "json", "-"], &file);
    let report = ran.json();
    identity::check(&report);
    assert_eq!((ran.code, &report["capture"]["packets"]), (1, &1.into()));
    assert!(ran.err.contains("standard input: the file is corrupt at byte 140: a captured length of"), "{ran:?}");
}

#[test]
fn cut_gzip_data_is_read_as_far_as_it_goes() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(&two()).unwrap();
    let file = encoder.finish().unwrap();
    let ran = with_stdin(&["replay", "--format", "json", "-"], &file[..file.len() - 60]);
    assert_eq!((ran.code, &ran.json()["capture"]["packets"]), (1, &1.into()), "{ran:?}");
    assert!(ran.err.contains("gzip"), "{ran:?}");
}

#[test]
fn packets_that_cannot_be_read_are_counted_and_told() {
    let file = PcapNg::new()
        .interface(101, "eth0")
        .packet(0, (0, udp(HOST, SERVER)))
        .interface(127, "wlan0")
        .packet(1, (1, vec![0; 50]))
        .packet(7, (2, vec![0; 50]))
        .packet(0, (3, udp(HOST, SERVER)));
    let ran = with_stdin(&["replay", "--format", "json", "-"], &file.bytes());
    let report = ran.json();
    identity::check(&report);
    let capture = &report["capture"];
    assert_eq!((ran.code, &capture["packets"], &capture["skipped"]), (1, &2.into(), &2.into()));
    assert_eq!(capture["files"][0]["skipped"]["unsupported_link"]["127"], 1);
    assert!(ran.err.contains("1 packet skipped: link type 127 (IEEE 802.11 radiotap) is not supported"), "{ran:?}");
    assert!(ran.err.contains("1 packet skipped: of interfaces that the file does not describe"), "{ran:?}");
}

#[test]
fn an_unsupported_link_type_is_named_before_anything_is_read() {
    let files = Files::new("link-type");
    let good = files.write("good.pcap", &two());
    for (link, named) in [(127, "link type 127 (IEEE 802.11 radiotap)"), (40_000, "link type 40000")] {
        let bad = files.write("bad.pcap", &pcap(link, 65_535, [(0, vec![0; 60])]));
        let trace = files.path("trace.json");
        let ran = tctable(&["replay", &good, &bad, "--trace", &trace]);
        assert_eq!(refused(&ran), format!("tctable: {bad}: {named} is not supported"));
        assert!(!std::path::Path::new(&trace).exists());
    }
}

#[test]
fn what_is_no_capture_is_refused_by_name() {
    let files = Files::new("refused");
    let directory = files.path("");
    for (file, words) in [
        (files.write("empty", b""), "the file is empty"),
        (files.write("text", b"hello, world"), "not a pcap or pcapng file: it begins with 68 65 6c 6c"),
        (files.write("header", &two()[..10]), "the file ends within its header: 24 bytes expected, 10 there"),
        (files.path("missing"), "No such file or directory"),
        (directory, "a directory, not a capture file"),
    ] {
        let ran = tctable(&["replay", &file]);
        assert!(refused(&ran).starts_with(&format!("tctable: {file}: {words}")), "{ran:?}");
    }
}
