//! The `GroupContext` of a Grove room: how it is made, and the check that one is such.
//!
//! Knows its extensions; must not know the tree.
//!
//! The surprise: the extensions are checked for equality, not for presence. A context with one more
//! is another kind of room, in which what we check may not be what counts. What a room requires of
//! leaves is another matter: more of it only keeps more of them out.

use std::collections::BTreeMap;

use grove_wire::mimi::Credential as WireCredential;
use grove_wire::mimi::group_info::ExternalSender as WireSender;
use grove_wire::uri::Provider;
use openmls::group::GroupContext;
use openmls::prelude::{
    AppDataDictionary, AppDataDictionaryExtension, BasicCredential, Extension, ExtensionType,
    Extensions, ExternalSender,
};

use crate::identity::PublicKey;
use crate::leaf;
use crate::room::{RoomState, StateError};
use crate::suite::{MlsError, Suite, convert};

/// Why a `GroupContext` is not one of a Grove room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// Not exactly the extensions every room has.
    #[error("the group does not have the extensions of a room")]
    Extensions,
    /// Not exactly one external sender, the hub.
    #[error("the hub is not the group's one external sender")]
    ExternalSender,
    /// The group id is not the hash of the creation record.
    #[error("the group id is not that of the room")]
    GroupId,
    /// The external sender has another key than the creation record names for the hub.
    #[error("the hub's key is not that of the creation record")]
    HubKey,
    /// Not all capabilities required that every room requires.
    #[error("the group does not require what rooms require")]
    RequiredCapabilities,
    /// The components do not make a room.
    #[error(transparent)]
    State(#[from] StateError),
    /// Another suite than the creation record's, or one Grove does not speak.
    #[error("the group's suite is not that of the creation record")]
    Suite,
}

/// A room as its `GroupContext` has it.
pub(crate) struct Context {
    pub(crate) state: RoomState,
    /// The hub's key: external sender and signer of receipts.
    pub(crate) server_key: PublicKey,
}

/// The extensions of a new room's `GroupContext`.
pub(crate) fn extensions(
    state: &RoomState,
    server_key: &PublicKey,
) -> Result<Extensions<GroupContext>, MlsError> {
    let mut dictionary = AppDataDictionary::new();
    for (id, value) in state.to_components() {
        dictionary.insert(id, value);
    }
    let hub = state.record.record().hub.as_str().as_bytes().to_vec();
    let sender = ExternalSender::new(
        server_key.as_bytes().to_vec().into(),
        BasicCredential::new(hub).into(),
    );
    let list = vec![
        Extension::RequiredCapabilities(leaf::required_capabilities()),
        Extension::ExternalSenders(vec![sender]),
        Extension::AppDataDictionary(AppDataDictionaryExtension::new(dictionary)),
    ];
    Extensions::from_vec(list).map_err(MlsError::of)
}

/// Reads a `GroupContext`, which thereby is that of a room.
pub(crate) fn read(context: &GroupContext) -> Result<Context, ContextError> {
    let extensions = context.extensions();
    let allowed = [
        ExtensionType::RequiredCapabilities,
        ExtensionType::ExternalSenders,
        ExtensionType::AppDataDictionary,
    ];
    if extensions.iter().count() != allowed.len()
        || !allowed.iter().all(|wanted| extensions.contains(*wanted))
    {
        return Err(ContextError::Extensions);
    }
    let required = extensions.required_capabilities();
    if !required.is_some_and(leaf::is_required) {
        return Err(ContextError::RequiredCapabilities);
    }
    let state = state(extensions)?;
    let record = state.record.record();
    let suite = Suite::from_ciphersuite(context.ciphersuite()).ok_or(ContextError::Suite)?;
    if suite.code() != record.cipher_suite {
        return Err(ContextError::Suite);
    }
    if context.group_id().as_slice() != state.room_uri.hash() {
        return Err(ContextError::GroupId);
    }
    let server_key = server_key(extensions, &record.hub)?;
    if server_key != record.hub_key {
        return Err(ContextError::HubKey);
    }
    Ok(Context { state, server_key })
}

/// The room's components, wherever its extensions stand.
pub(crate) fn state(extensions: &Extensions<GroupContext>) -> Result<RoomState, StateError> {
    let components: BTreeMap<u16, Vec<u8>> = extensions
        .app_data_dictionary()
        .into_iter()
        .flat_map(|extension| extension.dictionary().entries())
        .map(|entry| (entry.id(), entry.data().to_vec()))
        .collect();
    RoomState::from_components(&components)
}

/// The one external sender's key. OpenMLS keeps its fields to itself, so it is read from its
/// encoding.
fn server_key(
    extensions: &Extensions<GroupContext>,
    hub: &Provider,
) -> Result<PublicKey, ContextError> {
    let refused = ContextError::ExternalSender;
    let Some([sender]) = extensions.external_senders().map(Vec::as_slice) else {
        return Err(refused);
    };
    let bytes = convert::encode(sender).map_err(|_unencodable| ContextError::ExternalSender)?;
    let sender: WireSender =
        grove_wire::codec::decode(&bytes).map_err(|_not_basic| ContextError::ExternalSender)?;
    let WireCredential::Basic(identity) = &sender.credential;
    if identity.as_bytes() != hub.as_str().as_bytes() {
        return Err(refused);
    }
    PublicKey::try_from(sender.signature_key.as_bytes()).map_err(|_length| refused)
}
