//! What the user's devices see of a room, compared: all members of an epoch share one
//! authenticator, so that two devices with different ones are in two rooms that claim to be one.
//!
//! What this device sees itself is kept in the same place as what others tell, so that either may
//! come first.
//!
//! The surprise: a difference stops sending at once, although no signature proves it. It is our own
//! device that says so, not somebody who may want to silence us.

use grove_mls::content::{AccountNote, RoomSighting};
use grove_mls::member::Merged;
use grove_wire::limits::MAX_ACCOUNT_NOTE_BYTES;
use grove_wire::uri::{ClientUri, RoomUri};
use sha2::{Digest as _, Sha256};

use super::{greeting, is_account_room, state};
use crate::event::{Event, WarningKind};
use crate::step::{GroupError, Step};
use crate::store::{BEYOND, Room, RoomState, Sighting, Stop, StoreError};
use crate::{devices, trust};

/// A device that has to speak after others waits so long for each of them, in milliseconds.
const TURN_MS: u64 = 30_000;
/// A sibling may be ahead of this device by so many epochs.
const MAX_AHEAD: u64 = 1 << 16;
/// What a sighting takes in a note, beyond the room's URI, rounded up.
const SIGHTING_BYTES: usize = 96;

/// A commit was read: what the room is now is compared, and told if a device of ours came in by it.
pub(crate) fn saw_commit(
    step: &mut Step<'_>,
    room: &mut Room,
    merged: &Merged,
) -> Result<(), GroupError> {
    if !devices::has_siblings(step)? {
        return Ok(());
    }
    saw_room(step, room)?;
    let user = step.identity.user.clone();
    let newcomers: Vec<ClientUri> = merged
        .added
        .iter()
        .filter(|client| client.user() == user && **client != step.identity.client)
        .cloned()
        .collect();
    if newcomers.is_empty() {
        return Ok(());
    }
    let others = step.group(&room.uri, |group, _, _| trust::members_of(group))?;
    let turn = others
        .iter()
        .filter(|leaf| leaf.user == user && !newcomers.contains(&leaf.client))
        .position(|leaf| leaf.client == step.identity.client)
        .unwrap_or_default();
    let turn = u64::try_from(turn).unwrap_or(u64::MAX);
    let at = step.now.saturating_add(TURN_MS.saturating_mul(turn));
    let due = &mut step.memory.notes_due;
    due.sightings.insert(room.uri.clone(), (merged.epoch, at));
    if is_account_room(step, &room.uri)? {
        greeting::expect(step, at)?;
    }
    Ok(())
}

/// Keeps what this device sees of a room, and compares it with what others saw.
pub(crate) fn saw_room(step: &mut Step<'_>, room: &mut Room) -> Result<(), GroupError> {
    if !devices::has_siblings(step)? {
        return Ok(());
    }
    let Some(seen) = look(step, room)? else {
        return Ok(());
    };
    Ok(compare(step, room, &seen)?)
}

/// Takes what a sibling sees; `account` is the room it told us in.
pub(super) fn take(
    step: &mut Step<'_>,
    account: &Room,
    seen: Vec<RoomSighting>,
) -> Result<(), StoreError> {
    for sighting in seen {
        let due = &mut step.memory.notes_due.sightings;
        // Somebody else has said it.
        if due
            .get(&sighting.room)
            .is_some_and(|(epoch, _)| *epoch <= sighting.epoch)
        {
            due.remove(&sighting.room);
        }
        let seen = Sighting {
            epoch: sighting.epoch,
            seq: sighting.seq,
            head: sighting.head,
            authenticator: sighting.authenticator,
        };
        if sighting.room == account.uri {
            continue;
        }
        match step.tx.find_room(&sighting.room)? {
            // Who is in other hands could plant states of epochs to come, one for each.
            Some(room) if seen.epoch > room.epoch.saturating_add(MAX_AHEAD) => {}
            Some(mut room) => compare(step, &mut room, &seen)?,
            // A room that this device joins later.
            None if seen.epoch >= BEYOND => {}
            None => step.tx.put_sighting(&sighting.room, &seen)?,
        }
    }
    Ok(())
}

fn compare(step: &mut Step<'_>, room: &mut Room, seen: &Sighting) -> Result<(), StoreError> {
    let known = step.tx.list_sightings(&room.uri)?;
    let other = known.iter().find(|known| known.epoch == seen.epoch);
    match other {
        Some(other) if other.authenticator == seen.authenticator => Ok(()),
        Some(_) if matches!(room.stop, Some(Stop::Fork { .. } | Stop::Sibling)) => Ok(()),
        Some(_) => {
            room.stop = Some(Stop::Sibling);
            step.tx.put_room(room)?;
            step.tell(Event::Warning {
                room: Some(room.uri.clone()),
                kind: WarningKind::Fork,
                text: "another device of yours sees another state of this room; nothing more is \
                       sent to it"
                    .to_owned(),
            })
        }
        None => step.tx.put_sighting(&room.uri, seen),
    }
}

/// What this device sees of a room now; none while the hash chain has not begun.
fn look(step: &mut Step<'_>, room: &Room) -> Result<Option<Sighting>, GroupError> {
    let Some(head) = room.head else {
        return Ok(None);
    };
    let looked = step.group(&room.uri, |group, _, _| {
        Ok::<_, GroupError>((group.epoch(), Sha256::digest(group.epoch_authenticator())))
    });
    let (epoch, authenticator) = match looked {
        Ok(seen) => seen,
        Err(GroupError::Store(error)) => return Err(error.into()),
        Err(GroupError::NotAMember | GroupError::Unusable(_)) => return Ok(None),
    };
    Ok(Some(Sighting {
        epoch,
        seq: room.seq,
        head,
        authenticator: authenticator.into(),
    }))
}

/// Tells the other devices what this one sees of rooms.
fn note_sightings(step: &mut Step<'_>, rooms: &[RoomUri]) -> Result<(), GroupError> {
    let mut note = Vec::new();
    let mut bytes = 0;
    for room in step.tx.list_rooms()? {
        if !rooms.contains(&room.uri)
            || room.state != RoomState::Joined
            || is_account_room(step, &room.uri)?
        {
            continue;
        }
        let Some(seen) = look(step, &room)? else {
            continue;
        };
        let seen = RoomSighting {
            room: room.uri,
            epoch: seen.epoch,
            seq: seen.seq,
            head: seen.head,
            authenticator: seen.authenticator,
        };
        let size = seen.room.as_str().len() + SIGHTING_BYTES;
        if bytes + size > MAX_ACCOUNT_NOTE_BYTES {
            let full = std::mem::take(&mut note);
            super::send(step, &AccountNote::Sightings(full))?;
            bytes = 0;
        }
        bytes += size;
        note.push(seen);
    }
    if !note.is_empty() {
        super::send(step, &AccountNote::Sightings(note))?;
    }
    Ok(())
}

/// Tells what this device's turn has come to tell.
pub(super) fn send_due(step: &mut Step<'_>) -> Result<(), GroupError> {
    let now = step.now;
    let due = &mut step.memory.notes_due.sightings;
    let rooms: Vec<RoomUri> = due
        .iter()
        .filter(|(_, (_, at))| now >= *at)
        .map(|(room, _)| room.clone())
        .collect();
    if rooms.is_empty() {
        return Ok(());
    }
    due.retain(|room, _| !rooms.contains(room));
    note_sightings(step, &rooms)?;
    Ok(state::greet(step, &rooms)?)
}
