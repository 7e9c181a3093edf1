//! Checking proposals that a client hands in, and keeping them until a commit takes them up.

use grove_wire::mls::{ContentType, MlsMessage, SenderKind};
use grove_wire::uri::ClientUri;
use openmls::group::QueuedProposal;

use super::proposal::{self, Standing};
use super::{HubGroup, Refusal, Waiting};
use crate::room::{Pending, PendingKind};
use crate::suite::MlsError;

/// Proposals of one client that may be written into the log.
#[derive(Debug)]
pub struct CheckedProposals {
    /// Clients that go by `SelfRemove`: the sender, if it is one of them.
    pub leavers: Vec<ClientUri>,
    /// Clients of the same user that are to be removed.
    pub removals: Vec<ClientUri>,
    epoch: u64,
    queued: Vec<(MlsMessage, Standing, QueuedProposal)>,
}

impl HubGroup {
    /// Checks proposals that `actor` hands in together.
    ///
    /// # Errors
    /// [`Refusal`]. The group is as before, in any case.
    pub fn check_proposals(
        &self,
        messages: &[MlsMessage],
        actor: &ClientUri,
    ) -> Result<CheckedProposals, Refusal> {
        let mut checked = CheckedProposals {
            leavers: Vec::new(),
            removals: Vec::new(),
            epoch: self.epoch(),
            queued: Vec::new(),
        };
        let mut pending = self.pending_proposals();
        for message in messages {
            match self.check_framing(message, ContentType::Proposal)? {
                SenderKind::Member(leaf) if self.client_at(leaf).as_ref() == Some(actor) => {}
                _ => return Err(Refusal::NotYours),
            }
            let (standing, queued) = self.stand(message, &pending)?;
            match standing.proposal.kind {
                PendingKind::Remove(_) => checked.removals.push(standing.leaving.clone()),
                PendingKind::SelfRemove(_) => checked.leavers.push(standing.leaving.clone()),
            }
            pending.refs.push(standing.proposal.clone());
            checked.queued.push((message.clone(), standing, queued));
        }
        Ok(checked)
    }

    /// Keeps proposals that are in the log. They must be ones this group checked in its present
    /// epoch.
    ///
    /// # Errors
    /// [`MlsError`] when they belong to another epoch.
    pub fn add_proposals(&mut self, proposals: CheckedProposals) -> Result<(), MlsError> {
        if proposals.epoch != self.epoch() {
            return Err(MlsError::text(
                "the proposals were checked in another epoch",
            ));
        }
        for (message, standing, queued) in proposals.queued {
            self.keep(message, standing, queued)?;
        }
        Ok(())
    }

    /// Lets OpenMLS verify a proposal and judges whether it may await a commit beside those in
    /// `pending`.
    pub(super) fn stand(
        &self,
        message: &MlsMessage,
        pending: &Pending,
    ) -> Result<(Standing, QueuedProposal), Refusal> {
        let queued = proposal::verify(&self.group, &self.crypto, message)?;
        let reference = queued.proposal_reference_ref().as_slice();
        if pending.refs.iter().any(|one| one.reference == reference) {
            return Err(Refusal::AlreadyPending);
        }
        let standing = proposal::check(&self.state, &self.group, pending, &queued)?;
        Ok((standing, queued))
    }

    pub(super) fn keep(
        &mut self,
        message: MlsMessage,
        standing: Standing,
        queued: QueuedProposal,
    ) -> Result<(), MlsError> {
        self.group
            .add_proposal(&Self::storage(), queued)
            .map_err(MlsError::of)?;
        self.waiting.push(Waiting {
            message,
            proposal: standing.proposal,
        });
        Ok(())
    }
}
