//! `GroupInfo` and the group context in it (RFC 9420, sections 8.1 and 12.4.3).

use super::cursor::Cursor;
use super::raw::raw;
use crate::limits::MAX_GROUP_INFO_BYTES;

raw! {
    /// A `GroupInfo`.
    GroupInfo, group_info, MAX_GROUP_INFO_BYTES
}

/// The fields of a `GroupInfo`. Nothing in it is verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct GroupInfoHead<'a> {
    /// The group's suite.
    pub cipher_suite: u16,
    /// The group; in Grove's rooms the 32 bytes of the room's id.
    pub group_id: &'a [u8],
    /// The epoch described.
    pub epoch: u64,
    /// Hash of the ratchet tree.
    pub tree_hash: &'a [u8],
    /// Hash of the handshakes up to the last commit.
    pub confirmed_transcript_hash: &'a [u8],
    /// Extensions of the group context, raw: type and data back to back.
    pub context_extensions: &'a [u8],
    /// Extensions of the `GroupInfo` itself, raw.
    pub extensions: &'a [u8],
    /// MAC over the transcript.
    pub confirmation_tag: &'a [u8],
    /// Leaf index of the signer.
    pub signer: u32,
    /// Its signature.
    pub signature: &'a [u8],
}

impl GroupInfo {
    /// Takes bytes that a walk around them has covered already.
    pub(super) fn walked(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its fields. Allocates nothing.
    pub fn head(&self) -> GroupInfoHead<'_> {
        let mut cursor = Cursor::new(&self.0);
        cursor.u16(); // version
        GroupInfoHead {
            cipher_suite: cursor.u16(),
            group_id: cursor.opaque(),
            epoch: cursor.u64(),
            tree_hash: cursor.opaque(),
            confirmed_transcript_hash: cursor.opaque(),
            context_extensions: cursor.opaque(),
            extensions: cursor.opaque(),
            confirmation_tag: cursor.opaque(),
            signer: cursor.u32(),
            signature: cursor.opaque(),
        }
    }

    /// The epoch described.
    pub fn epoch(&self) -> u64 {
        self.head().epoch
    }

    /// The group.
    pub fn group_id(&self) -> &[u8] {
        self.head().group_id
    }
}

impl<'a> GroupInfoHead<'a> {
    /// The data of an extension of the `GroupInfo` itself.
    pub fn extension(&self, extension_type: u16) -> Option<&'a [u8]> {
        find_extension(self.extensions, extension_type)
    }

    /// The data of an extension of the group context.
    pub fn context_extension(&self, extension_type: u16) -> Option<&'a [u8]> {
        find_extension(self.context_extensions, extension_type)
    }
}

fn find_extension(extensions: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut cursor = Cursor::new(extensions);
    while !cursor.is_at_end() {
        let found = cursor.u16();
        let data = cursor.opaque();
        if found == wanted {
            return Some(data);
        }
    }
    None
}

impl std::fmt::Debug for GroupInfoHead<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupInfoHead")
            .field("cipher_suite", &self.cipher_suite)
            .field("epoch", &self.epoch)
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}
