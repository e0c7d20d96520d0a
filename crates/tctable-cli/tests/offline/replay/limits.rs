//! What happens at a limit is counted and reported.

use super::identity;
use crate::support::*;

#[test]
fn hosts_beyond_the_limit_are_counted_apart() {
    let capture =
        raw([(0, udp(HOST, SERVER)), (1, udp(OTHER, SERVER)), (2, udp(SERVER, OTHER)), (3, udp(HOST, OTHER))]);
    let report = report(&capture, &["--max-hosts", "1"]);
    identity::check(&report);
    assert_eq!(report["totals"]["hosts"], 1);
    assert_eq!(report["unaccounted"]["host_table_full"], serde_json::json!({"packets": 2, "bytes": 200}));
    assert_eq!(report["unaccounted"]["hosts_refused"], 3);
    let table = replay(&capture, &["--max-hosts", "1"]);
    assert!(table.contains("of hosts beyond the limit (--max-hosts): 2 packets, 200 B"), "{table}");
    assert!(table.contains("Host limit   3 times there was no place for another host"), "{table}");
}

#[test]
fn connections_beyond_the_limit_are_counted_apart() {
    // Packets go both ways for more than two seconds: an assured connection does not go for another one.
    let capture = raw([
        (0, udp(HOST, SERVER)),
        (1, udp_answer(SERVER, HOST)),
        (3 * SECOND, udp(HOST, SERVER)),
        (3 * SECOND + 1, udp(OTHER, SERVER)),
        (3 * SECOND + 2, udp_answer(SERVER, HOST)),
    ]);
    let report = report(&capture, &["--max-connections", "1"]);
    identity::check(&report);
    assert_eq!(report["totals"]["connections_opened"], 1);
    assert_eq!(report["unaccounted"]["conntrack_full"], serde_json::json!({"packets": 1, "bytes": 100}));
    let table = replay(&capture, &["--max-connections", "1"]);
    assert!(table.contains("of connections beyond the limit (--max-connections): 1 packet, 100 B"), "{table}");
    // Its packet has no state: it is not in the table and nobody tracked it.
    let trace = lines(&replay(&capture, &["--max-connections", "1", "--trace", "-"]));
    assert_eq!(trace[3], serde_json::json!({"packet": 4, "time": 3.000001}));
}

#[test]
fn a_connection_that_is_not_assured_goes_for_another_one() {
    let capture = raw([(0, udp(HOST, SERVER)), (1, udp(OTHER, SERVER))]);
    let report = report(&capture, &["--max-connections", "1"]);
    identity::check(&report);
    assert_eq!(
        (&report["totals"]["connections_opened"], &report["totals"]["conntrack"]["early_drop"]),
        (&2.into(), &1.into())
    );
    assert_eq!(report["unaccounted"]["conntrack_full"], serde_json::json!({"packets": 0, "bytes": 0}));
}

#[test]
fn connections_beyond_a_hosts_limit_are_counted_apart() {
    let capture = raw([(0, udp(HOST, SERVER)), (1, udp(HOST, OTHER)), (2, udp(OTHER, SERVER))]);
    let report = report(&capture, &["--sysctl", "net.tctable.host_connections_max=1"]);
    identity::check(&report);
    assert_eq!(report["unaccounted"]["host_limit"], serde_json::json!({"packets": 1, "bytes": 100}));
}

#[test]
fn times_that_go_back_are_told() {
    let capture = raw([(9 * SECOND, udp(HOST, SERVER)), (2 * SECOND, udp(HOST, SERVER))]);
    let report = report(&capture, &[]);
    assert_eq!((&report["totals"]["time_reversed"], &report["capture"]["last"]), (&1.into(), &9.0.into()));
    assert!(replay(&capture, &[]).contains("Time         1 packet came with a time before an earlier one's"));
}
