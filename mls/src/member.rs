//! A client's view of a room: an MLS group, and the meaning of its `GroupContext`.
//!
//! One verb per file. Each takes the storage whose changes the caller then writes; nothing is sent
//! from here. This module must not know the log's order, cursors or who is on-line.
//!
//! The surprise: making a commit changes nothing. It stands as pending until [`Group::receive`]
//! reads it back from the room's log; if another commit is read first, it is gone and is made anew.
//! Only an external commit is merged when it is made, because there is nothing before it to go back
//! to: if the hub refuses it, [`Group::forget`] it.

use grove_wire::codec::Opaque;
use grove_wire::limits::MAX_CONFIRMATION_TAG_BYTES;
use grove_wire::mls::RatchetTree;
use grove_wire::uri::{ClientUri, RoomUri};
use openmls::group::{MlsGroup, MlsGroupJoinConfig, PURE_PLAINTEXT_WIRE_FORMAT_POLICY};
use openmls::prelude::{LeafNode, SenderRatchetConfiguration};

use crate::identity::{DeviceCredential, DeviceKey, PublicKey, SignedCreationRecord};
use crate::public::context::{self, ContextError};
use crate::public::facts;
use crate::room::validation::{IdentityViolation, ValidLeaf, standing};
use crate::room::{Pending, PendingKind, RoomState, continuity};
use crate::storage::{MemberStorage, Records, group_id};
use crate::suite::{MlsError, convert};

mod bundle;
pub mod commit;
pub mod create;
pub mod external;
pub mod join;
pub mod key_material;
mod leave;
mod list;
pub mod receive;
mod seal;

pub use crate::public::Refused;
pub use commit::CommitError;
pub use create::NewRoom;
pub use receive::{Merged, Proposed, ReceiveError, Received};
pub use seal::SealError;

/// Application messages are padded to a multiple of so many bytes, so that their length tells
/// little of what is said.
///
/// Measured on texts of 1 to 500 characters with witness and receipt beside them: at 128 they fall
/// into five sizes, of 626 to 1,138 bytes on the wire, for 64 bytes more on average.
const PADDING_BYTES: usize = 128;

/// Messages of one sender that may arrive out of order, and that may be missing, within an epoch.
/// The log is ordered, so disorder is not expected and a gap means that the sender was told to seal
/// again.
const OUT_OF_ORDER: u32 = 5;
const FORWARD_GAP: u32 = 2000;

/// A device, as it stands in each of its leaves.
#[derive(Debug, Clone)]
pub struct DeviceIdentity {
    /// Its client URI.
    pub client: ClientUri,
    /// Its key, which is each leaf's signature key.
    pub key: DeviceKey,
    /// Its user's statement about it, current at the time.
    pub credential: DeviceCredential,
}

/// A room as one of its members holds it.
pub struct Group {
    mls: MlsGroup,
    state: RoomState,
    /// The hub's key in the `GroupContext`.
    server_key: PublicKey,
}

/// A client in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its place in the tree.
    pub index: u32,
    /// What its leaf says.
    pub leaf: ValidLeaf,
}

/// Why a stored room cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// What is stored is not a room of ours.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The storage failed.
    #[error("the room's MLS state cannot be loaded: {0}")]
    Mls(#[from] MlsError),
}

