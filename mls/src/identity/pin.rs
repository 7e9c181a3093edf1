//! What is remembered of another user: who they are, how far their device list had come, and its
//! hash.
//!
//! A pin moves forward only. This module must not know how a violation is shown or what the user
//! decides.
//!
//! The surprise: a newer list of the same identity is accepted without the lists between. The
//! signature suffices; the chain is there to expose two different lists of one version. A list of
//! an identity that comes behind the pinned one is accepted whatever its version: the recovery key
//! has spoken, and lists that a thief made with the older key count for nothing.

use super::continuity::Identity;
use super::list::SignedDeviceList;

/// Why a device list does not continue what was pinned. Shown to people as «identity changed».
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinViolation {
    /// Another list with the version that is known, or one that names another predecessor.
    #[error("two different device lists of version {0}")]
    Fork(u64),
    /// A list of an identity that was followed by another.
    #[error("the device list is of an older identity")]
    Outdated,
    /// A list of an identity that does not come behind the known one.
    #[error("the identity changed without a signature of the recovery key")]
    Unproven,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Who they are.
    pub identity: Identity,
    /// The highest list version seen of that identity.
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
            identity: list.identity.clone(),
            version: list.version,
            list_hash: hash,
        }
    }

    /// The pin after seeing `next`, which must be of the same user.
    ///
    /// # Errors
    /// [`PinViolation`]; the pin stays what it is.
    pub fn advance(&self, next: &SignedDeviceList) -> Result<Self, PinViolation> {
        let list = next.list();
        if !list.identity.follows(&self.identity) {
            return Err(if self.identity.follows(&list.identity) {
                PinViolation::Outdated
            } else {
                PinViolation::Unproven
            });
        }
        if !list.identity.is_same(&self.identity) {
            return Ok(Self::of(next));
        }
        if list.version < self.version {
            return Err(PinViolation::Version {
                known: self.version,
                found: list.version,
            });
        }
        if list.version == self.version {
            return if next.hash() == self.list_hash {
                Ok(self.clone())
            } else {
                Err(PinViolation::Fork(list.version))
            };
        }
        if self.version.checked_add(1) == Some(list.version)
            && list.prev_hash != Some(self.list_hash)
        {
            return Err(PinViolation::Fork(self.version));
        }
        Ok(Self::of(next))
    }
}
