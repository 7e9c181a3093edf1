//! New rooms: what a hub takes as one, and what a joiner does.

use grove_mls::form::FormViolation;
use grove_mls::identity::{PublicKey, ServerKey};
use grove_mls::leaf::LEAF_LIFETIME;
use grove_mls::member::NewRoom;
use grove_mls::member::create::{self, CreateError};
use grove_mls::member::join::{self, JoinError};
use grove_mls::public::{ContextError, CreateRefusal, HubGroup};
use grove_mls::room::Role;
use grove_mls::storage::MemberStorage;
use grove_wire::api::rooms::CreateRoomRequest;
use grove_wire::codec::Opaque;
use grove_wire::mimi::update::HandshakeBundle;
use grove_wire::mls::RatchetTree;
use grove_wire::uri::{Provider, RoomUri};
use openmls::prelude::{
    Capabilities, CredentialType, Extension, ExtensionType, Lifetime, MlsGroup, ProposalType,
    RequiredCapabilitiesExtension,
};
use openmls_traits::OpenMlsProvider as _;
use tls_codec::Serialize as _;

use crate::bent::{Bent, BentStorage};
use crate::plain;
use crate::world::{Device, Keys, Map, World, creation_record, device, make_room, user};

struct Fresh {
    alice: Device,
    hub: Provider,
    server_key: PublicKey,
    request: CreateRoomRequest,
}

fn fresh() -> Fresh {
    let hub = Provider::parse("a.example").unwrap();
    let server_key = ServerKey::from_seed([3; 32]).public();
    let mut alice = device("alice", 0);
    let root = Keys::of("alice").recovery.public();
    let request = make_room(&mut alice, &hub, &server_key, &root);
    Fresh {
        alice,
        hub,
        server_key,
        request,
    }
}

impl Fresh {
    fn create(&self) -> Result<HubGroup, CreateRefusal> {
        HubGroup::create(
            &self.request,
            &self.hub,
            &self.server_key,
            &self.alice.identity.client,
        )
    }
}

#[test]
fn a_room_begins_with_its_creator_as_owner() {
    let fresh = fresh();
    let (hub, snapshot) = HubGroup::create_capturing(
        &fresh.request,
        &fresh.hub,
        &fresh.server_key,
        &fresh.alice.identity.client,
    )
    .unwrap();
    assert_eq!(hub.epoch(), 0);
    assert_eq!(
        hub.state().participants.role_of(&user("alice")),
        Role::Owner.index()
    );
    assert_eq!(hub.server_key(), &fresh.server_key);
    let group = fresh.alice.group.as_ref().unwrap();
    assert_eq!(group.state(), hub.state());
    assert_eq!(group.room(), &hub.state().room_uri);
    assert_eq!(
        HubGroup::load(&snapshot).unwrap().snapshot().unwrap(),
        snapshot
    );
}

#[test]
fn a_hub_refuses_what_is_not_its_own() {
    let Fresh {
        alice,
        hub,
        server_key,
        request,
    } = fresh();
    let refuse = |request: &_, hub: &_, key: &_, client: &_| {
        HubGroup::create(request, hub, key, client).unwrap_err()
    };
    let client = &alice.identity.client;
    let other_hub = Provider::parse("b.example").unwrap();
    assert_eq!(
        refuse(&request, &other_hub, &server_key, client),
        CreateRefusal::WrongHub
    );
    let other_key = ServerKey::from_seed([4; 32]).public();
    assert_eq!(
        refuse(&request, &hub, &other_key, client),
        CreateRefusal::ServerKey
    );
    for stranger in [device("bob", 0), device("alice", 1)] {
        assert_eq!(
            refuse(&request, &hub, &server_key, &stranger.identity.client),
            CreateRefusal::NotYours
        );
    }
}

#[test]
fn the_record_in_the_request_is_the_one_in_the_group() {
    let mut changed = fresh();
    let (hub, key) = (changed.hub.clone(), changed.server_key);
    let root = Keys::of("alice").recovery.public();
    let another = creation_record(&device("alice", 1), &hub, &key, &root);
    changed.request.record = Opaque::new(another.as_bytes()).unwrap();
    assert_eq!(changed.create().unwrap_err(), CreateRefusal::RecordMismatch);
    let mut bytes = creation_record(&changed.alice, &hub, &key, &root)
        .as_bytes()
        .to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    changed.request.record = Opaque::new(bytes).unwrap();
    assert!(matches!(changed.create(), Err(CreateRefusal::Record(_))));
}

#[test]
fn the_leaf_is_the_device_and_the_user_of_the_record() {
    let hub = Provider::parse("a.example").unwrap();
    let server_key = ServerKey::from_seed([3; 32]).public();
    let mut alice = device("alice", 0);
    // The record names another recovery key than the first one of who signed the leaf.
    let root = Keys::made_up("alice").recovery.public();
    let request = make_room(&mut alice, &hub, &server_key, &root);
    let made = Fresh {
        alice,
        hub,
        server_key,
        request,
    };
    assert_eq!(made.create().unwrap_err(), CreateRefusal::Device);
}

