//! When to try a peer again: a pure function, so that a week of silence is tested in a microsecond.

use std::time::Duration;

/// The wait after the first failure, before jitter.
pub const FIRST_DELAY: Duration = Duration::from_secs(1);

/// No wait is longer than this unless the peer asked for it: a peer back after a week is found
/// within the hour.
pub const LONGEST_DELAY: Duration = Duration::from_hours(1);

/// The wait before the next attempt.
///
/// `failures` counts the attempts that failed in a row, from 1. The wait doubles from
/// [`FIRST_DELAY`] up to [`LONGEST_DELAY`] and is then drawn from its upper half by `jitter` (0
/// draws the half, 255 the whole), so that the servers a failed peer has do not all return in the
/// same second. A `retry_after` from the peer (RFC 9110, section 10.2.3) is a lower bound, itself
/// bounded by a day, so that no peer can silence us for good.
pub fn next_delay(failures: u32, retry_after: Option<Duration>, jitter: u8) -> Duration {
    const A_DAY: Duration = Duration::from_hours(24);
    let doublings = failures.saturating_sub(1).min(16);
    let whole = FIRST_DELAY
        .saturating_mul(1_u32 << doublings)
        .min(LONGEST_DELAY);
    let half = whole / 2;
    let drawn = half + half * u32::from(jitter) / 255;
    drawn.max(retry_after.unwrap_or_default().min(A_DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest() {
        let waits: Vec<u64> = (1..=14)
            .map(|failures| next_delay(failures, None, 255).as_secs())
            .collect();
        assert_eq!(
            waits,
            [
                1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600
            ]
        );
        assert_eq!(next_delay(u32::MAX, None, 255), LONGEST_DELAY);
    }

    #[test]
    fn jitter_draws_from_the_upper_half() {
        assert_eq!(next_delay(5, None, 0), Duration::from_secs(8));
        for jitter in 0..=255 {
            let wait = next_delay(5, None, jitter);
            assert!(wait >= Duration::from_secs(8) && wait <= Duration::from_secs(16));
        }
    }

    #[test]
    fn the_peer_may_ask_for_patience_but_not_for_ever() {
        let hour = Duration::from_hours(1);
        assert_eq!(next_delay(1, Some(hour * 2), 0), hour * 2);
        assert_eq!(next_delay(1, Some(hour * 1000), 0), hour * 24);
        assert_eq!(
            next_delay(14, Some(Duration::from_secs(5)), 255),
            LONGEST_DELAY
        );
    }
}
