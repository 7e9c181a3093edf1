//! What opens a database.

use std::fmt::{self, Write};

use grove_core::store::StoreError;
use rusqlite::Connection;
use zeroize::Zeroizing;

use crate::error::Sql;

/// What opens a database.
#[derive(Clone)]
pub enum Key {
    /// Words a person types; stretched by SQLCipher (PBKDF2-HMAC-SHA512, 256,000 rounds).
    Passphrase(Zeroizing<String>),
    /// 32 random bytes from a key file; used as they are.
    Raw(Zeroizing<[u8; 32]>),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase(_) => "Passphrase",
            Self::Raw(_) => "Raw",
        })
    }
}

impl Key {
    /// Gives the key to the connection and reads a page, which fails if it is the wrong one.
    pub(crate) fn unlock(&self, connection: &Connection) -> Result<(), StoreError> {
        match self {
            Self::Passphrase(passphrase) => connection
                .pragma_update(None, "key", passphrase.as_str())
                .sql()?,
            Self::Raw(bytes) => {
                let mut literal = Zeroizing::new(String::with_capacity(67));
                literal.push_str("x'");
                for byte in bytes.iter() {
                    write!(literal, "{byte:02x}")
                        .map_err(|error| StoreError::Io(error.to_string()))?;
                }
                literal.push('\'');
                connection
                    .pragma_update(None, "key", literal.as_str())
                    .sql()?;
            }
        }
        connection
            .query_row("SELECT count(*) FROM sqlite_master", [], |_row| Ok(()))
            .sql()
    }
}
