//! Which device a packet leaves by, what it meets there, and when it has left.

use super::world::{check_identity, class, flow, host, packet, report, together};
use crate::support::{Files, HOST, OTHER, PcapNg, SERVER, raw, tctable, udp, udp_answer, with_stdin};

/// One packet at each of those times, in microseconds.
fn at(times: &[u64], from: &str, to: &str) -> Vec<(u64, Vec<u8>)> {
    times.iter().map(|time| (*time, packet(from, to, 80, 1_000, 0))).collect()
}

fn device<'a>(report: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    report["devices"].as_array().unwrap().iter().find(|each| each["device"] == name).unwrap()
}

#[test]
fn packets_leave_by_the_side_that_they_go_to() {
    for (inside, other, outside) in [(HOST, OTHER, SERVER), ("fd00::2", "fd00::3", "2001:db8::1")] {
        let files = Files::new(&format!("simulate-sides-{}", inside.len()));
        let capture = raw(together([
            at(&[0, 1, 2], inside, outside),
            at(&[3, 4], outside, inside),
            at(&[5], inside, other),
            at(&[6], outside, if inside == HOST { "8.8.8.8" } else { "2001:db8::2" }),
        ]));
        let report = report(&files, &capture, "", &[]);
        check_identity(&report);
        assert_eq!(device(&report, "wan")["carried"]["packets"], 3);
        assert_eq!(device(&report, "lan")["carried"]["packets"], 3);
        assert_eq!(report["capture"]["outside_to_outside"]["packets"], 1);
        assert_eq!(host(&report, "wan", inside)["carried"]["packets"], 3);
        assert_eq!(host(&report, "lan", inside)["carried"]["packets"], 2);
        assert_eq!(host(&report, "lan", other)["carried"]["packets"], 1);
        // With another inside, everything else is outside.
        let report = super::world::report(&files, &capture, "", &["--lan", outside]);
        assert_eq!(device(&report, "lan")["carried"]["packets"], 3);
        assert_eq!(report["capture"]["outside_to_outside"]["packets"], 1);
    }
}

