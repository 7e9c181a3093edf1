//! A message as a person sees it, and what a person may write.
//!
//! These are the shapes that front ends show and that `--json` prints; their field names are part
//! of the documented interface. They know nothing of how a message is sealed.

use std::fmt;

use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use serde::{Deserialize, Serialize};

use crate::store::{ContentKind, StoredMessage};
use crate::trust::Trust;

/// The id of a message: 32 bytes, written as 64 hexadecimal digits
/// (draft-ietf-mimi-content, section 3.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub [u8; 32]);

impl MessageId {
    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`NotAMessageId`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotAMessageId> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(NotAMessageId);
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_not_utf8| NotAMessageId)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_not_hex| NotAMessageId)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The text is not a message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message id is 64 hexadecimal digits")]
pub struct NotAMessageId;

/// What a person wants to say.
#[derive(Clone, PartialEq, Eq)]
pub enum Draft {
    /// Takes a message back.
    Delete {
        /// The first version of the message.
        of: MessageId,
    },
    /// Gives a message another text.
    Edit {
        /// The first version of the message.
        of: MessageId,
        /// The new text.
        text: String,
    },
    /// A reaction, such as one emoji.
    Reaction {
        /// The message reacted to.
        to: MessageId,
        /// The reaction.
        text: String,
    },
    /// An answer.
    Reply {
        /// The message answered.
        to: MessageId,
        /// The text.
        text: String,
    },
    /// A text of its own.
    Text(String),
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({:?})", self.kind())
    }
}

impl Draft {
    pub(crate) fn kind(&self) -> MessageKind {
        match self {
            Self::Delete { .. } => MessageKind::Delete,
            Self::Edit { .. } => MessageKind::Edit,
            Self::Reaction { .. } => MessageKind::Reaction,
            Self::Reply { .. } => MessageKind::Reply,
            Self::Text(_) => MessageKind::Text,
        }
    }
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Takes an earlier message back.
    Delete,
    /// Gives an earlier message another text.
    Edit,
    /// Content this client cannot show.
    Other,
    /// A reaction to an earlier message.
    Reaction,
    /// An answer to an earlier message.
    Reply,
    /// A text of its own.
    Text,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// The hub refused it for good.
    Failed,
    /// It waits in the outbox.
    Queued,
    /// It came from somebody else.
    Received,
    /// The hub accepted it.
    Sent,
}

/// A message of a room.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its number in this profile, in order of arrival.
    pub number: u64,
    /// Its room.
    pub room: RoomUri,
    /// Its place in the room's log, once accepted.
    pub seq: Option<u64>,
    /// Its id, once accepted.
    pub id: Option<MessageId>,
    /// The user who sent it.
    pub sender: UserUri,
    /// The client that sent it.
    pub client: ClientUri,
    /// When the hub accepted it, or when it was written while it waits; milliseconds.
    pub time_ms: u64,
    /// What it is.
    pub kind: MessageKind,
    /// Its text in the newest version; empty when deleted.
    pub text: String,
    /// What it answers or reacts to.
    pub in_reply_to: Option<MessageId>,
    /// What it replaces.
    pub replaces: Option<MessageId>,
    /// A later message changed its text.
    pub edited: bool,
    /// A later message took it back.
    pub deleted: bool,
    /// How far it has come.
    pub status: MessageStatus,
    /// Why it failed.
    pub failure: Option<String>,
    /// Whether it says what its sender had seen of the room, as messages of our clients do. The
    /// place of one that does not is the hub's word, and nobody misses it when it is kept back.
    #[serde(default = "as_ours")]
    pub witnessed: bool,
    /// What this client thought of the sender's device when it read the message; none for own ones.
    /// What is said with a [doubtful](Trust::is_doubtful) one is not to be shown as the sender's.
    pub trust: Option<Trust>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("number", &self.number)
            .field("seq", &self.seq)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Message {
    /// The stored message as a person sees it; none for what is not shown.
    pub(crate) fn shown(stored: StoredMessage) -> Option<Self> {
        let ContentKind::Shown(kind) = stored.kind else {
            return None;
        };
        Some(Self {
            number: stored.number,
            room: stored.room,
            seq: stored.seq,
            id: stored.id.map(MessageId),
            sender: stored.client.user(),
            client: stored.client,
            time_ms: stored.time,
            kind,
            text: stored.text,
            in_reply_to: stored.in_reply_to.map(MessageId),
            replaces: stored.replaces.map(MessageId),
            edited: stored.edited,
            deleted: stored.deleted,
            status: stored.status,
            failure: stored.failure,
            witnessed: stored.witnessed,
            trust: stored.trust,
        })
    }
}

/// Lines of the journal from before there was the field are of messages that had it.
fn as_ours() -> bool {
    true
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_hexadecimal() {
        let id = MessageId([0xab; 32]);
        assert_eq!(MessageId::parse(&id.to_string()).unwrap(), id);
        assert_eq!(MessageId::parse("ab"), Err(NotAMessageId));
        assert_eq!(MessageId::parse(&"zz".repeat(32)), Err(NotAMessageId));
        assert_eq!(MessageId::parse(&"é".repeat(32)), Err(NotAMessageId));
    }

    #[test]
    fn message_ids_survive_json() {
        let id = MessageId([7; 32]);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<MessageId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<MessageId>("\"\"").is_err());
    }
}
