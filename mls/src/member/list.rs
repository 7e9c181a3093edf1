//! The one change of the participant list that goes with a commit.
//!
//! Whoever commits a user's last client away strikes the user from the list; that is worked out
//! here, so that no caller can forget it. Must not know how commits are made.

use std::collections::BTreeSet;

use grove_wire::codec;
use grove_wire::mimi::room::component;
use grove_wire::uri::UserUri;
use openmls::component::ComponentData;
use openmls::messages::proposals::AppDataUpdateProposal;

use crate::public::client;
use crate::room::{Leaf, PolicyViolation, Role, RoomState};

/// The one component that commits of ours change.
pub(super) const COMPONENT: u16 = component::PARTICIPANT_LIST;

/// An update of the participant list, and the list after it.
pub(super) struct ListUpdate {
    update: Vec<u8>,
    value: Vec<u8>,
}

impl ListUpdate {
    pub(super) fn update(&self) -> &[u8] {
        &self.update
    }

    pub(super) fn proposal(&self) -> AppDataUpdateProposal {
        AppDataUpdateProposal::update(COMPONENT, self.update.clone())
    }

    pub(super) fn value(self) -> ComponentData {
        ComponentData::from_parts(COMPONENT, self.value.into())
    }
}

/// The update that gives `roles` and strikes whoever has no client left when the leaves in `gone`
/// go and clients of the users in `arriving` come; none when the list stays as it is.
pub(super) fn update(
    state: &RoomState,
    leaves: &[Leaf],
    gone: &BTreeSet<u32>,
    arriving: &[UserUri],
    mut roles: Vec<(UserUri, u32)>,
) -> Result<Option<ListUpdate>, PolicyViolation> {
    let staying: BTreeSet<UserUri> = leaves
        .iter()
        .filter(|leaf| !gone.contains(&leaf.index))
        .filter_map(user_of)
        .collect();
    let going: BTreeSet<UserUri> = leaves
        .iter()
        .filter(|leaf| gone.contains(&leaf.index))
        .filter_map(user_of)
        .collect();
    for user in going {
        let named = roles.iter().any(|(one, _)| *one == user);
        let listed = state.participants.role_of(&user) > Role::Banned.index();
        if !named && listed && !staying.contains(&user) && !arriving.contains(&user) {
            roles.push((user, Role::None.index()));
        }
    }
    if roles.is_empty() {
        return Ok(None);
    }
    let update = codec::encode(&state.participants.update(&roles)?)
        .map_err(|_too_long| PolicyViolation::ComponentMalformed(COMPONENT))?;
    let value = state.apply(COMPONENT, &update)?;
    Ok(Some(ListUpdate { update, value }))
}

/// Whose client a leaf is.
pub(super) fn user_of(leaf: &Leaf) -> Option<UserUri> {
    client(&leaf.facts.identity).map(|client| client.user())
}
