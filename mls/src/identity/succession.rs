//! The proof that one user identity key succeeds others: what a leaf shows to a room that knows an
//! older key.
//!
//! It is self-contained, like the device credential: a hub or a member verifies it with nothing but
//! the user's name. Whether it is needed, and whether the key it starts from is the right one, is
//! policy ([`crate::room::policy`]).
//!
//! The surprise: it is a chain. A device that slept through two rotations finds rooms that know the
//! key before both, so the links are kept one behind the other, oldest first, and each key in it
//! counts as succeeded.

use std::collections::BTreeSet;

use grove_wire::codec::{DecodeError, opaque_size, read_opaque, write_opaque};
use grove_wire::limits::{MAX_DEVICE_LIST_BYTES, MAX_SUCCESSION_BYTES};
use grove_wire::uri::UserUri;

use super::keys::{BadSignature, PublicKey};
use super::list::{ListError, SignedDeviceList};
use super::rotation::{RotationAuthority, SignedUikRotation};
use super::signed::{Envelope, SignedError};

/// Rotations in one succession. A room that is further behind is left to a new device, or to
/// whoever removes the leaf.
pub const MAX_SUCCESSION_LINKS: usize = 8;

/// Why a succession is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuccessionError {
    /// A rotation is not signed by the key it claims.
    #[error("a key rotation in the succession is not signed by the key it claims")]
    BadSignature,
    /// The bytes do not have its form.
    #[error("malformed succession: {0}")]
    Malformed(#[from] SignedError),
    /// Signed by the recovery key without the device list that names that key, or by the identity
    /// key with one.
    #[error("the succession does not carry exactly the device lists it needs")]
    ListPresence,
    /// A user's rotation that is another's.
    #[error("the succession is another user's")]
    OtherUser,
    /// The device list in it is not valid by itself.
    #[error("the device list in the succession is refused: {0}")]
    PreviousList(#[source] Box<ListError>),
    /// More than [`MAX_SUCCESSION_BYTES`], or more than [`MAX_SUCCESSION_LINKS`] rotations.
    #[error("the succession is too long")]
    TooLong,
    /// Two rotations that do not follow one another, a key that comes twice, or a device list that
    /// is not the one before its rotation.
    #[error("the parts of the succession do not follow one another")]
    Unlinked,
}

impl From<BadSignature> for SuccessionError {
    fn from(_: BadSignature) -> Self {
        Self::BadSignature
    }
}

/// One rotation, with the signed device list before it if the recovery key signed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    previous_list: Vec<u8>,
    rotation: SignedUikRotation,
}

/// Proof that a user identity key succeeds others. Reading one verifies nothing: [`Self::verify`]
/// does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    links: Vec<Link>,
    newest: Link,
    bytes: Vec<u8>,
}

impl Succession {
    /// A rotation that the old user identity key signed.
    pub fn by_uik(rotation: SignedUikRotation) -> Self {
        Self::of(
            Vec::new(),
            Link {
                previous_list: Vec::new(),
                rotation,
            },
        )
    }

    /// A rotation that the recovery key signed, which `previous` names: the user's list before the
    /// rotation.
    pub fn by_recovery(rotation: SignedUikRotation, previous: &SignedDeviceList) -> Self {
        let previous_list = previous.as_bytes().to_vec();
        Self::of(
            Vec::new(),
            Link {
                previous_list,
                rotation,
            },
        )
    }

    /// This succession with `next` behind it. The oldest links are dropped where it would become
    /// too long.
    ///
    /// # Errors
    /// [`SuccessionError::Unlinked`] when `next` does not start with the key this one ends with.
    pub fn extend(&self, next: &Self) -> Result<Self, SuccessionError> {
        if next.oldest() != self.leads_to() {
            return Err(SuccessionError::Unlinked);
        }
        let mut links: Vec<Link> = self.all().chain(&next.links).cloned().collect();
        let newest = next.newest.clone();
        let too_long = |links: &[Link]| {
            let size: usize = links.iter().chain([&newest]).map(Link::size).sum();
            links.len() >= MAX_SUCCESSION_LINKS || size > MAX_SUCCESSION_BYTES
        };
        while !links.is_empty() && too_long(&links) {
            links.remove(0);
        }
        Ok(Self::of(links, newest))
    }

    /// The part that is needed where leaves with `keys` stand: from the oldest of them on; none if
    /// it succeeds none.
    #[must_use]
    pub fn since(&self, keys: &BTreeSet<PublicKey>) -> Option<Self> {
        let needed = |link: &Link| keys.contains(&link.rotation.rotation().old);
        let first = self.all().position(needed)?;
        let links = self.links.iter().skip(first).cloned().collect();
        Some(Self::of(links, self.newest.clone()))
    }

