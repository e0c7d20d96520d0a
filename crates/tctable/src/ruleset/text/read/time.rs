//! `time`.

use super::super::calendar;
use super::super::names::WEEK_DAYS;
use super::matches::Scope;
use super::options::{Opt, Options, flag, value};
use crate::ruleset::matches::{Match, Time};
use crate::ruleset::rule::Not;
use crate::words::ParseError;
use crate::words::Word;

/// All days of a month, the first in bit 1.
const MONTH: u32 = u32::MAX - 1;
/// All days of a week, Monday in bit 1.
const WEEK: u8 = 0xfe;
/// The last second of a day.
const LAST_SECOND: u32 = 86_399;

pub(super) const TIME: &[Opt] = &[
    value("datestart"),
    value("datestop"),
    value("timestart"),
    value("timestop"),
    value("monthdays").or_not(),
    value("weekdays").or_not(),
    flag("contiguous"),
    flag("kerneltz"),
    flag("localtz").is("kerneltz"),
    flag("utc"),
];

pub(super) fn time(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    options.one_of(&["kerneltz", "utc"])?;
    let date = |key, otherwise| options.get(key).map_or(Ok(otherwise), |given| date(given.value()));
    let clock = |key, otherwise| options.get(key).map_or(Ok(otherwise), |given| clock(given.value()));
    let time = Time {
        date_start: date("datestart", 0)?,
        date_stop: date("datestop", i32::MAX as u32)?,
        day_start: clock("timestart", 0)?,
        day_stop: clock("timestop", LAST_SECOND)?,
        month_days: Not::plain(days(options, "monthdays", MONTH, month_day)?),
        week_days: Not::plain(days(options, "weekdays", u32::from(WEEK), week_day)? as u8),
        contiguous: options.has("contiguous"),
        kernel_zone: options.has("kerneltz"),
    };
    match options.get("contiguous") {
        Some(given) if time.day_start < time.day_stop => {
            Err(given.word.misplaced("needs a --timestop before --timestart"))
        }
        _ => Ok(Match::Time(Box::new(time))),
    }
}

/// A year, and as much of month, day, hour, minute and second as is there: `YYYY-MM-DDThh:mm:ss`.
fn date(word: &Word<'_>) -> Result<u32, ParseError> {
    const EXPECTED: &str = "a date from 1970 to 2038, YYYY[-MM[-DD[Thh[:mm[:ss]]]]]";
    let mut moment = [1970, 1, 1, 0, 0, 0];
    // What stands before each part.
    let marks = ["-", "-", "T", ":", ":", ""];
    let mut rest = Some(&*word.text);
    for (part, mark) in moment.iter_mut().zip(marks) {
        let Some(text) = rest else { break };
        let (digits, behind) = match text.split_once(mark).filter(|_| !mark.is_empty()) {
            Some((digits, behind)) => (digits, Some(behind)),
            None => (text, None),
        };
        *part = decimal(digits).ok_or_else(|| word.invalid(EXPECTED))?;
        rest = behind;
    }
    calendar::seconds(moment).ok_or_else(|| word.invalid(EXPECTED))
}

/// `hh:mm` or `hh:mm:ss`, as seconds of the day.
fn clock(word: &Word<'_>) -> Result<u32, ParseError> {
    let mut parts = word.text.splitn(3, ':');
    let mut part = |limit| parts.next().map(|text| decimal(text).filter(|number| *number < limit));
    let parts = (part(24), part(60), part(60));
    let (Some(Some(hour)), Some(Some(minute)), None | Some(Some(_))) = parts else {
        return Err(word.invalid("a time of the day, hh:mm[:ss]"));
    };
    Ok((hour * 60 + minute) * 60 + parts.2.flatten().unwrap_or(0))
}

fn decimal(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.len() <= 4 && !text.starts_with('+'))
}

/// Days as bits, those that are not named where `!` stands before them: so the kernel has them.
fn days(
    options: &Options<'_>,
    key: &str,
    all: u32,
    read: impl Fn(&Word<'_>) -> Result<u32, ParseError>,
) -> Result<u32, ParseError> {
    let Some(given) = options.get(key) else { return Ok(all) };
    let named = given.value().split(',').filter(|part| !part.text.is_empty());
    let named = named.map(|part| read(&part)).try_fold(0, |days, day| day.map(|day| days | 1 << day))?;
    let days = if given.negated { all & !named } else { named };
    if days == 0 { Err(given.value().misplaced("leaves no day")) } else { Ok(days) }
}

fn month_day(word: &Word<'_>) -> Result<u32, ParseError> {
    decimal(&word.text).filter(|day| (1..=31).contains(day)).ok_or_else(|| word.invalid("a day of the month, 1 to 31"))
}

/// A number, Monday being 1, or a name's first two letters or more.
fn week_day(word: &Word<'_>) -> Result<u32, ParseError> {
    let named = |name: &&str| word.text.len() >= 2 && word.text.get(..2) == name.get(..2);
    match WEEK_DAYS.iter().position(named) {
        Some(place) => Ok(place as u32 + 1),
        None => decimal(&word.text)
            .filter(|day| (1..=7).contains(day))
            .ok_or_else(|| word.unknown("day of the week", WEEK_DAYS)),
    }
}
