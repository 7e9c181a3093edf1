//! The old device's side.

use grove_wire::codec;
use grove_wire::limits::MAX_LINK_BYTES;
use grove_wire::uri::ClientUri;
use openmls_traits::random::OpenMlsRand as _;

use super::newcomer::Reveal;
use super::{Answer, Code, Exchange, LinkError, LinkOffer, LinkPackage, commitment, package};
use crate::identity::PublicKey;
use crate::suite::{Crypto, MlsError, Suite};

/// The device that wants to be linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revealed {
    /// The client it will be.
    pub client: ClientUri,
    /// Its key, for the device list.
    pub device_key: PublicKey,
    /// What its owner calls it. From outside: show it as text, believe none of it.
    pub name: String,
}

/// An old device that has read an offer.
pub struct Approver {
    offer: LinkOffer,
    suite: Suite,
    answer: Vec<u8>,
    /// What the newcomer revealed, once it did.
    reveal: Option<(Vec<u8>, Revealed)>,
}

impl Approver {
    /// Answers an offer as `sibling`, a device of the offer's user.
    ///
    /// # Errors
    /// [`LinkError::Mls`] without randomness, [`LinkError::OtherUser`], [`LinkError::Suite`].
    pub fn begin(offer: LinkOffer, sibling: ClientUri) -> Result<Self, LinkError> {
        let nonce = Crypto::default().random_array().map_err(MlsError::of)?;
        Self::answering(offer, sibling, nonce)
    }

    pub(super) fn answering(
        offer: LinkOffer,
        sibling: ClientUri,
        nonce: [u8; 32],
    ) -> Result<Self, LinkError> {
        if sibling.user() != offer.user {
            return Err(LinkError::OtherUser);
        }
        let suite = Suite::from_code(offer.suite).ok_or(LinkError::Suite(offer.suite))?;
        let answer = Answer { sibling, nonce };
        Ok(Self {
            offer,
            suite,
            answer: codec::encode(&answer).map_err(MlsError::of)?,
            reveal: None,
        })
    }

    /// What to leave on the link.
    pub fn answer(&self) -> Vec<u8> {
        self.answer.clone()
    }

    /// Takes what the newcomer revealed, if it is what the offer committed to.
    ///
    /// # Errors
    /// [`LinkError::Commitment`], [`LinkError::Malformed`], [`LinkError::OtherUser`],
    /// [`LinkError::TooLong`].
    pub fn take_reveal(&mut self, reveal: &[u8]) -> Result<Revealed, LinkError> {
        if reveal.len() > MAX_LINK_BYTES {
            return Err(LinkError::TooLong);
        }
        if commitment(reveal) != self.offer.commitment {
            return Err(LinkError::Commitment);
        }
        let Reveal {
            client,
            device_key,
            name,
            nonce: _,
        } = codec::decode(reveal)?;
        if client.user() != self.offer.user {
            return Err(LinkError::OtherUser);
        }
        let revealed = Revealed {
            client,
            device_key,
            name,
        };
        self.reveal = Some((reveal.to_vec(), revealed.clone()));
        Ok(revealed)
    }

    /// The code to show: the person compares it with the newcomer's before anything is sealed.
    ///
    /// # Errors
    /// [`LinkError::NotRevealed`].
    pub fn code(&self) -> Result<Code, LinkError> {
        let (reveal, _) = self.revealed()?;
        let offer = self.offer.to_bytes();
        Ok(self.exchange(&offer, reveal).code())
    }

    /// Seals the user's keys for the newcomer, once the person has found the codes equal. The
    /// package's secret is the offer's, and its device list has the newcomer's device.
    ///
    /// # Errors
    /// Every [`LinkError`] but [`LinkError::Commitment`], [`LinkError::Malformed`] and
    /// [`LinkError::Suite`].
    pub fn seal(&self, package: &LinkPackage) -> Result<Vec<u8>, LinkError> {
        let (reveal, newcomer) = self.revealed()?;
        if package.secret != self.offer.secret {
            return Err(LinkError::Secret);
        }
        package.check(&self.offer.user, &newcomer.client, &newcomer.device_key)?;
        let offer = self.offer.to_bytes();
        let exchange = self.exchange(&offer, reveal);
        package::seal(self.suite, &self.offer.public_key, &exchange, package)
    }

    fn revealed(&self) -> Result<(&[u8], &Revealed), LinkError> {
        let (bytes, revealed) = self.reveal.as_ref().ok_or(LinkError::NotRevealed)?;
        Ok((bytes, revealed))
    }

    fn exchange<'a>(&'a self, offer: &'a [u8], reveal: &'a [u8]) -> Exchange<'a> {
        Exchange {
            offer,
            answer: &self.answer,
            reveal,
        }
    }
}

impl std::fmt::Debug for Approver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Approver")
            .field("offer", &self.offer)
            .finish_non_exhaustive()
    }
}
