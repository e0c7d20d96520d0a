//! Random matches, as a person might write them.

use tctable::packet::Family;

use super::places::{host, mark, not, port, ports};
use crate::rng::Rng;

const STATES: [&str; 5] = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"];
/// The last one is none, which iptables forgets where it is the mask.
const FLAGS: [&str; 8] = ["SYN", "ACK", "FIN", "RST", "PSH", "URG", "ALL", "NONE"];

/// What a match may need or is kept from.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) family: Family,
    /// The number behind `-p`, where no `!` stands before it.
    pub(super) protocol: Option<u8>,
    /// It is in a built-in chain where packets come in.
    pub(super) comes_in: bool,
    /// Matches of time, rates and chance are wanted too.
    pub(super) timed: bool,
}

/// The match of the rule's protocol, if it has one; it may come along without `-m`.
pub(super) fn of_protocol(rng: &mut Rng, rule: Rule) -> Option<String> {
    let text = match (rule.protocol?, rule.family) {
        (6, _) => tcp(rng),
        (17, _) => format!("{}{}", rng.pick(&["", "-m udp "]), both_ports(rng)),
        (1, Family::V4) => {
            let kind = rng.pick(&[
                "8",
                "0",
                "3",
                "3/1",
                "3/3",
                "11",
                "any",
                "echo-request",
                "pong",
                "port-unreachable",
                "13",
                "255",
                "5/1",
            ]);
            format!("{}{}--icmp-type {kind}", rng.pick(&["", "-m icmp "]), not(rng))
        }
        (58, Family::V6) => {
            let kind = rng.pick(&["128", "129", "1", "1/4", "2", "3/0", "echo-request", "port-unreachable", "135"]);
            format!("{}{}--icmpv6-type {kind}", rng.pick(&["", "-m icmp6 ", "-m icmpv6 "]), not(rng))
        }
        _ => return None,
    };
    Some(text)
}

fn both_ports(rng: &mut Rng) -> String {
    let source = rng.pick(&["--sport", "--source-port"]);
    let destination = rng.pick(&["--dport", "--destination-port"]);
    match rng.below(4) {
        0 => format!("{}{source} {}", not(rng), ports(rng)),
        1 => format!("{}{source} {} {}{destination} {}", not(rng), ports(rng), not(rng), ports(rng)),
        _ => format!("{}{destination} {}", not(rng), ports(rng)),
    }
}

fn tcp(rng: &mut Rng) -> String {
    let mut text = rng.pick(&["", "-m tcp "]).to_owned();
    match rng.below(5) {
        0 => text += &format!("{}--syn", not(rng)),
        1 => text += &format!("{}--tcp-flags {} {}", not(rng), list(rng, &FLAGS[..7], 3), list(rng, &FLAGS, 3)),
        2 => text += &format!("{}--tcp-option {}", not(rng), rng.pick(&[2, 3, 4, 5, 8, 30])),
        _ => text += &both_ports(rng),
    }
    if rng.one_in(4) && !text.contains("port ") {
        text += &format!(" {}", both_ports(rng));
    }
    text
}

/// Some of some, with commas between.
fn list<'a>(rng: &mut Rng, of: &[&'a str], most: u64) -> String {
    let chosen: Vec<&'a str> = (0..rng.range(1, most)).map(|_| rng.pick(of)).collect();
    chosen.join(",")
}

/// Any other match.
pub(super) fn other(rng: &mut Rng, rule: Rule) -> String {
    let has_ports = matches!(rule.protocol, Some(6 | 17 | 132 | 136));
    loop {
        let text = match rng.below(if rule.timed { 24 } else { 18 }) {
            0 if has_ports => multiport(rng),
            1 | 2 => conntrack(rng, rule),
            3 | 4 => format!("-m state {}--state {}", not(rng), list(rng, &STATES, 3)),
            5 => connbytes(rng),
            6 => format!("-m connmark {}--mark {}", not(rng), mark(rng)),
            7 | 8 => format!("-m mark {}--mark {}", not(rng), mark(rng)),
            9 => format!("-m length {}--length {}", not(rng), length(rng)),
            10 => iprange(rng, rule.family),
            11 if rule.comes_in => {
                format!("-m mac {}--mac-source {}", not(rng), rng.pick(&["00:11:22:33:44:55", "2:0:0:0:0:a"]))
            }
            12 => {
                let every = rng.range(1, 5);
                format!("-m statistic --mode nth {}--every {every} --packet {}", not(rng), rng.below(every))
            }
            13 => ttl(rng, rule.family),
            14 => dscp(rng),
            15 => {
                format!("-m comment --comment {}", rng.pick(&["plain", "\"two words\"", "\"q\\\"uoted\\\\\"", "a/b"]))
            }
            16 => format!("-m dscp {}--dscp {}", not(rng), rng.pick(&["0", "0x00", "10"])),
            17 => format!("-m length {}--length {}", not(rng), length(rng)),
            18 => limit(rng),
            19 => hashlimit(rng, rule.family),
            20 => connlimit(rng, rule.family),
            21 => format!(
                "-m statistic --mode random {}--probability {}",
                not(rng),
                rng.pick(&["0.5", "0.25", "1", "0", "0.3"])
            ),
            22 => time(rng),
            23 => format!("-m conntrack {}--ctexpire {}", not(rng), rng.pick(&["10", "10:300", ":60", "100:"])),
            _ => continue,
        };
        return text;
    }
}

