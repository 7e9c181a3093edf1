//! Time: the only file that asks the operating system what time it is.
//!
//! Everything else takes a [`Clock`]. A manual clock stands still until its [`ClockHand`] moves it,
//! and [`Clock::sleep`] follows the same hand, so that a test never waits for real time. Only a
//! [`Stopwatch`], which measures how long work took for the metrics, always runs on real time.
//!
//! The surprise: the time people read off a clock can be set, forward or back; what has passed
//! cannot. [`Clock::now`] is the first, for what is written down and compared with what was written
//! down before. [`Clock::sleep`] and [`Clock::steady`] go by the second.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// A point in time: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The point `ms` milliseconds after the Unix epoch.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn ms(self) -> u64 {
        self.0
    }

    /// This point moved forward by `duration`, never beyond the end of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_ms(duration)))
    }

    /// This point moved back by `duration`, never before the Unix epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_ms(duration)))
    }

    /// How long after `earlier` this point is; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// What tells the time. Cloning is cheap; all clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Manual(watch::Receiver<Shown>),
    System { began: Instant, began_at: Timestamp },
}

/// What a manual clock shows, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Shown {
    now: u64,
    /// As if nobody had ever set it.
    steady: u64,
}

enum Sleeping {
    Manual(watch::Receiver<Shown>, u64),
    System(tokio::time::Sleep),
}

impl Clock {
    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn system() -> Self {
        Self(Source::System {
            began: Instant::now(),
            began_at: Timestamp(system_ms()),
        })
    }

    /// A clock that shows `start_ms` (milliseconds since the Unix epoch) until the hand moves it.
    pub fn manual(start_ms: u64) -> (Self, ClockHand) {
        let (sender, receiver) = watch::channel(Shown {
            now: start_ms,
            steady: start_ms,
        });
        (Self(Source::Manual(receiver)), ClockHand(Arc::new(sender)))
    }

    /// The time now. It may be earlier than the last time somebody asked: clocks are set.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Manual(hand) => Timestamp(hand.borrow().now),
            Source::System { .. } => Timestamp(system_ms()),
        }
    }

    /// When this clock was made, plus what has passed since: it never goes back, and a clock that
    /// is set does not move it. For what begins and ends within this process.
    pub fn steady(&self) -> Timestamp {
        match &self.0 {
            Source::Manual(hand) => Timestamp(hand.borrow().steady),
            Source::System { began, began_at } => began_at.plus(began.elapsed()),
        }
    }

    /// Returns when `duration` has passed since this call, whatever the clock was set to meanwhile.
    ///
    /// On a manual clock whose hand is gone this never returns.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        // The end is fixed now, not when the future is first polled.
        let sleeping = match &self.0 {
            Source::Manual(hand) => {
                let until = hand.borrow().steady.saturating_add(whole_ms(duration));
                Sleeping::Manual(hand.clone(), until)
            }
            Source::System { .. } => Sleeping::System(tokio::time::sleep(duration)),
        };
        async {
            match sleeping {
                Sleeping::Manual(mut hand, until) => {
                    let moved = hand.wait_for(|shown| shown.steady >= until).await.is_ok();
                    if !moved {
                        std::future::pending::<()>().await;
                    }
                }
                Sleeping::System(timer) => timer.await,
            }
        }
    }

    /// Starts measuring how long something takes, in real time whatever the clock.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn stopwatch(&self) -> Stopwatch {
        Stopwatch(Instant::now())
    }
}

/// What moves a manual clock.
#[derive(Clone, Debug)]
pub struct ClockHand(Arc<watch::Sender<Shown>>);

impl ClockHand {
    /// Lets time pass and wakes whoever slept until then.
    pub fn advance(&self, duration: Duration) {
        let passed = whole_ms(duration);
        self.0.send_modify(|shown| {
            shown.now = shown.now.saturating_add(passed);
            shown.steady = shown.steady.saturating_add(passed);
        });
    }

    /// The time the clock shows.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.0.borrow().now)
    }

    /// Sets the clock, forward or back, as an administrator does. No time passes: sleepers sleep
    /// on.
    pub fn set(&self, to: Timestamp) {
        self.0.send_modify(|shown| shown.now = to.ms());
    }
}

/// A measurement under way; see [`Clock::stopwatch`].
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// How long it has been running.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A machine whose clock stands before 1970 is told 1970.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn system_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, whole_ms)
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_sleeps_until_its_hand_moves() {
        let (clock, hand) = Clock::manual(1_000);
        let sleeper = clock.sleep(Duration::from_secs(5));
        tokio::pin!(sleeper);
        hand.advance(Duration::from_millis(4_999));
        assert!(futures_util::poll!(sleeper.as_mut()).is_pending());
        hand.advance(Duration::from_millis(1));
        assert!(futures_util::poll!(sleeper.as_mut()).is_ready());
        assert_eq!(clock.now(), Timestamp::from_ms(6_000));
    }

    #[tokio::test]
    async fn a_clock_that_is_set_neither_wakes_nor_delays_a_sleeper() {
        let (clock, hand) = Clock::manual(1_000_000);
        let sleeper = clock.sleep(Duration::from_secs(5));
        tokio::pin!(sleeper);
        hand.set(Timestamp::from_ms(9_000_000));
        assert!(futures_util::poll!(sleeper.as_mut()).is_pending());
        hand.set(Timestamp::from_ms(10));
        assert_eq!(clock.now(), Timestamp::from_ms(10));
        assert_eq!(clock.steady(), Timestamp::from_ms(1_000_000));
        hand.advance(Duration::from_secs(5));
        assert!(futures_util::poll!(sleeper.as_mut()).is_ready());
        assert_eq!(clock.now(), Timestamp::from_ms(5_010));
        assert_eq!(clock.steady(), Timestamp::from_ms(1_005_000));
    }

    #[test]
    fn the_steady_time_begins_with_the_clock_and_never_goes_back() {
        let clock = Clock::system();
        let first = clock.steady();
        assert!(clock.now().since(first) < Duration::from_mins(1));
        assert!(clock.steady() >= first);
    }

    #[test]
    fn timestamps_stop_at_both_ends() {
        let start = Timestamp::from_ms(5);
        assert_eq!(start.minus(Duration::from_secs(1)), Timestamp::from_ms(0));
        assert_eq!(start.plus(Duration::MAX).ms(), u64::MAX);
        assert_eq!(Timestamp::from_ms(1).since(start), Duration::ZERO);
    }
}
