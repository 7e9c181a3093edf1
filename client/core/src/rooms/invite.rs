//! Inviting users: their identity is checked, their devices' KeyPackages are fetched through the
//! hub, and all are added in one commit (or several, when they are many).
//!
//! A user none of whose devices can be added now is listed all the same, and invited again later:
//! nobody enters a room as its first client by themselves, or the hub could.

use std::collections::BTreeMap;

use grove_mls::key_package::{self, ValidKeyPackage};
use grove_mls::member::key_material;
use grove_mls::room::Role;
use grove_mls::room::validation::ValidLeaf;
use grove_mls::suite::{MlsError, Suite};
use grove_wire::codec;
use grove_wire::mimi::key_material::{ClientKeyMaterial, KeyMaterialResponse, KeyMaterialUserCode};
use grove_wire::problem::ProblemType;
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use serde::Serialize;

use super::commit::CommitError;
use super::handshake::HandshakeError;
use super::members::is_listed;
use crate::call::CallError;
use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::step::{GroupError, Step};
use crate::store::{RoomState, Store, StoreError};
use crate::transport::{Body, Method, Transport};
use crate::trust::{self, LearnError, Newness, TrustError};
use crate::{call, devices, notes};

/// The user's other devices are asked for again after this time, in milliseconds.
const SIBLINGS_AGAIN_MS: u64 = 60 * 60 * 1000;
/// Devices added in one commit; more make it needlessly heavy for everybody.
const DEVICES_PER_COMMIT: usize = 100;

/// What became of an invitation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Invited {
    /// Users who are in now.
    pub added: Vec<UserUri>,
    /// Users who were in already.
    pub already: Vec<UserUri>,
    /// Users who are listed, but have no device that could be added now.
    pub without_devices: Vec<UserUri>,
}

/// Users could not be invited.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// The hub was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The commit failed.
    #[error(transparent)]
    Commit(CommitError),
    /// The user's server, or the user, does not allow it.
    #[error("{} cannot be invited", .0.address())]
    NotAllowed(UserUri),
    /// The request for KeyPackages could not be made.
    #[error("the request for KeyPackages cannot be made")]
    Request(#[source] MlsError),
    /// The room's cipher suite is not known to this version.
    #[error("the room has suite {0:#06x}, which this version does not know")]
    Suite(u16),
    /// The user's identity is not what it was.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// There is no such user.
    #[error("there is no user {}", .0.address())]
    UnknownUser(UserUri),
}

impl Classified for InviteError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::Commit(error) => error.class(),
            Self::NotAllowed(_) => Class::Refused,
            Self::Request(_) | Self::Suite(_) => Class::Failure,
            Self::Trust(error) => error.class(),
            Self::UnknownUser(_) => Class::Unknown,
        }
    }
}

impl From<GroupError> for InviteError {
    fn from(error: GroupError) -> Self {
        Self::Commit(error.into())
    }
}

impl From<StoreError> for InviteError {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

impl From<CommitError> for InviteError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Trust(error) => Self::Trust(error),
            error => Self::Commit(error),
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Adds users to a room, as members, with all devices of theirs that can be reached.
    ///
    /// # Errors
    /// [`InviteError`]. Users are looked up before anybody is added.
    pub async fn invite(
        &mut self,
        room: &RoomUri,
        users: &[UserUri],
    ) -> Result<Invited, InviteError> {
        self.catch_up_if_member(room)
            .await
            .map_err(CommitError::from)?;
        // Who is about to be gone would be taken for somebody who is there, and then go.
        if self.are_any_leaving(room, users)? {
            self.commit_pending(room).await?;
        }
        let mut invited = Invited::default();
        let mut wanted: Vec<UserUri> = Vec::new();
        let present = self.transaction(|step| {
            step.group(room, |group, _, _| {
                let members = trust::members_of(group)?;
                Ok::<_, GroupError>(
                    members
                        .into_iter()
                        .map(|member| member.user)
                        .collect::<Vec<_>>(),
                )
            })
        })?;
        for user in users {
            if present.contains(user) {
                invited.already.push(user.clone());
            } else if !wanted.contains(user) {
                wanted.push(user.clone());
            }
        }
        for user in &wanted {
            self.learn_before_adding(user).await?;
        }
        let mut found = BTreeMap::new();
        for user in wanted {
            let packages = self.fetch_key_packages(room, &user).await?;
            if packages.is_empty() {
                invited.without_devices.push(user.clone());
            } else {
                invited.added.push(user.clone());
            }
            found.insert(user, packages);
        }
        for batch in batches(found) {
            let left_out = self.add_current(room, batch).await?;
            invited.added.retain(|user| !left_out.contains(user));
            invited.without_devices.extend(left_out);
        }
        Ok(invited)
    }

