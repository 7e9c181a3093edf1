//! One limit: a cell per key, counted by `governor`, and a bound on how many keys there are.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::Limited;
use crate::clock::{Clock, Timestamp};
use crate::config::Rate;

/// Keys one limit knows: about 5 MB when full.
const MAX_KEYS: usize = 65_536;
/// A full limit looks at most so often whether some of its keys can be forgotten.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// After how long a refused new key should try again.
const FULL_WAIT: Duration = Duration::from_mins(1);

/// What becomes of a new key when there is no place for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// It passes, uncounted: the limit protects the machine only.
    Admit,
    /// It is refused.
    Refuse,
}

/// One limit.
#[derive(Debug)]
pub(super) struct Limiter<K: Clone + Eq + Hash> {
    name: &'static str,
    /// None: off.
    counting: Option<Counting<K>>,
}

#[derive(Debug)]
struct Counting<K: Clone + Eq + Hash> {
    cells: Cells<K>,
    clock: Clock,
    full: WhenFull,
    limiter: RateLimiter<K, Cells<K>, Steady, NoOpMiddleware<Duration>>,
    max_keys: usize,
    tidied: Mutex<Timestamp>,
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    /// A limit that knows nobody; none for `rate`: one that limits nobody.
    pub(super) fn new(
        name: &'static str,
        rate: Option<Rate>,
        full: WhenFull,
        clock: &Clock,
    ) -> Self {
        Self::bounded(name, rate, full, clock, MAX_KEYS)
    }

    fn bounded(
        name: &'static str,
        rate: Option<Rate>,
        full: WhenFull,
        clock: &Clock,
        max_keys: usize,
    ) -> Self {
        let counting = |rate| {
            let cells = Cells::default();
            Counting {
                limiter: RateLimiter::new(quota(rate), cells.clone(), Steady(clock.clone())),
                cells,
                clock: clock.clone(),
                full,
                max_keys,
                tidied: Mutex::new(clock.steady()),
            }
        };
        Self {
            name,
            counting: rate.map(counting),
        }
    }

    /// Counts one for this key.
    ///
    /// # Errors
    /// [`Limited`] if that is one too many, or if there is no place for a new key and it may not
    /// pass.
    pub(super) fn check(&self, key: &K) -> Result<(), Limited> {
        let wait = self
            .counting
            .as_ref()
            .and_then(|counting| counting.check(key));
        let Some(wait) = wait else { return Ok(()) };
        metrics::counter!("grove_rate_limited_total", "limit" => self.name).increment(1);
        Err(Limited {
            limit: self.name,
            wait,
        })
    }

    /// Forgets keys that stand as if they had never asked.
    pub(super) fn tidy(&self) {
        if let Some(counting) = &self.counting {
            counting.limiter.retain_recent();
        }
    }
}

impl<K: Clone + Eq + Hash> Counting<K> {
    /// None: it passes. Else how long to wait.
    fn check(&self, key: &K) -> Option<Duration> {
        if !self.has_place(key) {
            return match self.full {
                WhenFull::Admit => None,
                WhenFull::Refuse => Some(FULL_WAIT),
            };
        }
        let now = self.clock.steady();
        let refused = self.limiter.check_key(key).err()?;
        Some(refused.wait_time_from(since_start(now)))
    }

    fn has_place(&self, key: &K) -> bool {
        if self.cells.has_place(key, self.max_keys) {
            return true;
        }
        let now = self.clock.steady();
        {
            let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
            if now.since(*tidied) < LOOK_AGAIN {
                return false;
            }
            *tidied = now;
        }
        self.limiter.retain_recent();
        self.cells.has_place(key, self.max_keys)
    }
}

/// Its numbers are small enough for `governor`'s nanoseconds.
fn quota(rate: Rate) -> Quota {
    Quota::with_period(rate.per / rate.count.get())
        .unwrap_or_else(|| Quota::per_second(rate.count))
        .allow_burst(rate.burst)
}

/// Our steady time as `governor` reads it.
#[derive(Debug)]
struct Steady(Clock);

impl GovernorClock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        since_start(self.0.steady())
    }
}

fn since_start(at: Timestamp) -> Duration {
    at.since(Timestamp::from_ms(0))
}

