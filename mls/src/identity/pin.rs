//! What is remembered of another user: the key, how far their device list had come, and its hash.
//!
//! A pin moves forward only. This module must not know how a violation is shown or what the user
//! decides.
//!
//! The surprise: a newer list of the same key is accepted without the lists between. The signature
//! suffices; the chain is there to expose two different lists of one version.

use super::keys::PublicKey;
use super::list::SignedDeviceList;
use super::rotation::{SignedRecoveryRotation, SignedUikRotation};

/// Why a device list does not continue what was pinned. Shown to people as «identity changed».
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinViolation {
    /// Another list with the version that is known, or one that names another predecessor.
    #[error("two different device lists of version {0}")]
    Fork(u64),
    /// A new recovery key that the old one did not sign.
    #[error("the recovery key changed without a signature of the old one")]
    RecoveryUnlinked,
    /// A new user identity key that neither the old one nor the recovery key signed.
    #[error(
        "the user identity key changed without a signature of the old one or of the recovery key"
    )]
    UikUnlinked,
    /// A lower version than the known one, or not the next where the next is wanted.
    #[error("version {found} does not follow version {known}")]
    Version {
        /// The known version.
        known: u64,
        /// The version that came.
        found: u64,
    },
}

/// What is pinned of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// The user identity key.
    pub uik: PublicKey,
    /// The recovery key, which may sign a new one.
    pub recovery: PublicKey,
    /// The highest list version seen.
    pub version: u64,
    /// The hash of that list.
    pub list_hash: [u8; 32],
}

impl Pin {
    /// Pins a list on first contact.
    pub fn of(list: &SignedDeviceList) -> Self {
        let hash = list.hash();
        let list = list.list();
        Self {
            uik: list.uik,
            recovery: list.recovery,
            version: list.version,
            list_hash: hash,
        }
    }

    /// The pin after seeing `next`, which must be of the same user.
    ///
    /// # Errors
    /// [`PinViolation`]; the pin stays what it is.
    pub fn advance(&self, next: &SignedDeviceList) -> Result<Self, PinViolation> {
        let hash = next.hash();
        let list = next.list();
        if list.version < self.version {
            return Err(PinViolation::Version {
                known: self.version,
                found: list.version,
            });
        }
        if list.version == self.version {
            return if hash == self.list_hash {
                Ok(*self)
            } else {
                Err(PinViolation::Fork(list.version))
            };
        }
        if self.version.checked_add(1) == Some(list.version)
            && list.prev_hash != Some(self.list_hash)
        {
            return Err(PinViolation::Fork(self.version));
        }
        if list.uik != self.uik
            && !next
                .uik_rotation()
                .is_some_and(|rotation| self.allows_uik(rotation))
        {
            return Err(PinViolation::UikUnlinked);
        }
        if list.recovery != self.recovery
            && !next
                .recovery_rotation()
                .is_some_and(|rotation| self.allows_recovery(rotation))
        {
            return Err(PinViolation::RecoveryUnlinked);
        }
        Ok(Self::of(next))
    }

    fn allows_uik(&self, rotation: &SignedUikRotation) -> bool {
        rotation.rotation().old == self.uik && rotation.verify(&self.recovery).is_ok()
    }

    fn allows_recovery(&self, rotation: &SignedRecoveryRotation) -> bool {
        rotation.rotation().old == self.recovery && rotation.verify().is_ok()
    }
}
