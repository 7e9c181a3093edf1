//! What another program with a member's keys could send, made with OpenMLS itself; and what OpenMLS
//! alone makes of it.

use grove_mls::identity::{DeviceCredential, DeviceKey};
use grove_mls::leaf::{DEVICE_CREDENTIAL_EXTENSION, EXTENSIONS, PROPOSALS};
use grove_mls::public::{CheckedCommit, CommitParts, Refusal};
use grove_mls::storage::MemberStorage;
use grove_wire::codec;
use grove_wire::mimi::room::component;
use grove_wire::mimi::update::{GroupInfoOption, RatchetTreeOption};
use grove_wire::mls::{GroupInfo, MlsMessage, Welcome};
use grove_wire::uri::{RoomUri, UserUri};
use openmls::component::ComponentData;
use openmls::framing::SafeAadItem;
use openmls::group::PURE_PLAINTEXT_WIRE_FORMAT_POLICY;
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::messages::proposals::{AppDataUpdateOperation, AppDataUpdateProposal};
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, CommitBuilder, CredentialType, CredentialWithKey,
    Extension, ExtensionType, Extensions, GroupId, Initial, KeyPackage, LeafNode, LeafNodeIndex,
    LeafNodeParameters, Lifetime, MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn,
    MlsMessageOut, ProcessedMessageContent, Proposal, ProposalOrRefType, ProposalType, Propose,
    ProtocolMessage, ProtocolVersion, RatchetTreeIn, SignatureScheme, UnknownExtension,
};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::signatures::{Signer, SignerError};
use tls_codec::{Deserialize as _, Serialize as _};

use crate::world::{Device, Map, World};

pub(crate) struct ForgedCommit {
    pub(crate) commit: MlsMessage,
    pub(crate) welcome: Option<Welcome>,
    pub(crate) group_info: GroupInfoOption,
}

pub(crate) struct Key<'a>(pub(crate) &'a DeviceKey);

impl Signer for Key<'_> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        use ed25519_dalek::Signer as _;
        Ok(ed25519_dalek::SigningKey::from_bytes(self.0.seed())
            .sign(payload)
            .to_bytes()
            .to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// A device's key that signs with another secret number each time it is given another `nonce`, so
/// that one proposal has many references.
struct Restless<'a> {
    key: &'a DeviceKey,
    nonce: u8,
}

impl Signer for Restless<'_> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
        let key = ed25519_dalek::SigningKey::from_bytes(self.key.seed());
        let mut expanded = ExpandedSecretKey::from(self.key.seed());
        expanded.hash_prefix = [self.nonce; 32];
        let signature = raw_sign::<sha2::Sha512>(&expanded, payload, &key.verifying_key());
        Ok(signature.to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// Leaves by itself alone, signed in its own way for every `nonce`.
pub(crate) fn self_remove(device: &Device, room: &RoomUri, nonce: u8) -> MlsMessage {
    let (storage, mut group) = openmls(device, room);
    let signer = Restless {
        key: &device.identity.key,
        nonce,
    };
    wire(
        &group
            .leave_group_via_self_remove(&storage, &signer)
            .unwrap(),
    )
}

pub(crate) fn openmls<'a>(
    device: &'a Device,
    room: &RoomUri,
) -> (MemberStorage<'a, Map>, MlsGroup) {
    let storage = MemberStorage::new(&device.records);
    let group = MlsGroup::load(&storage, &GroupId::from_slice(&room.hash()))
        .unwrap()
        .unwrap();
    (storage, group)
}

fn protocol(message: &MlsMessage) -> ProtocolMessage {
    let message = MlsMessageIn::tls_deserialize(&mut message.as_bytes()).unwrap();
    match message.extract() {
        MlsMessageBodyIn::PublicMessage(public) => public.into(),
        MlsMessageBodyIn::PrivateMessage(private) => private.into(),
        _ => panic!("a message of a group"),
    }
}

