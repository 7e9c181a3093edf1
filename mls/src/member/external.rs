//! Joining by oneself: a new device of a participant, or one that lost its state.
//!
//! Three steps: [`request_group_info`], [`open_group_info`], [`external_commit`]. The room in the
//! answer is judged like the room in a Welcome: nothing the hub says is believed.
//!
//! The surprise: the commit is merged at once, since a joiner has no epoch to go back to. When the
//! hub refuses it, [`Group::forget`] the group and begin anew; when it comes back in the log it is
//! of an older epoch and already seen.

use std::collections::BTreeSet;

use grove_wire::codec::{self, Opaque};
use grove_wire::mimi::group_info::{
    GROUP_INFO_ENCRYPTION_LABEL, GROUP_INFO_REQUEST_LABEL, GROUP_INFO_RESPONSE_LABEL,
    GroupInfoRatchetTreeTbe, GroupInfoRequest, GroupInfoResponse,
};
use grove_wire::mimi::update::HandshakeBundle;
use grove_wire::mimi::{Credential, Protocol};
use grove_wire::mls::{GroupInfo, MlsMessage, RatchetTree};
use grove_wire::uri::RoomUri;
use openmls::group::MlsGroup;
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::{LeafNodeParameters, PublicMessageIn, RatchetTreeIn};
use openmls_traits::OpenMlsProvider as _;
use zeroize::Zeroizing;

use super::{DeviceIdentity, Group, bundle, join_config, list};
use crate::identity::{PublicKey, verify_with_label};
use crate::leaf;
use crate::public::context::{self, Context, ContextError};
use crate::public::tree;
use crate::room::{
    CommitFacts, Committer, ComponentChange, Leaf, LeafFacts, Pending, PolicyViolation, Proposer,
    Removal, continuity, policy,
};
use crate::storage::{MemberStorage, Records, group_id};
use crate::suite::{Crypto, DeviceSigner, MlsError, Suite, convert, hpke};

mod read;

use read::{leaves, self_remover};

/// Why this client cannot join by itself.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// The answer is not signed by the hub.
    #[error("the answer is not signed by the room's hub")]
    BadSignature,
    /// The group is not a room.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// MLS refuses what the hub gave, or the storage failed.
    #[error("the room cannot be joined: {0}")]
    Mls(#[from] MlsError),
    /// Everybody would refuse the commit, or a leaf in the tree is not a device its user signed.
    #[error(transparent)]
    Policy(#[from] PolicyViolation),
    /// The hub does not give a GroupInfo.
    #[error("the hub does not let this client join")]
    Refused,
    /// The hub offers an epoch that this client has seen already, or one before what another device
    /// has seen. Joining it would undo what happened since.
    #[error("the hub offers epoch {found}, but {seen} was seen")]
    Stale {
        /// The last epoch this client was in, or the epoch another device saw.
        seen: u64,
        /// The epoch offered.
        found: u64,
    },
    /// Another room than the one wanted.
    #[error("the answer is for another room")]
    WrongRoom,
}

/// The key to one answer, kept until it comes.
pub struct GroupInfoSecret {
    suite: Suite,
    private: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for GroupInfoSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GroupInfoSecret")
    }
}

/// Makes a signed request for a room's GroupInfo, and the key to its answer.
///
/// # Errors
/// [`ExternalError::Mls`].
pub fn request_group_info(
    device: &DeviceIdentity,
    suite: Suite,
) -> Result<(GroupInfoRequest, GroupInfoSecret), ExternalError> {
    let pair = hpke::generate(&Crypto::default(), suite)?;
    let mut request = GroupInfoRequest {
        protocol: Protocol::Mls10,
        cipher_suite: suite.code(),
        requesting_signature_key: Opaque::new(device.key.public().as_bytes().as_slice())
            .map_err(MlsError::of)?,
        requesting_credential: Credential::Basic(
            Opaque::new(device.client.as_str()).map_err(MlsError::of)?,
        ),
        group_info_public_key: Opaque::new(pair.public).map_err(MlsError::of)?,
        joining_code: Opaque::default(),
        signature: Opaque::default(),
    };
    let tbs = request.tbs().map_err(MlsError::of)?;
    let signature = device.key.sign_with_label(GROUP_INFO_REQUEST_LABEL, &tbs);
    request.signature = Opaque::new(signature.as_slice()).map_err(MlsError::of)?;
    Ok((
        request,
        GroupInfoSecret {
            suite,
            private: pair.private,
        },
    ))
}

