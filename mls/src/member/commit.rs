//! Making commits: add, remove, change roles, refresh the own leaf, take up what is pending.
//!
//! Every commit includes all pending proposals, and strikes from the list whoever's last client
//! goes: policy demands both. A commit is judged by the same policy as anybody else's before it is
//! handed out, so a client does not send what is refused.
//!
//! The surprise: Adds carry no update path. A path on a tree of fresh leaves costs 80 bytes per
//! member, to every member; without one an Add costs 500 bytes whatever the room's size.

use std::collections::BTreeSet;

use grove_wire::mimi::update::HandshakeBundle;
use grove_wire::mls::MlsMessage;
use grove_wire::uri::{ClientUri, UserUri};
use openmls::group::CommitMessageBundle;
use openmls::prelude::{KeyPackage, LeafNodeIndex, LeafNodeParameters, Proposal, Sender};
use openmls_traits::OpenMlsProvider as _;

use super::list::{self, ListUpdate, user_of};
use super::{DeviceIdentity, Group, bundle};
use crate::key_package::ValidKeyPackage;
use crate::leaf;
use crate::public::{Refused, client, facts, judge};
use crate::room::{PolicyViolation, Role, continuity};
use crate::storage::{MemberStorage, Records};
use crate::suite::{Crypto, DeviceSigner, MlsError};

/// Why a commit, or proposals to leave, cannot be made. Nothing is pending then that was not
/// before.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A commit of this client waits for the hub's verdict.
    #[error("a commit is pending already")]
    CommitPending,
    /// This client's removal is pending, so it may not commit.
    #[error("this client is leaving the room")]
    Leaving,
    /// OpenMLS refused, or the storage failed.
    #[error("the commit cannot be made: {0}")]
    Mls(#[from] MlsError),
    /// This client has been removed from the room.
    #[error("this client is not in the room any more")]
    NotAMember,
    /// There is nothing to commit.
    #[error("there is nothing to commit")]
    Nothing,
    /// Everybody would refuse it.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl From<PolicyViolation> for CommitError {
    fn from(violation: PolicyViolation) -> Self {
        Self::Refused(violation.into())
    }
}

/// What a commit does besides taking up what is pending.
#[derive(Default)]
struct Plan {
    adds: Vec<KeyPackage>,
    removes: Vec<u32>,
    /// New roles by user; 0 strikes from the list.
    roles: Vec<(UserUri, u32)>,
    /// The leaf to put in place of the own one.
    own_leaf: Option<LeafNodeParameters>,
}