/// What is known of each key. Clones are the same cells.
#[derive(Clone, Debug)]
struct Cells<K>(Arc<Mutex<HashMap<K, Nanos>>>);

impl<K> Default for Cells<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash> Cells<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Nanos>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_place(&self, key: &K, max_keys: usize) -> bool {
        let cells = self.lock();
        cells.len() < max_keys || cells.contains_key(key)
    }
}

impl<K: Clone + Eq + Hash> StateStore for Cells<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut cells = self.lock();
        let (verdict, cell) = judge(cells.get(key).copied())?;
        let _before = cells.insert(key.clone(), cell);
        Ok(verdict)
    }
}

impl<K: Clone + Eq + Hash> ShrinkableKeyedStateStore<K> for Cells<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.lock().retain(|_key, cell| *cell > drop_below);
    }

    fn len(&self) -> usize {
        self.lock().len()
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::clock::ClockHand;

    fn limiter(rate: &str, full: WhenFull, max_keys: usize) -> (Limiter<u32>, ClockHand) {
        let (clock, hand) = Clock::manual(1_700_000_000_000);
        let rate = Some(rate.parse().unwrap());
        (Limiter::bounded("test", rate, full, &clock, max_keys), hand)
    }

    fn passes(limiter: &Limiter<u32>, key: u32) -> usize {
        (0..1000)
            .take_while(|_| limiter.check(&key).is_ok())
            .count()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let (limiter, hand) = limiter("2/s burst 5", WhenFull::Admit, 10);
        assert_eq!(passes(&limiter, 1), 5);
        assert_eq!(passes(&limiter, 2), 5, "another key has its own");
        let limited = limiter.check(&1).unwrap_err();
        assert_eq!(
            (limited.limit, limited.wait),
            ("test", Duration::from_millis(500))
        );
        hand.advance(limited.wait);
        assert_eq!(passes(&limiter, 1), 1, "not a moment later than it said");
        hand.advance(Duration::from_hours(1));
        assert_eq!(passes(&limiter, 1), 5, "rest is not saved beyond a burst");
    }

    #[test]
    fn a_clock_that_is_set_opens_and_closes_nothing() {
        let (limiter, hand) = limiter("1/min", WhenFull::Refuse, 10);
        assert_eq!(passes(&limiter, 1), 1);
        hand.set(hand.now().plus(Duration::from_hours(24)));
        assert_eq!(passes(&limiter, 1), 0);
        hand.set(Timestamp::from_ms(5));
        hand.advance(Duration::from_mins(1));
        assert_eq!(passes(&limiter, 1), 1);
    }

    #[test]
    fn without_a_place_a_new_key_is_refused_or_passes_and_the_known_go_on() {
        let (refusing, _hand) = limiter("1/min burst 2", WhenFull::Refuse, 2);
        let (admitting, _hand) = limiter("1/min burst 2", WhenFull::Admit, 2);
        for limiter in [&refusing, &admitting] {
            assert!(limiter.check(&1).is_ok() && limiter.check(&2).is_ok());
        }
        assert_eq!((passes(&refusing, 3), passes(&admitting, 3)), (0, 1000));
        assert_eq!(refusing.check(&3).unwrap_err().wait, FULL_WAIT);
        assert_eq!((passes(&refusing, 1), passes(&admitting, 2)), (1, 1));
    }

    #[test]
    fn keys_are_forgotten_once_that_changes_nothing() {
        let (limiter, hand) = limiter("1/min burst 2", WhenFull::Refuse, 2);
        assert_eq!((passes(&limiter, 1), passes(&limiter, 2)), (2, 2));
        hand.advance(Duration::from_secs(61));
        limiter.tidy();
        assert_eq!(passes(&limiter, 3), 0, "both are still known");
        hand.advance(Duration::from_mins(2));
        assert_eq!(passes(&limiter, 3), 2, "a full limit tidies by itself");
    }

    #[test]
    fn a_limit_that_is_off_limits_nobody() {
        let (clock, _hand) = Clock::manual(0);
        let off = Limiter::new("test", None, WhenFull::Refuse, &clock);
        assert_eq!(passes(&off, 1), 1000);
    }
}
