//! The form of what a commit brings into the tree: leaves that are not too large, keys that others
//! can use, and keys that are new.
//!
//! MLS leaves these to whoever meets them later. Who commits next must encrypt to every key, and
//! who joins next must find all of them different; one bad key merges without complaint and takes
//! that from everybody. Must not know whom a leaf belongs to.
//!
//! The surprise: a key that goes with the commit counts as standing. Keys are to be fresh, so
//! nobody honest ever reuses one, not even their own.

use std::collections::BTreeSet;

use grove_wire::mls::MlsMessage;
use openmls::group::{PublicGroup, StagedCommit};
use openmls::prelude::LeafNode;
use openmls_traits::types::Ciphersuite;
use tls_codec::{Deserialize as _, Serialize, Size as _, VLBytes};

use crate::leaf::MAX_LEAF_BYTES;
use crate::suite::{Crypto, MlsError, convert, hpke};

/// Why something cannot come into a tree, whoever brings it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormViolation {
    /// A new key stands in the tree already, or comes twice. Nobody could join such a tree.
    #[error("an encryption key is used twice")]
    KeyReused,
    /// Nobody can encrypt to a key. Nobody could commit in a tree with it.
    #[error("an encryption key cannot be used")]
    KeyUnusable,
    /// A leaf takes more than [`MAX_LEAF_BYTES`]. A few such leaves would fill the tree.
    #[error("a leaf is too large")]
    LeafTooLarge,
    /// It cannot be encoded, which never happens for what was decoded.
    #[error(transparent)]
    Malformed(#[from] MlsError),
}

/// Judges a leaf by itself.
pub(crate) fn check_leaf(
    crypto: &Crypto,
    ciphersuite: Ciphersuite,
    leaf: &LeafNode,
) -> Result<(), FormViolation> {
    if leaf.tls_serialized_len() > MAX_LEAF_BYTES {
        return Err(FormViolation::LeafTooLarge);
    }
    check_key(crypto, ciphersuite, &first_vector(leaf.encryption_key())?)
}

/// Whether somebody can encrypt to a key.
pub(crate) fn check_key(
    crypto: &Crypto,
    ciphersuite: Ciphersuite,
    key: &[u8],
) -> Result<(), FormViolation> {
    if hpke::is_usable(crypto, ciphersuite, key) {
        Ok(())
    } else {
        Err(FormViolation::KeyUnusable)
    }
}

/// Judges the update path of a commit, and that all keys in the commit are new. `group` is the
/// group before it. The leaves of Adds are judged with their KeyPackages.
pub(crate) fn check_commit(
    crypto: &Crypto,
    group: &PublicGroup,
    commit: &MlsMessage,
    staged: &StagedCommit,
) -> Result<(), FormViolation> {
    let ciphersuite = group.ciphersuite();
    let path_keys = commit.update_path_keys();
    if let Some(leaf) = staged.update_path_leaf_node() {
        check_leaf(crypto, ciphersuite, leaf)?;
    }
    for key in &path_keys {
        check_key(crypto, ciphersuite, key)?;
    }
    check_fresh(group, &path_keys, staged)
}

fn check_fresh(
    group: &PublicGroup,
    path_keys: &[&[u8]],
    staged: &StagedCommit,
) -> Result<(), FormViolation> {
    let mut fresh: BTreeSet<Vec<u8>> = BTreeSet::new();
    let added = staged.add_proposals().map(|add| {
        first_vector(
            add.add_proposal()
                .key_package()
                .leaf_node()
                .encryption_key(),
        )
    });
    let own = staged
        .update_path_leaf_node()
        .map(|leaf| first_vector(leaf.encryption_key()));
    let path = path_keys.iter().map(|key| Ok(key.to_vec()));
    for key in added.chain(own).chain(path) {
        if !fresh.insert(key?) {
            return Err(FormViolation::KeyReused);
        }
    }
    let tree = group.treesync();
    let leaves = tree
        .full_leaves()
        .map(|(_, leaf)| first_vector(leaf.encryption_key()));
    let parents = tree.full_parents().map(|(_, parent)| first_vector(parent));
    for key in leaves.chain(parents) {
        if fresh.contains(&key?) {
            return Err(FormViolation::KeyReused);
        }
    }
    Ok(())
}

/// The first vector of a structure. OpenMLS shows the key of a leaf in its encoded form only, and
/// that of a parent node as the beginning of the node.
fn first_vector(value: &impl Serialize) -> Result<Vec<u8>, MlsError> {
    let bytes = convert::encode(value)?;
    let vector = VLBytes::tls_deserialize(&mut bytes.as_slice()).map_err(MlsError::of)?;
    Ok(vector.into())
}
