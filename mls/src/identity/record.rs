//! A room's birth certificate: who made it, where it lives, under which keys. Its hash is the
//! room's name.
//!
//! It stands unchanged in the `GroupContext` for as long as the room exists. This module must not
//! know MLS groups.
//!
//! The surprise: the hash covers the signature too. An id therefore names one signed record, not
//! one set of fields.

use grove_wire::limits::MAX_RECORD_BYTES;
use grove_wire::uri::{Provider, RoomUri, UserUri};
use sha2::{Digest as _, Sha256};
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use super::keys::{BadSignature, DeviceKey, Label, PublicKey};
use super::signed::{Body, Envelope, SignedError};

/// The only version of the format.
pub const CREATION_RECORD_VERSION: u16 = 1;

/// Why a creation record is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not signed by the device key in it.
    #[error("the creation record is not signed by its device key")]
    BadSignature,
    /// A creator whose home is another provider: rooms are created at home.
    #[error("the creator is not a user of the hub")]
    ForeignCreator,
    /// The bytes do not have its form.
    #[error("malformed creation record: {0}")]
    Malformed(#[from] SignedError),
    /// Another version than [`CREATION_RECORD_VERSION`].
    #[error("unknown version {0} of the creation record")]
    Version(u16),
}

impl From<BadSignature> for RecordError {
    fn from(_: BadSignature) -> Self {
        Self::BadSignature
    }
}

/// What a creation record says.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
pub struct CreationRecord {
    /// [`CREATION_RECORD_VERSION`].
    pub version: u16,
    /// The provider that hosts the room.
    pub hub: Provider,
    /// Its key: the room's external sender, and the signer of its receipts.
    pub hub_key: PublicKey,
    /// Who made it.
    pub creator: UserUri,
    /// The creator's first recovery key.
    pub root: PublicKey,
    /// The key of the device that made it, which signs.
    pub device_key: PublicKey,
    /// The room's MLS cipher suite, fixed for its life.
    pub cipher_suite: u16,
    /// When, in milliseconds since 1970, by the creating device's clock.
    pub time: u64,
    /// 32 random bytes, so that two rooms made in one millisecond differ; in an account room
    /// [`account_room_nonce`].
    pub nonce: [u8; 32],
    /// The room this one succeeds.
    pub predecessor: Option<RoomUri>,
}

impl Body for CreationRecord {
    const LABEL: Label = Label::CreationRecord;
    const MAX_BYTES: usize = MAX_RECORD_BYTES;
}

impl CreationRecord {
    fn check(&self) -> Result<(), RecordError> {
        if self.version != CREATION_RECORD_VERSION {
            return Err(RecordError::Version(self.version));
        }
        if self.creator.provider() != self.hub {
            return Err(RecordError::ForeignCreator);
        }
        Ok(())
    }
}

/// A verified creation record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCreationRecord(Envelope<CreationRecord>);

impl SignedCreationRecord {
    /// Signs a record with the creating device's key.
    ///
    /// # Errors
    /// [`RecordError::BadSignature`] when the record names another device key,
    /// [`RecordError::ForeignCreator`], [`RecordError::Version`].
    pub fn sign(device: &DeviceKey, record: CreationRecord) -> Result<Self, RecordError> {
        if device.public() != record.device_key {
            return Err(RecordError::BadSignature);
        }
        record.check()?;
        Ok(Self(Envelope::sign(&device.0, record)))
    }

    /// Reads a record and verifies it with the device key in it.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let envelope = Envelope::<CreationRecord>::decode(bytes)?;
        envelope.body().check()?;
        envelope.verify(&envelope.body().device_key)?;
        Ok(Self(envelope))
    }

    /// What it says.
    pub fn record(&self) -> &CreationRecord {
        self.0.body()
    }

    /// The room it makes: SHA-256 over label and signed record, at its hub. The MLS group id is the
    /// same 32 bytes.
    pub fn room_uri(&self) -> RoomUri {
        let hash = Sha256::digest(Label::CreationRecord.frame(self.as_bytes()));
        RoomUri::new(&self.record().hub, &hash.into())
    }

    /// As it travels and stands in the `GroupContext`.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The nonce in the creation record of a user's account room: any device of the user knows the room
/// by it.
pub fn account_room_nonce(user: &UserUri) -> [u8; 32] {
    Sha256::digest(Label::AccountRoom.frame(user.as_str().as_bytes())).into()
}

/// Whether a room is its creator's account room. Whether the creator is the own user, the caller
/// compares.
pub fn is_account_room(record: &SignedCreationRecord) -> bool {
    let record = record.record();
    record.nonce == account_room_nonce(&record.creator)
}
