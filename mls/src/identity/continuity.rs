//! Who a user is, through all changes of keys: the recovery keys, one behind the other, and the
//! user identity key that the last of them certifies.
//!
//! Everything that speaks for a user carries an [`Identity`], and [`Identity::follows`] tells
//! whether one continues another. Must not know leaves, lists or who has pinned what.
//!
//! The surprise: a user identity key certifies devices only, never another such key. Whoever steals
//! a device holds it and can rotate nothing; the words on paper win from any state, also later.

use std::collections::BTreeSet;

use grove_wire::codec::{self, Bounded, DecodeError, Opaque};
use grove_wire::limits::MAX_SIGNATURE_BYTES;
use grove_wire::uri::UserUri;
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use super::keys::{BadSignature, Label, PublicKey, RecoveryKey, Secret, UserIdentityKey, verify};
use super::signed::encode_bounded;

/// Recovery keys that may follow a user's first one.
pub const MAX_RECOVERY_LINKS: usize = 8;

/// A key, and an Ed25519 signature behind its length.
const LINK_BYTES: usize = 32 + 2 + 64;
const MAX_LINKS_BYTES: usize = MAX_RECOVERY_LINKS * LINK_BYTES;
const MAX_KEYS_BYTES: usize = (MAX_RECOVERY_LINKS + 1) * 32;

/// Why an identity is refused, or the next one cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A recovery key is not signed by the one before it, or the user identity key not by the last
    /// of them.
    #[error("the identity is not signed by its recovery key")]
    BadSignature,
    /// Generations count from 1, and there is none after the last.
    #[error("there is no such generation of an identity")]
    Generation,
    /// The bytes do not have its form.
    #[error("malformed identity: {0}")]
    Malformed(#[from] DecodeError),
    /// One key stands in it twice.
    #[error("one key serves as two")]
    SharedKey,
    /// More than [`MAX_RECOVERY_LINKS`] recovery keys behind the first.
    #[error("more than {MAX_RECOVERY_LINKS} recovery keys followed the first")]
    TooManyLinks,
    /// The recovery key at hand is not the identity's last one.
    #[error("this is not the identity's recovery key")]
    WrongRecoveryKey,
}

impl From<BadSignature> for IdentityError {
    fn from(_: BadSignature) -> Self {
        Self::BadSignature
    }
}

/// A recovery key, signed by the one before it.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
struct RecoveryLink {
    next: PublicKey,
    signature: Opaque<MAX_SIGNATURE_BYTES>,
}

/// What each next recovery key is signed in.
#[derive(TlsSize, TlsSerialize)]
struct LinkTbs {
    user: UserUri,
    #[tls_codec(with = "Bounded::<MAX_KEYS_BYTES>")]
    keys: Vec<PublicKey>,
}

/// What a user identity key is signed in.
#[derive(TlsSize, TlsSerialize)]
struct Tbs {
    user: UserUri,
    #[tls_codec(with = "Bounded::<MAX_KEYS_BYTES>")]
    keys: Vec<PublicKey>,
    generation: u32,
    uik: PublicKey,
}

/// How far a user's keys have come. A higher one wins; it only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    links: usize,
    generation: u32,
}

impl Rank {
    /// The generation of the user identity key, from 1.
    pub fn generation(self) -> u32 {
        self.generation
    }
}

/// A user identity key with what certifies it: 135 bytes, and 98 for each recovery key behind the
/// first. Reading one verifies nothing: [`Self::verify`] does.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
pub struct Identity {
    root: PublicKey,
    #[tls_codec(with = "Bounded::<MAX_LINKS_BYTES>")]
    links: Vec<RecoveryLink>,
    generation: u32,
    uik: PublicKey,
    signature: Opaque<MAX_SIGNATURE_BYTES>,
}

impl Identity {
    /// A user's first identity, with the key that signs for it. The recovery key is the root.
    pub fn begin(root: &RecoveryKey, user: &UserUri) -> (Self, UserIdentityKey) {
        Self::certify(root.public(), Vec::new(), 1, root, user)
    }

    /// The next generation under the same recovery key, with the key that signs for it.
    ///
    /// # Errors
    /// [`IdentityError::Generation`] after the last one, [`IdentityError::WrongRecoveryKey`].
    pub fn renew(
        &self,
        recovery: &RecoveryKey,
        user: &UserUri,
    ) -> Result<(Self, UserIdentityKey), IdentityError> {
        self.check_recovery(recovery)?;
        let generation = self.generation.checked_add(1);
        let generation = generation.ok_or(IdentityError::Generation)?;
        Ok(Self::certify(
            self.root,
            self.links.clone(),
            generation,
            recovery,
            user,
        ))
    }

    /// The identity with `next` in the place of the recovery key, in its first generation, with the
    /// key that signs for it.
    ///
    /// # Errors
    /// [`IdentityError::SharedKey`], [`IdentityError::TooManyLinks`],
    /// [`IdentityError::WrongRecoveryKey`].
    pub fn replace_recovery(
        &self,
        recovery: &RecoveryKey,
        next: &RecoveryKey,
        user: &UserUri,
    ) -> Result<(Self, UserIdentityKey), IdentityError> {
        self.check_recovery(recovery)?;
        if self.links.len() >= MAX_RECOVERY_LINKS {
            return Err(IdentityError::TooManyLinks);
        }
        if self.keys().any(|key| *key == next.public()) {
            return Err(IdentityError::SharedKey);
        }
        let keys = self.keys().copied().chain([next.public()]).collect();
        let tbs = LinkTbs {
            user: user.clone(),
            keys,
        };
        let mut links = self.links.clone();
        links.push(RecoveryLink {
            next: next.public(),
            signature: sign(&recovery.0, Label::RecoveryLink, &encode_bounded(&tbs)),
        });
        Ok(Self::certify(self.root, links, 1, next, user))
    }

