//! A device without manners: its MLS state lies open, and it sends what it is told.
//!
//! It registers like anybody, so the server believes it; what it then does with its session is up
//! to the test.

use std::collections::BTreeMap;

use grove_mls::content::{MimiContent, Witness};
use grove_mls::franking;
use grove_mls::identity::{
    CREATION_RECORD_VERSION, CreationRecord, DEVICE_LIST_VALIDITY_MS, DeviceCredential, DeviceKey,
    DeviceList, Identity, ListedDevice, PublicKey, RecoveryKey, SignedCreationRecord,
    SignedDeviceList, UserIdentityKey,
};
use grove_mls::member::{
    CommitError, DeviceIdentity, Group, NewRoom, ReceiveError, Received, create, join,
};
use grove_mls::storage::MemberStorage;
use grove_mls::suite::Suite;
use grove_server::clock::Clock;
use grove_wire::api::accounts::RegisterRequest;
use grove_wire::api::events::{InboxItem, ServerFrame};
use grove_wire::api::rooms::{CreateRoomRequest, EpochTree};
use grove_wire::codec;
use grove_wire::mimi::notify::FanoutMessage;
use grove_wire::mimi::update::{HandshakeBundle, UpdateRequest};
use grove_wire::mls::{MlsMessage, Welcome};
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use sha2::{Digest as _, Sha256};

use crate::api::{about, log_path};
use crate::entries::{entries_of, messages, random, submit_body};
use crate::wait::eventually;
use crate::{Answer, Api, World};

pub use crate::records::Map;

/// The one suite.
pub const SUITE: Suite = Suite::X25519Aes128Sha256Ed25519;

/// The device.
pub struct Hand {
    /// The user.
    pub user: UserUri,
    /// Keys and credential of the device.
    pub identity: DeviceIdentity,
    /// The user identity key.
    pub uik: UserIdentityKey,
    /// The recovery key.
    pub recovery: RecoveryKey,
    /// The newest device list this hand knows of.
    pub list: SignedDeviceList,
    /// The client API, with a session.
    pub api: Api,
    /// What MLS remembers.
    pub records: Map,
    pub(crate) positions: BTreeMap<RoomUri, u64>,
    counter: u64,
    pub(crate) clock: Clock,
}

impl Hand {
    /// A device of a new user, known to nobody.
    pub fn new(world: &World, name: &str) -> Self {
        let user = world.address(name);
        let recovery = RecoveryKey::from_seed(random());
        let keys = Identity::begin(&recovery, &user);
        Self::of_user(world, user, recovery, keys)
    }

    /// A device of this user, known to nobody, under this identity.
    pub fn of_user(
        world: &World,
        user: UserUri,
        recovery: RecoveryKey,
        (identity, uik): (Identity, UserIdentityKey),
    ) -> Self {
        let now = world.clock.now().ms();
        let key = DeviceKey::from_seed(random());
        let client = ClientUri::new(&user, random());
        let list = DeviceList {
            user: user.clone(),
            version: 1,
            prev_hash: None,
            identity: identity.clone(),
            devices: vec![ListedDevice {
                client: client.clone(),
                signature_key: key.public(),
                added: now,
                revoked: None,
            }],
            not_after: now + DEVICE_LIST_VALIDITY_MS,
        };
        let list = SignedDeviceList::sign(&uik, list).expect("a device list");
        let credential = DeviceCredential::issue(
            &uik,
            &identity,
            &client,
            &key.public(),
            1,
            now + DEVICE_LIST_VALIDITY_MS,
        );
        Self {
            user,
            identity: DeviceIdentity {
                client,
                key,
                credential,
            },
            uik,
            recovery,
            list,
            api: world.api(),
            records: Map::default(),
            positions: BTreeMap::new(),
            counter: 0,
            clock: world.clock.clone(),
        }
    }

    /// Registers, opens a session and uploads so many KeyPackages.
    pub async fn register(world: &World, name: &str, key_packages: usize) -> Self {
        let mut hand = Self::new(world, name);
        hand.present(None).await.ok();
        hand.log_in().await;
        hand.upload(key_packages).await;
        hand
    }

