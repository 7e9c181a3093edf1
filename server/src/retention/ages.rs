//! The age of things, and which time counts for it. Pure.
//!
//! The surprise: an age is not the difference of two times. Stretches in which the server did not
//! run, or over which its clock was set, are gaps and do not count: nobody could fetch anything in
//! them. So a machine that was off for a month, and one whose clock is a year ahead for an hour,
//! throw nothing away that they would not have thrown away otherwise.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::db::RetentionClock;

/// As much counts between two sweeps, at most. They come hourly; a short stop of the server is no
/// gap.
const COUNTED: Duration = Duration::from_hours(24);

/// Ages as they are at one moment.
#[derive(Debug)]
pub(super) struct Ages(RetentionClock);

impl Ages {
    /// Ages now, by what the last sweep noted. Gaps older than `longest` are forgotten.
    pub(super) fn at(now: Timestamp, noted: Option<RetentionClock>, longest: Duration) -> Self {
        let now_ms = now.ms();
        let mut gaps = Vec::new();
        if let Some(noted) = noted {
            // A clock that was ahead has left gaps in the time to come.
            let past = noted.gaps.into_iter().filter(|(begin, _)| *begin < now_ms);
            gaps.extend(past.map(|(begin, end)| (begin, end.min(now_ms))));
            let counted = Timestamp::from_ms(noted.seen_at).plus(COUNTED).ms();
            if counted < now_ms {
                gaps.push((counted, now_ms));
            }
        }
        let mut ages = Self(RetentionClock {
            seen_at: now_ms,
            gaps,
        });
        let oldest = ages.before(longest).ms();
        ages.0.gaps.retain(|(_, end)| *end > oldest);
        ages
    }

    /// What came into being before this is at least of this age.
    pub(super) fn before(&self, age: Duration) -> Timestamp {
        let mut left = age;
        let mut at = Timestamp::from_ms(self.0.seen_at);
        for (begin, end) in self.0.gaps.iter().rev() {
            let counted = at.since(Timestamp::from_ms(*end));
            if left <= counted {
                break;
            }
            left = left.saturating_sub(counted);
            at = Timestamp::from_ms(*begin);
        }
        at.minus(left)
    }

    /// To be noted when the sweep is over.
    pub(super) const fn noted(&self) -> &RetentionClock {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;
    const START: u64 = 20_000 * DAY;
    const LONGEST: Duration = days(90);

    const fn days(days: u64) -> Duration {
        Duration::from_hours(days * 24)
    }

    fn at(ms: u64, before: Option<RetentionClock>) -> Ages {
        Ages::at(Timestamp::from_ms(ms), before, LONGEST)
    }

    /// Sweeps once an hour for so long.
    fn run(hours: u64, since: u64, mut before: Option<RetentionClock>) -> Ages {
        for hour in 1..hours {
            before = Some(at(since + hour * HOUR, before).0);
        }
        at(since + hours * HOUR, before)
    }

    fn cut(ages: &Ages, age: u64) -> u64 {
        ages.before(days(age)).ms()
    }

    #[test]
    fn a_server_that_runs_counts_all_time() {
        let ages = run(24 * 40, START, None);
        assert_eq!(cut(&ages, 7), START + 33 * DAY);
        assert!(ages.noted().gaps.is_empty());
    }

    #[test]
    fn a_month_without_the_server_counts_as_a_day() {
        let ages = run(24, START, None);
        let ages = run(1, START + 31 * DAY, Some(ages.0));
        // The day that counts ended on START + 2 days.
        assert_eq!(cut(&ages, 1), START + DAY);
        assert_eq!(cut(&ages, 7), START - 5 * DAY);
    }

    #[test]
    fn a_clock_that_is_a_year_ahead_for_an_hour_ages_nothing_by_more_than_a_day() {
        let before = run(24 * 10, START, None);
        let here = START + 10 * DAY;
        let ahead = run(2, here + 365 * DAY, Some(before.0));
        assert_eq!(cut(&ahead, 30), here + DAY + HOUR - 30 * DAY);
        let back = at(here + 3 * HOUR, Some(ahead.0));
        assert_eq!(cut(&back, 30), here + 3 * HOUR - 30 * DAY);
        assert!(back.noted().gaps.is_empty(), "as if it had never been");
    }

    #[test]
    fn a_clock_that_goes_back_makes_nothing_older() {
        let before = run(24 * 10, START, None);
        let back = run(5, START, Some(before.0));
        assert_eq!(cut(&back, 7), START + 5 * HOUR - 7 * DAY);
    }

    #[test]
    fn gaps_are_forgotten_when_they_are_older_than_anything() {
        let ages = run(1, START, None);
        let mut before = Some(at(START + 30 * DAY, Some(ages.0)).0);
        assert_eq!(before.as_ref().map(|clock| clock.gaps.len()), Some(1));
        let ages = run(24 * 89, START + 30 * DAY, before.take());
        assert_eq!(ages.noted().gaps.len(), 1);
        let ages = run(24 * 2, START + 119 * DAY, Some(ages.0));
        assert!(ages.noted().gaps.is_empty());
        assert_eq!(cut(&ages, 90), START + 31 * DAY);
    }
}
