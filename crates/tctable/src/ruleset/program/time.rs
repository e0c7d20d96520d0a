//! `time`: dates, days and times of day.

use crate::ruleset::Time;
use crate::time::Instant;

const DAY: i64 = 24 * 60 * 60;

/// Whether a packet of that time is one of those. Instants count from the Unix epoch; `utc_offset_seconds` is how far
/// local time is ahead of UTC, for `--kerneltz`.
///
/// As in the kernel a span over midnight (`--timestart` not before `--timestop`) belongs with each of its parts to the day
/// on which that part lies, unless it is `--contiguous`: then the part after midnight belongs to the day before. The dates
/// of `--datestart` and `--datestop` are compared with the time itself.
pub(crate) fn matches(time: &Time, now: Instant, utc_offset_seconds: i32) -> bool {
    let offset = if time.kernel_zone { i64::from(utc_offset_seconds) } else { 0 };
    // An instant has less than 2^35 seconds.
    let stamp = (now - Instant::ZERO).as_secs() as i64 + offset;
    if stamp < i64::from(time.date_start) || stamp > i64::from(time.date_stop) {
        return false;
    }
    let (start, stop) = (i64::from(time.day_start), i64::from(time.day_stop));
    let of_day = stamp.rem_euclid(DAY);
    let over_midnight = start >= stop;
    let within = if over_midnight { of_day >= start || of_day <= stop } else { (start..=stop).contains(&of_day) };
    if !within {
        return false;
    }
    let yesterdays = over_midnight && time.contiguous && of_day <= stop;
    let day = stamp.div_euclid(DAY) - i64::from(yesterdays);
    let week_day = 1u8 << week_day(day);
    time.week_days.wants(time.week_days.value & week_day != 0) && {
        let month_day = 1u32 << month_day(day);
        time.month_days.wants(time.month_days.value & month_day != 0)
    }
}

/// The day of the week of a day since the epoch: 1 for Monday to 7 for Sunday. 1970 began with a Thursday.
fn week_day(day: i64) -> u32 {
    (day + 3).rem_euclid(7) as u32 + 1
}

