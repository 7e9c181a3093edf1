//! `MLSMessage` and what its framing shows (RFC 9420, section 6).

use super::commit;
use super::cursor::Cursor;
use super::group_info::GroupInfo;
use super::raw::{KeyPackage, raw};
use super::welcome::Welcome;
use crate::codec::DecodeError;
use crate::limits::MAX_HANDSHAKE_BYTES;

/// Bytes of version and wire format, in front of every `MLSMessage`.
const HEADER_BYTES: usize = 4;

raw! {
    /// One `MLSMessage` of version mls10.
    MlsMessage, message, MAX_HANDSHAKE_BYTES
}

/// How a message is framed (RFC 9420, section 17.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WireFormat {
    /// Signed, readable: handshakes.
    PublicMessage,
    /// Encrypted: application messages.
    PrivateMessage,
    /// For those a commit adds.
    Welcome,
    /// For those who join by themselves.
    GroupInfo,
    /// For those who add.
    KeyPackage,
}

/// What a framed message carries (RFC 9420, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// Something for people.
    Application,
    /// A suggested change of the group.
    Proposal,
    /// A change of the group.
    Commit,
}

/// Who says to have framed a message (RFC 9420, section 6). Claimed, not proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SenderKind {
    /// Index into the group's `external_senders`.
    External(u32),
    /// Leaf index.
    Member(u32),
    /// An external commit.
    NewMemberCommit,
    /// Somebody who proposes to add itself.
    NewMemberProposal,
}

/// What stands outside a public or private message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Framing<'a> {
    /// Public or private.
    pub wire_format: WireFormat,
    /// The group; in Grove's rooms the 32 bytes of the room's id.
    pub group_id: &'a [u8],
    /// The epoch it was made in.
    pub epoch: u64,
    /// What it carries.
    pub content_type: ContentType,
    /// Who sent it, where that can be read: in public messages.
    pub sender: Option<SenderKind>,
    /// Additional data, authenticated and not encrypted.
    pub authenticated_data: &'a [u8],
}

/// What a message shows from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside<'a> {
    /// A `GroupInfo`.
    GroupInfo,
    /// A `KeyPackage`.
    KeyPackage,
    /// A `PrivateMessage`.
    Private(Framing<'a>),
    /// A `PublicMessage`.
    Public(Framing<'a>),
    /// A Welcome.
    Welcome,
}

impl MlsMessage {
    /// What the message shows without being opened. Allocates nothing.
    pub fn outside(&self) -> Outside<'_> {
        match self.wire_format() {
            WireFormat::PublicMessage => {
                Outside::Public(public_framing(&mut Cursor::new(self.body())))
            }
            WireFormat::PrivateMessage => Outside::Private(private_framing(self.body())),
            WireFormat::Welcome => Outside::Welcome,
            WireFormat::GroupInfo => Outside::GroupInfo,
            WireFormat::KeyPackage => Outside::KeyPackage,
        }
    }

    /// The framing of a public or private message; none for the other formats.
    pub fn framing(&self) -> Option<Framing<'_>> {
        match self.outside() {
            Outside::Private(framing) | Outside::Public(framing) => Some(framing),
            Outside::GroupInfo | Outside::KeyPackage | Outside::Welcome => None,
        }
    }

    /// The public keys of the nodes in the update path of a public commit, the leaf's not among
    /// them, from the leaf upwards; none where there is no path.
    pub fn update_path_keys(&self) -> Vec<&[u8]> {
        if self.wire_format() != WireFormat::PublicMessage {
            return Vec::new();
        }
        let mut cursor = Cursor::new(self.body());
        match public_framing(&mut cursor).content_type {
            ContentType::Commit => commit::update_path_keys(&mut cursor),
            ContentType::Application | ContentType::Proposal => Vec::new(),
        }
    }

    /// How the message is framed.
    pub fn wire_format(&self) -> WireFormat {
        let mut cursor = Cursor::new(&self.0);
        cursor.u16(); // version
        // The walk admitted known formats only, so the default is never used.
        WireFormat::try_from(cursor.u16()).unwrap_or(WireFormat::PublicMessage)
    }

    /// Frames a Welcome.
    pub fn from_welcome(welcome: &Welcome) -> Self {
        Self::framed(WireFormat::Welcome, welcome.as_bytes())
    }

    /// Frames a `GroupInfo`.
    pub fn from_group_info(group_info: &GroupInfo) -> Self {
        Self::framed(WireFormat::GroupInfo, group_info.as_bytes())
    }

    /// Frames a `KeyPackage`.
    pub fn from_key_package(key_package: &KeyPackage) -> Self {
        Self::framed(WireFormat::KeyPackage, key_package.as_bytes())
    }

    /// The Welcome inside, if it is one.
    pub fn welcome(&self) -> Option<Welcome> {
        self.unframed(WireFormat::Welcome).map(Welcome::walked)
    }

    /// The `GroupInfo` inside, if it is one.
    pub fn group_info(&self) -> Option<GroupInfo> {
        self.unframed(WireFormat::GroupInfo).map(GroupInfo::walked)
    }

    /// The `KeyPackage` inside, if it is one.
    pub fn key_package(&self) -> Option<KeyPackage> {
        self.unframed(WireFormat::KeyPackage)
            .map(KeyPackage::walked)
    }

    fn framed(format: WireFormat, body: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        bytes.extend_from_slice(&1_u16.to_be_bytes());
        bytes.extend_from_slice(&u16::from(format).to_be_bytes());
        bytes.extend_from_slice(body);
        Self(bytes)
    }

    fn unframed(&self, format: WireFormat) -> Option<Vec<u8>> {
        (self.wire_format() == format).then(|| self.body().to_vec())
    }

    fn body(&self) -> &[u8] {
        self.0.get(HEADER_BYTES..).unwrap_or_default()
    }
}

