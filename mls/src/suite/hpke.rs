//! `EncryptWithLabel` and its inverse (RFC 9420, section 5.1.3), for what MIMI seals to a key
//! outside of a group.

use grove_wire::codec::{self, Opaque};
use grove_wire::mimi::group_info::HpkeCiphertext;
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::random::OpenMlsRand as _;
use openmls_traits::types::{Ciphersuite, HpkeCiphertext as MlsCiphertext};
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

/// Whether anything can be sealed to a key: it has the right length, and is not one of the few
/// points for which all secrets are the same.
pub(crate) fn is_usable(crypto: &Crypto, ciphersuite: Ciphersuite, public_key: &[u8]) -> bool {
    crypto
        .hpke_seal(ciphersuite.hpke_config(), public_key, &[], &[], &[])
        .is_ok()
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{generate, is_usable};
    use crate::suite::{Crypto, Suite};

    /// The points of small order on Curve25519 in their canonical form (RFC 7748, section 7).
    const LOW_ORDER: [&str; 5] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];

    #[test]
    fn a_key_is_usable_if_it_is_a_point_of_full_order() {
        let crypto = Crypto::default();
        let suite = Suite::X25519Aes128Sha256Ed25519;
        let usable = |key: &[u8]| is_usable(&crypto, suite.ciphersuite(), key);
        let key = generate(&crypto, suite).unwrap().public;
        assert!(usable(&key));
        assert!(!usable(&[]));
        assert!(!usable(key.get(..31).unwrap()), "too short");
        assert!(!usable(&[key.as_slice(), &[0]].concat()), "too long");
        for point in LOW_ORDER {
            let point = data_encoding::HEXLOWER.decode(point.as_bytes()).unwrap();
            assert!(!usable(&point), "{point:02x?}");
        }
    }
}
