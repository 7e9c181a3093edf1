//! What a sender saw when it sent: the four private extensions by which members notice that a hub
//! shows them different histories, or keeps messages from them.
//!
//! Knows their encoding; must not know how a mismatch is judged.
//!
//! The surprise: the counter is the sender's own, not the ratchet's. It is fixed when the message
//! enters the outbox, so a message that is sealed twice still counts once.

use super::MimiContent;
use super::extensions::{ExtensionKey, ExtensionValue, Extensions};

/// The number of the message among those that this device has begun in the room, from 1.
const COUNTER: ExtensionKey = ExtensionKey::Number(-1);
/// The newest signed receipt the sender holds.
const RECEIPT: ExtensionKey = ExtensionKey::Number(-2);
/// SHA-256 of the sender's epoch authenticator.
const AUTHENTICATOR: ExtensionKey = ExtensionKey::Number(-3);

/// How many messages of this device the hub has accepted in the room before.
const SENT: ExtensionKey = ExtensionKey::Number(-4);

/// Why the extensions do not make a witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a part of what the sender saw is missing or malformed")]
pub struct WitnessError;

/// What the sender saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The number of the message among those that this device has begun in the room, from 1, with
    /// those that were refused; at most 2^53 - 1. It is fixed when the message is written.
    pub counter: u64,
    /// How many messages of this device the hub has accepted in the room before this one; at most
    /// 2^53 - 1. Whoever has read fewer misses some.
    pub sent: u64,
    /// The newest receipt it holds, as a `SignedReceipt`'s bytes; none before the first.
    pub receipt: Option<Vec<u8>>,
    /// SHA-256 of its epoch authenticator.
    pub authenticator: [u8; 32],
}

impl MimiContent {
    /// Puts a witness into the message, in place of any before. A receipt may become known only
    /// when the message is sealed; counter and salt stay what they are.
    #[must_use]
    pub fn with_witness(mut self, witness: &Witness) -> Self {
        let integer = |number: u64| {
            let number = i64::try_from(number).unwrap_or(super::MAX_INTEGER);
            ExtensionValue::Integer(number.min(super::MAX_INTEGER))
        };
        let entries = &mut self.extensions.0;
        entries.insert(COUNTER, integer(witness.counter));
        entries.insert(SENT, integer(witness.sent));
        entries.insert(
            AUTHENTICATOR,
            ExtensionValue::Bytes(witness.authenticator.to_vec()),
        );
        match &witness.receipt {
            Some(receipt) => entries.insert(RECEIPT, ExtensionValue::Bytes(receipt.clone())),
            None => entries.remove(&RECEIPT),
        };
        self
    }

    /// The witness in the message. Clients other than ours send none.
    ///
    /// # Errors
    /// [`WitnessError`] when there is one that is not whole.
    pub fn witness(&self) -> Result<Option<Witness>, WitnessError> {
        read(&self.extensions)
    }
}

fn read(extensions: &Extensions) -> Result<Option<Witness>, WitnessError> {
    let found = [COUNTER, RECEIPT, AUTHENTICATOR, SENT].map(|key| extensions.find(&key));
    let (counter, receipt, authenticator, sent) = match found {
        [None, None, None, None] => return Ok(None),
        [
            Some(ExtensionValue::Integer(counter)),
            receipt,
            Some(ExtensionValue::Bytes(authenticator)),
            Some(ExtensionValue::Integer(sent)),
        ] => (counter, receipt, authenticator, sent),
        _ => return Err(WitnessError),
    };
    let receipt = match receipt {
        None => None,
        Some(ExtensionValue::Bytes(receipt)) => Some(receipt.clone()),
        Some(_) => return Err(WitnessError),
    };
    Ok(Some(Witness {
        counter: u64::try_from(*counter).map_err(|_negative| WitnessError)?,
        sent: u64::try_from(*sent).map_err(|_negative| WitnessError)?,
        receipt,
        authenticator: authenticator
            .as_slice()
            .try_into()
            .map_err(|_length| WitnessError)?,
    }))
}
