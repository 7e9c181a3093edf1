//! Linking: a new device gets its user's keys from an old one, over a server that must not learn
//! nor change them.
//!
//! The new device shows a [`LinkOffer`] (a QR code, or a line to paste), the old one reads it and
//! answers through the server; then both show a [`Code`], and only when the person finds them equal
//! does the old device [seal](Approver::seal) the keys. Pure: it must not know the server, timers
//! or screens. That the offer has not expired the caller checks.
//!
//! The surprise: the order is what makes six digits enough. The new device commits to what it will
//! reveal before it is answered, and reveals it after, so that whoever sits between the two must
//! guess the code: it cannot be ground.

use grove_wire::codec::{DecodeError, write_opaque};
use grove_wire::uri::ClientUri;
use sha2::{Digest as _, Sha256};

use crate::identity::{Label, ListError};
use crate::suite::MlsError;

mod approver;
mod code;
mod newcomer;
mod offer;
mod package;

pub use approver::{Approver, Revealed};
pub use code::{Code, CodeError};
pub use newcomer::Newcomer;
pub use offer::{LinkOffer, LinkTextError};
pub use package::LinkPackage;

/// Why two devices are not linked. Begin anew, with another offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// What was revealed is not what the offer committed to.
    #[error("the new device revealed something else than it had committed to")]
    Commitment,
    /// The device list in the package is not valid by itself.
    #[error("the device list in the package is refused: {0}")]
    DeviceList(#[source] Box<ListError>),
    /// An answer, a reveal or a package does not have its form.
    #[error("malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// The package cannot be sealed or opened: it belongs to another exchange, or was altered.
    #[error("the package cannot be sealed or opened: {0}")]
    Mls(#[from] MlsError),
    /// The reveal must be taken first.
    #[error("the new device has not revealed itself yet")]
    NotRevealed,
    /// The other side is a client of another user, or the package is another user's.
    #[error("the other device is another user's")]
    OtherUser,
    /// The package does not hold the key that signed its device list, or its list does not have the
    /// new device.
    #[error("the package does not belong to its device list")]
    Package,
    /// Sealed by somebody who had not read the offer.
    #[error("the package was not sealed by somebody who read the offer")]
    Secret,
    /// A suite Grove does not speak.
    #[error("suite {0:#06x} is not supported")]
    Suite(u16),
    /// A name or a list above its bound.
    #[error("a part of it is too long")]
    TooLong,
}

/// The three byte strings of one exchange, as hashed by both sides.
#[derive(Clone, Copy)]
struct Exchange<'a> {
    offer: &'a [u8],
    answer: &'a [u8],
    reveal: &'a [u8],
}

impl Exchange<'_> {
    /// What the package is bound to.
    fn context(&self) -> [u8; 32] {
        self.hash(Label::Link)
    }

    fn code(&self) -> Code {
        Code::of(&self.hash(Label::LinkCode))
    }

    /// SHA-256 over the label and the three, each behind its length.
    fn hash(&self, label: Label) -> [u8; 32] {
        let mut bytes = Vec::new();
        for part in [self.offer, self.answer, self.reveal] {
            #[expect(
                clippy::expect_used,
                reason = "memory takes every byte, and each part was bounded when it was made or read"
            )]
            write_opaque(&mut bytes, part).expect("a part within its bounds can be encoded");
        }
        Sha256::digest(label.frame(&bytes)).into()
    }
}

/// What the newcomer commits to.
fn commitment(reveal: &[u8]) -> [u8; 32] {
    Sha256::digest(Label::LinkCommitment.frame(reveal)).into()
}

/// What the old device answers: who it is, and what the newcomer could not foresee.
#[derive(tls_codec::TlsSize, tls_codec::TlsSerialize, tls_codec::TlsDeserialize)]
struct Answer {
    sibling: ClientUri,
    nonce: [u8; 32],
}

#[cfg(test)]
mod tests;
