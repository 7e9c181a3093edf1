//! What this device has sent in the present epoch, by its hash: should the same bytes come again,
//! it is the hub that repeats them, and no copy of this device.

use grove_wire::mls::MlsMessage;
use grove_wire::uri::RoomUri;
use sha2::{Digest as _, Sha256};

use crate::step::Step;
use crate::store::StoreError;

/// Remembers a message that was accepted.
pub(super) fn remember(
    step: &mut Step<'_>,
    room: &RoomUri,
    bytes: &[u8],
) -> Result<(), StoreError> {
    step.tx.put_record(&key(room, bytes), Some(&[]))
}

/// Whether these are the bytes of a message that was accepted in the present epoch.
pub(crate) fn was_said(
    step: &Step<'_>,
    room: &RoomUri,
    message: &MlsMessage,
) -> Result<bool, StoreError> {
    let found = step.tx.find_record(&key(room, message.as_bytes()))?;
    Ok(found.is_some())
}

/// The epoch is over: what was sealed in it is recognised by that.
pub(crate) fn forget_said(step: &mut Step<'_>, room: &RoomUri) -> Result<(), StoreError> {
    step.tx.remove_records(&prefix(room))
}

fn key(room: &RoomUri, bytes: &[u8]) -> Vec<u8> {
    let mut key = prefix(room);
    key.extend_from_slice(&Sha256::digest(bytes));
    key
}

fn prefix(room: &RoomUri) -> Vec<u8> {
    format!("grove/said/{}/", room.as_str()).into_bytes()
}