    /// Brings the user's other devices into a room that this one has made and that nothing has
    /// happened to since. Later ones, and those without a KeyPackage, come in by themselves.
    pub(crate) async fn add_siblings(&mut self, room: &RoomUri) -> Result<(), InviteError> {
        if !self.transaction(|step| wants_siblings(step, room))? {
            return Ok(());
        }
        let now = self.environment.now();
        self.memory.siblings_asked.insert(room.clone(), now);
        let user = self.identity.user.clone();
        // One that another device has linked may not have been told of yet.
        self.learn_before_adding(&user).await?;
        let packages = self.fetch_key_packages(room, &user).await?;
        for batch in batches(BTreeMap::from([(user, packages)])) {
            self.add_current(room, batch).await?;
        }
        Ok(())
    }

    /// Whether the leaving of one of these users waits for a commit.
    fn are_any_leaving(&mut self, room: &RoomUri, users: &[UserUri]) -> Result<bool, GroupError> {
        self.transaction(|step| {
            step.group(room, |group, _, _| {
                let members = trust::members_of(group)?;
                let mut wanted = members.iter().filter(|one| users.contains(&one.user));
                Ok(wanted.any(|one| group.are_all_leaving(&one.client)))
            })
        })
    }

    async fn learn_before_adding(&mut self, user: &UserUri) -> Result<(), InviteError> {
        match self.learn_device_list(user).await {
            Ok(()) => Ok(()),
            Err(LearnError::Unknown) => Err(InviteError::UnknownUser(user.clone())),
            Err(LearnError::Call(error)) => Err(error.into()),
            Err(LearnError::Store(error)) => Err(error.into()),
            Err(LearnError::Refused(trust)) => Err(trust.into()),
        }
    }

    /// The KeyPackages of a user's devices, of those that can be trusted.
    async fn fetch_key_packages(
        &mut self,
        room: &RoomUri,
        user: &UserUri,
    ) -> Result<Vec<ValidKeyPackage>, InviteError> {
        let request = self.transaction(|step| {
            step.group(room, |group, _, identity| {
                let code = group.state().record.record().cipher_suite;
                let suite = Suite::from_code(code).ok_or(InviteError::Suite(code))?;
                key_material::request(&identity.device, user, room, suite)
                    .map_err(InviteError::Request)
            })
        })?;
        let body = codec::encode(&request).map_err(|error| InviteError::Commit(error.into()))?;
        let path = format!("/v1/keyMaterial/{}", user.path_segment());
        let response = self.ask(Method::Post, &path, Body::Octets(body)).await?;
        let response: KeyMaterialResponse = response.decode()?;
        match response.user_status {
            KeyMaterialUserCode::Success
            | KeyMaterialUserCode::PartialSuccess
            | KeyMaterialUserCode::NoCompatibleMaterial => {}
            KeyMaterialUserCode::UserUnknown | KeyMaterialUserCode::UserDeleted => {
                return Err(InviteError::UnknownUser(user.clone()));
            }
            KeyMaterialUserCode::IncompatibleProtocol
            | KeyMaterialUserCode::NoConsent
            | KeyMaterialUserCode::NoConsentForThisRoom => {
                return Err(InviteError::NotAllowed(user.clone()));
            }
        }
        let now = self.environment.now();
        let mut packages = Vec::new();
        for client in response.clients {
            let ClientKeyMaterial::Success { key_package, .. } = client else {
                continue;
            };
            let Ok(package) = key_package::validate_bare(&key_package, now) else {
                continue;
            };
            if package.leaf.user != *user {
                return Err(call::incompatible("a KeyPackage of another user").into());
            }
            if self.check_before_adding(&package.leaf)? == Newness::Current {
                packages.push(package);
            }
        }
        Ok(packages)
    }