/// Opens the hub's answer. `server_key` is the hub's key if it is known; the key in the answer,
/// which is taken otherwise, proves nothing. What counts in any case is what the room in the answer
/// holds, and [`external_commit`] judges that.
///
/// # Errors
/// [`ExternalError::BadSignature`], [`ExternalError::Mls`], [`ExternalError::Refused`],
/// [`ExternalError::WrongRoom`].
pub fn open_group_info(
    secret: &GroupInfoSecret,
    response: &GroupInfoResponse,
    room: &RoomUri,
    server_key: Option<&PublicKey>,
) -> Result<GroupInfoRatchetTreeTbe, ExternalError> {
    if response.room_id() != room {
        return Err(ExternalError::WrongRoom);
    }
    let GroupInfoResponse::Success {
        hub_sender,
        encrypted_groupinfo_and_tree,
        signature,
        ..
    } = response
    else {
        return Err(ExternalError::Refused);
    };
    let claimed = PublicKey::try_from(hub_sender.signature_key.as_bytes())
        .map_err(|_length| ExternalError::BadSignature)?;
    let key = server_key.unwrap_or(&claimed);
    let tbs = response
        .tbs()
        .map_err(MlsError::of)?
        .ok_or(ExternalError::Refused)?;
    verify_with_label(key, GROUP_INFO_RESPONSE_LABEL, &tbs, signature.as_bytes())
        .map_err(|_invalid| ExternalError::BadSignature)?;
    let bound = (GROUP_INFO_ENCRYPTION_LABEL, room.as_str().as_bytes());
    let plain = hpke::open(
        &Crypto::default(),
        secret.suite,
        &secret.private,
        bound,
        encrypted_groupinfo_and_tree,
    )?;
    Ok(codec::decode(&plain).map_err(MlsError::of)?)
}

/// Joins `room` by an external commit. It removes a stale leaf of this device, includes the pending
/// `SelfRemove`s but those that would leave laggards alone, and strikes from the list whoever
/// leaves with them. `at_least` is the highest epoch that another device of this user saw.
///
/// # Errors
/// [`ExternalError`]. Drop the storage's changes then.
pub fn external_commit<R: Records>(
    storage: &MemberStorage<'_, R>,
    device: &DeviceIdentity,
    group_info: &GroupInfo,
    ratchet_tree: &RatchetTree,
    pending: &[MlsMessage],
    room: &RoomUri,
    at_least: Option<u64>,
) -> Result<(Group, HandshakeBundle), ExternalError> {
    let verifiable = convert::group_info(group_info)?;
    let context = context::read(verifiable.group_context())?;
    if context.state.room_uri != *room {
        return Err(ExternalError::WrongRoom);
    }
    let found = group_info.epoch();
    if let Some(seen) = at_least.filter(|seen| found < *seen) {
        return Err(ExternalError::Stale { seen, found });
    }
    replace_older(storage, room, found)?;
    let tree_in = convert::ratchet_tree(ratchet_tree)?;
    let suite = verifiable.ciphersuite();
    let verified = tree_in
        .clone()
        .into_verified(suite, storage.crypto(), verifiable.group_id())
        .map_err(MlsError::of)?;
    let leaves = leaves(&verified)?;
    tree::check(&context.state, &leaves)?;
    // An own stale leaf goes by Remove, in any case: OpenMLS stumbles over both.
    let key = device.key.public();
    let is_own = |leaf: &Leaf| leaf.facts.signature_key == key.as_bytes();
    let own: Vec<u32> = leaves
        .iter()
        .filter(|leaf| is_own(leaf))
        .map(|leaf| leaf.index)
        .collect();
    let removers = || pending.iter().filter_map(self_remover);
    let staying = continuity::keepers(&leaves, &removers().collect());
    let takes_up = |message: &&MlsMessage| {
        self_remover(message).is_some_and(|leaf| !own.contains(&leaf) && !staying.contains(&leaf))
    };
    let self_removes: Vec<&MlsMessage> = pending.iter().filter(takes_up).collect();
    let list = plan(&context, device, &leaves, &self_removes)?;
    let proposals = self_removes
        .into_iter()
        .map(convert::public_message)
        .collect::<Result<_, _>>()?;
    make(storage, device, verifiable, tree_in, proposals, list)
}

