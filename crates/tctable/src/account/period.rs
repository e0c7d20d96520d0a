//! Billing periods: calendar arithmetic over nanoseconds since the Unix epoch, without a clock and without time zones'
//! rules. Local time is a fixed offset from UTC.

use std::num::NonZeroU16;

use crate::time::Instant;

const DAY: i64 = 86_400;

/// How far local time is ahead of UTC, in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UtcOffset(i32);

impl UtcOffset {
    /// An offset of so many seconds, to the east where it is positive. `None` where it is a day or more.
    pub const fn from_secs(seconds: i32) -> Option<UtcOffset> {
        if seconds.unsigned_abs() < DAY as u32 { Some(UtcOffset(seconds)) } else { None }
    }

    /// The offset in seconds.
    pub const fn as_secs(self) -> i32 {
        self.0
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Weekday {
    /// ISO 8601's first.
    Monday,
    /// The second.
    Tuesday,
    /// The third.
    Wednesday,
    /// The fourth.
    Thursday,
    /// The fifth.
    Friday,
    /// The sixth.
    Saturday,
    /// The seventh.
    Sunday,
}

/// A day of the month, from 1 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthDay(u8);

impl MonthDay {
    /// `None` where no month has such a day.
    pub const fn new(day: u8) -> Option<MonthDay> {
        if 1 <= day && day <= 31 { Some(MonthDay(day)) } else { None }
    }
}

/// What time is cut into for counting bytes. Every period begins at midnight, local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A calendar day.
    Day,
    /// Seven days.
    Week {
        /// The first of them.
        begins: Weekday,
    },
    /// A calendar month.
    Month {
        /// Its first day; in a month without such a day, the last.
        begins: MonthDay,
    },
    /// So many days.
    Days {
        /// How many.
        count: NonZeroU16,
        /// A time on the first day of one of the periods.
        from: Instant,
    },
}

/// One period: from its beginning on, up to but without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub begins: Instant,
    /// The next period's first moment.
    pub ends: Instant,
}

impl Period {
    /// The period that a moment lies in. Time begins in 1970 and ends in 2554, and so do the first and the last one.
    pub fn span(self, at: Instant, offset: UtcOffset) -> Span {
        let local = (at.as_nanos() / 1_000_000_000) as i64 + i64::from(offset.0);
        let day = local.div_euclid(DAY);
        let (first, next) = match self {
            Period::Day => (day, day + 1),
            Period::Week { begins } => {
                // Day 0 was a Thursday.
                let first = day - (day + Weekday::Thursday as i64 - begins as i64).rem_euclid(7);
                (first, first + 7)
            }
            Period::Month { begins } => month(day, begins),
            Period::Days { count, from } => {
                let from = ((from.as_nanos() / 1_000_000_000) as i64 + i64::from(offset.0)).div_euclid(DAY);
                let count = i64::from(count.get());
                let first = day - (day - from).rem_euclid(count);
                (first, first + count)
            }
        };
        let midnight = |day: i64| {
            let seconds = day * DAY - i64::from(offset.0);
            Instant::from_secs(u64::try_from(seconds).unwrap_or(0))
        };
        Span { begins: midnight(first), ends: midnight(next) }
    }
}

/// The first days of the month-long period that a day lies in, and of the next one.
fn month(day: i64, begins: MonthDay) -> (i64, i64) {
    let (year, month) = year_and_month(day);
    let this = first_day(year, month, begins);
    let (before, after) = (year * 12 + month - 1, year * 12 + month + 1);
    let of = |months: i64| first_day(months.div_euclid(12), months.rem_euclid(12), begins);
    if day >= this { (this, of(after)) } else { (of(before), this) }
}

const LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Days of a month, January being 0.
fn length(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    LENGTHS.get(month as usize).copied().unwrap_or(31) + i64::from(leap && month == 1)
}

/// Days from 1970 to the beginning of a year.
fn days_before(year: i64) -> i64 {
    let leap_days = |last: i64| last.div_euclid(4) - last.div_euclid(100) + last.div_euclid(400);
    365 * (year - 1970) + leap_days(year - 1) - leap_days(1969)
}

fn year_and_month(day: i64) -> (i64, i64) {
    // Too early by a year or two at most: no year has more days.
    let mut year = 1970 + day.div_euclid(366) - i64::from(day < 0);
    while days_before(year + 1) <= day {
        year += 1;
    }
    let mut left = day - days_before(year);
    let mut month = 0;
    while left >= length(year, month) {
        left -= length(year, month);
        month += 1;
    }
    (year, month)
}

