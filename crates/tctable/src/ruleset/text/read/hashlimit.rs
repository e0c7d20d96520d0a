//! `hashlimit`.

use super::super::rates::{HASHLIMIT_SCALE, canonical, canonical_burst, canonical_bytes, default_expire};
use super::addresses::width;
use super::counting::packet_rate;
use super::matches::Scope;
use super::numbers::{between, bits};
use super::options::{Opt, Options, flag, value};
use crate::ruleset::matches::{Hashlimit, HashlimitMode, HashlimitRate, Match, Per};
use crate::words::ParseError;
use crate::words::Word;

/// The longest name (`NAME_MAX`, and the names of a file in `/proc`).
const LONGEST_NAME: usize = 255;
/// The fastest rate in bytes that the kernel's 32 bits of 16 bytes can say.
const MOST_BYTES: u64 = (1 << 36) - 1;

pub(super) const HASHLIMIT: &[Opt] = &[
    value("hashlimit-upto").or_not(),
    value("hashlimit").is("hashlimit-upto").or_not(),
    value("hashlimit-above").or_not(),
    value("hashlimit-burst"),
    value("hashlimit-mode"),
    value("hashlimit-srcmask"),
    value("hashlimit-dstmask"),
    value("hashlimit-name"),
    value("hashlimit-htable-size"),
    value("hashlimit-htable-max"),
    value("hashlimit-htable-expire"),
    value("hashlimit-htable-gcinterval"),
    flag("hashlimit-rate-match"),
    value("hashlimit-rate-interval"),
];

pub(super) fn hashlimit(options: &Options<'_>, scope: Scope<'_>) -> Result<Match, ParseError> {
    let keys = ["hashlimit-upto", "hashlimit-above"];
    let given = options.just_one_of(&keys, "--hashlimit-upto or --hashlimit-above")?;
    let name = options.require("hashlimit-name", "--hashlimit-name")?.value();
    if name.text.is_empty() || name.text.len() > LONGEST_NAME || name.text.contains(['/', ' ', '\t', '"']) {
        return Err(name.invalid("the name of a table, 1 to 255 bytes without blanks, slashes and quotation marks"));
    }
    let rate_match = options.has("hashlimit-rate-match");
    let read = rate(given.value())?;
    let burst = burst(options, read)?;
    let milliseconds = |key| options.get(key).map(|given| positive(given.value())).transpose();
    let number = |key| options.get(key).map_or(Ok(0), |given| bits(given.value()));
    let mask = |key| match options.get(key) {
        None => Ok(width(scope.family)),
        Some(given) => between(given.value(), (0, width(scope.family).into()), "the length of a prefix"),
    };
    let unit = match read {
        HashlimitRate::Packets(_, per) => per.seconds() as u32,
        HashlimitRate::Bytes(_) => 1,
    };
    let interval = options.get("hashlimit-rate-interval").map(|given| positive(given.value())).transpose()?;
    Ok(Match::Hashlimit(Box::new(Hashlimit {
        above: (given.key == "hashlimit-above") != given.negated,
        rate: written_rate(read, rate_match).ok_or_else(|| given.value().invalid(RATE))?,
        burst,
        mode: options.get("hashlimit-mode").map_or(Ok(HashlimitMode::default()), |given| mode(given.value()))?,
        source_mask: mask("hashlimit-srcmask")?,
        destination_mask: mask("hashlimit-dstmask")?,
        name: (*name.text).into(),
        size: number("hashlimit-htable-size")?,
        max: number("hashlimit-htable-max")?,
        expire: milliseconds("hashlimit-htable-expire")?.unwrap_or(default_expire(read, burst, false)),
        gc_interval: milliseconds("hashlimit-htable-gcinterval")?.unwrap_or(1_000),
        rate_match,
        // Without --hashlimit-rate-match iptables forgets it.
        rate_interval: if rate_match { interval.unwrap_or(unit) } else { 1 },
    })))
}

const RATE: &str = "a rate such as 5/minute or 512kb/s, at most 1000000/second";

