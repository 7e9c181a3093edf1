//! A leaf of the tree, as each Grove client makes it and as policy reads it.
//!
//! Knows capabilities, extensions and lifetimes; must not judge whom a leaf belongs to (that is
//! [`crate::room::validation`]).
//!
//! The surprise: capabilities decide for ever. A proposal or extension type that one member's leaf
//! does not list can never be used in a room with that member, so every leaf lists all of them from
//! the first KeyPackage on, and the room requires them.

use std::collections::BTreeSet;
use std::time::Duration;

use openmls::prelude::{
    BasicCredential, Capabilities, CredentialType, CredentialWithKey, Extension, ExtensionType,
    Extensions, LeafNode, ProposalType, RequiredCapabilitiesExtension, UnknownExtension,
};
use openmls::treesync::LeafNodeSource;

use crate::identity::{DeviceCredential, PublicKey, Succession};
use crate::member::DeviceIdentity;
use crate::public;
use crate::room::{Leaf, LeafFacts};
use crate::suite::{MlsError, SUPPORTED};

/// How long a KeyPackage can be used, and how long a leaf made from it is fresh: 84 days.
pub const LEAF_LIFETIME: Duration = Duration::from_hours(84 * 24);

/// The extension that carries a [`DeviceCredential`], in the private range of RFC 9420, section
/// 17.3.
pub const DEVICE_CREDENTIAL_EXTENSION: u16 = 0xF001;

/// The extension that carries a [`Succession`], in the same range. Only leaves that need it have
/// it; no room requires it.
pub const UIK_SUCCESSION_EXTENSION: u16 = 0xF002;

/// Extension types beyond RFC 9420's own that every leaf supports and every room requires:
/// `app_data_dictionary` and `device_credential`.
pub const EXTENSIONS: &[u16] = &[0x0006, DEVICE_CREDENTIAL_EXTENSION];

/// Proposal types beyond RFC 9420's own that every leaf supports and every room requires:
/// `AppDataUpdate` and `SelfRemove`.
pub const PROPOSALS: &[u16] = &[0x0008, 0x000A];

/// Credential types that every leaf supports and every room requires: Basic.
pub const CREDENTIALS: &[u16] = &[0x0001];

/// The KeyPackage extension `last_resort`. A KeyPackage may have it only if its leaf lists it (RFC
/// 9420, section 10).
const LAST_RESORT_EXTENSION: u16 = 0x000A;

/// The largest succession that goes into a KeyPackage: a device uploads fifty of them in one body
/// of a MiB. A device with a larger one that is added where it needs it is refused, and joins by
/// itself.
const MAX_KEY_PACKAGE_SUCCESSION_BYTES: usize = 12 * 1024;

/// What a leaf of ours says it can do.
pub(crate) fn capabilities() -> Capabilities {
    let mut extensions = extension_types();
    extensions.push(ExtensionType::from(LAST_RESORT_EXTENSION));
    extensions.push(ExtensionType::from(UIK_SUCCESSION_EXTENSION));
    let suites: Vec<_> = SUPPORTED.iter().map(|suite| suite.ciphersuite()).collect();
    Capabilities::new(
        None,
        Some(&suites),
        Some(&extensions),
        Some(&proposal_types()),
        Some(&[CredentialType::Basic]),
    )
}

/// What the room asks of every leaf.
pub(crate) fn required_capabilities() -> RequiredCapabilitiesExtension {
    RequiredCapabilitiesExtension::new(
        &extension_types(),
        &proposal_types(),
        &[CredentialType::Basic],
    )
}

/// Whether a leaf can take part in any of our rooms.
pub(crate) fn is_complete(capabilities: &Capabilities) -> bool {
    let extensions = extension_types();
    let proposals = proposal_types();
    extensions
        .iter()
        .all(|wanted| capabilities.extensions().contains(wanted))
        && proposals
            .iter()
            .all(|wanted| capabilities.proposals().contains(wanted))
        && capabilities.credentials().contains(&CredentialType::Basic)
}

fn extension_types() -> Vec<ExtensionType> {
    EXTENSIONS
        .iter()
        .copied()
        .map(ExtensionType::from)
        .collect()
}