    /// Adds a batch, without the devices that their users have taken off, or whose KeyPackages an
    /// identity has left behind, since these were fetched. Gives the users who have no other.
    async fn add_current(
        &mut self,
        room: &RoomUri,
        mut batch: BTreeMap<UserUri, Vec<ValidKeyPackage>>,
    ) -> Result<Vec<UserUri>, CommitError> {
        let mut left_out = Vec::new();
        loop {
            let Err(error) = self.add(room, &batch).await else {
                return Ok(left_out);
            };
            let Some(client) = outdated(&error) else {
                return Err(error);
            };
            let packages = batch.get_mut(&client.user());
            let Some(packages) = packages.filter(|packages| !packages.is_empty()) else {
                return Err(error);
            };
            let before = packages.len();
            packages.retain(|package| package.leaf.client != client);
            if packages.len() == before {
                return Err(error);
            }
            if packages.is_empty() {
                left_out.push(client.user());
            }
        }
    }

    async fn add(
        &mut self,
        room: &RoomUri,
        batch: &BTreeMap<UserUri, Vec<ValidKeyPackage>>,
    ) -> Result<(), CommitError> {
        let leaves: Vec<ValidLeaf> = batch
            .values()
            .flatten()
            .map(|package| package.leaf.clone())
            .collect();
        self.commit_adding(room, &leaves, |group, storage, identity| {
            let newcomers: Vec<(UserUri, u32)> = batch
                .keys()
                .filter(|user| !is_listed(group, user))
                .map(|user| (user.clone(), Role::Member.index()))
                .collect();
            let present: Vec<_> = group
                .members()
                .into_iter()
                .flatten()
                .map(|member| member.leaf.client)
                .collect();
            let packages: Vec<ValidKeyPackage> = batch
                .values()
                .flatten()
                .filter(|package| !present.contains(&package.leaf.client))
                .cloned()
                .collect();
            if newcomers.is_empty() && packages.is_empty() {
                return Ok(None);
            }
            group
                .add(storage, &identity.device, &packages, &newcomers)
                .map(Some)
        })
        .await
    }
}

/// Whether the room is new, ours alone, and other devices of the user are wanted in it.
fn wants_siblings(step: &mut Step<'_>, room: &RoomUri) -> Result<bool, InviteError> {
    let known = step.tx.find_room(room)?;
    let is_new = known.is_some_and(|room| {
        room.state == RoomState::Joined && room.epoch == 0 && room.lost.is_none()
    });
    if !is_new || notes::is_account_room(step, room)? || !devices::has_siblings(step)? {
        return Ok(false);
    }
    let asked = step.memory.siblings_asked.get(room);
    Ok(asked.is_none_or(|asked| step.now >= asked.saturating_add(SIBLINGS_AGAIN_MS)))
}

/// The device for which the hub has refused a commit, because its user's newest device list does
/// not have it so.
fn outdated(error: &CommitError) -> Option<ClientUri> {
    match error {
        CommitError::Handshake(HandshakeError::Call(CallError::Refused(refusal)))
            if refusal.kind == ProblemType::LeafOutdated =>
        {
            refusal.client.clone()
        }
        _ => None,
    }
}

/// Cuts users into groups of at most [`DEVICES_PER_COMMIT`] devices; a user is never cut.
fn batches(
    found: BTreeMap<UserUri, Vec<ValidKeyPackage>>,
) -> Vec<BTreeMap<UserUri, Vec<ValidKeyPackage>>> {
    let mut batches: Vec<BTreeMap<_, _>> = Vec::new();
    let mut devices = 0;
    for (user, packages) in found {
        let weight = packages.len().max(1);
        match batches.last_mut() {
            Some(batch) if devices + weight <= DEVICES_PER_COMMIT => {
                devices += weight;
                batch.insert(user, packages);
            }
            _ => {
                devices = weight;
                batches.push(BTreeMap::from([(user, packages)]));
            }
        }
    }
    batches
}
