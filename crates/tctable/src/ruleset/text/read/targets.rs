//! Which targets there are.

use super::super::names::{EVENTS, LOG_LEVELS, rejects};
use super::fields::{class, code_point};
use super::marks::{CONNMARK, MARK, connmark, mark};
use super::matches::{Extension, Scope};
use super::numbers::{begins, between, typed};
use super::options::{Given, Opt, Options, flag, value};
use crate::packet::Family;
use crate::ruleset::target::{CtTarget, Log, Nfqueue, RejectWith, Target, TtlChange};
use crate::words::ParseError;
use crate::words::Word;

/// The longest prefix of a log's lines.
const LONGEST_PREFIX: usize = 29;
/// The longest name of a helper (`NF_CT_HELPER_NAME_LEN` without its end).
const LONGEST_HELPER: usize = 15;
/// Every target but the chains of a table.
pub(super) static TARGETS: [Extension<Target>; 17] = [
    Extension::new("ACCEPT", &[], |_, _| Ok(Target::Accept)),
    Extension::new("DROP", &[], |_, _| Ok(Target::Drop)),
    Extension::new("RETURN", &[], |_, _| Ok(Target::Return)),
    Extension::new("QUEUE", &[], |_, _| Ok(Target::Queue)),
    Extension::new("NOTRACK", &[], |_, _| Ok(Target::Notrack)),
    Extension::new("TRACE", &[], |_, _| Ok(Target::Trace)),
    Extension::new("REJECT", &[value("reject-with")], reject),
    Extension::new("NFQUEUE", NFQUEUE, nfqueue),
    Extension::new("MARK", MARK, mark),
    Extension::new("CONNMARK", CONNMARK, connmark),
    Extension::new("CT", CT, ct),
    Extension::new("CLASSIFY", &[value("set-class")], classify),
    Extension::new("DSCP", &[value("set-dscp"), value("set-dscp-class")], dscp),
    Extension::new("TTL", &[value("ttl-set").is("set"), value("ttl-inc").is("inc"), value("ttl-dec").is("dec")], ttl)
        .of(Family::V4),
    Extension::new("HL", &[value("hl-set").is("set"), value("hl-inc").is("inc"), value("hl-dec").is("dec")], ttl)
        .of(Family::V6),
    Extension::new("TCPMSS", &[value("set-mss"), flag("clamp-mss-to-pmtu")], tcpmss),
    Extension::new("LOG", LOG, log),
];

fn reject(options: &Options<'_>, scope: Scope<'_>) -> Result<Target, ParseError> {
    let Some(given) = options.get("reject-with") else {
        return Ok(Target::Reject(match scope.family {
            Family::V4 => RejectWith::PortUnreachable,
            Family::V6 => RejectWith::PortUnreachable6,
        }));
    };
    let (word, known) = (given.value(), rejects(scope.family));
    known
        .iter()
        .find(|(name, short, _)| !word.text.is_empty() && (begins(name, &word.text) || begins(short, &word.text)))
        .map(|(.., with)| Target::Reject(*with))
        .ok_or_else(|| word.unknown("answer", known.iter().flat_map(|(name, short, _)| [*name, *short])))
}

const NFQUEUE: &[Opt] = &[value("queue-num"), value("queue-balance"), flag("queue-bypass"), flag("queue-cpu-fanout")];

fn nfqueue(options: &Options<'_>, _: Scope<'_>) -> Result<Target, ParseError> {
    let queue = |word: &Word<'_>| typed::<u16>(word, "the number of a queue, 0 to 65535");
    let (first, count) = match options.one_of(&["queue-num", "queue-balance"])? {
        None => (0, 1),
        Some(given) if given.key == "queue-num" => (queue(given.value())?, 1),
        Some(given) => {
            let word = given.value();
            let (first, last) = word.split_once(':');
            let last = last.ok_or_else(|| word.invalid("two numbers of queues with a colon between"))?;
            let (first, last) = (queue(&first)?, queue(&last)?);
            // All 65536 queues are more than the kernel's 16 bits can count.
            let count = last.checked_sub(first).filter(|more| *more > 0).and_then(|more| more.checked_add(1));
            (first, count.ok_or_else(|| word.invalid("a range of 2 to 65535 queues"))?)
        }
    };
    if let Some(given) = options.get("queue-cpu-fanout").filter(|_| count == 1) {
        return Err(given.word.missing("--queue-balance"));
    }
    let (bypass, fanout) = (options.has("queue-bypass"), options.has("queue-cpu-fanout"));
    Ok(Target::Nfqueue(Nfqueue { first, count, bypass, fanout }))
}

const CT: &[Opt] = &[
    flag("notrack"),
    value("helper"),
    value("timeout"),
    value("ctevents"),
    value("expevents"),
    value("zone"),
    value("zone-orig"),
    value("zone-reply"),
];

fn ct(options: &Options<'_>, _: Scope<'_>) -> Result<Target, ParseError> {
    if let Some(given) = options.get("expevents") {
        return Err(given.word.not_handled("events of expectations are not chosen by connection"));
    }
    if let Some(given) = options.get("timeout") {
        return Err(given.word.not_handled("there are no timeout policies yet that it could name"));
    }
    let name = |key, longest, expected| -> Result<Option<Box<str>>, ParseError> {
        let Some(given) = options.get(key) else { return Ok(None) };
        let word = given.value();
        let fits = !word.text.is_empty() && word.text.len() <= longest && !word.text.contains([' ', '\t', '"']);
        if fits { Ok(Some((*word.text).into())) } else { Err(word.invalid(expected)) }
    };
    Ok(Target::Ct(Box::new(CtTarget {
        notrack: options.has("notrack"),
        zone: zone(options)?.filter(|zone| *zone != 0),
        helper: name("helper", LONGEST_HELPER, "the name of a helper, 1 to 15 bytes")?,
        events: options.get("ctevents").map(|given| events(given.value())).transpose()?,
    })))
}

