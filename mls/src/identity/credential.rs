//! The statement in a leaf that its key is a device of its user: what a server cannot make up.
//!
//! It is self-contained: a hub or a member verifies it with nothing but the leaf it stands in.
//! Whether the identity in it is the right one is another question
//! ([`crate::room::policy`] asks what stood in the room before, [`super::Pin`] what was seen).
//!
//! The surprise: the URIs and the leaf's key are signed but do not stand in the bytes. They are
//! taken from the leaf, so a credential copied into another leaf does not verify.

use grove_wire::codec::{self, DecodeError, Opaque};
use grove_wire::limits::MAX_SIGNATURE_BYTES;
use grove_wire::uri::{ClientUri, UserUri};
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use super::continuity::{Identity, IdentityError};
use super::keys::{BadSignature, Label, PublicKey, UserIdentityKey, verify};
use super::signed::{append_signature, encode_bounded};

/// The only version of the format.
const VERSION: u8 = 2;

/// Why bytes are not a device credential, or not this leaf's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceCredentialError {
    /// The signature does not cover this client and this leaf key.
    #[error("the device credential is not signed for this client and leaf key")]
    BadSignature,
    /// The identity in it is not certified for the client's user.
    #[error("the identity in the device credential is refused: {0}")]
    Identity(#[from] IdentityError),
    /// The bytes do not have its form.
    #[error("malformed device credential: {0}")]
    Malformed(#[from] DecodeError),
    /// The leaf's key is one of the identity's keys.
    #[error("the leaf's key is a key of its user's identity")]
    SharedKey,
    /// Another version than this one of the format.
    #[error("unknown version {0} of the device credential")]
    Version(u8),
}

impl From<BadSignature> for DeviceCredentialError {
    fn from(_: BadSignature) -> Self {
        Self::BadSignature
    }
}

/// The content of the leaf extension `device_credential`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCredential {
    identity: Identity,
    list_version: u64,
    not_after: u64,
    signature: Vec<u8>,
}

#[derive(TlsSize, TlsSerialize, TlsDeserialize)]
struct Wire {
    version: u8,
    identity: Identity,
    list_version: u64,
    not_after: u64,
    signature: Opaque<MAX_SIGNATURE_BYTES>,
}

#[derive(TlsSize, TlsSerialize)]
struct Tbs {
    user: UserUri,
    client: ClientUri,
    leaf_key: PublicKey,
    identity: Identity,
    list_version: u64,
    not_after: u64,
}

impl DeviceCredential {
    /// Signs that `leaf_key` is `client`'s, under version `list_version` of the device list, until
    /// `not_after` (milliseconds since 1970). `uik` is the key that `identity` certifies.
    pub fn issue(
        uik: &UserIdentityKey,
        identity: &Identity,
        client: &ClientUri,
        leaf_key: &PublicKey,
        list_version: u64,
        not_after: u64,
    ) -> Self {
        let mut credential = Self {
            identity: identity.clone(),
            list_version,
            not_after,
            signature: Vec::new(),
        };
        let tbs = credential.tbs(client, leaf_key);
        credential.signature = uik.0.sign(Label::DeviceCredential, &tbs).to_vec();
        credential
    }

    /// Reads the extension's content; nothing is verified yet.
    ///
    /// # Errors
    /// [`DeviceCredentialError::Malformed`], [`DeviceCredentialError::Version`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DeviceCredentialError> {
        if let Some(version) = bytes.first().filter(|version| **version != VERSION) {
            return Err(DeviceCredentialError::Version(*version));
        }
        let Wire {
            version: _,
            identity,
            list_version,
            not_after,
            signature,
        } = codec::decode(bytes)?;
        Ok(Self {
            identity,
            list_version,
            not_after,
            signature: signature.into_bytes(),
        })
    }

    /// The extension's content: 218 bytes, and 98 for each recovery key behind the first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.identity.to_bytes());
        bytes.extend(encode_bounded(&(self.list_version, self.not_after)));
        append_signature(&mut bytes, &self.signature);
        bytes
    }

    /// Verifies that the recovery keys certify the user identity key inside, and that this signed
    /// the client with this leaf key.
    ///
    /// # Errors
    /// [`DeviceCredentialError::BadSignature`], [`DeviceCredentialError::Identity`],
    /// [`DeviceCredentialError::SharedKey`].
    pub fn verify(
        &self,
        client: &ClientUri,
        leaf_key: &PublicKey,
    ) -> Result<(), DeviceCredentialError> {
        self.identity.verify(&client.user())?;
        if self.identity.all_keys().any(|key| key == leaf_key) {
            return Err(DeviceCredentialError::SharedKey);
        }
        let tbs = self.tbs(client, leaf_key);
        Ok(verify(
            self.identity.uik(),
            Label::DeviceCredential,
            &tbs,
            &self.signature,
        )?)
    }

    /// The identity whose user identity key signed.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The version of the device list it was issued under.
    pub fn list_version(&self) -> u64 {
        self.list_version
    }

    /// Until when a leaf with it is fresh, in milliseconds since 1970. A leaf past it is stale,
    /// never a reason to refuse.
    pub fn not_after(&self) -> u64 {
        self.not_after
    }

    fn tbs(&self, client: &ClientUri, leaf_key: &PublicKey) -> Vec<u8> {
        encode_bounded(&Tbs {
            user: client.user(),
            client: client.clone(),
            leaf_key: *leaf_key,
            identity: self.identity.clone(),
            list_version: self.list_version,
            not_after: self.not_after,
        })
    }
}
