//! Which identity speaks for a user in a room, while the leaves of that user show more than one.
//!
//! Pure, and the same for policy, joiners and members. Must not know commits, nor who may do what.
//!
//! The surprise: there is no memory. What stands in the tree is compared, so the leaf with the
//! highest rank counts, and a leaf that it has left behind is a laggard until its device comes and
//! renews it.

use std::collections::{BTreeMap, BTreeSet};

use grove_wire::limits::MAX_DEVICES_PER_USER;

use super::Leaf;
use super::validation::claimed;
use crate::identity::Identity;

/// How the identities of one user's leaves stand to one another.
pub(crate) struct Standing<'a> {
    /// The highest of them, which speaks for the user.
    pub(crate) top: &'a Identity,
    /// How many of them are that one.
    pub(crate) at_top: usize,
    /// Whether each of them follows those below it. If not, no chain of recovery keys explains all
    /// of them.
    pub(crate) is_chain: bool,
}

impl<'a> Standing<'a> {
    /// Compares them; none if there are none.
    pub(crate) fn of(identities: impl IntoIterator<Item = &'a Identity>) -> Option<Self> {
        let mut sorted: Vec<&Identity> = identities.into_iter().collect();
        sorted.sort_by_key(|one| one.rank());
        let top = *sorted.last()?;
        let is_step = |pair: &[&Identity]| matches!(pair, [low, high] if high.follows(low));
        Some(Self {
            top,
            at_top: sorted.iter().filter(|one| one.rank() == top.rank()).count(),
            is_chain: sorted.windows(2).all(is_step),
        })
    }

    /// Whether a user may have so many leaves. Laggards do not count: who stole a device could keep
    /// its owner out with them.
    pub(crate) fn is_within_limit(&self) -> bool {
        self.at_top <= MAX_DEVICES_PER_USER
    }
}

/// The leaves that another leaf of the same user has left behind, each with the identity that
/// speaks for its user.
pub(crate) fn laggards(leaves: &[Leaf]) -> BTreeMap<u32, Identity> {
    let mut users: BTreeMap<&[u8], Vec<(u32, Identity)>> = BTreeMap::new();
    for leaf in leaves {
        if let Ok(claimed) = claimed(&leaf.facts) {
            let user = user_part(&leaf.facts.identity);
            let identity = claimed.credential.identity().clone();
            users.entry(user).or_default().push((leaf.index, identity));
        }
    }
    let mut found = BTreeMap::new();
    for leaves in users.values() {
        let standing = Standing::of(leaves.iter().map(|(_, identity)| identity));
        if let Some(Standing { top, .. }) = standing {
            let low = leaves.iter().filter(|(_, one)| one.rank() < top.rank());
            found.extend(low.map(|(leaf, _)| (*leaf, top.clone())));
        }
    }
    found
}

/// The laggards that would be left alone when the leaves in `gone` go, because no leaf that has
/// left them behind stays. They have to go too.
pub(crate) fn orphans(leaves: &[Leaf], gone: &BTreeSet<u32>) -> BTreeSet<u32> {
    let laggards = laggards(leaves);
    if laggards.is_empty() {
        return BTreeSet::new();
    }
    let leads: BTreeSet<&[u8]> = leaves
        .iter()
        .filter(|leaf| !laggards.contains_key(&leaf.index) && !gone.contains(&leaf.index))
        .map(|leaf| user_part(&leaf.facts.identity))
        .collect();
    leaves
        .iter()
        .filter(|leaf| laggards.contains_key(&leaf.index) && !gone.contains(&leaf.index))
        .filter(|leaf| !leads.contains(user_part(&leaf.facts.identity)))
        .map(|leaf| leaf.index)
        .collect()
}

/// Of the leaves in `leaving` those that a joiner has to leave in, because laggards of their users
/// would be left alone: it cannot remove those.
pub(crate) fn keepers(leaves: &[Leaf], leaving: &BTreeSet<u32>) -> BTreeSet<u32> {
    let orphans = orphans(leaves, leaving);
    let user = |leaf: &&Leaf| user_part(&leaf.facts.identity).to_vec();
    let is_orphan = |leaf: &&Leaf| orphans.contains(&leaf.index);
    let orphaned: BTreeSet<_> = leaves
        .iter()
        .filter(is_orphan)
        .map(|leaf| user(&leaf))
        .collect();
    if orphaned.is_empty() {
        return BTreeSet::new();
    }
    let laggards = laggards(leaves);
    leaves
        .iter()
        .filter(|leaf| leaving.contains(&leaf.index) && !laggards.contains_key(&leaf.index))
        .filter(|leaf| orphaned.contains(&user(leaf)))
        .map(|leaf| leaf.index)
        .collect()
}

/// What the URIs of a user's clients have in common: all but the client's own name.
pub(crate) fn user_part(identity: &[u8]) -> &[u8] {
    let end = identity.iter().rposition(|byte| *byte == b'/');
    identity.get(..end.unwrap_or_default()).unwrap_or_default()
}
