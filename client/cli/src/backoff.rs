//! How long to wait before trying again: pure, without a clock.
//!
//! The delay doubles from half a second to a minute, and a random share of it is taken off, so that
//! the clients of a server that restarts do not come back all at once.

use std::time::Duration;

const FIRST_MS: u64 = 500;
const LONGEST_MS: u64 = 60_000;

/// The waiting time of a repeated attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    next_ms: u64,
}

impl Backoff {
    /// Before the first failure.
    pub const fn new() -> Self {
        Self { next_ms: FIRST_MS }
    }

    /// How long to wait after one more failure: between half the current delay and all of it.
    /// `random` is any random number.
    pub fn delay(&mut self, random: u32) -> Duration {
        let whole = self.next_ms;
        self.next_ms = whole.saturating_mul(2).min(LONGEST_MS);
        let half = whole / 2;
        let jitter = half.saturating_mul(u64::from(random)) >> 32;
        Duration::from_millis(whole.saturating_sub(jitter))
    }

    /// After a success.
    pub const fn reset(&mut self) {
        *self = Self::new();
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn delays_double_up_to_a_minute_and_start_again() {
        let mut backoff = Backoff::new();
        let delays: Vec<u128> = (0..10).map(|_| backoff.delay(0).as_millis()).collect();
        assert_eq!(
            delays,
            [
                500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000
            ]
        );
        backoff.reset();
        assert_eq!(backoff.delay(0), Duration::from_millis(500));
    }

    #[test]
    fn jitter_takes_off_at_most_half() {
        for random in [0, 1, u32::MAX / 3, u32::MAX - 1, u32::MAX] {
            let delay = Backoff::new().delay(random);
            assert!((Duration::from_millis(250)..=Duration::from_millis(500)).contains(&delay));
        }
        assert_eq!(Backoff::new().delay(u32::MAX), Duration::from_millis(251));
    }
}