/// The day of the month of a day since the epoch, from 1, in the Gregorian calendar.
///
/// Years are taken to begin in March, so that the leap day is the last of its year; 400 of them are 146097 days, and the
/// first days of their months lie 30.6 days apart.
fn month_day(day: i64) -> u32 {
    // From 1 March of the year 0 on.
    let day = (day + 719_468).rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    (of_year - (153 * month + 2) / 5 + 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::Not;

    /// What nobody asked: always.
    const ALWAYS: Time = Time {
        date_start: 0,
        date_stop: i32::MAX as u32,
        day_start: 0,
        day_stop: 86_399,
        month_days: Not::plain(u32::MAX - 1),
        week_days: Not::plain(254),
        contiguous: false,
        kernel_zone: false,
    };

    /// Wednesday, 31 January 2024, 00:00 UTC.
    const WEDNESDAY: u64 = 1_706_659_200;

    const HOUR: u64 = 3_600;

    fn at(time: &Time, seconds: u64) -> bool {
        matches(time, Instant::from_secs(seconds), 0)
    }

    #[test]
    fn always_is_until_2038() {
        assert!(at(&ALWAYS, 0) && at(&ALWAYS, WEDNESDAY) && at(&ALWAYS, i32::MAX as u64));
        assert!(!at(&ALWAYS, i32::MAX as u64 + 1), "libxt_time's last date");
        assert!(!matches(&ALWAYS, Instant::MAX, i32::MAX));
    }

    #[test]
    fn dates_have_ends_included() {
        let time = Time { date_start: WEDNESDAY as u32, date_stop: WEDNESDAY as u32 + 60, ..ALWAYS };
        let inside = [WEDNESDAY - 1, WEDNESDAY, WEDNESDAY + 60, WEDNESDAY + 61].map(|seconds| at(&time, seconds));
        assert_eq!(inside, [false, true, true, false]);
    }

    #[test]
    fn times_of_day_have_ends_included() {
        let time = Time { day_start: 8 * 3_600, day_stop: 17 * 3_600, ..ALWAYS };
        let inside = [8 * HOUR - 1, 8 * HOUR, 17 * HOUR, 17 * HOUR + 1].map(|hour| at(&time, WEDNESDAY + hour));
        assert_eq!(inside, [false, true, true, false]);
    }

    #[test]
    fn a_span_over_midnight_is_two_spans_unless_contiguous() {
        let night = Time { day_start: 23 * 3_600, day_stop: 3_600, week_days: Not::plain(1 << 3), ..ALWAYS };
        // On Wednesday until one and from 23:00 on.
        let inside =
            [0, HOUR, HOUR + 1, 12 * HOUR, 23 * HOUR, 24 * HOUR, 25 * HOUR].map(|hour| at(&night, WEDNESDAY + hour));
        assert_eq!(inside, [true, true, false, false, true, false, false]);
        // From Wednesday, 23:00, to Thursday, 01:00.
        let night = Time { contiguous: true, ..night };
        let inside =
            [0, HOUR, HOUR + 1, 12 * HOUR, 23 * HOUR, 24 * HOUR, 25 * HOUR].map(|hour| at(&night, WEDNESDAY + hour));
        assert_eq!(inside, [false, false, false, false, true, true, true]);
        assert!(!at(&night, WEDNESDAY + 25 * HOUR + 1));
    }

    #[test]
    fn contiguous_reaches_back_over_the_end_of_a_month() {
        let time = Time {
            day_start: 22 * 3_600,
            day_stop: 2 * 3_600,
            month_days: Not::plain(1 << 31),
            contiguous: true,
            ..ALWAYS
        };
        assert!(at(&time, WEDNESDAY + 25 * HOUR), "1 February, 01:00 belongs to 31 January");
        assert!(!at(&time, WEDNESDAY + 46 * HOUR));
        assert!(!at(&Time { contiguous: false, ..time }, WEDNESDAY + 25 * HOUR));
    }

    #[test]
    fn days_can_be_negated() {
        let time = Time { week_days: Not { negated: true, value: 1 << 3 }, ..ALWAYS };
        assert!(!at(&time, WEDNESDAY) && at(&time, WEDNESDAY + 24 * HOUR));
        let time = Time { month_days: Not { negated: true, value: 1 << 31 | 1 << 2 }, ..ALWAYS };
        assert_eq!([0, 1, 2, 3].map(|day| at(&time, WEDNESDAY + day * 24 * HOUR)), [false, true, false, true]);
    }

    #[test]
    fn local_time_counts_where_it_is_asked_for() {
        let time = Time { day_start: 0, day_stop: 3_599, week_days: Not::plain(1 << 3), kernel_zone: true, ..ALWAYS };
        let before_midnight = Instant::from_secs(WEDNESDAY - 1_800);
        assert!(matches(&time, before_midnight, 3_600) && !matches(&time, before_midnight, 0));
        assert!(!matches(&Time { kernel_zone: false, ..time }, before_midnight, 3_600));
        assert!(!matches(&ALWAYS.clone(), Instant::MAX, 0));
        assert!(!matches(&Time { kernel_zone: true, ..ALWAYS }, Instant::ZERO, -3_600), "before the epoch");
    }

    #[test]
    fn calendar_days_follow_each_other() {
        let lengths = |leap| [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut day = 0;
        for year in 1970..2600 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            for length in lengths(leap) {
                for expected in 1..=length {
                    assert_eq!(
                        (month_day(day), week_day(day)),
                        (expected, (day as u32 + 3) % 7 + 1),
                        "{year}, day {day}"
                    );
                    day += 1;
                }
            }
        }
        assert_eq!((month_day(-1), week_day(-1)), (31, 3));
    }
}
