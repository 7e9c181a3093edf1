//! Leaving: the proposals of a client that goes with all of its user's clients.
//!
//! The surprise: what is proposed here does not count as pending yet, not even for this client. It
//! does when it is read in the log, like everybody's; or a proposal that the hub never took would
//! make this client refuse the others' commits.

use grove_wire::mimi::update::HandshakeBundle;
use openmls::group::QueuedProposal;
use openmls::prelude::LeafNodeIndex;

use super::{CommitError, DeviceIdentity, Group};
use crate::public::{client, facts};
use crate::room::{Pending, continuity};
use crate::storage::{MemberStorage, Records};
use crate::suite::{DeviceSigner, MlsError, convert};

impl Group {
    /// Proposes the removal of this client, by `SelfRemove`, and of its user's other clients, by
    /// Remove; a client that those have left behind goes alone. Whoever commits next
    /// includes them, and strikes the user from the list if no client remains.
    ///
    /// Once read in the log they await a commit. They are void with the next epoch, whatever its
    /// commit held: then propose again.
    ///
    /// # Errors
    /// [`CommitError::CommitPending`], [`CommitError::Leaving`], [`CommitError::NotAMember`],
    /// [`CommitError::Mls`].
    pub fn leave<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        device: &DeviceIdentity,
    ) -> Result<HandshakeBundle, CommitError> {
        self.check_may_commit()?;
        let known = self.pending();
        let leaving = self.leaving_leaves();
        let own = self.own_leaf();
        let signer = DeviceSigner(&device.key);
        let user = device.client.user();
        let leaves = facts::leaves(self.mls.public_group());
        // A laggard may speak for itself only.
        let goes_alone = continuity::laggards(&leaves).contains_key(&own);
        let others: Vec<u32> = leaves
            .iter()
            .filter(|_| !goes_alone)
            .filter(|leaf| client(&leaf.facts.identity).is_some_and(|client| client.user() == user))
            .map(|leaf| leaf.index)
            .filter(|leaf| *leaf != own && !leaving.contains(leaf))
            .collect();
        let proposal = self
            .mls
            .leave_group_via_self_remove(storage, &signer)
            .map_err(MlsError::of)?;
        let mut more_proposals = Vec::with_capacity(others.len());
        for leaf in others {
            let (message, _reference) = self
                .mls
                .propose_remove_member(storage, &signer, LeafNodeIndex::new(leaf))
                .map_err(MlsError::of)?;
            more_proposals.push(convert::to_message(&message)?);
        }
        self.take_back(storage, &known)?;
        Ok(HandshakeBundle::Proposal {
            proposal: convert::to_message(&proposal)?,
            more_proposals,
        })
    }

    /// Takes everything out of OpenMLS' queue that was not pending before.
    fn take_back<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        known: &Pending,
    ) -> Result<(), MlsError> {
        let is_known = |one: &[u8]| known.refs.iter().any(|known| known.reference == one);
        let references = self
            .mls
            .pending_proposals()
            .map(QueuedProposal::proposal_reference_ref);
        let own: Vec<_> = references
            .filter(|one| !is_known(one.as_slice()))
            .cloned()
            .collect();
        for reference in own {
            self.mls
                .remove_pending_proposal(storage, &reference)
                .map_err(MlsError::of)?;
        }
        Ok(())
    }
}
