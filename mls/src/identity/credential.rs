//! The statement in a leaf that its key is a device of its user: what a server cannot make up.
//!
//! It is self-contained: a hub or a member verifies it with nothing but the leaf it stands in.
//! Whether the user identity key in it is the right one is another question ([`super::Pin`]).
//!
//! The surprise: the URIs and the leaf's key are signed but do not stand in the bytes. They are
//! taken from the leaf, so a credential copied into another leaf does not verify.

use grove_wire::codec::{self, DecodeError, Opaque};
use grove_wire::limits::MAX_SIGNATURE_BYTES;
use grove_wire::uri::{ClientUri, UserUri};
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use super::keys::{BadSignature, Label, PublicKey, UserIdentityKey, verify};
use super::signed::{append_signature, encode_bounded};

/// Why bytes are not a device credential, or not this leaf's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceCredentialError {
    /// The signature does not cover this client and this leaf key.
    #[error("the device credential is not signed for this client and leaf key")]
    BadSignature,
    /// The bytes do not have its form.
    #[error("malformed device credential: {0}")]
    Malformed(#[from] DecodeError),
}

impl From<BadSignature> for DeviceCredentialError {
    fn from(_: BadSignature) -> Self {
        Self::BadSignature
    }
}

/// The content of the leaf extension `device_credential`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCredential {
    uik: PublicKey,
    version: u64,
    not_after: u64,
    signature: Vec<u8>,
}

#[derive(TlsSize, TlsSerialize, TlsDeserialize)]
struct Wire {
    uik: PublicKey,
    version: u64,
    not_after: u64,
    signature: Opaque<MAX_SIGNATURE_BYTES>,
}

#[derive(TlsSize, TlsSerialize)]
struct Tbs {
    user: UserUri,
    client: ClientUri,
    leaf_key: PublicKey,
    version: u64,
    not_after: u64,
}

impl DeviceCredential {
    /// Signs that `leaf_key` is `client`'s, under version `version` of the device list, until
    /// `not_after` (milliseconds since 1970).
    pub fn issue(
        uik: &UserIdentityKey,
        client: &ClientUri,
        leaf_key: &PublicKey,
        version: u64,
        not_after: u64,
    ) -> Self {
        let tbs = tbs(client, leaf_key, version, not_after);
        let signature = uik.0.sign(Label::DeviceCredential, &tbs).to_vec();
        Self {
            uik: uik.public(),
            version,
            not_after,
            signature,
        }
    }

    /// Reads the extension's content; nothing is verified yet.
    ///
    /// # Errors
    /// [`DeviceCredentialError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DeviceCredentialError> {
        let Wire {
            uik,
            version,
            not_after,
            signature,
        } = codec::decode(bytes)?;
        Ok(Self {
            uik,
            version,
            not_after,
            signature: signature.into_bytes(),
        })
    }

    /// The extension's content: 114 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = encode_bounded(&(self.uik, self.version, self.not_after));
        append_signature(&mut bytes, &self.signature);
        bytes
    }

    /// Verifies that the user identity key inside signed this client with this leaf key.
    ///
    /// # Errors
    /// [`DeviceCredentialError::BadSignature`].
    pub fn verify(
        &self,
        client: &ClientUri,
        leaf_key: &PublicKey,
    ) -> Result<(), DeviceCredentialError> {
        let tbs = tbs(client, leaf_key, self.version, self.not_after);
        Ok(verify(
            &self.uik,
            Label::DeviceCredential,
            &tbs,
            &self.signature,
        )?)
    }

    /// The user identity key that signed.
    pub fn uik(&self) -> &PublicKey {
        &self.uik
    }

    /// The version of the device list it was issued under.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Until when a leaf with it is fresh, in milliseconds since 1970. A leaf past it is stale,
    /// never a reason to refuse.
    pub fn not_after(&self) -> u64 {
        self.not_after
    }
}

fn tbs(client: &ClientUri, leaf_key: &PublicKey, version: u64, not_after: u64) -> Vec<u8> {
    encode_bounded(&Tbs {
        user: client.user(),
        client: client.clone(),
        leaf_key: *leaf_key,
        version,
        not_after,
    })
}
