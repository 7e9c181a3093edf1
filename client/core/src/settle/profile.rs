//! Passing a room's profile on to those who came in: name and topic are content, so that no server
//! can tell them.
//!
//! Whoever adds somebody does so at once. Who comes in alone hears it from a device of the same
//! user or from the first member by leaf order who is there: the others wait a little longer each,
//! and need not once it was said.
//!
//! A newcomer believes only whoever may name the room. Where the author is none of them any more,
//! it is not passed on but signed again, by one of them, however the newcomer came in.

use grove_mls::identity::{RoomProfile, SignedRoomProfile};
use grove_mls::member::Merged;
use grove_wire::uri::{ClientUri, RoomUri};

use super::SettleError;
use crate::client::Client;
use crate::environment::Environment;
use crate::outbox;
use crate::rooms::profile;
use crate::send::blank;
use crate::step::{GroupError, Step};
use crate::store::{ContentKind, Room, RoomState, Store, StoreError};
use crate::transport::Transport;

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

/// Somebody came in and has to hear the profile, from this client if nobody else is faster. Who was
/// in before most likely knows it, and often comes with others: later.
pub(crate) fn expect_profile(
    step: &mut Step<'_>,
    room: &mut Room,
    merged: &Merged,
) -> Result<(), GroupError> {
    let Some(profile) = stored(room) else {
        return Ok(());
    };
    let alone = merged.added.contains(&merged.committer);
    let stands = profile::author(step, &room.uri, &profile)?.is_some();
    let user = step.identity.user.clone();
    let may_sign = step.group(&room.uri, |group, _, _| {
        Ok::<_, GroupError>(profile::may_name(group, &user))
    })?;
    if (stands && !alone) || (!stands && !may_sign) {
        return Ok(());
    }
    let newcomer = alone.then_some(&merged.committer);
    let mut wait = if newcomer.is_some_and(|newcomer| newcomer.user() == user) {
        0
    } else {
        turns_before(step, room, newcomer, stands)?
            .saturating_mul(TURN_MS)
            .min(LONGEST_WAIT_MS)
    };
    if newcomer.is_some_and(|newcomer| merged.removed.contains(newcomer)) {
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

/// How many come before this client by leaf order, of those who can tell a newcomer: all others if
/// the author's word stands, or else who may sign.
fn turns_before(
    step: &mut Step<'_>,
    room: &Room,
    newcomer: Option<&ClientUri>,
    stands: bool,
) -> Result<u64, GroupError> {
    let before = step.group(&room.uri, |group, _, _| {
        let signers = profile::who_may_name(group);
        let can_tell = |client: &ClientUri| {
            Some(client) != newcomer && (stands || signers.contains(&client.user()))
        };
        let other = |leaf: &u32| group.client_at(*leaf).as_ref().is_some_and(can_tell);
        Ok::<_, GroupError>((0..group.own_leaf()).filter(other).count())
    })?;
    Ok(u64::try_from(before).unwrap_or(u64::MAX))
}

fn stored(room: &Room) -> Option<SignedRoomProfile> {
    room.profile
        .as_deref()
        .and_then(|bytes| SignedRoomProfile::decode(bytes).ok())
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
    let Some(profile) = stored(&room) else {
        step.tx.put_room(&room)?;
        return Ok(false);
    };
    if profile::author(step, &room.uri, &profile)?.is_none() {
        let user = step.identity.user.clone();
        let may_sign = step.group(&room.uri, |group, _, _| {
            Ok::<_, GroupError>(profile::may_name(group, &user))
        })?;
        if !may_sign {
            // Nobody would believe it; whoever may sign saw the newcomers too.
            step.tx.put_room(&room)?;
            return Ok(false);
        }
        sign_again(step, &mut room, profile.profile())?;
    }
    let message = blank(step, &room.uri, ContentKind::Profile);
    outbox::enqueue(step, &mut room, message)?;
    Ok(true)
}

/// The author's word stands no more: this client, which may name the room, gives its own.
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
