//! A hub's group as bytes: what is stored so that a restart need not replay a room from its
//! beginning.
//!
//! Never rebuild a group from `GroupInfo` and tree instead: OpenMLS judges every leaf's lifetime
//! then, and a room whose members sleep could not be loaded.
//!
//! The surprise: a snapshot can be taken at any time. OpenMLS would write one only when it merges,
//! into storage; all it writes can be read from a live group but the interim transcript hash, which
//! follows from the rest (RFC 9420, 8.2).

use grove_wire::mls::MlsMessage;
use openmls::group::{GroupId, InterimTranscriptHash, PublicGroup};
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::types::HashType;
use serde::{Deserialize, Serialize};

use super::context::{self, ContextError};
use super::{HubGroup, Refusal};
use crate::storage::{HubStorage, StorageError};
use crate::suite::{Crypto, MlsError, convert};

/// The first byte of a snapshot.
const FORMAT: u8 = 1;

/// Why a snapshot cannot be made or loaded.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Not the `GroupContext` of a room.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// A snapshot of another version of this program.
    #[error("unknown format {0} of a snapshot")]
    Format(u8),
    /// The bytes are not a snapshot.
    #[error("the bytes are not a snapshot")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// OpenMLS refuses its content.
    #[error("the snapshot cannot be used: {0}")]
    Mls(#[from] MlsError),
    /// A pending proposal in it does not hold.
    #[error("a pending proposal in the snapshot does not hold: {0}")]
    Pending(#[from] Refusal),
    /// The state has no stored form.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    group: HubStorage,
    /// The pending proposals, as messages.
    pending: Vec<Vec<u8>>,
}

impl HubGroup {
    /// The group as bytes, pending proposals included: about 210 bytes per leaf.
    ///
    /// # Errors
    /// [`SnapshotError::Mls`], [`SnapshotError::Storage`].
    pub fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        let snapshot = Snapshot {
            group: HubStorage::capture(
                self.group.treesync(),
                self.group.group_context(),
                &self.interim_transcript_hash()?,
                self.group.confirmation_tag(),
            )?,
            pending: self
                .pending()
                .map(|message| message.as_bytes().to_vec())
                .collect(),
        };
        postcard::to_extend(&snapshot, vec![FORMAT])
            .map_err(|error| SnapshotError::Malformed(Box::new(error)))
    }

    /// Loads a group from a snapshot. What the log holds behind it is then
    /// [replayed](Self::replay).
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn load(snapshot: &[u8]) -> Result<Self, SnapshotError> {
        let (format, bytes) = snapshot.split_first().ok_or(SnapshotError::Format(0))?;
        if *format != FORMAT {
            return Err(SnapshotError::Format(*format));
        }
        let snapshot: Snapshot = postcard::from_bytes(bytes)
            .map_err(|error| SnapshotError::Malformed(Box::new(error)))?;
        // The storage holds one group and does not look at the id.
        let group = PublicGroup::load(&snapshot.group, &GroupId::from_slice(&[]))?
            .ok_or_else(|| MlsError::text("the snapshot is incomplete"))?;
        let context = context::read(group.group_context())?;
        let mut loaded = Self {
            group,
            state: context.state,
            server_key: context.server_key,
            waiting: Vec::new(),
            crypto: Crypto::default(),
        };
        for bytes in snapshot.pending {
            let message = MlsMessage::from_bytes(bytes)
                .map_err(|error| SnapshotError::Malformed(Box::new(error)))?;
            let (standing, queued) = loaded.stand(&message, &loaded.pending_proposals())?;
            loaded.keep(message, standing, queued)?;
        }
        Ok(loaded)
    }

    /// `Hash(confirmed_transcript_hash || confirmation_tag)`; all our suites hash with SHA-256.
    fn interim_transcript_hash(&self) -> Result<InterimTranscriptHash, MlsError> {
        let mut input = self
            .group
            .group_context()
            .confirmed_transcript_hash()
            .to_vec();
        input.extend(convert::encode(self.group.confirmation_tag())?);
        let hash = self
            .crypto
            .hash(HashType::Sha2_256, &input)
            .map_err(MlsError::of)?;
        Ok(InterimTranscriptHash(hash))
    }
}
