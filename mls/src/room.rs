//! What a room is and what may happen to it: pure functions, the same for hub and members. Free of
//! OpenMLS.
//!
//! [`RoomState`] is the meaning of the `GroupContext`'s components, [`policy::check`] the one judge
//! of a commit, and [`validation`] the one judge of a leaf. This module must not know how a commit
//! is encoded, who stores what, or the time.
//!
//! The surprise: nothing here trusts the server. Everything it needs stands in the `GroupContext`,
//! the tree and the commit.

mod components;
pub(crate) mod continuity;
mod facts;
mod participants;
pub mod policy;
mod roles;
pub mod validation;
mod violation;

pub use components::{RoomState, StateError};
pub use facts::{
    CommitFacts, Committer, ComponentChange, Leaf, LeafFacts, Pending, PendingKind,
    PendingProposal, Proposer, Removal,
};
pub use participants::{Participant, Participants, ParticipantsError, RoleChange};
pub use roles::{Role, Roles, RolesError};
pub use violation::PolicyViolation;

#[cfg(test)]
pub(crate) mod testing;
