//! A device of ours came into the account room: the others tell it, one after another, what it
//! cannot know: the devices' names, and whom they know.
//!
//! The surprise: when this device's turn comes is kept in the store, since it may come in another
//! run of the program.

use grove_mls::content::AccountNote;

use super::{pins, send};
use crate::step::Step;
use crate::store::StoreError;

const KEY: &[u8] = b"grove/greeting";

/// It is this device's turn then, in milliseconds.
pub(super) fn expect(step: &mut Step<'_>, at: u64) -> Result<(), StoreError> {
    step.memory.notes_due.greeting = Some(at);
    step.tx.put_record(KEY, Some(&at.to_be_bytes()))
}

/// Greets, if this device's turn has come.
pub(super) fn send_due(step: &mut Step<'_>) -> Result<(), StoreError> {
    let kept = step.tx.find_record(KEY)?;
    let at = kept.and_then(|at| at.try_into().ok().map(u64::from_be_bytes));
    step.memory.notes_due.greeting = at;
    if at.is_none_or(|at| step.now < at) {
        return Ok(());
    }
    step.memory.notes_due.greeting = None;
    step.tx.put_record(KEY, None)?;
    for (client, name) in step.tx.list_device_names()? {
        send(step, &AccountNote::DeviceName { client, name })?;
    }
    pins::greet(step)
}
