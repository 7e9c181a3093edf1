//! The walker: finds where an MLS structure ends, without a tree of values and without recursion.
//!
//! It knows the structures of RFC 9420 and of mls-extensions that Grove's rooms allow; other code
//! points are refused, since where they end is unknown. Every length is checked against the vector
//! around it before anything is read.

use std::io::{self, Read};

use tls_codec::Deserialize;

use super::message::{ContentType, WireFormat};
use crate::codec::{DecodeError, length_from};
use crate::limits::{
    MAX_GROUP_INFO_BYTES, MAX_HANDSHAKE_BYTES, MAX_KEY_PACKAGE_BYTES, MAX_MESSAGE_BYTES,
    MAX_WELCOME_BYTES,
};

const MLS10: u16 = 1;

/// A walk over one structure.
pub(super) struct Walk<R> {
    source: R,
    /// The bytes walked over, where they are to be kept.
    kept: Option<Vec<u8>>,
    position: usize,
    /// Where the innermost vector ends, or the most the whole may take.
    end: usize,
    /// Whether `end` is a vector's end.
    nested: bool,
}

/// Walks one structure at the start of a stream and keeps its bytes.
pub(super) fn keep<R: Read>(
    source: R,
    limit: usize,
    walk: fn(&mut Walk<R>) -> Result<(), DecodeError>,
) -> Result<Vec<u8>, DecodeError> {
    let mut state = Walk {
        source,
        kept: Some(Vec::new()),
        position: 0,
        end: limit,
        nested: false,
    };
    walk(&mut state)?;
    Ok(state.kept.unwrap_or_default())
}

/// Walks one structure that must be all of `bytes`.
pub(super) fn exactly<'b>(
    bytes: &'b [u8],
    limit: usize,
    walk: fn(&mut Walk<&'b [u8]>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut state = Walk {
        source: bytes,
        kept: None,
        position: 0,
        end: limit,
        nested: false,
    };
    walk(&mut state)?;
    if state.source.is_empty() {
        Ok(())
    } else {
        Err(DecodeError::Trailing(state.source.len()))
    }
}

impl<R: Read> Walk<R> {
    /// `MLSMessage` (RFC 9420, section 6).
    pub(super) fn message(&mut self) -> Result<(), DecodeError> {
        self.version()?;
        match WireFormat::try_from(self.u16()?)? {
            WireFormat::PublicMessage => self.within(MAX_HANDSHAKE_BYTES, Self::public_message),
            WireFormat::PrivateMessage => self.within(MAX_HANDSHAKE_BYTES, Self::private_message),
            WireFormat::Welcome => self.within(MAX_WELCOME_BYTES, Self::welcome),
            WireFormat::GroupInfo => self.within(MAX_GROUP_INFO_BYTES, Self::group_info),
            WireFormat::KeyPackage => self.within(MAX_KEY_PACKAGE_BYTES, Self::key_package),
        }
    }

    fn public_message(&mut self) -> Result<(), DecodeError> {
        self.opaque()?; // group_id
        self.u64()?; // epoch
        let sender = self.u8()?;
        match sender {
            1 | 2 => self.skip(4)?, // a leaf index, or an index into external_senders
            3 | 4 => {}
            other => return Err(DecodeError::unknown("sender type", other)),
        }
        self.opaque()?; // authenticated_data
        let content = ContentType::try_from(self.u8()?)?;
        match content {
            ContentType::Application => self.opaque()?,
            ContentType::Proposal => self.proposal()?,
            ContentType::Commit => self.commit()?,
        }
        self.opaque()?; // signature
        if content == ContentType::Commit {
            self.opaque()?; // confirmation_tag
        }
        if sender == 1 { self.opaque() } else { Ok(()) } // membership_tag
    }

    fn private_message(&mut self) -> Result<(), DecodeError> {
        self.opaque()?; // group_id
        self.u64()?; // epoch
        if ContentType::try_from(self.u8()?)? == ContentType::Application {
            self.narrow(MAX_MESSAGE_BYTES);
        }
        self.opaques(3) // authenticated_data, encrypted_sender_data, ciphertext
    }

