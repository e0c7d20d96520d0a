//! `flower`.

use super::{Kind, address, ether_type, masked};
use crate::packet::protocol;
use crate::sched::text::command::once;
use crate::sched::text::units;
use crate::sched::{CtInfo, EtherType, FlowerOptions, Masked, PortRange};
use crate::words::{ParseError, Word};

const OPTIONS: [&str; 27] = [
    "classid",
    "flowid",
    "action",
    "vlan_id",
    "vlan_prio",
    "vlan_ethtype",
    "dst_mac",
    "src_mac",
    "ip_proto",
    "ip_tos",
    "ip_ttl",
    "dst_ip",
    "src_ip",
    "dst_port",
    "src_port",
    "tcp_flags",
    "type",
    "code",
    "ct_state",
    "ct_mark",
    "orig_src_ip",
    "orig_dst_ip",
    "orig_src_port",
    "orig_dst_port",
    "eth_type",
    "indev",
    "verbose",
];

/// Reads what `flower` can be told; its own `eth_type` is the filter's protocol, as in tc.
pub(super) fn read(kind: &mut Kind<'_, '_, '_>) -> Result<FlowerOptions, ParseError> {
    let protocol = kind.head.protocol.filter(|protocol| *protocol != EtherType::ALL);
    let mut options = FlowerOptions { eth_type: protocol, ..FlowerOptions::default() };
    while let Some(word) = kind.args.next() {
        if kind.common(word, &mut options.class, &mut options.actions)? {
            continue;
        }
        if word.text == "verbose" {
            continue;
        }
        if !OPTIONS.contains(&&*word.text) {
            return Err(word.unknown("key of flower", OPTIONS));
        }
        let value = kind.args.value("a value behind it")?;
        read_key(&mut options, word, value)?;
    }
    Ok(options)
}

fn read_key(options: &mut FlowerOptions, word: &Word<'_>, value: &Word<'_>) -> Result<(), ParseError> {
    let whole = |field: &mut Option<Masked<u8>>, expected| {
        let (number, mask) = masked(value, u8::MAX, expected)?;
        once(field, Masked { value: number, mask }, word)
    };
    match &*word.text {
        "vlan_id" => once(&mut options.vlan_id, in_range(value, 4095, "a VLAN's number, 0 to 4095")?, word),
        "vlan_prio" => {
            let prio = in_range(value, 7, "a VLAN's priority, 0 to 7")?;
            once(&mut options.vlan_prio, prio as u8, word)
        }
        "vlan_ethtype" => once(&mut options.vlan_eth_type, ether_type(value)?, word),
        "dst_mac" => once(&mut options.dst_mac, mac(value)?, word),
        "src_mac" => once(&mut options.src_mac, mac(value)?, word),
        "ip_proto" => once(&mut options.ip_proto, ip_proto(value)?, word),
        "ip_tos" => once(&mut options.ip_tos, hex_masked(value)?, word),
        "ip_ttl" => whole(&mut options.ip_ttl, "a number, 0 to 255"),
        "dst_ip" => once(&mut options.dst_ip, address::prefix(value)?, word),
        "src_ip" => once(&mut options.src_ip, address::prefix(value)?, word),
        "orig_dst_ip" => once(&mut options.orig_dst_ip, address::prefix(value)?, word),
        "orig_src_ip" => once(&mut options.orig_src_ip, address::prefix(value)?, word),
        "dst_port" => once(&mut options.dst_port, port(value)?, word),
        "src_port" => once(&mut options.src_port, port(value)?, word),
        "orig_dst_port" => once(&mut options.orig_dst_port, port(value)?, word),
        "orig_src_port" => once(&mut options.orig_src_port, port(value)?, word),
        "tcp_flags" => {
            let (flags, mask) = masked(value, 0xfff, "TCP flags, a number up to 0xfff")?;
            if flags > 0xfff || mask > 0xfff {
                return Err(value.invalid("TCP flags, a number up to 0xfff"));
            }
            once(&mut options.tcp_flags, Masked { value: flags, mask }, word)
        }
        "type" => whole(&mut options.icmp_type, "an ICMP type, 0 to 255"),
        "code" => whole(&mut options.icmp_code, "an ICMP code, 0 to 255"),
        "ct_state" => once(&mut options.ct_state, ct_state(value)?, word),
        "ct_mark" => {
            let (mark, mask) = masked(value, u32::MAX, "a mark")?;
            once(&mut options.ct_mark, Masked { value: mark, mask }, word)
        }
        "eth_type" => Err(word.misplaced("is no word of its own: the filter's protocol says it")),
        "indev" => Err(word.not_handled("flower asks for no device; u32 and fw do")),
        _ => Err(word.unknown("key of flower", OPTIONS)),
    }
}

