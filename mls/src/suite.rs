//! The cipher suites Grove speaks, and the crypto provider behind them: chosen here and nowhere
//! else.
//!
//! Also the two seams to OpenMLS that every file needs: our device key as its `Signer`, and its
//! errors as one of ours. This module must not know rooms, members or storage.
//!
//! The surprise: a suite is fixed for a room's whole life (OpenMLS does not process `ReInit`);
//! changing it means a successor room. So the list below can grow, but nothing in it can be taken
//! out while a room uses it.

use std::fmt::Debug;

use openmls::prelude::{Ciphersuite, SignatureScheme};
use openmls_traits::signatures::{Signer, SignerError};

use crate::identity::DeviceKey;

pub(crate) mod convert;
pub(crate) mod hpke;

/// The one crypto provider for MLS.
pub(crate) use openmls_rust_crypto::RustCrypto as Crypto;

/// A cipher suite of RFC 9420, section 17.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519`, which every MLS implementation has.
    X25519Aes128Sha256Ed25519,
}

/// Every suite in which KeyPackages are made and rooms may be created, the preferred one first.
pub const SUPPORTED: &[Suite] = &[Suite::X25519Aes128Sha256Ed25519];

impl Suite {
    /// The code point in the IANA registry.
    pub const fn code(self) -> u16 {
        match self {
            Self::X25519Aes128Sha256Ed25519 => 0x0001,
        }
    }

    /// The suite of that code point, if Grove speaks it.
    pub fn from_code(code: u16) -> Option<Self> {
        SUPPORTED.iter().copied().find(|suite| suite.code() == code)
    }

    pub(crate) const fn ciphersuite(self) -> Ciphersuite {
        match self {
            Self::X25519Aes128Sha256Ed25519 => {
                Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519
            }
        }
    }

    pub(crate) fn from_ciphersuite(ciphersuite: Ciphersuite) -> Option<Self> {
        Self::from_code(u16::from(ciphersuite))
    }
}

/// What OpenMLS answered when it refused, in its own words.
///
/// Its error types differ per call and carry their detail in `Debug` only; callers branch on our
/// variants around this, and people read the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MlsError(String);

impl MlsError {
    pub(crate) fn of(error: impl Debug) -> Self {
        Self(format!("{error:?}"))
    }

    pub(crate) fn text(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// A device key as OpenMLS wants to see it.
pub(crate) struct DeviceSigner<'a>(pub(crate) &'a DeviceKey);

impl Signer for DeviceSigner<'_> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign_mls(payload).to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

#[cfg(test)]
mod tests {
    use super::{SUPPORTED, Suite};

    #[test]
    fn code_points_are_read_back() {
        for suite in SUPPORTED {
            assert_eq!(Suite::from_code(suite.code()), Some(*suite));
            assert_eq!(Suite::from_ciphersuite(suite.ciphersuite()), Some(*suite));
        }
        assert_eq!(
            Suite::from_code(0x0003),
            None,
            "a suite OpenMLS has and Grove does not speak"
        );
    }
}
