//! Signs that keys were used twice: by a copy of a device, by a database that was put back to an
//! older state, or only seemingly, by a hub that repeats or alters what was said.
//!
//! Must not know how a room is joined anew; that is `receive::loss`.
//!
//! The surprise: the looks of a message of this device can be forged, by the hub, which turns a bit
//! of a true one, and by every member. So they prove nothing, and cost a healthy device no more
//! than one commit in an epoch, when it has something to say.

use crate::event::{Event, WarningKind};
use crate::step::Step;
use crate::store::{OutgoingKind, Room, StoreError};

/// Something came that was sealed with keys that were used before. Who did it nobody can tell: it
/// is told once in an epoch, and nobody is named.
pub(super) fn repeated(step: &mut Step<'_>, room: &Room) -> Result<(), StoreError> {
    if step.memory.repeated.insert(room.uri.clone(), room.epoch) == Some(room.epoch) {
        return Ok(());
    }
    step.tell(Event::Warning {
        room: Some(room.uri.clone()),
        kind: WarningKind::Clone,
        text: "a message was sealed with keys that were used before: a copy of somebody's device \
               may be in use, or the server repeats what was said"
            .to_owned(),
    })
}

/// A message came that looks like one of this device, which knows nothing of it. Its keys for the
/// present epoch may have been used, and so may its counters: it takes new ones of both before it
/// says anything.
pub(super) fn said_elsewhere(step: &mut Step<'_>, room: &mut Room) -> Result<(), StoreError> {
    if room.keys_in_doubt {
        return Ok(());
    }
    room.keys_in_doubt = true;
    count_anew(step, room)?;
    step.tell(Event::Warning {
        room: Some(room.uri.clone()),
        kind: WarningKind::Clone,
        text: "messages came that look like this device's own, and it has no record of them: it may \
               have been put back to an older state, or a copy of it may be in use; it takes new keys \
               before it writes here again"
            .to_owned(),
    })
}

/// Counts on from the time, which no device reaches by counting. What waits and was never sealed
/// here is counted anew.
pub(super) fn count_anew(step: &mut Step<'_>, room: &mut Room) -> Result<(), StoreError> {
    room.counter = room.counter.max(step.now);
    for outgoing in step.tx.list_outgoing(&room.uri)? {
        let OutgoingKind::Application { message } = outgoing.kind else {
            continue;
        };
        if outgoing.bytes.is_none()
            && let Some(mut message) = step.tx.find_message(message)?
        {
            message.counter = room.counter;
            room.counter = room.counter.saturating_add(1);
            step.tx.put_message(&message)?;
        }
    }
    Ok(())
}
