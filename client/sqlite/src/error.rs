//! The one place where SQLite's errors become the store's.

use grove_core::store::StoreError;
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

/// Turns a result of SQLite into one of the store.
pub(crate) trait Sql<T> {
    fn sql(self) -> Result<T, StoreError>;
}

impl<T> Sql<T> for rusqlite::Result<T> {
    fn sql(self) -> Result<T, StoreError> {
        self.map_err(|error| translate(&error))
    }
}

fn translate(error: &rusqlite::Error) -> StoreError {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, SqliteFailure,
        Utf8Error,
    };
    match error {
        SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
            ErrorCode::DatabaseCorrupt => StoreError::Damaged(error.to_string()),
            ErrorCode::DiskFull => StoreError::Full,
            // The index of the write-ahead log is a file of its own, and not called full.
            _ if failure.extended_code == SQLITE_IOERR_SHMSIZE => StoreError::Full,
            ErrorCode::NotADatabase => StoreError::WrongKey,
            _ => StoreError::Io(error.to_string()),
        },
        FromSqlConversionFailure(..)
        | IntegralValueOutOfRange(..)
        | InvalidColumnType(..)
        | Utf8Error(..) => StoreError::Damaged(error.to_string()),
        _ => StoreError::Io(error.to_string()),
    }
}
