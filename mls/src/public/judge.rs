//! The judgement of a staged commit, word for word the same at hub and members.
//!
//! Brings together what OpenMLS staged, the facts, [`policy::check`] and
//! [`form::check_commit`]; must not know who asks.
//!
//! The surprise: component updates are applied before the commit is judged, because OpenMLS cannot
//! stage a commit without the new values. They are thrown away with the staged commit when it is
//! refused.

use grove_wire::mls::MlsMessage;
use openmls::component::ComponentData;
use openmls::group::{AppDataDictionaryUpdater, AppDataUpdates, PublicGroup, StagedCommit};
use openmls::messages::proposals::{AppDataUpdateOperation, AppDataUpdateProposal};
use openmls::prelude::Sender;

use super::proposal::ProposalViolation;
use super::{context, facts};
use crate::form::{self, FormViolation};
use crate::key_package::{self, KeyPackageError};
use crate::room::{CommitFacts, Pending, PolicyViolation, RoomState, StateError, policy};
use crate::suite::{Crypto, MlsError};

/// Why a handshake is refused by every honest party alike.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Authenticated data that rooms do not have.
    #[error("the authenticated data is not what rooms have")]
    AuthenticatedData,
    /// What it brings into the tree would take from others what the tree is for.
    #[error(transparent)]
    Form(#[from] FormViolation),
    /// An added KeyPackage cannot be used in rooms.
    #[error(transparent)]
    KeyPackage(#[from] KeyPackageError),
    /// MLS itself refuses it: a signature, the tree, a missing proposal, an expired KeyPackage.
    #[error("MLS refuses it: {0}")]
    Mls(#[from] MlsError),
    /// The room's policy refuses it, or a leaf in it is not a device its user signed.
    #[error(transparent)]
    Policy(#[from] PolicyViolation),
    /// A proposal that may not stand by itself.
    #[error(transparent)]
    Proposal(#[from] ProposalViolation),
    /// The components after the commit do not make a room.
    #[error(transparent)]
    State(#[from] StateError),
}

/// A commit that may happen.
pub(crate) struct Judged {
    pub(crate) facts: CommitFacts,
    /// The room after it.
    pub(crate) after: RoomState,
}

/// What is judged.
#[derive(Clone, Copy)]
pub(crate) struct Commit<'a> {
    /// As it stands in the log.
    pub(crate) message: &'a MlsMessage,
    pub(crate) sender: &'a Sender,
    pub(crate) staged: &'a StagedCommit,
}

/// Judges a commit before it is merged. `group` is the group before the commit.
pub(crate) fn judge(
    crypto: &Crypto,
    state: &RoomState,
    pending: &Pending,
    group: &PublicGroup,
    commit: Commit<'_>,
) -> Result<Judged, Refused> {
    let Commit {
        message,
        sender,
        staged,
    } = commit;
    let facts = facts::of_commit(group, sender, staged)?;
    policy::check(state, pending, &facts)?;
    for add in staged.add_proposals() {
        key_package::check_form(crypto, add.add_proposal().key_package())?;
    }
    form::check_commit(crypto, group, message, staged)?;
    // What counts from now on is the signed GroupContext, so the state is read from there.
    let after = context::state(staged.group_context().extensions())?;
    Ok(Judged { facts, after })
}

/// The components' new values, by the room's one logic.
pub(crate) fn resolve<'a>(
    state: &RoomState,
    updates: impl Iterator<Item = &'a AppDataUpdateProposal>,
    mut dictionary: AppDataDictionaryUpdater<'_>,
) -> Result<Option<AppDataUpdates>, PolicyViolation> {
    let mut last = None;
    for update in updates {
        let id = update.component_id();
        // They come sorted by component.
        if last.replace(id) == Some(id) {
            return Err(PolicyViolation::ComponentTwice(id));
        }
        match update.operation() {
            AppDataUpdateOperation::Update(bytes) => {
                let value = state.apply(id, bytes.as_slice())?;
                dictionary.set(ComponentData::from_parts(id, value.into()));
            }
            AppDataUpdateOperation::Remove => return Err(PolicyViolation::ComponentRemoved(id)),
        }
    }
    Ok(dictionary.changes())
}
