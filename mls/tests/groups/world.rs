//! A hub and its people, in one process: the log, and the little mail between them.

use grove_mls::identity::{
    CREATION_RECORD_VERSION, CreationRecord, PublicKey, ServerKey, SignedCreationRecord,
};
use grove_mls::key_package::{LastResort, ValidKeyPackage};
use grove_mls::member::{
    CommitError, DeviceIdentity, Merged, NewRoom, ReceiveError, Received, Refused, create,
    external, join,
};
use grove_mls::public::{CommitParts, HubGroup, Refusal, group_info};
use grove_mls::room::Role;
use grove_mls::storage::MemberStorage;
use grove_mls::suite::Suite;
use grove_wire::api::rooms::CreateRoomRequest;
use grove_wire::mimi::group_info::PendingProposal;
use grove_wire::mimi::update::{HandshakeBundle, RatchetTreeOption};
use grove_wire::mls::{GroupInfo, MlsMessage, Welcome};
use grove_wire::uri::{ClientUri, Provider, RoomUri, UserUri};

pub(crate) use grove_mls::member::Group;

pub(crate) use crate::device::{Device, Keys, Map, device, now_ms, user};

pub(crate) const SUITE: Suite = Suite::X25519Aes128Sha256Ed25519;

pub(crate) struct World {
    pub(crate) provider: Provider,
    pub(crate) server_key: ServerKey,
    pub(crate) room: RoomUri,
    pub(crate) hub: HubGroup,
    pub(crate) group_info: Vec<u8>,
    pub(crate) log: Vec<MlsMessage>,
    pub(crate) devices: Vec<Device>,
    pub(crate) now_ms: u64,
}

pub(crate) fn creation_record(
    device: &Device,
    provider: &Provider,
    hub_key: &PublicKey,
    root: &PublicKey,
) -> SignedCreationRecord {
    let record = CreationRecord {
        version: CREATION_RECORD_VERSION,
        hub: provider.clone(),
        hub_key: *hub_key,
        creator: device.user(),
        root: *root,
        device_key: device.identity.key.public(),
        cipher_suite: SUITE.code(),
        time: 1_700_000_000_000,
        nonce: [9; 32],
        predecessor: None,
    };
    SignedCreationRecord::sign(&device.identity.key, record).unwrap()
}

/// What a device would send to make a room.
pub(crate) fn make_room(
    device: &mut Device,
    provider: &Provider,
    server_key: &PublicKey,
    root: &PublicKey,
) -> CreateRoomRequest {
    let record = creation_record(device, provider, server_key, root);
    let new = NewRoom {
        record,
        server_key: *server_key,
        franking_key: *server_key,
    };
    let storage = MemberStorage::new(&device.records);
    let (group, request) = create::create(&storage, &device.identity, new).unwrap();
    device.records.write(&storage);
    device.group = Some(group);
    request
}

impl World {
    /// A room with these people, one device each, the first of them its owner and the others
    /// members.
    pub(crate) fn with(names: &[&str]) -> Self {
        let mut world = Self::alone(names[0]);
        for name in &names[1..] {
            world.devices.push(device(name, 0));
        }
        let others: Vec<usize> = (1..names.len()).collect();
        if !others.is_empty() {
            world.add(0, &others).unwrap();
        }
        world
    }

    /// A room with its creator only.
    pub(crate) fn alone(name: &str) -> Self {
        let provider = Provider::parse("a.example").unwrap();
        let server_key = ServerKey::from_seed([3; 32]);
        let mut creator = device(name, 0);
        let now_ms = now_ms(creator.key_package(LastResort::No).not_after);
        let request = make_room(
            &mut creator,
            &provider,
            &server_key.public(),
            Keys::of(name).identity.root(),
        );
        let client = creator.identity.client.clone();
        let hub = HubGroup::create(&request, &provider, &server_key.public(), &client).unwrap();
        Self {
            provider,
            server_key,
            room: hub.state().room_uri.clone(),
            hub,
            group_info: request.group_info.into_bytes(),
            log: Vec::new(),
            devices: vec![creator],
            now_ms,
        }
    }