    /// Reads a succession; nothing is verified yet.
    ///
    /// # Errors
    /// [`SuccessionError::Malformed`], [`SuccessionError::TooLong`].
    pub fn decode(bytes: &[u8]) -> Result<Self, SuccessionError> {
        if bytes.len() > MAX_SUCCESSION_BYTES {
            return Err(SuccessionError::TooLong);
        }
        let mut rest = bytes;
        let mut links = Vec::new();
        loop {
            let link = Link::read(&mut rest)?;
            if links.len() >= MAX_SUCCESSION_LINKS {
                return Err(SuccessionError::TooLong);
            }
            if rest.is_empty() {
                return Ok(Self::of(links, link));
            }
            links.push(link);
        }
    }

    /// Verifies every rotation in it, and that they follow one another.
    ///
    /// # Errors
    /// Every [`SuccessionError`] but [`SuccessionError::Malformed`] and
    /// [`SuccessionError::TooLong`].
    pub fn verify(&self, user: &UserUri) -> Result<(), SuccessionError> {
        let mut keys = BTreeSet::from([*self.oldest()]);
        let mut before: Option<(&PublicKey, u64)> = None;
        for link in self.all() {
            link.verify(user)?;
            let rotation = link.rotation.rotation();
            let follows = before
                .is_none_or(|(key, version)| *key == rotation.old && version < rotation.version);
            if !follows || !keys.insert(rotation.new) {
                return Err(SuccessionError::Unlinked);
            }
            before = Some((&rotation.new, rotation.version));
        }
        Ok(())
    }

    /// The key that the newest rotation replaced.
    pub fn old(&self) -> &PublicKey {
        &self.newest.rotation.rotation().old
    }

    /// The key it leads to: the user identity key of the leaf it stands in.
    pub fn leads_to(&self) -> &PublicKey {
        &self.newest.rotation.rotation().new
    }

    /// All keys it succeeds, the oldest first.
    pub fn succeeded(&self) -> impl Iterator<Item = &PublicKey> {
        self.all().map(|link| &link.rotation.rotation().old)
    }

    /// As it stands in a leaf, and travels.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn of(links: Vec<Link>, newest: Link) -> Self {
        let mut bytes = Vec::new();
        for link in links.iter().chain([&newest]) {
            link.append(&mut bytes);
        }
        Self {
            links,
            newest,
            bytes,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().chain([&self.newest])
    }

    fn oldest(&self) -> &PublicKey {
        let first = self.links.first().unwrap_or(&self.newest);
        &first.rotation.rotation().old
    }
}

impl Link {
    fn read(rest: &mut &[u8]) -> Result<Self, SignedError> {
        let previous_list = read_opaque(rest, MAX_DEVICE_LIST_BYTES).map_err(DecodeError::from)?;
        let rotation = SignedUikRotation(Envelope::read(rest)?);
        Ok(Self {
            previous_list,
            rotation,
        })
    }

    fn append(&self, bytes: &mut Vec<u8>) {
        #[expect(
            clippy::expect_used,
            reason = "memory takes every byte, and a device list is far below the bound of a vector"
        )]
        write_opaque(bytes, &self.previous_list).expect("a device list can be encoded");
        bytes.extend_from_slice(self.rotation.as_bytes());
    }

    fn size(&self) -> usize {
        opaque_size(self.previous_list.len()) + self.rotation.as_bytes().len()
    }

    fn verify(&self, user: &UserUri) -> Result<(), SuccessionError> {
        let rotation = self.rotation.rotation();
        if rotation.user != *user {
            return Err(SuccessionError::OtherUser);
        }
        match (rotation.by, self.previous_list.is_empty()) {
            (RotationAuthority::Uik, true) => Ok(self.rotation.verify(&rotation.old)?),
            (RotationAuthority::Recovery, false) => self.verify_by_list(user),
            _ => Err(SuccessionError::ListPresence),
        }
    }

    /// The list before names the recovery key; the old user identity key has signed it.
    fn verify_by_list(&self, user: &UserUri) -> Result<(), SuccessionError> {
        let rotation = self.rotation.rotation();
        let previous = SignedDeviceList::decode(&self.previous_list)
            .map_err(|error| SuccessionError::PreviousList(Box::new(error)))?;
        let list = previous.list();
        if list.user != *user {
            return Err(SuccessionError::OtherUser);
        }
        if list.uik != rotation.old || list.version.checked_add(1) != Some(rotation.version) {
            return Err(SuccessionError::Unlinked);
        }
        Ok(self.rotation.verify(&list.recovery)?)
    }
}