/// Makes the commit and merges it.
fn make<R: Records>(
    storage: &MemberStorage<'_, R>,
    device: &DeviceIdentity,
    group_info: VerifiableGroupInfo,
    ratchet_tree: RatchetTreeIn,
    self_removes: Vec<PublicMessageIn>,
    list: Option<list::ListUpdate>,
) -> Result<(Group, HandshakeBundle), ExternalError> {
    let leaf_parameters = LeafNodeParameters::builder()
        .with_capabilities(leaf::capabilities())
        .with_extensions(leaf::extensions(&device.credential)?)
        .build();
    let mut builder = MlsGroup::external_commit_builder()
        .with_proposals(self_removes)
        .with_ratchet_tree(ratchet_tree)
        .with_config(join_config())
        .skip_lifetime_validation()
        .build_group(storage, group_info, leaf::credential_with_key(device))
        .map_err(MlsError::of)?
        .leaf_node_parameters(leaf_parameters);
    if let Some(list) = &list {
        builder = builder.add_app_data_update_proposal(list.proposal());
    }
    let mut loaded = builder
        .load_psks(storage)
        .map_err(MlsError::of)?
        .create_group_info(true)
        .use_ratchet_tree_extension(false);
    if let Some(list) = list {
        let mut dictionary = loaded.app_data_dictionary_updater();
        dictionary.set(list.value());
        let changes = dictionary.changes();
        loaded.with_app_data_dictionary_updates(changes);
    }
    let signer = DeviceSigner(&device.key);
    let (mls, made) = loaded
        .build(storage.rand(), storage.crypto(), &signer, |_| true)
        .map_err(MlsError::of)?
        .finalize(storage)
        .map_err(MlsError::of)?;
    Ok((Group::read(mls)?, bundle::to_wire(&made)?))
}

/// Deletes what is stored of the room, unless it is as new as what the hub offers.
fn replace_older<R: Records>(
    storage: &MemberStorage<'_, R>,
    room: &RoomUri,
    found: u64,
) -> Result<(), ExternalError> {
    let older = MlsGroup::load(storage, &group_id(room)).map_err(MlsError::of)?;
    let Some(mut older) = older else {
        return Ok(());
    };
    let seen = older.epoch().as_u64();
    if found <= seen {
        return Err(ExternalError::Stale { seen, found });
    }
    older.delete(storage).map_err(MlsError::of)?;
    Ok(())
}

/// Judges the commit before it is made, as everybody else will; gives the list update that goes
/// with it.
fn plan(
    context: &Context,
    device: &DeviceIdentity,
    leaves: &[Leaf],
    self_removes: &[&MlsMessage],
) -> Result<Option<list::ListUpdate>, ExternalError> {
    let leaving: BTreeSet<u32> = self_removes
        .iter()
        .filter_map(|message| self_remover(message))
        .collect();
    let key = device.key.public();
    let stale = leaves
        .iter()
        .filter(|leaf| leaf.facts.signature_key == key.as_bytes() && !leaving.contains(&leaf.index))
        .map(|leaf| leaf.index);
    let removes: Vec<Removal> = stale
        .map(|leaf| Removal {
            leaf,
            proposer: Proposer::Committer,
        })
        .collect();
    let gone = leaving
        .iter()
        .copied()
        .chain(removes.iter().map(|one| one.leaf))
        .collect();
    let list = list::update(
        &context.state,
        leaves,
        &gone,
        &[device.client.user()],
        Vec::new(),
    )?;
    let facts = CommitFacts {
        committer: Committer::Joiner(LeafFacts {
            identity: device.client.as_str().as_bytes().to_vec(),
            signature_key: key.as_bytes().to_vec(),
            device_credential: Some(device.credential.to_bytes()),
            not_after_lifetime: None,
        }),
        leaves: leaves.to_vec(),
        adds: Vec::new(),
        removes,
        self_removes: leaving.into_iter().collect(),
        updated_leaf: None,
        components: list.iter().map(list_change).collect(),
        context_extensions: false,
        other_proposals: Vec::new(),
        included_refs: Vec::new(),
    };
    policy::check(&context.state, &Pending::default(), &facts)?;
    Ok(list)
}

fn list_change(list: &list::ListUpdate) -> ComponentChange {
    ComponentChange {
        id: list::COMPONENT,
        update: Some(list.update().to_vec()),
    }
}