    /// Adds these devices, whose users become members if they are not listed.
    pub(crate) fn add(&mut self, actor: usize, others: &[usize]) -> Result<(), CommitError> {
        let key_packages: Vec<ValidKeyPackage> = others
            .iter()
            .map(|other| self.devices[*other].key_package(LastResort::No))
            .collect();
        let mut roles: Vec<(UserUri, u32)> = Vec::new();
        for other in others {
            let user = self.devices[*other].user();
            let listed = self.group(actor).state().participants.role_of(&user) > 0;
            if !listed && !roles.iter().any(|(one, _)| *one == user) {
                roles.push((user, Role::Member.index()));
            }
        }
        self.commit(actor, |group, storage, device| {
            group.add(storage, device, &key_packages, &roles)
        })
    }

    /// Makes a commit, hands it in, and lets everybody read the log.
    pub(crate) fn commit(
        &mut self,
        actor: usize,
        make: impl FnOnce(
            &mut Group,
            &MemberStorage<'_, Map>,
            &DeviceIdentity,
        ) -> Result<HandshakeBundle, CommitError>,
    ) -> Result<(), CommitError> {
        let bundle = self.devices[actor].act(make)?;
        self.hand_in(actor, &bundle)
            .expect("what a member may make, the hub takes");
        self.sync();
        Ok(())
    }

    /// A commit by whoever comes first, while `absent` reads nothing.
    pub(crate) fn commit_without(
        &mut self,
        absent: usize,
        make: impl FnOnce(
            &mut Group,
            &MemberStorage<'_, Map>,
            &DeviceIdentity,
        ) -> Result<HandshakeBundle, CommitError>,
    ) {
        let bundle = self.devices[0].act(make).unwrap();
        self.hand_in(0, &bundle).unwrap();
        for device in (0..self.devices.len()).filter(|device| *device != absent) {
            self.catch_up(device);
        }
    }

    /// What the hub does with a handshake.
    pub(crate) fn hand_in(
        &mut self,
        actor: usize,
        bundle: &HandshakeBundle,
    ) -> Result<(), Refusal> {
        let client = self.devices[actor].identity.client.clone();
        match bundle {
            HandshakeBundle::Commit {
                commit,
                welcome,
                group_info,
                ratchet_tree,
            } => {
                let parts = CommitParts {
                    commit,
                    welcome: welcome.as_ref(),
                    group_info,
                    ratchet_tree,
                };
                let checked = self.hub.check_commit(parts, &client, self.now_ms)?;
                let added: Vec<ClientUri> =
                    checked.added.iter().map(|one| one.client.clone()).collect();
                let references: Vec<Vec<u8>> = checked
                    .added
                    .iter()
                    .map(|one| one.reference.clone())
                    .collect();
                self.group_info.clone_from(&checked.group_info);
                self.hub.merge(checked).unwrap();
                self.log.push(commit.clone());
                for (client, reference) in added.iter().zip(&references) {
                    self.welcome(client, reference, welcome.as_ref().unwrap());
                }
            }
            HandshakeBundle::Proposal {
                proposal,
                more_proposals,
            } => {
                let all: Vec<MlsMessage> = std::iter::once(proposal)
                    .chain(more_proposals)
                    .cloned()
                    .collect();
                let checked = self.hub.check_proposals(&all, &client)?;
                self.hub.add_proposals(checked).unwrap();
                self.log.extend(all);
            }
        }
        Ok(())
    }

    /// Gives an added client its own entry of the Welcome.
    fn welcome(&mut self, client: &ClientUri, reference: &[u8], welcome: &Welcome) {
        let at = welcome
            .recipients()
            .iter()
            .position(|one| *one == reference)
            .unwrap();
        let welcome = welcome.entry_for(at).unwrap();
        let tree = self.hub.tree().unwrap();
        let of_client = |one: &&mut Device| one.identity.client == *client;
        let device = self.devices.iter_mut().find(of_client).unwrap();
        let storage = MemberStorage::new(&device.records);
        let joined = join::join(&storage, &device.identity, &welcome, &tree, &self.room).unwrap();
        device.records.write(&storage);
        device.group = Some(joined);
        device.position = self.log.len();
    }

    /// Puts a message into the log, unseen by the hub's group.
    pub(crate) fn submit(&mut self, message: MlsMessage) {
        self.log.push(message);
    }

    /// Lets a device read one entry.
    pub(crate) fn read(&mut self, device: usize, entry: usize) -> Result<Received, ReceiveError> {
        let message = self.log[entry].clone();
        self.devices[device].act(|group, storage, _| group.receive(storage, &message))
    }

