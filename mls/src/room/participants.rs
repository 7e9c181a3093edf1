//! Who is in a room, with which role: the participant list of the `GroupContext`, and how an update
//! changes it.
//!
//! Knows the draft's order of changes; must not know who may make them.
//!
//! The surprise: an update names participants by their place in the list as it was before, even in
//! its removals.
//!
//! Source: draft-ietf-mimi-protocol-06, participant list component (0x0022).

use std::collections::{BTreeMap, BTreeSet};

use grove_wire::limits::MAX_PARTICIPANTS_INLINE;
use grove_wire::mimi::room::{
    ParticipantListData, ParticipantListUpdate, UserIndexRolePair, UserRolePair,
};
use grove_wire::uri::UserUri;

use super::roles::Role;

/// Why a participant list or an update of it is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParticipantsError {
    /// An index beyond the list.
    #[error("there is no participant {0}")]
    Index(u32),
    /// A role that does not exist, or role 0 for somebody who is listed.
    #[error("there is no role {0} for a participant")]
    Role(u32),
    /// More than [`MAX_PARTICIPANTS_INLINE`].
    #[error("more than {MAX_PARTICIPANTS_INLINE} participants")]
    TooMany,
    /// One user in two changes, or twice in the list.
    #[error("{0} appears twice")]
    Twice(UserUri),
    /// An update that changes nothing for a user it names.
    #[error("nothing changes for {0}")]
    Unchanged(UserUri),
}

/// A user in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub user: UserUri,
    /// Index of the role, from 1.
    pub role: u32,
}

/// What becomes of one user. Role 0 stands for not being listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleChange {
    /// Who.
    pub user: UserUri,
    /// The role before.
    pub from: u32,
    /// The role after.
    pub to: u32,
}

/// The participants in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participants(Vec<Participant>);

impl Participants {
    /// The list of a new room.
    pub fn created_by(creator: &UserUri) -> Self {
        Self(vec![Participant {
            user: creator.clone(),
            role: Role::Owner.index(),
        }])
    }

    /// Reads a component's value.
    ///
    /// # Errors
    /// [`ParticipantsError::Role`], [`ParticipantsError::TooMany`], [`ParticipantsError::Twice`].
    pub fn from_data(data: ParticipantListData) -> Result<Self, ParticipantsError> {
        let list = data
            .participants
            .into_iter()
            .map(|pair| Participant {
                user: pair.user,
                role: pair.role_index,
            })
            .collect();
        Self::checked(list)
    }

    /// The component's value.
    pub fn to_data(&self) -> ParticipantListData {
        let pair = |one: &Participant| UserRolePair {
            user: one.user.clone(),
            role_index: one.role,
        };
        ParticipantListData {
            participants: self.0.iter().map(pair).collect(),
        }
    }

    /// The list after an update: role changes, then removals, then additions.
    ///
    /// # Errors
    /// [`ParticipantsError`].
    pub fn apply(&self, update: &ParticipantListUpdate) -> Result<Self, ParticipantsError> {
        let mut touched = BTreeSet::new();
        let mut list = self.0.clone();
        for change in &update.changed_role_participants {
            let participant = list
                .get_mut(place(change.user_index))
                .ok_or(ParticipantsError::Index(change.user_index))?;
            if !touched.insert(participant.user.clone()) {
                return Err(ParticipantsError::Twice(participant.user.clone()));
            }
            if participant.role == change.role_index {
                return Err(ParticipantsError::Unchanged(participant.user.clone()));
            }
            participant.role = change.role_index;
        }
        let mut removed = BTreeSet::new();
        for index in &update.removed_indices {
            let participant = self
                .0
                .get(place(*index))
                .ok_or(ParticipantsError::Index(*index))?;
            if !touched.insert(participant.user.clone()) {
                return Err(ParticipantsError::Twice(participant.user.clone()));
            }
            removed.insert(place(*index));
        }
        let kept = list
            .into_iter()
            .enumerate()
            .filter(|(place, _)| !removed.contains(place));
        let mut list: Vec<Participant> = kept.map(|(_, participant)| participant).collect();
        for pair in &update.added_participants {
            if !touched.insert(pair.user.clone()) {
                return Err(ParticipantsError::Twice(pair.user.clone()));
            }
            list.push(Participant {
                user: pair.user.clone(),
                role: pair.role_index,
            });
        }
        Self::checked(list)
    }

