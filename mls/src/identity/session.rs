//! A device's login: a signature over the server's nonce.
//!
//! Must not know tokens, clocks or which nonces are still good.
//!
//! The surprise: the server's domain is signed too, so a proof obtained by one server is worth nothing at another.

use grove_wire::uri::{ClientUri, Provider};
use tls_codec::{TlsSerialize, TlsSize};

use super::{
    keys::{BadSignature, DeviceKey, Label, PublicKey, verify},
    signed::encode_bounded,
};

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
