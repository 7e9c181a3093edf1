//! Whom the user's devices know: told to one that comes in, which would have to believe whatever it
//! meets first, and whenever a person has compared somebody's digits.
//!
//! What a device makes of it is [`trust::hear`]'s; must not know how people are judged.

use grove_mls::content::{AccountNote, NotedPin};
use grove_wire::limits::MAX_ACCOUNT_NOTE_BYTES;
use grove_wire::uri::ClientUri;

use crate::step::Step;
use crate::store::{Pin, StoreError};
use crate::trust;

/// So many people are told to a device that comes in.
const MAX_TOLD: usize = 2000;
/// What a pin takes in a note, beyond the user's URI and the identity, rounded up.
const PIN_BYTES: usize = 8;

/// Tells a device of ours that came in whom this one knows, but for what it was told already.
pub(super) fn greet(step: &mut Step<'_>) -> Result<(), StoreError> {
    let heard = std::mem::take(&mut step.memory.notes_due.pins_heard);
    let mut pins = step.tx.list_pins(MAX_TOLD)?;
    pins.retain(|pin| pin.user != step.identity.user && !heard.contains(&pin.user));
    send(step, &pins)
}

/// Tells the user's other devices whom this one knows.
pub(crate) fn send(step: &mut Step<'_>, pins: &[Pin]) -> Result<(), StoreError> {
    let mut note = Vec::new();
    let mut bytes = 0;
    for pin in pins {
        let size = pin.user.as_str().len() + pin.identity.len() + PIN_BYTES;
        if bytes + size > MAX_ACCOUNT_NOTE_BYTES - PIN_BYTES {
            super::send(step, &AccountNote::Pins(std::mem::take(&mut note)))?;
            bytes = 0;
        }
        bytes += size;
        note.push(NotedPin {
            user: pin.user.clone(),
            identity: trust::read_identity(&pin.identity)?,
            // What another device has compared is that one's to say, and goes with it.
            verified: pin.was_compared_here(),
        });
    }
    if note.is_empty() {
        return Ok(());
    }
    super::send(step, &AccountNote::Pins(note))
}

/// Takes whom a sibling knows.
pub(super) fn take(
    step: &mut Step<'_>,
    sender: &ClientUri,
    pins: &[NotedPin],
) -> Result<(), StoreError> {
    for NotedPin {
        user,
        identity,
        verified,
    } in pins
    {
        trust::hear(step, sender, user, identity, *verified)?;
        if step.memory.notes_due.greeting.is_some()
            && let Some(pin) = step.tx.find_pin(user)?
            && pin.identity == identity.to_bytes()
            && (*verified || !pin.was_compared_here())
        {
            step.memory.notes_due.pins_heard.insert(user.clone());
        }
    }
    Ok(())
}
