//! Each format, to the letter.

use crate::support::*;

/// A handshake and an unanswered datagram of one host; the host is 900 seconds from its expiry, the capture ends two
/// seconds after its last packet.
fn small() -> Vec<u8> {
    let [syn, syn_ack, ack] = handshake(HOST, SERVER);
    raw([
        (SECOND, syn),
        (SECOND + 500, syn_ack),
        (SECOND + 1_000, ack),
        (2 * SECOND, udp(HOST, SERVER)),
        (4 * SECOND, udp(SERVER, "8.8.8.8")),
    ])
}

#[test]
fn proc_lines_are_those_of_tc_counter() {
    assert_eq!(
        replay(&small(), &["--format", "proc"]),
        "192.168.1.2 898 { tcp [ tx pcnt=2 bcnt=80 ] [ rx pcnt=1 bcnt=40 ] conn=1 } \
         { udp [ tx pcnt=1 bcnt=100 ] [ rx pcnt=0 bcnt=0 ] conn=1 } \
         { icmp [ tx pcnt=0 bcnt=0 ] [ rx pcnt=0 bcnt=0 ] conn=0 } \
         { other [ tx pcnt=0 bcnt=0 ] [ rx pcnt=0 bcnt=0 ] conn=0 } use=3 last=100 next_id=3\n"
    );
}

#[test]
fn csv_has_a_header_and_ends_lines_as_rfc_4180_says() {
    let mut header = vec!["ip".to_owned()];
    for class in ["tcp", "udp", "icmp", "other"] {
        for column in ["tx_packets", "tx_bytes", "rx_packets", "rx_bytes", "connections"] {
            header.push(format!("{class}_{column}"));
        }
    }
    header.extend(["connections_opened", "first", "last"].map(str::to_owned));
    let row = "192.168.1.2,2,80,1,40,1,1,100,0,0,1,0,0,0,0,0,0,0,0,0,0,2,1.000000,2.000000";
    assert_eq!(replay(&small(), &["--format", "csv"]), format!("{}\r\n{row}\r\n", header.join(",")));
}

#[test]
fn json_has_the_documented_names_and_order() {
    let text = replay(&small(), &["--format", "json"]);
    let at = ["{\"capture\":{", "\n\"totals\":{", "\n\"unaccounted\":{", "\n\"hosts\":["].map(|key| text.find(key));
    assert!(at.is_sorted() && at[0] == Some(0), "{text}");
    assert!(
        text.ends_with(
            "{\"ip\":\"192.168.1.2\",\
         \"tcp\":{\"tx\":{\"packets\":2,\"bytes\":80},\"rx\":{\"packets\":1,\"bytes\":40},\"connections\":1},\
         \"udp\":{\"tx\":{\"packets\":1,\"bytes\":100},\"rx\":{\"packets\":0,\"bytes\":0},\"connections\":1},\
         \"icmp\":{\"tx\":{\"packets\":0,\"bytes\":0},\"rx\":{\"packets\":0,\"bytes\":0},\"connections\":0},\
         \"other\":{\"tx\":{\"packets\":0,\"bytes\":0},\"rx\":{\"packets\":0,\"bytes\":0},\"connections\":0},\
         \"connections_opened\":2,\"first\":1.000000,\"last\":2.000000}\n]}\n"
        ),
        "{text}"
    );
    let report = report(&small(), &[]);
    assert_eq!(report.as_object().unwrap().len(), 4);
    for key in ["files", "packets", "bytes", "first", "last", "duration", "errors", "skipped"] {
        assert!(!report["capture"][key].is_null(), "{key}");
    }
    assert!(text.contains("\"first\":1.000000,\"last\":4.000000,\"duration\":3.000000,\"errors\":[]"), "{text}");
    assert_eq!(report["totals"]["hosts"], 1);
    assert_eq!(report["totals"]["connections_opened"], 3);
    assert_eq!(report["totals"]["connections_open"], 3);
    assert_eq!(report["totals"]["connections_ended"], 0);
    assert_eq!(report["totals"]["inside_is_default"], true);
}

#[test]
fn the_table_is_aligned_and_tells_the_sum() {
    let table = replay(&small(), &[]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "HOST           RX     TX  PACKETS    TCP    UDP  ICMP  OTHER  CONNS  OPEN");
    assert_eq!(lines[1], "192.168.1.2  40 B  180 B        4  120 B  100 B     -      -      2     2");
    for expected in [
        "Captured     5 packets, 320 B in 3.000 s (1 packets/s, 853 bit/s)",
        "IP           5 packets, 320 B (180 B sent by hosts, 40 B received)",
        "Hosts        1",
        "Connections  3 opened, 3 open at the end",
        "Not counted  from outside to outside: 1 packet, 100 B",
    ] {
        assert!(lines.contains(&expected), "{expected}\n{table}");
    }
    assert!(table.contains("fe80::/10 (the default; --lan says otherwise)"), "{table}");
    assert!(!table.contains('\u{1b}'));
}