fn rate(word: &Word<'_>) -> Result<HashlimitRate, ParseError> {
    // iptables takes a rate in bytes that is not for a second, or not written in small letters, for one in packets.
    let of_a_second = word.text.split_once('/').filter(|(_, unit)| Per::from_beginning(unit) == Some(Per::Second));
    match of_a_second.filter(|(bytes, _)| bytes.ends_with('b')) {
        Some((bytes, _)) => {
            let bytes = in_bytes(bytes).filter(|bytes| (1..=MOST_BYTES).contains(bytes));
            bytes.map(HashlimitRate::Bytes).ok_or_else(|| word.invalid(RATE))
        }
        None => packet_rate_as_given(word),
    }
}

/// A rate in packets, in the unit in which it was given: an entry's time of expiry depends on it.
fn packet_rate_as_given(word: &Word<'_>) -> Result<HashlimitRate, ParseError> {
    packet_rate(word, HASHLIMIT_SCALE, RATE)?;
    let (rate, unit) = word.text.split_once('/').unwrap_or((&word.text, "s"));
    let rate = rate.parse::<u32>().ok().zip(Per::from_beginning(unit));
    rate.map(|(rate, per)| HashlimitRate::Packets(rate.into(), per)).ok_or_else(|| word.invalid(RATE))
}

/// As iptables would write it. With `--hashlimit-rate-match` the rate is one of packets in the interval.
fn written_rate(rate: HashlimitRate, rate_match: bool) -> Option<HashlimitRate> {
    Some(match rate {
        HashlimitRate::Packets(rate, per) => {
            let (rate, per) = canonical(rate, if rate_match { Per::Second } else { per }, HASHLIMIT_SCALE)?;
            HashlimitRate::Packets(rate, per)
        }
        HashlimitRate::Bytes(bytes) => HashlimitRate::Bytes(canonical_bytes(bytes)),
    })
}

/// A number, with `kb` or `mb` behind it in units of 1024 or 1048576.
fn in_bytes(text: &str) -> Option<u64> {
    let text = text.strip_suffix('b').unwrap_or(text);
    let (digits, unit) = match (text.strip_suffix('k'), text.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1 << 10),
        (_, Some(digits)) => (digits, 1 << 20),
        _ => (text, 1),
    };
    digits.parse::<u32>().ok().filter(|_| !digits.starts_with('+')).map(|number| u64::from(number) * unit)
}

fn burst(options: &Options<'_>, rate: HashlimitRate) -> Result<u64, ParseError> {
    const PACKETS: &str = "a burst, 1 to 1000000";
    let Some(given) = options.get("hashlimit-burst") else {
        return Ok(if matches!(rate, HashlimitRate::Bytes(_)) { 0 } else { 5 });
    };
    let word = given.value();
    match rate {
        HashlimitRate::Packets(..) => {
            in_bytes(&word.text).filter(|burst| (1..=1_000_000).contains(burst)).ok_or_else(|| word.invalid(PACKETS))
        }
        HashlimitRate::Bytes(rate) => {
            let burst = in_bytes(&word.text).filter(|burst| *burst <= u64::from(u32::MAX));
            let burst = burst.and_then(|burst| canonical_burst(burst, rate));
            burst.ok_or_else(|| word.invalid("a burst of bytes, at least those of a second and less than 4096mb"))
        }
    }
}

fn mode(word: &Word<'_>) -> Result<HashlimitMode, ParseError> {
    let mut mode = HashlimitMode::default();
    for part in word.split(',').filter(|part| !part.text.is_empty()) {
        match &*part.text {
            "srcip" => mode.source = true,
            "srcport" => mode.source_port = true,
            "dstip" => mode.destination = true,
            "dstport" => mode.destination_port = true,
            _ => return Err(part.unknown("mode", ["srcip", "srcport", "dstip", "dstport"])),
        }
    }
    Ok(mode)
}

fn positive(word: &Word<'_>) -> Result<u32, ParseError> {
    between(word, (1, u64::from(u32::MAX)), "a number from 1 on")
}
