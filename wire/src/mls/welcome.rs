//! The Welcome and its entries, one per added client (RFC 9420, section 12.4.3.1).
//!
//! A hub cuts a Welcome apart so that each client gets its own entry only, and the large common
//! part is stored once.

use super::cursor::Cursor;
use super::raw::raw;
use crate::codec::{DecodeError, append_opaque};
use crate::limits::MAX_WELCOME_BYTES;

raw! {
    /// A Welcome.
    Welcome, welcome, MAX_WELCOME_BYTES
}

/// A Welcome in its parts.
#[derive(Clone, PartialEq, Eq)]
pub struct WelcomeParts {
    /// The group's suite.
    pub cipher_suite: u16,
    /// One per added client.
    pub secrets: Vec<WelcomeSecret>,
    /// What all of them share.
    pub encrypted_group_info: Vec<u8>,
}

/// The entry of one added client.
#[derive(Clone, PartialEq, Eq)]
pub struct WelcomeSecret {
    /// The hash of the `KeyPackage` that was used.
    pub key_package_ref: Vec<u8>,
    /// The whole `EncryptedGroupSecrets`, reference included.
    pub bytes: Vec<u8>,
}

impl Welcome {
    /// Takes bytes that a walk around them has covered already.
    pub(super) fn walked(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The references of the `KeyPackage`s used, in order.
    pub fn recipients(&self) -> Vec<&[u8]> {
        self.entries()
            .map(|(reference, _entry)| reference)
            .collect()
    }

    /// A Welcome with the entry at this index only.
    pub fn entry_for(&self, index: usize) -> Option<Self> {
        let (_reference, entry) = self.entries().nth(index)?;
        Some(Self::assemble(
            self.cipher_suite(),
            entry,
            self.encrypted_group_info(),
        ))
    }

    /// The suite.
    pub fn cipher_suite(&self) -> u16 {
        Cursor::new(&self.0).u16()
    }

    /// What all added clients share.
    pub fn encrypted_group_info(&self) -> &[u8] {
        let mut cursor = Cursor::new(&self.0);
        cursor.u16(); // cipher_suite
        cursor.opaque(); // secrets
        cursor.opaque()
    }

    /// Cuts the Welcome apart.
    pub fn split(&self) -> WelcomeParts {
        WelcomeParts {
            cipher_suite: self.cipher_suite(),
            secrets: self
                .entries()
                .map(|(reference, entry)| WelcomeSecret {
                    key_package_ref: reference.to_vec(),
                    bytes: entry.to_vec(),
                })
                .collect(),
            encrypted_group_info: self.encrypted_group_info().to_vec(),
        }
    }

    /// Puts one client's Welcome together from parts that [`Self::split`] gave.
    ///
    /// # Errors
    /// What [`DecodeError`] lists, when the parts are not such.
    pub fn join(
        cipher_suite: u16,
        secret: &[u8],
        encrypted_group_info: &[u8],
    ) -> Result<Self, DecodeError> {
        let welcome = Self::from_bytes(
            Self::assemble(cipher_suite, secret, encrypted_group_info).into_bytes(),
        )?;
        match welcome.entries().count() {
            1 => Ok(welcome),
            _ => Err(DecodeError::malformed("a client's Welcome has one entry")),
        }
    }

    fn assemble(cipher_suite: u16, secret: &[u8], encrypted_group_info: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(2 + 4 + secret.len() + 4 + encrypted_group_info.len());
        bytes.extend_from_slice(&cipher_suite.to_be_bytes());
        append_opaque(&mut bytes, secret);
        append_opaque(&mut bytes, encrypted_group_info);
        Self(bytes)
    }

    /// Each entry: the reference in it, and all of it.
    fn entries(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut cursor = Cursor::new(&self.0);
        cursor.u16(); // cipher_suite
        let mut secrets = Cursor::new(cursor.opaque());
        std::iter::from_fn(move || {
            if secrets.is_at_end() {
                return None;
            }
            let start = secrets.rest();
            let reference = secrets.opaque();
            secrets.opaque(); // kem_output
            secrets.opaque(); // ciphertext
            Some((
                reference,
                start
                    .get(..start.len() - secrets.rest().len())
                    .unwrap_or_default(),
            ))
        })
    }
}

impl std::fmt::Debug for WelcomeParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WelcomeParts")
            .field("cipher_suite", &self.cipher_suite)
            .field("secrets", &self.secrets.len())
            .field(
                "encrypted_group_info_bytes",
                &self.encrypted_group_info.len(),
            )
            .finish()
    }
}

impl std::fmt::Debug for WelcomeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WelcomeSecret({} bytes)", self.bytes.len())
    }
}
