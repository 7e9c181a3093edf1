//! One person's device: registered, in one room, and able to seal.
//!
//! It keeps its MLS group in memory and writes nothing down, because it never has to start again.

use std::time::{SystemTime, UNIX_EPOCH};

use grove_mls::content::{MimiContent, Witness};
use grove_mls::franking;
use grove_mls::identity::{
    CREATION_RECORD_VERSION, CreationRecord, DEVICE_LIST_VALIDITY_MS, DeviceCredential, DeviceKey,
    DeviceList, Identity, ListedDevice, PublicKey, RecoveryKey, SignedCreationRecord,
    SignedDeviceList,
};
use grove_mls::key_package::{self, LastResort, ValidKeyPackage};
use grove_mls::member::{DeviceIdentity, Group, NewRoom, Received, create, join, key_material};
use grove_mls::room::Role;
use grove_mls::storage::MemberStorage;
use grove_wire::api::Base64Url;
use grove_wire::api::accounts::RegisterRequest;
use grove_wire::api::events::{ClientFrame, InboxItem, ServerFrame};
use grove_wire::api::key_packages::UploadKeyPackages;
use grove_wire::api::rooms::EpochTree;
use grove_wire::api::server::ServerInfo;
use grove_wire::codec;
use grove_wire::mimi::key_material::{ClientKeyMaterial, KeyMaterialResponse};
use grove_wire::mimi::update::UpdateRequest;
use grove_wire::mls::MlsMessage;
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use harness::Api;
use harness::api::{about, claim_path};
use harness::entries::{random, submit_body};
use harness::hand::{Map, SUITE};
use sha2::{Digest as _, Sha256};

/// The device.
pub(crate) struct Device {
    pub(crate) user: UserUri,
    pub(crate) api: Api,
    identity: DeviceIdentity,
    records: Map,
    group: Option<Group>,
    /// The newest receipt the device holds; it goes into what it says.
    receipt: Option<Vec<u8>>,
    counter: u64,
}

impl Device {
    /// Registers a user of this name, opens a session and uploads one KeyPackage.
    pub(crate) async fn register(api: Api, server: ServerInfo, name: String) -> Self {
        let user = UserUri::new(&server.domain, &name).expect("a name");
        let recovery = RecoveryKey::from_seed(random());
        let (begun, uik) = Identity::begin(&recovery, &user);
        let key = DeviceKey::from_seed(random());
        let client = ClientUri::new(&user, random());
        let now = now_ms();
        let not_after = now + DEVICE_LIST_VALIDITY_MS;
        let device = ListedDevice {
            client: client.clone(),
            signature_key: key.public(),
            added: now,
            revoked: None,
        };
        let list = DeviceList {
            user: user.clone(),
            version: 1,
            prev_hash: None,
            identity: begun.clone(),
            devices: vec![device],
            not_after,
        };
        let list = SignedDeviceList::sign(&uik, list).expect("a device list");
        let credential =
            DeviceCredential::issue(&uik, &begun, &client, &key.public(), 1, not_after);
        let identity = DeviceIdentity {
            client,
            key,
            credential,
        };
        let device_list = list.as_bytes().to_vec().into();
        let request = RegisterRequest {
            user: user.clone(),
            device_list,
            invite: None,
        };
        drop(api.post_json("/v1/accounts", &request).await.ok());
        let token = api.log_in(&identity).await;
        let api = api.with_token(Some(&token));
        let mut device = Self {
            user,
            api,
            identity,
            records: Map::default(),
            group: None,
            receipt: None,
            counter: 0,
        };
        device.upload_key_package().await;
        device
    }

    async fn upload_key_package(&mut self) {
        let made =
            self.keep(|storage| key_package::make(storage, &self.identity, SUITE, LastResort::No));
        let made = made.expect("a KeyPackage");
        let upload = UploadKeyPackages {
            cipher_suite: SUITE.code(),
            key_packages: vec![made.message.into_bytes().into()],
            last_resort: None,
        };
        drop(self.api.put_json("/v1/key-packages", &upload).await.ok());
    }

    /// Makes a room and brings others into it with one commit.
    pub(crate) async fn make_room(&mut self, server_key: PublicKey, others: &[UserUri]) -> RoomUri {
        let (mut group, request) = self.new_group(server_key);
        let room = group.room().clone();
        drop(
            self.api
                .post("/v1/rooms", codec::encode(&request).expect("a body"))
                .await
                .ok(),
        );
        let mut found = Vec::with_capacity(others.len());
        for other in others {
            found.extend(self.claim(other, &room).await);
        }
        assert_eq!(found.len(), others.len(), "everybody has one KeyPackage");
        let roles: Vec<_> = others
            .iter()
            .map(|user| (user.clone(), Role::Member.index()))
            .collect();
        let bundle = self
            .keep(|storage| group.add(storage, &self.identity, &found, &roles))
            .expect("a commit");
        let body = codec::encode(&UpdateRequest {
            bundle: bundle.clone(),
        })
        .expect("a body");
        let answer = self.api.post(&about("update", &room), body).await.ok();
        let receipt = answer
            .header("grove-receipt")
            .and_then(Base64Url::decode)
            .expect("a receipt");
        self.receipt = Some(receipt.into_bytes());
        self.keep(|storage| group.receive(storage, bundle.first()))
            .expect("the own commit");
        self.group = Some(group);
        self.acknowledge(&room, answer.seq(), None).await;
        room
    }

