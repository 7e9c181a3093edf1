//! The one validation of a leaf, with two verdicts.
//!
//! [`objective`] is the same for every honest party, the hub included: it uses only the leaf, and
//! its failure refuses the commit. [`subjective`] is what this client knows about the user: its
//! failure never stops reading, it stops sending and is shown. This module must not know commits,
//! nor the time.
//!
//! The surprise: neither looks at lifetimes. An expired leaf is stale and may be removed, but
//! refusing it would give two honest parties with two clocks two rooms.

use std::fmt;

use grove_wire::uri::{ClientUri, UserUri};

use super::facts::LeafFacts;
use crate::identity::{
    DeviceCredential, DeviceCredentialError, DeviceList, Pin, PublicKey, Succession,
    SuccessionError,
};

/// Why a leaf is refused by everybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityViolation {
    /// The device credential is malformed or not signed for this leaf.
    #[error(transparent)]
    Credential(#[from] DeviceCredentialError),
    /// The credential's identity is not a client URI in canonical form.
    #[error("the leaf's identity is not a client URI")]
    Identity,
    /// The leaf's key is not an Ed25519 key.
    #[error("the leaf's signature key is not an Ed25519 key")]
    LeafKey,
    /// The leaf has no device credential.
    #[error("the leaf has no device credential")]
    MissingCredential,
    /// The leaf's succession is malformed, not signed, or leads to another key than the leaf's.
    #[error("the leaf's succession is refused: {0}")]
    SuccessionInvalid(#[from] SuccessionError),
}

/// A leaf whose user identity key signed it. Which key that is remains to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidLeaf {
    /// The client.
    pub client: ClientUri,
    /// Its user.
    pub user: UserUri,
    /// The leaf's signature key.
    pub key: PublicKey,
    /// The user identity key that signed it.
    pub uik: PublicKey,
    /// The version of the device list it was issued under.
    pub list_version: u64,
    /// Until when it is fresh, in milliseconds since 1970.
    pub not_after: u64,
    /// The user's current key in the room, if the leaf's own is superseded there. A leaf alone
    /// never tells: [`crate::member::Group`] fills it in.
    pub superseded_by: Option<PublicKey>,
}

/// Judges a leaf by itself.
///
/// # Errors
/// [`IdentityViolation`].
pub fn objective(leaf: &LeafFacts) -> Result<ValidLeaf, IdentityViolation> {
    let claimed = claimed(leaf)?;
    claimed.credential.verify(&claimed.client, &claimed.key)?;
    let user = claimed.client.user();
    if let Some(succession) = &claimed.succession {
        succession.verify(&user)?;
        if succession.leads_to() != claimed.credential.uik() {
            return Err(SuccessionError::Unlinked.into());
        }
    }
    Ok(ValidLeaf {
        user,
        client: claimed.client,
        key: claimed.key,
        uik: *claimed.credential.uik(),
        list_version: claimed.credential.version(),
        not_after: claimed.credential.not_after(),
        superseded_by: None,
    })
}

/// What a leaf claims, read but not verified: enough for leaves that were verified when they came
/// in.
pub(super) struct Claimed {
    pub(super) client: ClientUri,
    pub(super) key: PublicKey,
    pub(super) credential: DeviceCredential,
    pub(super) succession: Option<Succession>,
}

pub(super) fn claimed(leaf: &LeafFacts) -> Result<Claimed, IdentityViolation> {
    let identity =
        std::str::from_utf8(&leaf.identity).map_err(|_not_utf8| IdentityViolation::Identity)?;
    let client = ClientUri::parse(identity).map_err(|_not_a_client| IdentityViolation::Identity)?;
    if client.as_str() != identity {
        return Err(IdentityViolation::Identity);
    }
    let key = PublicKey::try_from(leaf.signature_key.as_slice())
        .map_err(|_length| IdentityViolation::LeafKey)?;
    let credential = leaf
        .device_credential
        .as_deref()
        .ok_or(IdentityViolation::MissingCredential)?;
    Ok(Claimed {
        client,
        key,
        credential: DeviceCredential::decode(credential)?,
        succession: leaf
            .succession
            .as_deref()
            .map(Succession::decode)
            .transpose()?,
    })
}

/// What this client knows about a leaf's user.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// What is pinned, if the user was met before.
    pub pin: Option<&'a Pin>,
    /// The newest verified device list at hand.
    pub list: Option<&'a DeviceList>,
}

/// What this client thinks of a leaf. Only [`Subjective::Fine`] and [`Subjective::Unverified`]
/// allow sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subjective {
    /// Another user identity key than the pinned one: «identity changed».
    Changed {
        /// The key that is pinned.
        pinned: PublicKey,
        /// The key in the leaf.
        found: PublicKey,
    },
    /// The pinned key, and a device of the newest list.
    Fine,
    /// The user revoked this device.
    Revoked,
    /// The list at hand is older than the leaf, or there is none: fetch the newest and judge again.
    Stale,
    /// The user's key signed the leaf, but the newest list does not have the device.
    UnknownDevice,
    /// Nothing is pinned yet: trust on first use.
    Unverified,
}

impl Subjective {
    /// Whether this client may go on sending to a room with the leaf in it.
    pub fn may_send(&self) -> bool {
        matches!(self, Self::Fine | Self::Unverified)
    }
}

impl fmt::Display for Subjective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed { .. } => "the user's identity changed",
            Self::Fine => "known device of a known user",
            Self::Revoked => "the user revoked this device",
            Self::Stale => "the device list at hand is older than this device",
            Self::UnknownDevice => "the user's device list does not have this device",
            Self::Unverified => "first contact, not verified",
        })
    }
}

/// Judges a valid leaf by what this client knows. A list of another user is taken for none.
///
/// A superseded leaf is judged by the key that succeeded its own: the newest list, which that key
/// signed, says whether the device is one of the user's still.
pub fn subjective(leaf: &ValidLeaf, known: &Known<'_>) -> Subjective {
    let found = leaf.superseded_by.unwrap_or(leaf.uik);
    if let Some(pin) = known.pin
        && pin.uik != found
    {
        return Subjective::Changed {
            pinned: pin.uik,
            found,
        };
    }
    let Some(list) = known.list.filter(|list| list.user == leaf.user) else {
        return if known.pin.is_some() {
            Subjective::Stale
        } else {
            Subjective::Unverified
        };
    };
    if list.uik != found {
        return Subjective::Changed {
            pinned: list.uik,
            found,
        };
    }
    match list.find(&leaf.client) {
        Some(device) if device.signature_key != leaf.key => Subjective::UnknownDevice,
        Some(device) if device.revoked.is_some() => Subjective::Revoked,
        Some(_) if known.pin.is_none() => Subjective::Unverified,
        Some(_) => Subjective::Fine,
        None if leaf.list_version > list.version => Subjective::Stale,
        None => Subjective::UnknownDevice,
    }
}

#[cfg(test)]
mod tests;
