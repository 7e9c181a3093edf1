//! A leaf of the tree, as each Grove client makes it and as policy reads it.
//!
//! Knows capabilities, extensions and lifetimes; must not judge whom a leaf belongs to (that is
//! [`crate::room::validation`]).
//!
//! The surprise: capabilities decide for ever. A proposal or extension type that one member's leaf
//! does not list can never be used in a room with that member, so every leaf lists all of them from
//! the first KeyPackage on, and the room requires them.

use std::time::Duration;

use openmls::prelude::{
    BasicCredential, Capabilities, CredentialType, CredentialWithKey, Extension, ExtensionType,
    Extensions, LeafNode, ProposalType, RequiredCapabilitiesExtension, UnknownExtension,
};
use openmls::treesync::LeafNodeSource;

use crate::identity::DeviceCredential;
use crate::member::DeviceIdentity;
use crate::room::LeafFacts;
use crate::suite::{MlsError, SUPPORTED};

/// How long a leaf is fresh: 84 days. Its device renews it when half of that is over.
pub const LEAF_LIFETIME: Duration = Duration::from_hours(84 * 24);

/// The most bytes a leaf takes in the tree. An honest one with the longest chain of recovery keys
/// takes about 1.3 kB. Were there no bound but that of a message, five leaves would fill a tree
/// ([`grove_wire::limits::MAX_TREE_BYTES`]), and nobody could be given it any more.
pub const MAX_LEAF_BYTES: usize = 2048;

/// The extension that carries a [`DeviceCredential`], in the private range of RFC 9420, section
/// 17.3.
pub const DEVICE_CREDENTIAL_EXTENSION: u16 = 0xF001;

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

/// What a leaf of ours says it can do.
pub(crate) fn capabilities() -> Capabilities {
    let mut extensions = extension_types();
    extensions.push(ExtensionType::from(LAST_RESORT_EXTENSION));
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

/// Whether a leaf can take part in any of our rooms. What else it can do, or says to make sure that
/// it is passed over (RFC 9420, section 13.5), is nobody's matter.
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

/// Whether a room asks enough of every leaf. In which order it asks is nobody's matter; it may ask
/// for more, and then lets in only who can that too.
pub(crate) fn is_required(required: &RequiredCapabilitiesExtension) -> bool {
    let (extensions, proposals) = (required.extension_types(), required.proposal_types());
    extension_types()
        .iter()
        .all(|wanted| extensions.contains(wanted))
        && proposal_types()
            .iter()
            .all(|wanted| proposals.contains(wanted))
        && required.credential_types().contains(&CredentialType::Basic)
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

/// The extensions of a leaf of ours: the device credential.
pub(crate) fn extensions(credential: &DeviceCredential) -> Result<Extensions<LeafNode>, MlsError> {
    let content = UnknownExtension(credential.to_bytes());
    let extension = Extension::Unknown(DEVICE_CREDENTIAL_EXTENSION, content);
    Extensions::from_vec(vec![extension]).map_err(MlsError::of)
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
    LeafFacts {
        identity,
        signature_key: leaf.signature_key().as_slice().to_vec(),
        device_credential: leaf
            .extensions()
            .unknown(DEVICE_CREDENTIAL_EXTENSION)
            .map(|extension| extension.0.clone()),
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
