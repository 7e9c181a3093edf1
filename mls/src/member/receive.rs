//! Reading the room's log: application messages, proposals and commits, one at a time and in its
//! order.
//!
//! A commit is judged before it is merged, by the same function as at the hub; a bad one changes
//! nothing, whoever let it through. Must not know sequence numbers.
//!
//! The surprise: OpenMLS judges the lifetime of an added KeyPackage by this machine's clock, so a
//! member that reads an Add after the KeyPackage's end cannot follow and must join anew. Hubs
//! therefore accept only KeyPackages that outlive the log
//! ([`crate::key_package::MIN_REMAINING_LIFETIME`]).

use grove_wire::mls::{ContentType, Framing, MlsMessage, SenderKind};
use grove_wire::uri::{ClientUri, UserUri};
use openmls::group::{MergePendingCommitError, ProcessMessageError, QueuedProposal, StagedCommit};
use openmls::prelude::{
    LeafNode, LeafNodeIndex, ProcessedMessage, ProcessedMessageContent, Sender,
};
use openmls_traits::OpenMlsProvider as _;

use super::Group;
use crate::identity::Identity;
use crate::leaf;
use crate::outside::check_authenticated_data;
use crate::public::judge::{self, Judged};
use crate::public::{Refused, proposal};
use crate::room::validation::{ValidLeaf, standing};
use crate::room::{CommitFacts, Committer, Leaf, PolicyViolation, Proposer, RoomState, continuity};
use crate::storage::{MemberStorage, Records, StorageError};
use crate::suite::{MlsError, convert};

mod error;

pub use error::ReceiveError;
use error::{not_merged, reused, unfollowable};

/// What an entry of the log was.
#[derive(Debug)]
pub enum Received {
    /// A proposal or message of an older epoch, or a handshake that was read before. Nothing
    /// changed.
    AlreadySeen,
    /// An application message.
    Application {
        /// Who sent it, judged by the leaf.
        sender: Box<ValidLeaf>,
        /// The sender's leaf.
        leaf: u32,
        /// What was sealed.
        data: Vec<u8>,
        /// A Safe AAD, with the franking tag if the sender gave one.
        authenticated_data: Vec<u8>,
        /// Whether the sender's role may send. If not, the message is to be dropped: the hub could
        /// not see who sent it.
        may_send: bool,
    },
    /// A commit, which is merged.
    Commit(Merged),
    /// An own message that came back. It cannot be opened again, and nothing is proven about it.
    Own,
    /// A proposal, which now awaits a commit. Sending is blocked until then.
    Proposal(Proposed),
    /// A message of this epoch that was sealed with keys of one read before. In an ordered log that
    /// is a repeat of the hub's, or of a copy of somebody's device. Nothing is proven about it.
    Reused,
}

/// What a merged commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The epoch it began.
    pub epoch: u64,
    /// Who made it.
    pub committer: ClientUri,
    /// Whose clients it added; an external committer among them.
    pub added: Vec<ClientUri>,
    /// Whose clients it removed.
    pub removed: Vec<ClientUri>,
    /// Those of them that the hub has proposed to remove: the committer only took it up, as a
    /// member must.
    pub removed_by_hub: Vec<ClientUri>,
    /// All leaves it brought: added, joining, and the committer's own in its path.
    pub new_leaves: Vec<ValidLeaf>,
    /// Users with their roles before and after, by index; 0 is not listed.
    pub participants_changed: Vec<(UserUri, u32, u32)>,
    /// Whether this client was removed. Nothing more can be read then.
    pub removed_self: bool,
    /// Whether it was the pending commit of this client.
    pub was_own: bool,
}

/// A proposal that awaits a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// The client that goes.
    pub leaving: ClientUri,
    /// Who proposed it; none is the hub.
    pub proposer: Option<ClientUri>,
}

