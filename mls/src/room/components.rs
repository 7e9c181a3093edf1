//! What the components of a `GroupContext` say about a room, and how an update changes them.
//!
//! Every room has exactly these seven components, from its first epoch. This module must not know
//! who may change what.
//!
//! The surprise: a component that is not understood is refused, not ignored. Members compute the
//! `GroupContext` themselves, and one that computes a component differently is out of the room.

use std::collections::BTreeMap;

use grove_wire::codec::{self, Opaque};
use grove_wire::mimi::Credential;
use grove_wire::mimi::franking::FrankingAgentData;
use grove_wire::mimi::room::{
    BaseRoomPolicy, ParticipantListData, ParticipantListUpdate, RoleData, RoomMetaData, capability,
    component,
};
use grove_wire::uri::{RoomUri, UserUri};
use tls_codec::{Deserialize, Serialize};

use super::participants::{Participants, ParticipantsError};
use super::roles::{Roles, RolesError};
use super::violation::PolicyViolation;
use crate::identity::{PublicKey, RecordError, SignedCreationRecord};

/// The value of the safe AAD component: an empty list of component ids, which switches the framing
/// on.
const SAFE_AAD: [u8; 1] = [0];

/// Why components do not make a room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// A component that must have one fixed value has another.
    #[error("component {0:#06x} does not have the value it must have")]
    Fixed(u16),
    /// The franking agent is not the room's hub.
    #[error("the franking agent is not the room's hub")]
    FrankingAgent,
    /// A component cannot be decoded.
    #[error("component {0:#06x} is malformed")]
    Malformed(u16),
    /// A component is missing.
    #[error("component {0:#06x} is missing")]
    Missing(u16),
    /// The participant list is refused.
    #[error(transparent)]
    Participants(#[from] ParticipantsError),
    /// The creation record is refused.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The roles are refused.
    #[error(transparent)]
    Roles(#[from] RolesError),
    /// The metadata name another room than the creation record makes.
    #[error("the room's URI is not the hash of its creation record")]
    RoomUri,
    /// A component that rooms do not have.
    #[error("component {0:#06x} is not known")]
    Unknown(u16),
}

/// A room as its `GroupContext` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomState {
    /// The creation record, with its bytes.
    pub record: SignedCreationRecord,
    /// Who is in the room.
    pub participants: Participants,
    /// What they may do.
    pub roles: Roles,
    /// The room.
    pub room_uri: RoomUri,
    /// Who signs franks: the hub.
    pub franking_agent: FrankingAgentData,
}

impl RoomState {
    /// The state of a new room: its creator, as owner.
    pub fn create(record: SignedCreationRecord, franking_key: &PublicKey) -> Self {
        let room_uri = record.room_uri();
        let participants = Participants::created_by(&record.record().creator);
        let franking_agent = franking_agent(&room_uri, franking_key);
        Self {
            record,
            participants,
            roles: Roles::standard(),
            room_uri,
            franking_agent,
        }
    }

