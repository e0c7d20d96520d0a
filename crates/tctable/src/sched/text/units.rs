//! Numbers with units, as tc reads them and as we write them: exactly, so that what is written says the same.

use std::fmt::{self, Display};

use crate::sched::{Handle, Rate};
use crate::time::Duration;
use crate::words::{ParseError, Word};

/// A number as people write it: `mantissa` times ten to the `exponent`.
///
/// tc reads with `strtod`, whose 53 bits are enough for all that a link carries; here the value is exact.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    mantissa: u128,
    exponent: i32,
}

/// Digits that a number may have that say something: more than any 64 bits hold.
const DIGITS: u32 = 21;

impl Decimal {
    /// The number at a text's beginning, and what stands behind it. Not below zero.
    fn read(text: &str) -> Option<(Decimal, &str)> {
        let text = text.strip_prefix('+').unwrap_or(text);
        if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            let end = hex.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(hex.len());
            let (digits, unit) = hex.split_at_checked(end)?;
            let mantissa = u64::from_str_radix(digits, 16).ok()?.into();
            return Some((Decimal { mantissa, exponent: 0 }, unit));
        }
        let mut decimal = Decimal { mantissa: 0, exponent: 0 };
        let (mut digits, mut seen, mut is_fraction) = (0, false, false);
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            match letter.to_digit(10) {
                Some(digit) => {
                    seen = true;
                    if digits == DIGITS {
                        return None;
                    }
                    digits += u32::from(decimal.mantissa > 0 || digit > 0);
                    decimal.mantissa = decimal.mantissa * 10 + u128::from(digit);
                    decimal.exponent -= i32::from(is_fraction);
                }
                None if letter == '.' && !is_fraction => is_fraction = true,
                None => break,
            }
            rest = rest.get(letter.len_utf8()..)?;
        }
        if let Some(power) = rest.strip_prefix(['e', 'E']) {
            let digits = power.strip_prefix(['+', '-']).unwrap_or(power);
            let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
            if end > 0 {
                let (value, unit) = digits.split_at_checked(end)?;
                let value: i32 = value.parse().ok()?;
                let value = if power.starts_with('-') { -value } else { value };
                decimal.exponent = decimal.exponent.checked_add(value)?;
                rest = unit;
            }
        }
        seen.then_some((decimal, rest))
    }

    /// That many times `numerator / denominator`, rounded down; `None` where it is beyond 64 bits.
    fn times(self, numerator: u128, denominator: u128) -> Option<u64> {
        let power = 10u128.checked_pow(self.exponent.unsigned_abs());
        let (over, under) = match (self.exponent < 0, power) {
            (_, None) if self.mantissa == 0 => return Some(0),
            (true, None) => return Some(0),
            (false, None) => return None,
            (true, Some(power)) => (numerator, denominator.checked_mul(power)),
            (false, Some(power)) => (numerator.checked_mul(power)?, Some(denominator)),
        };
        let Some(under) = under else { return Some(0) };
        u64::try_from(self.mantissa.checked_mul(over)? / under).ok()
    }
}

/// Units of rates, in bits a second.
const RATES: [(&str, u64); 18] = [
    ("bit", 1),
    ("kibit", 1 << 10),
    ("kbit", 1_000),
    ("mibit", 1 << 20),
    ("mbit", 1_000_000),
    ("gibit", 1 << 30),
    ("gbit", 1_000_000_000),
    ("tibit", 1 << 40),
    ("tbit", 1_000_000_000_000),
    ("bps", 8),
    ("kibps", 8 << 10),
    ("kbps", 8_000),
    ("mibps", 8 << 20),
    ("mbps", 8_000_000),
    ("gibps", 8 << 30),
    ("gbps", 8_000_000_000),
    ("tibps", 8 << 40),
    ("tbps", 8_000_000_000_000),
];

/// A rate: a number of bits a second, or with a unit (`bit`, `kbit` = 1,000 bits, `kibit` = 1,024, `bps` = bytes a second,
/// `kbps`, ... up to `t`), or a share of the link's speed (`30%`). There is no plain `k`.
pub(super) fn rate(word: &Word<'_>, speed: Option<Rate>) -> Result<Rate, ParseError> {
    let wrong = || word.invalid("a rate, such as 30mbit or 500kbps");
    let (number, unit) = Decimal::read(&word.text).ok_or_else(wrong)?;
    if unit == "%" {
        let speed = speed.ok_or_else(|| word.misplaced("is a share of a link's speed, and there is none yet"))?;
        let rate = number.times(speed.0.into(), 100).filter(|rate| *rate <= speed.0);
        return rate.map(Rate).ok_or_else(|| word.invalid("a share of a link's speed, 0% to 100%"));
    }
    let known = RATES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let bits = match known {
        Some((_, bits)) => *bits,
        None if unit.is_empty() => 1,
        None => {
            let mut word = word.clone();
            word.text = unit.into();
            return Err(word.unknown("unit of rates", RATES.iter().map(|(name, _)| *name)));
        }
    };
    number.times(bits.into(), 8).map(Rate).ok_or_else(|| word.invalid("a rate below 2^64 bytes a second"))
}