impl Group {
    /// Reads the next entry of the room's log.
    ///
    /// # Errors
    /// [`ReceiveError`]. After any, the group is unchanged.
    pub fn receive<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        message: &MlsMessage,
    ) -> Result<Received, ReceiveError> {
        let framing = message.framing().ok_or(ReceiveError::WrongRoom)?;
        if framing.group_id != self.room().hash() {
            return Err(ReceiveError::WrongRoom);
        }
        if !self.is_active() {
            return Err(ReceiveError::NotAMember);
        }
        let current = self.epoch();
        if framing.epoch < current {
            return Ok(Received::AlreadySeen);
        }
        if framing.epoch > current {
            return Err(ReceiveError::Ahead {
                current,
                found: framing.epoch,
            });
        }
        match framing.content_type {
            ContentType::Application => match self.process(storage, message, &framing)? {
                Ok(processed) => self.take(storage, message, processed),
                Err(error) => reused(error),
            },
            ContentType::Proposal => {
                check_outside(&framing)?;
                let group = self.mls.public_group();
                let queued = proposal::verify(group, storage.crypto(), message)?;
                self.keep(storage, queued)
            }
            ContentType::Commit => self.read_commit(storage, message, &framing),
        }
    }

    /// Merges a commit, or says why the room cannot be followed past it.
    fn read_commit<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        message: &MlsMessage,
        framing: &Framing<'_>,
    ) -> Result<Received, ReceiveError> {
        let claimed = match framing.sender {
            Some(SenderKind::Member(leaf)) => self.client_at(leaf),
            _ => None,
        };
        match self.process(storage, message, framing) {
            Ok(Ok(processed)) => {
                let committer = committer(&processed).or(claimed);
                self.take(storage, message, processed)
                    .map_err(|error| unfollowable(error, committer))
            }
            // OpenMLS stages a commit after it has verified who signed it.
            Ok(Err(ProcessMessageError::InvalidCommit(error))) => {
                Err(unfollowable(MlsError::of(error).into(), claimed))
            }
            Ok(Err(error)) => reused(error).map_err(|error| unfollowable(error, None)),
            Err(refused) => Err(unfollowable(refused.into(), None)),
        }
    }

    /// Lets OpenMLS open a message or a commit, if its outside is that of our rooms.
    fn process<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        message: &MlsMessage,
        framing: &Framing<'_>,
    ) -> Result<Result<ProcessedMessage, ProcessMessageError<StorageError>>, Refused> {
        check_outside(framing)?;
        let message = convert::protocol_message(message)?;
        Ok(self.mls.process_message(storage, message))
    }

    fn take<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        message: &MlsMessage,
        processed: ProcessedMessage,
    ) -> Result<Received, ReceiveError> {
        let sender = processed.sender().clone();
        let authenticated_data = processed.aad().to_vec();
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(opened) => {
                self.application(&sender, opened.into_bytes(), authenticated_data)
            }
            ProcessedMessageContent::OwnPrivateMessage => Ok(Received::Own),
            ProcessedMessageContent::OwnPendingCommit => self.merge_own(storage, message),
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                self.merge(storage, message, &sender, *staged)
            }
            ProcessedMessageContent::UnresolvedAppDataCommit(unresolved) => {
                let updates = unresolved.app_data_update_proposals();
                let changes =
                    judge::resolve(&self.state, updates, self.mls.app_data_dictionary_updater())
                        .map_err(Refused::from)?;
                let staged = self
                    .mls
                    .stage_app_data_commit(storage, *unresolved, changes)
                    .map_err(MlsError::of)?;
                self.merge(storage, message, &sender, staged)
            }
            // Proposals do not come here.
            ProcessedMessageContent::ProposalMessage(_)
            | ProcessedMessageContent::ExternalJoinProposalMessage(_) => {
                Err(Refused::Proposal(proposal::ProposalViolation::Kind).into())
            }
        }
    }

    fn application(
        &self,
        sender: &Sender,
        data: Vec<u8>,
        authenticated_data: Vec<u8>,
    ) -> Result<Received, ReceiveError> {
        let unknown = || MlsError::text("an application message of somebody who is not a member");
        let Sender::Member(index) = sender else {
            return Err(unknown().into());
        };
        let node = self.mls.public_group().leaf(*index).ok_or_else(unknown)?;
        let mut sender =
            standing(&leaf::facts(node)).map_err(|error| Refused::Policy(error.into()))?;
        sender.left_behind_by = self.left_behind_by(*index, node);
        let may_send = self.state.may_send(&sender.user);
        Ok(Received::Application {
            sender: Box::new(sender),
            leaf: index.u32(),
            data,
            authenticated_data,
            may_send,
        })
    }

    /// The identity that speaks for a leaf's user, if it has left the leaf's own behind. Looks at
    /// that user's leaves only.
    fn left_behind_by(&self, index: LeafNodeIndex, node: &LeafNode) -> Option<Box<Identity>> {
        let user = continuity::user_part(node.credential().serialized_content());
        let leaves: Vec<Leaf> = self
            .mls
            .public_group()
            .treesync()
            .full_leaves()
            .filter(|(_, one)| continuity::user_part(one.credential().serialized_content()) == user)
            .map(|(index, one)| Leaf {
                index: index.u32(),
                facts: leaf::facts(one),
            })
            .collect();
        continuity::laggards(&leaves)
            .remove(&index.u32())
            .map(Box::new)
    }

    /// Judges a proposal and lets it await a commit.
    fn keep<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        queued: QueuedProposal,
    ) -> Result<Received, ReceiveError> {
        let pending = self.pending();
        let reference = queued.proposal_reference_ref().as_slice();
        if pending.refs.iter().any(|one| one.reference == reference) {
            return Ok(Received::AlreadySeen);
        }
        let standing = proposal::check(&self.state, self.mls.public_group(), &pending, &queued)
            .map_err(Refused::from)?;
        self.mls
            .store_pending_proposal(storage, queued)
            .map_err(ReceiveError::Storage)?;
        Ok(Received::Proposal(Proposed {
            leaving: standing.leaving,
            proposer: standing.proposer,
        }))
    }

    fn merge<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        message: &MlsMessage,
        sender: &Sender,
        staged: StagedCommit,
    ) -> Result<Received, ReceiveError> {
        let judged = judge::judge(
            storage.crypto(),
            &self.state,
            &self.pending(),
            self.mls.public_group(),
            judge::Commit {
                message,
                sender,
                staged: &staged,
            },
        )?;
        let merged = self.describe(&judged, &staged)?;
        self.mls
            .merge_staged_commit(storage, staged)
            .map_err(not_merged)?;
        self.state = judged.after;
        Ok(Received::Commit(merged))
    }

    /// The own commit, judged when it was made, in this same epoch.
    fn merge_own<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        message: &MlsMessage,
    ) -> Result<Received, ReceiveError> {
        let sender = Sender::Member(self.mls.own_leaf_index());
        let staged = self
            .mls
            .pending_commit()
            .ok_or_else(|| MlsError::text("no commit is pending"))?;
        let judged = judge::judge(
            storage.crypto(),
            &self.state,
            &self.pending(),
            self.mls.public_group(),
            judge::Commit {
                message,
                sender: &sender,
                staged,
            },
        )?;
        let merged = Merged {
            was_own: true,
            ..self.describe(&judged, staged)?
        };
        self.mls
            .merge_pending_commit(storage)
            .map_err(|error| match error {
                MergePendingCommitError::MergeCommitError(error) => not_merged(error),
                other @ MergePendingCommitError::MlsGroupStateError(_) => {
                    MlsError::of(other).into()
                }
            })?;
        self.state = judged.after;
        Ok(Received::Commit(merged))
    }

    fn describe(&self, judged: &Judged, staged: &StagedCommit) -> Result<Merged, Refused> {
        let facts = &judged.facts;
        let identity = |bytes: &[u8]| crate::public::client(bytes);
        let unknown = || MlsError::text("a leaf without a client URI");
        let mut added: Vec<ClientUri> = facts
            .adds
            .iter()
            .filter_map(|leaf| identity(&leaf.identity))
            .collect();
        let committer = match &facts.committer {
            Committer::Member(leaf) => self.client_at(*leaf).ok_or_else(unknown)?,
            Committer::Joiner(leaf) => {
                let joiner = identity(&leaf.identity).ok_or_else(unknown)?;
                added.push(joiner.clone());
                joiner
            }
        };
        Ok(Merged {
            epoch: staged.epoch().as_u64(),
            committer,
            added,
            removed: removed_leaves(facts)
                .filter_map(|leaf| self.client_at(leaf))
                .collect(),
            new_leaves: facts
                .new_leaves()
                .map(standing)
                .collect::<Result<_, _>>()
                .map_err(PolicyViolation::from)?,
            participants_changed: participants_changed(&self.state, &judged.after),
            removed_by_hub: facts
                .removes
                .iter()
                .filter(|one| matches!(one.proposer, Proposer::External(_)))
                .filter_map(|one| self.client_at(one.leaf))
                .collect(),
            removed_self: removed_leaves(facts).any(|leaf| leaf == self.own_leaf()),
            was_own: false,
        })
    }
}