/// The day of a month on which a period begins.
fn first_day(year: i64, month: i64, begins: MonthDay) -> i64 {
    let before: i64 = (0..month).map(|month| length(year, month)).sum();
    days_before(year) + before + i64::from(begins.0).min(length(year, month)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UTC: UtcOffset = UtcOffset(0);

    /// Seconds, as `date -u -d ... +%s` gives them.
    fn span(period: Period, at: u64, offset: i32) -> (u64, u64) {
        let span = period.span(Instant::from_secs(at), UtcOffset::from_secs(offset).unwrap());
        (span.begins.as_nanos() / 1_000_000_000, span.ends.as_nanos() / 1_000_000_000)
    }

    fn monthly(day: u8) -> Period {
        Period::Month { begins: MonthDay::new(day).unwrap() }
    }

    #[test]
    fn a_day_begins_at_local_midnight() {
        // 2023-11-14 22:13:20 UTC.
        assert_eq!(span(Period::Day, 1_700_000_000, 0), (1_699_920_000, 1_700_006_400));
        // Already the next day two hours to the east.
        assert_eq!(span(Period::Day, 1_700_000_000, 7_200), (1_699_999_200, 1_700_085_600));
        assert_eq!(span(Period::Day, 1_700_000_000, -7_200), (1_699_927_200, 1_700_013_600));
    }

    #[test]
    fn a_week_begins_on_its_day() {
        // A Tuesday.
        let begins = |begins| span(Period::Week { begins }, 1_700_000_000, 0).0;
        assert_eq!(begins(Weekday::Tuesday), 1_699_920_000);
        assert_eq!(begins(Weekday::Monday), 1_699_833_600);
        assert_eq!(begins(Weekday::Wednesday), 1_699_401_600);
        assert_eq!(begins(Weekday::Sunday), 1_699_747_200);
    }

    #[test]
    fn a_month_begins_on_its_day_or_the_last_one() {
        // November 2023.
        assert_eq!(span(monthly(1), 1_700_000_000, 0), (1_698_796_800, 1_701_388_800));
        assert_eq!(span(monthly(14), 1_700_000_000, 0), (1_699_920_000, 1_702_512_000));
        assert_eq!(span(monthly(15), 1_700_000_000, 0), (1_697_328_000, 1_700_006_400));
        // 2024-02-29 12:00 and 2023-02-28 12:00.
        assert_eq!(span(monthly(31), 1_709_208_000, 0), (1_709_164_800, 1_711_843_200));
        assert_eq!(span(monthly(30), 1_677_585_600, 0), (1_677_542_400, 1_680_134_400));
        // 2100 is no leap year: 2100-02-28 begins the period of the 29th.
        assert_eq!(span(monthly(29), 4_107_499_200, 0).0, 4_107_456_000);
        // The end of December.
        assert_eq!(span(monthly(1), 1_703_980_800, 0), (1_701_388_800, 1_704_067_200));
    }

    #[test]
    fn some_days_are_counted_from_a_day() {
        let ten = |from| Period::Days { count: NonZeroU16::new(10).unwrap(), from: Instant::from_secs(from) };
        assert_eq!(span(ten(1_699_963_200), 1_700_000_000, 0), (1_699_920_000, 1_700_784_000));
        // From a day that is still to come.
        assert_eq!(span(ten(1_700_006_400), 1_700_000_000, 0), (1_699_142_400, 1_700_006_400));
    }

    #[test]
    fn no_month_has_a_day_0_or_32_and_no_place_is_a_day_ahead() {
        assert!(MonthDay::new(0).is_none() && MonthDay::new(32).is_none());
        assert!(UtcOffset::from_secs(86_400).is_none() && UtcOffset::from_secs(-86_400).is_none());
        assert_eq!(UtcOffset::from_secs(-3_600).map(UtcOffset::as_secs), Some(-3_600));
    }

    #[test]
    fn the_ends_of_time_lie_in_a_period() {
        for period in [Period::Day, Period::Week { begins: Weekday::Sunday }, monthly(31)] {
            for offset in [-50_000, 0, 50_000] {
                let offset = UtcOffset(offset);
                let first = period.span(Instant::ZERO, offset);
                assert!(first.begins == Instant::ZERO && first.ends > Instant::ZERO);
                let last = period.span(Instant::MAX, offset);
                assert!(last.begins < Instant::MAX && last.ends == Instant::MAX);
            }
        }
        assert_eq!(Period::Day.span(Instant::ZERO, UTC).ends, Instant::from_secs(86_400));
    }

    fn period() -> impl Strategy<Value = Period> {
        let weekday = proptest::sample::select(&[Weekday::Monday, Weekday::Thursday, Weekday::Sunday][..]);
        prop_oneof![
            Just(Period::Day),
            weekday.prop_map(|begins| Period::Week { begins }),
            (1u8..=31).prop_map(|day| Period::Month { begins: MonthDay(day) }),
            (1u16..400, 0u64..4_000_000_000).prop_map(|(count, from)| Period::Days {
                count: NonZeroU16::new(count).unwrap(),
                from: Instant::from_secs(from)
            }),
        ]
    }

    proptest! {
        #[test]
        fn periods_follow_each_other_without_gaps(period in period(), at in 1u64 << 36..17_000_000_000_000_000_000, offset in -86_399..86_400) {
            let offset = UtcOffset(offset);
            let at = Instant::from_nanos(at);
            let span = period.span(at, offset);
            prop_assert!(span.begins <= at && at < span.ends);
            prop_assert_eq!(period.span(span.begins, offset), span);
            prop_assert_eq!(period.span(Instant::from_nanos(span.ends.as_nanos() - 1), offset), span);
            prop_assert_eq!(period.span(span.ends, offset).begins, span.ends);
        }

        #[test]
        fn a_date_comes_back_from_its_day(day in -1_000i64..214_000) {
            let (year, month) = year_and_month(day);
            let first = first_day(year, month, MonthDay(1));
            prop_assert!(first <= day && day < first + length(year, month));
        }
    }
}
