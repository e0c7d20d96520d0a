use serde_json::{Value, json};
use std::process::Command;
use tctable_daemon::testing::Traffic;

use crate::world::World;

/// What `tctable replay` tells of the same capture.
fn replay(words: &[&str]) -> String {
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/office.pcap");
    let output = Command::new(env!("CARGO_BIN_EXE_tctable")).arg("replay").arg(capture).args(words).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn hosts_have_the_form_of_a_replay() {
    let replayed: Value = serde_json::from_str(&replay(&["--format", "json"])).unwrap();
    for shards in [1, 3] {
        let live = World::new(shards, Traffic::Over).json(&["hosts", "-j"]);
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&live), keys(&replayed));
        for key in ["totals", "unaccounted", "capture"] {
            assert_eq!(keys(&live[key]), keys(&replayed[key]), "{key}");
        }
        assert_eq!(live["hosts"], replayed["hosts"]);
        for key in ["packets", "bytes", "tx", "rx", "hosts", "connections_opened", "inside", "conntrack"] {
            assert_eq!(live["totals"][key], replayed["totals"][key], "{key}");
        }
        assert_eq!(live["unaccounted"], replayed["unaccounted"]);
    }
}

#[test]
fn the_table_of_hosts_is_that_of_a_replay() {
    let live = World::new(2, Traffic::Over).run(&["hosts", "--top", "7", "--sort", "rx"]);
    let replayed = replay(&["--top", "7", "--sort", "rx"]);
    let table = |text: &str| text.lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(table(&live), table(&replayed));
    assert_eq!(table(&live).len(), 8);
    assert!(live.contains("Running      for "), "{live}");
}

#[test]
fn connections_are_those_of_a_replay() {
    let world = World::new(1, Traffic::Over);
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&world.run(&["connections"])), sorted(&replay(&["--connections"])));
    let objects = |text: &str| {
        let mut objects: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for object in &mut objects {
            object.as_object_mut().unwrap().remove("key");
        }
        objects.sort_by_key(ToString::to_string);
        objects
    };
    assert_eq!(objects(&world.run(&["connections", "-j"])), objects(&replay(&["--connections", "--format", "json"])));
    let some = world.run(&["connections", "--protocol", "udp", "--port", "53", "--limit", "3"]);
    assert_eq!(some.lines().count(), 3);
    assert!(some.lines().all(|line| line.contains("udp") && line.contains("dport=53")), "{some}");
    assert_eq!(world.run(&["connections", "--host", "192.0.2.99"]), "");
}

#[test]
fn classes_are_listed() {
    let world = World::new(1, Traffic::Over);
    let text = world.run(&["classes"]);
    let line = text.lines().find(|line| line.contains("1:20")).unwrap();
    assert!(line.starts_with("office") && line.contains("50.0 Mbit/s") && line.contains("100.0 Mbit/s"), "{text}");
    let both = world.json(&["classes", "-j", "--device", "office"]);
    assert_eq!((both["qdiscs"][0]["kind"].clone(), both["classes"].as_array().unwrap().len()), (json!("htb"), 3));
}

#[test]
fn rules_are_shown_with_their_counters() {
    let world = World::new(2, Traffic::Over);
    let text = world.run(&["rules", "show"]);
    let line = text.lines().find(|line| line.contains("--dport 53")).unwrap();
    assert!(line.starts_with('[') && !line.starts_with("[0:0]"), "{text}");
    let document = world.json(&["rules", "show", "-j", "--ipv4"]);
    assert_eq!(document["rules"][0]["family"], "ipv4");
    assert_eq!(world.run(&["rules", "show", "--ipv6"]), "");
}

#[test]
fn statistics_are_told() {
    let world = World::new(2, Traffic::Over);
    let stats = world.json(&["stats", "-j"]);
    let text = world.run(&["stats"]);
    let open = stats["tables"]["connections"]["count"].as_u64().unwrap();
    let line = text.lines().find(|line| line.starts_with("Connections")).unwrap();
    assert!(line.contains(&format!("{open} of ")), "{line}");
    for word in ["Conntrack", "insert=", "PORT", "office", "SHARD"] {
        assert!(text.contains(word), "no {word} in {text}");
    }
}
