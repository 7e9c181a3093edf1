//! Times as text: UTC, since this program knows no time zones and two people comparing their
//! screens should see the same.

use std::fmt;

const MS_PER_MINUTE: u64 = 60_000;
const MINUTES_PER_DAY: u64 = 24 * 60;

/// Milliseconds since 1970-01-01 UTC, shown as `2026-11-22 21:07`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Minute(pub(crate) u64);

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0 / MS_PER_MINUTE;
        let (year, month, day) = date(minutes / MINUTES_PER_DAY);
        let minute = minutes % MINUTES_PER_DAY;
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {:02}:{:02}",
            minute / 60,
            minute % 60
        )
    }
}

/// A span of time, shown as `2026-11-22 21:07 to 21:10`; the day and the minute are not repeated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// When it began, in milliseconds since 1970.
    pub(crate) from_ms: u64,
    /// When it ended.
    pub(crate) to_ms: u64,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Minute(self.from_ms).fmt(f)?;
        let (from, to) = (self.from_ms / MS_PER_MINUTE, self.to_ms / MS_PER_MINUTE);
        let minute = to % MINUTES_PER_DAY;
        if from == to {
            Ok(())
        } else if from / MINUTES_PER_DAY == to / MINUTES_PER_DAY {
            write!(f, " to {:02}:{:02}", minute / 60, minute % 60)
        } else {
            write!(f, " to {}", Minute(self.to_ms))
        }
    }
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar.
///
/// The year is taken to begin in March, so that the leap day is its last: then the months before
/// any month hold `(153 m + 2) / 5` days, and four centuries always 146,097.
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    const DAYS_FROM_0000_MARCH: u64 = 719_468;
    const DAYS_PER_400_YEARS: u64 = 146_097;
    let days = days_since_1970.saturating_add(DAYS_FROM_0000_MARCH);
    let day_of_cycle = days % DAYS_PER_400_YEARS;
    let year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = days / DAYS_PER_400_YEARS * 400 + year_of_cycle + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::{MINUTES_PER_DAY, MS_PER_MINUTE, Minute, date};

    #[test]
    fn known_times() {
        for (ms, text) in [
            (0, "1970-01-01 00:00"),
            (951_782_399_999, "2000-02-28 23:59"),
            (951_782_400_000, "2000-02-29 00:00"),
            (1_709_164_800_000, "2024-02-29 00:00"),
            (1_735_689_599_999, "2024-12-31 23:59"),
            (1_795_381_656_000, "2026-11-22 21:07"),
            (4_107_542_400_000, "2100-03-01 00:00"),
        ] {
            assert_eq!(Minute(ms).to_string(), text);
        }
    }

    #[test]
    fn days_follow_each_other_for_centuries() {
        let mut expected = (1970, 1, 1);
        for day in 0..200_000 {
            assert_eq!(date(day), expected);
            let (year, month, day_of_month) = expected;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (day_of_month == length, month == 12) {
                (true, true) => (year + 1, 1, 1),
                (true, false) => (year, month + 1, 1),
                (false, _) => (year, month, day_of_month + 1),
            };
        }
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        assert!(!Minute(u64::MAX).to_string().is_empty());
        assert_eq!(MS_PER_MINUTE * MINUTES_PER_DAY, 86_400_000);
    }
}
