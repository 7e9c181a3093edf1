//! Handing KeyPackages out: each of a pool once, the last-resort one when the pool is empty.

use std::collections::BTreeMap;

use grove_mls::identity::{PublicKey, verify_with_label};
use grove_mls::key_package::MIN_REMAINING_LIFETIME;
use grove_mls::suite::Suite;
use grove_wire::mimi::key_material::{
    ClientKeyMaterial, KEY_MATERIAL_REQUEST_LABEL, KeyMaterialRequest, KeyMaterialResponse,
    KeyMaterialUserCode,
};
use grove_wire::mimi::{Credential, Protocol};
use grove_wire::mls::KeyPackage;
use grove_wire::uri::ClientUri;
use metrics::counter;

use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{self, ClaimedRow, Tx};
use crate::sessions::ClientAuth;

/// Why a claim was not even looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("the request does not speak for the device that sent it")]
    NotYours,
    #[error("the signature is not the device's")]
    SignatureInvalid,
}

/// Hands out one KeyPackage of each active device of a user for a room, except the asking device's
/// own. Users of this server count as agreed to be contacted by each other; nobody else can ask
/// yet.
#[tracing::instrument(name = "key_packages.claim", skip_all)]
pub(crate) async fn claim(
    app: &App,
    auth: &ClientAuth,
    request: &KeyMaterialRequest,
) -> Result<KeyMaterialResponse, ClaimError> {
    let answer = |user_status, clients| KeyMaterialResponse {
        protocol: Protocol::Mls10,
        user_status,
        user_uri: request.target_user.clone(),
        clients,
    };
    let now = app.clock.now();
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    verify(&tx, auth, request).await?;
    if request.target_user.provider() != app.domain {
        return Ok(answer(KeyMaterialUserCode::UserUnknown, Vec::new()));
    }
    let name = request.target_user.localpart();
    if tx
        .find_account(name)
        .await?
        .is_none_or(|account| account.disabled_at.is_some())
    {
        return Ok(answer(KeyMaterialUserCode::UserUnknown, Vec::new()));
    }
    // A room has one suite: the first acceptable one that we speak.
    let suite = request
        .acceptable_ciphersuites
        .iter()
        .find_map(|&code| Suite::from_code(code));
    let Some(suite) = suite else {
        return Ok(answer(
            KeyMaterialUserCode::NoCompatibleMaterial,
            Vec::new(),
        ));
    };
    let (claimed, exhausted) = take(&tx, auth, name, suite, now).await?;
    tx.add_claims(request.room_id.as_str(), &claimed, now)
        .await?;
    let (found, missing) = (claimed.len(), exhausted.len());
    let clients = materials(claimed, exhausted)?;
    tx.commit().await?;
    counter!("grove_key_packages_claimed_total").increment(u64::try_from(found).unwrap_or(0));
    let status = match (found, missing) {
        (0, 1..) => KeyMaterialUserCode::NoCompatibleMaterial,
        (_, 0) => KeyMaterialUserCode::Success,
        _ => KeyMaterialUserCode::PartialSuccess,
    };
    Ok(answer(status, clients))
}

/// The request must be signed by the device that sends it, with the key its device list names.
async fn verify(
    tx: &Tx<'_>,
    auth: &ClientAuth,
    request: &KeyMaterialRequest,
) -> Result<(), ClaimError> {
    let Credential::Basic(identity) = &request.requester_credential;
    let device = tx
        .find_device(auth.client.as_str())
        .await?
        .ok_or(ClaimError::NotYours)?;
    let yours = request.requesting_user == auth.user
        && identity.as_bytes() == auth.client.as_str().as_bytes()
        && request.requester_signature_key.as_bytes() == device.signature_key;
    if !yours {
        return Err(ClaimError::NotYours);
    }
    let signed = request
        .tbs()
        .map_err(|_too_long| ClaimError::SignatureInvalid)?;
    verify_with_label(
        &PublicKey::from_bytes(device.signature_key),
        KEY_MATERIAL_REQUEST_LABEL,
        &signed,
        request.key_material_request_signature.as_bytes(),
    )
    .map_err(|_bad| ClaimError::SignatureInvalid)
}

/// One KeyPackage per device, out of the pools first; then the client URIs of the devices that have
/// none at all.
async fn take(
    tx: &Tx<'_>,
    auth: &ClientAuth,
    name: &str,
    suite: Suite,
    now: Timestamp,
) -> Result<(Vec<ClaimedRow>, Vec<String>), db::Error> {
    let usable_until = now.plus(MIN_REMAINING_LIFETIME);
    let served = |claimed: &[ClaimedRow]| -> Vec<i64> {
        claimed
            .iter()
            .map(|one| one.device_id)
            .chain([auth.device_id])
            .collect()
    };
    let mut claimed = tx
        .claim_key_packages(name, auth.device_id, suite.code(), usable_until)
        .await?;
    let last = tx
        .list_last_resorts(name, &served(&claimed), suite.code(), usable_until)
        .await?;
    claimed.extend(last);
    let exhausted = tx.list_unserved_devices(name, &served(&claimed)).await?;
    Ok((claimed, exhausted))
}

fn materials(
    claimed: Vec<ClaimedRow>,
    exhausted: Vec<String>,
) -> Result<Vec<ClientKeyMaterial>, db::Error> {
    let client = |uri: &str| {
        ClientUri::parse(uri)
            .map(|client| (&client).into())
            .map_err(|_invalid| db::Error::corrupt("client URI"))
    };
    // In the order of their URIs, so that the order tells nothing about who had which.
    let mut materials = BTreeMap::new();
    for row in claimed {
        let key_package = KeyPackage::from_bytes(row.key_package)
            .map_err(|_invalid| db::Error::corrupt("KeyPackage"))?;
        let material = ClientKeyMaterial::Success {
            client_uri: client(&row.client)?,
            key_package,
        };
        materials.insert(row.client, material);
    }
    for uri in exhausted {
        let material = ClientKeyMaterial::KeyMaterialExhausted {
            client_uri: client(&uri)?,
        };
        materials.insert(uri, material);
    }
    Ok(materials.into_values().collect())
}