    /// The update that gives these users these roles; role 0 removes.
    ///
    /// # Errors
    /// [`ParticipantsError::Twice`], and [`ParticipantsError::Unchanged`] for a user who has that
    /// role, or none to lose.
    pub fn update(
        &self,
        wanted: &[(UserUri, u32)],
    ) -> Result<ParticipantListUpdate, ParticipantsError> {
        let mut update = ParticipantListUpdate::default();
        let mut seen = BTreeSet::new();
        for (user, role) in wanted {
            if !seen.insert(user) {
                return Err(ParticipantsError::Twice(user.clone()));
            }
            let place = self
                .0
                .iter()
                .position(|participant| participant.user == *user);
            let index = place.and_then(|place| u32::try_from(place).ok());
            match (index, *role) {
                (None, 0) => return Err(ParticipantsError::Unchanged(user.clone())),
                (Some(_), role) if role == self.role_of(user) => {
                    return Err(ParticipantsError::Unchanged(user.clone()));
                }
                (None, role_index) => update.added_participants.push(UserRolePair {
                    user: user.clone(),
                    role_index,
                }),
                (Some(index), 0) => update.removed_indices.push(index),
                (Some(user_index), role_index) => {
                    update.changed_role_participants.push(UserIndexRolePair {
                        user_index,
                        role_index,
                    });
                }
            }
        }
        update
            .changed_role_participants
            .sort_by_key(|change| change.user_index);
        update.removed_indices.sort_unstable();
        Ok(update)
    }

    /// What became of whom between this list and a later one.
    pub fn changes_to(&self, after: &Self) -> Vec<RoleChange> {
        let before: BTreeMap<&UserUri, u32> =
            self.iter().map(|one| (&one.user, one.role)).collect();
        let now: BTreeMap<&UserUri, u32> = after.iter().map(|one| (&one.user, one.role)).collect();
        let role = |roles: &BTreeMap<&UserUri, u32>, user| {
            roles.get(user).copied().unwrap_or(Role::None.index())
        };
        let users: BTreeSet<&UserUri> = before.keys().chain(now.keys()).copied().collect();
        users
            .into_iter()
            .map(|user| RoleChange {
                user: user.clone(),
                from: role(&before, user),
                to: role(&now, user),
            })
            .filter(|change| change.from != change.to)
            .collect()
    }

    /// A user's role: 0 when not listed. Looks through the list; take a map for many.
    pub fn role_of(&self, user: &UserUri) -> u32 {
        self.0
            .iter()
            .find(|participant| participant.user == *user)
            .map_or(Role::None.index(), |participant| participant.role)
    }

    /// All of them, in the order of the list.
    pub fn iter(&self) -> std::slice::Iter<'_, Participant> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn checked(list: Vec<Participant>) -> Result<Self, ParticipantsError> {
        if list.len() > MAX_PARTICIPANTS_INLINE {
            return Err(ParticipantsError::TooMany);
        }
        let mut users = BTreeSet::new();
        for participant in &list {
            if participant.role == Role::None.index()
                || Role::from_index(participant.role).is_none()
            {
                return Err(ParticipantsError::Role(participant.role));
            }
            if !users.insert(&participant.user) {
                return Err(ParticipantsError::Twice(participant.user.clone()));
            }
        }
        Ok(Self(list))
    }
}

impl<'a> IntoIterator for &'a Participants {
    type Item = &'a Participant;
    type IntoIter = std::slice::Iter<'a, Participant>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// An index of the wire as a place in memory. On a machine where it does not fit there is no such
/// place.
fn place(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
