//! What the engine needs from the machine it runs on: the time, randomness and a timer.
//!
//! The engine has none of its own, so that the same code runs in a terminal, in a browser and in a
//! test whose clock is moved by hand. It must not know which of these it is.

use std::time::Duration;

use crate::store::Seed;
use crate::transport::MaybeSend;

/// The clock, the randomness and the timer of the machine.
pub trait Environment {
    /// The time of day in milliseconds since the UNIX epoch.
    fn now(&self) -> u64;

    /// Fills `bytes` from a cryptographically secure source. Seeds of keys come from here.
    fn random(&self, bytes: &mut [u8]);

    /// Resolves after `duration`. Used between attempts only; nothing is held while it runs.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + MaybeSend;
}

/// A random array of `N` bytes.
pub(crate) fn random_bytes<const N: usize>(environment: &impl Environment) -> [u8; N] {
    let mut bytes = [0; N];
    environment.random(&mut bytes);
    bytes
}

/// The seed of a new key.
pub(crate) fn random_seed(environment: &impl Environment) -> Seed {
    Seed::new(random_bytes(environment))
}

/// A random duration up to `most`, so that clients that failed together do not return together.
pub(crate) fn jitter(environment: &impl Environment, most: Duration) -> Duration {
    let share = u32::from_be_bytes(random_bytes(environment));
    most.mul_f64(f64::from(share) / f64::from(u32::MAX))
}
