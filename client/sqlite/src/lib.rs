//! A profile's database: one file, encrypted as a whole by SQLCipher.
//!
//! It keeps what [`grove_core::store`] asks for and gives it no meaning. It must not know the
//! network, nor MLS: ratchet state is opaque bytes here.
//!
//! The surprise: two processes may have the same file open. Every transaction takes the write lock
//! at its start (`BEGIN IMMEDIATE`), since it may read first and write later, and a reader that
//! turned writer would fail when somebody wrote in between.

mod error;
mod key;
mod migrate;
mod tx;

use std::path::Path;
use std::time::Duration;

use grove_core::store::{Store, StoreError, Tx};
use rusqlite::{Connection, TransactionBehavior};

pub use key::Key;

use crate::error::Sql;
use crate::tx::OpenTx;

/// How long a transaction waits for another process.
const PATIENCE: Duration = Duration::from_secs(15);

/// The database of one profile.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
}

impl SqliteStore {
    /// Opens the database at `path`, or makes an empty one, and brings its schema up to date.
    /// Permissions of the file are the caller's to set.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] if `key` does not open it, [`StoreError::TooNew`] if a newer
    /// version of this program wrote it, [`StoreError::Busy`] if another process holds it, else
    /// what the file system says.
    pub fn open(path: &Path, key: &Key) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path).sql()?;
        connection.busy_timeout(PATIENCE).sql()?;
        // A wrong key is our error to tell, not a log line of SQLCipher.
        connection
            .pragma_update(None, "cipher_log_level", "NONE")
            .sql()?;
        key.unlock(&connection)?;
        configure(&connection)?;
        migrate::migrate(&mut connection)?;
        Ok(Self { connection })
    }
}

/// `synchronous = FULL`: a ratchet that falls back after a power cut would use a key twice.
/// Temporary tables stay in memory, since they are not encrypted.
fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .sql()?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .sql()?;
    connection
        .pragma_update(None, "temp_store", "MEMORY")
        .sql()?;
    connection
        .pragma_update(None, "secure_delete", "FAST")
        .sql()
}

impl Store for SqliteStore {
    fn transaction<R, E: From<StoreError>>(
        &mut self,
        run: impl FnOnce(&mut dyn Tx) -> Result<R, E>,
    ) -> Result<R, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .sql()?;
        let mut open = OpenTx(transaction);
        let result = run(&mut open)?;
        open.0.commit().sql()?;
        Ok(result)
    }

    fn generation(&self) -> Result<u64, StoreError> {
        tx::generation(&self.connection)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_core::store::{Store as _, StoreError};
    use zeroize::Zeroizing;

    use super::{Key, SqliteStore};

    #[test]
    fn a_disk_without_room_is_called_full() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::Raw(Zeroizing::new([7; 32]));
        let mut store = SqliteStore::open(&folder.path().join("grove.db"), &key).unwrap();
        // As many pages as there are: SQLite says of both that there is no room.
        store
            .connection
            .pragma_update(None, "max_page_count", 1)
            .unwrap();
        let big = vec![7; 1 << 20];
        let full =
            store.transaction(|tx| (0..8_u8).try_for_each(|at| tx.put_record(&[at], Some(&big))));
        assert_eq!(full, Err::<(), _>(StoreError::Full));
    }
}
