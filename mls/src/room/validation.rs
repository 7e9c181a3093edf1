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
use crate::identity::{DeviceCredential, DeviceCredentialError, DeviceList, Identity, PublicKey};

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
}

/// A leaf that its user's identity has signed. Which identity that is remains to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidLeaf {
    /// The client.
    pub client: ClientUri,
    /// Its user.
    pub user: UserUri,
    /// The leaf's signature key.
    pub key: PublicKey,
    /// The identity that signed it.
    pub identity: Identity,
    /// The version of the device list it was issued under.
    pub list_version: u64,
    /// Until when it is fresh, in milliseconds since 1970.
    pub not_after: u64,
    /// The identity that speaks for the user in the room, if it has left the leaf's own behind. A
    /// leaf alone never tells: [`crate::member::Group`] fills it in.
    pub left_behind_by: Option<Box<Identity>>,
}

/// Judges a leaf by itself.
///
/// # Errors
/// [`IdentityViolation`].
pub fn objective(leaf: &LeafFacts) -> Result<ValidLeaf, IdentityViolation> {
    let claimed = claimed(leaf)?;
    claimed.credential.verify(&claimed.client, &claimed.key)?;
    Ok(claimed.into_leaf())
}

/// Reads a leaf that was judged when it came in; its signatures are not verified again.
pub(crate) fn standing(leaf: &LeafFacts) -> Result<ValidLeaf, IdentityViolation> {
    claimed(leaf).map(Claimed::into_leaf)
}

/// What a leaf claims, read but not verified: enough for leaves that were verified when they came
/// in.
pub(super) struct Claimed {
    pub(super) client: ClientUri,
    pub(super) key: PublicKey,
    pub(super) credential: DeviceCredential,
}

impl Claimed {
    fn into_leaf(self) -> ValidLeaf {
        ValidLeaf {
            user: self.client.user(),
            client: self.client,
            key: self.key,
            identity: self.credential.identity().clone(),
            list_version: self.credential.list_version(),
            not_after: self.credential.not_after(),
            left_behind_by: None,
        }
    }
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
    })
}

/// What this client knows about a leaf's user, whom it has met before.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The newest identity seen.
    pub identity: &'a Identity,
    /// The newest verified device list at hand.
    pub list: Option<&'a DeviceList>,
}

/// What this client thinks of a leaf. Only [`Subjective::Fine`], [`Subjective::Laggard`] and
/// [`Subjective::Unverified`] allow sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subjective {
    /// Another identity than the pinned one, and neither follows the other: «identity changed».
    Changed,
    /// The pinned identity, and a device of the newest list.
    Fine,
    /// A device of the newest list whose leaf is of an older identity than that: it has not heard
    /// of the newer one yet. What it says is not shown as the user's.
    Laggard,
    /// The user revoked this device.
    Revoked,
    /// An older identity than one that was seen, and neither a leaf of the newer one beside it nor
    /// a list of the newer one that vouches for it: perhaps a device that was lost.
    Outdated,
    /// The list at hand is older than the leaf: fetch the newest and judge again.
    Stale,
    /// The user's key signed the leaf, but the newest list does not have the device.
    UnknownDevice,
    /// The identity that was seen first, and no device list that says more: trust on first use.
    Unverified,
}

impl Subjective {
    /// Whether this client may go on sending to a room with the leaf in it.
    pub fn may_send(&self) -> bool {
        matches!(self, Self::Fine | Self::Laggard | Self::Unverified)
    }
}

impl fmt::Display for Subjective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "the user's identity changed",
            Self::Fine => "known device of a known user",
            Self::Laggard => "a device that has not taken the user's newest identity yet",
            Self::Outdated => "a device of an older identity, for which nothing speaks",
            Self::Revoked => "the user revoked this device",
            Self::Stale => "the device list at hand is older than this device",
            Self::UnknownDevice => "the user's device list does not have this device",
            Self::Unverified => "first contact, not verified",
        })
    }
}

/// Judges a valid leaf by what this client knows; none if the user was never met. A list of another
/// user is taken for none.
///
/// The list's word on a device counts for more than the identity in a leaf that was made before the
/// list: a newer identity has vouched for the device, or revoked it.
pub fn subjective(leaf: &ValidLeaf, known: Option<&Known<'_>>) -> Subjective {
    let Some(known) = known else {
        return Subjective::Unverified;
    };
    let shown = leaf.left_behind_by.as_deref().unwrap_or(&leaf.identity);
    let list = known.list.filter(|list| list.user == leaf.user);
    let are_one = |other: &Identity| shown.follows(other) || other.follows(shown);
    if !are_one(known.identity) || list.is_some_and(|list| !are_one(&list.identity)) {
        return Subjective::Changed;
    }
    let newest = shown.rank().max(known.identity.rank());
    let is_newest = leaf.identity.rank() == newest;
    match list {
        Some(list) if list.identity.rank() >= newest => by_list(leaf, list),
        _ if !is_newest && leaf.left_behind_by.is_some() => Subjective::Laggard,
        _ if !is_newest => Subjective::Outdated,
        Some(_) => Subjective::Stale,
        None => Subjective::Unverified,
    }
}

/// Judges a leaf by a list that no identity seen has left behind.
fn by_list(leaf: &ValidLeaf, list: &DeviceList) -> Subjective {
    let is_newest = leaf.identity.is_same(&list.identity);
    match list.find(&leaf.client) {
        Some(device) if device.signature_key != leaf.key => Subjective::UnknownDevice,
        Some(device) if device.revoked.is_some() => Subjective::Revoked,
        Some(_) if is_newest => Subjective::Fine,
        Some(_) => Subjective::Laggard,
        None if is_newest && leaf.list_version > list.version => Subjective::Stale,
        None => Subjective::UnknownDevice,
    }
}

#[cfg(test)]
mod tests;
