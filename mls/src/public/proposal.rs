//! Which proposals may stand by themselves and await a commit: leaving, and the hub's removals.
//! Nothing else.
//!
//! A proposal in MLS blocks sending for everybody until it is committed, so each kind that may
//! stand is a means to silence a room. Must not know commits.
//!
//! The surprise: members do not look at a proposal's membership tag, though they could. A hub has
//! not the key to it, and a proposal that the hub has pending and they have not would make every
//! commit of theirs one that leaves it out. The signature says who proposes, and it is verified.

use grove_wire::mimi::room::capability;
use grove_wire::mls::MlsMessage;
use grove_wire::uri::ClientUri;
use openmls::group::{PublicGroup, QueuedProposal};
use openmls::prelude::{LeafNodeIndex, ProcessedMessageContent, Sender};

use super::judge::Refused;
use super::{client, facts};
use crate::room::{Pending, PendingKind, PendingProposal, RoomState, continuity};
use crate::suite::{Crypto, MlsError, convert};

/// Why a proposal may not await a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposalViolation {
    /// The removal of that client awaits a commit already. A commit could not include both, or
    /// would include the same twice.
    #[error("that client is leaving already")]
    AlreadyLeaving,
    /// Another kind than Remove and `SelfRemove`, or from somebody who is neither a member nor the
    /// hub.
    #[error("only removals may await a commit")]
    Kind,
    /// The member's role does not allow it.
    #[error("the role may not propose this")]
    NotAllowed,
    /// A member proposes to remove somebody else's client; who may remove others commits.
    #[error("only a user's own clients may be proposed for removal")]
    NotOwnClient,
    /// A client proposes to remove itself by Remove, which an external commit could not include.
    #[error("a client leaves by SelfRemove")]
    SelfByRemove,
    /// The proposer's other clients have left it behind; it may propose nothing but to leave.
    #[error("a client of an identity that was followed may only leave")]
    Laggard,
    /// The leaf is blank.
    #[error("there is no leaf {0}")]
    UnknownLeaf(u32),
}

/// A proposal that may await a commit.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) proposal: PendingProposal,
    /// The client that goes.
    pub(crate) leaving: ClientUri,
    /// The client that proposes; none is the hub.
    pub(crate) proposer: Option<ClientUri>,
}

/// Lets OpenMLS verify framing and signature of a proposal, with what hub and members both have.
pub(crate) fn verify(
    group: &PublicGroup,
    crypto: &Crypto,
    message: &MlsMessage,
) -> Result<QueuedProposal, Refused> {
    let processed = group
        .process_message(crypto, convert::protocol_message(message)?)
        .map_err(MlsError::of)?;
    match processed.into_content() {
        ProcessedMessageContent::ProposalMessage(queued) => Ok(*queued),
        _ => Err(ProposalViolation::Kind.into()),
    }
}

/// Judges a proposal whose signature OpenMLS has verified; `pending` are those that came before it.
///
/// A `SelfRemove` may follow a Remove of its leaf, for it is the one that an external commit can
/// include. The other way round OpenMLS stumbles when it makes the commit. It may not follow
/// another: a client can sign it in as many ways as it likes.
pub(crate) fn check(
    state: &RoomState,
    group: &PublicGroup,
    pending: &Pending,
    queued: &QueuedProposal,
) -> Result<Standing, ProposalViolation> {
    let proposal = facts::waiting(queued).ok_or(ProposalViolation::Kind)?;
    let (PendingKind::Remove(leaf) | PendingKind::SelfRemove(leaf)) = proposal.kind;
    let leaving = client_at(group, leaf)?;
    let excludes = |one: &PendingProposal| match (one.kind, proposal.kind) {
        (PendingKind::Remove(_), PendingKind::SelfRemove(_)) => false,
        (PendingKind::Remove(other) | PendingKind::SelfRemove(other), _) => other == leaf,
    };
    if pending.refs.iter().any(excludes) {
        return Err(ProposalViolation::AlreadyLeaving);
    }
    let sender = match queued.sender() {
        Sender::Member(index) => index.u32(),
        // The context has one external sender, the hub.
        Sender::External(_) => {
            return Ok(Standing {
                proposal,
                leaving,
                proposer: None,
            });
        }
        Sender::NewMemberCommit | Sender::NewMemberProposal => return Err(ProposalViolation::Kind),
    };
    let proposer = client_at(group, sender)?;
    let laggards = continuity::laggards(&facts::leaves(group));
    let needed = match proposal.kind {
        PendingKind::SelfRemove(_) => capability::CAN_REMOVE_SELF,
        PendingKind::Remove(_) if leaf == sender => return Err(ProposalViolation::SelfByRemove),
        PendingKind::Remove(_) if laggards.contains_key(&sender) => {
            return Err(ProposalViolation::Laggard);
        }
        PendingKind::Remove(_) if leaving.user() != proposer.user() => {
            return Err(ProposalViolation::NotOwnClient);
        }
        PendingKind::Remove(_) => capability::CAN_REMOVE_OWN_CLIENT,
    };
    let role = state.participants.role_of(&proposer.user());
    // As in a commit: a user's newest identity clears away what it has left behind.
    let clears = leaf != sender && laggards.contains_key(&leaf);
    if !clears && !state.roles.may(role, needed) {
        return Err(ProposalViolation::NotAllowed);
    }
    Ok(Standing {
        proposal,
        leaving,
        proposer: Some(proposer),
    })
}

fn client_at(group: &PublicGroup, leaf: u32) -> Result<ClientUri, ProposalViolation> {
    let node = group
        .leaf(LeafNodeIndex::new(leaf))
        .ok_or(ProposalViolation::UnknownLeaf(leaf))?;
    client(node.credential().serialized_content()).ok_or(ProposalViolation::UnknownLeaf(leaf))
}
