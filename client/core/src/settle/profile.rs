//! Passing a room's profile on to those whom this client added: name and topic are content, so that
//! nobody else can tell them.

use grove_mls::identity::{RoomProfile, SignedRoomProfile};
use grove_wire::uri::RoomUri;

use super::SettleError;
use crate::client::Client;
use crate::environment::Environment;
use crate::outbox;
use crate::send::blank;
use crate::step::{GroupError, Step};
use crate::store::{ContentKind, Room, RoomState, Store, StoreError};
use crate::transport::Transport;
use crate::trust;

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Puts the profile into the outbox if newcomers wait for it.
    pub(crate) async fn pass_profile_on(&mut self, room: &RoomUri) -> Result<(), SettleError> {
        let queued = self.transaction(|step| queue(step, room))?;
        if queued {
            self.flush_room(room).await?;
        }
        Ok(())
    }
}

fn queue(step: &mut Step<'_>, room: &RoomUri) -> Result<bool, GroupError> {
    let known = step.tx.find_room(room)?;
    let Some(mut room) = known.filter(|room| room.profile_due && room.state == RoomState::Joined)
    else {
        return Ok(false);
    };
    room.profile_due = false;
    let profile = room
        .profile
        .as_deref()
        .and_then(|bytes| SignedRoomProfile::decode(bytes).ok());
    let Some(profile) = profile else {
        step.tx.put_room(&room)?;
        return Ok(false);
    };
    let author = &profile.profile().author;
    let members = step.group(&room.uri, |group, _, _| trust::members_of(group))?;
    if !members.iter().any(|member| member.client == *author) {
        sign_again(step, &mut room, profile.profile())?;
    }
    let message = blank(step, &room.uri, ContentKind::Profile);
    outbox::enqueue(step, &mut room, message)?;
    Ok(true)
}

/// The author has left, so that newcomers cannot check the signature: this client takes over.
fn sign_again(step: &mut Step<'_>, room: &mut Room, old: &RoomProfile) -> Result<(), StoreError> {
    let profile = RoomProfile {
        version: old.version.saturating_add(1),
        time: step.now,
        author: step.identity.client.clone(),
        ..old.clone()
    };
    room.profile_version = profile.version;
    let signed = SignedRoomProfile::sign(&step.identity.device.key, profile)
        .map_err(|error| StoreError::Damaged(error.to_string()))?;
    room.profile = Some(signed.as_bytes().to_vec());
    Ok(())
}