    /// Asks for the account.
    pub async fn present(&self, invite: Option<&str>) -> Answer {
        let request = RegisterRequest {
            user: self.user.clone(),
            device_list: self.list.as_bytes().to_vec().into(),
            invite: invite.map(str::to_owned),
        };
        self.api.post_json("/v1/accounts", &request).await
    }

    /// Opens a session and keeps its token.
    pub async fn log_in(&mut self) {
        self.api.token = Some(self.api.log_in(&self.identity).await);
    }

    /// Makes a group, and what asks for its room.
    pub async fn prepare_room(&mut self) -> (RoomUri, CreateRoomRequest) {
        let server = self.api.server().await;
        let server_key = PublicKey::try_from(server.server_key.as_bytes()).expect("a key");
        let record = CreationRecord {
            version: CREATION_RECORD_VERSION,
            hub: self.user.provider(),
            hub_key: server_key,
            creator: self.user.clone(),
            root: *self.list.list().identity.root(),
            device_key: self.identity.key.public(),
            cipher_suite: SUITE.code(),
            time: self.clock.now().ms(),
            nonce: random(),
            predecessor: None,
        };
        let record = SignedCreationRecord::sign(&self.identity.key, record).expect("a record");
        let storage = MemberStorage::new(&self.records);
        let new = NewRoom {
            record,
            server_key,
            franking_key: server_key,
        };
        let (group, request) = create::create(&storage, &self.identity, new).expect("a group");
        self.records.write(&storage);
        (group.room().clone(), request)
    }

    /// Makes a room.
    pub async fn make_room(&mut self) -> RoomUri {
        let (room, request) = self.prepare_room().await;
        self.api
            .post("/v1/rooms", codec::encode(&request).expect("a body"))
            .await
            .ok();
        self.positions.insert(room.clone(), 0);
        room
    }

    /// Brings a user into a room.
    pub async fn add(&mut self, room: &RoomUri, user: &UserUri) {
        let found = self.claim_valid(user, room).await;
        let role = vec![(user.clone(), grove_mls::room::Role::Member.index())];
        let bundle = self.commit(room, |group, storage, device| {
            group.add(storage, device, &found, &role)
        });
        self.hand_in(room, &bundle).await.ok();
        self.read(room).await;
    }

    /// Waits for a Welcome and joins its room.
    pub async fn join(&mut self) -> RoomUri {
        let (room, seq, epoch, welcome) =
            eventually("a Welcome comes", async || self.find_welcome().await).await;
        let path = format!("/v1/rooms/{}/tree/{epoch}", room.path_segment());
        let tree: EpochTree = codec::decode(&self.api.get(&path).await.ok().body).expect("a tree");
        let tree = tree.ratchet_tree;
        let storage = MemberStorage::new(&self.records);
        join::join(&storage, &self.identity, &welcome, &tree, &room).expect("the Welcome is good");
        self.records.write(&storage);
        self.positions.insert(room.clone(), seq);
        room
    }

    async fn find_welcome(&self) -> Option<(RoomUri, u64, u64, Welcome)> {
        let answer = self.api.get("/v1/poll?wait_s=0").await.ok();
        let frames = ServerFrame::decode_all(&answer.body).expect("frames");
        let mut welcomes = frames.known.into_iter().filter_map(|frame| match frame {
            ServerFrame::Inbox { entries } => entries.into_iter().next_back(),
            ServerFrame::Expired { .. } | ServerFrame::Log { .. } => None,
        });
        let InboxItem::Welcome {
            room,
            seq,
            epoch,
            welcome,
        } = welcomes.next()?.item.known()?;
        Some((room, seq, epoch, welcome))
    }

    /// The group as it stands.
    pub fn group(&self, room: &RoomUri) -> Group {
        let storage = MemberStorage::new(&self.records);
        Group::load(&storage, room)
            .expect("the records")
            .expect("a member of the room")
    }

