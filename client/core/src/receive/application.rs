//! An application message: its content is checked against its sender, and becomes history.
//!
//! The surprise: a message whose content contradicts its envelope (another sender, another room, a
//! wrong franking tag, a role that may not send) is dropped like noise: nobody needs to see what
//! only a broken or hostile client sends. A counter used twice is another matter: it is shown.

use grove_mls::content::{Disposition, MessageId, MimiContent, Part, Witness};
use grove_mls::franking;
use grove_mls::identity::{RoomProfile, SignedRoomProfile};
use grove_mls::room::validation::ValidLeaf;
use grove_wire::uri::UserUri;
use sha2::{Digest as _, Sha256};

use super::{ReceiveError, chain};
use crate::event::{Event, RoomChange, WarningKind};
use crate::message::{Message, MessageKind, MessageStatus};
use crate::rooms::profile::{self, Author};
use crate::step::{GroupError, Step};
use crate::store::{ContentKind, Room, StoreError, StoredMessage};
use crate::trust::{self, Trust};
use crate::{notes, tally};

/// An application message that was opened.
pub(super) struct Opened {
    pub(super) sender: ValidLeaf,
    pub(super) data: Vec<u8>,
    pub(super) authenticated_data: Vec<u8>,
    pub(super) may_send: bool,
}

/// Takes an opened message.
pub(super) fn take(
    step: &mut Step<'_>,
    room: &mut Room,
    opened: &Opened,
    time: u64,
) -> Result<(), ReceiveError> {
    let Some(content) = checked(room, opened) else {
        return Ok(());
    };
    // Other makes of clients give none, and what they keep at our places for private use is theirs.
    let witness = content.witness().ok().flatten();
    let trust = trust::judge(step, &opened.sender)?.trust();
    // Who only uses a client's name uses up none of its numbers, and blames nobody with theirs.
    let counts = trust.is_the_device();
    if let Some(witness) = &witness {
        if counts && !is_new(step, room, opened, &content, witness)? {
            return Ok(());
        }
        look_at_witness(step, room, witness)?;
        if counts {
            tally::take(step, &room.uri, &opened.sender, witness.sent, time)?;
        }
    }
    let hidden = notes::is_account_room(step, &room.uri)?;
    let id = *MessageId::of(&opened.sender.user, &room.uri, &opened.data, &content.salt).as_bytes();
    let mut message = StoredMessage {
        number: 0,
        room: room.uri.clone(),
        seq: Some(room.seq),
        id: Some(id),
        client: opened.sender.client.clone(),
        counter: witness
            .as_ref()
            .filter(|_| counts)
            .map_or(0, |witness| witness.counter),
        salt: content.salt,
        time,
        kind: if hidden {
            ContentKind::AccountNote
        } else {
            kind(&content)
        },
        text: content
            .as_text()
            .filter(|_| !hidden)
            .unwrap_or_default()
            .to_owned(),
        in_reply_to: content.in_reply_to.map(|id| *id.as_bytes()),
        replaces: content.replaces.map(|id| *id.as_bytes()),
        edited: false,
        deleted: false,
        status: MessageStatus::Received,
        failure: None,
        witnessed: witness.is_some(),
        trust: Some(trust),
        payload: None,
    };
    message.number = step.tx.add_message(&message)?;
    if message.kind == ContentKind::AccountNote {
        return match content.as_account_note() {
            Ok(Some(note)) => Ok(notes::take(step, room, &opened.sender, note)?),
            Ok(None) | Err(_) => Ok(()),
        };
    }
    if let Some(profile) = content.as_profile() {
        return if trust.is_doubtful() {
            Ok(())
        } else {
            take_profile(step, room, profile)
        };
    }
    amend(step, &message)?;
    match Message::shown(message) {
        Some(message) => Ok(step.tell(Event::Message { message })?),
        None => Ok(()),
    }
}

/// The content, if it is what its envelope says. A franking tag and who sends it where are the
/// sender's choice (draft-ietf-mimi-protocol-06, section 5.4; draft-ietf-mimi-content-09, section
/// 4): what is given must be true.
fn checked(room: &Room, opened: &Opened) -> Option<MimiContent> {
    let content = MimiContent::decode(&opened.data).ok()?;
    if let Some(tag) = franking::find_tag(&opened.authenticated_data).ok()? {
        franking::verify_tag(&tag, &content.salt, &opened.data).ok()?;
    }
    let (sender, room) = (opened.sender.user.as_str(), room.uri.as_str());
    let fits = content.extensions.may_be_of(sender, room);
    (fits && opened.may_send).then_some(content)
}

/// Whether this counter of this client was not seen before.
fn is_new(
    step: &mut Step<'_>,
    room: &Room,
    opened: &Opened,
    content: &MimiContent,
    witness: &Witness,
) -> Result<bool, StoreError> {
    let Some(known) =
        step.tx
            .find_message_by_counter(&room.uri, &opened.sender.client, witness.counter)?
    else {
        return Ok(true);
    };
    if known.salt != content.salt {
        step.tell(Event::Warning {
            room: Some(room.uri.clone()),
            kind: WarningKind::Clone,
            text: format!(
                "two different messages of {} have the same number: a copy of their device may be in use",
                opened.sender.user.address()
            ),
        })?;
    }
    Ok(false)
}

