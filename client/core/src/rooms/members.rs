//! Who is in a room, with which devices, and what this client thinks of each.

use std::collections::BTreeMap;

use grove_mls::member::Group;
use grove_mls::room::{Participant, Role};
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use serde::Serialize;

use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::notes;
use crate::step::GroupError;
use crate::store::{Store, StoreError};
use crate::transport::Transport;
use crate::trust::{self, Trust};

/// A participant of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberView {
    /// The user.
    pub user: UserUri,
    /// Their role.
    pub role: String,
    /// Their devices in the room; none if they are only listed.
    pub devices: Vec<ClientUri>,
    /// What this client thinks of their identity.
    pub trust: Trust,
}

/// The members cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct MembersError(#[from] GroupError);

impl From<StoreError> for MembersError {
    fn from(error: StoreError) -> Self {
        Self(error.into())
    }
}

impl Classified for MembersError {
    fn class(&self) -> Class {
        self.0.class()
    }
}

/// A role as people read it.
pub(crate) fn role_name(role: u32) -> String {
    Role::from_index(role).map_or_else(|| format!("role {role}"), |role| role.as_str().to_owned())
}

/// Whether a user has any role in the room.
pub(crate) fn is_listed(group: &Group, user: &UserUri) -> bool {
    group.state().participants.role_of(user) != Role::None.index()
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// The participants of a room, as of the newest entry read.
    ///
    /// # Errors
    /// [`MembersError`].
    pub fn members(&mut self, room: &RoomUri) -> Result<Vec<MemberView>, MembersError> {
        self.transaction(|step| {
            if notes::is_account_room(step, room)? {
                return Err(GroupError::NotAMember.into());
            }
            let (listed, members) = step.group(room, |group, _, _| {
                Ok::<_, GroupError>((
                    group.state().participants.clone(),
                    trust::members_of(group)?,
                ))
            })?;
            let mut devices: BTreeMap<UserUri, Vec<ClientUri>> = BTreeMap::new();
            let mut opinions: BTreeMap<UserUri, Trust> = BTreeMap::new();
            for member in members {
                let trust = trust::judge(step, &member)?.trust();
                let worst = opinions.entry(member.user.clone()).or_insert(trust);
                *worst = (*worst).max(trust);
                devices.entry(member.user).or_default().push(member.client);
            }
            let view = |participant: &Participant| MemberView {
                user: participant.user.clone(),
                role: role_name(participant.role),
                devices: devices.remove(&participant.user).unwrap_or_default(),
                trust: opinions
                    .remove(&participant.user)
                    .unwrap_or(Trust::Unverified),
            };
            Ok(listed.iter().map(view).collect())
        })
    }
}
