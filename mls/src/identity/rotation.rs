//! Changes of a user's keys: each is signed by the key that had the authority before.
//!
//! A rotation travels beside the first device list made with the new keys. This module must not
//! know what else a list says.
//!
//! The surprise: a recovery key changes only by the old recovery key. Whoever steals a device, and
//! with it the user identity key, can rotate that key once more, but the words on paper have the
//! last word.

use grove_wire::codec::DecodeError;
use grove_wire::uri::UserUri;
use tls_codec::{Deserialize as _, TlsDeserialize, TlsSerialize, TlsSize};

use super::keys::{BadSignature, Label, PublicKey, RecoveryKey, UserIdentityKey};
use super::signed::{Body, Envelope, SignedError};

/// Large enough for two keys and the longest URI.
const MAX_ROTATION_BYTES: usize = 10 * 1024;

/// Which key signed a new user identity key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
#[repr(u8)]
pub enum RotationAuthority {
    /// The old user identity key.
    Uik = 1,
    /// The recovery key.
    Recovery = 2,
}

/// A new user identity key.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
pub struct UikRotation {
    /// Whose.
    pub user: UserUri,
    /// The key until now.
    pub old: PublicKey,
    /// The key from now on.
    pub new: PublicKey,
    /// The version of the device list that starts with the new key.
    pub version: u64,
    /// Who signed.
    pub by: RotationAuthority,
}

/// A new recovery key, signed by the old one.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
pub struct RecoveryRotation {
    /// Whose.
    pub user: UserUri,
    /// The key until now.
    pub old: PublicKey,
    /// The key from now on.
    pub new: PublicKey,
    /// The version of the device list that starts with the new key.
    pub version: u64,
}

impl Body for UikRotation {
    const LABEL: Label = Label::UikRotation;
    const MAX_BYTES: usize = MAX_ROTATION_BYTES;
}

impl Body for RecoveryRotation {
    const LABEL: Label = Label::RecoveryRotation;
    const MAX_BYTES: usize = MAX_ROTATION_BYTES;
}

/// A signed [`UikRotation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedUikRotation(pub(super) Envelope<UikRotation>);

/// A signed [`RecoveryRotation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRecoveryRotation(pub(super) Envelope<RecoveryRotation>);

impl SignedUikRotation {
    /// Signs with the old user identity key.
    pub fn by_uik(old: &UserIdentityKey, user: &UserUri, new: &PublicKey, version: u64) -> Self {
        let by = RotationAuthority::Uik;
        Self(Envelope::sign(
            &old.0,
            UikRotation {
                user: user.clone(),
                old: old.public(),
                new: *new,
                version,
                by,
            },
        ))
    }

    /// Signs with the recovery key; `old` is the user identity key until now.
    pub fn by_recovery(
        recovery: &RecoveryKey,
        user: &UserUri,
        old: &PublicKey,
        new: &PublicKey,
        version: u64,
    ) -> Self {
        let by = RotationAuthority::Recovery;
        Self(Envelope::sign(
            &recovery.0,
            UikRotation {
                user: user.clone(),
                old: *old,
                new: *new,
                version,
                by,
            },
        ))
    }

    /// Reads one; its signature is checked by [`Self::verify`], since the recovery key does not
    /// stand in it.
    ///
    /// # Errors
    /// [`SignedError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, SignedError> {
        Envelope::decode(bytes).map(Self)
    }

    /// Verifies it with the key it claims: the old user identity key, or the recovery key that was
    /// valid until now.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, recovery: &PublicKey) -> Result<(), BadSignature> {
        match self.rotation().by {
            RotationAuthority::Uik => self.0.verify(&self.rotation().old),
            RotationAuthority::Recovery => self.0.verify(recovery),
        }
    }

    /// What it says.
    pub fn rotation(&self) -> &UikRotation {
        self.0.body()
    }

    /// As it travels.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl SignedRecoveryRotation {
    /// Signs with the old recovery key.
    pub fn sign(old: &RecoveryKey, user: &UserUri, new: &PublicKey, version: u64) -> Self {
        Self(Envelope::sign(
            &old.0,
            RecoveryRotation {
                user: user.clone(),
                old: old.public(),
                new: *new,
                version,
            },
        ))
    }

    /// Reads one; its signature is checked by [`Self::verify`].
    ///
    /// # Errors
    /// [`SignedError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, SignedError> {
        Envelope::decode(bytes).map(Self)
    }

    /// Verifies that the recovery key until now signed it.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self) -> Result<(), BadSignature> {
        self.0.verify(&self.rotation().old)
    }

    /// What it says.
    pub fn rotation(&self) -> &RecoveryRotation {
        self.0.body()
    }

    /// As it travels.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Reads `optional<T>` from the front of `rest`.
pub(super) fn read_optional<T: Body>(rest: &mut &[u8]) -> Result<Option<Envelope<T>>, SignedError> {
    match u8::tls_deserialize(rest).map_err(DecodeError::from)? {
        0 => Ok(None),
        1 => Envelope::read(rest).map(Some),
        other => Err(DecodeError::Unknown {
            what: "presence".to_owned(),
            value: other.into(),
        }
        .into()),
    }
}

/// Writes `optional<T>`.
pub(super) fn append_optional(bytes: &mut Vec<u8>, object: Option<&[u8]>) {
    match object {
        None => bytes.push(0),
        Some(object) => {
            bytes.push(1);
            bytes.extend_from_slice(object);
        }
    }
}
