//! The messages our clients write.
//!
//! Each names its sender and its room, as franking asks. Must not know when or where a message is
//! sent.
//!
//! The surprise: an edit and a deletion name the first version of a message, a reply the version
//! that was read.

use grove_wire::uri::{RoomUri, UserUri};

use super::{
    ACCOUNT_NOTE, AccountNote, AccountNoteError, Disposition, Extensions, MessageId, MimiContent,
    NestedPart, PLAIN_TEXT, Part, ROOM_PROFILE,
};
use crate::identity::SignedRoomProfile;

impl MimiContent {
    /// Plain text.
    pub fn text(salt: [u8; 16], sender: &UserUri, room: &RoomUri, body: &str) -> Self {
        Self::new(salt, sender, room, plain(Disposition::Render, body))
    }

    /// Plain text that answers a message.
    pub fn reply(
        salt: [u8; 16],
        sender: &UserUri,
        room: &RoomUri,
        to: MessageId,
        body: &str,
    ) -> Self {
        Self {
            in_reply_to: Some(to),
            ..Self::text(salt, sender, room, body)
        }
    }

    /// A reaction, usually one glyph, to a message.
    pub fn reaction(
        salt: [u8; 16],
        sender: &UserUri,
        room: &RoomUri,
        to: MessageId,
        glyph: &str,
    ) -> Self {
        Self {
            in_reply_to: Some(to),
            ..Self::new(salt, sender, room, plain(Disposition::Reaction, glyph))
        }
    }

    /// A new text for a message of one's own; `first` is its first version.
    pub fn edit(
        salt: [u8; 16],
        sender: &UserUri,
        room: &RoomUri,
        first: MessageId,
        body: &str,
    ) -> Self {
        Self {
            replaces: Some(first),
            ..Self::text(salt, sender, room, body)
        }
    }

    /// The deletion of a message or reaction of one's own; `first` is its first version.
    pub fn delete(salt: [u8; 16], sender: &UserUri, room: &RoomUri, first: MessageId) -> Self {
        let nothing = NestedPart {
            disposition: Disposition::Render,
            language: String::new(),
            part: Part::Null,
        };
        Self {
            replaces: Some(first),
            ..Self::new(salt, sender, room, nothing)
        }
    }

    /// A room's profile, sent on by anybody in the room.
    pub fn profile(
        salt: [u8; 16],
        sender: &UserUri,
        room: &RoomUri,
        profile: &SignedRoomProfile,
    ) -> Self {
        let part = Part::Single {
            content_type: ROOM_PROFILE.to_owned(),
            content: profile.as_bytes().to_vec(),
        };
        Self::new(
            salt,
            sender,
            room,
            NestedPart {
                disposition: Disposition::Profile,
                language: String::new(),
                part,
            },
        )
    }

    /// A note to the user's other devices, in the account room.
    ///
    /// # Errors
    /// [`AccountNoteError::TooLong`].
    pub fn account_note(
        salt: [u8; 16],
        sender: &UserUri,
        room: &RoomUri,
        note: &AccountNote,
    ) -> Result<Self, AccountNoteError> {
        let part = Part::Single {
            content_type: ACCOUNT_NOTE.to_owned(),
            content: note.encode()?,
        };
        let nested_part = NestedPart {
            disposition: Disposition::Unspecified,
            language: String::new(),
            part,
        };
        Ok(Self::new(salt, sender, room, nested_part))
    }

    /// The text of a message that is one part of text and to be shown.
    pub fn as_text(&self) -> Option<&str> {
        match &self.nested_part.part {
            Part::Single {
                content_type,
                content,
            } if content_type.starts_with("text/") => std::str::from_utf8(content).ok(),
            _ => None,
        }
    }

    /// The bytes of a room profile, if the message is one.
    pub fn as_profile(&self) -> Option<&[u8]> {
        match &self.nested_part.part {
            Part::Single {
                content_type,
                content,
            } if content_type == ROOM_PROFILE => Some(content),
            _ => None,
        }
    }

    /// The note between a user's own devices, if the message is one. Only in the account room does
    /// it mean anything.
    ///
    /// # Errors
    /// [`AccountNoteError`] when it is one that cannot be read.
    pub fn as_account_note(&self) -> Result<Option<AccountNote>, AccountNoteError> {
        match &self.nested_part.part {
            Part::Single {
                content_type,
                content,
            } if content_type == ACCOUNT_NOTE => AccountNote::decode(content).map(Some),
            _ => Ok(None),
        }
    }

    /// The message's id, which its own statement of sender and room must give.
    pub fn message_id(&self, sender: &UserUri, room: &RoomUri) -> MessageId {
        MessageId::of(sender, room, &self.encode(), &self.salt)
    }

    fn new(salt: [u8; 16], sender: &UserUri, room: &RoomUri, nested_part: NestedPart) -> Self {
        Self {
            salt,
            replaces: None,
            topic_id: Vec::new(),
            expires: None,
            in_reply_to: None,
            extensions: Extensions::addressed(sender.as_str(), room.as_str()),
            nested_part,
        }
    }
}

fn plain(disposition: Disposition, body: &str) -> NestedPart {
    let part = Part::Single {
        content_type: PLAIN_TEXT.to_owned(),
        content: body.as_bytes().to_vec(),
    };
    NestedPart {
        disposition,
        language: String::new(),
        part,
    }
}
