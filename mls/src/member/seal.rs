//! Sealing an application message.

use grove_wire::limits::MAX_MESSAGE_BYTES;
use grove_wire::mimi::room::component;
use grove_wire::mls::MlsMessage;
use openmls::framing::SafeAadItem;

use super::{DeviceIdentity, Group};
use crate::storage::{MemberStorage, Records};
use crate::suite::{DeviceSigner, MlsError, convert};

/// Why a message cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// OpenMLS refused, or the storage failed.
    #[error("the message cannot be sealed: {0}")]
    Mls(#[from] MlsError),
    /// This client has been removed from the room.
    #[error("this client is not in the room any more")]
    NotAMember,
    /// The role of this client's user may not send.
    #[error("the role does not allow sending")]
    NotAllowed,
    /// Proposals await a commit, and MLS forbids sending before it.
    #[error("pending proposals must be committed first")]
    PendingProposals,
    /// More than [`MAX_MESSAGE_BYTES`].
    #[error("the sealed message has more than {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
}

impl Group {
    /// Seals application data in the current epoch, with its franking tag as authenticated data
    /// that the hub can read.
    ///
    /// A message that is not accepted is sealed again in the next epoch, never sent twice with
    /// other bytes in one.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal<R: Records>(
        &mut self,
        storage: &MemberStorage<'_, R>,
        device: &DeviceIdentity,
        application_data: &[u8],
        franking_tag: [u8; 32],
    ) -> Result<MlsMessage, SealError> {
        if !self.is_active() {
            return Err(SealError::NotAMember);
        }
        if !self.state.may_send(&device.client.user()) {
            return Err(SealError::NotAllowed);
        }
        if application_data.len() > MAX_MESSAGE_BYTES {
            return Err(SealError::TooLong);
        }
        if self.mls.has_pending_proposals() {
            return Err(SealError::PendingProposals);
        }
        let tag = SafeAadItem::new(component::FRANK_AAD, franking_tag.to_vec());
        self.mls.set_safe_aad(vec![tag]).map_err(MlsError::of)?;
        let made = self
            .mls
            .create_message(storage, &DeviceSigner(&device.key), application_data);
        // OpenMLS forgets the tag only when it succeeds; the next handshake must not carry it.
        self.mls.set_safe_aad(Vec::new()).map_err(MlsError::of)?;
        let message = convert::to_message(&made.map_err(MlsError::of)?)?;
        if message.as_bytes().len() > MAX_MESSAGE_BYTES {
            Err(SealError::TooLong)
        } else {
            Ok(message)
        }
    }
}
