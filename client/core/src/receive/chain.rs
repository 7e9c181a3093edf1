//! The hash chain of a room's log against the receipts the hub signs.
//!
//! Two receipts of one hub that contradict each other are a proof against it that anybody can
//! check; sending stops and both are kept.
//!
//! The surprise: a receipt may speak of an entry that was not read yet (the hub's answer to an own
//! message). Its head is remembered and the entry has to fit when it comes.

use grove_mls::identity::{Head, Receipt, SignedReceipt};

use crate::event::{Event, WarningKind};
use crate::step::{GroupError, Step};
use crate::store::{Room, Stop, StoreError};

/// Heads kept for comparing with what members hold.
const HEADS_KEPT: u64 = 4096;

/// Moves the chain on by the entry that `room` now stands at.
pub(super) fn extend(step: &mut Step<'_>, room: &mut Room, entry: &[u8]) -> Result<(), StoreError> {
    let Some(before) = room.head else {
        return Ok(());
    };
    let head = *Head::from_bytes(before).next(room.seq, entry).as_bytes();
    room.head = Some(head);
    if step
        .tx
        .find_head(&room.uri, room.seq)?
        .is_some_and(|expected| expected != head)
    {
        let theirs = room.receipt.clone().unwrap_or_default();
        return stop(step, room, Vec::new(), theirs);
    }
    step.tx.put_head(&room.uri, room.seq, &head)?;
    if room.seq.is_multiple_of(HEADS_KEPT) {
        step.tx
            .remove_heads(&room.uri, room.seq.saturating_sub(HEADS_KEPT))?;
    }
    Ok(())
}

/// Compares a receipt from the hub with the chain and keeps it. The first one after joining starts
/// the chain.
pub(crate) fn take_receipt(
    step: &mut Step<'_>,
    room: &mut Room,
    receipt: &[u8],
) -> Result<(), GroupError> {
    let Some(signed) = read(step, room, receipt)? else {
        return Ok(());
    };
    let receipt = signed.receipt();
    if contradicts(step, room, receipt)? {
        let ours = room.receipt.clone().unwrap_or_default();
        return Ok(stop(step, room, ours, signed.as_bytes().to_vec())?);
    }
    if receipt.seq == room.seq && room.head.is_none() {
        room.head = Some(receipt.head);
    }
    step.tx.put_head(&room.uri, receipt.seq, &receipt.head)?;
    if newest(room).is_none_or(|newest| newest.receipt().seq < receipt.seq) {
        room.receipt = Some(signed.as_bytes().to_vec());
    }
    Ok(())
}

/// Compares the receipt a member holds with what the hub told us.
pub(super) fn check_witness(
    step: &mut Step<'_>,
    room: &mut Room,
    receipt: &[u8],
) -> Result<(), GroupError> {
    let Some(signed) = read(step, room, receipt)? else {
        return Ok(());
    };
    if contradicts(step, room, signed.receipt())? {
        let ours = room.receipt.clone().unwrap_or_default();
        stop(step, room, ours, signed.as_bytes().to_vec())?;
    }
    Ok(())
}

/// A receipt of this room that its hub signed; anything else proves nothing and is passed over.
fn read(
    step: &mut Step<'_>,
    room: &Room,
    receipt: &[u8],
) -> Result<Option<SignedReceipt>, GroupError> {
    let Ok(signed) = SignedReceipt::decode(receipt) else {
        return Ok(None);
    };
    let hub = match step.group(&room.uri, |group, _, _| Ok(*group.server_key())) {
        Ok(hub) => hub,
        // The keys of a lost room may be gone; its hub may be the home server, which is known.
        Err(GroupError::NotAMember | GroupError::Unusable(_))
            if room.lost.is_some() && room.uri.hub() == step.identity.client.provider() =>
        {
            step.identity.server_key
        }
        Err(GroupError::NotAMember | GroupError::Unusable(_)) => return Ok(None),
        Err(other) => return Err(other),
    };
    let ours = signed.receipt().room == room.uri && signed.verify(&hub).is_ok();
    Ok(ours.then_some(signed))
}

fn contradicts(step: &Step<'_>, room: &Room, receipt: &Receipt) -> Result<bool, StoreError> {
    let known = if receipt.seq == room.seq {
        room.head
    } else {
        step.tx.find_head(&room.uri, receipt.seq)?
    };
    let another_head = known.is_some_and(|head| head != receipt.head);
    Ok(another_head || newest(room).is_some_and(|newest| newest.receipt().contradicts(receipt)))
}

fn newest(room: &Room) -> Option<SignedReceipt> {
    room.receipt
        .as_deref()
        .and_then(|bytes| SignedReceipt::decode(bytes).ok())
}

fn stop(
    step: &mut Step<'_>,
    room: &mut Room,
    ours: Vec<u8>,
    theirs: Vec<u8>,
) -> Result<(), StoreError> {
    if room.stop.is_some() {
        return Ok(());
    }
    room.stop = Some(Stop::Fork { ours, theirs });
    step.tell(Event::Warning {
        room: Some(room.uri.clone()),
        kind: WarningKind::Fork,
        text: "the server signed two different logs of this room; nothing more is sent to it"
            .to_owned(),
    })
}