#[test]
fn interfaces_say_what_is_inside() {
    let files = Files::new("simulate-interfaces");
    let (outer, far) = ("203.0.113.5", "198.51.100.1");
    let capture = PcapNg::new()
        .interface(101, "lan0")
        .interface(101, "wan0")
        .packet(0, (0, packet(outer, far, 80, 1_000, 0)))
        .packet(1, (1_000, packet(far, outer, 80, 1_000, 0)))
        .bytes();
    let report = report(&files, &capture, "", &["--lan", "lan0"]);
    assert_eq!(host(&report, "wan", outer)["carried"]["packets"], 1);
    assert_eq!(host(&report, "lan", outer)["carried"]["packets"], 1);
    let file = files.write("in.pcapng", &capture);
    let shaping = files.write("shaping.tc", b"");
    let ran = tctable(&["simulate", &file, "--tc", &shaping, "--lan", "lan9"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no file has an interface of that name; there are: lan0, wan0"), "{}", ran.err);
}

#[test]
fn a_link_takes_its_time() {
    let files = Files::new("simulate-link");
    // 1,000 bytes at 1 Mbit/s are 8 ms: the second waits for 7 ms of them, the third finds the line free.
    let capture = raw(at(&[0, 1_000, 20_000], HOST, SERVER));
    let report = report(&files, &capture, "link set dev wan speed 1mbit\n", &[]);
    let delay = &device(&report, "wan")["delay"];
    assert_eq!(delay["max"].as_f64(), Some(0.015));
    assert_eq!(delay["mean"].as_f64(), Some(0.010333333));
    assert_eq!(report["link"]["wan"]["speed"], 125_000);
    assert_eq!(report["shaping"]["duration"].as_f64(), Some(0.028));
    assert_eq!(device(&report, "wan")["backlog"]["packets"], 1);
}

#[test]
fn queues_are_emptied_after_the_last_packet() {
    let files = Files::new("simulate-drain");
    let capture = raw(at(&[0; 10], HOST, SERVER));
    let shaping = "qdisc add dev wan root tbf rate 8kbit burst 1000 limit 1m\n";
    let report = report(&files, &capture, shaping, &[]);
    assert_eq!(device(&report, "wan")["carried"]["packets"], 10);
    // A burst of one packet, then one a second.
    assert_eq!(device(&report, "wan")["delay"]["max"].as_f64(), Some(9.0));
    assert_eq!(device(&report, "wan")["backlog"]["packets"], 9);
}

#[test]
fn frames_that_are_not_ip_leave_by_wan() {
    let files = Files::new("simulate-arp");
    let arp = [&[0xff; 6][..], &[2; 6], &[8, 6], &[0; 46]].concat();
    let capture = tctable_lab::packets::pcap(tctable_lab::packets::link_type::ETHERNET, 65_535, [(0, arp)]);
    let report = report(&files, &capture, "", &[]);
    assert_eq!(report["capture"]["not_ip"]["packets"], 1);
    assert_eq!(device(&report, "wan")["carried"]["bytes"], 60);
    assert!(report["hosts"].as_array().unwrap().is_empty());
}

#[test]
fn time_does_not_go_back() {
    let files = Files::new("simulate-late");
    let capture = raw(at(&[5_000, 1_000, 6_000], HOST, SERVER));
    let report = report(&files, &capture, "", &[]);
    assert_eq!(report["capture"]["time_reversed"], 1);
    assert_eq!(report["capture"]["duration"].as_f64(), Some(0.001));
    assert_eq!(device(&report, "wan")["carried"]["packets"], 3);
}

#[test]
fn the_type_of_service_is_a_priority() {
    let files = Files::new("simulate-tos");
    let mut quick = packet(HOST, SERVER, 80, 1_000, 0);
    // Low delay (RFC 1349).
    quick[1] = 0x10;
    let capture = raw([(0, quick), (0, packet(HOST, SERVER, 80, 1_000, 0))]);
    let report = report(&files, &capture, "qdisc add dev wan root handle 1: prio\n", &[]);
    assert_eq!(class(&report, "wan", "1:1")["carried"]["packets"], 1);
    assert_eq!(class(&report, "wan", "1:2")["carried"]["packets"], 1);
    assert_eq!(class(&report, "wan", "1:3")["carried"]["packets"], 0);
}

#[test]
fn filters_know_of_connections() {
    let files = Files::new("simulate-ct");
    let shaping = "\
        qdisc add dev wan root handle 1: htb\n\
        class add dev wan parent 1: classid 1:1 htb rate 1gbit\n\
        class add dev wan parent 1: classid 1:2 htb rate 1gbit\n\
        filter add dev wan parent 1: protocol ip prio 1 flower ct_state +trk+new classid 1:1\n\
        filter add dev wan parent 1: protocol ip prio 1 flower ct_state +trk+est classid 1:2\n";
    let capture =
        raw([(0, udp(HOST, SERVER)), (1, udp(HOST, SERVER)), (2, udp_answer(SERVER, HOST)), (3, udp(HOST, SERVER))]);
    let report = report(&files, &capture, shaping, &[]);
    assert_eq!(class(&report, "wan", "1:1")["carried"]["packets"], 2);
    assert_eq!(class(&report, "wan", "1:2")["carried"]["packets"], 1);
}

#[test]
fn hosts_have_classes_of_their_own() {
    let files = Files::new("simulate-hosts");
    let shaping = "\
        qdisc add dev wan root handle 1: htb\n\
        class add dev wan parent 1: classid 1:1 htb rate 800kbit\n\
        hostclass add dev wan parent 1:1 prefix6 64 htb rate 100kbit ceil 800kbit\n";
    // One sends five times what the other does; both get a half, or all that they want.
    let flows =
        [flow(HOST, SERVER, 80, 250, 4), flow(OTHER, SERVER, 80, 40, 4), flow("fd00::2", "2001:db8::1", 80, 1, 4)];
    let report = report(&files, &raw(together(flows)), shaping, &[]);
    check_identity(&report);
    let of_host = |net: &str| {
        let classes = report["classes"].as_array().unwrap();
        classes.iter().find(|each| each["host"] == net).unwrap_or_else(|| panic!("no {net} in {report}"))
    };
    assert_eq!(of_host("192.168.1.3/32")["dropped"]["packets"], 0);
    assert_eq!(of_host("fd00::/64")["carried"]["packets"], 4);
    assert_eq!(of_host("192.168.1.2/32")["parent"], "1:1");
    let (greedy, modest) = (host(&report, "wan", HOST), host(&report, "wan", OTHER));
    assert!(greedy["dropped"]["packets"].as_u64().unwrap() > 0);
    assert!(modest["delay"]["p95"].as_f64().unwrap() * 5.0 < greedy["delay"]["p95"].as_f64().unwrap(), "{report}");
    let table = super::world::simulate(&files, &raw(flow(HOST, SERVER, 80, 10, 1)), shaping, &[]);
    assert!(table.contains("    (hosts)"), "{table}");
}

#[test]
fn actions_redirect_copy_and_drop() {
    let files = Files::new("simulate-actions");
    let shaping = "\
        qdisc add dev wan clsact\n\
        filter add dev wan egress protocol ip prio 1 u32 match ip dport 81 0xffff action drop\n\
        filter add dev wan egress protocol ip prio 2 u32 match ip dport 82 0xffff action mirred egress redirect dev lan\n\
        filter add dev wan egress protocol ip prio 3 u32 match ip dport 83 0xffff action mirred egress mirror dev lan\n\
        qdisc add dev lan clsact\n\
        filter add dev lan ingress protocol ip prio 1 u32 match ip dport 84 0xffff action drop\n";
    let capture = raw((80..85).map(|port| (u64::from(port), packet(HOST, SERVER, port, 1_000, 0))));
    let out = files.path("out.pcap");
    let report = report(&files, &capture, shaping, &["--pcap-out", &out]);
    check_identity(&report);
    let wan = device(&report, "wan");
    let counts = ["offered", "carried", "dropped", "taken"].map(|what| wan[what]["packets"].as_u64().unwrap());
    assert_eq!(counts, [4, 2, 1, 1], "{report}");
    assert_eq!(device(&report, "lan")["carried"]["packets"], 2);
    assert_eq!(report["link"]["lan"]["dropped_at_ingress"]["packets"], 1);
    // The redirected one, and the mirrored one twice.
    assert_eq!(super::world::read_pcap(&std::fs::read(&out).unwrap()).len(), 4);
}

#[test]
fn captures_come_by_standard_input_too() {
    let files = Files::new("simulate-stdin");
    let capture = raw(at(&[0], HOST, SERVER));
    let shaping = files.write("shaping.tc", b"link set dev wan speed 1mbit\n");
    let by_file = tctable(&["simulate", &files.write("in.pcap", &capture), "--tc", &shaping]).clean();
    assert_eq!(with_stdin(&["simulate", "-", "--tc", &shaping], &capture).clean(), by_file);
    let by_pipe = with_stdin(&["simulate", &files.path("in.pcap"), "--tc", "-"], b"link set dev wan speed 1mbit\n");
    assert_eq!(by_pipe.clean(), by_file.replace(&shaping, "standard input"));
}

#[test]
fn a_capture_without_packets_has_a_report() {
    let files = Files::new("simulate-empty");
    let out = files.path("out.pcap");
    let report = report(&files, &raw([]), "link set dev wan speed 1mbit\n", &["--pcap-out", &out]);
    assert_eq!(report["capture"]["packets"], 0);
    assert_eq!(device(&report, "wan")["delay"]["max"], serde_json::Value::Null);
    assert!(super::world::read_pcap(&std::fs::read(&out).unwrap()).is_empty());
}