    /// Lets a device read on to the end; it must be able to read everything.
    pub(crate) fn catch_up(&mut self, device: usize) -> Vec<Received> {
        let mut read = Vec::new();
        while self.devices[device].is_in() && self.devices[device].position < self.log.len() {
            let position = self.devices[device].position;
            read.push(
                self.read(device, position)
                    .unwrap_or_else(|error| panic!("entry {position}: {error}")),
            );
            self.devices[device].position += 1;
        }
        read
    }

    /// Lets everybody read on to the end, and compares what they have.
    pub(crate) fn sync(&mut self) {
        for device in 0..self.devices.len() {
            self.catch_up(device);
        }
        self.assert_agreement();
    }

    pub(crate) fn members(&self) -> Vec<usize> {
        (0..self.devices.len())
            .filter(|device| self.devices[*device].is_in())
            .collect()
    }

    pub(crate) fn group(&self, device: usize) -> &Group {
        self.devices[device].group.as_ref().expect("in the room")
    }

    /// Everybody in the room has the hub's epoch, tree, components and pending proposals, and one
    /// secret.
    pub(crate) fn assert_agreement(&self) {
        let tree = self.hub.tree().unwrap();
        let mut authenticator = None;
        for member in self.members() {
            let group = self.group(member);
            assert_eq!(group.epoch(), self.hub.epoch());
            assert_eq!(group.tree().unwrap(), tree, "the tree");
            assert_eq!(group.state(), self.hub.state(), "the components");
            assert_eq!(
                group.pending().refs.len(),
                self.hub.pending().count(),
                "the pending proposals"
            );
            let own = group.epoch_authenticator();
            assert_eq!(
                authenticator.get_or_insert_with(|| own.clone()),
                &own,
                "the epoch's secret"
            );
        }
        assert_eq!(
            self.members().len(),
            self.hub.clients().len(),
            "the members"
        );
    }

    /// Joins by an external commit, as a device does that was told nothing.
    pub(crate) fn join_externally(
        &mut self,
        device: usize,
    ) -> Result<HandshakeBundle, external::ExternalError> {
        let identity = self.devices[device].identity.clone();
        let (request, secret) = external::request_group_info(&identity, SUITE)?;
        group_info::verify_request(&request, &identity.client, &identity.key.public()).unwrap();
        let pending = self.hub.pending().cloned();
        let response = group_info::encrypt_group_info(
            &self.server_key,
            &request,
            &self.room,
            GroupInfo::from_bytes(self.group_info.clone()).unwrap(),
            RatchetTreeOption::Full(self.hub.tree().unwrap()),
            pending
                .map(|proposal| PendingProposal {
                    proposal,
                    hub_accepted_time: self.now_ms,
                })
                .collect(),
        )
        .unwrap();
        let opened = external::open_group_info(
            &secret,
            &response,
            &self.room,
            Some(&self.server_key.public()),
        )?;
        let RatchetTreeOption::Full(tree) = opened.ratchet_tree else {
            panic!("the tree was given")
        };
        let pending: Vec<MlsMessage> = opened
            .pending_proposals
            .into_iter()
            .map(|one| one.proposal)
            .collect();
        let room = self.room.clone();
        let device = &mut self.devices[device];
        let storage = MemberStorage::new(&device.records);
        let made = external::external_commit(
            &storage,
            &device.identity,
            &opened.group_info,
            &tree,
            &pending,
            &room,
            None,
        );
        let (group, bundle) = made?;
        device.records.write(&storage);
        device.group = Some(group);
        // The own commit comes back and is seen already.
        device.position = self.log.len();
        Ok(bundle)
    }
}

pub(crate) fn merged(received: Received) -> Merged {
    match received {
        Received::Commit(merged) => merged,
        other => panic!("not a commit: {other:?}"),
    }
}

pub(crate) fn text(received: &Received) -> &[u8] {
    match received {
        Received::Application { data, .. } => data,
        other => panic!("not a message: {other:?}"),
    }
}

/// Whether a commit cannot be followed, for this reason.
pub(crate) fn unfollowable(read: Result<Received, ReceiveError>, expected: &Refused) -> bool {
    matches!(read, Err(ReceiveError::Unfollowable { reason, .. }) if reason == expected.to_string())
}
