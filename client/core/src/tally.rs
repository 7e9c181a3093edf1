//! How many messages of each device the hub has accepted in a room, as far as this client knows:
//! what is missing shows by it.
//!
//! Each message says how many of its device were accepted before it. A message that was begun and
//! refused is none of them, so a gap means that something was accepted and did not come here.
//!
//! The surprise: numbers that go back are no gap. A device that was put back to an older state
//! counts from there, and what it said before was read.

use grove_mls::room::validation::ValidLeaf;
use grove_wire::uri::RoomUri;

use crate::event::Event;
use crate::step::Step;
use crate::store::StoreError;

/// How many messages of this device were accepted.
pub(crate) fn own(step: &Step<'_>, room: &RoomUri) -> Result<u64, StoreError> {
    let found = step.tx.find_tally(room, &step.identity.client)?;
    Ok(found.unwrap_or_default())
}

/// One more was accepted.
pub(crate) fn add_own(step: &mut Step<'_>, room: &RoomUri) -> Result<(), StoreError> {
    let sent = own(step, room)?.saturating_add(1);
    step.tx.put_tally(room, &step.identity.client, sent)
}

/// A message of a device came, `sent` of which were accepted before, at `time` of the hub. What was
/// said before the first one that came is not missed.
pub(crate) fn take(
    step: &mut Step<'_>,
    room: &RoomUri,
    sender: &ValidLeaf,
    sent: u64,
    time: u64,
) -> Result<(), StoreError> {
    let known = step.tx.find_tally(room, &sender.client)?.unwrap_or(sent);
    let next = sent.saturating_add(1).max(known);
    step.tx.put_tally(room, &sender.client, next)?;
    let count = sent.saturating_sub(known);
    if count == 0 {
        return Ok(());
    }
    step.tell(Event::Missing {
        room: room.clone(),
        user: sender.user.clone(),
        count,
        before_ms: time,
    })
}

/// This client comes into a room, or has lost it: it has not read what was said meanwhile, and that
/// is not missing. Its own count goes on.
pub(crate) fn forget(step: &mut Step<'_>, room: &RoomUri) -> Result<(), StoreError> {
    step.tx.remove_tallies(room, &step.identity.client)
}
