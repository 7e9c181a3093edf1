//! The one opaque error of the database, and numbers that cross its border.

use std::fmt;

use tokio_postgres::error::SqlState;

/// The database did not do what it was asked. Opaque: callers only ask whether trying again may
/// help.
pub struct Error(Kind);

enum Kind {
    /// A value that cannot have been written by this program.
    Corrupt(&'static str),
    Pool(deadpool_postgres::PoolError),
    Postgres(tokio_postgres::Error),
    Refinery(refinery::Error),
    /// It did not answer in time.
    Silent,
}

impl Error {
    /// A stored value that this program cannot have written.
    pub(crate) const fn corrupt(what: &'static str) -> Self {
        Self(Kind::Corrupt(what))
    }

    /// The database owes an answer for too long.
    pub(super) const fn silent() -> Self {
        Self(Kind::Silent)
    }

    /// True if the database has no space left on its disk.
    pub(crate) fn is_full(&self) -> bool {
        match &self.0 {
            Kind::Pool(deadpool_postgres::PoolError::Backend(error)) | Kind::Postgres(error) => {
                error.code() == Some(&SqlState::DISK_FULL)
            }
            Kind::Corrupt(_) | Kind::Pool(_) | Kind::Refinery(_) | Kind::Silent => false,
        }
    }

    /// True if the database cannot be reached at the moment, so that the same call may succeed
    /// later.
    pub(crate) fn is_unavailable(&self) -> bool {
        match &self.0 {
            Kind::Corrupt(_) | Kind::Refinery(_) => false,
            Kind::Pool(deadpool_postgres::PoolError::Backend(error)) | Kind::Postgres(error) => {
                lost(error)
            }
            Kind::Pool(_) | Kind::Silent => true,
        }
    }
}

fn lost(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        None => true,
        Some(code) => {
            *code == SqlState::ADMIN_SHUTDOWN
                || *code == SqlState::CANNOT_CONNECT_NOW
                || *code == SqlState::CRASH_SHUTDOWN
                // As a standby is, to which somebody switched over too early.
                || *code == SqlState::READ_ONLY_SQL_TRANSACTION
                || *code == SqlState::TOO_MANY_CONNECTIONS
                || code.code().starts_with("08")
        }
    }
}

/// Never the detail and hint PostgreSQL adds: they quote values, and values are people's.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Corrupt(what) => write!(f, "the database holds an impossible {what}"),
            Kind::Pool(deadpool_postgres::PoolError::Backend(error)) | Kind::Postgres(error) => {
                write_postgres(f, error)
            }
            Kind::Pool(deadpool_postgres::PoolError::Timeout(_)) => {
                f.write_str("no database connection became free in time")
            }
            Kind::Pool(_) => f.write_str("the pool of database connections is closed"),
            Kind::Refinery(error) => write!(f, "migration failed: {error}"),
            Kind::Silent => f.write_str("the database does not answer"),
        }
    }
}

fn write_postgres(f: &mut fmt::Formatter<'_>, error: &tokio_postgres::Error) -> fmt::Result {
    match error.as_db_error() {
        Some(db) => {
            write!(f, "PostgreSQL said {}: {}", db.code().code(), db.message())?;
            db.constraint()
                .map_or(Ok(()), |constraint| write!(f, " ({constraint})"))
        }
        None => match std::error::Error::source(error) {
            Some(source) => write!(f, "{error}: {source}"),
            None => write!(f, "{error}"),
        },
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "db::Error({self})")
    }
}

impl std::error::Error for Error {}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self(Kind::Postgres(error))
    }
}

impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self(Kind::Pool(error))
    }
}

impl From<refinery::Error> for Error {
    fn from(error: refinery::Error) -> Self {
        Self(Kind::Refinery(error))
    }
}

/// A count or time as PostgreSQL's `bigint`, which ends at 2^63 - 1: larger values become that.
pub(crate) fn to_bigint(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A `bigint` that was written by [`to_bigint`].
///
/// # Errors
/// When it is negative.
pub(crate) fn from_bigint(value: i64) -> Result<u64, Error> {
    u64::try_from(value).map_err(|_negative| Error::corrupt("negative number"))
}
