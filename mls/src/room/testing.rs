//! Rooms and people made for tests.

#![expect(clippy::unwrap_used, reason = "tests")]

use grove_wire::mimi::room::component;
use grove_wire::uri::{ClientUri, UserUri};

use super::{
    CommitFacts, Committer, ComponentChange, Leaf, LeafFacts, Pending, PendingKind,
    PendingProposal, PolicyViolation, Proposer, Removal, Role, RoomState, policy,
};
use crate::identity::{
    CREATION_RECORD_VERSION, CreationRecord, DeviceCredential, DeviceKey, DeviceList, PublicKey,
    RecoveryKey, ServerKey, SignedCreationRecord, SignedDeviceList, SignedUikRotation, Succession,
    UserIdentityKey,
};

/// A user with as many devices as a test wants.
pub(super) struct Person {
    pub(super) user: UserUri,
    uik: UserIdentityKey,
    seed: u8,
}

impl Person {
    pub(super) fn new(name: &str, seed: u8) -> Self {
        let user = UserUri::parse(&format!("{name}@a.example")).unwrap();
        Self {
            user,
            uik: UserIdentityKey::from_seed([seed; 32]),
            seed,
        }
    }

    /// The same user and devices with the identity key after so many rotations.
    pub(super) fn rotated(&self, times: u8) -> Self {
        Self {
            user: self.user.clone(),
            uik: UserIdentityKey::from_seed([self.seed.wrapping_add(times * 16); 32]),
            seed: self.seed,
        }
    }

    /// The proof that the key of `new` succeeds this one's, signed by this one's.
    pub(super) fn succession(&self, new: &Self) -> Succession {
        let version = 2 + u64::from(new.uik.seed().first().copied().unwrap_or_default() / 16);
        let rotation = SignedUikRotation::by_uik(&self.uik, &self.user, &new.uik.public(), version);
        Succession::by_uik(rotation)
    }

    /// The same proof, signed by this recovery key. The device list before names the user's own
    /// one.
    pub(super) fn succession_by(&self, recovery: &RecoveryKey, new: &Self) -> Succession {
        let list = DeviceList {
            user: self.user.clone(),
            version: 1,
            prev_hash: None,
            uik: self.uik(),
            recovery: self.recovery().public(),
            devices: Vec::new(),
            not_after: 1_000,
        };
        let list = SignedDeviceList::sign(&self.uik, list).unwrap();
        let (old, new) = (self.uik(), new.uik());
        let rotation = SignedUikRotation::by_recovery(recovery, &self.user, &old, &new, 2);
        Succession::by_recovery(rotation, &list)
    }

    pub(super) fn recovery(&self) -> RecoveryKey {
        RecoveryKey::from_seed([self.seed ^ 0x40; 32])
    }

    /// A leaf that shows a succession.
    pub(super) fn leaf_with(&self, device: u8, succession: &Succession) -> LeafFacts {
        LeafFacts {
            succession: Some(succession.as_bytes().to_vec()),
            ..self.leaf(device)
        }
    }

    /// The same user with another identity key.
    pub(super) fn impostor(&self) -> Self {
        Self {
            user: self.user.clone(),
            uik: UserIdentityKey::from_seed([self.seed ^ 0x80; 32]),
            seed: self.seed,
        }
    }

    pub(super) fn client(&self, device: u8) -> ClientUri {
        ClientUri::new(&self.user, [device; 16])
    }

    pub(super) fn device(&self, device: u8) -> DeviceKey {
        let mut seed = [self.seed; 32];
        *seed.last_mut().unwrap() = device;
        DeviceKey::from_seed(seed)
    }

    pub(super) fn uik(&self) -> PublicKey {
        self.uik.public()
    }

    pub(super) fn uik_key(&self) -> &UserIdentityKey {
        &self.uik
    }

    pub(super) fn leaf(&self, device: u8) -> LeafFacts {
        let (client, key) = (self.client(device), self.device(device).public());
        let credential = DeviceCredential::issue(&self.uik, &client, &key, 1, 1_000);
        LeafFacts {
            identity: client.as_str().as_bytes().to_vec(),
            signature_key: key.as_bytes().to_vec(),
            device_credential: Some(credential.to_bytes()),
            succession: None,
            not_after_lifetime: None,
        }
    }
}