/// Why a room could not be dropped or tidied: the storage failed.
#[derive(Debug, thiserror::Error)]
#[error("the room's stored MLS state cannot be changed: {0}")]
pub struct ForgetError(#[from] MlsError);

impl Group {
    /// Loads a room from the records; none when it is not there.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load<R: Records>(
        storage: &MemberStorage<'_, R>,
        room: &RoomUri,
    ) -> Result<Option<Self>, LoadError> {
        let loaded = MlsGroup::load(storage, &group_id(room)).map_err(MlsError::of)?;
        Ok(loaded.map(Self::read).transpose()?)
    }

    fn read(mls: MlsGroup) -> Result<Self, ContextError> {
        let context = context::read(mls.public_group().group_context())?;
        Ok(Self {
            mls,
            state: context.state,
            server_key: context.server_key,
        })
    }

    /// Deletes all of the room's stored state; for a room that was left, or an external commit the
    /// hub refused.
    ///
    /// # Errors
    /// [`ForgetError`] when the storage fails.
    pub fn forget<R: Records>(mut self, storage: &MemberStorage<'_, R>) -> Result<(), ForgetError> {
        Ok(self.mls.delete(storage).map_err(MlsError::of)?)
    }

    /// Drops the pending commit, which the hub has refused. A commit that lost a race needs no
    /// call: reading the winner drops it.
    ///
    /// # Errors
    /// [`ForgetError`] when the storage fails.
    pub fn discard_pending<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
    ) -> Result<(), ForgetError> {
        Ok(self
            .mls
            .clear_pending_commit(storage)
            .map_err(MlsError::of)?)
    }

    /// The room.
    pub fn room(&self) -> &RoomUri {
        &self.state.room_uri
    }

    /// The epoch the room is in, as far as this member has read.
    pub fn epoch(&self) -> u64 {
        self.mls.epoch().as_u64()
    }

    /// The room's creation record.
    pub fn record(&self) -> &SignedCreationRecord {
        &self.state.record
    }

    /// The room's components.
    pub fn state(&self) -> &RoomState {
        &self.state
    }

    /// The hub's key as the room knows it: the key of its receipts and franks.
    pub fn server_key(&self) -> &PublicKey {
        &self.server_key
    }

    /// Whether this client is a member still. A removed one can read nothing more.
    pub fn is_active(&self) -> bool {
        self.mls.is_active()
    }

    /// This client's leaf.
    pub fn own_leaf(&self) -> u32 {
        self.mls.own_leaf_index().u32()
    }

    /// All clients in the room, by leaf.
    ///
    /// # Errors
    /// [`IdentityViolation`] never happens: every leaf was judged before it was merged.
    pub fn members(&self) -> Result<Vec<Member>, IdentityViolation> {
        let leaves = facts::leaves(self.mls.public_group());
        let mut laggards = continuity::laggards(&leaves);
        let mut member = |leaf: crate::room::Leaf| {
            Ok(Member {
                index: leaf.index,
                leaf: ValidLeaf {
                    left_behind_by: laggards.remove(&leaf.index).map(Box::new),
                    ..standing(&leaf.facts)?
                },
            })
        };
        leaves.into_iter().map(&mut member).collect()
    }

    /// The epoch authenticator (RFC 9420, section 8.7): the same at all members who are in the same
    /// epoch of the same group.
    pub fn epoch_authenticator(&self) -> Vec<u8> {
        self.mls.epoch_authenticator().as_slice().to_vec()
    }

    /// Whether this is the epoch that a hub has the confirmation tag of (RFC 9420, section 8.1):
    /// all who are in it share the tag, and nobody can make another epoch with it.
    ///
    /// # Errors
    /// [`MlsError`] never happens for a tag that was decoded.
    pub fn is_confirmed_by(
        &self,
        tag: &Opaque<MAX_CONFIRMATION_TAG_BYTES>,
    ) -> Result<bool, MlsError> {
        let ours = convert::confirmation_tag(self.mls.public_group().confirmation_tag())?;
        Ok(ours == *tag)
    }

    /// The ratchet tree of the current epoch.
    ///
    /// # Errors
    /// [`MlsError`] when the tree exceeds what a body may hold.
    pub fn tree(&self) -> Result<RatchetTree, MlsError> {
        convert::to_ratchet_tree(&self.mls.export_ratchet_tree())
    }

    /// The proposals that await a commit. While there are any, MLS forbids sending messages.
    pub fn pending(&self) -> Pending {
        Pending {
            refs: self
                .mls
                .pending_proposals()
                .filter_map(facts::waiting)
                .collect(),
        }
    }

    /// Whether a commit of this client waits for the hub's verdict.
    pub fn has_pending_commit(&self) -> bool {
        self.mls.pending_commit().is_some()
    }

    /// Whether the removal of this client awaits a commit.
    pub fn is_leaving(&self) -> bool {
        self.leaving_leaves().contains(&self.own_leaf())
    }

    /// Whether the removal of each leaf of a client's user awaits a commit. Looks at names only: it
    /// may be asked in large rooms.
    pub fn are_all_leaving(&self, client: &ClientUri) -> bool {
        let user = continuity::user_part(client.as_str().as_bytes());
        let leaving = self.leaving_leaves();
        let of_user =
            |node: &LeafNode| continuity::user_part(node.credential().serialized_content()) == user;
        self.mls
            .public_group()
            .treesync()
            .full_leaves()
            .filter(|(_, node)| of_user(node))
            .all(|(index, _)| leaving.contains(&index.u32()))
    }

    /// The leaves whose removal awaits a commit.
    fn leaving_leaves(&self) -> Vec<u32> {
        let leaf = |kind| match kind {
            PendingKind::Remove(leaf) | PendingKind::SelfRemove(leaf) => leaf,
        };
        self.pending()
            .refs
            .iter()
            .map(|one| leaf(one.kind))
            .collect()
    }

    /// The client at a leaf; none when the leaf is blank.
    pub fn client_at(&self, leaf: u32) -> Option<ClientUri> {
        let leaf = self
            .mls
            .public_group()
            .leaf(openmls::prelude::LeafNodeIndex::new(leaf))?;
        crate::public::client(leaf.credential().serialized_content())
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group")
            .field("epoch", &self.epoch())
            .field("leaf", &self.own_leaf())
            .finish_non_exhaustive()
    }
}

/// How this member holds any room: no secrets of past epochs, readable handshakes, the tree kept
/// apart.
fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(0)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, FORWARD_GAP))
        .padding_size(PADDING_BYTES)
        .use_ratchet_tree_extension(false)
        .build()
}
