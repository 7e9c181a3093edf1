//! KeyPackages: how a sleeping device is added (RFC 9420, section 10).
//!
//! [`make`] is the device's side, [`validate`] everybody else's: the home server's at upload and
//! the committer's before an Add. This module must not know rooms, nor where KeyPackages are kept.
//!
//! The surprise: OpenMLS itself judges lifetimes by the system clock, here and again when an Add is
//! committed or received. The `now_ms` of [`validate`] is judged in addition; it can only refuse
//! more. It does so at both ends of a lifetime, so that whoever reads the Add by another clock
//! finds the KeyPackage alive: [`MIN_AGE`], [`MIN_REMAINING_LIFETIME`].

use std::time::Duration;

use grove_wire::codec;
use grove_wire::mls as wire;
use openmls::prelude::hash_ref::KeyPackageRef;
use openmls::prelude::{KeyPackage, Lifetime, MlsMessageOut, ProtocolVersion};
use openmls_traits::OpenMlsProvider as _;
use openmls_traits::storage::StorageProvider as _;

use crate::form::{self, FormViolation};
use crate::identity::PublicKey;
use crate::leaf;
use crate::member::DeviceIdentity;
use crate::room::validation::{self, IdentityViolation, ValidLeaf};
use crate::storage::{MemberStorage, Records};
use crate::suite::{Crypto, DeviceSigner, MlsError, Suite, convert};

/// How long a KeyPackage can be used after it was made: 180 days. Half of that is for whoever hands
/// it out and adds it, the other half for whoever reads the Add: [`MIN_REMAINING_LIFETIME`].
pub const KEY_PACKAGE_LIFETIME: Duration = Duration::from_hours(180 * 24);

/// How long before it is made a KeyPackage's lifetime begins: a day. A member whose clock is hours
/// behind can read the Add, and a device whose clock is hours ahead can be added at once.
pub const BACKDATED: Duration = Duration::from_hours(24);

/// How much of its lifetime a KeyPackage must have left when it is handed out or added: 90 days.
///
/// OpenMLS judges an Add by the clock of whoever reads it, and cannot be told another time. A
/// device that comes back after that long must still find the KeyPackage alive; after a longer
/// absence it cannot follow its room past that commit, and joins anew.
pub const MIN_REMAINING_LIFETIME: Duration = Duration::from_hours(90 * 24);

/// How long ago a KeyPackage's lifetime must have begun when it is handed out or added: 30 minutes.
/// Ours have always begun for a day; those of other makes, an hour before they were made.
pub const MIN_AGE: Duration = Duration::from_mins(30);

/// The longest lifetime that a KeyPackage may have, in seconds (RFC 9420, section 10.1, leaves the
/// bound to the application).
const MAX_LIFETIME_S: u64 = KEY_PACKAGE_LIFETIME.as_secs() + BACKDATED.as_secs();

/// Whether a KeyPackage may be handed out more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastResort {
    /// Once: its secrets are deleted with the first Welcome.
    No,
    /// When no other is left. Kept by the device until replaced.
    Yes,
}

/// A KeyPackage just made; its secrets are among the storage's changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeKeyPackage {
    /// For the upload: an `MLSMessage` with the KeyPackage.
    pub message: wire::MlsMessage,
    /// Its `KeyPackageRef`.
    pub reference: Vec<u8>,
    /// End of its lifetime, in seconds since 1970.
    pub not_after: u64,
}

/// Why no KeyPackage could be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// OpenMLS refused, or the storage failed.
    #[error("the KeyPackage cannot be made: {0}")]
    Mls(#[from] MlsError),
}

/// Makes a KeyPackage that can be used for [`KEY_PACKAGE_LIFETIME`] from now on, and for
/// [`BACKDATED`] before, by the system's clock.
///
/// # Errors
/// [`MakeError::Mls`].
pub fn make<R: Records>(
    storage: &MemberStorage<'_, R>,
    identity: &DeviceIdentity,
    suite: Suite,
    last_resort: LastResort,
) -> Result<MadeKeyPackage, MakeError> {
    let builder = KeyPackage::builder()
        .key_package_lifetime(lifetime())
        .leaf_node_capabilities(leaf::capabilities())
        .leaf_node_extensions(leaf::extensions(&identity.credential)?);
    let builder = match last_resort {
        LastResort::No => builder,
        LastResort::Yes => builder.mark_as_last_resort(),
    };
    let bundle = builder
        .build(
            suite.ciphersuite(),
            storage,
            &DeviceSigner(&identity.key),
            leaf::credential_with_key(identity),
        )
        .map_err(MlsError::of)?;
    let key_package = bundle.into_key_package();
    Ok(MadeKeyPackage {
        reference: reference(&key_package, storage.crypto())?,
        not_after: key_package.life_time().not_after(),
        message: convert::to_message(&MlsMessageOut::from(key_package))?,
    })
}

