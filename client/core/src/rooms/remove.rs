//! Removing users from a room: all their devices, and their place in the list.

use grove_wire::uri::{RoomUri, UserUri};

use super::commit::CommitError;
use super::members::is_listed;
use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::step::GroupError;
use crate::store::{Store, StoreError};
use crate::transport::Transport;

/// Users could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The user is not in the room.
    #[error("{} is not in this room", .0.address())]
    NotAParticipant(UserUri),
    /// Oneself is not removed; one leaves.
    #[error("you cannot remove yourself; leave the room instead")]
    Yourself,
}

impl Classified for RemoveError {
    fn class(&self) -> Class {
        match self {
            Self::Commit(error) => error.class(),
            Self::NotAParticipant(_) | Self::Yourself => Class::Unknown,
        }
    }
}

impl From<GroupError> for RemoveError {
    fn from(error: GroupError) -> Self {
        Self::Commit(error.into())
    }
}

impl From<StoreError> for RemoveError {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Removes users, with all their devices, in one commit.
    ///
    /// # Errors
    /// [`RemoveError`].
    pub async fn remove(&mut self, room: &RoomUri, users: &[UserUri]) -> Result<(), RemoveError> {
        if users.contains(&self.identity.user) {
            return Err(RemoveError::Yourself);
        }
        self.catch_up_if_member(room)
            .await
            .map_err(CommitError::from)?;
        self.transaction(|step| {
            step.group(room, |group, _, _| {
                match users.iter().find(|user| !is_listed(group, user)) {
                    Some(stranger) => Err(RemoveError::NotAParticipant(stranger.clone())),
                    None => Ok(()),
                }
            })
        })?;
        self.commit(room, |group, storage, identity| {
            let present: Vec<UserUri> = users
                .iter()
                .filter(|user| is_listed(group, user))
                .cloned()
                .collect();
            if present.is_empty() {
                return Ok(None);
            }
            group
                .remove_users(storage, &identity.device, &present)
                .map(Some)
        })
        .await?;
        Ok(())
    }
}