/// Units of sizes, in bits.
const SIZES: [(&str, u64); 10] = [
    ("b", 8),
    ("k", 8 << 10),
    ("kb", 8 << 10),
    ("m", 8 << 20),
    ("mb", 8 << 20),
    ("g", 8 << 30),
    ("gb", 8 << 30),
    ("kbit", 1 << 10),
    ("mbit", 1 << 20),
    ("gbit", 1 << 30),
];

/// A size: a number of bytes, or with a unit: `b`, `k` or `kb` = 1,024 bytes, `m`, `g`; `kbit` = 1,024 bits, `mbit`, `gbit`.
pub(super) fn size(word: &Word<'_>) -> Result<u32, ParseError> {
    let wrong = || word.invalid("a size below 4 gb, such as 15k");
    let (number, unit) = Decimal::read(&word.text).ok_or_else(wrong)?;
    let known = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let bits = match known {
        Some((_, bits)) => *bits,
        None if unit.is_empty() => 8,
        None => {
            let mut word = word.clone();
            word.text = unit.into();
            return Err(word.unknown("unit of sizes", SIZES.iter().map(|(name, _)| *name)));
        }
    };
    number.times(bits.into(), 8).and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)
}

/// Units of times, in nanoseconds.
const TIMES: [(&str, u64); 9] = [
    ("s", 1_000_000_000),
    ("sec", 1_000_000_000),
    ("secs", 1_000_000_000),
    ("ms", 1_000_000),
    ("msec", 1_000_000),
    ("msecs", 1_000_000),
    ("us", 1_000),
    ("usec", 1_000),
    ("usecs", 1_000),
];

/// The longest time that tc takes: 32 bits of microseconds.
const LONGEST: u64 = u32::MAX as u64 * 1_000;

/// A time: a number of microseconds, or with a unit: `s`, `ms`, `us`.
pub(super) fn time(word: &Word<'_>) -> Result<Duration, ParseError> {
    let wrong = || word.invalid("a time of at most 4294 s, such as 5ms");
    let (number, unit) = Decimal::read(&word.text).ok_or_else(wrong)?;
    let known = TIMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let nanos = match known {
        Some((_, nanos)) => *nanos,
        None if unit.is_empty() => 1_000,
        None => {
            let mut word = word.clone();
            word.text = unit.into();
            return Err(word.unknown("unit of times", TIMES.iter().map(|(name, _)| *name)));
        }
    };
    let nanos = number.times(nanos.into(), 1).filter(|nanos| *nanos <= LONGEST);
    nanos.map(Duration::from_nanos).ok_or_else(wrong)
}

/// A whole number, in C's three bases.
pub(super) fn number<N: TryFrom<u64>>(word: &Word<'_>, expected: &'static str) -> Result<N, ParseError> {
    let (digits, radix) = match word.text.strip_prefix("0x").or_else(|| word.text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if word.text.len() > 1 && word.text.starts_with('0') => (&*word.text, 8),
        None => (&*word.text, 10),
    };
    // No sign, which `from_str_radix` would take.
    let is_plain = digits.chars().all(|letter| letter.is_digit(radix));
    let number = u64::from_str_radix(digits, radix).ok().filter(|_| is_plain);
    number.and_then(|number| number.try_into().ok()).ok_or_else(|| word.invalid(expected))
}

/// A whole number in base ten, as some of tc's words have it: a leading 0 means nothing.
pub(super) fn decimal<N: TryFrom<u64>>(word: &Word<'_>, expected: &'static str) -> Result<N, ParseError> {
    // No sign, which `parse` would take.
    let is_plain = word.text.bytes().all(|byte| byte.is_ascii_digit());
    let number = word.text.parse::<u64>().ok().filter(|_| is_plain);
    number.and_then(|number| number.try_into().ok()).ok_or_else(|| word.invalid(expected))
}