#[test]
fn a_room_begins_with_any_identity_of_the_records_root() {
    let keys = Keys::of("alice");
    for keys in [keys.clone().renewed(3), keys.replaced()] {
        let mut made = fresh();
        made.alice = Device::new(&keys, 0);
        let (hub, key, root) = (made.hub.clone(), made.server_key, *keys.identity.root());
        made.request = make_room(&mut made.alice, &hub, &key, &root);
        assert!(made.create().is_ok());
    }
}

#[test]
fn the_rooms_hub_has_the_key_of_the_record() {
    let made = fresh();
    let another = ServerKey::from_seed([4; 32]).public();
    let root = Keys::of("alice").recovery.public();
    let record = creation_record(&made.alice, &made.hub, &another, &root);
    let room = record.room_uri();
    let new = NewRoom {
        record: record.clone(),
        server_key: made.server_key,
        franking_key: made.server_key,
    };
    let storage = MemberStorage::new(&made.alice.records);
    let refused = create::create(&storage, &made.alice.identity, new);
    assert!(matches!(
        refused,
        Err(CreateError::Context(ContextError::HubKey))
    ));
    // By another program, which has made it all the same.
    made.alice.records.write(&storage);
    drop(storage);
    let (storage, group) = plain::openmls(&made.alice, &room);
    let key = plain::Key(&made.alice.identity.key);
    let group_info = group
        .export_group_info(storage.crypto(), &key, false)
        .unwrap();
    let tree = group
        .export_ratchet_tree()
        .tls_serialize_detached()
        .unwrap();
    let request = CreateRoomRequest {
        record: Opaque::new(record.as_bytes()).unwrap(),
        group_info: plain::wire(&group_info).group_info().unwrap(),
        ratchet_tree: RatchetTree::from_bytes(tree).unwrap(),
    };
    for key in [made.server_key, another] {
        let client = &made.alice.identity.client;
        assert_eq!(
            HubGroup::create(&request, &made.hub, &key, client).unwrap_err(),
            CreateRefusal::Context(ContextError::HubKey)
        );
    }
}

/// The room's first moment, made anew with another crypto provider and capabilities.
fn remade(fresh: &Fresh, bent: Bent, capabilities: Capabilities) -> CreateRoomRequest {
    remade_with(fresh, bent, capabilities, None)
}

/// [`remade`], requiring something else of its leaves.
fn remade_with(
    fresh: &Fresh,
    bent: Bent,
    capabilities: Capabilities,
    required: Option<RequiredCapabilitiesExtension>,
) -> CreateRoomRequest {
    let room = fresh.alice.group.as_ref().unwrap().room();
    let (_storage, group) = plain::openmls(&fresh.alice, room);
    let mut extensions = group.extensions().clone();
    if let Some(required) = required {
        let required = Extension::RequiredCapabilities(required);
        extensions.add_or_replace(required).unwrap();
    }
    let identity = &fresh.alice.identity;
    let records = Map::default();
    let provider = BentStorage {
        storage: MemberStorage::new(&records),
        crypto: bent,
    };
    let key = plain::Key(&identity.key);
    let made = MlsGroup::builder()
        .with_group_id(group.group_id().clone())
        .ciphersuite(group.ciphersuite())
        .with_capabilities(capabilities)
        .with_leaf_node_extensions(plain::extensions(Some(&identity.credential)))
        .unwrap()
        .lifetime(Lifetime::new(LEAF_LIFETIME.as_secs()))
        .with_group_context_extensions(extensions)
        .build(
            &provider,
            &key,
            plain::identity(identity.client.as_str(), &identity.key),
        )
        .unwrap();
    let group_info = made
        .export_group_info(provider.crypto(), &key, false)
        .unwrap();
    let tree = made.export_ratchet_tree().tls_serialize_detached().unwrap();
    CreateRoomRequest {
        group_info: plain::wire(&group_info).group_info().unwrap(),
        ratchet_tree: RatchetTree::from_bytes(tree).unwrap(),
        ..fresh.request.clone()
    }
}

#[test]
fn a_room_does_not_begin_with_a_key_that_cannot_be_used_nor_with_a_leaf_that_is_too_large() {
    let mut fresh = fresh();
    fresh.request = remade(&fresh, Bent::new(usize::MAX, &[]), plain::capabilities());
    fresh.create().unwrap();
    let leaf_and_external_pub = [0, 1];
    for at in leaf_and_external_pub {
        fresh.request = remade(&fresh, Bent::new(at, &[0; 32]), plain::capabilities());
        assert_eq!(
            fresh.create().unwrap_err(),
            CreateRefusal::Form(FormViolation::KeyUnusable),
            "{at}"
        );
    }
    let capabilities = plain::verbose_capabilities();
    fresh.request = remade(&fresh, Bent::new(usize::MAX, &[]), capabilities);
    assert_eq!(
        fresh.create().unwrap_err(),
        CreateRefusal::Form(FormViolation::LeafTooLarge)
    );
}

