//! Matches that count: `connbytes`, `connlimit`, `limit`, `statistic`.

use super::super::rates::{LIMIT_SCALE, canonical};
use super::addresses::{mask, prefix_length, width};
use super::matches::Scope;
use super::numbers::{between, bits, number, range, typed};
use super::options::{Opt, Options, flag, value};
use crate::ruleset::matches::{Connbytes, ConnbytesDirection, ConnbytesMode, Connlimit, Limit, Match, Per, Statistic};
use crate::ruleset::rule::Not;
use crate::words::ParseError;
use crate::words::Word;

pub(super) const CONNBYTES: &[Opt] = &[value("connbytes").or_not(), value("connbytes-dir"), value("connbytes-mode")];

pub(super) fn connbytes(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let given = options.require("connbytes", "--connbytes")?;
    let bounds = |word: &Word<'_>| match word.split_once(':') {
        (from, None) => Ok((typed(&from, "a number of 64 bits")?, u64::MAX)),
        _ => range(word, (0, u64::MAX), |word| typed(word, "a number of 64 bits")),
    };
    let bounds = given.not(bounds)?;
    if bounds.value.0 > bounds.value.1 {
        return Err(given.value().invalid("a range: its end is below its start"));
    }
    let direction = options.require("connbytes-dir", "--connbytes-dir")?.value();
    let mode = options.require("connbytes-mode", "--connbytes-mode")?.value();
    Ok(Match::Connbytes(Connbytes {
        range: bounds,
        direction: match &*direction.text {
            "original" => ConnbytesDirection::Original,
            "reply" => ConnbytesDirection::Reply,
            "both" => ConnbytesDirection::Both,
            _ => return Err(direction.unknown("direction", ["original", "reply", "both"])),
        },
        mode: match &*mode.text {
            "packets" => ConnbytesMode::Packets,
            "bytes" => ConnbytesMode::Bytes,
            "avgpkt" => ConnbytesMode::AveragePacket,
            _ => return Err(mode.unknown("mode", ["packets", "bytes", "avgpkt"])),
        },
    }))
}

pub(super) const CONNLIMIT: &[Opt] = &[
    value("connlimit-upto").or_not(),
    value("connlimit-above").or_not(),
    value("connlimit-mask"),
    flag("connlimit-saddr"),
    flag("connlimit-daddr"),
];

pub(super) fn connlimit(options: &Options<'_>, scope: Scope<'_>) -> Result<Match, ParseError> {
    let keys = ["connlimit-upto", "connlimit-above"];
    let given = options.just_one_of(&keys, "--connlimit-upto or --connlimit-above")?;
    let address = options.one_of(&["connlimit-saddr", "connlimit-daddr"])?;
    Ok(Match::Connlimit(Connlimit {
        limit: bits(given.value())?,
        above: (given.key == "connlimit-above") != given.negated,
        mask: match options.get("connlimit-mask") {
            None => width(scope.family),
            Some(given) => bits_of_mask(given.value(), scope)?,
        },
        by_destination: address.is_some_and(|given| given.key == "connlimit-daddr"),
    }))
}

/// The length of a prefix, or a mask that is one. iptables takes a length above the family's for the whole address.
fn bits_of_mask(word: &Word<'_>, scope: Scope<'_>) -> Result<u8, ParseError> {
    let whole = width(scope.family);
    match number(&word.text) {
        Some(length) if length <= 128 => Ok(whole.min(length as u8)),
        _ => prefix_length(scope.family, mask(word, scope.family)?)
            .ok_or_else(|| word.invalid("the length of a prefix, or a mask that is one")),
    }
}

pub(super) const LIMIT: &[Opt] = &[value("limit"), value("limit-burst")];

pub(super) fn limit(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let (rate, per) = match options.get("limit") {
        None => (3, Per::Hour),
        Some(given) => packet_rate(given.value(), LIMIT_SCALE, "a rate such as 5/minute, at most 10000/second")?,
    };
    let burst = options.get("limit-burst");
    let burst = burst.map_or(Ok(5), |given| between(given.value(), (1, 10_000), "a burst, 1 to 10000"));
    Ok(Match::Limit(Limit { rate: rate as u32, per, burst: burst? }))
}

/// A number in decimal, and a unit of time behind a slash; without one, seconds.
pub(super) fn packet_rate(word: &Word<'_>, scale: u64, expected: &'static str) -> Result<(u64, Per), ParseError> {
    let (rate, per) = match word.text.split_once('/') {
        None => (&*word.text, Some(Per::Second)),
        Some((rate, unit)) => (rate, Per::from_beginning(unit)),
    };
    let rate = rate.parse::<u32>().ok().filter(|_| rate.starts_with(|c: char| c.is_ascii_digit()));
    let canonical = rate.zip(per).and_then(|(rate, per)| canonical(u64::from(rate), per, scale));
    canonical.ok_or_else(|| word.invalid(expected))
}

pub(super) const STATISTIC: &[Opt] =
    &[value("mode"), value("probability").or_not(), value("every").or_not(), value("packet")];

pub(super) fn statistic(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let mode = options.require("mode", "--mode")?.value();
    match &*mode.text {
        "random" => {
            let given = options.require("probability", "--probability")?;
            for other in ["every", "packet"] {
                if let Some(given) = options.get(other) {
                    return Err(given.word.misplaced("belongs to --mode nth"));
                }
            }
            given.not(probability).map(Match::Statistic)
        }
        "nth" => {
            if let Some(given) = options.get("probability") {
                return Err(given.word.misplaced("belongs to --mode random"));
            }
            let given = options.require("every", "--every")?;
            let every: u32 = between(given.value(), (1, u64::from(u32::MAX)), "a number from 1 on")?;
            let packet = options.require("packet", "--packet")?.value();
            let packet = between(packet, (0, u64::from(every - 1)), "a number below that of --every")?;
            Ok(Match::Statistic(Not { negated: given.negated, value: Statistic::Nth { every, packet } }))
        }
        _ => Err(mode.unknown("mode", ["random", "nth"])),
    }
}

fn probability(word: &Word<'_>) -> Result<Statistic, ParseError> {
    let number = word.text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
    let number = number.ok_or_else(|| word.invalid("a probability, 0 to 1"))?;
    // Rounded to the nearest, halves upward, as iptables does.
    Ok(Statistic::Random((number * f64::from(1u32 << 31) + 0.5) as u32))
}
