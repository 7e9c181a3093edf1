//! How far a change of the user's devices has come, and what this device has to do about it: both
//! are read off the leaves.

use grove_mls::identity::{DeviceList, SignedDeviceList};
use grove_mls::member::Group;
use grove_mls::room::validation::ValidLeaf;
use grove_wire::uri::{ClientUri, RoomUri};
use serde::Serialize;

use super::DevicesError;
use super::list::own_list;
use crate::client::{Client, Identity};
use crate::environment::Environment;
use crate::step::{GroupError, Step};
use crate::store::{RoomState, Store, StoreError};
use crate::transport::Transport;
use crate::trust;

/// How far the rooms have followed the newest device list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeviceProgress {
    /// Rooms that have, the room of the user's own devices included.
    pub rooms_done: usize,
    /// Rooms that have not.
    pub rooms_pending: usize,
    /// Those.
    pub pending: Vec<PendingRoom>,
}

/// A room that has not followed the newest device list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PendingRoom {
    /// The room.
    pub room: RoomUri,
    /// Its name; empty if it has none, as the room of the user's own devices.
    pub name: String,
    /// Devices in it that were taken off the account.
    pub revoked: Vec<ClientUri>,
    /// Devices in it that still stand there with an older identity of the user. Each has to bring
    /// itself up to date.
    pub outdated: Vec<ClientUri>,
}

/// What this device has to do in a room.
pub(crate) enum Unwanted {
    /// Nothing, or nothing it may.
    Nothing,
    /// These leaves have to go; the own one is renewed with it.
    Others(Vec<ClientUri>),
    /// The own leaf is of an older identity.
    OwnKey,
}

/// What this device has to do in a room so that its leaves are what the newest list says.
pub(crate) fn duty(
    group: &Group,
    identity: &Identity,
    list: &SignedDeviceList,
) -> Result<Unwanted, GroupError> {
    if !identity.has_key_of(list) || group.is_leaving() {
        return Ok(Unwanted::Nothing);
    }
    let leaves = own_leaves(group, identity)?;
    let own = leaves.iter().find(|leaf| leaf.client == identity.client);
    let Some(own) = own else {
        return Ok(Unwanted::Nothing);
    };
    // A laggard may do nothing before that.
    if own.left_behind_by.is_some() {
        return Ok(Unwanted::OwnKey);
    }
    let unwanted: Vec<ClientUri> = leaves
        .iter()
        .filter(|leaf| is_unwanted(leaf, list.list()))
        .map(|leaf| leaf.client.clone())
        .collect();
    Ok(if !unwanted.is_empty() {
        Unwanted::Others(unwanted)
    } else if !own.identity.is_same(&list.list().identity) {
        Unwanted::OwnKey
    } else {
        Unwanted::Nothing
    })
}

/// A leaf of a device that was taken off, or of an older identity whose device the newest list does
/// not name.
fn is_unwanted(leaf: &ValidLeaf, list: &DeviceList) -> bool {
    match list.find(&leaf.client) {
        Some(device) => device.revoked.is_some() || device.signature_key != leaf.key,
        None => is_outdated(leaf, list),
    }
}

/// Whether a leaf is of an identity before that of the list.
fn is_outdated(leaf: &ValidLeaf, list: &DeviceList) -> bool {
    leaf.identity.rank() < list.identity.rank()
}

fn own_leaves(group: &Group, identity: &Identity) -> Result<Vec<ValidLeaf>, GroupError> {
    let mut leaves = trust::members_of(group)?;
    leaves.retain(|leaf| leaf.user == identity.user);
    Ok(leaves)
}

/// How far all rooms are.
pub(super) fn progress(step: &mut Step<'_>) -> Result<DeviceProgress, GroupError> {
    let list = own_list(step)?;
    let account_room = step.account()?.account_room;
    let mut progress = DeviceProgress::default();
    for room in step.tx.list_rooms()? {
        if room.state != RoomState::Joined {
            continue;
        }
        let leaves = match step.group(&room.uri, |group, _, identity| own_leaves(group, identity)) {
            Ok(leaves) => leaves,
            Err(GroupError::Store(error)) => return Err(error.into()),
            // A room whose keys are gone is joined anew, which renews the leaf.
            Err(GroupError::NotAMember | GroupError::Unusable(_)) => continue,
        };
        let (revoked, staying): (Vec<_>, Vec<_>) = leaves
            .into_iter()
            .partition(|leaf| is_unwanted(leaf, list.list()));
        let outdated = staying
            .into_iter()
            .filter(|leaf| is_outdated(leaf, list.list()));
        let clients = |leaf: ValidLeaf| leaf.client;
        let pending = PendingRoom {
            name: if account_room.as_ref() == Some(&room.uri) {
                String::new()
            } else {
                room.name
            },
            room: room.uri,
            revoked: revoked.into_iter().map(clients).collect(),
            outdated: outdated.map(clients).collect(),
        };
        if pending.revoked.is_empty() && pending.outdated.is_empty() {
            progress.rooms_done += 1;
        } else {
            progress.rooms_pending += 1;
            progress.pending.push(pending);
        }
    }
    Ok(progress)
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// How far the rooms have followed the newest device list that is known here.
    ///
    /// # Errors
    /// [`DevicesError`].
    pub fn device_progress(&mut self) -> Result<DeviceProgress, DevicesError> {
        Ok(self.transaction(progress)?)
    }

    /// Whether the user took this device off the account, as far as is known here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn is_revoked(&mut self) -> Result<bool, StoreError> {
        if self.memory.revoked {
            return Ok(true);
        }
        self.transaction(|step| super::this_is_revoked(step))
    }
}