    /// `Welcome` (section 12.4.3.1).
    pub(super) fn welcome(&mut self) -> Result<(), DecodeError> {
        self.u16()?; // cipher_suite
        self.list(|walk| walk.opaques(3))?; // new_member, kem_output, ciphertext
        self.opaque() // encrypted_group_info
    }

    /// `GroupInfo` (section 12.4.3).
    pub(super) fn group_info(&mut self) -> Result<(), DecodeError> {
        self.version()?;
        self.u16()?; // cipher_suite
        self.opaque()?; // group_id
        self.u64()?; // epoch
        self.opaques(2)?; // tree_hash, confirmed_transcript_hash
        self.extensions()?;
        self.extensions()?;
        self.opaque()?; // confirmation_tag
        self.u32()?; // signer
        self.opaque() // signature
    }

    /// `KeyPackage` (section 10).
    pub(super) fn key_package(&mut self) -> Result<(), DecodeError> {
        self.version()?;
        self.u16()?; // cipher_suite
        self.opaque()?; // init_key
        self.leaf_node()?;
        self.extensions()?;
        self.opaque() // signature
    }

    /// `optional<Node> ratchet_tree<V>` (section 12.4.3.3).
    pub(super) fn ratchet_tree(&mut self) -> Result<(), DecodeError> {
        self.list(|walk| walk.optional(Self::node))
    }

    fn node(&mut self) -> Result<(), DecodeError> {
        match self.u8()? {
            1 => self.leaf_node(),
            2 => {
                self.opaques(2)?; // encryption_key, parent_hash
                self.list(|walk| walk.skip(4)) // unmerged_leaves
            }
            other => Err(DecodeError::unknown("node type", other)),
        }
    }

    /// `LeafNode` (section 7.2).
    fn leaf_node(&mut self) -> Result<(), DecodeError> {
        self.opaques(2)?; // encryption_key, signature_key
        match self.u16()? {
            1 => self.opaque()?,           // basic: identity
            2 => self.list(Self::opaque)?, // x509: certificates
            other => return Err(DecodeError::unknown("credential type", other)),
        }
        for _capability in 0..5 {
            self.list(|walk| walk.skip(2))?; // versions, suites, extensions, proposals, credentials
        }
        match self.u8()? {
            1 => self.skip(16)?, // lifetime of a KeyPackage
            2 => {}
            3 => self.opaque()?, // parent_hash of a commit
            other => return Err(DecodeError::unknown("leaf node source", other)),
        }
        self.extensions()?;
        self.opaque() // signature
    }

    /// `Proposal` (section 12.1; 8 to 10 by mls-extensions).
    fn proposal(&mut self) -> Result<(), DecodeError> {
        match self.u16()? {
            1 => self.key_package(),     // add
            2 => self.leaf_node(),       // update
            3 => self.skip(4),           // remove
            4 => self.pre_shared_key(),  // psk
            5 => self.reinit(),          // reinit
            6 => self.opaque(),          // external_init
            7 => self.extensions(),      // group_context_extensions
            8 => self.app_data_update(), // app_data_update
            9 => {
                self.u16()?; // component_id
                self.opaque() // app_ephemeral
            }
            10 => Ok(()), // self_remove
            other => Err(DecodeError::unknown("proposal type", other)),
        }
    }

    fn pre_shared_key(&mut self) -> Result<(), DecodeError> {
        match self.u8()? {
            1 => self.opaque()?, // external: psk_id
            2 => {
                self.u8()?; // usage
                self.opaque()?; // psk_group_id
                self.u64()?; // psk_epoch
            }
            3 => {
                self.u16()?; // component_id
                self.opaque()?; // psk_id
            }
            other => return Err(DecodeError::unknown("PSK type", other)),
        }
        self.opaque() // psk_nonce
    }