fn events(word: &Word<'_>) -> Result<u16, ParseError> {
    word.split(',').try_fold(0, |events, part| {
        let known = EVENTS.iter().find(|(name, _)| *name == part.text);
        known
            .map(|(_, event)| events | event)
            .ok_or_else(|| part.unknown("event", EVENTS.iter().map(|(name, _)| *name)))
    })
}

/// The zone, if one number says it for both directions.
fn zone(options: &Options<'_>) -> Result<Option<u16>, ParseError> {
    let number = |given: &Given<'_>| match &*given.value().text {
        "mark" => Err(given.value().not_handled("a zone is a number, not a packet's mark")),
        _ => typed(given.value(), "a zone, 0 to 65535"),
    };
    let [zone, original, reply] = ["zone", "zone-orig", "zone-reply"].map(|key| options.get(key));
    let one = original.or(reply);
    match (zone, original, reply) {
        (Some(zone), None, None) => number(zone).map(Some),
        (None, None, None) => Ok(None),
        (None, Some(original), Some(reply)) if number(original)? == number(reply)? => number(original).map(Some),
        _ => {
            let word = one.map_or(&options.owner, |given| &given.word);
            Err(word.not_handled("both directions of a connection are in one zone"))
        }
    }
}

fn classify(options: &Options<'_>, _: Scope<'_>) -> Result<Target, ParseError> {
    let word = options.require("set-class", "--set-class")?.value();
    let half = |text: &str| {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let is_hex = !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_hexdigit());
        is_hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let class = word.text.split_once(':').and_then(|(major, minor)| half(major).zip(half(minor)));
    class
        .map(|(major, minor)| Target::Classify(u32::from(major) << 16 | u32::from(minor)))
        .ok_or_else(|| word.invalid("a class, MAJOR:MINOR in hexadecimal"))
}

fn dscp(options: &Options<'_>, _: Scope<'_>) -> Result<Target, ParseError> {
    let given = options.just_one_of(&["set-dscp", "set-dscp-class"], "--set-dscp or --set-dscp-class")?;
    let read = if given.key == "set-dscp" { code_point } else { class };
    read(given.value()).map(Target::Dscp)
}

fn ttl(options: &Options<'_>, _: Scope<'_>) -> Result<Target, ParseError> {
    let given = options.just_one_of(&["set", "inc", "dec"], "a change: to a value (-set), up (-inc) or down (-dec)")?;
    let change = |word| between(word, (1, 255), "a number, 1 to 255");
    Ok(Target::Ttl(match given.key {
        "set" => TtlChange::Set(typed(given.value(), "a number, 0 to 255")?),
        "inc" => TtlChange::Increase(change(given.value())?),
        _ => TtlChange::Decrease(change(given.value())?),
    }))
}

fn tcpmss(options: &Options<'_>, scope: Scope<'_>) -> Result<Target, ParseError> {
    let given = options.just_one_of(&["set-mss", "clamp-mss-to-pmtu"], "--set-mss or --clamp-mss-to-pmtu")?;
    if given.key == "clamp-mss-to-pmtu" {
        return Ok(Target::Tcpmss(None));
    }
    // What is left of a packet for TCP's header and data.
    let (most, expected) = match scope.family {
        Family::V4 => (65_515, "a segment size, 0 to 65515"),
        Family::V6 => (65_495, "a segment size, 0 to 65495"),
    };
    between(given.value(), (0, most), expected).map(|size| Target::Tcpmss(Some(size)))
}

const LOG: &[Opt] = &[
    value("log-level"),
    value("log-prefix"),
    flag("log-tcp-sequence"),
    flag("log-tcp-options"),
    flag("log-ip-options"),
    flag("log-uid"),
    flag("log-macdecode"),
];

fn log(options: &Options<'_>, _: Scope<'_>) -> Result<Target, ParseError> {
    let level = options.get("log-level").map(|given| {
        let word = given.value();
        if word.text.starts_with(|c: char| c.is_ascii_digit()) {
            return between(word, (0, 7), "a level, 0 to 7");
        }
        let known = LOG_LEVELS.iter().find(|(name, _)| *name == word.text).map(|(_, level)| *level);
        known.ok_or_else(|| word.unknown("level", LOG_LEVELS.iter().map(|(name, _)| *name)))
    });
    let prefix = options.get("log-prefix").map_or(Ok(""), |given| {
        let word = given.value();
        let fits = (1..=LONGEST_PREFIX).contains(&word.text.len());
        if fits { Ok(&*word.text) } else { Err(word.invalid("a prefix, 1 to 29 bytes")) }
    });
    let flags =
        [("log-tcp-sequence", 1), ("log-tcp-options", 2), ("log-ip-options", 4), ("log-uid", 8), ("log-macdecode", 32)];
    Ok(Target::Log(Box::new(Log {
        level: level.transpose()?.unwrap_or(4),
        prefix: prefix?.into(),
        flags: flags.iter().filter(|(key, _)| options.has(key)).map(|(_, flag)| flag).sum(),
    })))
}
