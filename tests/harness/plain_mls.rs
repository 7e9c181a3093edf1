//! What plain OpenMLS makes of a member's state: commits that no honest client would send.
//!
//! For attackers, and for the controls that show what would happen if nobody judged.

use grove_mls::identity::DeviceKey;
use grove_mls::leaf::{DEVICE_CREDENTIAL_EXTENSION, EXTENSIONS, PROPOSALS};
use grove_mls::storage::MemberStorage;
use grove_wire::codec;
use grove_wire::mimi::group_info::GroupInfoRatchetTreeTbe;
use grove_wire::mimi::room::component;
use grove_wire::mimi::update::{GroupInfoOption, HandshakeBundle, RatchetTreeOption};
use grove_wire::mls::{self, MlsMessage};
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use openmls::component::ComponentData;
use openmls::group::PURE_PLAINTEXT_WIRE_FORMAT_POLICY;
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::messages::proposals::{AppDataUpdateOperation, AppDataUpdateProposal};
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, CommitBuilder, CredentialType, CredentialWithKey,
    Extension, ExtensionType, Extensions, GroupContext, GroupId, Initial, KeyPackage, LeafNode,
    LeafNodeParameters, MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn,
    MlsMessageOut, ProcessedMessageContent, Proposal, ProposalType, ProtocolMessage,
    ProtocolVersion, RatchetTreeIn, SignatureScheme, UnknownExtension,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_traits::OpenMlsProvider as _;
use tls_codec::{Deserialize as _, Serialize as _};

use crate::Hand;
use crate::records::Map;

const CIPHERSUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// A leaf to be, with anything in it.
pub struct Claim {
    /// Who it claims to be.
    pub client: ClientUri,
    /// Its key.
    pub key: DeviceKey,
    /// The bytes of its device credential; none to leave it out.
    pub credential: Option<Vec<u8>>,
}

impl Claim {
    /// A KeyPackage with this leaf, as OpenMLS makes it.
    pub fn key_package(&self, records: &Map) -> KeyPackage {
        let storage = MemberStorage::new(records);
        let extensions = match &self.credential {
            Some(bytes) => Extensions::<LeafNode>::single(Extension::Unknown(
                DEVICE_CREDENTIAL_EXTENSION,
                UnknownExtension(bytes.clone()),
            ))
            .expect("an extension of a leaf"),
            None => Extensions::empty(),
        };
        let credential = credential(&self.client, &self.key);
        let bundle = KeyPackage::builder()
            .leaf_node_capabilities(capabilities())
            .leaf_node_extensions(extensions)
            .build(CIPHERSUITE, &storage, &signer(&self.key), credential)
            .expect("a KeyPackage");
        records.write(&storage);
        bundle.into_key_package()
    }
}

/// A KeyPackage as it is uploaded.
pub fn upload_form(key_package: &KeyPackage) -> Vec<u8> {
    to_wire(&MlsMessageOut::from(key_package.clone())).into_bytes()
}

/// A KeyPackage out of a response, as OpenMLS takes it.
pub fn accept(key_package: &mls::KeyPackage) -> KeyPackage {
    let records = Map::default();
    let storage = MemberStorage::new(&records);
    let read = openmls::prelude::KeyPackageIn::tls_deserialize(&mut key_package.as_bytes())
        .expect("a KeyPackage");
    read.validate(storage.crypto(), ProtocolVersion::Mls10)
        .expect("MLS takes it")
}

