//! How our values stand in SQLite's four types, both ways. What does not fit is damage.

use std::str::FromStr;

use grove_core::store::{Seed, StoreError};
use rusqlite::Row;
use rusqlite::types::{FromSql, Type, ValueRef};

/// SQLite's integers are signed.
pub(super) fn integer(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value)
        .map_err(|_too_large| StoreError::Damaged("a number exceeds 63 bits".to_owned()))
}

/// The number of the row just added.
pub(super) fn row_number(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value)
        .map_err(|_negative| StoreError::Damaged("a row has a negative number".to_owned()))
}

/// A column parsed from text.
pub(super) fn parsed<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
    })
}

/// A column parsed from text, if there is any.
pub(super) fn optional<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match row.get::<_, Option<String>>(column)? {
        Some(_text) => parsed(row, column).map(Some),
        None => Ok(None),
    }
}

/// A column with one of a few words.
pub(super) fn word<T>(
    row: &Row<'_>,
    column: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    read(&text).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            0,
            Type::Text,
            format!("unknown word in {column}").into(),
        )
    })
}

/// A column of one word of several, or none.
pub(super) fn optional_word<T>(
    row: &Row<'_>,
    column: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => word(row, column, read).map(Some),
    }
}

/// A column of a number that is not negative.
pub(super) fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get(column)
}

/// A column of a fixed number of bytes.
pub(super) fn array<const N: usize>(row: &Row<'_>, column: &str) -> rusqlite::Result<[u8; N]>
where
    [u8; N]: FromSql,
{
    row.get(column)
}

/// A column of a seed.
pub(super) fn seed(row: &Row<'_>, column: &str) -> rusqlite::Result<Seed> {
    Ok(Seed::new(array(row, column)?))
}