/// What the sender saw of the room, against what we see.
fn look_at_witness(
    step: &mut Step<'_>,
    room: &mut Room,
    witness: &Witness,
) -> Result<(), ReceiveError> {
    if let Some(receipt) = &witness.receipt {
        chain::check_witness(step, room, receipt)?;
    }
    let ours = step.group(&room.uri, |group, _, _| {
        Ok::<_, GroupError>(group.epoch_authenticator())
    })?;
    let is_elsewhere = witness.authenticator[..] != Sha256::digest(ours)[..];
    if !is_elsewhere
        || step.memory.elsewhere.insert(room.uri.clone(), room.epoch) == Some(room.epoch)
    {
        return Ok(());
    }
    // Whoever let this client in can have chosen where to: the sender is not the one to be named.
    Ok(step.tell(Event::Warning {
        room: Some(room.uri.clone()),
        kind: WarningKind::Fork,
        text: "a message was written in another state of this room than this device sees; the \
               server, or whoever let you in, may show you something else than the others"
            .to_owned(),
    })?)
}

fn kind(content: &MimiContent) -> ContentKind {
    if content.as_profile().is_some() {
        return ContentKind::Profile;
    }
    if !matches!(content.as_account_note(), Ok(None)) {
        return ContentKind::AccountNote;
    }
    ContentKind::Shown(match (&content.nested_part.part, content.replaces) {
        (Part::Null, Some(_)) => MessageKind::Delete,
        _ if content.as_text().is_none() => MessageKind::Other,
        (_, Some(_)) => MessageKind::Edit,
        (_, None) if content.nested_part.disposition == Disposition::Reaction => {
            MessageKind::Reaction
        }
        (_, None) if content.in_reply_to.is_some() => MessageKind::Reply,
        (_, None) => MessageKind::Text,
    })
}

/// Carries an edit or a deletion out on the message it is about. Only its own sender may, and
/// nobody of whom it is not clear that it is they.
pub(crate) fn amend(step: &mut Step<'_>, message: &StoredMessage) -> Result<(), StoreError> {
    let Some(first) = message.replaces else {
        return Ok(());
    };
    let Some(mut original) = step.tx.find_message_by_id(&message.room, &first)? else {
        return Ok(());
    };
    if message.trust.is_some_and(Trust::is_doubtful)
        || original.client.user() != message.client.user()
        || original.replaces.is_some()
        || original.deleted
    {
        return Ok(());
    }
    match message.kind {
        ContentKind::Shown(MessageKind::Delete) => {
            original.text.clear();
            original.deleted = true;
        }
        ContentKind::Shown(MessageKind::Edit) => {
            original.text.clone_from(&message.text);
            original.edited = true;
        }
        _ => return Ok(()),
    }
    step.tx.put_message(&original)
}

/// A newer profile of the room, by somebody who may name it; whoever brings it.
fn take_profile(step: &mut Step<'_>, room: &mut Room, bytes: &[u8]) -> Result<(), ReceiveError> {
    let Ok(profile) = SignedRoomProfile::decode(bytes) else {
        return Ok(());
    };
    let Some(author) = profile::author(step, &room.uri, &profile)? else {
        return Ok(());
    };
    // Somebody was faster in telling it to those who came in.
    room.profile_due &= room.profile.as_deref() != Some(bytes);
    let known = room
        .profile
        .as_deref()
        .and_then(|bytes| SignedRoomProfile::decode(bytes).ok());
    let is_newer = known.as_ref().is_none_or(|known| profile.supersedes(known));
    if !is_newer || !is_possible(room, profile.profile()) {
        return Ok(());
    }
    match author {
        Author::Member(leaf) if trust::judge(step, &leaf)?.trust().is_doubtful() => return Ok(()),
        // A second name that the room was made with is for nobody who knows the first.
        Author::Maker if known.is_some() => return Ok(()),
        Author::Maker | Author::Member(_) => {}
    }
    room.profile_due = false;
    // Who joins late hears the name from somebody who only passes it on.
    let by = known.is_some().then(|| profile.profile().author.user());
    keep_profile(step, room, &profile, by)
}

/// Whether a profile can have this version: each is told in an entry of its own, so none is above
/// the place of the entry it comes in.
///
/// So nobody can use the numbers up, for in the next entry the next number is free. And nobody has
/// to have heard each version to believe the next: who was out of the room meanwhile goes on.
fn is_possible(room: &Room, profile: &RoomProfile) -> bool {
    (1..=room.seq).contains(&profile.version)
}

fn keep_profile(
    step: &mut Step<'_>,
    room: &mut Room,
    profile: &SignedRoomProfile,
    by: Option<UserUri>,
) -> Result<(), ReceiveError> {
    let news = profile.profile();
    let renamed = room.name != news.name || room.topic != news.topic;
    room.name.clone_from(&news.name);
    room.topic.clone_from(&news.topic);
    room.profile_version = news.version;
    room.profile = Some(profile.as_bytes().to_vec());
    if !renamed {
        return Ok(());
    }
    let change = RoomChange::Renamed {
        name: news.name.clone(),
        topic: news.topic.clone(),
    };
    Ok(step.tell(Event::RoomChanged {
        room: room.uri.clone(),
        by,
        change,
    })?)
}