/// Deletes the private half of a KeyPackage. One that is not there, because a Welcome has used it
/// up, is no error.
///
/// # Errors
/// [`MakeError::Mls`] if `reference` is no `KeyPackageRef`.
pub fn forget<R: Records>(
    storage: &MemberStorage<'_, R>,
    reference: &[u8],
) -> Result<(), MakeError> {
    let mut bytes = Vec::new();
    codec::write_opaque(&mut bytes, reference).map_err(MlsError::of)?;
    let reference: KeyPackageRef = convert::decode(&bytes)?;
    Ok(storage
        .delete_key_package(&reference)
        .map_err(MlsError::of)?)
}

/// The lifetime of what is made now: a KeyPackage, or the first leaf of a room, which its hub
/// judges by a clock of its own.
pub(crate) fn lifetime() -> Lifetime {
    // Its own beginning lies before now, by a margin of OpenMLS's: further back than ours it is
    // not.
    let by_openmls = Lifetime::new(KEY_PACKAGE_LIFETIME.as_secs());
    let whole = KEY_PACKAGE_LIFETIME + BACKDATED;
    let begins = by_openmls.not_after().saturating_sub(whole.as_secs());
    Lifetime::init(begins.min(by_openmls.not_before()), by_openmls.not_after())
}

/// Why a KeyPackage is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyPackageError {
    /// Its leaf cannot take part in our rooms.
    #[error("the KeyPackage lacks capabilities that every room requires")]
    Capabilities,
    /// Its lifetime is over, or is about to be by the clock asked.
    #[error("the KeyPackage has expired")]
    Expired,
    /// Its leaf or its init key could not be used.
    #[error(transparent)]
    Form(#[from] FormViolation),
    /// Its leaf is not a device its user signed.
    #[error(transparent)]
    Identity(#[from] IdentityViolation),
    /// Its lifetime is longer than a KeyPackage may have (RFC 9420, section 10.1, leaves the bound
    /// to us).
    #[error("the KeyPackage's lifetime is too long")]
    Lifetime,
    /// Malformed, a signature in it is not valid, or it has an extension that its leaf does not
    /// list.
    #[error("not a valid KeyPackage: {0}")]
    Malformed(#[from] MlsError),
    /// Its lifetime has not begun, or less than [`MIN_AGE`] ago.
    #[error("the KeyPackage is not valid yet")]
    NotYet,
    /// A suite Grove does not speak.
    #[error("the KeyPackage is for suite {0:#06x}, which is not supported")]
    Suite(u16),
}

/// A KeyPackage that can be handed out, and added.
#[derive(Clone)]
pub struct ValidKeyPackage {
    /// Its `KeyPackageRef`.
    pub reference: Vec<u8>,
    /// Whose device it adds.
    pub leaf: ValidLeaf,
    /// The suite of the rooms it can be used for.
    pub suite: Suite,
    /// End of its lifetime, in seconds since 1970.
    pub not_after: u64,
    /// Whether it may be handed out again.
    pub last_resort: LastResort,
    pub(crate) key_package: KeyPackage,
}

impl std::fmt::Debug for ValidKeyPackage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ValidKeyPackage")
            .field("suite", &self.suite)
            .field("not_after", &self.not_after)
            .field("last_resort", &self.last_resort)
            .finish_non_exhaustive()
    }
}

impl ValidKeyPackage {
    /// The device's signature key.
    pub fn key(&self) -> &PublicKey {
        &self.leaf.key
    }

