//! Checking a commit that a client hands in, and merging it once it is in the log.
//!
//! Checking changes nothing, so that it can run beside others; which of several commits for one
//! epoch wins is decided where the log is written. Must not know the log.
//!
//! The surprise: the GroupInfo is rebuilt, not believed. All of it but the key for external joins
//! follows from the commit, and the committer's signature must cover exactly that. Of the key only
//! the form can be checked: what it should be follows from secrets.

use std::collections::BTreeSet;

use grove_wire::codec;
use grove_wire::mimi::update::{GroupInfoOption, RatchetTreeOption};
use grove_wire::mls::{ContentType, MlsMessage, Welcome};
use grove_wire::uri::{ClientUri, UserUri};
use openmls::group::StagedCommit;
use openmls::messages::group_info::{GroupInfo as MlsGroupInfo, VerifiableGroupInfo};
use openmls::prelude::{
    ConfirmationTag, Extensions, LeafNodeIndex, OpenMlsSignaturePublicKey, ProcessedMessageContent,
    Sender, SignatureScheme, Verifiable as _,
};

use super::judge::{self, Judged};
use super::{HubGroup, Refusal, client, external_pub, facts};
use crate::identity::{Identity, PublicKey};
use crate::key_package::{self, LastResort};
use crate::room::validation::standing;
use crate::room::{CommitFacts, Committer, LeafFacts, PolicyViolation, RoomState};
use crate::suite::{MlsError, convert};

/// A commit with what belongs to it, as it stands in an `UpdateRequest`.
#[derive(Debug, Clone, Copy)]
pub struct CommitParts<'a> {
    /// The commit.
    pub commit: &'a MlsMessage,
    /// For the clients it adds.
    pub welcome: Option<&'a Welcome>,
    /// The group after it.
    pub group_info: &'a GroupInfoOption,
    /// The tree after it.
    pub ratchet_tree: &'a RatchetTreeOption,
}

/// A client that a commit adds by its KeyPackage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The `KeyPackageRef`, by which the Welcome names it.
    pub reference: Vec<u8>,
    /// The client.
    pub client: ClientUri,
    /// Whether the KeyPackage may be used again.
    pub last_resort: LastResort,
}

/// A leaf that a commit brings into the tree, signed by the identity in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLeaf {
    /// Whose.
    pub client: ClientUri,
    /// The leaf's signature key.
    pub key: PublicKey,
    /// The identity in its device credential.
    pub identity: Identity,
}

impl NewLeaf {
    /// Reads a leaf that policy has let pass.
    fn read(leaf: &LeafFacts) -> Result<Self, PolicyViolation> {
        let leaf = standing(leaf)?;
        Ok(Self {
            client: leaf.client,
            key: leaf.key,
            identity: leaf.identity,
        })
    }
}

/// A commit that may be written into the log.
pub struct CheckedCommit {
    /// The epoch it begins.
    pub epoch_after: u64,
    /// The clients it adds, in the order of its Adds.
    pub added: Vec<Added>,
    /// The clients it removes. One that joins again by an external commit is here too, and in
    /// `joined`.
    pub removed: Vec<ClientUri>,
    /// The client that joins by it, if it is an external commit.
    pub joined: Option<ClientUri>,
    /// All leaves it brings: added, joining, and the committer's own in its path.
    pub new_leaves: Vec<NewLeaf>,
    /// All users with their roles after it, by index.
    pub participants: Vec<(UserUri, u32)>,
    /// The `GroupInfo` after it, whole, without a tree.
    pub group_info: Vec<u8>,
    state: RoomState,
    staged: StagedCommit,
}

impl CheckedCommit {
    /// The room after it.
    pub fn state(&self) -> &RoomState {
        &self.state
    }
}

impl std::fmt::Debug for CheckedCommit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckedCommit")
            .field("epoch_after", &self.epoch_after)
            .field("added", &self.added.len())
            .field("removed", &self.removed.len())
            .field("participants", &self.participants.len())
            .finish_non_exhaustive()
    }
}

impl HubGroup {
    /// All leaves that stand in the tree.
    ///
    /// # Errors
    /// [`PolicyViolation::Identity`] never happens: every leaf was judged when it came in.
    pub fn leaves(&self) -> Result<Vec<NewLeaf>, PolicyViolation> {
        let leaves = facts::leaves(&self.group);
        leaves
            .iter()
            .map(|leaf| NewLeaf::read(&leaf.facts))
            .collect()
    }

