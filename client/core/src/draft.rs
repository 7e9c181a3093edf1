//! From what a person wrote to MIMI content.

use grove_mls::content::{
    AccountNote, AccountNoteError, MessageId as ContentId, MimiContent, Witness,
};
use grove_mls::identity::SignedRoomProfile;
use grove_wire::uri::UserUri;

use crate::message::MessageKind;
use crate::store::{ContentKind, Room, StoreError, StoredMessage};

/// The content of a message of the outbox, with what its sender sees now.
///
/// Counter and salt were fixed when it was written; the witness is new each time it is sealed.
/// `sent` is how many messages of this device the hub has accepted in the room before.
pub(crate) fn content(
    room: &Room,
    message: &StoredMessage,
    authenticator: [u8; 32],
    sent: u64,
) -> Result<MimiContent, StoreError> {
    let sender = message.client.user();
    let (salt, uri, text) = (message.salt, &message.room, message.text.as_str());
    let target = |id: Option<[u8; 32]>| {
        id.map(ContentId::from_bytes).ok_or_else(|| {
            StoreError::Damaged("a message of the outbox has lost its target".to_owned())
        })
    };
    let content = match message.kind {
        ContentKind::AccountNote => account_note(message, &sender)?,
        ContentKind::Profile => MimiContent::profile(salt, &sender, uri, &profile(room)?),
        ContentKind::Shown(MessageKind::Delete) => {
            MimiContent::delete(salt, &sender, uri, target(message.replaces)?)
        }
        ContentKind::Shown(MessageKind::Edit) => {
            MimiContent::edit(salt, &sender, uri, target(message.replaces)?, text)
        }
        ContentKind::Shown(MessageKind::Reaction) => {
            MimiContent::reaction(salt, &sender, uri, target(message.in_reply_to)?, text)
        }
        ContentKind::Shown(MessageKind::Reply) => {
            MimiContent::reply(salt, &sender, uri, target(message.in_reply_to)?, text)
        }
        ContentKind::Shown(MessageKind::Text | MessageKind::Other) => {
            MimiContent::text(salt, &sender, uri, text)
        }
    };
    Ok(content.with_witness(&Witness {
        counter: message.counter,
        sent,
        receipt: room.receipt.clone(),
        authenticator,
    }))
}

fn account_note(message: &StoredMessage, sender: &UserUri) -> Result<MimiContent, StoreError> {
    let damaged = |error: AccountNoteError| StoreError::Damaged(error.to_string());
    let payload = message.payload.as_deref().unwrap_or_default();
    let note = AccountNote::decode(payload).map_err(damaged)?;
    MimiContent::account_note(message.salt, sender, &message.room, &note).map_err(damaged)
}

fn profile(room: &Room) -> Result<SignedRoomProfile, StoreError> {
    room.profile
        .as_deref()
        .and_then(|bytes| SignedRoomProfile::decode(bytes).ok())
        .ok_or_else(|| StoreError::Damaged("a room's profile cannot be read".to_owned()))
}
