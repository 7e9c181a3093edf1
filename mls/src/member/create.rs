//! Making a room: a group of one, with the creation record in its `GroupContext` from the first.
//!
//! Must not know whether the hub takes it. If it does not, [`Group::forget`] it.

use grove_wire::api::rooms::CreateRoomRequest;
use grove_wire::codec::Opaque;
use openmls::group::{MlsGroup, PURE_PLAINTEXT_WIRE_FORMAT_POLICY};
use openmls::prelude::SenderRatchetConfiguration;
use openmls_traits::OpenMlsProvider as _;

use super::{DeviceIdentity, FORWARD_GAP, Group, OUT_OF_ORDER, PADDING_BYTES};
use crate::identity::{PublicKey, SignedCreationRecord};
use crate::key_package;
use crate::leaf;
use crate::public::context::{self, ContextError};
use crate::room::RoomState;
use crate::storage::{MemberStorage, Records, group_id};
use crate::suite::{DeviceSigner, MlsError, Suite, convert};

/// What a new room is made of.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// Its creation record, signed by the device that makes it.
    pub record: SignedCreationRecord,
    /// The hub's key: external sender and signer of receipts.
    pub server_key: PublicKey,
    /// The key of the hub's franks. Hubs of ours take the same key here.
    pub franking_key: PublicKey,
}

/// Why a room could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The group made is not a room; the record does not fit the device or the suite.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The record names another device than this one.
    #[error("the creation record is another device's")]
    Device,
    /// OpenMLS refused, or the storage failed.
    #[error("the group cannot be made: {0}")]
    Mls(#[from] MlsError),
    /// The record names a suite Grove does not speak.
    #[error("suite {0:#06x} is not supported")]
    Suite(u16),
}

/// Makes a room with its creator as owner and only client, in epoch 0.
///
/// # Errors
/// [`CreateError`].
pub fn create<R: Records>(
    storage: &MemberStorage<'_, R>,
    device: &DeviceIdentity,
    room: NewRoom,
) -> Result<(Group, CreateRoomRequest), CreateError> {
    let record = room.record.record();
    if record.device_key != device.key.public() || record.creator != device.client.user() {
        return Err(CreateError::Device);
    }
    let suite =
        Suite::from_code(record.cipher_suite).ok_or(CreateError::Suite(record.cipher_suite))?;
    let record_bytes = Opaque::new(room.record.as_bytes()).map_err(MlsError::of)?;
    let state = RoomState::create(room.record, &room.franking_key);
    let signer = DeviceSigner(&device.key);
    let mls = MlsGroup::builder()
        .with_group_id(group_id(&state.room_uri))
        .ciphersuite(suite.ciphersuite())
        .with_capabilities(leaf::capabilities())
        .with_leaf_node_extensions(leaf::extensions(&device.credential)?)
        .map_err(MlsError::of)?
        .lifetime(key_package::lifetime())
        .with_group_context_extensions(context::extensions(&state, &room.server_key)?)
        .with_wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(0)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, FORWARD_GAP))
        .padding_size(PADDING_BYTES)
        .use_ratchet_tree_extension(false)
        .build(storage, &signer, leaf::credential_with_key(device))
        .map_err(MlsError::of)?;
    let group_info = mls
        .export_group_info(storage.crypto(), &signer, false)
        .map_err(MlsError::of)?;
    let group_info = convert::to_message(&group_info)?
        .group_info()
        .ok_or_else(|| MlsError::text("not a GroupInfo"))?;
    let group = Group::read(mls)?;
    let ratchet_tree = group.tree()?;
    Ok((
        group,
        CreateRoomRequest {
            record: record_bytes,
            group_info,
            ratchet_tree,
        },
    ))
}
