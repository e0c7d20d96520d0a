//! The text of rules beside iptables: what is read of a text, and written, is what iptables makes of it. Needs root,
//! iptables and network namespaces; where they are missing nothing is tested and one line says so.

use std::collections::BTreeMap;
use std::io;

use tctable::packet::Family;
use tctable::ruleset::{Ruleset, Sets, TableName};
use tctable_lab::kernel::{Error, not_tested};
use tctable_lab::rules::{Iptables, Variant, in_namespace, random_text};

mod spellings;

const VARIANTS: [Variant; 2] = [Variant::Legacy, Variant::Nft];
const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Runs `work` for each program of iptables that is there, in a new namespace, or says why not.
fn with_iptables(family: Family, work: impl Fn(Iptables) + Send + Sync) -> bool {
    for variant in VARIANTS {
        let iptables = Iptables { variant, family };
        let ran = in_namespace(|| iptables.save().map(|_| work(iptables)));
        match ran {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                not_tested("no iptables here");
                return false;
            }
            Err(Error::Unavailable(why)) => {
                not_tested(why);
                return false;
            }
            Ok(Err(error)) => panic!("{error}"),
            Err(error) => panic!("{error}"),
        }
    }
    true
}

fn read(family: Family, text: &str) -> Ruleset {
    Ruleset::parse(family, text, &Sets::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The lines of each table: iptables saves tables in an order of its own.
fn by_table(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut tables = BTreeMap::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        lines.push(line);
        if line == "COMMIT" {
            let whole = std::mem::take(&mut lines);
            tables.insert(whole[0], whole);
        }
    }
    assert!(lines.is_empty(), "text after the last COMMIT: {lines:?}");
    tables
}

/// A line without its counter, where the program forgets it: `ip6tables-nft-restore` does so behind `-p`.
fn counted(iptables: Iptables, line: &str) -> &str {
    match (iptables.variant, iptables.family, line.split_once("] ")) {
        (Variant::Nft, Family::V6, Some((_, rule))) if line.starts_with('[') => rule,
        _ => line,
    }
}

/// Compares a text with what iptables made of it, table by table.
fn compare(iptables: Iptables, what: &str, loaded: &str, ours: &str) {
    let said = iptables.restore(loaded).expect("iptables runs");
    if let Err(said) = said {
        panic!("{what}: {iptables:?} refuses: {said}\n{loaded}");
    }
    let saved = iptables.save().expect("iptables runs");
    let (saved, ours) = (by_table(&saved), by_table(ours));
    for (name, lines) in &ours {
        let theirs = saved.get(name).unwrap_or_else(|| panic!("{what}: {iptables:?} has no table {name}"));
        for (ours, theirs) in lines.iter().zip(theirs) {
            assert_eq!(counted(iptables, ours), counted(iptables, theirs), "{what}: {iptables:?}");
        }
        assert_eq!(lines.len(), theirs.len(), "{what}: {iptables:?} {name}\n{lines:#?}\n{theirs:#?}");
    }
}

/// Whether the program writes what it reads: `QUEUE` is a target of the legacy program alone, and the other one turns
/// ports that are not at an end of all ports into those that are left.
fn takes(iptables: Iptables, ours: &str) -> bool {
    let rewritten = ["-j QUEUE\n", "! --sport 0:", "! --dport 0:", ":65535"];
    iptables.variant == Variant::Legacy || !rewritten.iter().any(|text| ours.contains(text))
}

#[test]
fn random_rules_are_written_as_iptables_writes_them() {
    for family in FAMILIES {
        for seed in 0..60 {
            let text = random_text(seed, family, true);
            let rules = read(family, &text);
            let ours = rules.to_string();
            assert_eq!(read(family, &ours).to_string(), ours, "seed {seed}");
            let tested = with_iptables(family, |iptables| {
                if takes(iptables, &ours) {
                    assert_eq!(iptables.test(&ours).expect("iptables runs"), Ok(()), "seed {seed}: {iptables:?}");
                    compare(iptables, &format!("seed {seed}, read and written"), &ours, &ours);
                    compare(iptables, &format!("seed {seed}, as made up"), &text, &ours);
                }
            });
            if !tested {
                return;
            }
        }
    }
}

/// A table with one rule and a chain to jump to.
fn file(table: &str, rule: &str) -> String {
    let name = TableName::ALL.into_iter().find(|name| name.as_str() == table).expect("a table");
    let chains: String = name.hooks().iter().map(|hook| format!(":{hook} ACCEPT [0:0]\n")).collect();
    format!("*{table}\n{chains}:foo - [0:0]\n-A {rule}\nCOMMIT\n")
}

/// What one of the programs of iptables made of a text, or that it refused it.
fn theirs(iptables: Iptables, text: &str) -> Option<String> {
    iptables.restore(text).expect("iptables runs").ok()?;
    Some(iptables.save().expect("iptables runs"))
}

/// Every spelling that is listed, one by one: taken and written, or refused, as iptables does.
#[test]
fn spellings_are_read_as_iptables_reads_them() {
    for family in FAMILIES {
        let lines = spellings::of(family);
        let tested = with_iptables(family, |iptables| {
            for line in lines.lines().filter(|line| !line.is_empty()) {
                let (table, rule) = line.split_once(' ').expect("a table and a rule");
                let text = file(table, rule);
                let ours = Ruleset::parse(family, &text, &Sets::default());
                let _ = iptables.restore(&file(table, "foo")).expect("iptables runs");
                match (ours, theirs(iptables, &text)) {
                    (Ok(ours), Some(saved)) => {
                        let (saved, ours) = (by_table(&saved), ours.to_string());
                        assert_eq!(
                            Some(&by_table(&ours)[&*format!("*{table}")]),
                            saved.get(&*format!("*{table}")),
                            "{line}"
                        );
                    }
                    (Err(_), None) => {}
                    (Ok(_), None) => panic!("{iptables:?} refuses {line:?}"),
                    (Err(error), Some(_)) => panic!("{iptables:?} takes {line:?}: {error}"),
                }
            }
        });
        if !tested {
            return;
        }
    }
}
