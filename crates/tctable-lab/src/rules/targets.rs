//! Random targets, as a person might write them.

use tctable::packet::Family;

use super::places::mark;
use crate::rng::Rng;

/// Where a target is to stand.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) family: Family,
    pub(super) table: &'static str,
    pub(super) chain: &'a str,
    /// The number behind `-p`, where no `!` stands before it.
    pub(super) protocol: Option<u8>,
    /// The chains of the user that it may lead to.
    pub(super) below: &'a [String],
}

/// A target with its options; empty for none. What it needs of the rule besides comes first.
pub(super) fn target(rng: &mut Rng, place: Place<'_>) -> (&'static str, String) {
    if !place.below.is_empty() && rng.percent(35) {
        let chain = rng.pick(place.below);
        return ("", format!("{} {chain}", rng.pick(&["-j", "-j", "--jump", "-g", "--goto"])));
    }
    let leaves = matches!(place.chain, "FORWARD" | "OUTPUT" | "POSTROUTING");
    let tcp = place.protocol == Some(6);
    loop {
        let text = match rng.below(24) {
            0..=2 => "-j ACCEPT".to_owned(),
            3 => "-j DROP".to_owned(),
            4 => "-j RETURN".to_owned(),
            5 => String::new(),
            6 if place.table == "filter" => reject(rng, place.family, tcp),
            7 => nfqueue(rng),
            8 | 9 => change(rng, "MARK"),
            10 | 11 => connmark(rng),
            12 | 13 if place.table == "raw" => ct(rng, place),
            14 if place.table == "raw" => "-j NOTRACK".to_owned(),
            15 if leaves => format!("-j CLASSIFY --set-class {:x}:{:x}", rng.below(3), rng.below(20)),
            16 if place.table == "mangle" => {
                format!(
                    "-j DSCP {}",
                    rng.pick(&["--set-dscp 10", "--set-dscp 0x2e", "--set-dscp-class CS1", "--set-dscp-class af11"])
                )
            }
            17 | 18 if place.table == "mangle" => ttl(rng, place.family),
            19 if tcp && place.table != "raw" => {
                let size = if leaves && rng.one_in(2) { "--clamp-mss-to-pmtu" } else { "--set-mss 536" };
                return (rng.pick(&["--syn ", "--tcp-flags SYN,RST SYN "]), format!("-j TCPMSS {size}"));
            }
            20 | 21 => log(rng),
            22 if place.table == "raw" => "-j TRACE".to_owned(),
            23 if rng.one_in(6) => "-j QUEUE".to_owned(),
            _ => continue,
        };
        return ("", text);
    }
}

fn reject(rng: &mut Rng, family: Family, tcp: bool) -> String {
    let with = match family {
        _ if tcp && rng.one_in(2) => "tcp-reset",
        Family::V4 => rng.pick(&[
            "icmp-net-unreachable",
            "host-unreach",
            "icmp-port-unreachable",
            "proto-unreach",
            "net-prohib",
            "icmp-host-prohibited",
            "admin-prohib",
        ]),
        Family::V6 => rng.pick(&[
            "icmp6-no-route",
            "adm-prohibited",
            "icmp6-addr-unreachable",
            "port-unreach",
            "policy-fail",
            "reject-route",
        ]),
    };
    if rng.one_in(4) { "-j REJECT".to_owned() } else { format!("-j REJECT --reject-with {with}") }
}

fn nfqueue(rng: &mut Rng) -> String {
    let queue = rng.pick(&["", " --queue-num 3", " --queue-balance 2:5", " --queue-balance 0:1 --queue-cpu-fanout"]);
    // Without it, and without anybody who listens, the packet is gone.
    format!("-j NFQUEUE{queue}{}", rng.pick(&[" --queue-bypass", " --queue-bypass", ""]))
}

fn change(rng: &mut Rng, target: &str) -> String {
    let (bits, mark) = (rng.below(16), mark(rng));
    let change = match rng.below(5) {
        0 => format!("--set-mark {mark}"),
        1 => format!("--set-xmark {mark}"),
        2 => format!("--and-mark {bits:#x}"),
        3 => format!("--or-mark {bits}"),
        _ => format!("--xor-mark {bits}"),
    };
    format!("-j {target} {change}")
}

fn connmark(rng: &mut Rng) -> String {
    let masks = rng.pick(&["", " --mask 0xf", " --nfmask 0xff --ctmask 7", " --ctmask 0x3"]);
    match rng.below(3) {
        0 => format!("-j CONNMARK --save-mark{masks}"),
        1 => format!("-j CONNMARK --restore-mark{masks}"),
        _ => change(rng, "CONNMARK"),
    }
}

fn ct(rng: &mut Rng, place: Place<'_>) -> String {
    let helper = match place.protocol {
        // The kernel's helper for IRC is for IPv4.
        Some(6) if place.family == Family::V4 => rng.pick(&["", " --helper ftp", " --helper irc"]),
        Some(6) => rng.pick(&["", " --helper ftp"]),
        Some(17) => rng.pick(&["", " --helper tftp", " --helper sip"]),
        _ => "",
    };
    let events = rng.pick(&["", " --ctevents new,destroy", " --ctevents mark,reply,assured"]);
    match rng.below(4) {
        0 => "-j CT --notrack".to_owned(),
        1 => format!("-j CT --zone {}{helper}", rng.below(3)),
        _ => format!("-j CT{helper}{events}"),
    }
}

fn ttl(rng: &mut Rng, family: Family) -> String {
    let (target, option) = match family {
        Family::V4 => ("TTL", "ttl"),
        Family::V6 => ("HL", "hl"),
    };
    let change = rng.pick(&["set 64", "set 1", "set 255", "inc 1", "inc 200", "dec 1", "dec 70"]);
    format!("-j {target} --{option}-{change}")
}

fn log(rng: &mut Rng) -> String {
    let prefix = rng.pick(&["", " --log-prefix \"a \\\"b\\\": \"", " --log-prefix in:", " --log-prefix plain"]);
    let level = rng.pick(&["", " --log-level debug", " --log-level 4", " --log-level 1", " --log-level warning"]);
    let flags =
        rng.pick(&["", " --log-tcp-sequence --log-uid", " --log-ip-options --log-tcp-options", " --log-macdecode"]);
    format!("-j LOG{level}{prefix}{flags}")
}
