//! `keyMaterial`: asking for the `KeyPackage`s of another user's clients (section 5.2 of the
//! draft).
//!
//! Requests go through the room's hub, which remembers whom each `KeyPackage` belongs to. The
//! request carries a signature of the asking client; nothing in it is fresh, so a replay must be
//! prevented by whoever answers.

use tls_codec::{Size, TlsDeserialize, TlsSerialize, TlsSize};

use super::{Credential, Protocol};
use crate::codec::{Bounded, EncodeError, Opaque, encode};
use crate::limits::{
    MAX_CODE_POINTS_BYTES, MAX_KEY_MATERIAL_BYTES, MAX_PUBLIC_KEY_BYTES, MAX_SIGNATURE_BYTES,
};
use crate::mls::KeyPackage;
use crate::uri::{IdentifierUri, RoomUri, UserUri};

/// Label of the signature in [`KeyMaterialRequest`] (`SignWithLabel`).
pub const KEY_MATERIAL_REQUEST_LABEL: &str = "KeyMaterialRequestTBS";

/// Asks for one `KeyPackage` of each client of a user.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct KeyMaterialRequest {
    /// MLS 1.0.
    pub protocol: Protocol,
    /// Who asks.
    pub requesting_user: UserUri,
    /// Whose clients are wanted.
    pub target_user: UserUri,
    /// The room they are to be added to.
    pub room_id: RoomUri,
    /// Suites that would do, best first.
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub acceptable_ciphersuites: Vec<u16>,
    /// What their clients must support.
    pub required_capabilities: RequiredCapabilities,
    /// Key of the signature below.
    pub requester_signature_key: Opaque<MAX_PUBLIC_KEY_BYTES>,
    /// Whose key it is.
    pub requester_credential: Credential,
    /// Signature over [`Self::tbs`].
    pub key_material_request_signature: Opaque<MAX_SIGNATURE_BYTES>,
}

/// What every member must support (RFC 9420, section 11.1).
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct RequiredCapabilities {
    /// Extension types.
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub extension_types: Vec<u16>,
    /// Proposal types.
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub proposal_types: Vec<u16>,
    /// Credential types.
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub credential_types: Vec<u16>,
}

/// What a client supports (RFC 9420, section 7.2).
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct Capabilities {
    /// Protocol versions.
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub versions: Vec<u16>,
    /// Cipher suites.
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub cipher_suites: Vec<u16>,
    /// Extension types.
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub extensions: Vec<u16>,
    /// Proposal types.
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub proposals: Vec<u16>,
    /// Credential types.
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub credentials: Vec<u16>,
}

/// The answer: what was found for the user, then per client.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct KeyMaterialResponse {
    /// MLS 1.0.
    pub protocol: Protocol,
    /// The verdict for the user as a whole.
    pub user_status: KeyMaterialUserCode,
    /// The user asked for.
    pub user_uri: UserUri,
    /// Filled for `Success` and `PartialSuccess`, perhaps for `NoCompatibleMaterial`, empty
    /// otherwise.
    #[tls_codec(with = "Bounded::<MAX_KEY_MATERIAL_BYTES>")]
    pub clients: Vec<ClientKeyMaterial>,
}

/// The verdict for a user, in the draft's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum KeyMaterialUserCode {
    /// Every client has a `KeyPackage` here.
    Success = 0,
    /// Some clients have none.
    PartialSuccess = 1,
    /// The provider does not speak the protocol asked for.
    IncompatibleProtocol = 2,
    /// No client fits the suites or capabilities.
    NoCompatibleMaterial = 3,
    /// No such user.
    UserUnknown = 4,
    /// The user did not agree to be contacted; also the answer that hides the other reasons.
    NoConsent = 5,
    /// The user did not agree to this room.
    NoConsentForThisRoom = 6,
    /// There was such a user.
    UserDeleted = 7,
}

/// The verdict for one client, without what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMaterialClientCode {
    /// A `KeyPackage` is here.
    Success,
    /// The pool is empty.
    KeyMaterialExhausted,
    /// The client does not fit.
    NothingCompatible,
}

/// One client of the user.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum ClientKeyMaterial {
    /// A `KeyPackage`, handed out this once.
    #[tls_codec(discriminant = 0)]
    Success {
        /// The client.
        client_uri: IdentifierUri,
        /// Its `KeyPackage`.
        key_package: KeyPackage,
    },
    /// The pool is empty.
    #[tls_codec(discriminant = 1)]
    KeyMaterialExhausted {
        /// The client.
        client_uri: IdentifierUri,
    },
    /// The client does not fit.
    #[tls_codec(discriminant = 2)]
    NothingCompatible {
        /// The client.
        client_uri: IdentifierUri,
        /// What it supports, if the provider tells.
        client_capabilities: Option<Capabilities>,
    },
}

impl KeyMaterialRequest {
    /// What is signed: everything in front of the signature.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] when a list exceeds its bound.
    pub fn tbs(&self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = encode(self)?;
        bytes.truncate(bytes.len() - self.key_material_request_signature.tls_serialized_len());
        Ok(bytes)
    }
}

impl ClientKeyMaterial {
    /// The client. Foreign providers form client URIs their own way.
    pub fn client_uri(&self) -> &IdentifierUri {
        match self {
            Self::Success { client_uri, .. }
            | Self::KeyMaterialExhausted { client_uri }
            | Self::NothingCompatible { client_uri, .. } => client_uri,
        }
    }

    /// The verdict.
    pub fn code(&self) -> KeyMaterialClientCode {
        match self {
            Self::Success { .. } => KeyMaterialClientCode::Success,
            Self::KeyMaterialExhausted { .. } => KeyMaterialClientCode::KeyMaterialExhausted,
            Self::NothingCompatible { .. } => KeyMaterialClientCode::NothingCompatible,
        }
    }
}
