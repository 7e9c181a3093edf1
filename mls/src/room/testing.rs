//! Rooms and people made for tests.

#![expect(clippy::unwrap_used, reason = "tests")]

use grove_wire::mimi::room::component;
use grove_wire::uri::{ClientUri, UserUri};

use super::{
    CommitFacts, Committer, ComponentChange, Leaf, LeafFacts, Pending, PendingKind,
    PendingProposal, PolicyViolation, Proposer, Removal, Role, RoomState, policy,
};
use crate::identity::{
    CREATION_RECORD_VERSION, CreationRecord, DeviceCredential, DeviceKey, Identity, RecoveryKey,
    ServerKey, SignedCreationRecord, UserIdentityKey,
};

/// A user with as many devices as a test wants.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) user: UserUri,
    recovery: RecoveryKey,
    identity: Identity,
    uik: UserIdentityKey,
    seed: u8,
}

impl Person {
    pub(crate) fn new(name: &str, seed: u8) -> Self {
        let user = UserUri::parse(&format!("{name}@a.example")).unwrap();
        Self::begin(user, seed, seed ^ 0x40)
    }

    fn begin(user: UserUri, seed: u8, recovery: u8) -> Self {
        let recovery = RecoveryKey::from_seed([recovery; 32]);
        let (identity, uik) = Identity::begin(&recovery, &user);
        Self {
            user,
            recovery,
            identity,
            uik,
            seed,
        }
    }

    /// The same user and devices after so many renewals of the identity.
    pub(crate) fn rotated(&self, times: u8) -> Self {
        (0..times).fold(self.clone(), |person, _| {
            let renewed = person.identity.renew(&person.recovery, &person.user);
            let (identity, uik) = renewed.unwrap();
            Self {
                identity,
                uik,
                ..person
            }
        })
    }

    /// The same user and devices after the recovery key was replaced. Different numbers give
    /// different next keys.
    pub(crate) fn with_next_recovery(&self, number: u8) -> Self {
        let mut seed = *self.recovery.seed();
        let last = seed.last_mut().unwrap();
        *last = last.wrapping_add(number);
        let next = RecoveryKey::from_seed(seed);
        let replaced = self
            .identity
            .replace_recovery(&self.recovery, &next, &self.user);
        let (identity, uik) = replaced.unwrap();
        Self {
            recovery: next,
            identity,
            uik,
            ..self.clone()
        }
    }

    /// The same user and devices by somebody without the recovery key: with a root of their own.
    pub(crate) fn impostor(&self) -> Self {
        Self::begin(self.user.clone(), self.seed, self.seed ^ 0x80)
    }

    /// The same recovery keys and generation with another user identity key, which the recovery key
    /// has not signed.
    pub(crate) fn forged(&self) -> Self {
        let uik = UserIdentityKey::from_seed([self.seed ^ 0x80; 32]);
        let mut bytes = self.identity.to_bytes();
        // Behind the key stands the signature with its length.
        let end = bytes.len().checked_sub(2 + 64).unwrap();
        let place = bytes.get_mut(end - 32..end).unwrap();
        place.copy_from_slice(uik.public().as_bytes());
        Self {
            identity: Identity::decode(&bytes).unwrap(),
            uik,
            ..self.clone()
        }
    }

    pub(crate) fn client(&self, device: u8) -> ClientUri {
        ClientUri::new(&self.user, [device; 16])
    }

