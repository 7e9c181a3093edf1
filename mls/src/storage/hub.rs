//! A hub's state while it is live: in the `PublicGroup`, nowhere else.
//!
//! OpenMLS writes the whole tree on every commit and never reads it back from a live group (10 MB
//! per commit at 10,000 members, measured), so writes are dropped. On disk a hub has a snapshot and
//! the handshakes since; the snapshot's bytes are what this type answers when a group is loaded.

use openmls_traits::public_storage::PublicStorageProvider;
use openmls_traits::storage::{CURRENT_VERSION, traits};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{StorageError, decode, encode};

/// The four things of which a `PublicGroup` consists, each as encoded bytes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct HubStorage {
    tree: Vec<u8>,
    context: Vec<u8>,
    interim_transcript_hash: Vec<u8>,
    confirmation_tag: Vec<u8>,
}

impl HubStorage {
    pub(crate) fn capture(
        tree: &impl Serialize,
        context: &impl Serialize,
        interim_transcript_hash: &impl Serialize,
        confirmation_tag: &impl Serialize,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            tree: encode(tree)?,
            context: encode(context)?,
            interim_transcript_hash: encode(interim_transcript_hash)?,
            confirmation_tag: encode(confirmation_tag)?,
        })
    }
}

fn found<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<T>, StorageError> {
    if bytes.is_empty() {
        Ok(None)
    } else {
        decode(bytes).map(Some)
    }
}

impl PublicStorageProvider<CURRENT_VERSION> for HubStorage {
    type PublicError = StorageError;

    fn write_tree<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        TreeSync: traits::TreeSync<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
        _tree: &TreeSync,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn write_interim_transcript_hash<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        InterimTranscriptHash: traits::InterimTranscriptHash<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
        _hash: &InterimTranscriptHash,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn write_context<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        GroupContext: traits::GroupContext<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
        _context: &GroupContext,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn write_confirmation_tag<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ConfirmationTag: traits::ConfirmationTag<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
        _tag: &ConfirmationTag,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn queue_proposal<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
        QueuedProposal: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
        _reference: &ProposalRef,
        _proposal: &QueuedProposal,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn queued_proposals<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
        QueuedProposal: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
    ) -> Result<Vec<(ProposalRef, QueuedProposal)>, StorageError> {
        Ok(Vec::new())
    }

    fn tree<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        TreeSync: traits::TreeSync<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
    ) -> Result<Option<TreeSync>, StorageError> {
        found(&self.tree)
    }

    fn group_context<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        GroupContext: traits::GroupContext<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
    ) -> Result<Option<GroupContext>, StorageError> {
        found(&self.context)
    }

    fn interim_transcript_hash<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        InterimTranscriptHash: traits::InterimTranscriptHash<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
    ) -> Result<Option<InterimTranscriptHash>, StorageError> {
        found(&self.interim_transcript_hash)
    }

    fn confirmation_tag<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ConfirmationTag: traits::ConfirmationTag<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
    ) -> Result<Option<ConfirmationTag>, StorageError> {
        found(&self.confirmation_tag)
    }

    fn delete_tree<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _group: &GroupId,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn delete_confirmation_tag<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _group: &GroupId,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn delete_context<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _group: &GroupId,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn delete_interim_transcript_hash<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _group: &GroupId,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn remove_proposal<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
        _reference: &ProposalRef,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn clear_proposal_queue<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        _group: &GroupId,
    ) -> Result<(), StorageError> {
        Ok(())
    }
}
