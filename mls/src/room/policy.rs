//! Whether a commit may happen: one pure function, asked by the hub before it accepts and by every
//! member before it merges.
//!
//! It sees public facts only. This module must not know MLS encodings, what a client has pinned, or
//! the time.
//!
//! The surprise: what a removal needs is asked of whoever proposed it, not of the committer. So
//! anybody may commit the removals that wait, and write the list update that a user's last client
//! leaves behind.
//!
//! Sources: RFC 9420, section 12; draft-ietf-mimi-protocol-06, section 5;
//! draft-ietf-mimi-room-policy-03.

use std::collections::{BTreeMap, BTreeSet};

use grove_wire::uri::UserUri;

use super::{CommitFacts, Committer, Pending, PendingKind, PolicyViolation, Role, RoomState};

/// So many users may wait in a list without a client when somebody enters another who may not
/// strike them. A list takes [`grove_wire::limits::MAX_PARTICIPANTS_INLINE`].
pub const MAX_WITHOUT_CLIENTS: usize = 100;

mod case;
mod continuity;
mod leaves;
mod list;

use case::{Arrived, Case, Occupant};

/// Judges a commit on the committed state of a room, with the proposals that wait for a commit.
///
/// Gives the room's state after the commit. Every leaf the commit brings has passed
/// [`super::validation::objective`] then.
///
/// # Errors
/// The first [`PolicyViolation`] met.
pub fn check(
    committed: &RoomState,
    pending: &Pending,
    commit: &CommitFacts,
) -> Result<RoomState, PolicyViolation> {
    check_proposal_types(commit)?;
    let case = Case::read(committed, commit)?;
    let gone = case.check_removals()?;
    check_pending(pending, &case, &gone)?;
    let arrived = case.check_new_leaves()?;
    let after = case.check_components(&gone)?;
    case.check_laggard_committer(&after, &gone, &arrived)?;
    case.check_arrivals(&arrived)?;
    check_tree_after(&case, &after, &gone, &arrived)?;
    Ok(after)
}

fn check_proposal_types(commit: &CommitFacts) -> Result<(), PolicyViolation> {
    if commit.context_extensions {
        return Err(PolicyViolation::ContextExtensions);
    }
    match commit.other_proposals.first() {
        Some(other) => Err(PolicyViolation::ProposalNotAllowed(*other)),
        None => Ok(()),
    }
}

/// Every waiting proposal must be in the commit, or its leaf go by another. Whoever is being
/// removed may not commit: the commit could not contain it. An external commit cannot refer to
/// Removes (RFC 9420, section 12.4.3.2), so those may lapse; with them may the `SelfRemove` of a
/// leaf that has laggards beside it, which the joiner could not take along.
fn check_pending(
    pending: &Pending,
    case: &Case<'_>,
    gone: &BTreeSet<u32>,
) -> Result<(), PolicyViolation> {
    let commit = case.commit;
    let included: BTreeSet<&[u8]> = commit.included_refs.iter().map(Vec::as_slice).collect();
    for proposal in &pending.refs {
        let (PendingKind::Remove(leaf) | PendingKind::SelfRemove(leaf)) = proposal.kind;
        if commit.committer == Committer::Member(leaf) {
            return Err(PolicyViolation::CommitterLeaving);
        }
        let may_lapse = case.is_joiner()
            && match proposal.kind {
                PendingKind::Remove(_) => true,
                PendingKind::SelfRemove(leaf) => case.has_laggards_beside(leaf),
            };
        if !may_lapse && !gone.contains(&leaf) && !included.contains(proposal.reference.as_slice())
        {
            return Err(PolicyViolation::PendingLeftOut);
        }
    }
    Ok(())
}

/// What must hold of the tree and the list together when the commit is done.
fn check_tree_after(
    case: &Case<'_>,
    after: &RoomState,
    gone: &BTreeSet<u32>,
    arrived: &Arrived,
) -> Result<(), PolicyViolation> {
    let remaining = case
        .tree
        .iter()
        .filter(|(leaf, _)| !gone.contains(leaf))
        .map(|(leaf, occupant)| match &arrived.updated {
            Some(updated) if case.actor.leaf == Some(*leaf) => updated,
            _ => occupant,
        });
    let occupants = remaining.chain(&arrived.added).chain(&case.actor.joining);
    let mut by_user: BTreeMap<&UserUri, Vec<&Occupant>> = BTreeMap::new();
    let mut clients = BTreeSet::new();
    for occupant in occupants {
        if !clients.insert(&occupant.client) {
            return Err(PolicyViolation::DuplicateClient(occupant.client.clone()));
        }
        by_user.entry(&occupant.user).or_default().push(occupant);
    }
    let roles: BTreeMap<&UserUri, u32> = after
        .participants
        .iter()
        .map(|one| (&one.user, one.role))
        .collect();
    for (user, occupants) in &by_user {
        check_user_after(case, user, occupants, roles.get(user).copied())?;
    }
    for leaf in gone {
        let user = &case.occupant(*leaf)?.user;
        let listed = roles
            .get(user)
            .is_some_and(|role| *role > Role::Banned.index());
        if listed && !by_user.contains_key(user) {
            return Err(PolicyViolation::LastClientGone(user.clone()));
        }
    }
    check_without_clients(case, after, &by_user)
}

/// An entry without a client costs nothing and takes the place of somebody: who could not strike
/// others from the list must not fill it.
fn check_without_clients(
    case: &Case<'_>,
    after: &RoomState,
    by_user: &BTreeMap<&UserUri, Vec<&Occupant>>,
) -> Result<(), PolicyViolation> {
    if case.may_remove(case.actor.role, Role::Member.index()) {
        return Ok(());
    }
    let (mut waiting, mut is_entered) = (0_usize, false);
    for one in &after.participants {
        if one.role > Role::Banned.index() && !by_user.contains_key(&one.user) {
            waiting += 1;
            is_entered |= case.role_of(&one.user) == Role::None.index();
        }
    }
    if is_entered && waiting > MAX_WITHOUT_CLIENTS {
        Err(PolicyViolation::TooManyWithoutClients)
    } else {
        Ok(())
    }
}

fn check_user_after(
    case: &Case<'_>,
    user: &UserUri,
    occupants: &[&Occupant],
    role: Option<u32>,
) -> Result<(), PolicyViolation> {
    match role {
        None if case.is_joiner() && *user == case.actor.user => {
            return Err(PolicyViolation::JoinNotAllowed);
        }
        None => return Err(PolicyViolation::AddOfNonParticipant(user.clone())),
        Some(role) if role <= Role::Banned.index() => {
            return Err(PolicyViolation::BannedHasClients(user.clone()));
        }
        Some(_) => {}
    }
    case.check_remaining(user, occupants)
}

#[cfg(test)]
mod tests;
