//! The keys people, devices and servers sign with, all Ed25519, and the two ways of signing.
//!
//! A secret key is made from 32 random bytes that the caller brings, is wiped when dropped, and has
//! no way to be printed. This module must not know what is signed.
//!
//! The surprise: a device key signs under two schemes, our labels and RFC 9420's. They cannot be
//! confused: ours begin with the letter `g`, which as the length that RFC 9420 puts first would
//! announce a label of 10,098 bytes.

use std::fmt;
use std::io::{Read, Write};

use data_encoding::HEXLOWER;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use grove_wire::codec::write_opaque;
use hkdf::Hkdf;
use sha2::Sha256;
use tls_codec::{Deserialize, Serialize, Size};

/// What a signature is for. A signature made under one label verifies under no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// The nonce of the room of a user's own devices; nothing is signed under it.
    AccountRoom,
    /// The birth certificate of a room.
    CreationRecord,
    /// A user's statement that a leaf key is a device of theirs.
    DeviceCredential,
    /// A user's devices.
    DeviceList,
    /// A recovery key's statement about a user identity key.
    Identity,
    /// What the package for a new device is sealed to; nothing is signed under it.
    Link,
    /// The code two devices show when they are linked; nothing is signed under it.
    LinkCode,
    /// What a new device commits to before it is answered; nothing is signed under it.
    LinkCommitment,
    /// A hub's statement of what stands in a room's log.
    Receipt,
    /// A login with nothing but the recovery key.
    Recovery,
    /// A recovery key's statement about the next one.
    RecoveryLink,
    /// A room's name and topic.
    RoomProfile,
    /// What the digits are made of that people compare; nothing is signed under it.
    SafetyNumber,
    /// A device's login.
    Session,
    /// What user identity keys are derived with; nothing is signed under it.
    Uik,
}

impl Label {
    /// The label as it is signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountRoom => "grove/v1/account_room",
            Self::CreationRecord => "grove/v1/creation_record",
            Self::DeviceCredential => "grove/v1/device_credential_2",
            Self::DeviceList => "grove/v1/device_list",
            Self::Identity => "grove/v1/identity",
            Self::Link => "grove/v1/link",
            Self::LinkCode => "grove/v1/link_code",
            Self::LinkCommitment => "grove/v1/link_commitment",
            Self::Receipt => "grove/v1/receipt",
            Self::Recovery => "grove/v1/recovery",
            Self::RecoveryLink => "grove/v1/recovery_link",
            Self::RoomProfile => "grove/v1/room_profile",
            Self::SafetyNumber => "grove/v1/safety_number",
            Self::Session => "grove/v1/session",
            Self::Uik => "grove/v1/uik",
        }
    }

    /// `label || 0x00 || bytes`: what is signed, and what is hashed where an object's hash is its
    /// name.
    pub(crate) fn frame(self, bytes: &[u8]) -> Vec<u8> {
        let label = self.as_str().as_bytes();
        let mut framed = Vec::with_capacity(label.len() + 1 + bytes.len());
        framed.extend_from_slice(label);
        framed.push(0);
        framed.extend_from_slice(bytes);
        framed
    }
}

/// The signature does not belong to these bytes, this label and this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not valid")]
pub struct BadSignature;

/// A public key that is not 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an Ed25519 public key has 32 bytes")]
pub struct WrongKeyLength;

/// The public half of any of our keys. Not checked to be a point of the curve until something is
/// verified with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Wraps the 32 bytes of RFC 8032.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of RFC 8032.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<&[u8]> for PublicKey {
    type Error = WrongKeyLength;

    fn try_from(bytes: &[u8]) -> Result<Self, WrongKeyLength> {
        bytes.try_into().map(Self).map_err(|_length| WrongKeyLength)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "key:{}",
            HEXLOWER.encode(self.0.get(..4).unwrap_or_default())
        )
    }
}

impl Size for PublicKey {
    fn tls_serialized_len(&self) -> usize {
        self.0.len()
    }
}

impl Serialize for PublicKey {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        self.0.tls_serialize(writer)
    }
}

impl Deserialize for PublicKey {
    fn tls_deserialize<R: Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
        <[u8; 32]>::tls_deserialize(reader).map(Self)
    }
}

