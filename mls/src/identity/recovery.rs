//! The recovery key as 24 words that people can write down (BIP-39, English).
//!
//! Must not know where the words are shown or typed.
//!
//! The surprise: the words are the key's seed itself, not a passphrase for it. There is nothing
//! else to lose or to guess.

use bip39::{Language, Mnemonic};
use zeroize::{Zeroize as _, Zeroizing};

use super::keys::RecoveryKey;

/// Why words are not a recovery key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// All words are known, but not in this order: the checksum is wrong.
    #[error("the words do not belong together: one is wrong or two are swapped")]
    Checksum,
    /// Not 24 words.
    #[error("a recovery key has 24 words")]
    Count,
    /// A word that is not in the list; counted from 1.
    #[error("word {0} is not in the list of words")]
    UnknownWord(usize),
}

impl RecoveryKey {
    /// The key as 24 English words with one space between them. Wiped when dropped.
    pub fn words(&self) -> Zeroizing<String> {
        Zeroizing::new(mnemonic(self.seed()).words().collect::<Vec<_>>().join(" "))
    }

    /// The key of 24 words. Case and white space do not matter.
    ///
    /// # Errors
    /// [`WordsError`].
    pub fn from_words(words: &str) -> Result<Self, WordsError> {
        let words = Zeroizing::new(words.to_lowercase());
        let normal = Zeroizing::new(words.split_whitespace().collect::<Vec<_>>().join(" "));
        if normal.split(' ').count() != 24 {
            return Err(WordsError::Count);
        }
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &normal).map_err(
            |error| match error {
                bip39::Error::UnknownWord(index) => WordsError::UnknownWord(index + 1),
                _ => WordsError::Checksum,
            },
        )?;
        let mut entropy = mnemonic.to_entropy();
        let seed = <[u8; 32]>::try_from(entropy.as_slice()).map_err(|_length| WordsError::Count);
        entropy.zeroize();
        Ok(Self::from_seed(seed?))
    }
}

fn mnemonic(seed: &[u8; 32]) -> Mnemonic {
    #[expect(
        clippy::expect_used,
        reason = "BIP-39 takes 32 bytes of entropy, and a seed has 32"
    )]
    Mnemonic::from_entropy_in(Language::English, seed).expect("32 bytes are 24 words")
}
