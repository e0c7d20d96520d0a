//! Rates as iptables keeps them: not how many packets in a unit of time, but the time for one. So two rates may be one,
//! and one is written for both.

use super::super::matches::{HashlimitRate, Per};

/// The time for a packet, in ten thousandths of a second, is what `limit` keeps (`XT_LIMIT_SCALE`).
pub(super) const LIMIT_SCALE: u64 = 10_000;
/// The same for `hashlimit`, in millionths (`XT_HASHLIMIT_SCALE_v2`).
pub(super) const HASHLIMIT_SCALE: u64 = 1_000_000;

/// `hashlimit` counts bytes in units of so many (`XT_HASHLIMIT_BYTE_SHIFT`).
const BYTE_SHIFT: u32 = 4;

/// Units of bytes, from the largest on.
const UNITS: [(&str, u32); 3] = [("mb", 1 << 20), ("kb", 1 << 10), ("b", 1)];

impl Per {
    /// The units, from the longest on.
    const ALL: [Per; 4] = [Per::Day, Per::Hour, Per::Minute, Per::Second];

    /// How long it is.
    pub(super) const fn seconds(self) -> u64 {
        match self {
            Per::Second => 1,
            Per::Minute => 60,
            Per::Hour => 60 * 60,
            Per::Day => 24 * 60 * 60,
        }
    }

    /// How it is written behind a slash.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Per::Second => "sec",
            Per::Minute => "min",
            Per::Hour => "hour",
            Per::Day => "day",
        }
    }

    /// The unit whose name begins so, in any case.
    pub(super) fn from_beginning(text: &str) -> Option<Per> {
        let names = [(Per::Second, "second"), (Per::Minute, "minute"), (Per::Hour, "hour"), (Per::Day, "day")];
        let begins = |name: &str| name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
        names.into_iter().find(|(_, name)| !text.is_empty() && begins(name)).map(|(per, _)| per)
    }
}

/// The rate that iptables would write for one, or that one where what it writes is another rate. `None` for a rate of 0,
/// and for one that is faster than a packet in the least time.
pub(super) fn canonical(rate: u64, per: Per, scale: u64) -> Option<(u64, Per)> {
    let period = |rate: u64, per: Per| (scale * per.seconds()).checked_div(rate);
    let kept = period(rate, per).filter(|kept| *kept > 0)?;
    let mut unit = Per::Day;
    for shorter in Per::ALL.into_iter().skip(1) {
        let longest = scale * shorter.seconds();
        if kept > longest || longest / kept < longest % kept {
            break;
        }
        unit = shorter;
    }
    let written = scale * unit.seconds() / kept;
    Some(if period(written, unit) == Some(kept) { (written, unit) } else { (rate, per) })
}

/// What `hashlimit` keeps of a rate in bytes.
fn bytes_to_cost(bytes: u64) -> u64 {
    u64::from(u32::MAX) / (u64::from((bytes >> BYTE_SHIFT) as u32) + 1)
}

/// The rate in bytes that it means.
fn cost_to_bytes(cost: u64) -> u64 {
    (u64::from(u32::MAX).checked_div(cost).unwrap_or(u64::from(u32::MAX)).max(1) - 1) << BYTE_SHIFT
}

/// As [`canonical`], of bytes a second.
pub(super) fn canonical_bytes(bytes: u64) -> u64 {
    let cost = bytes_to_cost(bytes);
    let meant = cost_to_bytes(cost);
    // iptables cuts what it tries to write in larger units to 32 bits.
    let tried = UNITS.iter().filter(|(_, unit)| meant >= u64::from(*unit));
    let tried = tried.map(|(_, unit)| if *unit == 1 { meant } else { meant & u64::from(!(unit - 1)) });
    let mut tried = tried.filter(|written| *written > 0 && bytes_to_cost(*written) == cost);
    tried.next().unwrap_or(bytes)
}

