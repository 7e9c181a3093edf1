//! Making sure who asks for KeyPackages. Whether they may have them, the caller decides.
//!
//! The request carries nothing fresh, so a replay of it must be prevented by whoever answers.

use grove_wire::mimi::Credential;
use grove_wire::mimi::key_material::{KEY_MATERIAL_REQUEST_LABEL, KeyMaterialRequest};
use grove_wire::uri::ClientUri;

use crate::identity::{PublicKey, verify_with_label};
use crate::suite::MlsError;

/// Why a request for KeyPackages is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyMaterialError {
    /// The signature is not that of the key in the request.
    #[error("the request is not signed by its key")]
    BadSignature,
    /// The request cannot be encoded as it was signed.
    #[error("the request cannot be encoded: {0}")]
    Mls(#[from] MlsError),
    /// The request is another client's.
    #[error("the request is another client's")]
    NotYours,
}

/// Makes sure that `client`, whose key is `key`, has made the request.
///
/// # Errors
/// [`KeyMaterialError`].
pub fn verify(
    request: &KeyMaterialRequest,
    client: &ClientUri,
    key: &PublicKey,
) -> Result<(), KeyMaterialError> {
    let Credential::Basic(identity) = &request.requester_credential;
    let is_client = identity.as_bytes() == client.as_str().as_bytes()
        && request.requesting_user == client.user();
    if !is_client || request.requester_signature_key.as_bytes() != key.as_bytes() {
        return Err(KeyMaterialError::NotYours);
    }
    let tbs = request.tbs().map_err(MlsError::of)?;
    verify_with_label(
        key,
        KEY_MATERIAL_REQUEST_LABEL,
        &tbs,
        request.key_material_request_signature.as_bytes(),
    )
    .map_err(|_invalid| KeyMaterialError::BadSignature)
}
