//! Connections and hosts end by the time of the capture.

use super::identity;
use crate::support::*;

#[test]
fn a_silent_host_expires_and_stays_in_the_report() {
    let mut packets = vec![(0, udp(HOST, SERVER)), (0, udp("192.168.1.9", SERVER))];
    packets.extend((1..=20).map(|n| (n * 100 * SECOND, udp(OTHER, SERVER))));
    // Back after its entry expired; the other one is not.
    packets.push((2_000 * SECOND, udp(HOST, SERVER)));
    let capture = raw(packets);

    let report = report(&capture, &[]);
    identity::check(&report);
    assert_eq!((&report["totals"]["hosts"], &report["totals"]["hosts_expired"]), (&3.into(), &2.into()));
    let back = host(&report, HOST);
    assert_eq!((&back["udp"]["tx"]["packets"], &back["connections_opened"]), (&2.into(), &2.into()));
    assert_eq!((back["first"].as_f64(), back["last"].as_f64()), (Some(0.0), Some(2_000.0)));
    assert_eq!(host(&report, "192.168.1.9")["udp"]["tx"]["bytes"], 100);

    // Ids go on where they were.
    let proc = replay(&capture, &["--format", "proc", "--sort", "ip"]);
    let lines: Vec<&str> = proc.lines().collect();
    assert!(lines[0].starts_with("192.168.1.2 900 {") && lines[0].ends_with(" use=2 last=200000 next_id=3"), "{proc}");
    assert!(lines[2].starts_with("192.168.1.9 0 {") && lines[2].ends_with(" use=1 last=0 next_id=2"), "{proc}");
    assert!(replay(&capture, &[]).contains("Hosts        3; entries that expired on the way: 2"));
}

#[test]
fn a_host_with_open_connections_does_not_expire() {
    let [syn, syn_ack, ack] = handshake(HOST, SERVER);
    let capture = raw([(0, syn), (0, syn_ack), (0, ack), (5_000 * SECOND, udp(OTHER, SERVER))]);
    let report = report(&capture, &[]);
    assert_eq!(report["totals"]["hosts_expired"], 0);
    assert_eq!(host(&report, HOST)["tcp"]["connections"], 1);
}

#[test]
fn the_host_timeout_is_settable() {
    let capture = raw([(0, udp(HOST, SERVER)), (100 * SECOND, udp(OTHER, SERVER))]);
    assert_eq!(report(&capture, &[])["totals"]["hosts_expired"], 0);
    assert_eq!(report(&capture, &["--host-timeout", "60"])["totals"]["hosts_expired"], 1);
}

#[test]
fn a_connection_ends_exactly_when_its_time_is_over() {
    // An unanswered datagram's connection lives for 30 seconds.
    for (micros, open) in [(30 * SECOND - 1, 2), (30 * SECOND, 1), (30 * SECOND + 1, 1), (40 * SECOND, 1)] {
        let capture = raw([(0, udp(HOST, SERVER)), (micros, udp(OTHER, SERVER))]);
        let report = report(&capture, &[]);
        assert_eq!(report["totals"]["connections_open"], open, "{micros}");
        assert_eq!(report["totals"]["connections_ended"], 2 - open, "{micros}");
        assert_eq!(host(&report, HOST)["udp"]["connections"], open - 1, "{micros}");
        assert_eq!(replay(&capture, &["--connections"]).lines().count() as u64, open, "{micros}");
        assert_eq!(replay(&capture, &["--connections", "--all"]).lines().count(), 2, "{micros}");
    }
}

#[test]
fn an_ended_connection_says_when_and_why() {
    let reset = tctable_lab::packets::tcp_packet(
        socket(SERVER, 80),
        socket(HOST, 1234),
        &tctable_lab::packets::Tcp { ack: 101, flags: 0x14, ..Default::default() },
        b"",
    );
    let [syn, ..] = handshake(HOST, SERVER);
    let capture = raw([(0, udp(HOST, SERVER)), (SECOND, syn), (SECOND + 5, reset), (99 * SECOND, udp(OTHER, SERVER))]);
    let text = replay(&capture, &["--connections", "--all", "--format", "json"]);
    let connections = lines(&text);
    let ends: Vec<_> = connections
        .iter()
        .map(|each| (each["protocol"].as_str().unwrap(), each["end_reason"].as_str(), each["ended"].as_f64()))
        .collect();
    assert_eq!(
        ends,
        [("tcp", Some("reset"), Some(1.000005)), ("udp", Some("timeout"), Some(30.0)), ("udp", None, None)],
    );
    assert!(text.contains("\"ended\":1.000005,\"end_reason\":\"reset\"}"), "{text}");
}
