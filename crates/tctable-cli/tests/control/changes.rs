use serde_json::{Value, json};
use tctable_daemon::testing::Traffic;

use crate::world::World;

fn open(world: &World) -> u64 {
    world.json(&["stats", "-j"])["tables"]["connections"]["count"].as_u64().unwrap()
}

#[test]
fn connections_are_deleted() {
    let world = World::new(2, Traffic::Over);
    let all = open(&world);
    let one: Value = serde_json::from_str(&world.run(&["connections", "-j", "--limit", "1"])).unwrap();
    let key = one["key"].as_str().unwrap();
    assert_eq!(world.run(&["delete", key]), "1 connection deleted\n");
    assert!(world.fail(&["delete", key]).contains("no connection"), "{key}");
    let host = one["original"]["src"].as_str().unwrap();
    let of_host = world.run(&["connections", "--host", host]).lines().count() as u64;
    assert_eq!(world.json(&["delete", "--host", host, "-j"]), json!({ "deleted": of_host }));
    assert_eq!(open(&world), all - 1 - of_host);
    let said = world.fail(&["delete"]);
    assert!(said.starts_with("tctable: say which"), "{said}");
    world.run(&["delete", "--all"]);
    assert_eq!(open(&world), 0);
}

#[test]
fn hosts_are_zeroed() {
    let world = World::new(2, Traffic::Over);
    let before = world.json(&["hosts", "-j", "--top", "1"])["hosts"][0].clone();
    let ip = before["ip"].as_str().unwrap();
    assert_eq!(world.json(&["zero", ip, "-j"])["host"], before);
    let text = world.run(&["zero", ip]);
    assert!(text.contains(ip) && text.ends_with("1 host zeroed\n"), "{text}");
    let hosts = world.json(&["hosts", "-j"])["totals"]["hosts"].as_u64().unwrap();
    assert_eq!(world.run(&["zero", "--all"]), format!("{hosts} hosts zeroed\n"));
    assert!(world.fail(&["zero", "192.0.2.99"]).contains("no host 192.0.2.99"));
}

#[test]
fn tunables_are_read_and_set() {
    let world = World::new(2, Traffic::Over);
    assert_eq!(world.run(&["sysctl", "nf_conntrack_max=4096"]), "net.netfilter.nf_conntrack_max = 4096\n");
    let two = world.run(&["sysctl", "nf_conntrack_max", "net/netfilter/nf_conntrack_tcp_loose"]);
    assert_eq!(two, "net.netfilter.nf_conntrack_max = 4096\nnet.netfilter.nf_conntrack_tcp_loose = 1\n");
    assert!(world.run(&["sysctl", "-a"]).contains("net.netfilter.nf_conntrack_max = 4096\n"));
    assert_eq!(world.json(&["sysctl", "-a", "-j"])["net.netfilter.nf_conntrack_max"], 4096);
    assert!(world.fail(&["sysctl", "nf_conntrack_max=-1"]).contains("is no value"));
    assert!(world.fail(&["sysctl", "nf_conntrack_mix"]).contains("no tunable is called nf_conntrack_mix"));
    // Without names it is about no gateway.
    assert!(!world.run(&["sysctl"]).contains("nf_conntrack_max = 4096\n"));
}

#[test]
fn a_reload_tells_what_is_other() {
    let world = World::new(1, Traffic::Over);
    assert!(world.json(&["reload", "-j"])["changed"].is_array());
}
