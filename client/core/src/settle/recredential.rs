//! Making the user's leaves in each room what the newest device list says: leaves of devices that
//! were taken off go, and the own leaf takes the newest identity.
//!
//! The devices of one user hear of a new list at the same time. Before its first commit each waits
//! a random moment; whoever loses a race makes its commit anew, from what is left to do.
//!
//! The surprise: whether anything is due is asked of the groups each time. Nothing is remembered
//! that a crash could lose; what is kept in memory only spares looking twice at one epoch.

use std::time::Duration;

use grove_wire::uri::RoomUri;

use super::SettleError;
use crate::client::Client;
use crate::devices::{self, Unwanted};
use crate::environment::{Environment, jitter};
use crate::rooms::CommitError;
use crate::step::{GroupError, Step};
use crate::store::{RoomState, Store, StoreError};
use crate::transport::Transport;

/// The longest wait before the first of several commits.
const LONGEST_WAIT: Duration = Duration::from_millis(1500);
/// A room in which it failed is left alone for so long, in milliseconds.
const AGAIN_MS: u64 = 5 * 60 * 1000;
/// Commits in one room: the own leaf first if it is a laggard, then the others, and once more if
/// somebody was faster in between.
const COMMITS: usize = 3;

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Tends all rooms at once, because of something this device began: the room of the user's own
    /// devices first, where the others are told.
    pub(crate) async fn tend_all_rooms(&mut self) -> Result<(), SettleError> {
        let rooms = self.transaction(rooms_with_duty)?;
        let account_room = self.transaction(|step| step.account())?.account_room;
        if let Some(room) = account_room {
            let tended = self.tend_room(&room).await;
            self.pass_over(tended, Some(&room)).await?;
            let told = self.flush_room(&room).await;
            self.pass_over(told, Some(&room)).await?;
        }
        let filled = self.look_after_key_packages().await;
        self.pass_over(filled, None).await?;
        for room in rooms {
            let tended = self.tend_room(&room).await;
            self.pass_over(tended, Some(&room)).await?;
        }
        Ok(())
    }

    /// Tends the rooms where something is due, because of what another device began.
    pub(super) async fn tend_due_rooms(&mut self) -> Result<(), SettleError> {
        let rooms = self.transaction(rooms_with_duty)?;
        if rooms.is_empty() {
            return Ok(());
        }
        let wait = jitter(&self.environment, LONGEST_WAIT);
        self.environment.sleep(wait).await;
        for room in rooms {
            let tended = self.tend_room(&room).await;
            self.pass_over(tended, Some(&room)).await?;
        }
        Ok(())
    }

    async fn tend_room(&mut self, room: &RoomUri) -> Result<(), SettleError> {
        let tended = self.tend_own_leaves(room).await;
        if tended.is_err() {
            let again = self.environment.now().saturating_add(AGAIN_MS);
            self.memory.tend_again.insert(room.clone(), again);
        }
        Ok(tended?)
    }

    /// Does now what is due in a room; also before anything is sent to it.
    pub(crate) async fn tend_own_leaves(&mut self, room: &RoomUri) -> Result<(), CommitError> {
        for _ in 0..COMMITS {
            if !self.transaction(|step| has_duty(step, room))? {
                break;
            }
            let list = self.transaction(|step| devices::own_list(step))?;
            self.commit(room, |group, storage, identity| {
                match devices::duty(group, identity, &list) {
                    Ok(Unwanted::Others(clients)) => group
                        .remove_clients(storage, &identity.device, &clients)
                        .map(Some),
                    Ok(Unwanted::OwnKey) => group.self_update(storage, &identity.device).map(Some),
                    Ok(Unwanted::Nothing) | Err(_) => Ok(None),
                }
            })
            .await?;
        }
        Ok(())
    }
}

/// Rooms where something is due and did not fail a moment ago; the one of the user's own devices
/// comes first.
fn rooms_with_duty(step: &mut Step<'_>) -> Result<Vec<RoomUri>, StoreError> {
    let account_room = step.account()?.account_room;
    let mut rooms = Vec::new();
    if !is_ever_due(step)? {
        return Ok(rooms);
    }
    for room in step.tx.list_rooms()? {
        let later = step.memory.tend_again.get(&room.uri);
        if later.is_some_and(|again| step.now < *again) || !has_duty(step, &room.uri)? {
            continue;
        }
        if account_room.as_ref() == Some(&room.uri) {
            rooms.insert(0, room.uri);
        } else {
            rooms.push(room.uri);
        }
    }
    Ok(rooms)
}

/// Who never renewed the identity nor took a device off need not look into any room.
fn is_ever_due(step: &Step<'_>) -> Result<bool, StoreError> {
    let list = devices::own_list(step)?;
    let revoked = list.list().devices.iter().any(|one| one.revoked.is_some());
    Ok(revoked || !list.list().identity.is_first())
}

fn has_duty(step: &mut Step<'_>, room: &RoomUri) -> Result<bool, StoreError> {
    if !is_ever_due(step)? {
        return Ok(false);
    }
    let known = step.tx.find_room(room)?;
    let Some(known) = known.filter(|room| room.state == RoomState::Joined && room.lost.is_none())
    else {
        return Ok(false);
    };
    let list = devices::own_list(step)?;
    let state = (known.epoch, list.list().version, step.identity.uik.public());
    if step.memory.tended.get(room) == Some(&state) {
        return Ok(false);
    }
    let duty = step.group(room, |group, _, identity| {
        devices::duty(group, identity, &list)
    });
    let nothing = match duty {
        Ok(duty) => matches!(duty, Unwanted::Nothing),
        // A room whose keys are gone is joined anew, which renews the leaf.
        Err(GroupError::NotAMember | GroupError::Unusable(_)) => return Ok(false),
        Err(GroupError::Store(error)) => return Err(error),
    };
    if nothing {
        step.memory.tended.insert(room.clone(), state);
    }
    Ok(!nothing)
}
