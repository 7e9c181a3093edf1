//! Who is who: keys, and the objects they sign. Free of OpenMLS.
//!
//! A user is a chain of [`RecoveryKey`]s, kept on paper. The last of them certifies a user identity
//! key ([`UserIdentityKey`]), and the next one whenever that is needed: the [`Identity`]. The user
//! identity key names the user's devices in a [`SignedDeviceList`] and puts a [`DeviceCredential`]
//! into each of their leaves. This module must not know rooms' policy, MLS groups or where anything
//! is stored.
//!
//! The surprise: every object keeps the exact bytes it arrived in, and signatures and hashes are
//! taken over those. Nothing is ever encoded again in order to be verified.
//!
//! All objects are TLS presentation language, signed as `label || 0x00 || bytes` with a [`Label`]
//! per type. Golden bytes of each stand in the tests: a change of one is a change of the protocol.

mod continuity;
mod credential;
mod evidence;
mod keys;
mod list;
mod pin;
mod profile;
mod receipt;
mod record;
mod recovery;
mod safety_number;
mod session;
mod signed;

pub use continuity::{Identity, IdentityError, MAX_RECOVERY_LINKS, Rank};
pub use credential::{DeviceCredential, DeviceCredentialError};
pub use evidence::{Evidence, EvidenceError};
pub use keys::{
    BadSignature, DeviceKey, Label, PublicKey, RecoveryKey, ServerKey, UserIdentityKey,
    WrongKeyLength, verify, verify_with_label,
};
pub use list::{DEVICE_LIST_VALIDITY_MS, DeviceList, ListError, ListedDevice, SignedDeviceList};
pub use pin::{Pin, PinViolation};
pub use profile::{
    MAX_ROOM_NAME_BYTES, MAX_ROOM_TOPIC_BYTES, ProfileError, RoomProfile, SignedRoomProfile,
};
pub use receipt::{Head, Receipt, ReceiptError, SignedReceipt};
pub use record::{
    CREATION_RECORD_VERSION, CreationRecord, RecordError, SignedCreationRecord, account_room_nonce,
    is_account_room,
};
pub use recovery::WordsError;
pub use safety_number::{SafetyNumber, SafetyNumberError};
pub use session::{RecoveryProof, SessionProof};
pub use signed::SignedError;

#[cfg(test)]
mod tests;
