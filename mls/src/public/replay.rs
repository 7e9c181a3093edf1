//! Following the log again, after a snapshot was loaded: what was accepted once is taken without
//! asking policy anew.
//!
//! The surprise: OpenMLS judges the KeyPackages of Adds by the system's clock in a replay too. A
//! commit cannot be replayed after its KeyPackages have ended, so take a snapshot at least every
//! [`SNAPSHOT_AT_LEAST_EVERY`].

use std::time::Duration;

use grove_wire::mls::{ContentType, MlsMessage, WireFormat};

use super::{HubGroup, Refusal, context};
use crate::key_package::MIN_REMAINING_LIFETIME;
use crate::suite::MlsError;

/// How old a snapshot may become before handshakes behind it might not be replayed any more: half
/// the time for which every added KeyPackage was alive still.
pub const SNAPSHOT_AT_LEAST_EVERY: Duration =
    Duration::from_secs(MIN_REMAINING_LIFETIME.as_secs() / 2);

/// Why an entry of the log does not follow from the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// OpenMLS refuses it.
    #[error("an entry cannot be replayed")]
    Mls(#[from] MlsError),
    /// It does not follow.
    #[error("an entry cannot be replayed")]
    Refused(#[from] Refusal),
}

impl HubGroup {
    /// Takes the next message of the log: a commit, a proposal, or an application message, which
    /// changes nothing.
    ///
    /// # Errors
    /// [`ReplayError`]. The group is as before, and whatever follows cannot be replayed either.
    pub fn replay(&mut self, message: &MlsMessage) -> Result<(), ReplayError> {
        let framing = message.framing().ok_or(Refusal::NotAHandshake)?;
        if framing.wire_format == WireFormat::PrivateMessage {
            return Ok(());
        }
        let content = framing.content_type;
        self.check_framing(message, content)?;
        if content == ContentType::Proposal {
            let (standing, queued) = self.stand(message, &self.pending_proposals())?;
            return Ok(self.keep(message.clone(), standing, queued)?);
        }
        let (_sender, staged) = self.stage(message)?;
        let after = context::state(staged.group_context().extensions()).map_err(Refusal::from)?;
        Ok(self.merge_staged(staged, after)?)
    }
}