    fn reinit(&mut self) -> Result<(), DecodeError> {
        self.opaque()?; // group_id
        self.skip(4)?; // version, cipher_suite
        self.extensions()
    }

    fn app_data_update(&mut self) -> Result<(), DecodeError> {
        self.u16()?; // component_id
        match self.u8()? {
            1 => self.opaque(),
            2 => Ok(()),
            other => Err(DecodeError::unknown("AppDataUpdate operation", other)),
        }
    }

    /// `Commit` (section 12.4).
    fn commit(&mut self) -> Result<(), DecodeError> {
        self.list(|walk| match walk.u8()? {
            1 => walk.proposal(),
            2 => walk.opaque(),
            other => Err(DecodeError::unknown("ProposalOrRef type", other)),
        })?;
        self.optional(|walk| {
            walk.leaf_node()?;
            walk.list(|node| {
                node.opaque()?; // encryption_key
                node.list(|ciphertext| ciphertext.opaques(2)) // kem_output, ciphertext
            })
        })
    }

    fn extensions(&mut self) -> Result<(), DecodeError> {
        self.list(|walk| {
            walk.u16()?; // extension_type
            walk.opaque()
        })
    }

    fn version(&mut self) -> Result<(), DecodeError> {
        match self.u16()? {
            MLS10 => Ok(()),
            other => Err(DecodeError::unknown("MLS version", other)),
        }
    }

    fn opaques(&mut self, count: u8) -> Result<(), DecodeError> {
        (0..count).try_for_each(|_vector| self.opaque())
    }

    fn opaque(&mut self) -> Result<(), DecodeError> {
        let length = self.length()?;
        self.skip(length)
    }

    fn optional(
        &mut self,
        item: fn(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        match self.u8()? {
            0 => Ok(()),
            1 => item(self),
            other => Err(DecodeError::unknown("presence byte", other)),
        }
    }

    fn list(&mut self, item: fn(&mut Self) -> Result<(), DecodeError>) -> Result<(), DecodeError> {
        let length = self.length()?;
        let end = self.room_for(length)?;
        let around = (self.end, self.nested);
        (self.end, self.nested) = (end, true);
        while self.position < end {
            item(self)?;
        }
        (self.end, self.nested) = around;
        Ok(())
    }

    /// Runs the rest of a structure under its own bound, counted from the structure's first byte.
    fn within(
        &mut self,
        limit: usize,
        rest: fn(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.narrow(limit);
        rest(self)
    }

    fn narrow(&mut self, limit: usize) {
        self.end = self.end.min(limit);
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<(), DecodeError> {
        self.skip(4)
    }

    fn u64(&mut self) -> Result<(), DecodeError> {
        self.skip(8)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let end = self.room_for(N)?;
        let bytes = <[u8; N]>::tls_deserialize(&mut self.source)?;
        self.position = end;
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&bytes);
        }
        Ok(bytes)
    }

    fn length(&mut self) -> Result<usize, DecodeError> {
        length_from(|| self.u8())
    }

    fn skip(&mut self, count: usize) -> Result<(), DecodeError> {
        let end = self.room_for(count)?;
        self.position = end;
        let mut content = self
            .source
            .by_ref()
            .take(u64::try_from(count).unwrap_or(u64::MAX));
        let passed = match &mut self.kept {
            Some(kept) => content.read_to_end(kept).ok(),
            None => io::copy(&mut content, &mut io::sink())
                .ok()
                .and_then(|passed| usize::try_from(passed).ok()),
        };
        if passed == Some(count) {
            Ok(())
        } else {
            Err(DecodeError::Truncated)
        }
    }

    /// Where the position will be after `count` more bytes, if the bounds allow it.
    fn room_for(&self, count: usize) -> Result<usize, DecodeError> {
        let end = self.position.saturating_add(count);
        match (end <= self.end, self.nested) {
            (true, _) => Ok(end),
            (false, true) => Err(DecodeError::malformed("a vector ends within an element")),
            (false, false) => Err(DecodeError::TooLong {
                limit: self.end,
                found: end,
            }),
        }
    }
}