    /// Acts on the group and keeps what changed.
    pub fn act<T, E>(
        &self,
        room: &RoomUri,
        act: impl FnOnce(&mut Group, &MemberStorage<'_, Map>, &DeviceIdentity) -> Result<T, E>,
    ) -> Result<T, E> {
        let storage = MemberStorage::new(&self.records);
        let mut group = Group::load(&storage, room)
            .expect("the records")
            .expect("a member of the room");
        let done = act(&mut group, &storage, &self.identity)?;
        self.records.write(&storage);
        Ok(done)
    }

    /// Makes a handshake.
    pub fn commit(
        &self,
        room: &RoomUri,
        make: impl FnOnce(
            &mut Group,
            &MemberStorage<'_, Map>,
            &DeviceIdentity,
        ) -> Result<HandshakeBundle, CommitError>,
    ) -> HandshakeBundle {
        self.act(room, make).expect("the handshake can be made")
    }

    /// Makes a handshake and forgets that it did, so that another can be made.
    pub fn draft(
        &self,
        room: &RoomUri,
        make: impl FnOnce(
            &mut Group,
            &MemberStorage<'_, Map>,
            &DeviceIdentity,
        ) -> Result<HandshakeBundle, CommitError>,
    ) -> Result<HandshakeBundle, CommitError> {
        let storage = MemberStorage::new(&self.records);
        let mut group = Group::load(&storage, room)
            .expect("the records")
            .expect("a member of the room");
        make(&mut group, &storage, &self.identity)
    }

    /// Seals a text as an honest client does.
    pub fn seal(&mut self, room: &RoomUri, text: &str) -> MlsMessage {
        self.counter += 1;
        let (counter, user) = (self.counter, self.user.clone());
        let sealed = self.act(room, |group, storage, device| {
            let authenticator = Sha256::digest(group.epoch_authenticator()).into();
            let salt = random();
            let content = MimiContent::text(salt, &user, room, text);
            let content = content
                .with_witness(&Witness {
                    counter,
                    sent: counter - 1,
                    receipt: None,
                    authenticator,
                })
                .encode();
            group.seal(
                storage,
                device,
                &content,
                franking::franking_tag(&salt, &content),
            )
        });
        sealed.expect("the message can be sealed")
    }

    /// Hands a message in.
    pub async fn submit(&self, room: &RoomUri, message: &MlsMessage) -> Answer {
        self.submit_as(room, message, &self.user).await
    }

    /// Hands a message in, in somebody's name.
    pub async fn submit_as(
        &self,
        room: &RoomUri,
        message: &MlsMessage,
        sender: &UserUri,
    ) -> Answer {
        let body = submit_body(message, sender);
        self.api.post(&about("submitMessage", room), body).await
    }

    /// Hands a handshake in.
    pub async fn hand_in(&self, room: &RoomUri, bundle: &HandshakeBundle) -> Answer {
        let body = codec::encode(&UpdateRequest {
            bundle: bundle.clone(),
        })
        .expect("a body");
        self.api.post(&about("update", room), body).await
    }

    /// Reads the room's log to its end. What cannot be read is among the results.
    pub async fn read(&mut self, room: &RoomUri) -> Vec<Result<Received, ReceiveError>> {
        let mut received = Vec::new();
        loop {
            let position = self.positions[room];
            let entries = self.entries(room, position).await;
            let Some((last, _)) = entries.last() else {
                return received;
            };
            self.positions.insert(room.clone(), *last);
            for (_, entry) in &entries {
                received.extend(
                    messages(entry)
                        .iter()
                        .map(|message| self.receive(room, message)),
                );
            }
        }
    }

    /// Takes one message.
    ///
    /// # Errors
    /// What MLS and policy say.
    pub fn receive(&self, room: &RoomUri, message: &MlsMessage) -> Result<Received, ReceiveError> {
        self.act(room, |group, storage, _| group.receive(storage, message))
    }

    /// Entries of the log after a position, with their own.
    pub async fn entries(&self, room: &RoomUri, after: u64) -> Vec<(u64, FanoutMessage)> {
        let answer = self.api.get(&log_path(room, after)).await.ok();
        entries_of(&answer.body, room)
    }
}
