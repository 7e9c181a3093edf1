//! What becomes of an entry of the outbox: accepted, refused, or abandoned with its room.
//!
//! The surprise: each may come twice, from the hub's answer, from the log and from another process.
//! The first one counts.

use grove_mls::identity::SignedReceipt;
use grove_wire::mls::MlsMessage;
use grove_wire::uri::RoomUri;
use zeroize::Zeroizing;

use super::{next, said};
use crate::event::Event;
use crate::message::{Message, MessageStatus};
use crate::receive::{application, chain};
use crate::rooms::Accepted;
use crate::step::{GroupError, Step};
use crate::store::{Outgoing, OutgoingKind, Room, StoreError, StoredMessage};
use crate::{notes, tally};

/// The hub has answered that a message stands in the log. Where it does not sign for that, the
/// message goes on waiting, and sending stops.
pub(super) fn accepted_by_hub(
    step: &mut Step<'_>,
    outgoing: &Outgoing,
    accepted: &Accepted,
    time: u64,
) -> Result<(), GroupError> {
    if let Some(mut room) = step.tx.find_room(&outgoing.room)? {
        let receipt = accepted.receipt.as_ref().map(SignedReceipt::as_bytes);
        let is_news = step.tx.find_outgoing(outgoing.number)?.is_some();
        if !chain::accept(step, &mut room, accepted.seq, receipt, is_news)? {
            return Ok(());
        }
        step.tx.put_room(&room)?;
    }
    Ok(finish(step, outgoing, accepted.seq, time)?)
}

/// An own message came back in the log: the hub's answer to it may have been lost. Gives whether
/// the message was waiting.
pub(crate) fn accepted_by_log(
    step: &mut Step<'_>,
    room: &Room,
    message: &MlsMessage,
    time: u64,
) -> Result<bool, StoreError> {
    let waiting = step.tx.list_outgoing(&room.uri)?;
    match waiting
        .iter()
        .find(|outgoing| outgoing.bytes.as_deref() == Some(message.as_bytes()))
    {
        Some(outgoing) => finish(step, outgoing, room.seq, time).map(|()| true),
        None => Ok(false),
    }
}

/// The message has its place in the log.
fn finish(step: &mut Step<'_>, outgoing: &Outgoing, seq: u64, time: u64) -> Result<(), StoreError> {
    let OutgoingKind::Application { message } = outgoing.kind else {
        return Ok(());
    };
    // Another process, or the log, may have been faster.
    if step.tx.find_outgoing(outgoing.number)?.is_none() {
        return Ok(());
    }
    step.tx.remove_outgoing(outgoing.number)?;
    let Some(message) = step.tx.find_message(message)? else {
        return Ok(());
    };
    let message = StoredMessage {
        id: outgoing.message_id,
        ..message
    };
    let bytes = outgoing.bytes.as_deref().unwrap_or_default();
    stands(step, message, bytes, seq, time)
}

/// A message of this device, sealed as these bytes, stands in the log at `seq`.
fn stands(
    step: &mut Step<'_>,
    mut message: StoredMessage,
    bytes: &[u8],
    seq: u64,
    time: u64,
) -> Result<(), StoreError> {
    tally::add_own(step, &message.room)?;
    said::remember(step, &message.room, bytes)?;
    message.seq = Some(seq);
    message.time = time;
    message.status = MessageStatus::Sent;
    message.failure = None;
    let payload = message.payload.take().map(Zeroizing::new);
    step.tx.put_message(&message)?;
    if let Some(payload) = payload {
        notes::accepted(step, &payload, seq)?;
    }
    application::amend(step, &message)?;
    match Message::shown(message) {
        Some(message) => step.tell(Event::MessageSent { message }),
        None => Ok(()),
    }
}

/// Refuses the first message that waits in a room.
pub(super) fn refuse_next(
    step: &mut Step<'_>,
    room: &RoomUri,
    reason: &str,
) -> Result<(), StoreError> {
    match next(step, room)? {
        Some((outgoing, _)) => refuse(step, &outgoing, reason),
        None => Ok(()),
    }
}

/// The hub has refused a message whose bytes it has. It can put them into the log all the same,
/// also behind what is said later, until the epoch is over: so nothing more is said in it.
pub(super) fn refused_by_hub(
    step: &mut Step<'_>,
    outgoing: &Outgoing,
    reason: &str,
) -> Result<(), StoreError> {
    let OutgoingKind::Application { message } = outgoing.kind else {
        return Ok(());
    };
    let bytes = outgoing.bytes.as_deref().unwrap_or_default();
    said::remember_refused(step, &outgoing.room, bytes, message)?;
    if let Some(mut room) = step.tx.find_room(&outgoing.room)? {
        room.keys_in_doubt = true;
        step.tx.put_room(&room)?;
    }
    refuse(step, outgoing, reason)
}

/// What the hub has said to refuse stands in the log, where everybody reads it.
pub(crate) fn taken_after_all(
    step: &mut Step<'_>,
    room: &Room,
    number: u64,
    sent: &MlsMessage,
    time: u64,
) -> Result<(), StoreError> {
    match step.tx.find_message(number)? {
        Some(message) => stands(step, message, sent.as_bytes(), room.seq, time),
        None => Ok(()),
    }
}

/// The message will never be accepted.
pub(super) fn refuse(
    step: &mut Step<'_>,
    outgoing: &Outgoing,
    reason: &str,
) -> Result<(), StoreError> {
    step.tx.remove_outgoing(outgoing.number)?;
    let OutgoingKind::Application { message } = outgoing.kind else {
        return Ok(());
    };
    let Some(mut message) = step.tx.find_message(message)? else {
        return Ok(());
    };
    if message.status != MessageStatus::Queued {
        return Ok(());
    }
    message.status = MessageStatus::Failed;
    message.id = outgoing.message_id;
    message.failure = Some(reason.to_owned());
    drop(message.payload.take().map(Zeroizing::new));
    step.tx.put_message(&message)?;
    match Message::shown(message) {
        Some(message) => step.tell(Event::MessageFailed { message }),
        None => Ok(()),
    }
}

/// A message could not be sent, and whoever wrote it is told so: then it must not be sent later.
/// Gives whether that is so. It is not where the message may have reached the hub already, or waits
/// until this client is back in the room.
pub(crate) fn give_up(step: &mut Step<'_>, number: u64, reason: &str) -> Result<bool, StoreError> {
    let Some(message) = step.tx.find_message(number)? else {
        return Ok(false);
    };
    let room = step.tx.find_room(&message.room)?;
    if room.is_none_or(|room| room.lost.is_some()) {
        return Ok(false);
    }
    let waiting = step.tx.list_outgoing(&message.room)?;
    let is_it = |waiting: &&Outgoing| match waiting.kind {
        OutgoingKind::Application { message } => message == number,
        _ => false,
    };
    match waiting.iter().find(is_it) {
        Some(outgoing) if outgoing.bytes.is_none() => {
            refuse(step, outgoing, reason)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Nothing more can be sent to a room.
pub(crate) fn abandon(step: &mut Step<'_>, room: &RoomUri, reason: &str) -> Result<(), StoreError> {
    for outgoing in step.tx.list_outgoing(room)? {
        refuse(step, &outgoing, reason)?;
    }
    Ok(())
}