/// The one secret behind each of the named keys.
#[derive(Clone)]
pub(crate) struct Secret(SigningKey);

impl Secret {
    fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, label: Label, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(&label.frame(bytes)).to_bytes()
    }
}

macro_rules! secret_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(pub(crate) Secret);

        impl $name {
            /// Makes the key from 32 bytes of good randomness, or from a seed kept earlier.
            pub fn from_seed(seed: [u8; 32]) -> Self {
                let seed = zeroize::Zeroizing::new(seed);
                Self(Secret(SigningKey::from_bytes(&seed)))
            }

            /// The 32 bytes to keep. Whoever has them is this key.
            pub fn seed(&self) -> &[u8; 32] {
                self.0.0.as_bytes()
            }

            /// The public half.
            pub fn public(&self) -> PublicKey {
                self.0.public()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.public())
            }
        }
    };
}

secret_key! {
    /// The key of one device: its leaves' signature key and its login. Never leaves the device.
    DeviceKey
}
secret_key! {
    /// The user identity key, held by each of a user's devices.
    UserIdentityKey
}
secret_key! {
    /// The key on paper: makes each of a user's identity keys, also when devices are lost or in
    /// other hands.
    RecoveryKey
}
secret_key! {
    /// A server's key: receipts, franks, and the external sender of the rooms it hosts. Not its TLS
    /// key.
    ServerKey
}

impl RecoveryKey {
    /// The user identity key of a generation: HKDF-SHA256 (RFC 5869) of this key's seed without
    /// salt. Whoever has the words has each of them, and two recoveries at once make the same.
    pub(crate) fn user_identity_key(&self, generation: u32) -> UserIdentityKey {
        let info = Label::Uik.frame(&generation.to_be_bytes());
        let mut seed = [0; 32];
        #[expect(
            clippy::expect_used,
            reason = "HKDF-SHA256 gives up to 8,160 bytes, and a seed has 32"
        )]
        Hkdf::<Sha256>::new(None, self.seed())
            .expand(&info, &mut seed)
            .expect("a seed of 32 bytes");
        UserIdentityKey::from_seed(seed)
    }
}

impl DeviceKey {
    /// RFC 9420's `SignWithLabel` (section 5.1.2).
    pub fn sign_with_label(&self, label: &str, content: &[u8]) -> [u8; 64] {
        self.sign_mls(&sign_content(label, content))
    }

    /// Signs what MLS has framed as a `SignContent` already.
    pub(crate) fn sign_mls(&self, framed: &[u8]) -> [u8; 64] {
        self.0.0.sign(framed).to_bytes()
    }
}

impl ServerKey {
    /// RFC 9420's `SignWithLabel` (section 5.1.2).
    pub fn sign_with_label(&self, label: &str, content: &[u8]) -> [u8; 64] {
        self.0.0.sign(&sign_content(label, content)).to_bytes()
    }
}

/// Verifies a signature of ours over `label || 0x00 || bytes`, strictly: small-order keys and
/// malleable forms are refused.
///
/// # Errors
/// [`BadSignature`].
pub fn verify(
    public: &PublicKey,
    label: Label,
    bytes: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    verify_strictly(public, &label.frame(bytes), signature)
}

/// RFC 9420's `VerifyWithLabel` (section 5.1.2), as strict as [`verify`].
///
/// # Errors
/// [`BadSignature`].
pub fn verify_with_label(
    public: &PublicKey,
    label: &str,
    content: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    verify_strictly(public, &sign_content(label, content), signature)
}

fn verify_strictly(
    public: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    let key = VerifyingKey::from_bytes(&public.0).map_err(|_no_point| BadSignature)?;
    let signature = Signature::from_slice(signature).map_err(|_length| BadSignature)?;
    key.verify_strict(message, &signature)
        .map_err(|_invalid| BadSignature)
}

/// `SignContent` of RFC 9420, section 5.1.2.
fn sign_content(label: &str, content: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(label.len() + content.len() + 16);
    let label = format!("MLS 1.0 {label}");
    #[expect(
        clippy::expect_used,
        reason = "memory takes every byte, and no content here nears the 2^30 bytes of a vector"
    )]
    write_opaque(&mut framed, label.as_bytes())
        .and_then(|_written| write_opaque(&mut framed, content))
        .expect("a label and its content can be encoded");
    framed
}
