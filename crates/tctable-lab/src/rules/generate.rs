//! A random file of rules.

use std::fmt::Write;

use tctable::packet::Family;

use super::matches::{Rule, of_protocol, other};
use super::places::{device, host, network, not, protocol};
use super::targets::{Place, target};
use crate::rng::Rng;

/// The tables and their built-in chains, those that packets on their way through come by first.
const TABLES: [(&str, &[&str], usize); 3] = [
    ("raw", &["PREROUTING", "OUTPUT"], 1),
    ("mangle", &["PREROUTING", "FORWARD", "POSTROUTING", "INPUT", "OUTPUT"], 3),
    ("filter", &["FORWARD", "INPUT", "OUTPUT"], 1),
];

/// The text.
pub(super) fn text(seed: u64, family: Family, timed: bool) -> String {
    // The stream of a seed is not that of the next one.
    let mut rng = Rng::new(seed ^ 0x7461_626c_6573);
    let rng = &mut rng;
    let mut text = String::from("# Made up.\n");
    let left_out = rng.below(6);
    for (nth, (table, built_in, busy)) in TABLES.into_iter().enumerate() {
        if nth as u64 == left_out {
            continue;
        }
        let _ = writeln!(text, "*{table}");
        for chain in built_in {
            let policy = if rng.one_in(12) { "DROP" } else { "ACCEPT" };
            let _ = writeln!(text, ":{chain} {policy} [{}:{}]", rng.below(100), rng.below(10_000));
        }
        let mut names: Vec<String> =
            (0..rng.below(5)).map(|nth| format!("{}-chain{nth}", rng.pick(&["a", "Z", "m_"]))).collect();
        names.dedup();
        for name in &names {
            let _ = writeln!(text, ":{name} - [0:0]");
        }
        for (nth, chain) in built_in.iter().enumerate() {
            let rules = if nth < busy { rng.range(1, 8) } else { rng.below(2) };
            for _ in 0..rules {
                rule(&mut text, rng, Where { family, timed, table, chain, below: &names });
            }
        }
        // A chain leads to later ones alone, so that none leads back.
        for (nth, chain) in names.iter().enumerate() {
            for _ in 0..rng.range(1, 5) {
                rule(&mut text, rng, Where { family, timed, table, chain, below: &names[nth + 1..] });
            }
        }
        text.push_str("COMMIT\n");
    }
    text
}

#[derive(Clone, Copy)]
struct Where<'a> {
    family: Family,
    timed: bool,
    table: &'static str,
    chain: &'a str,
    below: &'a [String],
}

fn rule(text: &mut String, rng: &mut Rng, at: Where<'_>) {
    let Where { family, timed, table, chain, below } = at;
    match rng.below(4) {
        0 => {
            let _ = write!(text, "[{}:{}] ", rng.below(1_000), rng.below(1_000_000));
        }
        1 => text.push_str("[0:0] "),
        _ => {}
    }
    let _ = write!(text, "{} {chain}", rng.pick(&["-A", "-A", "--append"]));
    let protocol = header(text, rng, family, chain);
    let comes_in = matches!(chain, "PREROUTING" | "INPUT" | "FORWARD");
    let (needs, target) = target(rng, Place { family, table, chain, protocol, below });
    let kind = Rule { family, protocol, comes_in, timed };
    if !needs.is_empty() {
        let _ = write!(text, " {needs}");
    } else if let Some(of) = of_protocol(rng, kind).filter(|_| rng.percent(60)) {
        let _ = write!(text, " {of}");
    }
    for _ in 0..rng.weighted(&[(5, 0), (4, 1), (2, 2), (1, 3)]) {
        let _ = write!(text, " {}", other(rng, kind));
    }
    if !target.is_empty() {
        let _ = write!(text, " {target}");
    }
    text.push('\n');
}

/// Writes what is asked of the header, and returns the protocol that matches may count on.
fn header(text: &mut String, rng: &mut Rng, family: Family, chain: &str) -> Option<u8> {
    // With a list of addresses nothing is negated.
    let lists = rng.one_in(10);
    for (short, long) in [("-s", "--source"), ("-d", "--dst")] {
        if !rng.percent(25) {
            continue;
        }
        let name = if rng.one_in(3) { long } else { short };
        if lists {
            let _ = write!(text, " {name} {},{}", host(rng, family), network(rng, family));
        } else {
            // iptables-nft refuses what leaves no packet.
            let network = network(rng, family);
            let not = if network.ends_with("/0") { "" } else { not(rng) };
            let _ = write!(text, " {not}{name} {network}");
        }
    }
    if rng.percent(20) && !matches!(chain, "OUTPUT" | "POSTROUTING") {
        devices(text, rng, ["-i", "--in-interface"]);
    }
    if rng.percent(20) && !matches!(chain, "INPUT" | "PREROUTING") {
        devices(text, rng, ["-o", "--out-interface"]);
    }
    if family == Family::V4 && rng.percent(4) {
        let _ = write!(text, " {}-f", not(rng));
    }
    let (number, word) = protocol(rng, family)?;
    if number != 0 && rng.one_in(12) {
        let _ = write!(text, " ! -p {word}");
        return None;
    }
    let _ = write!(text, " {} {word}", rng.pick(&["-p", "-p", "--protocol"]));
    Some(number)
}

fn devices(text: &mut String, rng: &mut Rng, names: [&str; 2]) {
    let device = device(rng);
    // No device's name begins otherwise than with nothing.
    let not = if device == "+" { "" } else { not(rng) };
    let _ = write!(text, " {not}{} {device}", rng.pick(&names));
}
