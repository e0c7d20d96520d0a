//! Dates as `time` has them: seconds since the epoch, in UTC.

/// Days from the epoch to a day of the Gregorian calendar, from 1970 on.
fn days(year: u32, month: u32, day: u32) -> u32 {
    // Years begin in March here, so that the day that comes and goes is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Seconds to a moment; `None` where there is no such day or time.
pub(super) fn seconds([year, month, day, hour, minute, second]: [u32; 6]) -> Option<u32> {
    if !(1970..=2038).contains(&year) || !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let next_month = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
    let day = days(year, month, day);
    (day < next_month && hour < 24 && minute < 60 && second < 60)
        .then(|| ((day * 24 + hour) * 60 + minute) * 60 + second)
}

/// The other way round.
pub(super) fn date(seconds: u32) -> [u32; 6] {
    let (day, rest) = (seconds / 86_400, seconds % 86_400);
    // The year cannot be more than a year past what its longest ones would make it.
    let mut year = 1970 + day / 366;
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    let month = (2..=12).find(|month| days(year, *month, 1) > day).unwrap_or(13) - 1;
    let day = day - days(year, month, 1) + 1;
    [year, month, day, rest / 3600, rest / 60 % 60, rest % 60]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_found_again() {
        for day in 0..u32::MAX / 86_400 {
            let moment = day * 86_400 + day % 86_400;
            let date = date(moment);
            if date[0] <= 2038 {
                assert_eq!(seconds(date), Some(moment), "{date:?}");
            }
        }
    }

    #[test]
    fn some_moments_are_known() {
        assert_eq!(seconds([1970, 1, 1, 0, 0, 0]), Some(0));
        assert_eq!(seconds([2000, 2, 29, 12, 0, 0]), Some(951_825_600));
        assert_eq!(seconds([2038, 1, 19, 3, 14, 7]), Some(i32::MAX as u32));
        assert_eq!(date(i32::MAX as u32), [2038, 1, 19, 3, 14, 7]);
        for wrong in [[2019, 2, 29, 0, 0, 0], [2020, 13, 1, 0, 0, 0], [2020, 1, 1, 24, 0, 0], [1969, 1, 1, 0, 0, 0]] {
            assert_eq!(seconds(wrong), None, "{wrong:?}");
        }
    }
}
