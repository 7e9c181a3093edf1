//! What people say to each other: MIMI content, the plaintext inside an application message.
//!
//! Knows the CBOR structure and its bounds; must not know rendering, storage or MLS.
//!
//! The surprise: bytes that decode to the same message but are not its one deterministic encoding
//! are refused. A message's id is a hash of its bytes, and a second spelling would be a second id.
//!
//! Source: draft-ietf-mimi-content-09.

mod account_note;
mod build;
mod decode;
mod encode;
mod extensions;
mod float;
mod message_id;
mod witness;

pub use account_note::{AccountNote, AccountNoteError, NotedPin, RoomSighting};
pub use decode::ContentError;
pub use extensions::{ExtensionKey, ExtensionValue, Extensions};
pub use message_id::MessageId;
pub use witness::{Witness, WitnessError};

/// Nested parts within nested parts: at most this deep.
pub const MAX_PART_DEPTH: usize = 4;
/// Parts of one message, counted over all levels.
pub const MAX_PARTS: usize = 1024;
/// Values within values of an extension: at most this deep.
pub const MAX_EXTENSION_DEPTH: usize = 4;
/// A topic id, in bytes.
pub const MAX_TOPIC_ID_BYTES: usize = 4096;
/// The largest magnitude of an integer in an extension: 2^53 - 1.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Media type of plain text.
pub const PLAIN_TEXT: &str = "text/plain;charset=utf-8";
/// Media type of the Markdown every client understands.
pub const MARKDOWN: &str = "text/markdown;variant=GFM-MIMI";
/// Media type of a signed room profile.
pub const ROOM_PROFILE: &str = "application/vnd.grove.room-profile";
/// Media type of a note between a user's own devices.
pub const ACCOUNT_NOTE: &str = "application/vnd.grove.account-note";

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MimiContent {
    /// 16 random bytes: they keep the message id from being guessed, and key the franking tag.
    pub salt: [u8; 16],
    /// The first version of the message this one edits or deletes.
    pub replaces: Option<MessageId>,
    /// Messages with equal topic ids belong together; at most [`MAX_TOPIC_ID_BYTES`], often empty.
    pub topic_id: Vec<u8>,
    /// When readers should drop it.
    pub expires: Option<Expires>,
    /// The message, in one particular version, this one answers.
    pub in_reply_to: Option<MessageId>,
    /// Everything else about the message as a whole.
    pub extensions: Extensions,
    /// What is said.
    pub nested_part: NestedPart,
}

/// When a message should be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expires {
    /// So many seconds after it was read.
    AfterRead(u32),
    /// At this time, in seconds since 1970.
    At(u32),
}

/// A part of a message, itself possibly made of parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NestedPart {
    /// What it is for.
    pub disposition: Disposition,
    /// RFC 5646 language tag, or empty.
    pub language: String,
    /// What it holds.
    pub part: Part,
}

/// What a part holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Part {
    /// Nothing: in a message that replaces another, its deletion.
    Null,
    /// Content within the message.
    Single {
        /// Media type.
        content_type: String,
        /// The content.
        content: Vec<u8>,
    },
    /// Content somewhere else.
    External(Box<ExternalPart>),
    /// Two parts or more.
    Multi {
        /// What to do with them.
        semantics: PartSemantics,
        /// The parts.
        parts: Vec<NestedPart>,
    },
}

/// Content to be fetched, usually encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalPart {
    /// Media type.
    pub content_type: String,
    /// Where it is.
    pub url: String,
    /// Until when, in seconds since 1970; 0 is for ever.
    pub expires: u32,
    /// Its size in bytes; 0 is unknown.
    pub size: u64,
    /// IANA AEAD number; 0 is not encrypted.
    pub encryption_algorithm: u16,
    /// AEAD key.
    pub key: Vec<u8>,
    /// AEAD nonce.
    pub nonce: Vec<u8>,
    /// AEAD additional data.
    pub additional_data: Vec<u8>,
    /// IANA named information hash number; 0 is none.
    pub hash_algorithm: u8,
    /// Hash of the content.
    pub content_hash: Vec<u8>,
    /// For people.
    pub description: String,
    /// A name to save it under.
    pub filename: String,
}

/// What to do with the parts of a multi part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartSemantics {
    /// Show the first one that is understood.
    ChooseOne,
    /// Show them as one thing.
    SingleUnit,
    /// Treat each on its own.
    ProcessAll,
}

/// What a part is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Not said.
    Unspecified,
    /// To be shown.
    Render,
    /// A reaction to the message it answers.
    Reaction,
    /// About its sender, or about the room.
    Profile,
    /// Shown within another part.
    Inline,
    /// A small picture.
    Icon,
    /// To be saved.
    Attachment,
    /// An invitation to a call or another live session.
    Session,
    /// A glimpse of another part.
    Preview,
    /// A code from 9 to 255 this version does not know: to be treated like [`Disposition::Render`].
    Unknown(u8),
}

impl Disposition {
    /// The code on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::Render => 1,
            Self::Reaction => 2,
            Self::Profile => 3,
            Self::Inline => 4,
            Self::Icon => 5,
            Self::Attachment => 6,
            Self::Session => 7,
            Self::Preview => 8,
            Self::Unknown(code) => code,
        }
    }

    /// The disposition of a code.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Unspecified,
            1 => Self::Render,
            2 => Self::Reaction,
            3 => Self::Profile,
            4 => Self::Inline,
            5 => Self::Icon,
            6 => Self::Attachment,
            7 => Self::Session,
            8 => Self::Preview,
            other => Self::Unknown(other),
        }
    }
}

impl PartSemantics {
    const fn code(self) -> u8 {
        match self {
            Self::ChooseOne => 0,
            Self::SingleUnit => 1,
            Self::ProcessAll => 2,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::ChooseOne),
            1 => Some(Self::SingleUnit),
            2 => Some(Self::ProcessAll),
            _ => None,
        }
    }
}

impl Part {
    /// The code of its kind on the wire, and the length of the array it stands in.
    const fn cardinality(&self) -> (u8, u64) {
        match self {
            Self::Null => (0, 3),
            Self::Single { .. } => (1, 5),
            Self::External(_) => (2, 15),
            Self::Multi { .. } => (3, 5),
        }
    }
}

// What people say does not belong into traces, nor do the keys of what they attached.
impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Single {
                content_type,
                content,
            } => write!(f, "Single({content_type}, {} bytes)", content.len()),
            Self::External(part) => part.fmt(f),
            Self::Multi { semantics, parts } => f
                .debug_tuple("Multi")
                .field(semantics)
                .field(parts)
                .finish(),
        }
    }
}

impl std::fmt::Debug for ExternalPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "External({}, {} bytes)", self.content_type, self.size)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::example_original;