fn in_range(word: &Word<'_>, most: u16, expected: &'static str) -> Result<u16, ParseError> {
    let number = units::number(word, expected)?;
    if number > most { Err(word.invalid(expected)) } else { Ok(number) }
}

/// A transport protocol: one that has a name here, or a number.
pub(super) fn ip_proto(word: &Word<'_>) -> Result<u8, ParseError> {
    const NAMES: [(&str, u8); 9] = [
        ("tcp", protocol::TCP),
        ("udp", protocol::UDP),
        ("sctp", protocol::SCTP),
        ("icmp", protocol::ICMP),
        ("icmpv6", protocol::ICMPV6),
        ("gre", protocol::GRE),
        ("esp", 50),
        ("ah", 51),
        ("udplite", protocol::UDPLITE),
    ];
    match NAMES.iter().find(|(name, _)| *name == word.text) {
        Some((_, number)) => Ok(*number),
        None => units::number(word, "").map_err(|_| word.unknown("protocol", NAMES.map(|(name, _)| name))),
    }
}

/// A number and a mask, decimal or hexadecimal.
fn hex_masked(word: &Word<'_>) -> Result<Masked<u8>, ParseError> {
    let wrong = || word.invalid("a number and a mask of 8 bits, such as 0x10/0xfc");
    let read = |text: &str| {
        let hex = text.strip_prefix("0x").unwrap_or(text);
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // As tc does, what is no decimal number is taken for a hexadecimal one.
        let decimal = text.parse().ok();
        decimal.or_else(|| u8::from_str_radix(hex, 16).ok()).filter(|_| is_plain)
    };
    let (value, mask) = word.split_once('/');
    let mask = mask.map_or(Some(u8::MAX), |mask| read(&mask.text)).ok_or_else(wrong)?;
    Ok(Masked { value: read(&value.text).ok_or_else(wrong)?, mask })
}

/// An Ethernet address with a mask or a number of bits.
fn mac(word: &Word<'_>) -> Result<Masked<[u8; 6]>, ParseError> {
    let (value, mask) = word.split_once('/');
    let mask = match mask {
        None => [0xff; 6],
        Some(mask) if mask.text.contains(':') => address::mac(&mask)?,
        Some(mask) => {
            let bits: u32 = units::number(&mask, "a number of bits, 0 to 48")?;
            if bits > 48 {
                return Err(mask.invalid("a number of bits, 0 to 48"));
            }
            let all = !u64::MAX.checked_shr(bits + 16).unwrap_or(0) & (u64::MAX >> 16);
            let [_, _, bytes @ ..] = all.to_be_bytes();
            bytes
        }
    };
    Ok(Masked { value: address::mac(&value)?, mask })
}

/// `N`, `N/MASK` or `FIRST-LAST`.
fn port(word: &Word<'_>) -> Result<PortRange, ParseError> {
    let Some((first, last)) = word.text.split_once('-') else {
        let (value, mask) = masked(word, u16::MAX, "a port")?;
        return Ok(PortRange::Masked(Masked { value, mask }));
    };
    let wrong = || word.invalid("ports, the lower one first, such as 1024-2047");
    let read = |text: &str| units::number(&word.part(text, 0), "a port").map_err(|_| wrong());
    let (first, last) = (read(first)?, read(last)?);
    if first < last { Ok(PortRange::Range { first, last }) } else { Err(wrong()) }
}

/// States with a sign: `+trk+est-new`; or a number and a mask.
fn ct_state(word: &Word<'_>) -> Result<Masked<u16>, ParseError> {
    const STATES: [(&str, u16); 6] = [
        ("trk", CtInfo::TRACKED),
        ("new", CtInfo::NEW),
        ("est", CtInfo::ESTABLISHED),
        ("inv", CtInfo::INVALID),
        ("rpl", CtInfo::REPLY),
        ("rel", CtInfo::RELATED),
    ];
    if !word.text.starts_with(['+', '-']) {
        let (value, mask) = masked(word, u16::MAX, "states, such as +trk+est")?;
        return Ok(Masked { value, mask });
    }
    let mut states = Masked { value: 0, mask: 0 };
    let mut rest = &*word.text;
    let mut behind = 0;
    while let Some(sign) = rest.chars().next() {
        let text = rest.get(1..).unwrap_or_default();
        let end = text.find(['+', '-']).unwrap_or(text.len());
        let (name, others) = text.split_at(end);
        let Some((_, bit)) = STATES.iter().find(|(known, _)| *known == name) else {
            return Err(word.part(name, behind + 1).unknown("state", STATES.map(|(name, _)| name)));
        };
        states.mask |= bit;
        if sign == '+' {
            states.value |= bit;
        }
        behind += end + 1;
        rest = others;
    }
    Ok(states)
}