    /// Reads the components of a `GroupContext`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn from_components(components: &BTreeMap<u16, Vec<u8>>) -> Result<Self, StateError> {
        if let Some(unknown) = components.keys().find(|id| !COMPONENTS.contains(id)) {
            return Err(StateError::Unknown(*unknown));
        }
        let find = |id: u16| {
            components
                .get(&id)
                .map(Vec::as_slice)
                .ok_or(StateError::Missing(id))
        };
        for (id, value) in [
            (component::SAFE_AAD, SAFE_AAD.to_vec()),
            (component::BASE_ROOM_POLICY, base_policy()),
        ] {
            if find(id)? != value {
                return Err(StateError::Fixed(id));
            }
        }
        let record = SignedCreationRecord::decode(find(component::CREATION_RECORD)?)?;
        let room_uri = record.room_uri();
        if find(component::ROOM_METADATA)? != metadata_of(&room_uri) {
            return Err(StateError::RoomUri);
        }
        let franking_agent = decoded::<FrankingAgentData>(
            component::FRANKING_AGENT,
            find(component::FRANKING_AGENT)?,
        )?;
        check_franking_agent(&franking_agent, &room_uri)?;
        let participants = decoded::<ParticipantListData>(
            component::PARTICIPANT_LIST,
            find(component::PARTICIPANT_LIST)?,
        )?;
        let roles = decoded::<RoleData>(component::ROLES_LIST, find(component::ROLES_LIST)?)?;
        Ok(Self {
            record,
            participants: Participants::from_data(participants)?,
            roles: Roles::from_data(roles)?,
            room_uri,
            franking_agent,
        })
    }

    /// The components of the `GroupContext`, by id.
    pub fn to_components(&self) -> BTreeMap<u16, Vec<u8>> {
        BTreeMap::from([
            (component::SAFE_AAD, SAFE_AAD.to_vec()),
            (component::FRANKING_AGENT, encoded(&self.franking_agent)),
            (
                component::PARTICIPANT_LIST,
                encoded(&self.participants.to_data()),
            ),
            (component::ROOM_METADATA, metadata_of(&self.room_uri)),
            (component::ROLES_LIST, encoded(self.roles.as_data())),
            (component::BASE_ROOM_POLICY, base_policy()),
            (component::CREATION_RECORD, self.record.as_bytes().to_vec()),
        ])
    }

    /// A component's new value after an update: the one logic by which hub and members compute it.
    /// Whether the committer may make the update is judged by [`super::policy::check`].
    ///
    /// # Errors
    /// [`PolicyViolation::ComponentFixed`], [`PolicyViolation::ComponentMalformed`],
    /// [`PolicyViolation::Participants`], [`PolicyViolation::Roles`].
    pub fn apply(&self, id: u16, update: &[u8]) -> Result<Vec<u8>, PolicyViolation> {
        let after = self.updated(id, update)?;
        Ok(if id == component::ROLES_LIST {
            encoded(after.roles.as_data())
        } else {
            encoded(&after.participants.to_data())
        })
    }

    /// The room after an update of one component.
    pub(super) fn updated(&self, id: u16, update: &[u8]) -> Result<Self, PolicyViolation> {
        let mut after = self.clone();
        match id {
            component::PARTICIPANT_LIST => {
                let update: ParticipantListUpdate = codec::decode(update)
                    .map_err(|_malformed| PolicyViolation::ComponentMalformed(id))?;
                after.participants = self.participants.apply(&update)?;
            }
            component::ROLES_LIST => {
                let roles: RoleData = codec::decode(update)
                    .map_err(|_malformed| PolicyViolation::ComponentMalformed(id))?;
                after.roles = Roles::from_data(roles)?;
            }
            _ => return Err(PolicyViolation::ComponentFixed(id)),
        }
        Ok(after)
    }

    /// Whether a user's messages count.
    pub fn may_send(&self, user: &UserUri) -> bool {
        self.roles.may(
            self.participants.role_of(user),
            capability::CAN_SEND_MESSAGE,
        )
    }
}

/// All components of a room.
const COMPONENTS: [u16; 7] = [
    component::SAFE_AAD,
    component::FRANKING_AGENT,
    component::PARTICIPANT_LIST,
    component::ROOM_METADATA,
    component::ROLES_LIST,
    component::BASE_ROOM_POLICY,
    component::CREATION_RECORD,
];

/// The base policy of every room: members come and go, several devices each, no limits, no
/// pseudonyms, persistent, not to be found by others, and ruled by the roles component.
fn base_policy() -> Vec<u8> {
    encoded(&BaseRoomPolicy {
        multi_device: true,
        persistent_room: true,
        policy_component_ids: vec![component::ROLES_LIST],
        ..BaseRoomPolicy::default()
    })
}

/// The metadata component: the URI and nothing that people wrote.
fn metadata_of(room: &RoomUri) -> Vec<u8> {
    encoded(&RoomMetaData::uri_only(room))
}

fn franking_agent(room: &RoomUri, key: &PublicKey) -> FrankingAgentData {
    #[expect(
        clippy::expect_used,
        reason = "32 bytes and a parsed URI are within the bounds of a key and a credential"
    )]
    let fitting = (
        Opaque::new(key.as_bytes().as_slice()).expect("a key fits"),
        Opaque::new(room.hub().as_str()).expect("a provider's URI fits"),
    );
    FrankingAgentData {
        franking_signature_key: fitting.0,
        credential: Credential::Basic(fitting.1),
    }
}

/// The agent must be the hub itself, with an Ed25519 key.
fn check_franking_agent(agent: &FrankingAgentData, room: &RoomUri) -> Result<(), StateError> {
    let key = PublicKey::try_from(agent.franking_signature_key.as_bytes())
        .map_err(|_length| StateError::FrankingAgent)?;
    if *agent == franking_agent(room, &key) {
        Ok(())
    } else {
        Err(StateError::FrankingAgent)
    }
}

fn decoded<T: Deserialize>(id: u16, bytes: &[u8]) -> Result<T, StateError> {
    codec::decode(bytes).map_err(|_malformed| StateError::Malformed(id))
}

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "lists, texts and URIs were checked against their bounds when they came in"
    )]
    codec::encode(value).expect("a component within its bounds can be encoded")
}

#[cfg(test)]
mod tests;