/// Commits whatever the builder is given, without judging it; `roles` changes the participant list
/// with it.
pub fn commit(
    hand: &Hand,
    room: &RoomUri,
    roles: &[(UserUri, u32)],
    build: impl FnOnce(CommitBuilder<'_, Initial>) -> CommitBuilder<'_, Initial>,
) -> HandshakeBundle {
    let storage = MemberStorage::new(&hand.records);
    let mut group = load(&storage, room);
    let judged = hand.group(room);
    let state = judged.state();
    let mut builder = build(group.commit_builder());
    if !roles.is_empty() {
        let update = codec::encode(&state.participants.update(roles).expect("an update"))
            .expect("its bytes");
        let proposal = AppDataUpdateProposal::update(component::PARTICIPANT_LIST, update);
        builder = builder.add_proposal(Proposal::AppDataUpdate(Box::new(proposal)));
    }
    let mut loaded = builder
        .load_psks(&storage)
        .expect("no PSKs")
        .create_group_info(true)
        .use_ratchet_tree_extension(false);
    let mut dictionary = loaded.app_data_dictionary_updater();
    for proposal in loaded.app_data_update_proposals() {
        let id = proposal.component_id();
        match proposal.operation() {
            AppDataUpdateOperation::Update(bytes) => {
                let bytes = bytes.as_slice();
                let value = state
                    .apply(id, bytes)
                    .unwrap_or_else(|_refused| bytes.to_vec());
                dictionary.set(ComponentData::from_parts(id, value.into()));
            }
            AppDataUpdateOperation::Remove => dictionary.remove(&id),
        }
    }
    let changes = dictionary.changes();
    loaded.with_app_data_dictionary_updates(changes);
    let made = loaded
        .build(
            storage.rand(),
            storage.crypto(),
            &signer(&hand.identity.key),
            |_| true,
        )
        .expect("MLS builds it")
        .stage_commit(&storage)
        .expect("MLS stages it");
    let welcome = made.welcome().map(|welcome| {
        let message = MlsMessageOut::from_welcome(welcome.clone(), ProtocolVersion::Mls10);
        to_wire(&message).welcome().expect("a Welcome")
    });
    HandshakeBundle::Commit {
        commit: to_wire(made.commit()),
        welcome,
        group_info: full(made.group_info().expect("a GroupInfo")),
        ratchet_tree: RatchetTreeOption::DistributionService,
    }
}

/// Joins a room that somebody has shown it, without judging whether it may: nothing of the hand's
/// own changes.
pub fn external(hand: &Hand, given: &GroupInfoRatchetTreeTbe) -> HandshakeBundle {
    let records = Map::default();
    let storage = MemberStorage::new(&records);
    let RatchetTreeOption::Full(tree) = &given.ratchet_tree else {
        panic!("the whole tree")
    };
    let group_info = VerifiableGroupInfo::tls_deserialize(&mut given.group_info.as_bytes());
    let tree = RatchetTreeIn::tls_deserialize(&mut tree.as_bytes()).expect("a tree");
    let device = &hand.identity;
    let unknown = |kind, bytes| Extension::Unknown(kind, UnknownExtension(bytes));
    let extensions = vec![unknown(
        DEVICE_CREDENTIAL_EXTENSION,
        device.credential.to_bytes(),
    )];
    let leaf = LeafNodeParameters::builder()
        .with_capabilities(capabilities())
        .with_extensions(Extensions::from_vec(extensions).expect("extensions of a leaf"))
        .build();
    let config = MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .build();
    let (_group, made) = MlsGroup::external_commit_builder()
        .with_ratchet_tree(tree)
        .with_config(config)
        .build_group(
            &storage,
            group_info.expect("a GroupInfo"),
            credential(&device.client, &device.key),
        )
        .expect("MLS takes it")
        .leaf_node_parameters(leaf)
        .load_psks(&storage)
        .expect("no PSKs")
        .create_group_info(true)
        .use_ratchet_tree_extension(false)
        .build(
            storage.rand(),
            storage.crypto(),
            &signer(&device.key),
            |_| true,
        )
        .expect("MLS builds it")
        .finalize(&storage)
        .expect("MLS stages it");
    HandshakeBundle::Commit {
        commit: to_wire(made.commit()),
        welcome: None,
        group_info: full(made.group_info().expect("a GroupInfo")),
        ratchet_tree: RatchetTreeOption::DistributionService,
    }
}

fn credential(client: &ClientUri, key: &DeviceKey) -> CredentialWithKey {
    CredentialWithKey {
        credential: BasicCredential::new(client.as_str().as_bytes().to_vec()).into(),
        signature_key: key.public().as_bytes().to_vec().into(),
    }
}

fn full(group_info: &impl tls_codec::Serialize) -> GroupInfoOption {
    let bytes = group_info.tls_serialize_detached().expect("its bytes");
    GroupInfoOption::Full(mls::GroupInfo::from_bytes(bytes).expect("a GroupInfo"))
}

/// The context's extensions without those of one type.
pub fn context_without(
    hand: &Hand,
    room: &RoomUri,
    dropped: ExtensionType,
) -> Extensions<GroupContext> {
    let storage = MemberStorage::new(&hand.records);
    let mut extensions = load(&storage, room).extensions().clone();
    extensions.remove(dropped).expect("it was there");
    extensions
}

/// Merges a commit in plain OpenMLS, which judges no identity; returns how many members there are
/// then. The hand's own state stays as it was.
pub fn merge(hand: &Hand, room: &RoomUri, commit: &MlsMessage) -> usize {
    let records = hand.records.clone();
    let storage = MemberStorage::new(&records);
    let mut group = load(&storage, room);
    let message = MlsMessageIn::tls_deserialize(&mut commit.as_bytes()).expect("a message");
    let message: ProtocolMessage = match message.extract() {
        MlsMessageBodyIn::PublicMessage(public) => public.into(),
        _ => panic!("not a handshake"),
    };
    let processed = group
        .process_message(&storage, message)
        .expect("MLS accepts it");
    let staged = match processed.into_content() {
        ProcessedMessageContent::StagedCommitMessage(staged) => *staged,
        ProcessedMessageContent::UnresolvedAppDataCommit(unresolved) => {
            let judged = hand.group(room);
            let mut dictionary = group.app_data_dictionary_updater();
            for proposal in unresolved.app_data_update_proposals() {
                let id = proposal.component_id();
                match proposal.operation() {
                    AppDataUpdateOperation::Update(bytes) => {
                        let value = judged.state().apply(id, bytes.as_slice()).expect("a list");
                        dictionary.set(ComponentData::from_parts(id, value.into()));
                    }
                    AppDataUpdateOperation::Remove => dictionary.remove(&id),
                }
            }
            let changes = dictionary.changes();
            group
                .stage_app_data_commit(&storage, *unresolved, changes)
                .expect("MLS accepts it")
        }
        _ => panic!("not a commit"),
    };
    group
        .merge_staged_commit(&storage, staged)
        .expect("MLS merges it");
    group.members().count()
}

/// Whether a member that ignores its own removal opens a message. The hand's own state stays as it
/// was.
pub fn opens(hand: &Hand, room: &RoomUri, message: &MlsMessage) -> bool {
    let records = hand.records.clone();
    let storage = MemberStorage::new(&records);
    let mut group = load(&storage, room);
    let message = MlsMessageIn::tls_deserialize(&mut message.as_bytes()).expect("a message");
    let MlsMessageBodyIn::PrivateMessage(private) = message.extract() else {
        panic!("not a sealed message")
    };
    let processed = group.process_message(&storage, ProtocolMessage::from(private));
    processed.is_ok_and(|one| {
        matches!(
            one.into_content(),
            ProcessedMessageContent::ApplicationMessage(_)
        )
    })
}

fn load(storage: &MemberStorage<'_, Map>, room: &RoomUri) -> MlsGroup {
    let group = MlsGroup::load(storage, &GroupId::from_slice(&room.hash()));
    group.expect("the records").expect("a member of the room")
}

fn signer(key: &DeviceKey) -> SignatureKeyPair {
    let public = key.public().as_bytes().to_vec();
    SignatureKeyPair::from_raw(SignatureScheme::ED25519, key.seed().to_vec(), public)
}

fn to_wire(message: &MlsMessageOut) -> MlsMessage {
    MlsMessage::from_bytes(message.tls_serialize_detached().expect("its bytes")).expect("a message")
}

fn capabilities() -> Capabilities {
    let extensions: Vec<ExtensionType> = EXTENSIONS.iter().copied().map(Into::into).collect();
    let proposals: Vec<ProposalType> = PROPOSALS.iter().copied().map(Into::into).collect();
    let suites = [CIPHERSUITE];
    Capabilities::new(
        None,
        Some(&suites),
        Some(&extensions),
        Some(&proposals),
        Some(&[CredentialType::Basic]),
    )
}
