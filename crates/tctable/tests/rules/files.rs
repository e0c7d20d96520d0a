//! Whole files: tables, chains, counters, and jumps between chains.

use tctable::conntrack::Counter;
use tctable::hook::Hook;
use tctable::packet::Family;
use tctable::ruleset::{Policy, TableName, Target};

use super::{read, rules};

fn error(text: &str) -> String {
    read(Family::V4, text).expect_err(text).to_string()
}

#[test]
fn what_iptables_saved_is_written_as_it_was() {
    let saved = "\
*raw
:PREROUTING ACCEPT [18446744073709551615:1]
:OUTPUT ACCEPT [0:0]
[1:2] -A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
COMMIT
*filter
:INPUT DROP [10:20]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:A - [0:0]
:b - [0:0]
[3:4] -A INPUT -j b
[5:6] -A b -m comment --comment \"it\\'s \\\"quoted\\\"\" -g A
COMMIT
";
    assert_eq!(rules(saved).to_string(), saved);
}

#[test]
fn tables_chains_and_counters_are_where_they_belong() {
    let ruleset = rules(
        "*filter\n:z - [0:0]\n:FORWARD DROP [5:60]\n:a - [9:9]\n[7:8] -A FORWARD -j z\n-A z -j a\nCOMMIT\n*raw\nCOMMIT\n",
    );
    let names: Vec<TableName> = ruleset.tables.iter().map(|table| table.name).collect();
    assert_eq!(names, [TableName::Raw, TableName::Filter]);
    let chains = &ruleset.tables[1].chains;
    let names: Vec<&str> = chains.iter().map(|chain| &*chain.name).collect();
    assert_eq!(names, ["INPUT", "FORWARD", "OUTPUT", "a", "z"]);
    let base = chains[1].base.unwrap();
    assert_eq!(
        (base.hook, base.policy, base.counter),
        (Hook::Forward, Policy::Drop, Counter { packets: 5, bytes: 60 })
    );
    assert_eq!((chains[0].base.unwrap().policy, chains[3].base), (Policy::Accept, None));
    let rule = &chains[1].rules[0];
    assert_eq!((rule.counter, &rule.target, rule.line), (Counter { packets: 7, bytes: 8 }, &Target::Jump(4), 5));
    assert_eq!(chains[4].rules[0].target, Target::Jump(3));
}

#[test]
fn lines_may_say_more_than_append() {
    let ruleset = rules(
        "*filter\n-N web\n-P FORWARD DROP\n-A web -j DROP\n-I web -j ACCEPT\n-I web 2 -j RETURN\n-A FORWARD -j DROP\n\
         -F FORWARD\n--append FORWARD -c 3 4 -j web\n-6 -A web -s fd00::1\nCOMMIT\n",
    );
    let chains = &ruleset.tables[0].chains;
    assert_eq!(chains[1].base.unwrap().policy, Policy::Drop);
    let targets: Vec<&Target> = chains[3].rules.iter().map(|rule| &rule.target).collect();
    assert_eq!(targets, [&Target::Accept, &Target::Return, &Target::Drop]);
    assert_eq!(chains[1].rules.len(), 1);
    assert_eq!(chains[1].rules[0].counter, Counter { packets: 3, bytes: 4 });
}

#[test]
fn a_list_of_addresses_makes_a_rule_of_each_pair() {
    let text = rules("*filter\n[1:2] -A INPUT -s 10.0.0.1,10.0.0.2 -d 10.1.0.0/16,10.2.0.1\nCOMMIT\n").to_string();
    let pairs: Vec<&str> = text.lines().filter(|line| line.starts_with("[1:2] -A")).collect();
    assert_eq!(
        pairs,
        [
            "[1:2] -A INPUT -s 10.0.0.1/32 -d 10.1.0.0/16",
            "[1:2] -A INPUT -s 10.0.0.1/32 -d 10.2.0.1/32",
            "[1:2] -A INPUT -s 10.0.0.2/32 -d 10.1.0.0/16",
            "[1:2] -A INPUT -s 10.0.0.2/32 -d 10.2.0.1/32",
        ]
    );
    let many = vec!["10.0.0.1"; 100].join(",");
    let said = error(&format!("*filter\n-A INPUT -s {many} -d {many}\nCOMMIT\n"));
    assert_eq!(said, "2:4: \"INPUT\" gets too many rules from one line: 4096 are the most");
}

