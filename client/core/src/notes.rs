//! Notes among a user's own devices, in the room they share: device lists and keys, whom they know,
//! what was read, what was begun and not sent, what rooms look like from here.
//!
//! A note goes through the ordinary outbox and is no message: nobody is shown it, and its bytes are
//! kept until the hub has taken it. What a note says is verified by whoever takes it; this module
//! must not know how the account room came to be.
//!
//! The surprise: without an account room every note is dropped. There is no other device to tell.

mod greeting;
mod keys;
mod pins;
mod sightings;
mod state;
mod take;

pub use state::{KeepError, MAX_DRAFT_BYTES};

pub(crate) use pins::send as send_pins;
pub(crate) use sightings::{saw_commit, saw_room};
pub(crate) use state::{Due, accepted, new_room};
pub(crate) use take::take;

use grove_mls::content::AccountNote;
use grove_wire::uri::RoomUri;

use crate::devices;
use crate::event::Event;
use crate::outbox::{self, FlushError};
use crate::send::blank;
use crate::step::Step;
use crate::store::{ContentKind, Room, RoomState, StoreError, StoredMessage};
use crate::trust::{self, TrustError};

/// Tells the user's other devices something, as soon as it can be sent.
pub(crate) fn send(step: &mut Step<'_>, note: &AccountNote) -> Result<(), StoreError> {
    let Some(mut room) = account_room(step)? else {
        return Ok(());
    };
    let payload = match note.encode() {
        Ok(payload) => payload,
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(?note, error, "not told to the other devices");
            return Ok(());
        }
    };
    let message = StoredMessage {
        payload: Some(payload),
        ..blank(step, &room.uri, ContentKind::AccountNote)
    };
    outbox::enqueue(step, &mut room, message)?;
    Ok(())
}

/// Whether a room is the one that the user's devices share, which people never see.
pub(crate) fn is_account_room(step: &Step<'_>, room: &RoomUri) -> Result<bool, StoreError> {
    Ok(step.account()?.account_room.as_ref() == Some(room))
}

/// Whether a note may be sealed now: nobody but the user's own devices of the newest list may be
/// there to read it. Asked in the step that seals.
pub(crate) fn check_recipients(step: &mut Step<'_>, room: &RoomUri) -> Result<(), FlushError> {
    let list = devices::own_list(step)?;
    let leaves = step.group(room, |group, _, _| trust::members_of(group))?;
    for leaf in leaves {
        let is_ours = leaf.user == step.identity.user
            && list
                .active()
                .any(|device| device.client == leaf.client && device.signature_key == leaf.key);
        if !is_ours {
            return Err(TrustError::UnknownDevice(leaf.client).into());
        }
    }
    Ok(())
}

/// This device was removed from a room. If that is the one the user's devices share, it is none of
/// them any more.
pub(crate) fn left_room(step: &mut Step<'_>, room: &Room) -> Result<(), StoreError> {
    if is_account_room(step, &room.uri)? && !devices::this_is_revoked(step)? {
        step.tell(Event::ThisDeviceRevoked)?;
    }
    Ok(())
}

fn account_room(step: &Step<'_>) -> Result<Option<Room>, StoreError> {
    let Some(room) = step.account()?.account_room else {
        return Ok(None);
    };
    let gone = |room: &Room| matches!(room.state, RoomState::Left | RoomState::Removed);
    Ok(step.tx.find_room(&room)?.filter(|room| !gone(room)))
}
