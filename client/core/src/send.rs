//! Saying something: it is durable when [`Client::send`] returns, sent or not.

use std::time::Duration;

use grove_wire::limits::MAX_MESSAGE_BYTES;
use grove_wire::uri::RoomUri;
use serde::Serialize;

use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified, with_causes};
use crate::message::{Draft, MessageId, MessageStatus};
use crate::notes;
use crate::outbox::{self, FlushError};
use crate::step::{GroupError, Step};
use crate::store::{ContentKind, RoomState, Store, StoreError, StoredMessage};
use crate::transport::Transport;
use crate::trust::TrustError;

/// The longest text; the rest of a message holds its envelope.
pub const MAX_TEXT_BYTES: usize = MAX_MESSAGE_BYTES - 4096;

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Its number in this profile.
    pub number: u64,
    /// Its room.
    pub room: RoomUri,
    /// Sent, or queued if the server could not be reached.
    pub status: MessageStatus,
    /// Its place in the room's log, once accepted.
    pub seq: Option<u64>,
    /// Its id, once accepted.
    pub id: Option<MessageId>,
    /// When it was accepted, or written while it waits; milliseconds.
    pub time_ms: u64,
    /// Why it waits, in one line; none once it is accepted, and while this client is on its way
    /// back into the room.
    pub waits_for: Option<String>,
}

/// Something could not be said.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is no text.
    #[error("there is nothing to send")]
    Empty,
    /// The outbox could not be emptied, for a reason that does not go away by itself.
    #[error(transparent)]
    Flush(#[from] FlushError),
    /// The room's MLS state failed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// This client is not a member of the room.
    #[error("you are not in this room")]
    NotAMember,
    /// Only own messages are edited or deleted.
    #[error("only your own messages can be changed")]
    NotYours,
    /// The hub, or the room's policy, refused the message.
    #[error("the message was refused: {0}")]
    Refused(String),
    /// The hub was caught showing different logs, or does not give what it has signed for.
    #[error("sending to this room has stopped because of its server; the list of rooms says why")]
    Stopped,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The text has more than [`MAX_TEXT_BYTES`].
    #[error("the text has more than {MAX_TEXT_BYTES} bytes")]
    TooLong,
    /// Somebody's identity changed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The message that is meant is not in this room's history.
    #[error("there is no such message in this room")]
    UnknownMessage,
}

