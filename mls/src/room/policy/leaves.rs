//! Who may take which leaf out of the tree, and put which in.
//!
//! Must not know the participant list after the commit.
//!
//! The surprise: by value the committer answers for a removal, by reference whoever proposed it.

use std::collections::BTreeSet;

use grove_wire::mimi::room::capability as can;

use super::case::{Arrived, Case, Occupant};
use crate::room::{PolicyViolation, Proposer, Removal, Role};

impl Case<'_> {
    /// Judges every removal; gives the leaves that go.
    pub(super) fn check_removals(&self) -> Result<BTreeSet<u32>, PolicyViolation> {
        let removed = self.commit.removes.iter().map(|one| one.leaf);
        let gone: BTreeSet<u32> = removed
            .chain(self.commit.self_removes.iter().copied())
            .collect();
        for removal in &self.commit.removes {
            self.check_removal(*removal, &gone)?;
        }
        for leaf in &self.commit.self_removes {
            self.occupant(*leaf)?;
        }
        if self.actor.leaf.is_some_and(|leaf| gone.contains(&leaf)) {
            return Err(PolicyViolation::CommitterRemoved);
        }
        Ok(gone)
    }

    fn check_removal(&self, removal: Removal, gone: &BTreeSet<u32>) -> Result<(), PolicyViolation> {
        let leaving = self.occupant(removal.leaf)?;
        let target = &leaving.user;
        let proposer = match removal.proposer {
            Proposer::External(0) => return Ok(()),
            Proposer::External(other) => return Err(PolicyViolation::ForeignExternalSender(other)),
            Proposer::Member(leaf) => {
                let proposer = self.occupant(leaf)?;
                if self.is_laggard(proposer) {
                    return Err(PolicyViolation::Laggard);
                }
                &proposer.user
            }
            Proposer::Committer if self.is_joiner() && *target != self.actor.user => {
                return Err(PolicyViolation::JoinerRemovesOthers);
            }
            Proposer::Committer => &self.actor.user,
        };
        let role = self.role_of(proposer);
        let allowed = if proposer == target {
            // A user's newest identity clears away what it has left behind, in any role.
            self.is_laggard(leaving) || self.committed.roles.may(role, can::CAN_REMOVE_OWN_CLIENT)
        } else {
            // Laggards must not stay alone, so whoever takes up that the others go takes them too.
            self.may_remove(role, self.role_of(target)) || self.stays_alone(removal.leaf, gone)
        };
        if allowed {
            Ok(())
        } else {
            Err(PolicyViolation::RemovalNotAllowed(target.clone()))
        }
    }

    /// Whether `role` may take away somebody of role `target`, which must rank below it.
    pub(super) fn may_remove(&self, role: u32, target: u32) -> bool {
        let roles = &self.committed.roles;
        target < role
            && roles.may(role, can::CAN_REMOVE_PARTICIPANT)
            && roles.may_change(role, target, Role::None.index())
    }

    /// Judges every leaf the commit brings, by itself and by who may bring it.
    pub(super) fn check_new_leaves(&self) -> Result<Arrived, PolicyViolation> {
        if self.is_joiner() && !self.commit.adds.is_empty() {
            return Err(PolicyViolation::AddByJoiner);
        }
        let mut added = Vec::new();
        for facts in &self.commit.adds {
            let occupant = Occupant::arriving(facts)?;
            let needed = if occupant.user == self.actor.user {
                can::CAN_ADD_OWN_CLIENT
            } else {
                can::CAN_ADD_PARTICIPANT
            };
            if !self.actor_may(needed) {
                return Err(PolicyViolation::AddNotAllowed(occupant.user));
            }
            added.push(occupant);
        }
        let Some(leaf) = self.actor.leaf else {
            return Ok(Arrived {
                added,
                updated: None,
            });
        };
        let Some(facts) = &self.commit.updated_leaf else {
            return Ok(Arrived {
                added,
                updated: None,
            });
        };
        let updated = Occupant::arriving(facts)?;
        let before = self.occupant(leaf)?;
        if updated.client != before.client || updated.key != before.key {
            return Err(PolicyViolation::ChangedClient);
        }
        Ok(Arrived {
            added,
            updated: Some(updated),
        })
    }
}
