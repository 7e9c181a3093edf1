//! What this device has handed in in the present epoch, by its hash: should the same bytes come
//! again, it is the hub that repeats them, or that has taken what it said to refuse, and no copy of
//! this device.

use grove_wire::mls::MlsMessage;
use grove_wire::uri::RoomUri;
use sha2::{Digest as _, Sha256};

use crate::step::Step;
use crate::store::StoreError;

/// What became of bytes that were handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// They stand in the log.
    Accepted,
    /// The hub has refused them: the message of this number.
    Refused(u64),
}

/// Remembers a message that was refused.
pub(super) fn remember_refused(
    step: &mut Step<'_>,
    room: &RoomUri,
    bytes: &[u8],
    number: u64,
) -> Result<(), StoreError> {
    step.tx
        .put_record(&key(room, bytes), Some(&number.to_be_bytes()))
}

/// Remembers a message that was accepted.
pub(super) fn remember(
    step: &mut Step<'_>,
    room: &RoomUri,
    bytes: &[u8],
) -> Result<(), StoreError> {
    step.tx.put_record(&key(room, bytes), Some(&[]))
}

/// What became of these bytes in the present epoch; none if they were never handed in.
pub(crate) fn find_said(
    step: &Step<'_>,
    room: &RoomUri,
    message: &MlsMessage,
) -> Result<Option<Said>, StoreError> {
    let found = step.tx.find_record(&key(room, message.as_bytes()))?;
    Ok(found.map(|number| match number.try_into() {
        Ok(number) => Said::Refused(u64::from_be_bytes(number)),
        Err(_none) => Said::Accepted,
    }))
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
