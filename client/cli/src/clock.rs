//! The one place of this crate that reads the clock and the machine's randomness.
//!
//! The engine gets both passed in. Times are milliseconds since 1970-01-01 UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use grove_core::Environment;

/// The clock, the randomness and the timer of this machine, as the engine asks for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine;

impl Environment for Machine {
    fn now(&self) -> u64 {
        now_ms()
    }

    #[expect(
        clippy::expect_used,
        reason = "without randomness every key would be guessable"
    )]
    fn random(&self, bytes: &mut [u8]) {
        fill_random(bytes).expect("the operating system gives randomness");
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Milliseconds since 1970-01-01 UTC; 0 on a machine whose clock stands before that.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate that asks"
)]
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

/// Fills `bytes` from the operating system's generator.
///
/// # Errors
/// When the operating system has none to give.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    getrandom::fill(bytes)
}

#[cfg(test)]
mod tests {
    use super::{fill_random, now_ms};

    #[test]
    fn the_clock_is_past_the_day_this_was_written() {
        assert!(now_ms() > 1_700_000_000_000);
    }

    #[test]
    fn randomness_fills_the_whole_buffer() {
        let mut first = [0_u8; 64];
        let mut second = [0_u8; 64];
        fill_random(&mut first).unwrap_or_default();
        fill_random(&mut second).unwrap_or_default();
        assert_ne!(first, second);
        assert_ne!(first, [0; 64]);
    }
}
