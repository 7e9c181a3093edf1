//! Asking for the KeyPackages of another user's clients.

use grove_wire::codec::Opaque;
use grove_wire::mimi::key_material::{
    KEY_MATERIAL_REQUEST_LABEL, KeyMaterialRequest, RequiredCapabilities,
};
use grove_wire::mimi::{Credential, Protocol};
use grove_wire::uri::{RoomUri, UserUri};

use super::DeviceIdentity;
use crate::leaf::{CREDENTIALS, EXTENSIONS, PROPOSALS};
use crate::suite::{MlsError, Suite};

/// Makes a signed request for one KeyPackage of each client of `target`, for a room of this suite.
///
/// # Errors
/// [`MlsError`] never happens for a well-formed device; it is there because encoding can fail.
pub fn request(
    device: &DeviceIdentity,
    target: &UserUri,
    room: &RoomUri,
    suite: Suite,
) -> Result<KeyMaterialRequest, MlsError> {
    let mut request = KeyMaterialRequest {
        protocol: Protocol::Mls10,
        requesting_user: device.client.user(),
        target_user: target.clone(),
        room_id: room.clone(),
        acceptable_ciphersuites: vec![suite.code()],
        required_capabilities: RequiredCapabilities {
            extension_types: EXTENSIONS.to_vec(),
            proposal_types: PROPOSALS.to_vec(),
            credential_types: CREDENTIALS.to_vec(),
        },
        requester_signature_key: Opaque::new(device.key.public().as_bytes().as_slice())
            .map_err(MlsError::of)?,
        requester_credential: Credential::Basic(
            Opaque::new(device.client.as_str()).map_err(MlsError::of)?,
        ),
        key_material_request_signature: Opaque::default(),
    };
    let tbs = request.tbs().map_err(MlsError::of)?;
    let signature = device.key.sign_with_label(KEY_MATERIAL_REQUEST_LABEL, &tbs);
    request.key_material_request_signature =
        Opaque::new(signature.as_slice()).map_err(MlsError::of)?;
    Ok(request)
}
