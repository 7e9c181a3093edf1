//! Franking: how a hub can later recognise a message that somebody reports, without having read it.
//!
//! The sender's tag commits to the plaintext, the hub's frank binds the tag to sender, room and
//! time. This module must not know who reports what, nor keep a key.
//!
//! The surprise: the hub's frank is keyed with a secret nobody else has, so only the hub can check
//! it; members check the signature over it, and keep both.
//!
//! Source: draft-ietf-mimi-protocol-06, sections 5.5 and 8.3.

use grove_wire::codec::{self, List, Opaque};
use grove_wire::limits::MAX_AUTHENTICATED_DATA_BYTES;
use grove_wire::mimi::Credential;
use grove_wire::mimi::franking::{
    FRANKING_INTEGRITY_LABEL, Frank, FrankAad, FrankingAgentData, FrankingIntegrityTbs, SafeAad,
    SafeAadItem, ServerFrankingContext,
};
use grove_wire::mimi::room::component;
use grove_wire::uri::Provider;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tls_codec::Serialize;
use zeroize::Zeroizing;

use crate::identity::{PublicKey, ServerKey, verify_with_label};

/// Why a frank or a tag is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrankingError {
    /// The authenticated data is not a list of components, or its tag has not 32 bytes.
    #[error("the authenticated data is malformed")]
    AuthenticatedData,
    /// The signature is not the franking agent's.
    #[error("the frank is not signed by the room's franking agent")]
    BadSignature,
    /// The agent is not the room's hub.
    #[error("the franking agent is not the room's hub")]
    ForeignAgent,
    /// The frank is of another cipher suite than the room.
    #[error("the frank is of another cipher suite than the room")]
    WrongSuite,
    /// The tag does not commit to this content.
    #[error("the franking tag does not belong to the content")]
    WrongTag,
}

/// The hub's franking secret. Kept for as long as reports are taken.
#[derive(Clone)]
pub struct FrankingSecret(Zeroizing<[u8; 32]>);

impl FrankingSecret {
    /// Wraps 32 bytes of good randomness.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn mac(&self, tag: &[u8; 32], context: &ServerFrankingContext) -> Hmac<Sha256> {
        keyed(self.0.as_slice())
            .chain_update(tag)
            .chain_update(encoded(context))
    }
}

impl std::fmt::Debug for FrankingSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FrankingSecret")
    }
}

/// The sender's commitment to a message: HMAC-SHA256 over the application data, keyed with the
/// content's salt.
pub fn franking_tag(salt: &[u8; 16], application_data: &[u8]) -> [u8; 32] {
    keyed(salt)
        .chain_update(application_data)
        .finalize()
        .into_bytes()
        .into()
}

/// The authenticated data of an application message with this tag.
pub fn authenticated_data(tag: &[u8; 32]) -> Vec<u8> {
    let data = fitting(encoded(&FrankAad { franking_tag: *tag }));
    let item = SafeAadItem {
        component_id: component::FRANK_AAD,
        data,
    };
    // A Safe AAD is the list of its items, and one item is in order.
    encoded(&List::<_, MAX_AUTHENTICATED_DATA_BYTES>::from(vec![item]))
}

/// The tag in a message's authenticated data, if it has one. Readable by the hub.
///
/// # Errors
/// [`FrankingError::AuthenticatedData`].
pub fn find_tag(authenticated_data: &[u8]) -> Result<Option<[u8; 32]>, FrankingError> {
    let aad: SafeAad =
        codec::decode(authenticated_data).map_err(|_malformed| FrankingError::AuthenticatedData)?;
    let Some(data) = aad.find(component::FRANK_AAD) else {
        return Ok(None);
    };
    let FrankAad { franking_tag } =
        codec::decode(data).map_err(|_malformed| FrankingError::AuthenticatedData)?;
    Ok(Some(franking_tag))
}

/// Franks an accepted message: the hub's part.
pub fn frank(
    secret: &FrankingSecret,
    agent: &ServerKey,
    cipher_suite: u16,
    tag: &[u8; 32],
    context: &ServerFrankingContext,
) -> Frank {
    let server_frank = secret.mac(tag, context).finalize().into_bytes().into();
    let signature = agent.sign_with_label(
        FRANKING_INTEGRITY_LABEL,
        &integrity_tbs(server_frank, cipher_suite, context),
    );
    let franking_integrity_signature = fitting(signature.to_vec());
    Frank {
        server_frank,
        franking_signature_ciphersuite: cipher_suite,
        franking_integrity_signature,
    }
}

/// Whether this hub made the frank: its part when a message is reported.
pub fn is_own_frank(
    secret: &FrankingSecret,
    tag: &[u8; 32],
    context: &ServerFrankingContext,
    frank: &Frank,
) -> bool {
    secret
        .mac(tag, context)
        .verify_slice(&frank.server_frank)
        .is_ok()
}

/// Checks a frank against the room's agent: the receiver's part. `context` is rebuilt from the
/// decrypted content.
///
/// # Errors
/// [`FrankingError::BadSignature`], [`FrankingError::ForeignAgent`], [`FrankingError::WrongSuite`].
pub fn verify_frank(
    frank: &Frank,
    agent: &FrankingAgentData,
    hub: &Provider,
    cipher_suite: u16,
    context: &ServerFrankingContext,
) -> Result<(), FrankingError> {
    let Credential::Basic(identity) = &agent.credential;
    if identity.as_bytes() != hub.as_str().as_bytes() || context.room_uri.provider() != *hub {
        return Err(FrankingError::ForeignAgent);
    }
    if frank.franking_signature_ciphersuite != cipher_suite {
        return Err(FrankingError::WrongSuite);
    }
    let key = PublicKey::try_from(agent.franking_signature_key.as_bytes())
        .map_err(|_length| FrankingError::BadSignature)?;
    let tbs = integrity_tbs(frank.server_frank, cipher_suite, context);
    let signature = frank.franking_integrity_signature.as_bytes();
    verify_with_label(&key, FRANKING_INTEGRITY_LABEL, &tbs, signature)
        .map_err(|_invalid| FrankingError::BadSignature)
}

/// Checks that a tag commits to the content: the receiver's and the hub's part.
///
/// # Errors
/// [`FrankingError::WrongTag`].
pub fn verify_tag(
    tag: &[u8; 32],
    salt: &[u8; 16],
    application_data: &[u8],
) -> Result<(), FrankingError> {
    keyed(salt)
        .chain_update(application_data)
        .verify_slice(tag)
        .map_err(|_differs| FrankingError::WrongTag)
}

fn integrity_tbs(
    server_frank: [u8; 32],
    cipher_suite: u16,
    context: &ServerFrankingContext,
) -> Vec<u8> {
    encoded(&FrankingIntegrityTbs {
        server_frank,
        franking_signature_ciphersuite: cipher_suite,
        context: context.clone(),
    })
}

/// A tag or a signature of 64 bytes at most, as a vector of any bound in the drafts.
fn fitting<const MAX: usize>(bytes: Vec<u8>) -> Opaque<MAX> {
    #[expect(clippy::expect_used, reason = "every bound is far above 64 bytes")]
    Opaque::new(bytes).expect("64 bytes fit")
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    Hmac::new_from_slice(key).expect("a key of any length")
}

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "fixed fields, parsed URIs and one tag are within their bounds"
    )]
    codec::encode(value).expect("a franking struct can be encoded")
}

#[cfg(test)]
mod tests;
