//! Which user identity key speaks for a user in a room, while the leaves of that user show more
//! than one.
//!
//! Pure, and the same for policy, joiners and members. Must not know commits, nor who may do what.
//!
//! The surprise: there is no memory. The current key is read off the leaves that stand, so a leaf
//! that shows a succession goes on showing it for as long as a leaf with an older key stands beside
//! it.

use std::collections::{BTreeMap, BTreeSet};

use super::validation::{Claimed, IdentityViolation, claimed};
use super::{Leaf, LeafFacts};
use crate::identity::PublicKey;

/// What a leaf says about its user's keys. Verified when the leaf came in; read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The key that signed the leaf.
    pub(crate) uik: PublicKey,
    /// The keys it shows to have been succeeded by that one.
    pub(crate) succeeded: Vec<PublicKey>,
}

impl Claim {
    pub(crate) fn read(facts: &LeafFacts) -> Result<Self, IdentityViolation> {
        claimed(facts).map(|claimed| Self::of(&claimed))
    }

    pub(super) fn of(claimed: &Claimed) -> Self {
        let succession = claimed.succession.as_ref();
        Self {
            uik: *claimed.credential.uik(),
            succeeded: succession
                .map(|one| one.succeeded().copied().collect())
                .unwrap_or_default(),
        }
    }
}

/// The one key among a user's leaves that is, or is shown to have succeeded, each of them; none if
/// there is no such key.
pub(crate) fn current<'a>(claims: impl IntoIterator<Item = &'a Claim>) -> Option<PublicKey> {
    let claims: Vec<&Claim> = claims.into_iter().collect();
    let keys: BTreeSet<&PublicKey> = claims.iter().map(|claim| &claim.uik).collect();
    let succeeds = |new: &PublicKey, old: &PublicKey| {
        claims
            .iter()
            .any(|claim| claim.uik == *new && claim.succeeded.contains(old))
    };
    let mut found = keys
        .iter()
        .filter(|new| keys.iter().all(|old| old == *new || succeeds(new, old)));
    match (found.next(), found.next()) {
        (Some(current), None) => Some(**current),
        _ => None,
    }
}

/// The leaves whose key is superseded, each with the key that is current for its user.
pub(crate) fn superseded(leaves: &[Leaf]) -> BTreeMap<u32, PublicKey> {
    let mut users: BTreeMap<&[u8], Vec<(u32, Claim)>> = BTreeMap::new();
    for leaf in leaves {
        if let Ok(claim) = Claim::read(&leaf.facts) {
            let user = user_part(&leaf.facts.identity);
            users.entry(user).or_default().push((leaf.index, claim));
        }
    }
    let mut superseded = BTreeMap::new();
    for leaves in users.values() {
        if let Some(current) = current(leaves.iter().map(|(_, claim)| claim)) {
            let old = leaves.iter().filter(|(_, claim)| claim.uik != current);
            superseded.extend(old.map(|(leaf, _)| (*leaf, current)));
        }
    }
    superseded
}

/// What the URIs of a user's clients have in common: all but the client's own name.
pub(crate) fn user_part(identity: &[u8]) -> &[u8] {
    let end = identity.iter().rposition(|byte| *byte == b'/');
    identity.get(..end.unwrap_or_default()).unwrap_or_default()
}
