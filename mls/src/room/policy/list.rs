//! Who may change which component, and whose role.
//!
//! Must not know leaves beyond which of them go.
//!
//! The surprise: striking a user whose last client goes in the same commit needs no role. Taking
//! the client away did.

use std::collections::BTreeSet;

use grove_wire::mimi::room::{capability as can, component};

use super::case::Case;
use crate::room::{PolicyViolation, Role, RoleChange, RoomState};

impl Case<'_> {
    /// Judges the component updates; gives the room's state after them.
    pub(super) fn check_components(
        &self,
        gone: &BTreeSet<u32>,
    ) -> Result<RoomState, PolicyViolation> {
        let mut after = self.committed.clone();
        let mut seen = BTreeSet::new();
        for change in &self.commit.components {
            let update = change
                .update
                .as_deref()
                .ok_or(PolicyViolation::ComponentRemoved(change.id))?;
            if !seen.insert(change.id) {
                return Err(PolicyViolation::ComponentTwice(change.id));
            }
            if seen.contains(&component::ROLES_LIST) && seen.contains(&component::PARTICIPANT_LIST)
            {
                return Err(PolicyViolation::RolesWithParticipants);
            }
            after = after.updated(change.id, update)?;
            if change.id == component::ROLES_LIST
                && (self.is_joiner() || !self.actor_may(can::CAN_CHANGE_ROLE_DEFINITIONS))
            {
                return Err(PolicyViolation::RoleDefinitionsNotAllowed);
            }
        }
        for change in self.committed.participants.changes_to(&after.participants) {
            self.check_role_change(&change, gone)?;
        }
        Ok(after)
    }

    pub(super) fn check_role_change(
        &self,
        change: &RoleChange,
        gone: &BTreeSet<u32>,
    ) -> Result<(), PolicyViolation> {
        let RoleChange { user, from, to } = change;
        if *to == Role::None.index() {
            return self.check_list_removal(change, gone);
        }
        if self.is_joiner() {
            return self.check_open_join(change);
        }
        let roles = &self.committed.roles;
        let listed = roles.may_change(self.actor.role, *from, *to);
        let own = *user == self.actor.user;
        let ranked = if own {
            to < from
        } else {
            *from < self.actor.role
        };
        let allowed = listed && ranked && self.actor_may(capability_for(*from, *to, own));
        match (allowed, *from) {
            (true, _) => Ok(()),
            (false, 0) => Err(PolicyViolation::AddNotAllowed(user.clone())),
            (false, _) => Err(PolicyViolation::RoleChangeNotAllowed(user.clone())),
        }
    }

    /// Whoever commits a user's last client away may strike the user from the list; the removals
    /// were judged before.
    pub(super) fn check_list_removal(
        &self,
        change: &RoleChange,
        gone: &BTreeSet<u32>,
    ) -> Result<(), PolicyViolation> {
        let user = &change.user;
        let mut clients = self
            .tree
            .iter()
            .filter(|(_, occupant)| occupant.user == *user)
            .map(|(leaf, _)| leaf)
            .peekable();
        if clients.peek().is_some() {
            let remains = clients.any(|leaf| !gone.contains(leaf));
            return if remains {
                Err(PolicyViolation::RemovedHasClients(user.clone()))
            } else {
                Ok(())
            };
        }
        if self.is_joiner() {
            return Err(PolicyViolation::JoinerChangesOthers);
        }
        let allowed = self.may_remove(self.actor.role, change.from);
        if allowed {
            Ok(())
        } else {
            Err(PolicyViolation::RemovalNotAllowed(user.clone()))
        }
    }

    /// In an open room a joiner enters itself into the list.
    pub(super) fn check_open_join(&self, change: &RoleChange) -> Result<(), PolicyViolation> {
        if change.user != self.actor.user || change.from != Role::None.index() {
            return Err(PolicyViolation::JoinerChangesOthers);
        }
        let allowed = self
            .committed
            .roles
            .may_change(Role::None.index(), change.from, change.to);
        if allowed {
            Ok(())
        } else {
            Err(PolicyViolation::JoinNotAllowed)
        }
    }
}

/// What it takes to move a user from one role to another.
fn capability_for(from: u32, to: u32, own: bool) -> u16 {
    if own {
        can::CAN_CHANGE_OWN_ROLE
    } else if to == Role::Banned.index() {
        can::CAN_BAN
    } else if from == Role::Banned.index() {
        can::CAN_UN_BAN
    } else if from == Role::None.index() {
        can::CAN_ADD_PARTICIPANT
    } else {
        can::CAN_CHANGE_USER_ROLE
    }
}