/// A burst in bytes is kept as so many times the rate, rounded up. `None` for less than the rate, and where a rate is too
/// low to be kept.
pub(super) fn canonical_burst(bytes: u64, rate: u64) -> Option<u64> {
    let rate = cost_to_bytes(bytes_to_cost(rate));
    if rate == 0 || bytes < rate {
        return None;
    }
    let times = |bytes: u64| bytes.div_ceil(rate);
    let meant = rate * times(bytes);
    let unit = UNITS.iter().map(|(_, unit)| u64::from(*unit)).find(|unit| meant >= *unit).unwrap_or(1);
    let written = meant - meant % unit;
    Some(if times(written) == times(bytes) { written } else { meant })
}

/// Bytes in the largest unit that says them exactly.
pub(super) fn bytes_in_units(bytes: u64) -> (u64, &'static str) {
    let exact = UNITS.iter().find(|(_, unit)| bytes != 0 && bytes.is_multiple_of(u64::from(*unit)));
    exact.map_or((bytes, "b"), |(name, unit)| (bytes / u64::from(*unit), name))
}

/// Milliseconds after which an idle entry of `hashlimit` goes, where nothing says so: a unit of the rate. Bytes have a
/// time of their own (`XT_HASHLIMIT_BYTE_EXPIRE`).
pub(super) fn default_expire(rate: HashlimitRate, burst: u64, rate_match: bool) -> u32 {
    match rate {
        HashlimitRate::Packets(..) if rate_match => 1_000,
        HashlimitRate::Packets(_, per) => (per.seconds() * 1_000) as u32,
        HashlimitRate::Bytes(_) if burst == 0 => 15_000,
        HashlimitRate::Bytes(_) => 60_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read off iptables 1.8.9.
    #[test]
    fn rates_are_written_as_iptables_writes_them() {
        use Per::{Day, Hour, Minute, Second};
        for (rate, per, written) in [
            (5, Second, Some((5, Second))),
            (60, Minute, Some((1, Second))),
            (61, Minute, Some((61, Minute))),
            (24, Day, Some((1, Hour))),
            (1440, Day, Some((1, Minute))),
            (3000, Second, Some((3333, Second))),
            (6000, Second, Some((10000, Second))),
            (600_000, Minute, Some((10000, Second))),
            (13, Day, Some((13, Day))),
            (10_001, Second, None),
            (0, Day, None),
        ] {
            assert_eq!(canonical(rate, per, LIMIT_SCALE), written, "{rate}/{per:?}");
        }
        assert_eq!(canonical(4_294_967_296, Day, HASHLIMIT_SCALE), Some((50_000, Second)));
    }

    /// Read off iptables 1.8.9.
    #[test]
    fn bytes_are_written_as_iptables_writes_them() {
        for (bytes, written) in [
            (100, (96, "b")),
            (1_000, (992, "b")),
            (512 << 10, (512, "kb")),
            (1_025 << 10, (1_025, "kb")),
            (1_500 << 10, (1_500, "kb")),
            (1_500_000, (1_500_016, "b")),
            (100 << 20, (100, "mb")),
            (1_000 << 20, (1_008, "mb")),
            (4_095 << 20, (4_095, "mb")),
            (4_096 << 20, (4_581_298_432, "b")),
            // iptables writes 0b/s, which it does not read.
            (15, (15, "b")),
        ] {
            assert_eq!(bytes_in_units(canonical_bytes(bytes)), written, "{bytes}");
        }
        for (burst, rate, written) in [
            (1 << 20, 512 << 10, Some((1, "mb"))),
            (700 << 10, 512 << 10, Some((1, "mb"))),
            (5_000 << 10, 512 << 10, Some((5, "mb"))),
            (6_000, 5 << 10, Some((10, "kb"))),
            (3 << 10, 1_000, Some((3, "kb"))),
            (5_000, 5 << 10, None),
            (1, 5, None),
        ] {
            assert_eq!(canonical_burst(burst, rate).map(bytes_in_units), written, "{burst} at {rate}");
        }
    }
}
