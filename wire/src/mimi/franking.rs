//! Franking: what lets a hub recognise a reported message without having read it (section 5.5 and
//! 8.3 of the draft).
//!
//! Structs only; tags and signatures are made elsewhere.
//!
//! The surprise: the sender's URI is part of what the hub signs and is not sent. Receivers take it
//! from the decrypted content and rebuild [`ServerFrankingContext`] from it.

use std::fmt;
use std::io::{Read, Write};

use tls_codec::{Deserialize, Serialize, Size, TlsDeserialize, TlsSerialize, TlsSize};

use super::Credential;
use crate::codec::{Bounded, DecodeError, Opaque};
use crate::limits::{MAX_AUTHENTICATED_DATA_BYTES, MAX_PUBLIC_KEY_BYTES, MAX_SIGNATURE_BYTES};
use crate::uri::IdentifierUri;

/// Label of the signature over [`FrankingIntegrityTbs`] (`SignWithLabel`).
pub const FRANKING_INTEGRITY_LABEL: &str = "FrankingIntegrityTBS";

/// What a hub returns for an accepted message.
#[derive(Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct Frank {
    /// HMAC-SHA256 of the hub's key over tag and context.
    pub server_frank: [u8; 32],
    /// The suite of the signature, which is the group's.
    pub franking_signature_ciphersuite: u16,
    /// Signature over [`FrankingIntegrityTbs`].
    pub franking_integrity_signature: Opaque<MAX_SIGNATURE_BYTES>,
}

/// The sender's tag, as component 0x0020 of the Safe AAD.
#[derive(Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct FrankAad {
    /// HMAC-SHA256 keyed with the content's salt over the application data.
    pub franking_tag: [u8; 32],
}

/// Who franks in a room, as component 0x0021 of the group context.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct FrankingAgentData {
    /// Key of the integrity signatures.
    pub franking_signature_key: Opaque<MAX_PUBLIC_KEY_BYTES>,
    /// The agent's credential; its domain is the hub's.
    pub credential: Credential,
}

/// What a frank binds a message to.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct ServerFrankingContext {
    /// The sending user.
    pub sender_uri: IdentifierUri,
    /// The room.
    pub room_uri: IdentifierUri,
    /// When the hub accepted the message. Unit: milliseconds since 1970.
    pub accepted_timestamp: u64,
}

/// What the integrity signature covers.
#[derive(Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct FrankingIntegrityTbs {
    /// As in [`Frank`].
    pub server_frank: [u8; 32],
    /// As in [`Frank`].
    pub franking_signature_ciphersuite: u16,
    /// What the frank binds the message to.
    pub context: ServerFrankingContext,
}

/// The authenticated data of a message in a group with the `safe_aad` component: a sorted list of
/// components (draft-ietf-mls-extensions-10, section 4.9).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SafeAad {
    aad_items: Vec<SafeAadItem>,
}

/// One component of the Safe AAD.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct SafeAadItem {
    /// Which component.
    pub component_id: u16,
    /// Its data.
    pub data: Opaque<MAX_AUTHENTICATED_DATA_BYTES>,
}

impl SafeAad {
    /// Sorts the items by component.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] when a component stands twice.
    pub fn new(mut aad_items: Vec<SafeAadItem>) -> Result<Self, DecodeError> {
        aad_items.sort_by_key(|item| item.component_id);
        Self::sorted(aad_items)
    }

    /// The items, ascending by component.
    pub fn items(&self) -> &[SafeAadItem] {
        &self.aad_items
    }

    /// The data of one component.
    pub fn find(&self, component_id: u16) -> Option<&[u8]> {
        self.aad_items
            .iter()
            .find(|item| item.component_id == component_id)
            .map(|item| item.data.as_bytes())
    }

    fn sorted(aad_items: Vec<SafeAadItem>) -> Result<Self, DecodeError> {
        if aad_items.is_sorted_by(|one, next| one.component_id < next.component_id) {
            Ok(Self { aad_items })
        } else {
            Err(DecodeError::malformed("Safe AAD components must ascend"))
        }
    }
}

impl Size for SafeAad {
    fn tls_serialized_len(&self) -> usize {
        Bounded::<MAX_AUTHENTICATED_DATA_BYTES>::tls_serialized_len(&self.aad_items)
    }
}

impl Serialize for SafeAad {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        Bounded::<MAX_AUTHENTICATED_DATA_BYTES>::tls_serialize(&self.aad_items, writer)
    }
}

impl Deserialize for SafeAad {
    fn tls_deserialize<R: Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
        Ok(Self::sorted(
            Bounded::<MAX_AUTHENTICATED_DATA_BYTES>::tls_deserialize(reader)?,
        )?)
    }
}

impl fmt::Debug for Frank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frank")
            .field(
                "franking_signature_ciphersuite",
                &self.franking_signature_ciphersuite,
            )
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FrankAad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrankAad").finish_non_exhaustive()
    }
}

impl fmt::Debug for FrankingIntegrityTbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrankingIntegrityTbs")
            .field(
                "franking_signature_ciphersuite",
                &self.franking_signature_ciphersuite,
            )
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