fn multiport(rng: &mut Rng) -> String {
    let side = rng.pick(&["--sports", "--dports", "--ports", "--source-ports", "--destination-ports"]);
    let each = (0..rng.range(1, 6)).map(|_| {
        let (one, other) = (port(rng), port(rng));
        if rng.one_in(3) && one != other { format!("{}:{}", one.min(other), one.max(other)) } else { one.to_string() }
    });
    let each: Vec<String> = each.collect();
    format!("-m multiport {}{side} {}", not(rng), each.join(","))
}

fn conntrack(rng: &mut Rng, rule: Rule) -> String {
    let mut text = String::from("-m conntrack");
    let one = rng.below(10);
    let also = |rng: &mut Rng, nth| one == nth || rng.one_in(12);
    if also(rng, 0) || one == 1 {
        text += &format!(" {}--ctstate {}", not(rng), list(rng, &[&STATES[..], &["SNAT", "DNAT"]].concat(), 3));
    }
    if also(rng, 2) {
        text += &format!(" {}--ctproto {}", not(rng), rng.pick(&["tcp", "17", "icmp", "132"]));
    }
    if also(rng, 3) {
        text += &format!(
            " {}--ctstatus {}",
            not(rng),
            list(rng, &["NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"], 2)
        );
    }
    if also(rng, 4) {
        text += &format!(" --ctdir {}", rng.pick(&["ORIGINAL", "REPLY"]));
    }
    for (nth, name) in [(5, "ctorigsrc"), (6, "ctorigdst"), (7, "ctreplsrc"), (7, "ctrepldst")] {
        if also(rng, nth) {
            // iptables forgets a mask that is no prefix, and keeps bits that are not under it.
            let network = match rule.family {
                Family::V4 => rng.pick(&["10.11.0.0/16", "10.22.1.0/24", "10.22.1.12/30", "10.0.0.0/8", "0.0.0.0/0"]),
                Family::V6 => rng.pick(&["fd00:11::/32", "fd00:22::1:0/112", "fd00:22::1:14/126", "::/0"]),
            };
            let network = if rng.one_in(2) { network.to_owned() } else { host(rng, rule.family) };
            text += &format!(" {}--{name} {network}", not(rng));
        }
    }
    for (nth, name) in [(8, "ctorigsrcport"), (9, "ctorigdstport"), (9, "ctreplsrcport"), (8, "ctrepldstport")] {
        if also(rng, nth) {
            text += &format!(" {}--{name} {}", not(rng), ports(rng));
        }
    }
    if text == "-m conntrack" { text + " --ctstate NEW" } else { text }
}

fn connbytes(rng: &mut Rng) -> String {
    let range = match rng.below(4) {
        0 => format!("{}", rng.below(4)),
        1 => format!("{}:", rng.below(300)),
        2 => format!(":{}", rng.below(500)),
        _ => {
            let low = rng.below(100);
            format!("{low}:{}", low + rng.below(400))
        }
    };
    let mode = rng.pick(&["packets", "bytes", "avgpkt"]);
    let direction = rng.pick(&["original", "reply", "both"]);
    format!("-m connbytes {}--connbytes {range} --connbytes-dir {direction} --connbytes-mode {mode}", not(rng))
}

fn length(rng: &mut Rng) -> String {
    let low = rng.range(20, 100);
    match rng.below(4) {
        0 => format!("{low}:"),
        1 => format!(":{low}"),
        2 => low.to_string(),
        _ => format!("{low}:{}", low + rng.below(100)),
    }
}