/// Reads up to the content.
fn public_framing<'a>(cursor: &mut Cursor<'a>) -> Framing<'a> {
    let group_id = cursor.opaque();
    let epoch = cursor.u64();
    let sender = match cursor.u8() {
        1 => SenderKind::Member(cursor.u32()),
        2 => SenderKind::External(cursor.u32()),
        3 => SenderKind::NewMemberProposal,
        _ => SenderKind::NewMemberCommit,
    };
    let authenticated_data = cursor.opaque();
    let content_type = content_type(cursor);
    let wire_format = WireFormat::PublicMessage;
    Framing {
        wire_format,
        group_id,
        epoch,
        content_type,
        sender: Some(sender),
        authenticated_data,
    }
}

fn private_framing(body: &[u8]) -> Framing<'_> {
    let mut cursor = Cursor::new(body);
    let group_id = cursor.opaque();
    let epoch = cursor.u64();
    let content_type = content_type(&mut cursor);
    let authenticated_data = cursor.opaque();
    let wire_format = WireFormat::PrivateMessage;
    Framing {
        wire_format,
        group_id,
        epoch,
        content_type,
        sender: None,
        authenticated_data,
    }
}

fn content_type(cursor: &mut Cursor<'_>) -> ContentType {
    // The walk admitted known types only, so the default is never used.
    ContentType::try_from(cursor.u8()).unwrap_or(ContentType::Proposal)
}

impl std::fmt::Debug for Framing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Framing")
            .field("wire_format", &self.wire_format)
            .field("group_id_bytes", &self.group_id.len())
            .field("epoch", &self.epoch)
            .field("content_type", &self.content_type)
            .field("sender", &self.sender)
            .field("authenticated_data_bytes", &self.authenticated_data.len())
            .finish()
    }
}

impl TryFrom<u16> for WireFormat {
    type Error = DecodeError;

    fn try_from(value: u16) -> Result<Self, DecodeError> {
        Ok(match value {
            1 => Self::PublicMessage,
            2 => Self::PrivateMessage,
            3 => Self::Welcome,
            4 => Self::GroupInfo,
            5 => Self::KeyPackage,
            other => return Err(DecodeError::unknown("wire format", other)),
        })
    }
}

impl From<WireFormat> for u16 {
    fn from(format: WireFormat) -> Self {
        match format {
            WireFormat::PublicMessage => 1,
            WireFormat::PrivateMessage => 2,
            WireFormat::Welcome => 3,
            WireFormat::GroupInfo => 4,
            WireFormat::KeyPackage => 5,
        }
    }
}

impl TryFrom<u8> for ContentType {
    type Error = DecodeError;

    fn try_from(value: u8) -> Result<Self, DecodeError> {
        Ok(match value {
            1 => Self::Application,
            2 => Self::Proposal,
            3 => Self::Commit,
            other => return Err(DecodeError::unknown("content type", other)),
        })
    }
}
