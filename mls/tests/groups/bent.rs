//! A crypto provider that gives out public keys of an attacker's choice, as another program could
//! put them into what it signs.

use std::sync::atomic::{AtomicUsize, Ordering};

use grove_mls::storage::MemberStorage;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig,
    HpkeKeyPair, KemOutput, SignatureScheme,
};
use tls_codec::SecretVLBytes;

use crate::world::Map;

/// Puts `key` in place of the public key of one key pair.
pub(crate) struct Bent {
    crypto: RustCrypto,
    made: AtomicUsize,
    at: usize,
    key: Vec<u8>,
}

impl Bent {
    /// `at` counts the key pairs that are made: for a commit the nodes of its path, the leaf in it,
    /// and the key for external joins; for a KeyPackage the init key and the leaf.
    pub(crate) fn new(at: usize, key: &[u8]) -> Self {
        Self {
            crypto: RustCrypto::default(),
            made: AtomicUsize::new(0),
            at,
            key: key.to_vec(),
        }
    }
}

impl OpenMlsCrypto for Bent {
    fn derive_hpke_keypair(
        &self,
        config: HpkeConfig,
        ikm: &[u8],
    ) -> Result<HpkeKeyPair, CryptoError> {
        let pair = self.crypto.derive_hpke_keypair(config, ikm)?;
        let is_bent = self.made.fetch_add(1, Ordering::SeqCst) == self.at;
        Ok(HpkeKeyPair {
            public: if is_bent {
                self.key.clone()
            } else {
                pair.public
            },
            private: pair.private,
        })
    }

    /// What cannot be sealed to the key that is given is sealed to another, and lost.
    fn hpke_seal(
        &self,
        config: HpkeConfig,
        key: &[u8],
        info: &[u8],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let HpkeConfig(kem, kdf, aead) = config;
        let config = || HpkeConfig(kem, kdf, aead);
        let seal = |key: &[u8]| self.crypto.hpke_seal(config(), key, info, aad, plain);
        seal(key).or_else(|_| {
            let other = self.crypto.derive_hpke_keypair(config(), &[7; 32])?;
            seal(&other.public)
        })
    }

    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        self.crypto.supports(ciphersuite)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        self.crypto.supported_ciphersuites()
    }

    fn hkdf_extract(
        &self,
        hash: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        self.crypto.hkdf_extract(hash, salt, ikm)
    }

    fn hmac(&self, hash: HashType, key: &[u8], text: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        self.crypto.hmac(hash, key, text)
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        length: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        self.crypto.hkdf_expand(hash, prk, info, length)
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.crypto.hash(hash, data)
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.crypto.aead_encrypt(alg, key, data, nonce, aad)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        sealed: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.crypto.aead_decrypt(alg, key, sealed, nonce, aad)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        self.crypto.signature_key_gen(alg)
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        key: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.crypto.verify_signature(alg, data, key, signature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.crypto.sign(alg, data, key)
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        sealed: &HpkeCiphertext,
        key: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.crypto.hpke_open(config, sealed, key, info, aad)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        key: &[u8],
        info: &[u8],
        context: &[u8],
        length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        self.crypto
            .hpke_setup_sender_and_export(config, key, info, context, length)
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        output: &[u8],
        key: &[u8],
        info: &[u8],
        context: &[u8],
        length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        self.crypto
            .hpke_setup_receiver_and_export(config, output, key, info, context, length)
    }
}

/// [`Bent`] where OpenMLS wants a whole provider.
pub(crate) struct BentStorage<'a> {
    pub(crate) storage: MemberStorage<'a, Map>,
    pub(crate) crypto: Bent,
}

impl<'a> OpenMlsProvider for BentStorage<'a> {
    type CryptoProvider = Bent;
    type RandProvider = RustCrypto;
    type StorageProvider = MemberStorage<'a, Map>;

    fn storage(&self) -> &Self::StorageProvider {
        &self.storage
    }

    fn crypto(&self) -> &Bent {
        &self.crypto
    }

    fn rand(&self) -> &RustCrypto {
        self.storage.rand()
    }
}