#[test]
fn files_that_are_not_whole_are_refused() {
    for (text, expected) in [
        ("*filter\n-A INPUT\n", "1:2: \"filter\" needs COMMIT at its end"),
        ("-A INPUT\n", "1:1: \"-A INPUT\" stands outside a table: one begins with *NAME"),
        ("*fliter\n", "1:2: unknown table \"fliter\": did you mean \"filter\"?"),
        ("*nat\nCOMMIT\n", "1:2: \"nat\" is not handled: addresses are not translated yet"),
        ("*\n", "1:1: \"*\" needs the name of a table"),
        (
            "*filter\nCOMMIT\n*filter\nCOMMIT\n",
            "3:2: \"filter\" is a table that was there already: its first rules would be lost",
        ),
        ("*filter\n:a - [0:0]\n:a - [0:0]\n", "3:2: \"a\" is a chain already"),
        ("*filter\n:a DROP [0:0]\n", "2:4: \"DROP\" stands behind a chain that is not built-in: those have -"),
        ("*filter\n:INPUT RETURN [0:0]\n", "2:8: unknown policy \"RETURN\""),
        ("*filter\n:DROP - [0:0]\n", "2:2: \"DROP\" is a target, and cannot be a chain too"),
        ("*filter\n:INPUT DROP [0]\n", "2:13: \"[0]\" is not a counter, [packets:bytes]"),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn no_jump_leads_back() {
    let file = |rules: &str| format!("*filter\n:a - [0:0]\n:b - [0:0]\n:c - [0:0]\n{rules}\nCOMMIT\n");
    let why = "leads back to where its packet comes from: a loop";
    let said = error(&file("-A INPUT -j a\n-A a -j b\n-A b -m mark --mark 1 -g a"));
    assert_eq!(said, format!("7:26: \"a\" {why}"));
    assert_eq!(error(&file("-A FORWARD -j c\n-A c -j c")), format!("6:9: \"c\" {why}"));
    // The kernel asks only what a packet can come to, and two ways to one chain are no loop.
    rules(&file("-A a -j b\n-A b -j a\n-A INPUT -j c\n-A FORWARD -j c"));
    rules(&file("-A INPUT -j a\n-A INPUT -j b\n-A a -j c\n-A b -j c\n-A a -j b"));
}

#[test]
fn a_rule_of_a_chain_is_asked_at_each_hook_that_leads_there() {
    let file = |from: &str| {
        format!(
            "*mangle\n:a - [0:0]\n:b - [0:0]\n-A {from} -j a\n-A a -j b\n-A b -j CLASSIFY --set-class 1:1\nCOMMIT\n"
        )
    };
    rules(&file("FORWARD"));
    let said = error(&file("INPUT"));
    assert_eq!(said, "6:9: \"CLASSIFY\" chooses how a packet leaves, in FORWARD, OUTPUT and POSTROUTING alone");
}

#[test]
fn a_deep_chain_of_jumps_is_read() {
    let depth = 20_000;
    let mut text = String::from("*filter\n");
    (0..depth).for_each(|nth| text += &format!(":c{nth} - [0:0]\n"));
    text += "-A INPUT -j c0\n";
    (1..depth).for_each(|nth| text += &format!("-A c{} -j c{nth}\n", nth - 1));
    text += "COMMIT\n";
    assert_eq!(rules(&text).tables[0].chains.len(), depth + 3);
}
