//! What a person can do about a hub that was caught: show the proof to others, and write to the
//! room again, knowingly.
//!
//! Knows what is kept; must not know how a contradiction is found (that is `receive::chain`).

use grove_mls::identity::{Evidence, EvidenceError, SignedReceipt};
use grove_wire::api::Base64Url;
use grove_wire::uri::{Provider, RoomUri};
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::store::{Store, StoreError, StoredEvidence};
use crate::transport::Transport;

/// A proof that a hub signed two contents for one place in one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceView {
    /// Its number in this profile; 0 for one that came from outside.
    pub number: u64,
    /// The room.
    pub room: RoomUri,
    /// The provider that lied, as the room's maker calls it. Nothing in a proof shows that the key
    /// is this provider's.
    pub hub: Provider,
    /// The key whose holder lied, as a server shows its own.
    pub key: Base64Url,
    /// The place in the log.
    pub seq: u64,
    /// What the hub signed, twice.
    pub signed: [SignedView; 2],
    /// When it was found here, in milliseconds; 0 for one that came from outside.
    pub found_ms: u64,
}

/// One of two receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedView {
    /// The epoch after the entry.
    pub epoch: u64,
    /// The head of the log, as hexadecimal digits.
    pub head: String,
    /// The hub's time, in milliseconds.
    pub time_ms: u64,
}

/// A proof as it is handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceFile {
    /// What it shows, for people. Proves nothing, and is not looked at.
    #[serde(skip_deserializing)]
    pub claims: Option<EvidenceView>,
    /// The proof itself: the bytes of an `Evidence`.
    pub evidence: Base64Url,
}

/// There is no such proof here, or it is damaged.
#[derive(Debug, thiserror::Error)]
pub enum FindEvidenceError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// None of this number.
    #[error("there is no evidence number {0}")]
    Unknown(u64),
}

impl Classified for FindEvidenceError {
    fn class(&self) -> Class {
        match self {
            Self::Store(_) => Class::Store,
            Self::Unknown(_) => Class::Unknown,
        }
    }
}

/// A room cannot be written to again by asking for it.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Nothing has stopped it.
    #[error("nothing keeps this device from sending to that room")]
    NotStopped,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such room here.
    #[error("there is no such room here")]
    UnknownRoom,
}

impl Classified for ResumeError {
    fn class(&self) -> Class {
        match self {
            Self::NotStopped => Class::Refused,
            Self::Store(_) => Class::Store,
            Self::UnknownRoom => Class::Unknown,
        }
    }
}

/// Reads a proof and verifies all of it, without an account and without asking anybody.
///
/// # Errors
/// [`EvidenceError`].
pub fn verify_evidence(bytes: &[u8]) -> Result<EvidenceView, EvidenceError> {
    Ok(view(&Evidence::decode(bytes)?, 0, 0))
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// The proofs that were found on this device, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn evidence(&mut self) -> Result<Vec<EvidenceView>, StoreError> {
        let stored = self.transaction(|step| step.tx.list_evidence())?;
        stored.iter().map(read).collect()
    }

    /// The key of the account's own server, as it was shown when the account was made here.
    pub fn server_key(&self) -> Base64Url {
        self.identity.server_key.as_bytes().to_vec().into()
    }

    /// A proof to hand on.
    ///
    /// # Errors
    /// [`FindEvidenceError`].
    pub fn export_evidence(&mut self, number: u64) -> Result<EvidenceFile, FindEvidenceError> {
        let stored = self.transaction(|step| step.tx.list_evidence())?;
        let found = stored.into_iter().find(|one| one.number == number);
        let found = found.ok_or(FindEvidenceError::Unknown(number))?;
        Ok(EvidenceFile {
            claims: Some(read(&found)?),
            evidence: found.bytes.into(),
        })
    }

    /// Lets messages be sent again to a room whose hub was caught. The proof stays; what was
    /// compared so far is forgotten, so that only what is new stops the room again.
    ///
    /// # Errors
    /// [`ResumeError`].
    pub fn resume_room(&mut self, room: &RoomUri) -> Result<(), ResumeError> {
        self.transaction(|step| {
            let known = step.tx.find_room(room)?;
            let mut known = known.ok_or(ResumeError::UnknownRoom)?;
            if known.stop.take().is_none() {
                return Err(ResumeError::NotStopped);
            }
            known.head = None;
            known.receipt = None;
            step.tx.remove_heads(room, i64::MAX.unsigned_abs())?;
            step.tx.remove_sightings(Some(room))?;
            step.memory.behind.insert(room.clone());
            step.memory.asked_for_proof.remove(room);
            Ok(step.tx.put_room(&known)?)
        })
    }
}

fn read(stored: &StoredEvidence) -> Result<EvidenceView, StoreError> {
    let evidence =
        Evidence::decode(&stored.bytes).map_err(|error| StoreError::Damaged(error.to_string()))?;
    Ok(view(&evidence, stored.number, stored.time))
}

fn view(evidence: &Evidence, number: u64, found_ms: u64) -> EvidenceView {
    let [one, other] = evidence.receipts();
    let signed = |signed: &SignedReceipt| {
        let receipt = signed.receipt();
        let digits = receipt.head.iter().map(|byte| format!("{byte:02x}"));
        SignedView {
            epoch: receipt.epoch,
            head: digits.collect(),
            time_ms: receipt.time,
        }
    };
    EvidenceView {
        number,
        room: one.receipt().room.clone(),
        hub: evidence.record().record().hub.clone(),
        key: evidence.key().as_bytes().to_vec().into(),
        seq: one.receipt().seq,
        signed: [signed(one), signed(other)],
        found_ms,
    }
}