impl Classified for SendError {
    fn class(&self) -> Class {
        match self {
            Self::Empty | Self::TooLong | Self::UnknownMessage => Class::Unknown,
            Self::Flush(error) => error.class(),
            Self::Group(error) => error.class(),
            Self::NotAMember | Self::NotYours | Self::Refused(_) => Class::Refused,
            Self::Stopped | Self::Trust(_) => Class::Identity,
            Self::Store(_) => Class::Store,
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Says something in a room. If the server cannot be reached, the room changes too fast, or
    /// this client is on its way back into it, it waits in the outbox and the status says so.
    ///
    /// # Errors
    /// [`SendError`]. The message is not sent later: either nothing of it was kept, or it stands in
    /// history as failed, as it does after [`SendError::Refused`].
    pub async fn send(&mut self, room: &RoomUri, draft: Draft) -> Result<Sent, SendError> {
        if let Err(SendError::NotAMember) = self.transaction(|step| check(step, room, &draft)) {
            // An invitation may wait at the server; without the server the answer stays what it is.
            drop(Box::pin(self.sync(Duration::ZERO)).await);
        }
        self.transaction(|step| check(step, room, &draft))?;
        let mut line = self.check_before_writing(room).await?;
        let number = self.transaction(|step| enqueue(step, room, draft))?;
        // Nobody waits twice for a server that does not answer.
        if line == Line::Up {
            match self.flush_room(room).await {
                Ok(()) => {}
                Err(error) if error.class().is_passing() => line = Line::down(&error),
                Err(error) => {
                    let reason = error.to_string();
                    if self.transaction(|step| outbox::give_up(step, number, &reason))? {
                        return Err(error.into());
                    }
                    line = Line::down(&error);
                }
            }
        }
        let message = self
            .transaction(|step| step.tx.find_message(number))?
            .ok_or_else(|| StoreError::Damaged("a message vanished".to_owned()))?;
        if let Some(reason) = message.failure {
            return Err(SendError::Refused(reason));
        }
        let waits_for = match line {
            Line::Down(reason) if message.status == MessageStatus::Queued => Some(reason),
            Line::Down(_) | Line::Up => None,
        };
        Ok(Sent {
            number,
            waits_for,
            room: message.room,
            status: message.status,
            seq: message.seq,
            id: message.id.map(MessageId),
            time_ms: message.time,
        })
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// What a person should decide before a message is kept. What only the server can tell is found
    /// out when the message is sent.
    async fn check_before_writing(&mut self, room: &RoomUri) -> Result<Line, SendError> {
        match self.catch_up_once(room).await {
            Ok(()) => {}
            Err(error) if error.class().is_passing() => return Ok(Line::down(&error)),
            Err(error) => return Err(FlushError::from(error).into()),
        }
        if self.is_lost(room)? {
            // If its turn has come it is back at once; if not, the message waits.
            drop(Box::pin(self.settle_all()).await);
        }
        if self.is_lost(room)? {
            // Whoever is in a lost room is judged when this client is back in it.
            return Ok(Line::Up);
        }
        match self.prepare_to_send(room).await {
            Ok(()) => Ok(Line::Up),
            Err(error) if error.class().is_passing() => Ok(Line::down(&error)),
            Err(FlushError::Group(error)) => Err(error.into()),
            Err(FlushError::Trust(error)) => Err(error.into()),
            Err(other) => Err(other.into()),
        }
    }

    fn is_lost(&mut self, room: &RoomUri) -> Result<bool, StoreError> {
        let known = self.transaction(|step| step.tx.find_room(room))?;
        Ok(known.is_some_and(|known| known.lost.is_some()))
    }
}

/// Whether anything gets through to the room.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    /// Nothing now, and why.
    Down(String),
    Up,
}

impl Line {
    fn down(error: &dyn std::error::Error) -> Self {
        Self::Down(with_causes(error))
    }
}

fn check(step: &mut Step<'_>, room: &RoomUri, draft: &Draft) -> Result<(), SendError> {
    let known = step.tx.find_room(room)?.ok_or(SendError::NotAMember)?;
    if notes::is_account_room(step, room)? {
        return Err(SendError::NotAMember);
    }
    let coming_back = known.state == RoomState::Joining && known.lost.is_some();
    if !matches!(known.state, RoomState::Joined | RoomState::Creating) && !coming_back {
        return Err(SendError::NotAMember);
    }
    if known.stop.is_some() {
        return Err(SendError::Stopped);
    }
    let (text, target) = match draft {
        Draft::Text(text) => (Some(text), None),
        Draft::Reply { to, text } | Draft::Reaction { to, text } => (Some(text), Some((to, false))),
        Draft::Edit { of, text } => (Some(text), Some((of, true))),
        Draft::Delete { of } => (None, Some((of, true))),
    };
    if text.is_some_and(|text| text.trim().is_empty()) {
        return Err(SendError::Empty);
    }
    if text.is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
        return Err(SendError::TooLong);
    }
    if let Some((target, only_own)) = target {
        let target = step
            .tx
            .find_message_by_id(room, &target.0)?
            .ok_or(SendError::UnknownMessage)?;
        if only_own && target.client.user() != step.identity.user {
            return Err(SendError::NotYours);
        }
    }
    Ok(())
}

fn enqueue(step: &mut Step<'_>, room: &RoomUri, draft: Draft) -> Result<u64, SendError> {
    let mut known = step.tx.find_room(room)?.ok_or(SendError::NotAMember)?;
    let kind = ContentKind::Shown(draft.kind());
    let (text, in_reply_to, replaces) = match draft {
        Draft::Text(text) => (text, None, None),
        Draft::Reply { to, text } | Draft::Reaction { to, text } => (text, Some(to.0), None),
        Draft::Edit { of, text } => (text, None, Some(of.0)),
        Draft::Delete { of } => (String::new(), None, Some(of.0)),
    };
    let message = StoredMessage {
        text,
        in_reply_to,
        replaces,
        ..blank(step, room, kind)
    };
    Ok(outbox::enqueue(step, &mut known, message)?)
}

/// An own message without anything in it.
pub(crate) fn blank(step: &Step<'_>, room: &RoomUri, kind: ContentKind) -> StoredMessage {
    StoredMessage {
        number: 0,
        room: room.clone(),
        seq: None,
        id: None,
        client: step.identity.client.clone(),
        counter: 0,
        salt: step.random_bytes(),
        time: step.now,
        kind,
        text: String::new(),
        in_reply_to: None,
        replaces: None,
        edited: false,
        deleted: false,
        status: MessageStatus::Queued,
        failure: None,
        witnessed: true,
        trust: None,
        payload: None,
    }
}
