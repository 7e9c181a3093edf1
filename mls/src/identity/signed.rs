//! The one encoder and decoder of signed objects: `fields, opaque signature<V>`.
//!
//! Knows how a signature stands behind its fields; must not know any object.
//!
//! The surprise: decoding does not verify, since which key counts differs per object. The types
//! around an [`Envelope`] are made only after their `decode` has verified, or keep a `verify` that
//! takes the key.

use grove_wire::codec::{DecodeError, read_opaque, write_opaque};
use grove_wire::limits::MAX_SIGNATURE_BYTES;
use tls_codec::{Deserialize, Serialize, Size};

use super::keys::{BadSignature, Label, PublicKey, Secret, verify};

/// Why bytes are not a signed object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// The bytes do not have its form.
    #[error("{0}")]
    Malformed(#[from] DecodeError),
    /// More bytes than such an object may have.
    #[error("more than {0} bytes")]
    TooLong(usize),
}

/// What can be signed.
pub(crate) trait Body: Size + Serialize + Deserialize {
    /// What the signature is for.
    const LABEL: Label;
    /// The object with its signature.
    const MAX_BYTES: usize;
}

/// An object with the exact bytes it was signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope<T> {
    body: T,
    bytes: Vec<u8>,
    body_length: usize,
    signature: Vec<u8>,
}

impl<T: Body> Envelope<T> {
    /// Signs. The caller has checked that the body's lists and texts are within their bounds.
    pub(crate) fn sign(key: &Secret, body: T) -> Self {
        let mut bytes = encode_bounded(&body);
        let signature = key.sign(T::LABEL, &bytes).to_vec();
        let body_length = bytes.len();
        append_signature(&mut bytes, &signature);
        Self {
            body,
            bytes,
            body_length,
            signature,
        }
    }

    /// Reads an object that ends where the bytes end. The signature is not verified.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, SignedError> {
        if bytes.len() > T::MAX_BYTES {
            return Err(SignedError::TooLong(T::MAX_BYTES));
        }
        let mut rest = bytes;
        let envelope = Self::read(&mut rest)?;
        if rest.is_empty() {
            Ok(envelope)
        } else {
            Err(DecodeError::Trailing(rest.len()).into())
        }
    }

    /// Reads an object from the front of `rest` and moves `rest` behind it. The signature is not
    /// verified.
    pub(crate) fn read(rest: &mut &[u8]) -> Result<Self, SignedError> {
        let all = *rest;
        let body = T::tls_deserialize(rest).map_err(DecodeError::from)?;
        let body_length = all.len() - rest.len();
        let signature = read_opaque(rest, MAX_SIGNATURE_BYTES).map_err(DecodeError::from)?;
        let bytes = all
            .get(..all.len() - rest.len())
            .unwrap_or_default()
            .to_vec();
        Ok(Self {
            body,
            bytes,
            body_length,
            signature,
        })
    }

    pub(crate) fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        verify(key, T::LABEL, self.body_bytes(), &self.signature)
    }

    pub(crate) fn body(&self) -> &T {
        &self.body
    }

    /// The signed bytes, without the signature.
    pub(crate) fn body_bytes(&self) -> &[u8] {
        self.bytes.get(..self.body_length).unwrap_or_default()
    }

    /// Everything, as it travels.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Encodes fields that are known to be within their bounds.
pub(crate) fn encode_bounded<T: Size + Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.tls_serialized_len() + 80);
    #[expect(
        clippy::expect_used,
        reason = "memory takes every byte, and every list and text was checked against its bound"
    )]
    value
        .tls_serialize(&mut bytes)
        .expect("a value within its bounds can be encoded");
    bytes
}

/// Appends `opaque signature<V>`.
pub(crate) fn append_signature(bytes: &mut Vec<u8>, signature: &[u8]) {
    append_opaque(bytes, signature);
}

/// Appends `opaque content<V>`, whose bound the caller has checked.
pub(crate) fn append_opaque(bytes: &mut Vec<u8>, content: &[u8]) {
    #[expect(
        clippy::expect_used,
        reason = "memory takes every byte, and no object nears the 2^30 bytes of a vector"
    )]
    write_opaque(bytes, content).expect("an object can be encoded");
}
