//! Why a hub refuses a handshake.

use super::judge::Refused;
use super::proposal::ProposalViolation;
use crate::form::FormViolation;
use crate::key_package::KeyPackageError;
use crate::room::validation::IdentityViolation;
use crate::room::{PolicyViolation, StateError};
use crate::suite::MlsError;

/// Why a hub refuses a handshake. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The proposal awaits a commit already.
    #[error("the proposal is pending already")]
    AlreadyPending,
    /// Authenticated data that rooms do not have.
    #[error("the authenticated data is not an empty list of components")]
    AuthenticatedData,
    /// A commit would bring into the tree what makes it useless to others.
    #[error(transparent)]
    Form(FormViolation),
    /// The `GroupInfo` is not the one the commit leads to, or not signed by the committer.
    #[error("the GroupInfo does not belong to the commit")]
    GroupInfo,
    /// A leaf is not a device its user signed.
    #[error(transparent)]
    Identity(IdentityViolation),
    /// An added KeyPackage cannot be used.
    #[error(transparent)]
    KeyPackage(#[from] KeyPackageError),
    /// MLS itself refuses it: a signature, the tree, a missing proposal.
    #[error("MLS refuses it: {0}")]
    Malformed(#[from] MlsError),
    /// Not a public handshake message of the wanted kind.
    #[error("not a public handshake message")]
    NotAHandshake,
    /// Signed by another client than the one that sent it.
    #[error("the handshake is another client's")]
    NotYours,
    /// The room's policy refuses it.
    #[error(transparent)]
    Policy(PolicyViolation),
    /// A proposal that may not stand by itself.
    #[error(transparent)]
    Proposal(#[from] ProposalViolation),
    /// The tree is given by means the hub does not take.
    #[error("the ratchet tree must be left to the hub or given whole")]
    RatchetTree,
    /// The components after the commit do not make a room.
    #[error(transparent)]
    State(#[from] StateError),
    /// The Welcome is not for exactly those the commit adds.
    #[error("the Welcome is not for exactly those the commit adds")]
    Welcome,
    /// Made in another epoch.
    #[error("the room is in epoch {current}")]
    WrongEpoch {
        /// The room's epoch.
        current: u64,
    },
    /// For another group.
    #[error("the handshake is for another room")]
    WrongRoom,
}

impl From<PolicyViolation> for Refusal {
    fn from(violation: PolicyViolation) -> Self {
        match violation {
            PolicyViolation::Identity(identity) => Self::Identity(identity),
            other => Self::Policy(other),
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::AuthenticatedData => Self::AuthenticatedData,
            Refused::Form(violation) => Self::Form(violation),
            Refused::KeyPackage(error) => Self::KeyPackage(error),
            Refused::Mls(error) => Self::Malformed(error),
            Refused::Policy(violation) => violation.into(),
            Refused::Proposal(violation) => Self::Proposal(violation),
            Refused::State(error) => Self::State(error),
        }
    }
}
