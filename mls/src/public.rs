//! A hub's view of a room: it follows every handshake without a key, and refuses what members would
//! refuse.
//!
//! Knows OpenMLS' `PublicGroup` and the room's policy; must not know the log, SQL, or who is
//! on-line.
//!
//! The surprise: a hub cannot check everything. A commit's path secrets and tags need keys, so a
//! member can send a commit that passes here and fails at every member; it is signed, so they know
//! whose it was. A proposal's tag needs a key too, and is therefore checked by nobody: what the hub
//! has pending, members must have pending.
//!
//! Live groups are kept in memory only; on disk a hub has a snapshot and the handshakes since (see
//! [`HubGroup::snapshot`]).

use grove_wire::api::rooms::EpochTree;
use grove_wire::mls::{ContentType, MlsMessage, RatchetTree, SenderKind, WireFormat};
use grove_wire::uri::{ClientUri, UserUri};
use openmls::group::PublicGroup;
use openmls::prelude::LeafNodeIndex;

use crate::identity::PublicKey;
use crate::outside::check_authenticated_data;
use crate::room::{Pending, PendingKind, PendingProposal, RoomState};
use crate::storage::HubStorage;
use crate::suite::{Crypto, MlsError, convert};

mod commit;
pub(crate) mod context;
mod create;
mod external_pub;
pub(crate) mod facts;
pub mod group_info;
pub(crate) mod judge;
pub mod key_material;
pub(crate) mod proposal;
mod proposals;
mod refusal;
mod replay;
mod snapshot;
pub(crate) mod tree;

pub use commit::{Added, CheckedCommit, CommitParts, NewLeaf};
pub use context::ContextError;
pub use create::CreateRefusal;
pub use judge::Refused;
pub use proposal::ProposalViolation;
pub use proposals::CheckedProposals;
pub use refusal::Refusal;
pub use replay::{ReplayError, SNAPSHOT_AT_LEAST_EVERY};
pub use snapshot::SnapshotError;

/// A room as its hub follows it.
pub struct HubGroup {
    group: PublicGroup,
    state: RoomState,
    /// The hub's key in the `GroupContext`.
    server_key: PublicKey,
    waiting: Vec<Waiting>,
    crypto: Crypto,
}

/// An accepted proposal that awaits a commit.
struct Waiting {
    message: MlsMessage,
    proposal: PendingProposal,
}

impl HubGroup {
    /// The epoch the room is in.
    pub fn epoch(&self) -> u64 {
        self.group.group_context().epoch().as_u64()
    }

    /// The room's components.
    pub fn state(&self) -> &RoomState {
        &self.state
    }

    /// The hub's key as the room knows it.
    pub fn server_key(&self) -> &PublicKey {
        &self.server_key
    }

    /// The ratchet tree of the current epoch.
    ///
    /// # Errors
    /// [`MlsError`] when the tree exceeds what a body may hold.
    pub fn tree(&self) -> Result<RatchetTree, MlsError> {
        convert::to_ratchet_tree(&self.group.export_ratchet_tree())
    }

    /// The tree and the confirmation tag of the current epoch, for those who were added by a
    /// Welcome.
    ///
    /// # Errors
    /// [`MlsError`] when the tree exceeds what a body may hold.
    pub fn epoch_tree(&self) -> Result<EpochTree, MlsError> {
        Ok(EpochTree {
            confirmation_tag: convert::confirmation_tag(self.group.confirmation_tag())?,
            ratchet_tree: self.tree()?,
        })
    }

    /// The clients in the tree, by leaf.
    pub fn clients(&self) -> Vec<ClientUri> {
        self.group
            .members()
            .filter_map(|member| client(member.credential.serialized_content()))
            .collect()
    }

    /// The proposals that await a commit, in the order of the log.
    pub fn pending(&self) -> impl Iterator<Item = &MlsMessage> {
        self.waiting.iter().map(|one| &one.message)
    }

    /// About how many bytes of memory the group takes: 1.1 kB per leaf and 4 kB besides (measured:
    /// 0.99 kB).
    pub fn size_bytes(&self) -> usize {
        4096 + 1100 * self.group.members().count()
    }

    /// Whether the hub takes application messages of this user: the role allows it, and a client
    /// remains whose removal is not pending. Stricter than the committed state, and at once.
    pub fn may_send(&self, user: &UserUri) -> bool {
        let stays = |member: &openmls::group::Member| {
            let client = client(member.credential.serialized_content());
            client.is_some_and(|client| client.user() == *user)
                && !self.is_leaving(member.index.u32())
        };
        self.state.may_send(user) && self.group.members().any(|member| stays(&member))
    }

    fn is_leaving(&self, wanted: u32) -> bool {
        self.waiting.iter().any(|one| match one.proposal.kind {
            PendingKind::Remove(leaf) | PendingKind::SelfRemove(leaf) => leaf == wanted,
        })
    }

    fn pending_proposals(&self) -> Pending {
        Pending {
            refs: self
                .waiting
                .iter()
                .map(|one| one.proposal.clone())
                .collect(),
        }
    }

    fn client_at(&self, leaf: u32) -> Option<ClientUri> {
        let leaf = self.group.leaf(LeafNodeIndex::new(leaf))?;
        client(leaf.credential().serialized_content())
    }

    /// The storage OpenMLS wants to see, which keeps nothing.
    fn storage() -> HubStorage {
        HubStorage::default()
    }

    /// Checks the outside of a handshake: this room, this epoch, public, and no authenticated data
    /// beyond the framing.
    fn check_framing(
        &self,
        message: &MlsMessage,
        wanted: ContentType,
    ) -> Result<SenderKind, Refusal> {
        let framing = message.framing().ok_or(Refusal::NotAHandshake)?;
        if framing.wire_format != WireFormat::PublicMessage || framing.content_type != wanted {
            return Err(Refusal::NotAHandshake);
        }
        if framing.group_id != self.state.room_uri.hash() {
            return Err(Refusal::WrongRoom);
        }
        if framing.epoch != self.epoch() {
            return Err(Refusal::WrongEpoch {
                current: self.epoch(),
            });
        }
        check_authenticated_data(wanted, framing.authenticated_data)
            .map_err(|_error| Refusal::AuthenticatedData)?;
        framing.sender.ok_or(Refusal::NotAHandshake)
    }
}

impl std::fmt::Debug for HubGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubGroup")
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}

/// A client's URI from a basic credential. Every leaf in the tree has one: it was judged when it
/// came in.
pub(crate) fn client(identity: &[u8]) -> Option<ClientUri> {
    ClientUri::parse(std::str::from_utf8(identity).ok()?).ok()
}
