//! `EncryptWithLabel` and its inverse (RFC 9420, section 5.1.3), for what MIMI seals to a key
//! outside of a group.

use grove_wire::codec::{self, Opaque};
use grove_wire::mimi::group_info::HpkeCiphertext;
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::random::OpenMlsRand as _;
use openmls_traits::types::HpkeCiphertext as MlsCiphertext;
use zeroize::Zeroizing;

use super::{Crypto, MlsError, Suite};

/// A key pair for one answer.
pub(crate) struct KeyPair {
    pub(crate) public: Vec<u8>,
    pub(crate) private: Zeroizing<Vec<u8>>,
}

pub(crate) fn generate(crypto: &Crypto, suite: Suite) -> Result<KeyPair, MlsError> {
    let seed = Zeroizing::new(crypto.random_array::<32>().map_err(MlsError::of)?);
    let pair = crypto
        .derive_hpke_keypair(suite.ciphersuite().hpke_config(), seed.as_slice())
        .map_err(MlsError::of)?;
    Ok(KeyPair {
        public: pair.public,
        private: Zeroizing::new(pair.private.to_vec()),
    })
}

pub(crate) fn seal(
    crypto: &Crypto,
    suite: Suite,
    public_key: &[u8],
    (label, context): (&str, &[u8]),
    plaintext: &[u8],
) -> Result<HpkeCiphertext, MlsError> {
    let info = encrypt_context(label, context)?;
    let config = suite.ciphersuite().hpke_config();
    let sealed = crypto
        .hpke_seal(config, public_key, &info, &[], plaintext)
        .map_err(MlsError::of)?;
    Ok(HpkeCiphertext {
        kem_output: Opaque::new(sealed.kem_output.as_slice()).map_err(MlsError::of)?,
        ciphertext: Opaque::new(sealed.ciphertext.as_slice()).map_err(MlsError::of)?,
    })
}

pub(crate) fn open(
    crypto: &Crypto,
    suite: Suite,
    private_key: &[u8],
    (label, context): (&str, &[u8]),
    sealed: &HpkeCiphertext,
) -> Result<Vec<u8>, MlsError> {
    let info = encrypt_context(label, context)?;
    let sealed = MlsCiphertext {
        kem_output: sealed.kem_output.as_bytes().to_vec().into(),
        ciphertext: sealed.ciphertext.as_bytes().to_vec().into(),
    };
    let config = suite.ciphersuite().hpke_config();
    crypto
        .hpke_open(config, &sealed, private_key, &info, &[])
        .map_err(MlsError::of)
}

/// `EncryptContext`.
fn encrypt_context(label: &str, context: &[u8]) -> Result<Vec<u8>, MlsError> {
    let mut bytes = Vec::with_capacity(label.len() + context.len() + 16);
    let label = format!("MLS 1.0 {label}");
    codec::write_opaque(&mut bytes, label.as_bytes())
        .and_then(|_| codec::write_opaque(&mut bytes, context))
        .map_err(MlsError::of)?;
    Ok(bytes)
}
