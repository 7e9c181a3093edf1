//! The key for external joins in a GroupInfo, as far as a hub can judge it.
//!
//! Must not know whose GroupInfo it is. That the key is the right one nobody without secrets can
//! tell; that it is a key at all keeps the door open: with another nobody could join any more, and
//! whoever cannot follow the room's next commit must join.

use openmls::messages::group_info::GroupInfo;
use openmls::prelude::{Extension, Extensions};
use openmls_traits::types::Ciphersuite;

use crate::form::{self, FormViolation};
use crate::suite::Crypto;

/// Why the extensions of a GroupInfo are refused.
#[derive(Debug)]
pub(super) enum ExternalPubError {
    /// They are others than the key alone.
    Extensions,
    /// The key cannot be used.
    Key(FormViolation),
}

/// Judges the extensions of a GroupInfo: a key that can be used, and nothing else.
pub(super) fn check(
    crypto: &Crypto,
    ciphersuite: Ciphersuite,
    extensions: &Extensions<GroupInfo>,
) -> Result<(), ExternalPubError> {
    let mut extensions = extensions.iter();
    let (Some(Extension::ExternalPub(found)), None) = (extensions.next(), extensions.next()) else {
        return Err(ExternalPubError::Extensions);
    };
    let key = found.external_pub().as_slice();
    form::check_key(crypto, ciphersuite, key).map_err(ExternalPubError::Key)
}
