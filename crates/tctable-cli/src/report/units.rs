//! Numbers for people. Units are decimal, as links and disks are sold.

use std::fmt;

use tctable::time::Duration;

const PREFIXES: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];

/// With one decimal, and a prefix where there are a thousand or more.
fn scaled(value: u64, unit: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if value < 1_000 {
        return write!(f, "{value} {unit}");
    }
    let mut scale = 1_000;
    let mut power = 1;
    loop {
        // Rounded first: 999,950 is 1.0 M and not 1000.0 K.
        let tenths = (u128::from(value) * 10 + scale / 2) / scale;
        if tenths < 10_000 || power + 1 == PREFIXES.len() {
            return write!(f, "{}.{} {}{unit}", tenths / 10, tenths % 10, PREFIXES[power]);
        }
        scale *= 1_000;
        power += 1;
    }
}

/// An amount of bytes: `12.3 MB`.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(self.0, "B", f)
    }
}

/// A rate, from bits in a second: `12.3 Mbit/s`.
pub(crate) struct BitRate(pub(crate) u64);

impl fmt::Display for BitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(self.0, "bit/s", f)
    }
}

/// A number with its thousands apart: `1,234,567`.
pub(crate) struct Count(pub(crate) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let (first, rest) = digits.split_at((digits.len() - 1) % 3 + 1);
        f.write_str(first)?;
        (0..rest.len()).step_by(3).try_for_each(|at| write!(f, ",{}", &rest[at..at + 3]))
    }
}

/// A span of time: `4.321 s`, `10 min 4 s`, `2 h 3 min`, `5 d 6 h`.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..60 => write!(f, "{seconds}.{:03} s", self.0.as_millis() % 1_000),
            60..3_600 => write!(f, "{} min {} s", seconds / 60, seconds % 60),
            3_600..86_400 => write!(f, "{} h {} min", seconds / 3_600, seconds / 60 % 60),
            _ => write!(f, "{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
        }
    }
}

/// Something that happened `amount` times in `span`, as so many a second.
pub(crate) fn per_second(amount: u64, span: Duration) -> Option<u64> {
    let per_second = u128::from(amount) * 1_000_000_000 / u128::from(span.as_nanos()).max(1);
    (span > Duration::ZERO).then(|| u64::try_from(per_second).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_decimal_and_round_into_the_next_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 KB"),
            (12_345_678, "12.3 MB"),
            (999_949, "999.9 KB"),
            (999_950, "1.0 MB"),
            (4_294_967_296, "4.3 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        assert_eq!(BitRate(98_400_000).to_string(), "98.4 Mbit/s");
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(Count(count).to_string(), text);
        }
    }

    #[test]
    fn spans_have_two_units_at_most() {
        for (millis, text) in [
            (0, "0.000 s"),
            (59_999, "59.999 s"),
            (604_000, "10 min 4 s"),
            (7_380_000, "2 h 3 min"),
            (453_600_000, "5 d 6 h"),
        ] {
            assert_eq!(Span(Duration::from_millis(millis)).to_string(), text);
        }
    }

    #[test]
    fn rates_are_exact_and_need_a_span() {
        assert_eq!(per_second(10, Duration::from_millis(500)), Some(20));
        assert_eq!(per_second(u64::MAX, Duration::from_nanos(1)), Some(u64::MAX));
        assert_eq!(per_second(10, Duration::ZERO), None);
    }
}