fn iprange(rng: &mut Rng, family: Family) -> String {
    let mut range = |name: &str| {
        let (one, other) = (host(rng, family), host(rng, family));
        format!(" {}--{name} {one}-{other}", not(rng))
    };
    let (source, destination) = (range("src-range"), range("dst-range"));
    match rng.below(3) {
        0 => format!("-m iprange{source}{destination}"),
        1 => format!("-m iprange{source}"),
        _ => format!("-m iprange{destination}"),
    }
}

fn ttl(rng: &mut Rng, family: Family) -> String {
    let name = match family {
        Family::V4 => "ttl",
        Family::V6 => "hl",
    };
    let value = rng.pick(&[1, 2, 63, 64, 128, 255]);
    match rng.below(3) {
        0 => format!("-m {name} --{name}-lt {value}"),
        1 => format!("-m {name} --{name}-gt {value}"),
        _ => format!("-m {name} {}--{name}{} {value}", not(rng), rng.pick(&["", "-eq"])),
    }
}

fn dscp(rng: &mut Rng) -> String {
    format!("-m dscp {}--dscp-class {}", not(rng), rng.pick(&["EF", "CS0", "af41", "be", "CS3"]))
}

fn limit(rng: &mut Rng) -> String {
    let rate = format!("{}{}", rng.range(1, 100), rng.pick(&["", "/s", "/sec", "/minute", "/m", "/hour", "/day"]));
    // More than a burst of one is more than the kernel's 32 bits, for a rate by the day.
    let burst = if rate.ends_with("day") {
        " --limit-burst 1"
    } else {
        rng.pick(&["", " --limit-burst 3", " --limit-burst 100"])
    };
    format!("-m limit --limit {rate}{burst}")
}

fn hashlimit(rng: &mut Rng, family: Family) -> String {
    let mut text = format!("-m hashlimit {}--hashlimit-{}", not(rng), rng.pick(&["upto", "above"]));
    if rng.one_in(3) {
        let rate = rng.range(1, 600);
        text += &format!(" {rate}kb/s{}", rng.pick(&["", " --hashlimit-burst 1mb", " --hashlimit-burst 700kb"]));
    } else {
        text += &format!(" {}{}", rng.range(1, 500), rng.pick(&["", "/sec", "/min", "/hour", "/day"]));
        text += rng.pick(&["", " --hashlimit-burst 7"]);
    }
    text += rng.pick(&[
        "",
        " --hashlimit-mode srcip",
        " --hashlimit-mode dstip,dstport",
        " --hashlimit-mode srcip,srcport,dstip",
    ]);
    let masks = match family {
        Family::V4 => ["", " --hashlimit-srcmask 24", " --hashlimit-dstmask 16 --hashlimit-srcmask 8"],
        Family::V6 => ["", " --hashlimit-srcmask 64", " --hashlimit-dstmask 48 --hashlimit-srcmask 32"],
    };
    text += rng.pick(&masks);
    text += rng.pick(&[
        "",
        "",
        " --hashlimit-htable-expire 5000",
        " --hashlimit-htable-size 100 --hashlimit-htable-max 200",
    ]);
    text += rng.pick(&["", "", "", " --hashlimit-rate-match", " --hashlimit-rate-match --hashlimit-rate-interval 3"]);
    // A table is shared by name, and the first rule makes it.
    text + &format!(" --hashlimit-name h{}", rng.next() % 1_000_000)
}

fn connlimit(rng: &mut Rng, family: Family) -> String {
    let mask = match family {
        Family::V4 => rng.pick(&["", " --connlimit-mask 24", " --connlimit-mask 255.255.0.0"]),
        Family::V6 => rng.pick(&["", " --connlimit-mask 64", " --connlimit-mask ffff:ffff::"]),
    };
    let side = rng.pick(&["", " --connlimit-saddr", " --connlimit-daddr"]);
    format!("-m connlimit {}--connlimit-{} {}{mask}{side}", not(rng), rng.pick(&["upto", "above"]), rng.below(6))
}

fn time(rng: &mut Rng) -> String {
    let mut text = String::from("-m time");
    text += rng.pick(&["", " --timestart 08:00", " --timestart 22:30 --timestop 06:15:30", " --timestop 12:00"]);
    text +=
        rng.pick(&["", " --weekdays Mon,Tue,Wed", " ! --weekdays Sat,7", " --monthdays 1,15,31", " ! --monthdays 30"]);
    text += rng.pick(&[
        "",
        " --datestart 2020-02-29T12",
        " --datestop 2037-12-31T23:59:59",
        " --datestart 2001 --datestop 2030-06",
    ]);
    text += rng.pick(&["", "", " --kerneltz", " --utc"]);
    text
}
