//! A user's devices, signed by the user: the one source of which clients are whose.
//!
//! A list is hash-chained to the one before, and its version only grows. Each list is whole; nobody
//! needs the older ones to use it. This module must not know who keeps lists or fetches them.
//!
//! The surprise: while the identity stays, a device never leaves the list. It is marked revoked and
//! stays, so that a later list cannot bring it back unmarked. With the next identity what older
//! keys signed is worth nothing any more, and devices may be dropped.

use std::collections::{BTreeMap, BTreeSet};

use grove_wire::codec::Bounded;
use grove_wire::limits::{MAX_DEVICE_LIST_BYTES, MAX_DEVICES_PER_USER};
use grove_wire::uri::{ClientUri, UserUri};
use sha2::{Digest as _, Sha256};
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use super::continuity::{Identity, IdentityError};
use super::keys::{BadSignature, Label, PublicKey, UserIdentityKey};
use super::pin::{Pin, PinViolation};
use super::signed::{Body, Envelope, SignedError};

/// How long a list is fresh: 84 days, in milliseconds, somewhat less than KeyPackages are handed
/// out. An older one admits no new Adds and locks nobody out.
pub const DEVICE_LIST_VALIDITY_MS: u64 = 84 * 24 * 60 * 60 * 1000;

/// Why a device list is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Not signed by the user identity key in it.
    #[error("the device list is not signed by its user identity key")]
    BadSignature,
    /// It does not follow the list before it: version, hash or keys.
    #[error("the device list does not continue the one before: {0}")]
    Chain(#[from] PinViolation),
    /// A device changed its key, its date or its revocation mark.
    #[error("a device of the list before was altered: {0}")]
    DeviceAltered(ClientUri),
    /// A device of the list before is missing. Devices are revoked, never dropped.
    #[error("a device of the list before is missing: {0}")]
    DeviceMissing(ClientUri),
    /// The same client, or the same key, stands in it twice.
    #[error("the same device or key is listed twice: {0}")]
    DuplicateDevice(ClientUri),
    /// Version 1 names a list before it, or a later one does not.
    #[error("the first list has no predecessor, and every other has one")]
    FirstList,
    /// A client of another user.
    #[error("the client is not this user's: {0}")]
    ForeignDevice(ClientUri),
    /// The identity in it is not certified for the user.
    #[error("the identity in the device list is refused: {0}")]
    Identity(#[from] IdentityError),
    /// The bytes do not have its form.
    #[error("malformed device list: {0}")]
    Malformed(#[from] SignedError),
    /// A list of another user than the one before.
    #[error("the device list before is another user's")]
    OtherUser,
    /// A device that was revoked before it was added.
    #[error("a device was revoked before it was added: {0}")]
    RevokedTooEarly(ClientUri),
    /// A device's key is one of the identity's keys.
    #[error("one key serves as two")]
    SharedKey,
    /// More devices than a user may have.
    #[error("more than {MAX_DEVICES_PER_USER} devices that are not revoked")]
    TooManyDevices,
    /// The whole list is larger than allowed.
    #[error("the device list has more than {MAX_DEVICE_LIST_BYTES} bytes")]
    TooLong,
}

impl From<BadSignature> for ListError {
    fn from(_: BadSignature) -> Self {
        Self::BadSignature
    }
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
pub struct ListedDevice {
    /// Its URI.
    pub client: ClientUri,
    /// The key of its leaves and its login.
    pub signature_key: PublicKey,
    /// When it was added, in milliseconds since 1970.
    pub added: u64,
    /// When it was revoked, in milliseconds since 1970.
    pub revoked: Option<u64>,
}

/// What a device list says.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
pub struct DeviceList {
    /// Whose.
    pub user: UserUri,
    /// From 1, and only growing while the identity stays.
    pub version: u64,
    /// The hash of the version before; none in version 1.
    pub prev_hash: Option<[u8; 32]>,
    /// Whose user identity key signs the list.
    pub identity: Identity,
    /// All devices there ever were under this identity, revoked ones included.
    #[tls_codec(with = "Bounded::<MAX_DEVICE_LIST_BYTES>")]
    pub devices: Vec<ListedDevice>,
    /// Until when the list is fresh, in milliseconds since 1970.
    pub not_after: u64,
}

impl Body for DeviceList {
    const LABEL: Label = Label::DeviceList;
    const MAX_BYTES: usize = MAX_DEVICE_LIST_BYTES;
}

impl DeviceList {
    /// The devices that are not revoked.
    pub fn active(&self) -> impl Iterator<Item = &ListedDevice> {
        self.devices
            .iter()
            .filter(|device| device.revoked.is_none())
    }

    /// The entry of a client, revoked or not.
    pub fn find(&self, client: &ClientUri) -> Option<&ListedDevice> {
        self.devices.iter().find(|device| device.client == *client)
    }

    /// Whether the list is stale at `now` (milliseconds since 1970).
    pub fn is_stale(&self, now: u64) -> bool {
        self.not_after < now
    }

    fn check(&self) -> Result<(), ListError> {
        if self.version == 0 || (self.version == 1) != self.prev_hash.is_none() {
            return Err(ListError::FirstList);
        }
        if self.active().count() > MAX_DEVICES_PER_USER {
            return Err(ListError::TooManyDevices);
        }
        self.identity.verify(&self.user)?;
        let mut clients = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for device in &self.devices {
            if device.client.user() != self.user {
                return Err(ListError::ForeignDevice(device.client.clone()));
            }
            if self
                .identity
                .all_keys()
                .any(|key| *key == device.signature_key)
            {
                return Err(ListError::SharedKey);
            }
            if !clients.insert(&device.client) || !keys.insert(device.signature_key) {
                return Err(ListError::DuplicateDevice(device.client.clone()));
            }
            if device.revoked.is_some_and(|revoked| revoked < device.added) {
                return Err(ListError::RevokedTooEarly(device.client.clone()));
            }
        }
        Ok(())
    }
}

/// A verified device list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedDeviceList(Envelope<DeviceList>);

impl SignedDeviceList {
    /// Signs a list. `uik` is the key that the identity in it certifies.
    ///
    /// # Errors
    /// Every [`ListError`] but [`ListError::Malformed`] and those of [`Self::follows`].
    pub fn sign(uik: &UserIdentityKey, list: DeviceList) -> Result<Self, ListError> {
        if uik.public() != *list.identity.uik() {
            return Err(ListError::BadSignature);
        }
        list.check()?;
        let size: usize = list
            .devices
            .iter()
            .map(tls_codec::Size::tls_serialized_len)
            .sum();
        if size > MAX_DEVICE_LIST_BYTES {
            return Err(ListError::TooLong);
        }
        let envelope = Envelope::sign(&uik.0, list);
        if envelope.as_bytes().len() > MAX_DEVICE_LIST_BYTES {
            return Err(ListError::TooLong);
        }
        Ok(Self(envelope))
    }

    /// Reads a list and verifies everything that needs no other list.
    ///
    /// # Errors
    /// Every [`ListError`] but those of [`Self::follows`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ListError> {
        if bytes.len() > MAX_DEVICE_LIST_BYTES {
            return Err(ListError::TooLong);
        }
        let envelope = Envelope::<DeviceList>::decode(bytes)?;
        envelope.body().check()?;
        envelope.verify(envelope.body().identity.uik())?;
        Ok(Self(envelope))
    }

    /// Reads a list that was verified before it was kept. No signature in it is verified again.
    ///
    /// # Errors
    /// [`ListError::Malformed`].
    pub fn decode_kept(bytes: &[u8]) -> Result<Self, ListError> {
        Ok(Self(Envelope::decode(bytes)?))
    }

    /// Checks that this list is the very next one after `previous`: version, hash, identity, and no
    /// device altered or missing. Only the first list of the next identity may drop devices, since
    /// somebody else may have made the lists before, and filled them.
    ///
    /// # Errors
    /// [`ListError::Chain`], [`ListError::DeviceAltered`], [`ListError::DeviceMissing`],
    /// [`ListError::OtherUser`].
    pub fn follows(&self, previous: &Self) -> Result<(), ListError> {
        let (old, new) = (previous.list(), self.list());
        if old.user != new.user {
            return Err(ListError::OtherUser);
        }
        if old.version.checked_add(1) != Some(new.version) {
            return Err(PinViolation::Version {
                known: old.version,
                found: new.version,
            }
            .into());
        }
        if new.prev_hash != Some(previous.hash()) {
            return Err(PinViolation::Fork(old.version).into());
        }
        // The step is allowed exactly if somebody who pinned the list before may take it.
        Pin::of(previous).advance(self)?;
        let may_drop = !new.identity.is_same(&old.identity);
        let now: BTreeMap<&ClientUri, &ListedDevice> = new
            .devices
            .iter()
            .map(|device| (&device.client, device))
            .collect();
        for before in &old.devices {
            let Some(after) = now.get(&before.client) else {
                if may_drop {
                    continue;
                }
                return Err(ListError::DeviceMissing(before.client.clone()));
            };
            let revocation_kept = before.revoked.is_none() || before.revoked == after.revoked;
            if before.signature_key != after.signature_key
                || before.added != after.added
                || !revocation_kept
            {
                return Err(ListError::DeviceAltered(before.client.clone()));
            }
        }
        Ok(())
    }

    /// What it says.
    pub fn list(&self) -> &DeviceList {
        self.0.body()
    }

    /// The devices that are not revoked.
    pub fn active(&self) -> impl Iterator<Item = &ListedDevice> {
        self.list().active()
    }

    /// Whether it comes after `other`: of a higher identity, or of the same and with a higher
    /// version. Whether it continues it is another question.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let place = |list: &DeviceList| (list.identity.rank(), list.version);
        place(self.list()) > place(other.list())
    }

    /// The list's name in the chain and in pins: SHA-256 over its label and its signed bytes.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(Label::DeviceList.frame(self.0.body_bytes())).into()
    }

    /// As it travels and is kept.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
