//! What a user's devices tell each other in the account room: keys, device lists, whom one of them
//! knows, and what it saw or read.
//!
//! Knows the form and its bounds; what a note makes true is for the reader to verify. Must not know
//! how notes are sent.
//!
//! The surprise: one kind holds a secret, the seed of a user identity key. It is wiped here; the
//! message around it is as secret, and stands nowhere but in the sender's and the receivers'
//! encrypted stores.

use std::fmt;

use grove_wire::codec::{self, DecodeError, EncodeError, List, Opaque, Text, flag};
use grove_wire::limits::{MAX_ACCOUNT_NOTE_BYTES, MAX_DEVICE_NAME_BYTES};
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::identity::Identity;

/// The highest epoch or seq of a note: what a store with signed numbers of 64 bits can hold. A
/// sibling that tells a higher one is lying, and must not make the reader's store fail.
const MAX_NUMBER: u64 = i64::MAX.unsigned_abs();

/// Why a note cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountNoteError {
    /// The bytes are not a note; a later version may have others.
    #[error("not a note between devices: {0}")]
    Malformed(#[from] DecodeError),
    /// An epoch or a seq above [`MAX_NUMBER`].
    #[error("a number in the note exceeds {MAX_NUMBER}")]
    Range,
    /// More than [`MAX_ACCOUNT_NOTE_BYTES`], or a name of more than [`MAX_DEVICE_NAME_BYTES`].
    #[error("the note is too long")]
    TooLong,
}

impl From<EncodeError> for AccountNoteError {
    fn from(_: EncodeError) -> Self {
        Self::TooLong
    }
}

/// A note between a user's own devices. No `Debug` of what it holds.
#[derive(Clone, PartialEq, Eq)]
pub enum AccountNote {
    /// The newest signed device list.
    DeviceList {
        /// A [`SignedDeviceList`](crate::identity::SignedDeviceList)'s bytes.
        list: Vec<u8>,
    },
    /// A new user identity key.
    NewUik {
        /// Its seed.
        seed: Zeroizing<[u8; 32]>,
        /// The first device list it signed.
        list: Vec<u8>,
    },
    /// What the sender sees of rooms.
    Sightings(Vec<RoomSighting>),
    /// Up to which seq the user has read, by room.
    Read(Vec<(RoomUri, u64)>),
    /// What the user has begun to write in a room; empty if nothing.
    Draft {
        /// The room.
        room: RoomUri,
        /// The text.
        text: String,
    },
    /// What the user calls a device.
    DeviceName {
        /// The device.
        client: ClientUri,
        /// At most [`MAX_DEVICE_NAME_BYTES`].
        name: String,
    },
    /// Whom the sender knows.
    Pins(Vec<NotedPin>),
}

/// A person as one device knows them. That the identity is theirs is for the reader to verify.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
pub struct NotedPin {
    /// The user.
    pub user: UserUri,
    /// The newest identity seen that follows the first.
    pub identity: Identity,
    /// Whether a person compared it.
    #[tls_codec(with = "flag")]
    pub verified: bool,
}

/// A room as one device sees it.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
pub struct RoomSighting {
    /// The room.
    pub room: RoomUri,
    /// Its epoch.
    pub epoch: u64,
    /// The entry up to which the log was read.
    pub seq: u64,
    /// The head of the hash chain at that entry.
    pub head: [u8; 32],
    /// SHA-256 of the epoch authenticator.
    pub authenticator: [u8; 32],
}

/// The form on the wire.
#[derive(TlsSize, TlsSerialize, TlsDeserialize)]
#[repr(u8)]
enum Wire {
    #[tls_codec(discriminant = 1)]
    DeviceList(Opaque<MAX_ACCOUNT_NOTE_BYTES>),
    #[tls_codec(discriminant = 2)]
    NewUik(NewUik),
    #[tls_codec(discriminant = 3)]
    Sightings(List<RoomSighting, MAX_ACCOUNT_NOTE_BYTES>),
    #[tls_codec(discriminant = 4)]
    Read(List<(RoomUri, u64), MAX_ACCOUNT_NOTE_BYTES>),
    #[tls_codec(discriminant = 5)]
    Draft(Draft),
    #[tls_codec(discriminant = 6)]
    DeviceName(DeviceName),
    #[tls_codec(discriminant = 7)]
    Pins(List<NotedPin, MAX_ACCOUNT_NOTE_BYTES>),
}

