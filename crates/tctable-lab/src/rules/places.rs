//! The words of a rule's header, and the small spaces that addresses, ports and marks come from: those of the talks.

use tctable::packet::Family;

use crate::rng::Rng;

/// Ports that talks use, and one that none does.
const PORTS: [u16; 16] = [21, 53, 69, 80, 123, 443, 2905, 5000, 5060, 9899, 22, 1024, 1025, 1030, 1035, 7];

/// An address of a host on one of both sides; now and then of nobody.
pub(super) fn host(rng: &mut Rng, family: Family) -> String {
    if rng.one_in(20) {
        return match family {
            Family::V4 => "198.51.100.7".to_owned(),
            Family::V6 => "2001:db8::7".to_owned(),
        };
    }
    let nth = rng.below(8);
    match (family, rng.one_in(2)) {
        (Family::V4, true) => format!("10.11.1.{}", 10 + nth),
        (Family::V4, false) => format!("10.22.1.{}", 10 + nth),
        (Family::V6, true) => format!("fd00:11::1:{:x}", 0x10 + nth),
        (Family::V6, false) => format!("fd00:22::1:{:x}", 0x10 + nth),
    }
}

/// A host, a prefix, or a mask with holes.
pub(super) fn network(rng: &mut Rng, family: Family) -> String {
    let host = host(rng, family);
    match (rng.below(8), family) {
        (0..=2, _) => host,
        (3, Family::V4) => format!("{host}/{}", rng.pick(&["255.255.0.0", "255.0.0.255", "255.255.255.253"])),
        (3, Family::V6) => format!("{host}/{}", rng.pick(&["ffff:ffff::", "ffff:ffff::fffd"])),
        (4, Family::V4) => format!("{host}/{}", rng.range(0, 32)),
        (4, Family::V6) => format!("{host}/{}", rng.range(0, 128)),
        (5, Family::V4) => format!("{host}/{}", rng.pick(&[31, 30, 29])),
        (5, Family::V6) => format!("{host}/{}", rng.pick(&[127, 126, 125])),
        (_, Family::V4) => format!("{host}/{}", rng.pick(&[8, 16, 24])),
        (_, Family::V6) => format!("{host}/{}", rng.pick(&[32, 64, 112])),
    }
}

/// A port.
pub(super) fn port(rng: &mut Rng) -> u16 {
    rng.pick(&PORTS)
}

/// A port or a range, in the spellings that there are.
pub(super) fn ports(rng: &mut Rng) -> String {
    let (one, other) = (port(rng), port(rng));
    let (low, high) = (one.min(other), one.max(other));
    match rng.below(10) {
        0 => format!(":{high}"),
        1 => format!("{low}:"),
        2 => "domain".to_owned(),
        3 => "1024:1035".to_owned(),
        4 | 5 => format!("{low}:{high}"),
        _ => low.to_string(),
    }
}

/// A mark, alone or with a mask.
pub(super) fn mark(rng: &mut Rng) -> String {
    let value = rng.below(8);
    match rng.below(6) {
        0 => format!("{value}/0x7"),
        1 => format!("{value:#x}/0x3"),
        2 => format!("0x{value}/{}", rng.pick(&["0xff", "4", "0xffffffff", "0"])),
        3 => format!("{value:#x}"),
        _ => value.to_string(),
    }
}

/// `! ` now and then.
pub(super) fn not(rng: &mut Rng) -> &'static str {
    if rng.percent(15) { "! " } else { "" }
}

/// The transport protocol of a rule, and the word for it.
pub(super) fn protocol(rng: &mut Rng, family: Family) -> Option<(u8, &'static str)> {
    let icmp = match family {
        Family::V4 => (1, "icmp"),
        Family::V6 => (58, rng.pick(&["ipv6-icmp", "icmpv6"])),
    };
    rng.weighted(&[
        (30, Some((6, "tcp"))),
        (4, Some((6, "6"))),
        (24, Some((17, "udp"))),
        (2, Some((17, "UDP"))),
        (12, Some(icmp)),
        (3, Some((132, "sctp"))),
        (3, Some((47, "gre"))),
        (3, Some((136, "udplite"))),
        (1, Some((0, "all"))),
        (18, None),
    ])
}

/// A device of the gateway, or the beginning of its name.
pub(super) fn device(rng: &mut Rng) -> &'static str {
    rng.weighted(&[(4, "left"), (4, "right"), (2, "l+"), (2, "right+"), (1, "lo"), (1, "+")])
}
