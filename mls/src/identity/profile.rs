//! A room's name and topic: an object signed by whoever last changed it, carried as encrypted
//! content.
//!
//! Servers never see it. This module must not know how content travels, nor whether the author was
//! allowed to.
//!
//! The surprise: there is no server to decide between two profiles of one version.
//! [`SignedRoomProfile::supersedes`] gives the same answer at every reader, whatever the order they
//! arrive in.

use grove_wire::codec::Text;
use grove_wire::uri::{ClientUri, RoomUri};
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use super::keys::{BadSignature, DeviceKey, Label, PublicKey};
use super::signed::{Body, Envelope, SignedError};

/// A room's name, in bytes of UTF-8.
pub const MAX_ROOM_NAME_BYTES: usize = 256;
/// A room's topic, in bytes of UTF-8.
pub const MAX_ROOM_TOPIC_BYTES: usize = 4096;

/// Why a room profile is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Not signed by the given device.
    #[error("the room profile is not signed by its author's device")]
    BadSignature,
    /// The bytes do not have its form.
    #[error("malformed room profile: {0}")]
    Malformed(#[from] SignedError),
    /// A name above [`MAX_ROOM_NAME_BYTES`].
    #[error("a room's name has at most {MAX_ROOM_NAME_BYTES} bytes")]
    NameTooLong,
    /// A topic above [`MAX_ROOM_TOPIC_BYTES`].
    #[error("a room's topic has at most {MAX_ROOM_TOPIC_BYTES} bytes")]
    TopicTooLong,
}

impl From<BadSignature> for ProfileError {
    fn from(_: BadSignature) -> Self {
        Self::BadSignature
    }
}

/// What a room profile says.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
pub struct RoomProfile {
    /// The room.
    pub room: RoomUri,
    /// From 1; the higher one counts.
    pub version: u64,
    /// At most [`MAX_ROOM_NAME_BYTES`].
    #[tls_codec(with = "Text::<MAX_ROOM_NAME_BYTES>")]
    pub name: String,
    /// At most [`MAX_ROOM_TOPIC_BYTES`].
    #[tls_codec(with = "Text::<MAX_ROOM_TOPIC_BYTES>")]
    pub topic: String,
    /// When it was signed, in milliseconds since 1970, by its author's clock.
    pub time: u64,
    /// The device that signs.
    pub author: ClientUri,
}

impl Body for RoomProfile {
    const LABEL: Label = Label::RoomProfile;
    const MAX_BYTES: usize = 16 * 1024;
}

/// A signed profile. Reading one does not verify it: the author's key comes from the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRoomProfile(Envelope<RoomProfile>);

impl SignedRoomProfile {
    /// Signs as the author's device.
    ///
    /// # Errors
    /// [`ProfileError::NameTooLong`], [`ProfileError::TopicTooLong`].
    pub fn sign(key: &DeviceKey, profile: RoomProfile) -> Result<Self, ProfileError> {
        if profile.name.len() > MAX_ROOM_NAME_BYTES {
            return Err(ProfileError::NameTooLong);
        }
        if profile.topic.len() > MAX_ROOM_TOPIC_BYTES {
            return Err(ProfileError::TopicTooLong);
        }
        Ok(Self(Envelope::sign(&key.0, profile)))
    }

    /// Reads a profile; nothing is verified yet.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ProfileError> {
        Ok(Self(Envelope::decode(bytes)?))
    }

    /// Verifies the signature of the author's device.
    ///
    /// # Errors
    /// [`ProfileError::BadSignature`].
    pub fn verify(&self, author: &PublicKey) -> Result<(), ProfileError> {
        Ok(self.0.verify(author)?)
    }

    /// Whether this profile counts and the other does not: by version, then time, then bytes.
    pub fn supersedes(&self, other: &Self) -> bool {
        let rank = |profile: &Self| (profile.profile().version, profile.profile().time);
        (rank(self), self.as_bytes()) > (rank(other), other.as_bytes())
    }

    /// What it says.
    pub fn profile(&self) -> &RoomProfile {
        self.0.body()
    }

    /// As it travels.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