    /// Checks a commit that `actor` hands in at `now_ms`, milliseconds since 1970.
    ///
    /// # Errors
    /// [`Refusal`]. The group is as before, in any case.
    pub fn check_commit(
        &self,
        parts: CommitParts<'_>,
        actor: &ClientUri,
        now_ms: u64,
    ) -> Result<CheckedCommit, Refusal> {
        self.check_framing(parts.commit, ContentType::Commit)?;
        match parts.ratchet_tree {
            RatchetTreeOption::DistributionService | RatchetTreeOption::Full(_) => {}
            RatchetTreeOption::HttpsUri(_) | RatchetTreeOption::OutOfBand => {
                return Err(Refusal::RatchetTree);
            }
        }
        let (sender, staged) = self.stage(parts.commit)?;
        let judged = judge::judge(
            &self.crypto,
            &self.state,
            &self.pending_proposals(),
            &self.group,
            judge::Commit {
                message: parts.commit,
                sender: &sender,
                staged: &staged,
            },
        )?;
        let committer = self.committer(&judged.facts)?;
        if committer != *actor {
            return Err(Refusal::NotYours);
        }
        let added = self.added(&staged, now_ms)?;
        check_recipients(&added, parts.welcome)?;
        let group_info = self.group_info(&parts, &sender, &staged)?;
        let Judged { facts, after } = judged;
        Ok(CheckedCommit {
            epoch_after: staged.epoch().as_u64(),
            added,
            removed: self.removed(&facts),
            new_leaves: facts
                .new_leaves()
                .map(NewLeaf::read)
                .collect::<Result<_, _>>()?,
            joined: matches!(facts.committer, Committer::Joiner(_)).then_some(committer),
            participants: after
                .participants
                .iter()
                .map(|one| (one.user.clone(), one.role))
                .collect(),
            group_info,
            state: after,
            staged,
        })
    }

    /// Merges a commit that is in the log. It must be one this group checked in its present epoch.
    ///
    /// # Errors
    /// [`MlsError`] when it belongs to another epoch; the group is then as before.
    pub fn merge(&mut self, commit: CheckedCommit) -> Result<(), MlsError> {
        if commit.epoch_after != self.epoch() + 1 {
            return Err(MlsError::text("the commit was checked in another epoch"));
        }
        self.merge_staged(commit.staged, commit.state)
    }

    /// [`Self::merge`], with a snapshot of the group after it.
    ///
    /// # Errors
    /// [`MlsError`].
    pub fn merge_capturing(&mut self, commit: CheckedCommit) -> Result<Vec<u8>, MlsError> {
        self.merge(commit)?;
        self.snapshot().map_err(MlsError::of)
    }

    pub(super) fn merge_staged(
        &mut self,
        staged: StagedCommit,
        after: RoomState,
    ) -> Result<(), MlsError> {
        self.group
            .merge_commit(&Self::storage(), staged)
            .map_err(MlsError::of)?;
        self.state = after;
        self.waiting.clear();
        Ok(())
    }