pub(crate) fn removed_leaves(facts: &CommitFacts) -> impl Iterator<Item = u32> {
    facts
        .removes
        .iter()
        .map(|one| one.leaf)
        .chain(facts.self_removes.iter().copied())
}

fn participants_changed(before: &RoomState, after: &RoomState) -> Vec<(UserUri, u32, u32)> {
    let changes = before.participants.changes_to(&after.participants);
    changes
        .into_iter()
        .map(|change| (change.user, change.from, change.to))
        .collect()
}

/// What everybody refuses before OpenMLS looks at it; somebody who proposes to add itself among it.
fn check_outside(framing: &Framing<'_>) -> Result<(), Refused> {
    check_authenticated_data(framing.content_type, framing.authenticated_data)
        .map_err(|_error| Refused::AuthenticatedData)?;
    if framing.sender == Some(SenderKind::NewMemberProposal) {
        return Err(Refused::Proposal(proposal::ProposalViolation::Kind));
    }
    Ok(())
}

/// Who joins by an external commit, which the key in its own leaf has signed.
fn committer(processed: &ProcessedMessage) -> Option<ClientUri> {
    let (Sender::NewMemberCommit, ProcessedMessageContent::StagedCommitMessage(staged)) =
        (processed.sender(), processed.content())
    else {
        return None;
    };
    let leaf = staged.update_path_leaf_node()?;
    crate::public::client(leaf.credential().serialized_content())
}
