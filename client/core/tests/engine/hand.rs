//! A member who does by hand what the engine does not: its keys and its place in the room are true,
//! what it says with them is not what a client of ours would.

use std::time::Duration;

use grove_core::{Body, Method, Request, StoreError, Tx};
use grove_mls::content::{MimiContent, Witness};
use grove_mls::franking;
use grove_mls::identity::{DeviceCredential, DeviceKey, RoomProfile, SignedRoomProfile};
use grove_mls::member::{DeviceIdentity, Group};
use grove_mls::storage::{MemberStorage, Records};
use grove_wire::codec;
use grove_wire::mimi::Protocol;
use grove_wire::mimi::room::component;
use grove_wire::mimi::submit_message::SubmitMessageRequest;
use grove_wire::mimi::update::UpdateRequest;
use grove_wire::mls::MlsMessage;
use grove_wire::uri::{RoomUri, UserUri};
use openmls::framing::SafeAadItem;
use openmls::prelude::{GroupId, MlsGroup, SignatureScheme};
use openmls_basic_credential::SignatureKeyPair;
use sha2::{Digest as _, Sha256};
use tls_codec::Serialize as _;

use crate::person::Person;
use crate::siblings::account;
use crate::tricks::stored;

/// The MLS records of a database.
pub(crate) struct OnDisk<'a>(pub(crate) &'a dyn Tx);

impl Records for OnDisk<'_> {
    type Error = StoreError;

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.find_record(key)
    }
}

/// The person's device, as it stands in its leaves.
pub(crate) fn device(person: &Person) -> DeviceIdentity {
    let account = account(person);
    DeviceIdentity {
        client: account.client,
        key: DeviceKey::from_seed(*account.device.bytes()),
        credential: DeviceCredential::decode(&account.credential).unwrap(),
    }
}

/// Acts on the person's group, and keeps what it changed.
fn act<T>(
    person: &Person,
    room: &RoomUri,
    act: impl FnOnce(&mut Group, &MemberStorage<'_, OnDisk<'_>>, &DeviceIdentity) -> T,
) -> T {
    let device = device(person);
    person.on_disk(|tx| {
        let records = OnDisk(tx);
        let storage = MemberStorage::new(&records);
        let mut group = Group::load(&storage, room).unwrap().unwrap();
        let result = act(&mut group, &storage, &device);
        let changes = storage.take_changes();
        for (key, value) in changes {
            tx.put_record(&key, value.as_deref()).unwrap();
        }
        result
    })
}

/// The content with a whole witness; its counter is higher than any before.
pub(crate) fn witnessed(person: &Person, room: &RoomUri, content: MimiContent) -> MimiContent {
    let authenticator = act(person, room, |group, _, _| {
        Sha256::digest(group.epoch_authenticator()).into()
    });
    let entries = person.line.hub().state().rooms[room].log.len();
    content.with_witness(&Witness {
        counter: 1_000 + u64::try_from(entries).unwrap(),
        sent: 0,
        receipt: None,
        authenticator,
    })
}

/// Says something in a room, past the client. The hub takes it.
pub(crate) fn says(person: &Person, room: &RoomUri, content: &MimiContent) {
    let tag = franking::franking_tag(&content.salt, &content.encode());
    says_with_tag(person, room, content, Some(tag));
}

/// Says something in a room with any franking tag, or none. The hub takes it.
pub(crate) fn says_with_tag(
    person: &Person,
    room: &RoomUri,
    content: &MimiContent,
    tag: Option<[u8; 32]>,
) {
    let bytes = content.encode();
    let message = act(person, room, |_, storage, device| {
        let mut group = MlsGroup::load(storage, &GroupId::from_slice(&room.hash()))
            .unwrap()
            .unwrap();
        let item = |tag: [u8; 32]| SafeAadItem::new(component::FRANK_AAD, tag.to_vec());
        group
            .set_safe_aad(tag.map(item).into_iter().collect())
            .unwrap();
        let (public, secret) = (*device.key.public().as_bytes(), *device.key.seed());
        let scheme = SignatureScheme::ED25519;
        let signer = SignatureKeyPair::from_raw(scheme, secret.to_vec(), public.to_vec());
        let sealed = group.create_message(storage, &signer, &bytes).unwrap();
        MlsMessage::from_bytes(sealed.tls_serialize_detached().unwrap()).unwrap()
    });
    assert_eq!(submit(person, room, message), 200);
}

/// What the hub answers to a sealed message.
pub(crate) fn submit(person: &Person, room: &RoomUri, message: MlsMessage) -> u16 {
    let request = SubmitMessageRequest {
        protocol: Protocol::Mls10,
        app_message: message,
        sending_uri: account(person).user,
    };
    post(
        person,
        "submitMessage",
        room,
        codec::encode(&request).unwrap(),
    )
}

/// Gives users other roles, past the client, which does not know how.
pub(crate) fn changes_roles(person: &Person, room: &RoomUri, roles: &[(UserUri, u32)]) {
    let bundle = act(person, room, |group, storage, device| {
        group.change_roles(storage, device, roles).unwrap()
    });
    let request = UpdateRequest { bundle };
    let status = post(person, "update", room, codec::encode(&request).unwrap());
    assert_eq!(status, 200);
}

/// A profile of the room that the person's device has signed.
pub(crate) fn signs(
    person: &Person,
    room: &RoomUri,
    version: u64,
    name: &str,
) -> SignedRoomProfile {
    let device = device(person);
    let profile = RoomProfile {
        room: room.clone(),
        version,
        name: name.to_owned(),
        topic: String::new(),
        time: person.line.hub().state().now,
        author: device.client,
    };
    SignedRoomProfile::sign(&device.key, profile).unwrap()
}

/// Says a profile, past the client: an own one, or what somebody else has signed.
pub(crate) fn says_profile(person: &Person, room: &RoomUri, profile: &SignedRoomProfile) {
    let salt = Sha256::digest(profile.as_bytes())[..16].try_into().unwrap();
    let content = MimiContent::profile(salt, &account(person).user, room, profile);
    says(person, room, &witnessed(person, room, content));
}

/// Gives the room another name as a client of ours would that knew how.
pub(crate) fn names(person: &mut Person, room: &RoomUri, name: &str) {
    let version = stored(person, room).profile_version + 1;
    let signed = signs(person, room, version, name);
    let put = person.on_disk(|tx| {
        let mut known = tx.find_room(room)?.unwrap();
        name.clone_into(&mut known.name);
        known.profile_version = version;
        known.profile = Some(signed.as_bytes().to_vec());
        known.profile_due = true;
        tx.put_room(&known)
    });
    put.unwrap();
    person.restart();
    person.syncs();
}

fn post(person: &Person, service: &str, room: &RoomUri, body: Vec<u8>) -> u16 {
    let segment = room.path_segment();
    let answer = person.line.hub().answer(&Request {
        method: Method::Post,
        path: format!("/v1/{service}/{segment}"),
        body: Body::Octets(body),
        token: account(person).token,
        patience: Duration::ZERO,
    });
    answer.status
}