    /// Lets OpenMLS verify and stage a commit, with the components' new values by the room's logic.
    pub(super) fn stage(&self, commit: &MlsMessage) -> Result<(Sender, StagedCommit), Refusal> {
        let message = convert::protocol_message(commit)?;
        let processed = self
            .group
            .process_message(&self.crypto, message)
            .map_err(MlsError::of)?;
        let sender = processed.sender().clone();
        match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => Ok((sender, *staged)),
            ProcessedMessageContent::UnresolvedAppDataCommit(unresolved) => {
                let updates = unresolved.app_data_update_proposals();
                let changes = judge::resolve(
                    &self.state,
                    updates,
                    self.group.app_data_dictionary_updater(),
                )?;
                let staged = self
                    .group
                    .stage_app_data_commit(&self.crypto, *unresolved, changes)
                    .map_err(MlsError::of)?;
                Ok((sender, staged))
            }
            _ => Err(Refusal::NotAHandshake),
        }
    }

    fn committer(&self, facts: &CommitFacts) -> Result<ClientUri, Refusal> {
        let found = match &facts.committer {
            Committer::Member(leaf) => self.client_at(*leaf),
            Committer::Joiner(leaf) => client(&leaf.identity),
        };
        found.ok_or(Refusal::NotYours)
    }

    fn removed(&self, facts: &CommitFacts) -> Vec<ClientUri> {
        let leaves = facts
            .removes
            .iter()
            .map(|one| one.leaf)
            .chain(facts.self_removes.iter().copied());
        leaves.filter_map(|leaf| self.client_at(leaf)).collect()
    }

    fn added(&self, staged: &StagedCommit, now_ms: u64) -> Result<Vec<Added>, Refusal> {
        let mut added = Vec::new();
        for add in staged.add_proposals() {
            let key_package = add.add_proposal().key_package();
            key_package::check_remaining(key_package, now_ms)?;
            let identity = key_package.leaf_node().credential().serialized_content();
            added.push(Added {
                reference: key_package::reference(key_package, &self.crypto)?,
                client: client(identity)
                    .ok_or_else(|| MlsError::text("a leaf without a client URI"))?,
                last_resort: if key_package.last_resort() {
                    LastResort::Yes
                } else {
                    LastResort::No
                },
            });
        }
        Ok(added)
    }

    /// The GroupInfo after the commit, of which the committer's signature and the key for external
    /// joins are given.
    fn group_info(
        &self,
        parts: &CommitParts<'_>,
        sender: &Sender,
        staged: &StagedCommit,
    ) -> Result<Vec<u8>, Refusal> {
        let tag = convert::public_message(parts.commit)?
            .confirmation_tag()
            .cloned()
            .ok_or(Refusal::GroupInfo)?;
        let (extensions, signature) = match parts.group_info {
            GroupInfoOption::Full(whole) => {
                let head = whole.head();
                (prefixed(head.extensions)?, head.signature.to_vec())
            }
            GroupInfoOption::Partial(partial) => {
                let mut content = Vec::new();
                for extension in &partial.group_info_extensions {
                    content
                        .extend(codec::encode(extension).map_err(|_too_long| Refusal::GroupInfo)?);
                }
                (prefixed(&content)?, partial.signature.as_bytes().to_vec())
            }
        };
        let extensions: Extensions<MlsGroupInfo> =
            convert::decode(&extensions).map_err(|_malformed| Refusal::GroupInfo)?;
        external_pub::check(&self.crypto, self.group.ciphersuite(), &extensions)
            .map_err(|_unusable| Refusal::GroupInfo)?;
        let verified = self.rebuild(sender, staged, extensions, tag, signature)?;
        let bytes = convert::encode(&verified)?;
        match parts.group_info {
            GroupInfoOption::Full(whole) if whole.as_bytes() != bytes => Err(Refusal::GroupInfo),
            GroupInfoOption::Full(_) | GroupInfoOption::Partial(_) => Ok(bytes),
        }
    }

    fn rebuild(
        &self,
        sender: &Sender,
        staged: &StagedCommit,
        extensions: Extensions<MlsGroupInfo>,
        tag: ConfirmationTag,
        signature: Vec<u8>,
    ) -> Result<MlsGroupInfo, Refusal> {
        let signer: LeafNodeIndex = match sender {
            Sender::Member(index) => *index,
            _ => self
                .group
                .ext_commit_sender_index(staged)
                .map_err(MlsError::of)?,
        };
        let leaf = staged
            .update_path_leaf_node()
            .or_else(|| self.group.leaf(signer))
            .ok_or(Refusal::GroupInfo)?;
        let key = OpenMlsSignaturePublicKey::from_signature_key(
            leaf.signature_key().clone(),
            SignatureScheme::ED25519,
        );
        VerifiableGroupInfo::new(
            staged.group_context().clone(),
            extensions,
            tag,
            signer,
            signature.into(),
        )
        .verify(&self.crypto, &key)
        .map_err(|_not_signed| Refusal::GroupInfo)
    }
}

/// Bytes behind their length.
fn prefixed(content: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::with_capacity(content.len() + 4);
    codec::write_opaque(&mut bytes, content).map_err(|_too_long| Refusal::GroupInfo)?;
    Ok(bytes)
}

fn check_recipients(added: &[Added], welcome: Option<&Welcome>) -> Result<(), Refusal> {
    let recipients = welcome.map(Welcome::recipients).unwrap_or_default();
    let wanted: BTreeSet<&[u8]> = added.iter().map(|one| one.reference.as_slice()).collect();
    let given: BTreeSet<&[u8]> = recipients.iter().copied().collect();
    if recipients.len() == added.len() && wanted == given {
        Ok(())
    } else {
        Err(Refusal::Welcome)
    }
}