impl Group {
    /// Adds clients, and enters users into the list with a role by index. A user may be entered
    /// without clients, whose KeyPackages were used up; somebody adds them later.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn add<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        device: &DeviceIdentity,
        key_packages: &[ValidKeyPackage],
        participants: &[(UserUri, u32)],
    ) -> Result<HandshakeBundle, CommitError> {
        let adds = key_packages
            .iter()
            .map(|one| one.key_package.clone())
            .collect();
        self.commit(
            storage,
            device,
            Plan {
                adds,
                roles: participants.to_vec(),
                ..Plan::default()
            },
        )
    }

    /// Removes users from the list, with all of their clients.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn remove_users<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        device: &DeviceIdentity,
        users: &[UserUri],
    ) -> Result<HandshakeBundle, CommitError> {
        let roles = users
            .iter()
            .map(|user| (user.clone(), Role::None.index()))
            .collect();
        self.commit(
            storage,
            device,
            Plan {
                removes: self.leaves_of(users),
                roles,
                ..Plan::default()
            },
        )
    }

    /// Gives users other roles by index. Who is banned loses all clients, and stays in the list.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn change_roles<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        device: &DeviceIdentity,
        roles: &[(UserUri, u32)],
    ) -> Result<HandshakeBundle, CommitError> {
        let out =
            |(user, role): &(UserUri, u32)| (*role <= Role::Banned.index()).then(|| user.clone());
        let gone: Vec<UserUri> = roles.iter().filter_map(out).collect();
        self.commit(
            storage,
            device,
            Plan {
                removes: self.leaves_of(&gone),
                roles: roles.to_vec(),
                ..Plan::default()
            },
        )
    }

    /// Commits what is pending, so that messages can be sent again.
    ///
    /// # Errors
    /// [`CommitError`]; [`CommitError::Nothing`] when nothing is pending.
    pub fn commit_pending<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        device: &DeviceIdentity,
    ) -> Result<HandshakeBundle, CommitError> {
        if self.mls.pending_proposals().next().is_none() {
            return Err(CommitError::Nothing);
        }
        self.commit(storage, device, Plan::default())
    }

    /// Removes single clients, and strikes from the list whoever's last client goes. The own leaf
    /// is renewed with it, so that the next identity and the removal of a lost device are one
    /// commit.
    ///
    /// # Errors
    /// [`CommitError`]; [`CommitError::Nothing`] when none of the clients is in the room.
    pub fn remove_clients<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        device: &DeviceIdentity,
        clients: &[ClientUri],
    ) -> Result<HandshakeBundle, CommitError> {
        let leaves = facts::leaves(self.mls.public_group());
        let removes: Vec<u32> = leaves
            .iter()
            .filter(|leaf| client(&leaf.facts.identity).is_some_and(|one| clients.contains(&one)))
            .map(|leaf| leaf.index)
            .collect();
        if removes.is_empty() {
            return Err(CommitError::Nothing);
        }
        self.commit(
            storage,
            device,
            Plan {
                removes,
                own_leaf: Some(Self::renewed_leaf(device)?),
                ..Plan::default()
            },
        )
    }

    /// Puts fresh keys and the current device credential into the own leaf. Heals after a theft of
    /// keys, and fills blank nodes of the tree.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn self_update<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        device: &DeviceIdentity,
    ) -> Result<HandshakeBundle, CommitError> {
        let own_leaf = Some(Self::renewed_leaf(device)?);
        self.commit(
            storage,
            device,
            Plan {
                own_leaf,
                ..Plan::default()
            },
        )
    }

    fn renewed_leaf(device: &DeviceIdentity) -> Result<LeafNodeParameters, MlsError> {
        Ok(LeafNodeParameters::builder()
            .with_capabilities(leaf::capabilities())
            .with_extensions(leaf::extensions(&device.credential)?)
            .build())
    }

    /// Whether this client may make a handshake now.
    pub(super) fn check_may_commit(&self) -> Result<(), CommitError> {
        if !self.is_active() {
            return Err(CommitError::NotAMember);
        }
        if self.has_pending_commit() {
            return Err(CommitError::CommitPending);
        }
        if self.is_leaving() {
            Err(CommitError::Leaving)
        } else {
            Ok(())
        }
    }

    /// The leaves of these users.
    fn leaves_of(&self, users: &[UserUri]) -> Vec<u32> {
        let leaves = facts::leaves(self.mls.public_group());
        leaves
            .iter()
            .filter(|leaf| user_of(leaf).is_some_and(|user| users.contains(&user)))
            .map(|leaf| leaf.index)
            .collect()
    }

    fn commit<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        device: &DeviceIdentity,
        plan: Plan,
    ) -> Result<HandshakeBundle, CommitError> {
        self.check_may_commit()?;
        let made = self.stage(storage, device, self.with_orphans(device, plan))?;
        let judged = bundle::to_wire(&made)
            .map_err(Refused::from)
            .and_then(|bundle| {
                self.judge_own(storage.crypto(), bundle.first())?;
                Ok(bundle)
            });
        match judged {
            Ok(bundle) => Ok(bundle),
            Err(refused) => {
                self.mls
                    .clear_pending_commit(storage)
                    .map_err(MlsError::of)?;
                Err(refused.into())
            }
        }
    }

    /// The plan, with the laggards of whoever's other clients go: they must not stay alone. Those
    /// of the own user do not: this client stays, and renews its leaf if it is one of them.
    fn with_orphans(&self, device: &DeviceIdentity, mut plan: Plan) -> Plan {
        let leaving = self.leaving_leaves();
        let gone = leaving.iter().chain(&plan.removes).copied().collect();
        let mut leaves = facts::leaves(self.mls.public_group());
        let own = device.client.user();
        leaves.retain(|leaf| user_of(leaf).as_ref() != Some(&own));
        plan.removes.extend(continuity::orphans(&leaves, &gone));
        plan
    }

    /// Judges the own pending commit as everybody else will.
    fn judge_own(&self, crypto: &Crypto, message: &MlsMessage) -> Result<(), Refused> {
        let staged = self
            .mls
            .pending_commit()
            .ok_or_else(|| MlsError::text("no commit is pending"))?;
        let sender = Sender::Member(self.mls.own_leaf_index());
        judge::judge(
            crypto,
            &self.state,
            &self.pending(),
            self.mls.public_group(),
            judge::Commit {
                message,
                sender: &sender,
                staged,
            },
        )?;
        Ok(())
    }

    fn stage<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        device: &DeviceIdentity,
        plan: Plan,
    ) -> Result<CommitMessageBundle, CommitError> {
        let list = self.list_update(&plan)?;
        // A leaf can be removed once, and the pending proposals come first.
        let leaving = self.leaving_leaves();
        let removes = plan
            .removes
            .iter()
            .filter(|leaf| !leaving.contains(leaf))
            .copied()
            .map(LeafNodeIndex::new);
        let mut builder = self
            .mls
            .commit_builder()
            .propose_adds(plan.adds)
            .propose_removals(removes);
        if let Some(own_leaf) = plan.own_leaf {
            builder = builder.leaf_node_parameters(own_leaf);
        }
        if let Some(list) = &list {
            builder = builder.add_proposal(Proposal::AppDataUpdate(Box::new(list.proposal())));
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
        let built = loaded
            .build(storage.rand(), storage.crypto(), &signer, |_| true)
            .map_err(MlsError::of)?;
        Ok(built.stage_commit(storage).map_err(MlsError::of)?)
    }

    /// The change of the participant list that belongs to the plan and to what is pending.
    fn list_update(&self, plan: &Plan) -> Result<Option<ListUpdate>, CommitError> {
        let gone: BTreeSet<u32> = self
            .leaving_leaves()
            .into_iter()
            .chain(plan.removes.iter().copied())
            .collect();
        let identity = |one: &KeyPackage| client(one.leaf_node().credential().serialized_content());
        let arriving: Vec<UserUri> = plan
            .adds
            .iter()
            .filter_map(identity)
            .map(|client| client.user())
            .collect();
        let leaves = facts::leaves(self.mls.public_group());
        Ok(list::update(
            &self.state,
            &leaves,
            &gone,
            &arriving,
            plan.roles.clone(),
        )?)
    }
}