    pub(crate) fn device(&self, device: u8) -> DeviceKey {
        let mut seed = [self.seed; 32];
        *seed.last_mut().unwrap() = device;
        DeviceKey::from_seed(seed)
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn uik_key(&self) -> &UserIdentityKey {
        &self.uik
    }

    pub(crate) fn leaf(&self, device: u8) -> LeafFacts {
        let (client, key) = (self.client(device), self.device(device).public());
        let credential =
            DeviceCredential::issue(&self.uik, &self.identity, &client, &key, 1, 1_000);
        LeafFacts {
            identity: client.as_str().as_bytes().to_vec(),
            signature_key: key.as_bytes().to_vec(),
            device_credential: Some(credential.to_bytes()),
            not_after_lifetime: None,
        }
    }
}

/// A new room of this creator.
pub(crate) fn new_room(creator: &Person) -> RoomState {
    let hub_key = ServerKey::from_seed([9; 32]).public();
    let record = CreationRecord {
        version: CREATION_RECORD_VERSION,
        hub: creator.user.provider(),
        hub_key,
        creator: creator.user.clone(),
        root: *creator.identity.root(),
        device_key: creator.device(1).public(),
        cipher_suite: 1,
        time: 0,
        nonce: [0; 32],
        predecessor: None,
    };
    let record = SignedCreationRecord::sign(&creator.device(1), record).unwrap();
    RoomState::create(record, &hub_key)
}

/// A commit to be judged: by the member at leaf 0 unless said otherwise, and empty at first.
pub(crate) struct Scene {
    pub(crate) state: RoomState,
    pub(crate) pending: Pending,
    pub(crate) commit: CommitFacts,
}

impl Scene {
    /// A room of these people; the first made it. Each has device 1 in it, at the leaf with the
    /// person's place.
    pub(crate) fn of(people: &[(&Person, Role)]) -> Self {
        let mut state = new_room(people.first().unwrap().0);
        let creator = people.first().unwrap().0.user.clone();
        let wanted: Vec<(UserUri, u32)> = people
            .iter()
            .map(|(person, role)| (person.user.clone(), role.index()))
            .filter(|(user, role)| *user != creator || *role != Role::Owner.index())
            .collect();
        let update = state.participants.update(&wanted).unwrap();
        state.participants = state.participants.apply(&update).unwrap();
        let mut scene = Self::in_room(state, Vec::new());
        for (person, _) in people {
            scene = scene.with_leaf(person.leaf(1));
        }
        scene
    }

    /// A room with this tree.
    pub(crate) fn in_room(state: RoomState, leaves: Vec<Leaf>) -> Self {
        Self {
            state,
            pending: Pending::default(),
            commit: CommitFacts {
                committer: Committer::Member(0),
                leaves,
                adds: Vec::new(),
                removes: Vec::new(),
                self_removes: Vec::new(),
                updated_leaf: None,
                components: Vec::new(),
                context_extensions: false,
                other_proposals: Vec::new(),
                included_refs: Vec::new(),
            },
        }
    }

    /// One more leaf in the tree.
    pub(crate) fn with_leaf(mut self, facts: LeafFacts) -> Self {
        let index = u32::try_from(self.commit.leaves.len()).unwrap();
        self.commit.leaves.push(Leaf { index, facts });
        self
    }

    pub(crate) fn by(mut self, leaf: u32) -> Self {
        self.commit.committer = Committer::Member(leaf);
        self
    }

    pub(crate) fn joined_by(mut self, facts: LeafFacts) -> Self {
        self.commit.committer = Committer::Joiner(facts);
        self
    }

    pub(crate) fn add(mut self, facts: LeafFacts) -> Self {
        self.commit.adds.push(facts);
        self
    }

    pub(crate) fn remove(mut self, leaf: u32) -> Self {
        self.commit.removes.push(Removal {
            leaf,
            proposer: Proposer::Committer,
        });
        self
    }

    /// The committer's new leaf.
    pub(crate) fn update(mut self, facts: LeafFacts) -> Self {
        self.commit.updated_leaf = Some(facts);
        self
    }

    pub(crate) fn remove_for(mut self, leaf: u32, proposer: Proposer) -> Self {
        self.commit.removes.push(Removal { leaf, proposer });
        self
    }

    pub(crate) fn self_remove(mut self, leaf: u32) -> Self {
        self.commit.self_removes.push(leaf);
        self
    }

    /// A list update that gives people roles.
    pub(crate) fn list(self, wanted: &[(&Person, Role)]) -> Self {
        let wanted: Vec<(UserUri, u32)> = wanted
            .iter()
            .map(|(person, role)| (person.user.clone(), role.index()))
            .collect();
        let update = self.state.participants.update(&wanted).unwrap();
        let update = grove_wire::codec::encode(&update).unwrap();
        self.component(component::PARTICIPANT_LIST, Some(update))
    }

    pub(crate) fn component(mut self, id: u16, update: Option<Vec<u8>>) -> Self {
        self.commit.components.push(ComponentChange { id, update });
        self
    }

    pub(crate) fn wait_for(mut self, kind: PendingKind) -> Self {
        let reference = vec![u8::try_from(self.pending.refs.len()).unwrap()];
        self.pending.refs.push(PendingProposal { reference, kind });
        self
    }

    /// Includes every waiting proposal by reference.
    pub(crate) fn include_pending(mut self) -> Self {
        self.commit.included_refs = self
            .pending
            .refs
            .iter()
            .map(|proposal| proposal.reference.clone())
            .collect();
        self
    }

    pub(crate) fn check(&self) -> Result<RoomState, PolicyViolation> {
        policy::check(&self.state, &self.pending, &self.commit)
    }
}