fn hex(text: &str) -> Option<u16> {
    // No sign, which `from_str_radix` would take.
    u16::from_str_radix(text, 16).ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A qdisc's handle: `1:` or `1`, hexadecimal; `none` for one that is yet to be given.
pub(super) fn qdisc(word: &Word<'_>) -> Result<Handle, ParseError> {
    if word.text == "none" {
        return Ok(Handle::UNSPEC);
    }
    let major = hex(word.text.strip_suffix(':').unwrap_or(&word.text));
    major.map(|major| Handle::new(major, 0)).ok_or_else(|| word.invalid("a qdisc's handle, such as 1:"))
}

/// A class or a qdisc: `1:10`, `1:`, `:10`, `root`, `none`, hexadecimal; `10` is `:10`, as tc has it.
pub(super) fn class(word: &Word<'_>) -> Result<Handle, ParseError> {
    let wrong = || word.invalid("a class, such as 1:10");
    match &*word.text {
        "root" => return Ok(Handle::ROOT),
        "none" => return Ok(Handle::UNSPEC),
        _ => {}
    }
    let (major, minor) = match word.text.split_once(':') {
        Some((major, minor)) => (major, minor),
        None => ("0", &*word.text),
    };
    let read = |text: &str| if text.is_empty() { Some(0) } else { hex(text) };
    // A lone number has to be there.
    if word.text.is_empty() {
        return Err(wrong());
    }
    Ok(Handle::new(read(major).ok_or_else(wrong)?, read(minor).ok_or_else(wrong)?))
}

/// A rate in the largest unit that says it exactly.
pub(super) fn write_rate(rate: Rate) -> impl Display {
    let bits = u128::from(rate.0) * 8;
    in_largest(
        bits,
        &[("Tbit", 1_000_000_000_000), ("Gbit", 1_000_000_000), ("Mbit", 1_000_000), ("Kbit", 1_000)],
        "bit",
    )
}

/// A size in the largest unit that says it exactly.
pub(super) fn write_size(bytes: u32) -> impl Display {
    in_largest(bytes.into(), &[("Mb", 1 << 20), ("Kb", 1 << 10)], "b")
}

/// A time in the largest unit that says it exactly; nanoseconds are decimals of microseconds.
pub(super) fn write_time(time: Duration) -> impl Display {
    let nanos = time.as_nanos();
    fmt::from_fn(move |f| match nanos % 1_000 {
        0 => in_largest((nanos / 1_000).into(), &[("s", 1_000_000), ("ms", 1_000)], "us").fmt(f),
        part => write!(f, "{}.{part:03}us", nanos / 1_000),
    })
}

fn in_largest(value: u128, units: &'static [(&'static str, u128)], smallest: &'static str) -> impl Display {
    let exact = units.iter().find(|(_, unit)| value > 0 && value.is_multiple_of(*unit));
    let (value, unit) = exact.map_or((value, smallest), |(name, unit)| (value / unit, name));
    fmt::from_fn(move |f| write!(f, "{value}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn word(text: &str) -> Word<'_> {
        Word::new(text, 1, 1)
    }

    fn read_rate(text: &str) -> Option<u64> {
        rate(&word(text), Some(Rate(1_000))).ok().map(|rate| rate.0)
    }

    /// What tc 6.1 makes of each, in bytes a second.
    #[test]
    fn rates_are_read_as_tc_reads_them() {
        for (text, bytes) in [
            ("1kbit", Some(125)),
            ("1Kbit", Some(125)),
            ("1kibit", Some(128)),
            ("1KBPS", Some(1_000)),
            ("1kibps", Some(1_024)),
            ("1bps", Some(1)),
            ("1000", Some(125)),
            ("999", Some(124)),
            ("7", Some(0)),
            ("1.5mbit", Some(187_500)),
            (".5mbit", Some(62_500)),
            ("1.mbit", Some(125_000)),
            ("1e6", Some(125_000)),
            ("1e3kbit", Some(125_000)),
            ("1500e-3kbit", Some(187)),
            ("0x10", Some(2)),
            ("+8", Some(1)),
            ("1.9bps", Some(1)),
            ("1tibit", Some(137_438_953_472)),
            ("200tbps", Some(200_000_000_000_000)),
            ("18446744073709551615bps", Some(u64::MAX)),
            ("50%", Some(500)),
            ("0.05%", Some(0)),
            ("101%", None),
            ("10k", None),
            ("1kb", None),
            ("1 kbit", None),
            ("-1", None),
            ("inf", None),
            ("nan", None),
            ("", None),
            (".", None),
            ("kbit", None),
            ("1e99999999999kbit", None),
            ("1e2147483647", None),
            ("0e2147483647", Some(0)),
            ("1e-2147483648", None),
            ("18446744073709551616bps", None),
            ("1.00000000000000000000000000000000000000001", None),
        ] {
            assert_eq!(read_rate(text), bytes, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_tc_reads_them() {
        for (text, bytes) in [
            ("15k", Some(15_360)),
            ("15KB", Some(15_360)),
            ("1m", Some(1 << 20)),
            ("1g", Some(1 << 30)),
            ("10", Some(10)),
            ("10B", Some(10)),
            ("1.5k", Some(1_536)),
            ("1kbit", Some(128)),
            ("1mbit", Some(131_072)),
            ("8gbit", Some(1 << 30)),
            ("0x10", Some(16)),
            ("1e3", Some(1_000)),
            ("4294967295", Some(u32::MAX)),
            ("4g", None),
            ("-1", None),
            ("15kib", None),
            ("1t", None),
            ("10kbps", None),
        ] {
            assert_eq!(size(&word(text)).ok(), bytes, "{text}");
        }
    }

    #[test]
    fn times_are_read_as_tc_reads_them() {
        for (text, nanos) in [
            ("5ms", Some(5_000_000)),
            ("5", Some(5_000)),
            ("5secs", Some(5_000_000_000)),
            ("5MSECS", Some(5_000_000)),
            ("1.5ms", Some(1_500_000)),
            ("4294s", Some(4_294_000_000_000)),
            ("4295s", None),
            ("5m", None),
            ("5ns", None),
            ("1h", None),
            ("-1", None),
        ] {
            assert_eq!(time(&word(text)).ok().map(Duration::as_nanos), nanos, "{text}");
        }
    }

    #[test]
    fn numbers_have_three_bases() {
        for (text, value) in [
            ("12", Some(12)),
            ("0x1f", Some(31)),
            ("010", Some(8)),
            ("0", Some(0)),
            ("08", None),
            ("256", None),
            ("+1", None),
        ] {
            assert_eq!(number::<u8>(&word(text), "a number").ok(), value, "{text}");
        }
    }

    #[test]
    fn some_numbers_have_one_base() {
        for (text, value) in
            [("12", Some(12)), ("010", Some(10)), ("0x1f", None), ("256", None), ("+1", None), ("", None)]
        {
            assert_eq!(decimal::<u8>(&word(text), "a number").ok(), value, "{text}");
        }
    }

    #[test]
    fn classes_and_qdiscs_are_hexadecimal() {
        for (text, handle) in [
            ("1:", Some(Handle::new(1, 0))),
            ("1:10", Some(Handle::new(1, 16))),
            (":a", Some(Handle::new(0, 10))),
            ("10", Some(Handle::new(0, 16))),
            ("root", Some(Handle::ROOT)),
            ("none", Some(Handle::UNSPEC)),
            ("", None),
            ("1:x", None),
            ("10000:1", None),
            ("1:+1", None),
        ] {
            assert_eq!(class(&word(text)).ok(), handle, "{text}");
        }
        assert_eq!(qdisc(&word("1")).ok(), Some(Handle::new(1, 0)));
        assert_eq!(qdisc(&word("ffff:")).ok(), Some(Handle::new(0xffff, 0)));
        // tc takes it, and forgets the 5.
        assert!(qdisc(&word("1:5")).is_err());
    }

    #[test]
    fn errors_tell_the_unit_that_was_meant() {
        let error = rate(&word("10mbits"), None).unwrap_err();
        assert_eq!(error.to_string(), "1:1: unknown unit of rates \"mbits\": did you mean \"mbit\"?");
        let error = rate(&word("10%"), None).unwrap_err();
        assert_eq!(error.to_string(), "1:1: \"10%\" is a share of a link's speed, and there is none yet");
    }

    proptest! {
        #[test]
        fn what_is_written_says_the_same(value in prop_oneof![any::<u64>(), 0u64..100_000], shift in 0u32..64, tens in 0u32..19) {
            let value = (value >> shift).saturating_mul(10u64.pow(tens));
            prop_assert_eq!(rate(&word(&write_rate(Rate(value)).to_string()), None), Ok(Rate(value)));
            prop_assert_eq!(size(&word(&write_size(value as u32).to_string())), Ok(value as u32));
            let duration = Duration::from_nanos(value % LONGEST);
            prop_assert_eq!(time(&word(&write_time(duration).to_string())), Ok(duration));
        }
    }
}
