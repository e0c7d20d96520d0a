//! Two shapings side by side.

use serde_json::Value;

use super::world::{class, flow, report, together};
use crate::support::{Files, HOST, OTHER, SERVER, raw, tctable};

const ONE: &str = "\
link set dev wan speed 1mbit
qdisc add dev wan root handle 1: htb default 2
class add dev wan parent 1: classid 1:1 htb rate 200kbit
class add dev wan parent 1: classid 1:2 htb rate 700kbit
filter add dev wan parent 1: protocol ip u32 match ip src 192.168.1.2 flowid 1:1
";

fn capture() -> Vec<u8> {
    raw(together([flow(HOST, SERVER, 80, 60, 3), flow(OTHER, SERVER, 80, 60, 3)]))
}

#[test]
fn both_are_as_they_are_alone_and_the_difference_is_theirs() {
    let files = Files::new("simulate-compare");
    let other =
        format!("{}class add dev wan parent 1: classid 1:3 htb rate 8kbit\n", ONE.replace("200kbit", "400kbit"));
    let capture_file = files.write("in.pcap", &capture());
    let (a, b) = (files.write("a.tc", ONE.as_bytes()), files.write("b.tc", other.as_bytes()));
    let args = ["simulate", &capture_file, "--tc", &a, "--compare", &b, "--format", "json"];
    let both: Value = serde_json::from_str(&tctable(&args).clean()).unwrap();
    let alone = [report(&files, &capture(), ONE, &[]), report(&files, &capture(), &other, &[])];
    for (at, alone) in alone.iter().enumerate() {
        for list in ["devices", "classes", "hosts", "link"] {
            assert_eq!(both["shapings"][at][list], alone[list], "{list} of {at}");
        }
    }
    let difference = class(&both["difference"], "wan", "1:1");
    for (what, of) in [("carried", "packets"), ("carried", "bytes"), ("carried", "rate"), ("dropped", "packets")] {
        let value = |at: usize| class(&alone[at], "wan", "1:1")[what][of].as_i64().unwrap();
        assert_eq!(difference[what][of].as_i64().unwrap(), value(1) - value(0), "{what} {of}");
        assert_ne!(value(0), value(1), "{what} {of}");
    }
    let delay = |report: &Value, of: &str| class(report, "wan", "1:1")["delay"][of].as_f64().unwrap();
    for of in ["mean", "p95", "max"] {
        let told = difference["delay"][of].as_f64().unwrap();
        assert!((told - (delay(&alone[1], of) - delay(&alone[0], of))).abs() < 1e-8, "{of}");
        assert!(told < 0.0);
    }
    // What one has not got is nothing there.
    assert_eq!(class(&both["difference"], "wan", "1:3")["carried"]["packets"], 0);
    assert_eq!(both["difference"]["hosts"].as_array().unwrap().len(), 2);
}

#[test]
fn the_table_has_both_and_the_difference() {
    let files = Files::new("simulate-compare-table");
    let capture_file = files.write("in.pcap", &capture());
    let (a, b) = (files.write("a.tc", ONE.as_bytes()), files.write("b.tc", ONE.replace("200", "400").as_bytes()));
    let svg = files.path("both.svg");
    let table = tctable(&["simulate", &capture_file, "--tc", &a, "--compare", &b, "--svg", &svg]).clean();
    for what in ["CARRIED A", "B-A", "DROPPED A", "P95 A", "  1:1 ", "192.168.1.3 sent", "TCP", &a, &b] {
        assert!(table.contains(what), "no {what} in\n{table}");
    }
    let picture = files.read("both.svg");
    assert!(picture.contains(&format!("wan: {a}")) && picture.contains(&format!("wan: {b}")));
    let csv = tctable(&["simulate", &capture_file, "--tc", &a, "--compare", &b, "--format", "csv"]).clean();
    assert!(csv.starts_with("shaping,kind,"));
    for of in [&a, &b] {
        assert_eq!(csv.matches(&format!("\"{of}\",class,wan,1:1,1:,")).count(), 1);
    }
}

#[test]
fn a_shaping_is_no_different_from_itself() {
    let files = Files::new("simulate-compare-same");
    let (capture, a) = (files.write("in.pcap", &capture()), files.write("a.tc", ONE.as_bytes()));
    let b = files.write("b.tc", ONE.as_bytes());
    let args = ["simulate", &capture, "--tc", &a, "--compare", &b, "--format", "json"];
    let both: Value = serde_json::from_str(&tctable(&args).clean()).unwrap();
    for row in both["difference"]["classes"].as_array().unwrap() {
        assert_eq!((&row["carried"]["packets"], &row["dropped"]["bytes"]), (&0.into(), &0.into()), "{row}");
    }
}