#[derive(TlsSize, TlsSerialize, TlsDeserialize)]
struct NewUik {
    seed: [u8; 32],
    list: Opaque<MAX_ACCOUNT_NOTE_BYTES>,
}

impl Drop for NewUik {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

#[derive(TlsSize, TlsSerialize, TlsDeserialize)]
struct Draft {
    room: RoomUri,
    #[tls_codec(with = "Text::<MAX_ACCOUNT_NOTE_BYTES>")]
    text: String,
}

#[derive(TlsSize, TlsSerialize, TlsDeserialize)]
struct DeviceName {
    client: ClientUri,
    #[tls_codec(with = "Text::<MAX_DEVICE_NAME_BYTES>")]
    name: String,
}

impl AccountNote {
    /// The note's bytes, as they stand in a message.
    ///
    /// # Errors
    /// [`AccountNoteError::TooLong`].
    pub fn encode(&self) -> Result<Vec<u8>, AccountNoteError> {
        let bytes = codec::encode(&self.to_wire()?)?;
        if bytes.len() > MAX_ACCOUNT_NOTE_BYTES {
            Err(AccountNoteError::TooLong)
        } else {
            Ok(bytes)
        }
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`AccountNoteError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, AccountNoteError> {
        if bytes.len() > MAX_ACCOUNT_NOTE_BYTES {
            return Err(AccountNoteError::TooLong);
        }
        let note = Self::of(codec::decode(bytes)?);
        if note.numbers().all(|number| number <= MAX_NUMBER) {
            Ok(note)
        } else {
            Err(AccountNoteError::Range)
        }
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        let (positions, sightings) = match self {
            Self::Read(positions) => (positions.as_slice(), &[][..]),
            Self::Sightings(sightings) => (&[][..], sightings.as_slice()),
            _ => (&[][..], &[][..]),
        };
        let read = positions.iter().map(|(_, seq)| *seq);
        let seen = sightings.iter().flat_map(|seen| [seen.epoch, seen.seq]);
        read.chain(seen)
    }

    fn to_wire(&self) -> Result<Wire, EncodeError> {
        Ok(match self {
            Self::DeviceList { list } => Wire::DeviceList(Opaque::new(list.as_slice())?),
            Self::NewUik { seed, list } => Wire::NewUik(NewUik {
                seed: **seed,
                list: Opaque::new(list.as_slice())?,
            }),
            Self::Sightings(sightings) => Wire::Sightings(sightings.clone().into()),
            Self::Read(positions) => Wire::Read(positions.clone().into()),
            Self::Draft { room, text } => Wire::Draft(Draft {
                room: room.clone(),
                text: text.clone(),
            }),
            Self::DeviceName { client, name } => Wire::DeviceName(DeviceName {
                client: client.clone(),
                name: name.clone(),
            }),
            Self::Pins(pins) => Wire::Pins(pins.clone().into()),
        })
    }

    fn of(wire: Wire) -> Self {
        match wire {
            Wire::DeviceList(list) => Self::DeviceList {
                list: list.into_bytes(),
            },
            Wire::NewUik(note) => Self::NewUik {
                seed: Zeroizing::new(note.seed),
                list: note.list.as_bytes().to_vec(),
            },
            Wire::Sightings(sightings) => Self::Sightings(sightings.into_vec()),
            Wire::Read(positions) => Self::Read(positions.into_vec()),
            Wire::Draft(Draft { room, text }) => Self::Draft { room, text },
            Wire::DeviceName(DeviceName { client, name }) => Self::DeviceName { client, name },
            Wire::Pins(pins) => Self::Pins(pins.into_vec()),
        }
    }
}

impl fmt::Debug for AccountNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DeviceList { .. } => "DeviceList",
            Self::NewUik { .. } => "NewUik",
            Self::Sightings(_) => "Sightings",
            Self::Read(_) => "Read",
            Self::Draft { .. } => "Draft",
            Self::DeviceName { .. } => "DeviceName",
            Self::Pins(_) => "Pins",
        })
    }
}
