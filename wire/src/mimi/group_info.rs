//! `groupInfo`: what a client needs to join by itself, sealed to it (section 5.6 of the draft).
//!
//! The request carries no nonce: a replay gains nothing, because the answer is encrypted to the key
//! in it.

use std::io::{Read, Write};

use tls_codec::{Deserialize, Serialize, Size, TlsDeserialize, TlsSerialize, TlsSize};

use super::update::RatchetTreeOption;
use super::{Credential, Protocol, expect_mls10};
use crate::codec::{Bounded, DecodeError, EncodeError, Opaque, encode, size_by_counting};
use crate::limits::{
    MAX_JOINING_CODE_BYTES, MAX_MORE_PROPOSALS_BYTES, MAX_PUBLIC_KEY_BYTES,
    MAX_SEALED_GROUP_INFO_BYTES, MAX_SIGNATURE_BYTES,
};
use crate::mls::{GroupInfo, MlsMessage};
use crate::uri::RoomUri;

/// Label of the signature in [`GroupInfoRequest`] (`SignWithLabel`).
pub const GROUP_INFO_REQUEST_LABEL: &str = "GroupInfoRequestTBS";
/// Label of the signature in [`GroupInfoResponse`] (`SignWithLabel`).
pub const GROUP_INFO_RESPONSE_LABEL: &str = "GroupInfoResponseTBS";
/// Label of the encryption of [`GroupInfoRatchetTreeTbe`] (`EncryptWithLabel`, with the room's URI
/// as context).
pub const GROUP_INFO_ENCRYPTION_LABEL: &str = "GroupInfo and ratchet_tree encryption";

/// The body of `groupInfo`.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct GroupInfoRequest {
    /// MLS 1.0.
    pub protocol: Protocol,
    /// The suite of the keys below.
    pub cipher_suite: u16,
    /// Key of the signature below.
    pub requesting_signature_key: Opaque<MAX_PUBLIC_KEY_BYTES>,
    /// Whose key it is.
    pub requesting_credential: Credential,
    /// The HPKE key the answer is sealed to.
    pub group_info_public_key: Opaque<MAX_PUBLIC_KEY_BYTES>,
    /// Empty for want of one.
    pub joining_code: Opaque<MAX_JOINING_CODE_BYTES>,
    /// Signature over [`Self::tbs`].
    pub signature: Opaque<MAX_SIGNATURE_BYTES>,
}

/// The hub's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupInfoResponse {
    /// Here it is.
    Success {
        /// The room.
        room_id: RoomUri,
        /// The suite of key and ciphertext.
        cipher_suite: u16,
        /// The hub's key, as in the group's `external_senders`.
        hub_sender: ExternalSender,
        /// A sealed [`GroupInfoRatchetTreeTbe`].
        encrypted_groupinfo_and_tree: HpkeCiphertext,
        /// The hub's signature over [`Self::tbs`].
        signature: Opaque<MAX_SIGNATURE_BYTES>,
    },
    /// The client may not join.
    NotAuthorized {
        /// The room.
        room_id: RoomUri,
    },
    /// There is no such room. A hub may say [`Self::NotAuthorized`] instead.
    NoSuchRoom {
        /// The room.
        room_id: RoomUri,
    },
}

/// Somebody outside the group who may send proposals (RFC 9420, section 12.1.8.1).
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct ExternalSender {
    /// Its key.
    pub signature_key: Opaque<MAX_PUBLIC_KEY_BYTES>,
    /// Its credential.
    pub credential: Credential,
}

/// An HPKE ciphertext (RFC 9420, section 7.6).
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct HpkeCiphertext {
    /// The encapsulated key.
    pub kem_output: Opaque<MAX_PUBLIC_KEY_BYTES>,
    /// The sealed bytes.
    pub ciphertext: Opaque<MAX_SEALED_GROUP_INFO_BYTES>,
}

/// What is sealed in the answer.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct GroupInfoRatchetTreeTbe {
    /// The group now; without a ratchet tree.
    pub group_info: GroupInfo,
    /// Its tree, or where it comes from.
    pub ratchet_tree: RatchetTreeOption,
    /// Proposals that wait for a commit.
    #[tls_codec(with = "Bounded::<MAX_MORE_PROPOSALS_BYTES>")]
    pub pending_proposals: Vec<PendingProposal>,
}

/// A proposal that waits for a commit.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct PendingProposal {
    /// The proposal.
    pub proposal: MlsMessage,
    /// When the hub accepted it. Unit: milliseconds since 1970.
    pub hub_accepted_time: u64,
}

impl GroupInfoRequest {
    /// What is signed: everything in front of the signature.
    ///
    /// # Errors
    /// None for values made by this crate's constructors.
    pub fn tbs(&self) -> Result<Vec<u8>, EncodeError> {
        Ok(without(encode(self)?, &self.signature))
    }
}

impl GroupInfoResponse {
    /// What the hub signs: everything in front of the signature. Only [`Self::Success`] is signed;
    /// the others give none.
    ///
    /// # Errors
    /// None for values made by this crate's constructors.
    pub fn tbs(&self) -> Result<Option<Vec<u8>>, EncodeError> {
        match self {
            Self::Success { signature, .. } => Ok(Some(without(encode(self)?, signature))),
            Self::NotAuthorized { .. } | Self::NoSuchRoom { .. } => Ok(None),
        }
    }

    /// The room.
    pub fn room_id(&self) -> &RoomUri {
        match self {
            Self::Success { room_id, .. }
            | Self::NotAuthorized { room_id }
            | Self::NoSuchRoom { room_id } => room_id,
        }
    }
}

fn without(mut bytes: Vec<u8>, signature: &Opaque<MAX_SIGNATURE_BYTES>) -> Vec<u8> {
    bytes.truncate(bytes.len() - signature.tls_serialized_len());
    bytes
}

size_by_counting!(GroupInfoResponse);

impl Serialize for GroupInfoResponse {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        let head = Protocol::Mls10.tls_serialize(writer)? + self.room_id().tls_serialize(writer)?;
        let answer = match self {
            Self::Success {
                room_id: _,
                cipher_suite,
                hub_sender,
                encrypted_groupinfo_and_tree,
                signature,
            } => {
                1_u8.tls_serialize(writer)?
                    + cipher_suite.tls_serialize(writer)?
                    + hub_sender.tls_serialize(writer)?
                    + encrypted_groupinfo_and_tree.tls_serialize(writer)?
                    + signature.tls_serialize(writer)?
            }
            Self::NotAuthorized { .. } => 2_u8.tls_serialize(writer)?,
            Self::NoSuchRoom { .. } => 3_u8.tls_serialize(writer)?,
        };
        Ok(head + answer)
    }
}

impl Deserialize for GroupInfoResponse {
    fn tls_deserialize<R: Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
        expect_mls10(reader)?;
        let room_id = RoomUri::tls_deserialize(reader)?;
        Ok(match u8::tls_deserialize(reader)? {
            1 => Self::Success {
                room_id,
                cipher_suite: u16::tls_deserialize(reader)?,
                hub_sender: ExternalSender::tls_deserialize(reader)?,
                encrypted_groupinfo_and_tree: HpkeCiphertext::tls_deserialize(reader)?,
                signature: Opaque::tls_deserialize(reader)?,
            },
            2 => Self::NotAuthorized { room_id },
            3 => Self::NoSuchRoom { room_id },
            other => return Err(DecodeError::unknown("groupInfo response code", other).into()),
        })
    }
}
