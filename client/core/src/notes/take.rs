//! Taking a note of another device: who may tell us something, and what becomes of it.
//!
//! The surprise: a note is never an error. What does not hold is passed over; the device that sent
//! it may be an old version, or no longer ours.

use grove_mls::content::AccountNote;
use grove_mls::room::validation::ValidLeaf;

use super::{is_account_room, keys, pins, sightings, state};
use crate::step::{GroupError, Step};
use crate::store::Room;
use crate::trust::{self, Trust};

/// Takes a note that `sender` sent in `room`, at the entry that it stands at.
pub(crate) fn take(
    step: &mut Step<'_>,
    room: &Room,
    sender: &ValidLeaf,
    note: AccountNote,
) -> Result<(), GroupError> {
    let from_sibling = sender.user == step.identity.user && sender.client != step.identity.client;
    if !from_sibling || !is_account_room(step, &room.uri)? {
        return Ok(());
    }
    // The one note that explains itself: its sender has the new key, which we do not know yet.
    if let AccountNote::NewUik { seed, list } = &note {
        return Ok(keys::take(step, sender, seed, list)?);
    }
    if trust::judge(step, sender)?.trust() > Trust::Stale {
        return Ok(());
    }
    match note {
        AccountNote::DeviceList { list } => keys::take_list(step, &list)?,
        AccountNote::DeviceName { client, name } => {
            state::take_name(step, &sender.client, &client, &name)?;
        }
        AccountNote::Draft { room: of, text } => state::take_draft(step, room, &of, &text)?,
        AccountNote::Pins(known) => pins::take(step, &sender.client, &known)?,
        AccountNote::Read(positions) => state::take_read(step, room, &positions)?,
        AccountNote::Sightings(seen) => sightings::take(step, room, seen)?,
        AccountNote::NewUik { .. } => {}
    }
    Ok(())
}