    /// The bare KeyPackage, as it stands in a `KeyMaterialResponse`.
    ///
    /// # Errors
    /// [`MlsError`] never happens for a KeyPackage that was decoded; it is there because encoding
    /// can fail.
    pub fn to_wire(&self) -> Result<wire::KeyPackage, MlsError> {
        let bytes = convert::encode(&self.key_package)?;
        wire::KeyPackage::from_bytes(bytes).map_err(MlsError::of)
    }
}

/// Judges the bytes of an `MLSMessage` with a KeyPackage, as they are uploaded. `now_ms` is
/// milliseconds since 1970.
///
/// # Errors
/// [`KeyPackageError`].
pub fn validate(bytes: &[u8], now_ms: u64) -> Result<ValidKeyPackage, KeyPackageError> {
    let message = wire::MlsMessage::from_bytes(bytes.to_vec())
        .map_err(|error| MlsError::text(&error.to_string()))?;
    let key_package = message
        .key_package()
        .ok_or_else(|| MlsError::text("not a KeyPackage"))?;
    validate_bare(&key_package, now_ms)
}

/// Judges a KeyPackage as it stands in a `KeyMaterialResponse`. `now_ms` is milliseconds since
/// 1970.
///
/// # Errors
/// [`KeyPackageError`].
pub fn validate_bare(
    key_package: &wire::KeyPackage,
    now_ms: u64,
) -> Result<ValidKeyPackage, KeyPackageError> {
    let code = key_package.cipher_suite();
    let suite = Suite::from_code(code).ok_or(KeyPackageError::Suite(code))?;
    let crypto = Crypto::default();
    let key_package = convert::key_package(key_package)?
        .validate(&crypto, ProtocolVersion::Mls10)
        .map_err(MlsError::of)?;
    check_form(&crypto, &key_package)?;
    check_lifetime(key_package.life_time(), now_ms)?;
    Ok(ValidKeyPackage {
        reference: reference(&key_package, &crypto)?,
        leaf: validation::objective(&leaf::facts(key_package.leaf_node()))?,
        suite,
        not_after: key_package.life_time().not_after(),
        last_resort: if key_package.last_resort() {
            LastResort::Yes
        } else {
            LastResort::No
        },
        key_package,
    })
}

/// What does not depend on the time, nor on whom it belongs to. Extensions that the leaf lists may
/// be there, known here or not; OpenMLS has refused others (RFC 9420, section 10).
pub(crate) fn check_form(crypto: &Crypto, key_package: &KeyPackage) -> Result<(), KeyPackageError> {
    let ciphersuite = key_package.ciphersuite();
    form::check_leaf(crypto, ciphersuite, key_package.leaf_node())?;
    form::check_key(crypto, ciphersuite, key_package.hpke_init_key().as_slice())?;
    if !leaf::is_complete(key_package.leaf_node().capabilities()) {
        return Err(KeyPackageError::Capabilities);
    }
    let lifetime = key_package.life_time();
    if lifetime.not_after().saturating_sub(lifetime.not_before()) <= MAX_LIFETIME_S {
        Ok(())
    } else {
        Err(KeyPackageError::Lifetime)
    }
}

/// Whether it lives for [`MIN_REMAINING_LIFETIME`] more, and has for [`MIN_AGE`].
pub(crate) fn check_remaining(
    key_package: &KeyPackage,
    now_ms: u64,
) -> Result<(), KeyPackageError> {
    let needed = (now_ms / 1000).saturating_add(MIN_REMAINING_LIFETIME.as_secs());
    if key_package.life_time().not_after() <= needed {
        return Err(KeyPackageError::Expired);
    }
    check_lifetime(key_package.life_time(), now_ms)
}

fn check_lifetime(lifetime: &Lifetime, now_ms: u64) -> Result<(), KeyPackageError> {
    let now = now_ms / 1000;
    if lifetime.not_after() <= now {
        return Err(KeyPackageError::Expired);
    }
    if lifetime.not_before().saturating_add(MIN_AGE.as_secs()) > now {
        return Err(KeyPackageError::NotYet);
    }
    Ok(())
}

/// The `KeyPackageRef` (RFC 9420, section 5.2).
pub(crate) fn reference(key_package: &KeyPackage, crypto: &Crypto) -> Result<Vec<u8>, MlsError> {
    let reference = key_package.hash_ref(crypto).map_err(MlsError::of)?;
    Ok(reference.as_slice().to_vec())
}