fn proposal_types() -> Vec<ProposalType> {
    PROPOSALS.iter().copied().map(ProposalType::from).collect()
}

/// The extensions of a leaf of ours: the device credential, and a succession where one is needed.
pub(crate) fn extensions(
    credential: &DeviceCredential,
    succession: Option<&Succession>,
) -> Result<Extensions<LeafNode>, MlsError> {
    let unknown = |kind, content| Extension::Unknown(kind, UnknownExtension(content));
    let mut list = vec![unknown(DEVICE_CREDENTIAL_EXTENSION, credential.to_bytes())];
    if let Some(succession) = succession {
        let content = succession.as_bytes().to_vec();
        list.push(unknown(UIK_SUCCESSION_EXTENSION, content));
    }
    Extensions::from_vec(list).map_err(MlsError::of)
}

/// The part of the device's succession that its leaf needs beside `leaves`, which may hold an older
/// leaf of its own: from the oldest key on with which a leaf of its user stands. If the device has
/// none, that of its own leaf is kept.
pub(crate) fn needed_succession(device: &DeviceIdentity, leaves: &[Leaf]) -> Option<Succession> {
    let user = device.client.user();
    let is_own = |leaf: &&Leaf| {
        public::client(&leaf.facts.identity).is_some_and(|client| client.user() == user)
    };
    let own: Vec<&Leaf> = leaves.iter().filter(is_own).collect();
    let uik = |leaf: &&Leaf| {
        let credential = leaf.facts.device_credential.as_deref()?;
        Some(*DeviceCredential::decode(credential).ok()?.uik())
    };
    let keys: BTreeSet<PublicKey> = own.iter().filter_map(uik).collect();
    let in_leaf = || {
        let this = |leaf: &&&Leaf| leaf.facts.signature_key == device.key.public().as_bytes();
        let succession = own.iter().find(this)?.facts.succession.as_deref()?;
        Succession::decode(succession).ok()
    };
    let whole = device.succession.clone().or_else(in_leaf)?;
    if whole.leads_to() == device.credential.uik() {
        whole.since(&keys)
    } else {
        None
    }
}

/// What of the device's succession a KeyPackage carries: in which rooms it will be needed is not
/// known.
pub(crate) fn key_package_succession(device: &DeviceIdentity) -> Option<&Succession> {
    device.succession.as_ref().filter(|succession| {
        succession.leads_to() == device.credential.uik()
            && succession.as_bytes().len() <= MAX_KEY_PACKAGE_SUCCESSION_BYTES
    })
}

/// The client's URI as a basic credential, with the device's key.
pub(crate) fn credential_with_key(device: &DeviceIdentity) -> CredentialWithKey {
    CredentialWithKey {
        credential: BasicCredential::new(device.client.as_str().as_bytes().to_vec()).into(),
        signature_key: device.key.public().as_bytes().to_vec().into(),
    }
}

/// What a leaf says about itself, for policy and validation.
pub(crate) fn facts(leaf: &LeafNode) -> LeafFacts {
    let identity = match leaf.credential().credential_type() {
        CredentialType::Basic => leaf.credential().serialized_content().to_vec(),
        // No client URI is empty: validation refuses it.
        _ => Vec::new(),
    };
    let extension = |kind| {
        leaf.extensions()
            .unknown(kind)
            .map(|extension| extension.0.clone())
    };
    LeafFacts {
        identity,
        signature_key: leaf.signature_key().as_slice().to_vec(),
        device_credential: extension(DEVICE_CREDENTIAL_EXTENSION),
        succession: extension(UIK_SUCCESSION_EXTENSION),
        not_after_lifetime: match leaf.leaf_node_source() {
            LeafNodeSource::KeyPackage(lifetime) => Some(lifetime.not_after()),
            LeafNodeSource::Update | LeafNodeSource::Commit(_) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use openmls::prelude::Capabilities;

    use super::{capabilities, is_complete};

    #[test]
    fn our_capabilities_are_complete_and_the_default_ones_are_not() {
        assert!(is_complete(&capabilities()));
        assert!(
            !is_complete(&Capabilities::default()),
            "OpenMLS lists none of the drafts' types by itself"
        );
    }
}
