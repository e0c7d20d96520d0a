//! What is inside: prefixes, interfaces, both, neither.

use super::identity;
use crate::support::*;

/// An address that no default makes an inside one.
const CUSTOMER: &str = "203.0.113.5";

/// A router's capture: a customer behind lan0 asks, and is answered through wan0.
fn router() -> PcapNg {
    PcapNg::new()
        .interface(101, "wan0")
        .interface(101, "lan0")
        .packet(1, (0, udp(CUSTOMER, SERVER)))
        .packet(0, (1, udp_answer(SERVER, CUSTOMER)))
}

#[test]
fn prefixes_and_addresses_replace_the_default() {
    let capture = raw([(0, udp(CUSTOMER, SERVER)), (0, udp(HOST, SERVER))]);
    for what in ["203.0.113.0/24", CUSTOMER] {
        let report = report(&capture, &["--lan", what]);
        identity::check(&report);
        let hosts = report["hosts"].as_array().unwrap();
        assert_eq!((hosts.len(), &hosts[0]["ip"]), (1, &CUSTOMER.into()));
        assert_eq!(report["totals"]["inside_is_default"], false);
        assert_eq!(report["unaccounted"]["outside_to_outside"]["packets"], 1);
    }
    let both = report(&capture, &["--lan", "192.168.0.1/16", "--lan", "203.0.113.0/24"]);
    assert_eq!(both["totals"]["inside"], serde_json::json!(["192.168.0.0/16", "203.0.113.0/24"]));
    assert_eq!(both["hosts"].as_array().unwrap().len(), 2);
    let table = replay(&capture, &["--lan", "192.168.0.1/16"]);
    assert!(table.contains("Inside       192.168.0.0/16\n"), "{table}");
}

#[test]
fn an_interface_makes_those_behind_it_inside() {
    let report = report(&router().bytes(), &["--lan", "lan0"]);
    identity::check(&report);
    let hosts = report["hosts"].as_array().unwrap();
    assert_eq!((hosts.len(), &hosts[0]["ip"]), (1, &CUSTOMER.into()));
    assert_eq!(hosts[0]["udp"]["tx"]["packets"], 1);
    assert_eq!(hosts[0]["udp"]["rx"]["packets"], 1);
    assert_eq!(report["totals"]["inside"], serde_json::json!(["lan0"]));
}

#[test]
fn only_names_means_no_prefix_at_all() {
    let capture = router().packet(0, (2, udp(HOST, SERVER)));
    let report = report(&capture.bytes(), &["--lan", "lan0"]);
    assert_eq!(report["unaccounted"]["outside_to_outside"]["packets"], 1);
}

#[test]
fn an_interface_may_be_described_after_packets_of_others() {
    let capture = PcapNg::new()
        .interface(101, "wan0")
        .packet(0, (0, udp(SERVER, "8.8.8.8")))
        .interface(101, "lan0")
        .packet(1, (1, udp(CUSTOMER, SERVER)))
        .section()
        .interface(101, "lan0")
        .packet(0, (2, udp("203.0.113.6", SERVER)));
    for burst in ["1", "256"] {
        let report = report(&capture.clone().bytes(), &["--lan", "lan0", "--burst", burst]);
        identity::check(&report);
        assert_eq!(report["totals"]["tx"]["packets"], 2);
        assert_eq!(report["unaccounted"]["outside_to_outside"]["packets"], 1);
    }
}

#[test]
fn interfaces_are_those_of_their_own_file() {
    // In the second file, what was lan0's number is wan0's.
    let files = Files::new("numbers");
    let one = files.write("1.pcapng", &router().bytes());
    let swapped = PcapNg::new()
        .interface(101, "lan0")
        .interface(101, "wan0")
        .packet(1, (5, udp(SERVER, "8.8.8.8")))
        .packet(0, (6, udp("203.0.113.9", SERVER)));
    let two = files.write("2.pcapng", &swapped.bytes());
    let report = tctable(&["replay", "--format", "json", "--lan", "lan0", &one, &two]).json();
    identity::check(&report);
    let mut hosts: Vec<_> = report["hosts"].as_array().unwrap().iter().map(|host| host["ip"].as_str()).collect();
    hosts.sort();
    assert_eq!(hosts, [Some(CUSTOMER), Some("203.0.113.9")]);
}

#[test]
fn a_name_that_nobody_has_is_refused_with_those_that_exist() {
    let ran = with_stdin(&["replay", "--lan", "eth7", "-"], &router().bytes());
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert_eq!(ran.err, "tctable: --lan eth7: no file has an interface of that name; there are: lan0, wan0\n");
    // pcap files have no names, and so are not even read.
    let ran = with_stdin(&["replay", "--lan", "eth7", "-"], &raw(mixture()));
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert_eq!(ran.err, "tctable: --lan eth7: no file has an interface of that name; none has a name\n");
}
