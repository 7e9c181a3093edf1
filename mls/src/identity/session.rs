//! A login: a signature over the server's nonce, by a device or, with no device left, by the
//! recovery key.
//!
//! Must not know tokens, clocks or which nonces are still good.
//!
//! The surprise: the server's domain is signed too, so a proof obtained by one server is worth
//! nothing at another.

use grove_wire::uri::{ClientUri, Provider, UserUri};
use tls_codec::{TlsSerialize, TlsSize};

use super::keys::{BadSignature, DeviceKey, Label, PublicKey, RecoveryKey, verify};
use super::signed::encode_bounded;

/// What a device signs to open a session. Only the signature travels; both sides know the rest.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize)]
pub struct SessionProof {
    /// The server it logs in to.
    pub domain: Provider,
    /// The device.
    pub client: ClientUri,
    /// The server's nonce, used once.
    pub nonce: [u8; 32],
    /// When the nonce ends, in milliseconds since 1970.
    pub expires_at: u64,
}

impl SessionProof {
    /// Signs as the device.
    pub fn sign(&self, key: &DeviceKey) -> [u8; 64] {
        key.0.sign(Label::Session, &encode_bounded(self))
    }

    /// Verifies that the device with this key signed.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, key: &PublicKey, signature: &[u8]) -> Result<(), BadSignature> {
        verify(key, Label::Session, &encode_bounded(self), signature)
    }
}

/// What the recovery key signs to be shown the newest device list. Only the signature travels; both
/// sides know the rest.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize)]
pub struct RecoveryProof {
    /// The server that is asked.
    pub domain: Provider,
    /// Whose recovery key it is.
    pub user: UserUri,
    /// The server's nonce, used once.
    pub nonce: [u8; 32],
    /// When the nonce ends, in milliseconds since 1970.
    pub expires_at: u64,
}

impl RecoveryProof {
    /// Signs as whoever has the words.
    pub fn sign(&self, key: &RecoveryKey) -> [u8; 64] {
        key.0.sign(Label::Recovery, &encode_bounded(self))
    }

    /// Verifies that this recovery key signed.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, key: &PublicKey, signature: &[u8]) -> Result<(), BadSignature> {
        verify(key, Label::Recovery, &encode_bounded(self), signature)
    }
}