    fn new_group(
        &self,
        server_key: PublicKey,
    ) -> (Group, grove_wire::api::rooms::CreateRoomRequest) {
        let record = CreationRecord {
            version: CREATION_RECORD_VERSION,
            hub: self.user.provider(),
            hub_key: server_key,
            creator: self.user.clone(),
            root: *self.identity.credential.identity().root(),
            device_key: self.identity.key.public(),
            cipher_suite: SUITE.code(),
            time: now_ms(),
            nonce: random(),
            predecessor: None,
        };
        let record = SignedCreationRecord::sign(&self.identity.key, record).expect("a record");
        let new = NewRoom {
            record,
            server_key,
            franking_key: server_key,
        };
        self.keep(|storage| create::create(storage, &self.identity, new))
            .expect("a group")
    }

    async fn claim(&mut self, target: &UserUri, room: &RoomUri) -> Vec<ValidKeyPackage> {
        let request =
            key_material::request(&self.identity, target, room, SUITE).expect("a request");
        let body = codec::encode(&request).expect("a body");
        let answer = self.api.post(&claim_path(target), body).await.ok();
        let response: KeyMaterialResponse = codec::decode(&answer.body).expect("a response");
        let now = now_ms();
        let given = |client| match client {
            ClientKeyMaterial::Success { key_package, .. } => Some(key_package),
            _ => None,
        };
        let valid = |one| key_package::validate_bare(&one, now).expect("a valid KeyPackage");
        response
            .clients
            .into_iter()
            .filter_map(given)
            .map(valid)
            .collect()
    }

    /// Joins the room the Welcome in the inbox is for.
    pub(crate) async fn join(&mut self, expected: &RoomUri) {
        let answer = self.api.get("/v1/poll?wait_s=0").await.ok();
        let frames = ServerFrame::decode_all(&answer.body).expect("frames");
        let entry = frames.known.into_iter().find_map(|frame| match frame {
            ServerFrame::Inbox { mut entries } => entries.pop(),
            ServerFrame::Expired { .. } | ServerFrame::Log { .. } => None,
        });
        let entry = entry.expect("a Welcome");
        let InboxItem::Welcome {
            room,
            seq,
            epoch,
            welcome,
        } = entry.item.known().expect("a Welcome");
        assert_eq!(room, *expected, "everybody is in one room");
        let path = format!("/v1/rooms/{}/tree/{epoch}", room.path_segment());
        let tree: EpochTree = codec::decode(&self.api.get(&path).await.ok().body).expect("a tree");
        let tree = tree.ratchet_tree;
        let group =
            self.keep(|storage| join::join(storage, &self.identity, &welcome, &tree, &room));
        self.group = Some(group.expect("the Welcome is good"));
        self.acknowledge(&room, seq, Some(entry.id)).await;
    }

    /// Does something to MLS state and keeps what changed.
    fn keep<T>(&self, act: impl FnOnce(&MemberStorage<'_, Map>) -> T) -> T {
        let storage = MemberStorage::new(&self.records);
        let done = act(&storage);
        self.records.write(&storage);
        done
    }

    async fn acknowledge(&mut self, room: &RoomUri, seq: u64, inbox: Option<u64>) {
        let frame = ClientFrame::Ack {
            positions: vec![(room.clone(), seq)],
            inbox,
        };
        drop(
            self.api
                .post("/v1/acks", codec::encode(&frame).expect("a frame"))
                .await
                .ok(),
        );
    }

    /// Seals a text as an honest client does.
    pub(crate) fn seal(&mut self, text: &str) -> MlsMessage {
        self.counter += 1;
        let group = self.group.as_mut().expect("a room");
        let authenticator = Sha256::digest(group.epoch_authenticator()).into();
        let salt = random();
        let witness = Witness {
            counter: self.counter,
            sent: self.counter - 1,
            receipt: self.receipt.clone(),
            authenticator,
        };
        let content = MimiContent::text(salt, &self.user, group.room(), text)
            .with_witness(&witness)
            .encode();
        let tag = franking::franking_tag(&salt, &content);
        // What changed stands in the group too, and is not written down: the device never starts
        // again.
        let storage = MemberStorage::new(&self.records);
        group
            .seal(&storage, &self.identity, &content, tag)
            .expect("the message can be sealed")
    }

    /// Opens what another member sealed.
    pub(crate) fn open(&mut self, message: &MlsMessage) -> Option<String> {
        let storage = MemberStorage::new(&self.records);
        let received = self.group.as_mut()?.receive(&storage, message).ok()?;
        let Received::Application { data, .. } = received else {
            return None;
        };
        MimiContent::decode(&data)
            .ok()?
            .as_text()
            .map(str::to_owned)
    }

    /// The whole HTTP request that hands a message in.
    pub(crate) fn request(&self, authority: &str, room: &RoomUri, message: &MlsMessage) -> Vec<u8> {
        let body = submit_body(message, &self.user);
        let (path, token) = (
            about("submitMessage", room),
            self.api.token.as_deref().unwrap_or_default(),
        );
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend(body);
        request
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    u64::try_from(since.as_millis()).expect("not so far")
}