#[test]
fn a_narrow_terminal_gets_fewer_columns_and_shorter_lines() {
    let files = Files::new("narrow");
    let file = files.write("a.pcap", &small());
    for width in [20, 40, 60, 80] {
        let output = command(&["replay", &file]).env("COLUMNS", width.to_string()).output().unwrap();
        let table = String::from_utf8(output.stdout).unwrap();
        let header = table.lines().next().unwrap();
        assert!(header.len() <= width && header.starts_with("HOST "), "{table}");
        if width >= 40 {
            assert!(header.contains("RX") && table.lines().all(|line| line.len() <= width), "{table}");
        }
    }
}

#[test]
fn colours_come_when_they_are_asked_for() {
    let bold = "\u{1b}[1mHOST";
    assert!(replay(&small(), &["--color", "always"]).starts_with(bold));
    assert!(!replay(&small(), &["--color", "never"]).contains('\u{1b}'));
    let files = Files::new("colours");
    let file = files.write("a.pcap", &small());
    let asked = command(&["replay", &file, "--color=always"]).env("NO_COLOR", "1").output().unwrap();
    assert!(asked.stdout.starts_with(bold.as_bytes()));
    let not_asked = command(&["replay", &file]).env("NO_COLOR", "1").output().unwrap();
    assert!(!not_asked.stdout.contains(&0x1b));
}

#[test]
fn hosts_are_sorted_as_asked() {
    let capture = raw([
        // The most bytes sent, received, packets, connections: one host each.
        (0, gre("10.0.0.1", SERVER)),
        (0, udp(SERVER, "10.0.0.2")),
        (0, udp(SERVER, "10.0.0.2")),
        (0, udp("10.0.0.3", SERVER)),
        (0, udp("10.0.0.3", SERVER)),
        (0, udp("10.0.0.3", SERVER)),
        (0, gre("fd00::1", "2001:db8::1")),
        (0, gre("10.0.0.1", SERVER)),
        (0, gre("10.0.0.1", SERVER)),
        (0, gre("10.0.0.1", SERVER)),
        (0, udp("10.0.0.20", SERVER)),
        (0, udp("10.0.0.20", OTHER)),
    ]);
    let order = |sort: &str| {
        let csv = replay(&capture, &["--format", "csv", "--sort", sort, "--lan", "10.0.0.0/8", "--lan", "fd00::/8"]);
        csv.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(order("ip"), ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.20", "fd00::1"]);
    assert_eq!(order("bytes"), ["10.0.0.3", "10.0.0.2", "10.0.0.20", "10.0.0.1", "fd00::1"]);
    assert_eq!(order("packets"), ["10.0.0.1", "10.0.0.3", "10.0.0.2", "10.0.0.20", "fd00::1"]);
    assert_eq!(order("rx"), ["10.0.0.2", "10.0.0.1", "10.0.0.3", "10.0.0.20", "fd00::1"]);
    assert_eq!(order("tx"), ["10.0.0.3", "10.0.0.20", "10.0.0.1", "fd00::1", "10.0.0.2"]);
    assert_eq!(order("connections")[0], "10.0.0.20");
}

#[test]
fn top_limits_every_format() {
    let capture = raw((1..=30).map(|n| (0, udp(&format!("10.0.0.{n}"), SERVER))));
    for (format, header) in [("csv", 1), ("proc", 0)] {
        assert_eq!(replay(&capture, &["--format", format]).lines().count(), header + 30);
        assert_eq!(replay(&capture, &["--format", format, "--top", "3"]).lines().count(), header + 3);
    }
    assert_eq!(report(&capture, &[])["hosts"].as_array().unwrap().len(), 30);
    let cut = report(&capture, &["--top", "3"]);
    assert_eq!((cut["hosts"].as_array().unwrap().len(), &cut["totals"]["hosts"]), (3, &30.into()));
    let table = replay(&capture, &[]);
    assert_eq!(table.lines().take_while(|line| !line.is_empty()).count(), 1 + 20);
    assert!(table.contains("Hosts        30, the top 20 by bytes above"), "{table}");
}

#[test]
fn a_capture_without_packets_is_a_report_without_hosts() {
    let empty = raw([]);
    let report = report(&empty, &[]);
    assert_eq!((&report["capture"]["packets"], &report["hosts"]), (&0.into(), &serde_json::json!([])));
    assert!(report["capture"].get("first").is_none());
    assert!(replay(&empty, &[]).starts_with("Captured     0 packets, 0 B in 0.000 s\n"));
    assert_eq!(replay(&empty, &["--format", "proc"]), "");
}

#[test]
fn a_capture_of_strangers_says_how_to_name_the_inside() {
    let table = replay(&raw([(0, udp(SERVER, "8.8.8.8"))]), &[]);
    assert!(table.contains("no packet came from inside or went there; --lan says what is inside"), "{table}");
}
