//! Passing a room's profile on to those who came in: name and topic are content, so that no server
//! can tell them.
//!
//! Whoever adds somebody does so at once. Who comes in alone hears it from a device of the same
//! user or from the first member by leaf order who is there: the others wait a little longer each,
//! and need not once it was said.

use grove_mls::identity::{RoomProfile, SignedRoomProfile};
use grove_mls::member::Merged;
use grove_wire::uri::RoomUri;

use super::SettleError;
use crate::client::Client;
use crate::environment::Environment;
use crate::send::blank;
use crate::step::{GroupError, Step};
use crate::store::{ContentKind, Room, RoomState, Store, StoreError};
use crate::transport::Transport;
use crate::{outbox, trust};

/// From one member's turn to the next, in milliseconds.
const TURN_MS: u64 = 150;
/// Nobody waits longer, in milliseconds.
const LONGEST_WAIT_MS: u64 = 20_000;
/// After somebody came back, in milliseconds: others may follow.
const BACK_MS: u64 = 2_000;

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Puts the profile into the outbox if newcomers wait for it.
    pub(crate) async fn pass_profile_on(&mut self, room: &RoomUri) -> Result<(), SettleError> {
        let queued = self.transaction(|step| queue(step, room))?;
        if queued {
            self.flush_room(room).await?;
        }
        Ok(())
    }

    /// When the next profile is due here, in milliseconds.
    pub(super) fn next_profile(&self) -> Option<u64> {
        self.memory.profiles_due.values().map(|turn| turn.due).min()
    }
}

/// When this client's turn to pass a profile on comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// When the first of those who wait came in, in milliseconds.
    since: u64,
    /// When it is our turn.
    due: u64,
}

/// Somebody came in by an external commit and has to hear the profile, from this client if nobody
/// else is faster. Who was in before most likely knows it, and often comes with others: later.
pub(crate) fn expect_profile(
    step: &mut Step<'_>,
    room: &mut Room,
    merged: &Merged,
) -> Result<(), GroupError> {
    if room.profile.is_none() {
        return Ok(());
    }
    let newcomer = &merged.committer;
    let mut wait = if newcomer.user() == step.identity.user {
        0
    } else {
        let before = step.group(&room.uri, |group, _, _| {
            let other = |leaf: &u32| group.client_at(*leaf).is_some_and(|one| one != *newcomer);
            Ok::<_, GroupError>((0..group.own_leaf()).filter(other).count())
        })?;
        let before = u64::try_from(before).unwrap_or(u64::MAX);
        before.saturating_mul(TURN_MS).min(LONGEST_WAIT_MS)
    };
    if merged.removed.contains(newcomer) {
        wait = wait.saturating_add(BACK_MS);
    }
    let due = step.now.saturating_add(wait);
    let since = match step.memory.profiles_due.get(&room.uri) {
        Some(waiting) => waiting.since,
        None => step.now,
    };
    let due = due.min(since.saturating_add(LONGEST_WAIT_MS).max(step.now));
    let turn = Turn { since, due };
    step.memory.profiles_due.insert(room.uri.clone(), turn);
    room.profile_due = true;
    Ok(())
}

fn queue(step: &mut Step<'_>, room: &RoomUri) -> Result<bool, GroupError> {
    let known = step.tx.find_room(room)?;
    let Some(mut room) = known.filter(|room| room.profile_due && room.state == RoomState::Joined)
    else {
        step.memory.profiles_due.remove(room);
        return Ok(false);
    };
    let turn = step.memory.profiles_due.get(&room.uri);
    if turn.is_some_and(|turn| step.now < turn.due) {
        return Ok(false);
    }
    step.memory.profiles_due.remove(&room.uri);
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
