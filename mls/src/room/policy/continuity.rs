//! One identity per user, and how it is followed by the next: what a new leaf must show, and what a
//! leaf that was left behind may do still.
//!
//! Must not know what an identity is made of; it is verified when its leaf arrives.
//!
//! The surprise: a new leaf is measured by all leaves of its user before the commit, those that the
//! commit removes among them. So nobody is replaced by taking them away and putting another in
//! their place, whoever does the one and whoever the other; and no older identity comes back by
//! taking the newer one away.

use std::collections::{BTreeMap, BTreeSet};

use grove_wire::mimi::room::component;
use grove_wire::uri::UserUri;

use super::case::{Arrived, Case, Occupant};
use crate::identity::Identity;
use crate::room::continuity::Standing;
use crate::room::{PolicyViolation, Proposer, Role, RoomState};

impl Case<'_> {
    /// The identity that speaks for a user before the commit.
    pub(super) fn top(&self, user: &UserUri) -> Option<&Identity> {
        let leaf = self.tops.get(user)?;
        Some(&self.tree.get(leaf)?.identity)
    }

    /// Whether another leaf of the same user has left this one behind.
    pub(super) fn is_laggard(&self, occupant: &Occupant) -> bool {
        let top = self.top(&occupant.user);
        top.is_some_and(|top| occupant.identity.rank() < top.rank())
    }

    /// Whether laggards of the same user stand beside this leaf, which is none itself.
    pub(super) fn has_laggards_beside(&self, leaf: u32) -> bool {
        let leaf = self.tree.get(&leaf).filter(|one| !self.is_laggard(one));
        let Some(Occupant { user, .. }) = leaf else {
            return false;
        };
        let mut leaves = self.tree.values().filter(|one| one.user == *user);
        leaves.any(|one| self.is_laggard(one))
    }

    /// Whether this is another user's laggard, which would be left alone when those in `gone` go.
    pub(super) fn stays_alone(&self, leaf: u32, gone: &BTreeSet<u32>) -> bool {
        let leaf = self.tree.get(&leaf);
        leaf.is_some_and(|one| {
            one.user != self.actor.user && self.is_laggard(one) && self.loses_top(&one.user, gone)
        })
    }

    /// Whether no leaf of the user that speaks for them stays when those in `gone` go.
    fn loses_top(&self, user: &UserUri, gone: &BTreeSet<u32>) -> bool {
        let mut tops = self
            .tree
            .iter()
            .filter(|(_, one)| one.user == *user && !self.is_laggard(one));
        tops.all(|(leaf, _)| gone.contains(leaf))
    }

    /// A laggard that commits brings its own leaf up to date, and takes up what waits because it
    /// must. Nothing else.
    pub(super) fn check_laggard_committer(
        &self,
        after: &RoomState,
        gone: &BTreeSet<u32>,
        arrived: &Arrived,
    ) -> Result<(), PolicyViolation> {
        let Some(leaf) = self.actor.leaf else {
            return Ok(());
        };
        if !self.is_laggard(self.occupant(leaf)?) {
            return Ok(());
        }
        let removes = &self.commit.removes;
        // Others' laggards that must not stay alone belong to what waits.
        let takes_up_only = self.commit.adds.is_empty()
            && removes
                .iter()
                .all(|one| one.proposer != Proposer::Committer || self.stays_alone(one.leaf, gone))
            && self.changes_list_only()
            && self.strikes_only(after, gone);
        if arrived.updated.is_some() && takes_up_only {
            Ok(())
        } else {
            Err(PolicyViolation::Laggard)
        }
    }

    fn changes_list_only(&self) -> bool {
        let is_list = |id| id == component::PARTICIPANT_LIST;
        self.commit.components.iter().all(|one| is_list(one.id))
    }

    /// Whether the list changes only by users whose last clients go.
    fn strikes_only(&self, after: &RoomState, gone: &BTreeSet<u32>) -> bool {
        let going: BTreeSet<_> = gone
            .iter()
            .filter_map(|leaf| self.tree.get(leaf))
            .map(|occupant| &occupant.user)
            .collect();
        let changes = self.committed.participants.changes_to(&after.participants);
        changes
            .iter()
            .all(|change| change.to == Role::None.index() && going.contains(&change.user))
    }

    /// All new leaves of a user are of one identity, which is the one that spoke for the user
    /// before or comes behind it. Who had no leaf is added by somebody; only where the room is open
    /// to everybody does a user begin by joining.
    pub(super) fn check_arrivals(&self, arrived: &Arrived) -> Result<(), PolicyViolation> {
        let mut new: BTreeMap<&UserUri, &Identity> = BTreeMap::new();
        for leaf in arrived.all(&self.actor) {
            let Occupant { user, identity, .. } = leaf;
            if !new.entry(user).or_insert(identity).is_same(identity) {
                return Err(PolicyViolation::IdentitiesDiffer(user.clone()));
            }
            match self.top(user) {
                Some(top) if identity.follows(top) => {}
                Some(top) if top.follows(identity) => {
                    return Err(PolicyViolation::IdentityOutdated(user.clone()));
                }
                Some(_) => return Err(PolicyViolation::IdentityUnproven(user.clone())),
                None if self.is_joiner() && self.role_of(user) > Role::Banned.index() => {
                    return Err(PolicyViolation::EntersByAdd(user.clone()));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// What stays of a user's leaves: those that spoke for the user do not go while laggards stay.
    pub(super) fn check_remaining(
        &self,
        user: &UserUri,
        occupants: &[&Occupant],
    ) -> Result<(), PolicyViolation> {
        let standing = Standing::of(occupants.iter().map(|one| &one.identity));
        let Some(standing) = standing else {
            return Ok(());
        };
        let top = self.top(user);
        if top.is_some_and(|before| standing.top.rank() < before.rank()) {
            return Err(PolicyViolation::LaggardsRemain(user.clone()));
        }
        if standing.is_within_limit() {
            Ok(())
        } else {
            Err(PolicyViolation::TooManyClients(user.clone()))
        }
    }
}