#[test]
fn what_a_room_requires_is_a_set_and_may_be_more() {
    let mut fresh = fresh();
    let capabilities = plain::capabilities();
    let basic = CredentialType::Basic;
    let mut extensions = capabilities.extensions().to_vec();
    let mut proposals = capabilities.proposals().to_vec();
    let mut requiring = |extensions: &[ExtensionType], proposals: &[ProposalType]| {
        let required = RequiredCapabilitiesExtension::new(extensions, proposals, &[basic, basic]);
        let (bent, ours) = (Bent::new(usize::MAX, &[]), plain::capabilities());
        fresh.request = remade_with(&fresh, bent, ours, Some(required));
        fresh.create().map(|_created| ())
    };
    let too_little = Err(CreateRefusal::Context(ContextError::RequiredCapabilities));
    assert_eq!(requiring(&extensions[1..], &proposals), too_little);
    assert_eq!(requiring(&extensions, &proposals[1..]), too_little);
    extensions.reverse();
    proposals.reverse();
    extensions.push(extensions[0]);
    assert_eq!(requiring(&extensions, &proposals), Ok(()));
    extensions.push(ExtensionType::ApplicationId);
    assert_eq!(requiring(&extensions, &proposals), Ok(()));
}

#[test]
fn a_room_in_use_is_not_new() {
    let mut world = World::with(&["alice", "bob"]);
    let fresh = fresh();
    let mut request = fresh.request.clone();
    request.ratchet_tree = world.hub.tree().unwrap();
    request.group_info = grove_wire::mls::GroupInfo::from_bytes(world.group_info.clone()).unwrap();
    request.record = Opaque::new(world.hub.state().record.as_bytes()).unwrap();
    world.devices[0].say("in use").unwrap();
    let refused = HubGroup::create(
        &request,
        &fresh.hub,
        &fresh.server_key,
        &world.devices[0].identity.client,
    );
    assert_eq!(refused.unwrap_err(), CreateRefusal::Participants);
}

#[test]
fn bytes_that_are_changed_anywhere_make_no_room() {
    let fresh = fresh();
    let group_info = fresh.request.group_info.as_bytes().to_vec();
    let tree = fresh.request.ratchet_tree.as_bytes().to_vec();
    for place in (0..group_info.len()).step_by(7) {
        let mut changed = group_info.clone();
        changed[place] ^= 1;
        let Ok(changed) = grove_wire::mls::GroupInfo::from_bytes(changed) else {
            continue;
        };
        let request = CreateRoomRequest {
            group_info: changed,
            ..fresh.request.clone()
        };
        let made = HubGroup::create(
            &request,
            &fresh.hub,
            &fresh.server_key,
            &fresh.alice.identity.client,
        );
        assert!(made.is_err(), "GroupInfo, byte {place}");
    }
    for place in (0..tree.len()).step_by(3) {
        let mut changed = tree.clone();
        changed[place] ^= 1;
        let Ok(changed) = RatchetTree::from_bytes(changed) else {
            continue;
        };
        let request = CreateRoomRequest {
            ratchet_tree: changed,
            ..fresh.request.clone()
        };
        let made = HubGroup::create(
            &request,
            &fresh.hub,
            &fresh.server_key,
            &fresh.alice.identity.client,
        );
        assert!(made.is_err(), "tree, byte {place}");
    }
}

#[test]
fn a_welcome_into_another_room_than_announced_is_refused() {
    let mut world = World::with(&["alice"]);
    world.devices.push(device("bob", 0));
    let key_package = world.devices[1].key_package(grove_mls::key_package::LastResort::Yes);
    let roles = [(user("bob"), 3)];
    let bundle = world.devices[0]
        .act(|group, storage, device| group.add(storage, device, &[key_package], &roles))
        .unwrap();
    world.hand_in(0, &bundle).unwrap();
    let HandshakeBundle::Commit {
        welcome: Some(welcome),
        ..
    } = bundle
    else {
        panic!("a Welcome")
    };
    let tree = world.hub.tree().unwrap();
    let attempt = |device: &Device, room: &RoomUri| {
        let storage = MemberStorage::new(&device.records);
        join::join(&storage, &device.identity, &welcome, &tree, room).map(|_group| ())
    };
    let announced = RoomUri::new(&world.provider, &[1; 32]);
    assert!(matches!(
        attempt(&world.devices[1], &announced),
        Err(JoinError::WrongRoom)
    ));
    assert!(matches!(
        attempt(&world.devices[1], &world.room),
        Err(JoinError::AlreadyMember)
    ));
    assert!(matches!(
        attempt(&device("carol", 0), &world.room),
        Err(JoinError::Mls(_))
    ));
}
