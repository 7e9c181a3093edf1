//! The new device's side.

use grove_wire::codec::{self, Opaque, Text};
use grove_wire::limits::{MAX_DEVICE_NAME_BYTES, MAX_LINK_BYTES};
use grove_wire::uri::{ClientUri, UserUri};
use openmls_traits::random::OpenMlsRand as _;
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};
use zeroize::Zeroizing;

use super::{Answer, Code, Exchange, LinkError, LinkOffer, LinkPackage, commitment, package};
use crate::identity::PublicKey;
use crate::suite::{Crypto, MlsError, Suite, hpke};

/// The suite of the key in an offer.
const SUITE: Suite = Suite::X25519Aes128Sha256Ed25519;

/// Who the newcomer is: shown to the old device only after that has answered.
#[derive(Clone, TlsSize, TlsSerialize, TlsDeserialize)]
pub(super) struct Reveal {
    pub(super) client: ClientUri,
    pub(super) device_key: PublicKey,
    #[tls_codec(with = "Text::<MAX_DEVICE_NAME_BYTES>")]
    pub(super) name: String,
    pub(super) nonce: [u8; 32],
}

/// A new device on its way to be linked. Lives in memory; if it is lost, the person begins anew.
pub struct Newcomer {
    offer: LinkOffer,
    client: ClientUri,
    device_key: PublicKey,
    reveal: Vec<u8>,
    private: Zeroizing<Vec<u8>>,
}

impl Newcomer {
    /// Makes an offer for the link the server has opened until `expires_at`, in milliseconds since
    /// 1970. The client URI and the device key are the ones the new device will have; `name` is
    /// what the person on the old device sees, of at most [`MAX_DEVICE_NAME_BYTES`].
    ///
    /// # Errors
    /// [`LinkError::Mls`] without randomness, [`LinkError::OtherUser`], [`LinkError::TooLong`].
    pub fn begin(
        user: UserUri,
        link: [u8; 16],
        expires_at: u64,
        client: ClientUri,
        device_key: PublicKey,
        name: String,
    ) -> Result<Self, LinkError> {
        let crypto = Crypto::default();
        let reveal = Reveal {
            client,
            device_key,
            name,
            nonce: crypto.random_array().map_err(MlsError::of)?,
        };
        let pair = hpke::generate(&crypto, SUITE)?;
        let secret = crypto.random_array().map_err(MlsError::of)?;
        let public_key = Opaque::new(pair.public).map_err(MlsError::of)?;
        let offer = LinkOffer {
            user,
            link,
            suite: SUITE.code(),
            public_key,
            secret,
            commitment: [0; 32],
            expires_at,
        };
        Self::committed(offer, &reveal, pair.private)
    }

    pub(super) fn committed(
        offer: LinkOffer,
        reveal: &Reveal,
        private: Zeroizing<Vec<u8>>,
    ) -> Result<Self, LinkError> {
        if reveal.client.user() != offer.user {
            return Err(LinkError::OtherUser);
        }
        let bytes = codec::encode(reveal).map_err(|_too_long| LinkError::TooLong)?;
        Ok(Self {
            offer: LinkOffer {
                commitment: commitment(&bytes),
                ..offer
            },
            client: reveal.client.clone(),
            device_key: reveal.device_key,
            reveal: bytes,
            private,
        })
    }

    /// What to show.
    pub fn offer(&self) -> &LinkOffer {
        &self.offer
    }

    /// What to leave on the link once it is answered, never before.
    pub fn reveal(&self) -> Vec<u8> {
        self.reveal.clone()
    }

    /// The code to show, once there is an answer.
    ///
    /// # Errors
    /// [`LinkError::Malformed`], [`LinkError::OtherUser`], [`LinkError::TooLong`].
    pub fn code(&self, answer: &[u8]) -> Result<Code, LinkError> {
        let offer = self.offer.to_bytes();
        Ok(self.exchange(&offer, answer)?.code())
    }

    /// Opens the package, and checks that it makes this device one of the user's.
    ///
    /// # Errors
    /// Every [`LinkError`] but [`LinkError::Commitment`], [`LinkError::NotRevealed`] and
    /// [`LinkError::Suite`].
    pub fn open(&self, answer: &[u8], package: &[u8]) -> Result<LinkPackage, LinkError> {
        let offer = self.offer.to_bytes();
        let exchange = self.exchange(&offer, answer)?;
        let opened = package::open(SUITE, &self.private, &exchange, package)?;
        if opened.secret != self.offer.secret {
            return Err(LinkError::Secret);
        }
        opened.check(&self.offer.user, &self.client, &self.device_key)?;
        Ok(opened)
    }

    fn exchange<'a>(
        &'a self,
        offer: &'a [u8],
        answer: &'a [u8],
    ) -> Result<Exchange<'a>, LinkError> {
        if answer.len() > MAX_LINK_BYTES {
            return Err(LinkError::TooLong);
        }
        let Answer { sibling, .. } = codec::decode(answer)?;
        if sibling.user() != self.offer.user {
            return Err(LinkError::OtherUser);
        }
        Ok(Exchange {
            offer,
            answer,
            reveal: &self.reveal,
        })
    }
}

impl std::fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Newcomer")
            .field("offer", &self.offer)
            .finish_non_exhaustive()
    }
}