/// A new room of this creator.
pub(super) fn new_room(creator: &Person) -> RoomState {
    let record = CreationRecord {
        version: CREATION_RECORD_VERSION,
        hub: creator.user.provider(),
        creator: creator.user.clone(),
        uik: creator.uik(),
        device_key: creator.device(1).public(),
        cipher_suite: 1,
        time: 0,
        nonce: [0; 32],
        predecessor: None,
    };
    let record = SignedCreationRecord::sign(&creator.device(1), record).unwrap();
    RoomState::create(record, &ServerKey::from_seed([9; 32]).public())
}

/// A commit to be judged: by the member at leaf 0 unless said otherwise, and empty at first.
pub(super) struct Scene {
    pub(super) state: RoomState,
    pub(super) pending: Pending,
    pub(super) commit: CommitFacts,
}

impl Scene {
    /// A room of these people; the first made it. Each has device 1 in it, at the leaf with the
    /// person's place.
    pub(super) fn of(people: &[(&Person, Role)]) -> Self {
        let mut state = new_room(people.first().unwrap().0);
        let creator = people.first().unwrap().0.user.clone();
        let wanted: Vec<(UserUri, u32)> = people
            .iter()
            .map(|(person, role)| (person.user.clone(), role.index()))
            .filter(|(user, role)| *user != creator || *role != Role::Owner.index())
            .collect();
        let update = state.participants.update(&wanted).unwrap();
        state.participants = state.participants.apply(&update).unwrap();
        let mut scene = Self {
            state,
            pending: Pending::default(),
            commit: CommitFacts {
                committer: Committer::Member(0),
                leaves: Vec::new(),
                adds: Vec::new(),
                removes: Vec::new(),
                self_removes: Vec::new(),
                updated_leaf: None,
                components: Vec::new(),
                context_extensions: false,
                other_proposals: Vec::new(),
                included_refs: Vec::new(),
            },
        };
        for (person, _) in people {
            scene = scene.with_leaf(person.leaf(1));
        }
        scene
    }

    /// One more leaf in the tree.
    pub(super) fn with_leaf(mut self, facts: LeafFacts) -> Self {
        let index = u32::try_from(self.commit.leaves.len()).unwrap();
        self.commit.leaves.push(Leaf { index, facts });
        self
    }

    pub(super) fn by(mut self, leaf: u32) -> Self {
        self.commit.committer = Committer::Member(leaf);
        self
    }

    pub(super) fn joined_by(mut self, facts: LeafFacts) -> Self {
        self.commit.committer = Committer::Joiner(facts);
        self
    }

    pub(super) fn add(mut self, facts: LeafFacts) -> Self {
        self.commit.adds.push(facts);
        self
    }

    pub(super) fn remove(mut self, leaf: u32) -> Self {
        self.commit.removes.push(Removal {
            leaf,
            proposer: Proposer::Committer,
        });
        self
    }

    /// The committer's new leaf.
    pub(super) fn update(mut self, facts: LeafFacts) -> Self {
        self.commit.updated_leaf = Some(facts);
        self
    }

    pub(super) fn remove_for(mut self, leaf: u32, proposer: Proposer) -> Self {
        self.commit.removes.push(Removal { leaf, proposer });
        self
    }

    pub(super) fn self_remove(mut self, leaf: u32) -> Self {
        self.commit.self_removes.push(leaf);
        self
    }

    /// A list update that gives people roles.
    pub(super) fn list(self, wanted: &[(&Person, Role)]) -> Self {
        let wanted: Vec<(UserUri, u32)> = wanted
            .iter()
            .map(|(person, role)| (person.user.clone(), role.index()))
            .collect();
        let update = self.state.participants.update(&wanted).unwrap();
        let update = grove_wire::codec::encode(&update).unwrap();
        self.component(component::PARTICIPANT_LIST, Some(update))
    }

    pub(super) fn component(mut self, id: u16, update: Option<Vec<u8>>) -> Self {
        self.commit.components.push(ComponentChange { id, update });
        self
    }

    pub(super) fn wait_for(mut self, kind: PendingKind) -> Self {
        let reference = vec![u8::try_from(self.pending.refs.len()).unwrap()];
        self.pending.refs.push(PendingProposal { reference, kind });
        self
    }

    /// Includes every waiting proposal by reference.
    pub(super) fn include_pending(mut self) -> Self {
        self.commit.included_refs = self
            .pending
            .refs
            .iter()
            .map(|proposal| proposal.reference.clone())
            .collect();
        self
    }

    pub(super) fn check(&self) -> Result<RoomState, PolicyViolation> {
        policy::check(&self.state, &self.pending, &self.commit)
    }
}