pub(crate) fn wire(message: &MlsMessageOut) -> MlsMessage {
    MlsMessage::from_bytes(message.tls_serialize_detached().unwrap()).unwrap()
}

/// Commits whatever the builder is given; `list` changes the participant list with it.
pub(crate) fn commit(
    device: &Device,
    room: &RoomUri,
    list: &[(UserUri, u32)],
    build: impl FnOnce(CommitBuilder<'_, Initial>) -> CommitBuilder<'_, Initial>,
) -> ForgedCommit {
    commit_with(&RustCrypto::default(), device, room, list, build)
}

/// [`commit`], with key pairs of its own making.
pub(crate) fn commit_with(
    crypto: &impl OpenMlsCrypto,
    device: &Device,
    room: &RoomUri,
    list: &[(UserUri, u32)],
    build: impl FnOnce(CommitBuilder<'_, Initial>) -> CommitBuilder<'_, Initial>,
) -> ForgedCommit {
    let (storage, mut group) = openmls(device, room);
    let state = device.group.as_ref().unwrap().state();
    let update = (!list.is_empty())
        .then(|| codec::encode(&state.participants.update(list).unwrap()).unwrap());
    let mut builder = build(group.commit_builder());
    if let Some(update) = &update {
        let proposal = AppDataUpdateProposal::update(component::PARTICIPANT_LIST, update.clone());
        builder = builder.add_proposal(Proposal::AppDataUpdate(Box::new(proposal)));
    }
    let mut loaded = builder
        .load_psks(&storage)
        .unwrap()
        .create_group_info(true)
        .use_ratchet_tree_extension(false);
    let mut dictionary = loaded.app_data_dictionary_updater();
    for proposal in loaded.app_data_update_proposals() {
        let id = proposal.component_id();
        match proposal.operation() {
            AppDataUpdateOperation::Update(bytes) => {
                let value = state
                    .apply(id, bytes.as_slice())
                    .unwrap_or_else(|_| bytes.as_slice().to_vec());
                dictionary.set(ComponentData::from_parts(id, value.into()));
            }
            AppDataUpdateOperation::Remove => dictionary.remove(&id),
        }
    }
    let changes = dictionary.changes();
    loaded.with_app_data_dictionary_updates(changes);
    let made = loaded
        .build(storage.rand(), crypto, &Key(&device.identity.key), |_| true)
        .unwrap()
        .stage_commit(&storage)
        .unwrap();
    let group_info = made.group_info().unwrap().tls_serialize_detached().unwrap();
    let welcome = made.welcome().map(|welcome| {
        wire(&MlsMessageOut::from_welcome(
            welcome.clone(),
            ProtocolVersion::Mls10,
        ))
        .welcome()
        .unwrap()
    });
    ForgedCommit {
        commit: wire(made.commit()),
        welcome,
        group_info: GroupInfoOption::Full(GroupInfo::from_bytes(group_info).unwrap()),
    }
}

pub(crate) fn commit_without_pending(device: &mut Device, room: &RoomUri) -> ForgedCommit {
    commit(device, room, &[], |builder| {
        builder
            .consume_proposal_store(false)
            .force_self_update(true)
    })
}

/// Removes the only client of its user, and strikes the user from the list.
pub(crate) fn commit_removal(device: &mut Device, room: &RoomUri, leaf: u32) -> ForgedCommit {
    let members = device.group.as_ref().unwrap().members().unwrap();
    let gone = members
        .iter()
        .find(|member| member.index == leaf)
        .unwrap()
        .leaf
        .user
        .clone();
    commit(device, room, &[(gone, 0)], |builder| {
        builder.propose_removals([LeafNodeIndex::new(leaf)])
    })
}

pub(crate) fn hand_in(
    world: &World,
    actor: usize,
    forged: &ForgedCommit,
) -> Result<CheckedCommit, Refusal> {
    let parts = CommitParts {
        commit: &forged.commit,
        welcome: forged.welcome.as_ref(),
        group_info: &forged.group_info,
        ratchet_tree: &RatchetTreeOption::DistributionService,
    };
    world
        .hub
        .check_commit(parts, &world.devices[actor].identity.client, world.now_ms)
}

/// Joins with whatever leaf it likes.
pub(crate) fn external_commit(
    device: &Device,
    world: &World,
    extensions: Extensions<LeafNode>,
) -> ForgedCommit {
    external_commit_with(&RustCrypto::default(), device, world, extensions)
}

/// [`external_commit`], with key pairs of its own making.
pub(crate) fn external_commit_with(
    crypto: &impl OpenMlsCrypto,
    device: &Device,
    world: &World,
    extensions: Extensions<LeafNode>,
) -> ForgedCommit {
    let storage = MemberStorage::new(&device.records);
    let group_info = world.group_info.as_slice();
    let group_info = VerifiableGroupInfo::tls_deserialize(&mut &*group_info).unwrap();
    let tree = world.hub.tree().unwrap();
    let tree = RatchetTreeIn::tls_deserialize(&mut tree.as_bytes()).unwrap();
    let key = Key(&device.identity.key);
    let parameters = LeafNodeParameters::builder()
        .with_capabilities(capabilities())
        .with_extensions(extensions)
        .build();
    let join_config = MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .build();
    let (_group, made) = MlsGroup::external_commit_builder()
        .with_ratchet_tree(tree)
        .with_config(join_config)
        .build_group(
            &storage,
            group_info,
            identity(device.identity.client.as_str(), &device.identity.key),
        )
        .unwrap()
        .leaf_node_parameters(parameters)
        .load_psks(&storage)
        .unwrap()
        .create_group_info(true)
        .use_ratchet_tree_extension(false)
        .build(storage.rand(), crypto, &key, |_| true)
        .unwrap()
        .finalize(&storage)
        .unwrap();
    let group_info = made.group_info().unwrap().tls_serialize_detached().unwrap();
    ForgedCommit {
        commit: wire(made.commit()),
        welcome: None,
        group_info: GroupInfoOption::Full(GroupInfo::from_bytes(group_info).unwrap()),
    }
}

/// Whether a member without our checks merges a commit.
pub(crate) fn openmls_merges(device: &Device, room: &RoomUri, message: &MlsMessage) -> bool {
    openmls_after(device, room, message).is_some()
}

/// A member without our checks after a commit, if it merges that.
pub(crate) fn openmls_after<'a>(
    device: &'a Device,
    room: &RoomUri,
    message: &MlsMessage,
) -> Option<(MemberStorage<'a, Map>, MlsGroup)> {
    let (storage, mut group) = openmls(device, room);
    let state = device.group.as_ref().unwrap().state();
    let processed = group.process_message(&storage, protocol(message)).ok()?;
    let staged = match processed.into_content() {
        ProcessedMessageContent::StagedCommitMessage(staged) => *staged,
        ProcessedMessageContent::UnresolvedAppDataCommit(unresolved) => {
            let mut dictionary = group.app_data_dictionary_updater();
            for proposal in unresolved.app_data_update_proposals() {
                let id = proposal.component_id();
                match proposal.operation() {
                    AppDataUpdateOperation::Update(bytes) => {
                        let value = state
                            .apply(id, bytes.as_slice())
                            .unwrap_or_else(|_| bytes.as_slice().to_vec());
                        dictionary.set(ComponentData::from_parts(id, value.into()));
                    }
                    AppDataUpdateOperation::Remove => dictionary.remove(&id),
                }
            }
            let changes = dictionary.changes();
            let staged = group.stage_app_data_commit(&storage, *unresolved, changes);
            staged.ok()?
        }
        _ => return None,
    };
    group.merge_staged_commit(&storage, staged).ok()?;
    Some((storage, group))
}

/// Whether a member without our checks could commit with a path after a commit.
pub(crate) fn openmls_commits_after(device: &Device, room: &RoomUri, message: &MlsMessage) -> bool {
    let (storage, mut group) = openmls_after(device, room, message).unwrap();
    let key = Key(&device.identity.key);
    group
        .self_update(&storage, &key, LeafNodeParameters::default())
        .is_ok()
}

/// Whether a program without our checks could join after a commit that a member of its kind merged,
/// by a GroupInfo of that member.
pub(crate) fn openmls_joins_after(
    (member, joiner): (&Device, &Device),
    room: &RoomUri,
    message: &MlsMessage,
) -> bool {
    let (storage, group) = openmls_after(member, room, message).unwrap();
    let key = Key(&member.identity.key);
    let group_info = group.export_group_info(storage.crypto(), &key, false);
    let group_info = wire(&group_info.unwrap()).group_info().unwrap();
    openmls_joins(joiner, &group_info, group.export_ratchet_tree().into())
}

/// [`openmls_joins_after`], by the GroupInfo that goes with the commit.
pub(crate) fn openmls_joins_by(
    (member, joiner): (&Device, &Device),
    room: &RoomUri,
    forged: &ForgedCommit,
) -> bool {
    let (_storage, group) = openmls_after(member, room, &forged.commit).unwrap();
    let GroupInfoOption::Full(group_info) = &forged.group_info else {
        panic!("the GroupInfo is whole")
    };
    openmls_joins(joiner, group_info, group.export_ratchet_tree().into())
}

fn openmls_joins(joiner: &Device, group_info: &GroupInfo, tree: RatchetTreeIn) -> bool {
    let storage = MemberStorage::new(&joiner.records);
    let group_info = VerifiableGroupInfo::tls_deserialize(&mut group_info.as_bytes()).unwrap();
    let says = identity(joiner.identity.client.as_str(), &joiner.identity.key);
    MlsGroup::external_commit_builder()
        .with_ratchet_tree(tree)
        .build_group(&storage, group_info, says)
        .is_ok()
}

/// Whether a member without our checks takes a proposal.
pub(crate) fn openmls_takes(device: &Device, room: &RoomUri, message: &MlsMessage) -> bool {
    let (storage, mut group) = openmls(device, room);
    let processed = group.process_message(&storage, protocol(message));
    processed.is_ok_and(|one| {
        matches!(
            one.into_content(),
            ProcessedMessageContent::ProposalMessage(_)
        )
    })
}

/// Whether a client that ignores its own removal can open a message.
pub(crate) fn openmls_opens(device: &Device, room: &RoomUri, message: &MlsMessage) -> bool {
    let (storage, mut group) = openmls(device, room);
    let opened = group.process_message(&storage, protocol(message));
    opened.is_ok_and(|one| {
        matches!(
            one.into_content(),
            ProcessedMessageContent::ApplicationMessage(_)
        )
    })
}

pub(crate) fn seal_with_openmls(device: &mut Device, room: &RoomUri, data: &[u8]) -> MlsMessage {
    let (storage, mut group) = openmls(device, room);
    group
        .set_safe_aad(vec![SafeAadItem::new(component::FRANK_AAD, vec![0; 32])])
        .unwrap();
    wire(
        &group
            .create_message(&storage, &Key(&device.identity.key), data)
            .unwrap(),
    )
}

pub(crate) fn propose_removal(device: &mut Device, room: &RoomUri, leaf: u32) -> MlsMessage {
    propose(device, room, Propose::Remove(leaf))
}

pub(crate) fn propose_update(device: &mut Device, room: &RoomUri) -> MlsMessage {
    propose(device, room, Propose::Update(LeafNodeParameters::default()))
}

pub(crate) fn propose_list_update(device: &mut Device, room: &RoomUri) -> MlsMessage {
    let update = Propose::UpdateAppDataComponent {
        component_id: component::PARTICIPANT_LIST,
        update: vec![0, 0, 0],
    };
    propose(device, room, update)
}

/// A Remove by the hub, the external sender 0. OpenMLS makes none with our authenticated data, so
/// it is put together here (RFC 9420, sections 6 and 12.1.8.1).
pub(crate) fn hub_removal(world: &World, leaf: u32) -> MlsMessage {
    let mut content = vec![0, 1, 0, 1];
    codec::write_opaque(&mut content, &world.room.hash()).unwrap();
    content.extend(world.hub.epoch().to_be_bytes());
    let (external, proposal, remove) = (2, 2, 3);
    content.extend([external, 0, 0, 0, 0]);
    codec::write_opaque(&mut content, &[0]).unwrap();
    content.extend([proposal, 0, remove]);
    content.extend(leaf.to_be_bytes());
    let signature = world
        .server_key
        .sign_with_label("FramedContentTBS", &content);
    codec::write_opaque(&mut content, &signature).unwrap();
    MlsMessage::from_bytes(content).unwrap()
}

fn propose(device: &Device, room: &RoomUri, propose: Propose) -> MlsMessage {
    let (storage, mut group) = openmls(device, room);
    let key = Key(&device.identity.key);
    wire(
        &group
            .propose(&storage, &key, propose, ProposalOrRefType::Reference)
            .unwrap()
            .0,
    )
}

pub(crate) fn capabilities() -> Capabilities {
    let extensions: Vec<ExtensionType> = EXTENSIONS
        .iter()
        .copied()
        .map(ExtensionType::from)
        .collect();
    let proposals: Vec<ProposalType> = PROPOSALS.iter().copied().map(ProposalType::from).collect();
    let suite = [Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519];
    Capabilities::new(
        None,
        Some(&suite),
        Some(&extensions),
        Some(&proposals),
        Some(&[CredentialType::Basic]),
    )
}

/// More than a leaf may hold: extension types that nobody asked for.
pub(crate) fn verbose_capabilities() -> Capabilities {
    let ours = capabilities();
    let more = (0x1000..0x1400).map(ExtensionType::Unknown);
    let extensions: Vec<ExtensionType> = ours.extensions().iter().copied().chain(more).collect();
    Capabilities::new(
        None,
        Some(&[Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519]),
        Some(&extensions),
        Some(ours.proposals()),
        Some(ours.credentials()),
    )
}

pub(crate) fn extensions(credential: Option<&DeviceCredential>) -> Extensions<LeafNode> {
    match credential {
        None => Extensions::empty(),
        Some(credential) => {
            let content = UnknownExtension(credential.to_bytes());
            Extensions::single(Extension::Unknown(DEVICE_CREDENTIAL_EXTENSION, content)).unwrap()
        }
    }
}

pub(crate) fn identity(text: &str, key: &DeviceKey) -> CredentialWithKey {
    CredentialWithKey {
        credential: BasicCredential::new(text.as_bytes().to_vec()).into(),
        signature_key: key.public().as_bytes().to_vec().into(),
    }
}

/// A KeyPackage that says to be whoever is wanted.
pub(crate) fn key_package(
    says: &str,
    key: &DeviceKey,
    credential: Option<&DeviceCredential>,
    capabilities: Capabilities,
    lifetime: Lifetime,
) -> KeyPackage {
    let records = Map::default();
    let storage = MemberStorage::new(&records);
    let extensions = extensions(credential);
    key_package_with(&storage, (says, key), extensions, capabilities, lifetime)
}

/// [`key_package`], with key pairs and extensions of its own making.
pub(crate) fn key_package_with(
    provider: &impl OpenMlsProvider,
    (says, key): (&str, &DeviceKey),
    extensions: Extensions<LeafNode>,
    capabilities: Capabilities,
    lifetime: Lifetime,
) -> KeyPackage {
    KeyPackage::builder()
        .key_package_lifetime(lifetime)
        .leaf_node_capabilities(capabilities)
        .leaf_node_extensions(extensions)
        .build(
            Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
            provider,
            &Key(key),
            identity(says, key),
        )
        .unwrap()
        .into_key_package()
}