    fn certify(
        root: PublicKey,
        links: Vec<RecoveryLink>,
        generation: u32,
        recovery: &RecoveryKey,
        user: &UserUri,
    ) -> (Self, UserIdentityKey) {
        let uik = recovery.user_identity_key(generation);
        let mut identity = Self {
            root,
            links,
            generation,
            uik: uik.public(),
            signature: Opaque::default(),
        };
        identity.signature = sign(&recovery.0, Label::Identity, &identity.tbs(user));
        (identity, uik)
    }

    fn check_recovery(&self, recovery: &RecoveryKey) -> Result<(), IdentityError> {
        if recovery.public() == *self.recovery() {
            Ok(())
        } else {
            Err(IdentityError::WrongRecoveryKey)
        }
    }

    /// Reads an identity; nothing is verified yet.
    ///
    /// # Errors
    /// [`IdentityError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, IdentityError> {
        Ok(codec::decode(bytes)?)
    }

    /// As it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode_bounded(self)
    }

    /// Verifies that the recovery keys certify the user identity key as this user's.
    ///
    /// # Errors
    /// [`IdentityError::BadSignature`], [`IdentityError::Generation`],
    /// [`IdentityError::SharedKey`], [`IdentityError::TooManyLinks`].
    pub fn verify(&self, user: &UserUri) -> Result<(), IdentityError> {
        if self.generation == 0 {
            return Err(IdentityError::Generation);
        }
        if self.links.len() > MAX_RECOVERY_LINKS {
            return Err(IdentityError::TooManyLinks);
        }
        let mut distinct = BTreeSet::new();
        if !self.all_keys().all(|key| distinct.insert(key)) {
            return Err(IdentityError::SharedKey);
        }
        let mut tbs = LinkTbs {
            user: user.clone(),
            keys: vec![self.root],
        };
        let mut signer = &self.root;
        for link in &self.links {
            tbs.keys.push(link.next);
            let signature = link.signature.as_bytes();
            verify(
                signer,
                Label::RecoveryLink,
                &encode_bounded(&tbs),
                signature,
            )?;
            signer = &link.next;
        }
        let signature = self.signature.as_bytes();
        Ok(verify(signer, Label::Identity, &self.tbs(user), signature)?)
    }

    fn tbs(&self, user: &UserUri) -> Vec<u8> {
        encode_bounded(&Tbs {
            user: user.clone(),
            keys: self.keys().copied().collect(),
            generation: self.generation,
            uik: self.uik,
        })
    }

    /// The user and all recovery keys, as the last of them would be signed.
    pub(super) fn keys_of(&self, user: &UserUri) -> Vec<u8> {
        encode_bounded(&LinkTbs {
            user: user.clone(),
            keys: self.keys().copied().collect(),
        })
    }

    /// All its recovery keys, the root first.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        [&self.root]
            .into_iter()
            .chain(self.links.iter().map(|link| &link.next))
    }

    /// All its recovery keys, and the user identity key.
    pub(super) fn all_keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys().chain([&self.uik])
    }

    /// The user's first recovery key, which never changes.
    pub fn root(&self) -> &PublicKey {
        &self.root
    }

    /// The recovery key that counts now.
    pub fn recovery(&self) -> &PublicKey {
        self.links.last().map_or(&self.root, |link| &link.next)
    }

    /// The user identity key.
    pub fn uik(&self) -> &PublicKey {
        &self.uik
    }

    /// How far it has come.
    pub fn rank(&self) -> Rank {
        Rank {
            links: self.links.len(),
            generation: self.generation,
        }
    }

    /// Whether nothing came before it: the root's first generation.
    pub fn is_first(&self) -> bool {
        self.links.is_empty() && self.generation == 1
    }

    /// Whether both name the same keys in the same generation. Their signatures may differ.
    pub fn is_same(&self, other: &Self) -> bool {
        self.rank() == other.rank() && self.uik == other.uik && self.keys().eq(other.keys())
    }

    /// Whether it is `earlier` or comes behind it: the recovery keys of `earlier` begin its own,
    /// and it ranks higher unless both are the same. Both must have been verified.
    pub fn follows(&self, earlier: &Self) -> bool {
        let is_prefix = earlier.links.len() <= self.links.len()
            && earlier.keys().zip(self.keys()).all(|(one, own)| one == own);
        is_prefix && (self.rank() > earlier.rank() || self.is_same(earlier))
    }
}

fn sign(key: &Secret, label: Label, bytes: &[u8]) -> Opaque<MAX_SIGNATURE_BYTES> {
    #[expect(
        clippy::expect_used,
        reason = "a signature has 64 bytes, far below its bound"
    )]
    Opaque::new(key.sign(label, bytes).to_vec()).expect("a signature within its bound")
}
