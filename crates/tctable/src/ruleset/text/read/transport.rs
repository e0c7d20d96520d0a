//! `tcp`, `udp`, `icmp`, `icmp6` and `multiport`.

use super::super::names::{ICMP as ICMP_NAMES, ICMPV6 as ICMPV6_NAMES, IcmpName, SYN, SYN_MASK, TCP_FLAGS};
use super::matches::Scope;
use super::numbers::{begins, between, port, ports};
use super::options::{Given, Opt, Options, flag, value};
use crate::ruleset::matches::{IcmpMatch, Match, Multiport, MultiportSide, PortRange, PortsMatch, TcpMatch};
use crate::ruleset::rule::Not;
use crate::words::ParseError;
use crate::words::Word;

/// The most ports that `multiport` takes, a range counting for two (`XT_MULTI_PORTS`).
const MULTIPORTS: usize = 15;

const SPORT: Opt = value("source-port").is("sport").or_not();
const DPORT: Opt = value("destination-port").is("dport").or_not();

pub(super) const TCP: &[Opt] = &[
    SPORT,
    value("sport").or_not(),
    DPORT,
    value("dport").or_not(),
    flag("syn").or_not(),
    value("tcp-flags").two_values().or_not(),
    value("tcp-option").or_not(),
];

pub(super) fn tcp(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let flags = match options.one_of(&["syn", "tcp-flags"])? {
        None => None,
        Some(given) if given.key == "syn" => Some(Not { negated: given.negated, value: (SYN_MASK, SYN) }),
        Some(given) => {
            let value = (tcp_flags(given.value())?, tcp_flags(given.second())?);
            Some(Not { negated: given.negated, value })
        }
    };
    let option = options.get("tcp-option");
    let option = option.map(|given| given.not(|word| between(word, (1, 255), "a TCP option's kind, 1 to 255")));
    Ok(Match::Tcp(TcpMatch {
        ports: both_ports(options)?,
        // None of no flags is what every packet has.
        flags: flags.filter(|flags| *flags != Not::plain((0, 0))),
        option: option.transpose()?,
    }))
}

pub(super) const UDP: &[Opt] = &[SPORT, value("sport").or_not(), DPORT, value("dport").or_not()];

pub(super) fn udp(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    both_ports(options).map(Match::Udp)
}

fn both_ports(options: &Options<'_>) -> Result<PortsMatch, ParseError> {
    let one = |key| {
        let given = options.get(key).map(|given: &Given<'_>| given.not(ports)).transpose()?;
        // Every port is what every packet has.
        Ok(given.filter(|ports| *ports != Not::plain(PortRange { first: 0, last: u16::MAX })))
    };
    Ok(PortsMatch { source: one("sport")?, destination: one("dport")? })
}

fn tcp_flags(word: &Word<'_>) -> Result<u8, ParseError> {
    word.split(',').filter(|part| !part.text.is_empty()).try_fold(0, |flags, part| {
        let known = TCP_FLAGS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&part.text));
        match &*part.text.to_ascii_uppercase() {
            "ALL" => Ok(0x3f),
            "NONE" => Ok(flags),
            _ => known.map(|(_, flag)| flags | flag).ok_or_else(|| {
                part.unknown("TCP flag", TCP_FLAGS.iter().map(|(name, _)| *name).chain(["ALL", "NONE"]))
            }),
        }
    })
}

pub(super) const ICMP: &[Opt] = &[value("icmp-type").is("type").or_not()];

pub(super) fn icmp(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let given = options.require("type", "--icmp-type")?;
    given.not(|word| icmp_type(word, ICMP_NAMES)).map(|not| {
        // Type 255 is any, whatever the code.
        let any = not.value.kind == u8::MAX;
        Match::Icmp(if any { Not { value: IcmpMatch { kind: u8::MAX, codes: (0, 255) }, ..not } } else { not })
    })
}

pub(super) const ICMPV6: &[Opt] = &[value("icmpv6-type").is("type").or_not()];

pub(super) fn icmpv6(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let given = options.require("type", "--icmpv6-type")?;
    given.not(|word| icmp_type(word, ICMPV6_NAMES)).map(Match::Icmp)
}

/// A name or the only one that begins so, in any case; or a type, alone or with a code.
fn icmp_type(word: &Word<'_>, known: &'static [IcmpName]) -> Result<IcmpMatch, ParseError> {
    let names = || known.iter().map(|(name, ..)| *name);
    if word.text.starts_with(|c: char| c.is_ascii_digit()) {
        let (kind, code) = word.split_once('/');
        let kind = between(&kind, (0, 255), "an ICMP type, 0 to 255")?;
        let codes = match code {
            None => (0, 255),
            Some(code) => between(&code, (0, 255), "an ICMP code, 0 to 255").map(|code| (code, code))?,
        };
        return Ok(IcmpMatch { kind, codes });
    }
    let mut found = known.iter().filter(|(name, ..)| !word.text.is_empty() && begins(name, &word.text));
    let exact = known.iter().find(|(name, ..)| name.eq_ignore_ascii_case(&word.text));
    match (exact, found.next(), found.next()) {
        (Some(&(_, kind, codes)), ..) | (None, Some(&(_, kind, codes)), None) => Ok(IcmpMatch { kind, codes }),
        (None, Some(_), Some(_)) => Err(word.invalid("one ICMP type: several begin so")),
        (None, None, _) => Err(word.unknown("ICMP type", names())),
    }
}

pub(super) const MULTIPORT: &[Opt] = &[
    value("source-ports").is("sports").or_not(),
    value("sports").or_not(),
    value("destination-ports").is("dports").or_not(),
    value("dports").or_not(),
    value("ports").or_not(),
];

pub(super) fn multiport(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let given = options.just_one_of(&["sports", "dports", "ports"], "--sports, --dports or --ports")?;
    let side = match given.key {
        "sports" => MultiportSide::Source,
        "dports" => MultiportSide::Destination,
        _ => MultiportSide::Either,
    };
    let mut ports = Vec::new();
    let mut room = MULTIPORTS;
    for part in given.value().split(',') {
        let (first, last) = part.split_once(':');
        let first = port(&first)?;
        let range = PortRange { first, last: last.as_ref().map_or(Ok(first), port)? };
        if last.is_some() && range.first >= range.last {
            return Err(part.invalid("a range of ports: its end is not above its start"));
        }
        let takes = if last.is_some() { 2 } else { 1 };
        room = room.checked_sub(takes).ok_or_else(|| part.misplaced("is one too many: 15 ports are the most"))?;
        ports.push(range);
    }
    Ok(Match::Multiport(Not { negated: given.negated, value: Multiport { side, ports } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_icmp_may_be_shortened_while_it_says_one() {
        let read = |text| icmp_type(&Word::new(text, 1, 1), ICMP_NAMES).ok().map(|it| (it.kind, it.codes));
        for (text, expected) in [
            ("8", Some((8, (0, 255)))),
            ("3/1", Some((3, (1, 1)))),
            ("0x3/0xA", Some((3, (10, 10)))),
            ("PING", Some((8, (0, 255)))),
            ("echo-req", Some((8, (0, 255)))),
            ("host-unreachable", Some((3, (1, 1)))),
            ("time-exceeded", Some((11, (0, 255)))),
            ("echo", None),
            ("ttl", None),
            ("", None),
            ("256", None),
            ("8/", None),
            ("8/x", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
