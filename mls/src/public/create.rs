//! A room's first moment: the hub takes the group a client has made, and checks that it is a new
//! Grove room of its own.

use grove_wire::api::rooms::CreateRoomRequest;
use grove_wire::uri::{ClientUri, Provider};
use openmls::group::PublicGroup;
use openmls::prelude::ProposalStore;

use super::context::{self, ContextError};
use super::external_pub::{self, ExternalPubError};
use super::{HubGroup, facts, tree};
use crate::form::{self, FormViolation};
use crate::identity::{PublicKey, RecordError, SignedCreationRecord};
use crate::room::{PolicyViolation, Role, Roles, RoomState};
use crate::suite::{Crypto, MlsError, convert};

/// Why a new room is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateRefusal {
    /// The `GroupContext` is not that of a room.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The one leaf is not the device of the creation record.
    #[error("the group's one leaf is not the device that signed the creation record")]
    Device,
    /// Nobody could use the leaf's key or the key for external joins, or the leaf is too large.
    #[error(transparent)]
    Form(#[from] FormViolation),
    /// The `GroupInfo` has other extensions than the key for external joins.
    #[error("the GroupInfo must carry external_pub and nothing else")]
    GroupInfoExtensions,
    /// The leaf is not a device its user signed, or the tree breaks a rule.
    #[error(transparent)]
    Leaf(#[from] PolicyViolation),
    /// MLS refuses the group.
    #[error("MLS refuses the group: {0}")]
    Malformed(#[from] MlsError),
    /// Not in its first epoch, or with more than one member.
    #[error("a room begins in epoch 0 with one client")]
    NotNew,
    /// Sent by another client than the creator's device.
    #[error("the room is another client's")]
    NotYours,
    /// The participants are not the creator as owner, or the roles not the standard ones.
    #[error("a room begins with its creator as owner and the standard roles")]
    Participants,
    /// The creation record is refused.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The record in the request is not the one in the group.
    #[error("the creation record is not the group's")]
    RecordMismatch,
    /// External sender or franking agent have another key than this server's.
    #[error("the group does not name this server's key")]
    ServerKey,
    /// Made for another hub.
    #[error("the room is for another hub")]
    WrongHub,
}

impl From<ExternalPubError> for CreateRefusal {
    fn from(error: ExternalPubError) -> Self {
        match error {
            ExternalPubError::Extensions => Self::GroupInfoExtensions,
            ExternalPubError::Key(violation) => Self::Form(violation),
        }
    }
}

impl HubGroup {
    /// Takes a new room. `creator` is the client that sent the request, `server_key` this server's,
    /// which the room must have as external sender and as franking key.
    ///
    /// The leaf's lifetime is judged by OpenMLS, by the system's clock: it begins a day before it
    /// is made ([`crate::key_package::BACKDATED`]).
    ///
    /// # Errors
    /// [`CreateRefusal`].
    pub fn create(
        request: &CreateRoomRequest,
        hub: &Provider,
        server_key: &PublicKey,
        creator: &ClientUri,
    ) -> Result<Self, CreateRefusal> {
        let record = SignedCreationRecord::decode(request.record.as_bytes())?;
        if record.record().hub != *hub {
            return Err(CreateRefusal::WrongHub);
        }
        if record.record().creator != creator.user() {
            return Err(CreateRefusal::NotYours);
        }
        let crypto = Crypto::default();
        let group_info = convert::group_info(&request.group_info)?;
        let extensions = group_info.extensions().clone();
        let (group, _group_info) = PublicGroup::from_external(
            &crypto,
            &Self::storage(),
            convert::ratchet_tree(&request.ratchet_tree)?,
            group_info,
            ProposalStore::new(),
        )
        .map_err(MlsError::of)?;
        let context = context::read(group.group_context())?;
        external_pub::check(&crypto, group.ciphersuite(), &extensions)?;
        if context.state.record != record {
            return Err(CreateRefusal::RecordMismatch);
        }
        check_state(&context.state, &context.server_key, server_key)?;
        let hub_group = Self {
            group,
            state: context.state,
            server_key: context.server_key,
            waiting: Vec::new(),
            crypto,
        };
        hub_group.check_creator(creator)?;
        Ok(hub_group)
    }

    /// [`Self::create`], with the snapshot to store beside it.
    ///
    /// # Errors
    /// [`CreateRefusal`].
    pub fn create_capturing(
        request: &CreateRoomRequest,
        hub: &Provider,
        server_key: &PublicKey,
        creator: &ClientUri,
    ) -> Result<(Self, Vec<u8>), CreateRefusal> {
        let group = Self::create(request, hub, server_key, creator)?;
        let snapshot = group.snapshot().map_err(MlsError::of)?;
        Ok((group, snapshot))
    }

    fn check_creator(&self, creator: &ClientUri) -> Result<(), CreateRefusal> {
        let leaves = tree::check(&self.state, &facts::leaves(&self.group))?;
        let [(_, leaf)] = leaves.as_slice() else {
            return Err(CreateRefusal::NotNew);
        };
        if self.epoch() != 0 {
            return Err(CreateRefusal::NotNew);
        }
        for (_, leaf) in self.group.treesync().full_leaves() {
            form::check_leaf(&self.crypto, self.group.ciphersuite(), leaf)?;
        }
        let record = self.state.record.record();
        if leaf.client != *creator {
            return Err(CreateRefusal::NotYours);
        }
        if leaf.key != record.device_key || leaf.identity.root() != &record.root {
            return Err(CreateRefusal::Device);
        }
        Ok(())
    }
}

fn check_state(
    state: &RoomState,
    sender: &PublicKey,
    server_key: &PublicKey,
) -> Result<(), CreateRefusal> {
    let franking_key = state.franking_agent.franking_signature_key.as_bytes();
    if sender != server_key || franking_key != server_key.as_bytes() {
        return Err(CreateRefusal::ServerKey);
    }
    let creator = &state.record.record().creator;
    let alone =
        state.participants.len() == 1 && state.participants.role_of(creator) == Role::Owner.index();
    if alone && state.roles == Roles::standard() {
        Ok(())
    } else {
        Err(CreateRefusal::Participants)
    }
}
