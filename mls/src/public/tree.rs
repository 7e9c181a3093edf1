//! The check of a whole tree, for whoever meets a room for the first time: a joiner, and the hub at
//! creation.
//!
//! Later commits are judged one by one; what they build upon is judged here. Must not know commits.

use std::collections::{BTreeMap, BTreeSet};

use grove_wire::uri::UserUri;

use crate::room::continuity::Standing;
use crate::room::validation::{ValidLeaf, objective};
use crate::room::{Leaf, PolicyViolation, Role, RoomState};

/// Judges every leaf, and that all of them belong to participants: the invariants that
/// [`crate::room::policy::check`] keeps from commit to commit.
pub(crate) fn check(
    state: &RoomState,
    leaves: &[Leaf],
) -> Result<Vec<(u32, ValidLeaf)>, PolicyViolation> {
    let roles: BTreeMap<&UserUri, u32> = state
        .participants
        .iter()
        .map(|one| (&one.user, one.role))
        .collect();
    let mut valid = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        let judged = objective(&leaf.facts)?;
        match roles.get(&judged.user) {
            None => return Err(PolicyViolation::AddOfNonParticipant(judged.user)),
            Some(role) if *role <= Role::Banned.index() => {
                return Err(PolicyViolation::BannedHasClients(judged.user));
            }
            Some(_) => valid.push((leaf.index, judged)),
        }
    }
    check_users(&valid)?;
    Ok(valid)
}

fn check_users(valid: &[(u32, ValidLeaf)]) -> Result<(), PolicyViolation> {
    let mut clients = BTreeSet::new();
    let mut users: BTreeMap<&UserUri, Vec<&ValidLeaf>> = BTreeMap::new();
    for (_, leaf) in valid {
        if !clients.insert(&leaf.client) {
            return Err(PolicyViolation::DuplicateClient(leaf.client.clone()));
        }
        users.entry(&leaf.user).or_default().push(leaf);
    }
    for (user, leaves) in users {
        let standing = Standing::of(leaves.iter().map(|leaf| &leaf.identity));
        if standing.as_ref().is_some_and(|one| !one.is_chain) {
            return Err(PolicyViolation::IdentitiesDiffer(user.clone()));
        }
        if standing.is_some_and(|one| !one.is_within_limit()) {
            return Err(PolicyViolation::TooManyClients(user.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
