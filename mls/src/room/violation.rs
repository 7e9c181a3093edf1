//! Every reason for which a commit is refused, each by its name.
//!
//! Must not know who shows it or how a hub answers.
//!
//! The surprise: these are the members' reasons as much as the hub's. Both get the same one for the
//! same commit.

use grove_wire::uri::{ClientUri, UserUri};

use super::participants::ParticipantsError;
use super::policy::MAX_WITHOUT_CLIENTS;
use super::roles::RolesError;
use super::validation::IdentityViolation;

/// Why a commit is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyViolation {
    /// An external commit with an Add.
    #[error("an external commit cannot add others")]
    AddByJoiner,
    /// An added client's user is not a participant after the commit.
    #[error("a client of {0} is added, who is not a participant")]
    AddOfNonParticipant(UserUri),
    /// The role may not add clients of others.
    #[error("the committer's role may not add {0}")]
    AddNotAllowed(UserUri),
    /// A participant is banned, but clients of theirs remain.
    #[error("{0} is banned, but a client remains")]
    BannedHasClients(UserUri),
    /// The commit carries a new leaf for the committer that is another client.
    #[error("the committer's new leaf is not the same client with the same key")]
    ChangedClient,
    /// A pending proposal removes the committer.
    #[error("the committer is being removed and may not commit")]
    CommitterLeaving,
    /// The committer removes itself.
    #[error("a commit cannot remove its committer")]
    CommitterRemoved,
    /// The committer's user is not a participant, or is banned.
    #[error("the committer is not a participant of this room")]
    CommitterNotParticipant,
    /// A component that may not be changed in this way.
    #[error("component {0:#06x} cannot be changed")]
    ComponentFixed(u16),
    /// A component's removal.
    #[error("component {0:#06x} cannot be removed")]
    ComponentRemoved(u16),
    /// An update that is not what its component wants.
    #[error("the update of component {0:#06x} is malformed")]
    ComponentMalformed(u16),
    /// The same component updated twice in one commit.
    #[error("component {0:#06x} is updated twice")]
    ComponentTwice(u16),
    /// A `GroupContextExtensions` proposal.
    #[error("the group's extensions cannot be changed")]
    ContextExtensions,
    /// One client stands in the tree twice.
    #[error("client {0} would be in the room twice")]
    DuplicateClient(ClientUri),
    /// A participant who has no client in the room joins by an external commit. Nothing in the room
    /// would show that it is they: somebody has to add them.
    #[error("{0} has no client in the room and must be added")]
    EntersByAdd(UserUri),
    /// Clients of a user are of identities of which none follows the other.
    #[error("the clients of {0} are of different identities")]
    IdentitiesDiffer(UserUri),
    /// A new leaf is of an identity that another has followed in this room.
    #[error("a client of {0} is of an identity that was followed by another")]
    IdentityOutdated(UserUri),
    /// A new leaf is of another identity than its user has in this room, and does not follow it.
    #[error("a client of {0} is of another identity than theirs in this room")]
    IdentityUnproven(UserUri),
    /// A client that its user's other clients have left behind commits or proposes more than its
    /// own renewal or removal.
    #[error("the client is of an identity that was followed; it may only renew its leaf, or leave")]
    Laggard,
    /// The clients that speak for a user go, but clients that they have left behind stay.
    #[error("the newest clients of {0} go, but older ones remain")]
    LaggardsRemain(UserUri),
    /// A new leaf is not a device its user signed.
    #[error(transparent)]
    Identity(#[from] IdentityViolation),
    /// The external sender is not the hub.
    #[error("external sender {0} is not the hub")]
    ForeignExternalSender(u32),
    /// An external commit removes another user's client by value.
    #[error("an external commit can remove only the joining user's own clients")]
    JoinerRemovesOthers,
    /// An external commit of somebody who is not a participant of a room that is not open.
    #[error("only devices of participants can join")]
    JoinNotAllowed,
    /// An external commit that changes more than its own entry.
    #[error("an external commit can change only the joining user's own entry")]
    JoinerChangesOthers,
    /// A user's last client goes, but the user stays listed.
    #[error("the last client of {0} goes, but {0} stays in the list")]
    LastClientGone(UserUri),
    /// The participant list cannot be changed in this way.
    #[error(transparent)]
    Participants(#[from] ParticipantsError),
    /// A pending proposal is not in the commit.
    #[error("the commit leaves out a pending proposal")]
    PendingLeftOut,
    /// A proposal type that rooms do not have.
    #[error("proposals of type {0:#06x} are not allowed")]
    ProposalNotAllowed(u16),
    /// The role may not remove that user or their client.
    #[error("the role may not remove {0}")]
    RemovalNotAllowed(UserUri),
    /// A user was removed from the list, but clients of theirs remain.
    #[error("{0} is removed, but a client remains")]
    RemovedHasClients(UserUri),
    /// The role may not make this change of another's role.
    #[error("the committer's role may not change the role of {0} in this way")]
    RoleChangeNotAllowed(UserUri),
    /// The role may not change what roles may do.
    #[error("the committer's role may not change the roles")]
    RoleDefinitionsNotAllowed,
    /// Roles and participants changed in one commit.
    #[error("roles and participants cannot change in one commit")]
    RolesWithParticipants,
    /// The role definitions cannot be these.
    #[error(transparent)]
    Roles(#[from] RolesError),
    /// A user would have more clients in the room than devices are allowed.
    #[error("{0} would have too many clients")]
    TooManyClients(UserUri),
    /// Members enter more users without a client than may wait for one.
    #[error("more than {MAX_WITHOUT_CLIENTS} users would wait in the list without a client")]
    TooManyWithoutClients,
    /// A leaf is named that is not in the tree.
    #[error("there is no leaf {0}")]
    UnknownLeaf(u32),
}
