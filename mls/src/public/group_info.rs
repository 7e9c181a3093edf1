//! The hub's answer to a device that wants to join by itself: GroupInfo, tree and pending
//! proposals, sealed to its key.
//!
//! Whether the device may have it, the caller decides; here it is only made sure who asks. Must not
//! know devices or sessions.
//!
//! Source: draft-ietf-mimi-protocol-06, section 5.6.

use grove_wire::codec::{self, Opaque};
use grove_wire::mimi::Credential;
use grove_wire::mimi::group_info::{
    ExternalSender, GROUP_INFO_ENCRYPTION_LABEL, GROUP_INFO_REQUEST_LABEL,
    GROUP_INFO_RESPONSE_LABEL, GroupInfoRatchetTreeTbe, GroupInfoRequest, GroupInfoResponse,
    PendingProposal,
};
use grove_wire::mimi::update::RatchetTreeOption;
use grove_wire::mls::GroupInfo;
use grove_wire::uri::{ClientUri, RoomUri};

use crate::identity::{PublicKey, ServerKey, verify_with_label};
use crate::suite::{Crypto, MlsError, Suite, hpke};

/// Why a request for a GroupInfo is refused, or cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupInfoError {
    /// The signature is not that of the key in the request.
    #[error("the request is not signed by its key")]
    BadSignature,
    /// The answer cannot be sealed to the key in the request.
    #[error("the answer cannot be sealed: {0}")]
    Mls(#[from] MlsError),
    /// The request is another client's.
    #[error("the request is another client's")]
    NotYours,
    /// A suite Grove does not speak.
    #[error("suite {0:#06x} is not supported")]
    Suite(u16),
}

/// Makes sure that `client`, whose key is `key`, has made the request.
///
/// # Errors
/// [`GroupInfoError::BadSignature`], [`GroupInfoError::Mls`], [`GroupInfoError::NotYours`],
/// [`GroupInfoError::Suite`].
pub fn verify_request(
    request: &GroupInfoRequest,
    client: &ClientUri,
    key: &PublicKey,
) -> Result<(), GroupInfoError> {
    suite(request)?;
    let Credential::Basic(identity) = &request.requesting_credential;
    let is_client = identity.as_bytes() == client.as_str().as_bytes();
    if !is_client || request.requesting_signature_key.as_bytes() != key.as_bytes() {
        return Err(GroupInfoError::NotYours);
    }
    let tbs = request.tbs().map_err(MlsError::of)?;
    verify_with_label(
        key,
        GROUP_INFO_REQUEST_LABEL,
        &tbs,
        request.signature.as_bytes(),
    )
    .map_err(|_invalid| GroupInfoError::BadSignature)
}

/// Seals the answer to the key in a request that was [verified](verify_request), and signs it with
/// the hub's key.
///
/// # Errors
/// [`GroupInfoError::Mls`], [`GroupInfoError::Suite`].
pub fn encrypt_group_info(
    server_key: &ServerKey,
    request: &GroupInfoRequest,
    room: &RoomUri,
    group_info: GroupInfo,
    ratchet_tree: RatchetTreeOption,
    pending_proposals: Vec<PendingProposal>,
) -> Result<GroupInfoResponse, GroupInfoError> {
    let suite = suite(request)?;
    let plain = codec::encode(&GroupInfoRatchetTreeTbe {
        group_info,
        ratchet_tree,
        pending_proposals,
    })
    .map_err(MlsError::of)?;
    let encrypted_groupinfo_and_tree = hpke::seal(
        &Crypto::default(),
        suite,
        request.group_info_public_key.as_bytes(),
        (GROUP_INFO_ENCRYPTION_LABEL, room.as_str().as_bytes()),
        &plain,
    )?;
    let hub_sender = ExternalSender {
        signature_key: Opaque::new(server_key.public().as_bytes().as_slice())
            .map_err(MlsError::of)?,
        credential: Credential::Basic(Opaque::new(room.hub().as_str()).map_err(MlsError::of)?),
    };
    let mut response = GroupInfoResponse::Success {
        room_id: room.clone(),
        cipher_suite: suite.code(),
        hub_sender,
        encrypted_groupinfo_and_tree,
        signature: Opaque::default(),
    };
    let tbs = response.tbs().map_err(MlsError::of)?.unwrap_or_default();
    if let GroupInfoResponse::Success { signature, .. } = &mut response {
        let signed = server_key.sign_with_label(GROUP_INFO_RESPONSE_LABEL, &tbs);
        *signature = Opaque::new(signed.as_slice()).map_err(MlsError::of)?;
    }
    Ok(response)
}

fn suite(request: &GroupInfoRequest) -> Result<Suite, GroupInfoError> {
    Suite::from_code(request.cipher_suite).ok_or(GroupInfoError::Suite(request.cipher_suite))
}
