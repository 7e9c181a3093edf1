//! Challenges: nonces that need no memory until they are used.
//!
//! A nonce is 16 random bytes and a MAC over them and its expiry, under a key made at start. So
//! asking for challenges costs the server nothing and nobody can crowd out another's; only nonces
//! of proofs that verified are remembered, each until it would have expired anyway.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::clock::Timestamp;
use crate::rng::{RandomError, Rng};

/// How long a challenge can be answered.
pub(crate) const VALIDITY: Duration = Duration::from_mins(1);

/// More successful logins than this within [`VALIDITY`] make the oldest nonce forgotten early.
const REMEMBERED: usize = 100_000;

/// Makes and redeems nonces.
pub(crate) struct Nonces {
    key: [u8; 32],
    /// Redeemed nonces that have not expired, by expiry. A cache would do, were its insertion
    /// atomic.
    used: Mutex<BTreeSet<(Timestamp, [u8; 32])>>,
}

impl Nonces {
    pub(crate) fn new(rng: Rng) -> Result<Self, RandomError> {
        Ok(Self {
            key: rng.bytes()?,
            used: Mutex::default(),
        })
    }

    /// A new nonce and when it expires.
    pub(crate) fn issue(
        &self,
        rng: Rng,
        now: Timestamp,
    ) -> Result<([u8; 32], Timestamp), RandomError> {
        let expires_at = now.plus(VALIDITY);
        let random = rng.bytes::<16>()?;
        let mut nonce = [0; 32];
        let (front, back) = nonce.split_at_mut(16);
        front.copy_from_slice(&random);
        for (to, from) in back
            .iter_mut()
            .zip(self.mac(&random, expires_at).finalize().into_bytes())
        {
            *to = from;
        }
        Ok((nonce, expires_at))
    }

    /// True if this nonce came from here with this expiry and has not expired.
    pub(crate) fn is_ours(&self, nonce: &[u8; 32], expires_at: Timestamp, now: Timestamp) -> bool {
        let (random, tag) = nonce.split_at(16);
        now < expires_at
            && self
                .mac(random, expires_at)
                .verify_truncated_left(tag)
                .is_ok()
    }

    /// Uses up a nonce that [`is_ours`](Self::is_ours). False if it was used before: of two at
    /// once, exactly one gets true.
    pub(crate) fn redeem(&self, nonce: &[u8; 32], expires_at: Timestamp, now: Timestamp) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while used
            .first()
            .is_some_and(|(end, _)| *end <= now || used.len() >= REMEMBERED)
        {
            used.pop_first();
        }
        used.insert((expires_at, *nonce))
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn mac(&self, random: &[u8], expires_at: Timestamp) -> Hmac<Sha256> {
        let mut mac = Hmac::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(random);
        mac.update(&expires_at.ms().to_be_bytes());
        mac
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_700_000_000_000);

    #[test]
    fn a_nonce_is_ours_until_it_expires_and_only_with_its_own_expiry() {
        let nonces = Nonces::new(Rng::system()).unwrap();
        let (nonce, expires_at) = nonces.issue(Rng::system(), NOW).unwrap();
        assert_eq!(expires_at, NOW.plus(VALIDITY));
        assert!(nonces.is_ours(&nonce, expires_at, NOW));
        assert!(nonces.is_ours(
            &nonce,
            expires_at,
            expires_at.minus(Duration::from_millis(1))
        ));
        assert!(!nonces.is_ours(&nonce, expires_at, expires_at));
        let later = expires_at.plus(Duration::from_secs(1));
        assert!(
            !nonces.is_ours(&nonce, later, NOW),
            "the expiry is under the MAC"
        );
    }

    #[test]
    fn a_nonce_of_another_server_or_a_changed_one_is_not_ours() {
        let (here, there) = (
            Nonces::new(Rng::system()).unwrap(),
            Nonces::new(Rng::system()).unwrap(),
        );
        let (nonce, expires_at) = there.issue(Rng::system(), NOW).unwrap();
        assert!(there.is_ours(&nonce, expires_at, NOW));
        assert!(!here.is_ours(&nonce, expires_at, NOW));
        for index in 0..32 {
            let mut changed = nonce;
            changed[index] ^= 1;
            assert!(!there.is_ours(&changed, expires_at, NOW), "byte {index}");
        }
    }

    #[test]
    fn a_nonce_is_redeemed_once_even_by_many_at_once() {
        let nonces = Nonces::new(Rng::system()).unwrap();
        let (nonce, end) = nonces.issue(Rng::system(), NOW).unwrap();
        let wins: usize = std::thread::scope(|scope| {
            let redeem = || nonces.redeem(&nonce, end, NOW);
            let tries: Vec<_> = (0..8).map(|_| scope.spawn(redeem)).collect();
            tries
                .into_iter()
                .map(|one| usize::from(one.join().unwrap()))
                .sum()
        });
        assert_eq!(wins, 1);
        assert!(!nonces.redeem(&nonce, end, NOW));
    }

    #[test]
    fn a_redeemed_nonce_is_forgotten_only_when_it_has_expired() {
        let nonces = Nonces::new(Rng::system()).unwrap();
        let (first, first_end) = nonces.issue(Rng::system(), NOW).unwrap();
        assert!(nonces.redeem(&first, first_end, NOW));
        let later = NOW.plus(Duration::from_secs(59));
        let (second, second_end) = nonces.issue(Rng::system(), later).unwrap();
        assert!(nonces.redeem(&second, second_end, later));
        assert!(!nonces.redeem(&first, first_end, later));
        assert_eq!(nonces.used.lock().unwrap().len(), 2);
        let (third, third_end) = nonces.issue(Rng::system(), first_end).unwrap();
        assert!(nonces.redeem(&third, third_end, first_end));
        assert_eq!(nonces.used.lock().unwrap().len(), 2);
    }
}
