//! Statements about users, their device lists, and whose database this is.

use tokio_postgres::Row;
use zeroize::Zeroizing;

use super::{Error, Tx, from_bigint, to_bigint};
use crate::clock::Timestamp;

/// A user to be added.
pub(crate) struct NewAccount<'a> {
    pub(crate) name: &'a str,
    pub(crate) device_list_version: u64,
    pub(crate) now: Timestamp,
}

/// A user.
#[derive(Debug)]
pub(crate) struct AccountRow {
    pub(crate) user_id: i64,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) device_list_version: u64,
    pub(crate) disabled_at: Option<Timestamp>,
    pub(crate) active_devices: u64,
}

/// Whose database this is.
pub(crate) struct IdentityRow {
    pub(crate) domain: String,
    /// The public key.
    pub(crate) server_key: Vec<u8>,
    /// The secret behind it, if it is kept here.
    pub(crate) server_seed: Option<Zeroizing<Vec<u8>>>,
}

impl Tx<'_> {
    /// Remembers whose database this is, unless it is known already; returns what is remembered.
    pub(crate) async fn settle_server_identity(
        &self,
        domain: &str,
        server_key: &[u8; 32],
        server_seed: &[u8; 32],
        now: Timestamp,
    ) -> Result<IdentityRow, Error> {
        let row = self
            .one(
                "-- settle_server_identity
                 INSERT INTO server_identity (domain, server_key, server_seed, created_at)
                 VALUES ($1, $2, $3, $4)
                 ON CONFLICT (only_row) DO UPDATE SET only_row = true
                 RETURNING domain, server_key, server_seed",
                &[
                    &domain,
                    &server_key.as_slice(),
                    &server_seed.as_slice(),
                    &to_bigint(now.ms()),
                ],
            )
            .await?;
        let seed: Option<Vec<u8>> = row.try_get(2)?;
        Ok(IdentityRow {
            domain: row.try_get(0)?,
            server_key: row.try_get(1)?,
            server_seed: seed.map(Zeroizing::new),
        })
    }

    /// Remembers the secret half of the server's key, which was kept elsewhere until now.
    pub(crate) async fn add_server_seed(&self, server_seed: &[u8; 32]) -> Result<(), Error> {
        let _rows = self
            .exec(
                "-- add_server_seed
                 UPDATE server_identity SET server_seed = $1 WHERE server_seed IS NULL",
                &[&server_seed.as_slice()],
            )
            .await?;
        Ok(())
    }

    /// Adds a user; `None` if the name is taken.
    pub(crate) async fn add_account(&self, new: &NewAccount<'_>) -> Result<Option<i64>, Error> {
        let row = self
            .opt(
                "-- add_account
                 INSERT INTO users (name, created_at, device_list_version)
                 VALUES ($1, $2, $3)
                 ON CONFLICT (name) DO NOTHING
                 RETURNING user_id",
                &[
                    &new.name,
                    &to_bigint(new.now.ms()),
                    &to_bigint(new.device_list_version),
                ],
            )
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// The user of this name.
    pub(crate) async fn find_account(&self, name: &str) -> Result<Option<AccountRow>, Error> {
        self.opt(
            "-- find_account
             SELECT u.user_id, u.name, u.created_at, u.device_list_version, u.disabled_at,
                    (SELECT count(*) FROM devices d WHERE d.user_id = u.user_id AND d.revoked_at IS NULL)
             FROM users u
             WHERE u.name = $1",
            &[&name],
        )
        .await?
        .map(|row| account(&row))
        .transpose()
    }

    /// Up to `limit` users in the order of their names, after `after`.
    pub(crate) async fn list_accounts(
        &self,
        after: &str,
        limit: i64,
    ) -> Result<Vec<AccountRow>, Error> {
        let rows = self
            .all(
                "-- list_accounts
                 SELECT u.user_id, u.name, u.created_at, u.device_list_version, u.disabled_at,
                        (SELECT count(*) FROM devices d WHERE d.user_id = u.user_id AND d.revoked_at IS NULL)
                 FROM users u
                 WHERE u.name > $1
                 ORDER BY u.name
                 LIMIT $2",
                &[&after, &limit],
            )
            .await?;
        rows.iter().map(account).collect()
    }

    /// Locks a user's row until the transaction ends; returns the version of the newest device
    /// list.
    pub(crate) async fn lock_account(&self, user_id: i64) -> Result<Option<u64>, Error> {
        let row = self
            .opt(
                "-- lock_account
                 SELECT device_list_version FROM users WHERE user_id = $1 FOR UPDATE",
                &[&user_id],
            )
            .await?;
        row.map(|row| from_bigint(row.try_get(0)?)).transpose()
    }

    /// Marks a user disabled since `since`, or enabled again. False if there is no such user.
    pub(crate) async fn set_disabled(
        &self,
        name: &str,
        since: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let since = since.map(|since| to_bigint(since.ms()));
        let changed = self
            .exec(
                "-- set_disabled
                 UPDATE users SET disabled_at = CASE
                     WHEN $2::bigint IS NULL THEN NULL
                     ELSE COALESCE(disabled_at, $2) END
                 WHERE name = $1",
                &[&name, &since],
            )
            .await?;
        Ok(changed == 1)
    }

    /// Adds the next device list of a user, whose row is locked, and makes it the newest.
    pub(crate) async fn append_device_list(
        &self,
        user_id: i64,
        version: u64,
        list: &[u8],
        now: Timestamp,
    ) -> Result<(), Error> {
        let _rows = self
            .exec(
                "-- append_device_list
                 WITH added AS (
                     INSERT INTO device_lists (user_id, version, list, received_at)
                     VALUES ($1, $2, $3, $4)
                     RETURNING user_id, version
                 )
                 UPDATE users u SET device_list_version = added.version
                 FROM added
                 WHERE u.user_id = added.user_id",
                &[&user_id, &to_bigint(version), &list, &to_bigint(now.ms())],
            )
            .await?;
        Ok(())
    }

    /// The newest device list of the user of this name.
    pub(crate) async fn find_device_list(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let row = self
            .opt(
                "-- find_device_list
                 SELECT l.list
                 FROM users u
                 JOIN device_lists l ON l.user_id = u.user_id AND l.version = u.device_list_version
                 WHERE u.name = $1",
                &[&name],
            )
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Keeps the newest device lists of the users of these names from being replaced until the
    /// transaction ends.
    pub(crate) async fn share_accounts(&self, names: &[&str]) -> Result<(), Error> {
        let _rows = self
            .all(
                "-- share_accounts
                 SELECT user_id FROM users WHERE name = ANY ($1::text[]) ORDER BY user_id FOR SHARE",
                &[&names],
            )
            .await?;
        Ok(())
    }

    /// The newest device lists of the users of these names.
    pub(crate) async fn list_device_lists(&self, names: &[&str]) -> Result<Vec<Vec<u8>>, Error> {
        let rows = self
            .all(
                "-- list_device_lists
                 SELECT l.list
                 FROM users u
                 JOIN device_lists l ON l.user_id = u.user_id AND l.version = u.device_list_version
                 WHERE u.name = ANY ($1::text[])",
                &[&names],
            )
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// One device list of the user of this name.
    pub(crate) async fn find_device_list_version(
        &self,
        name: &str,
        version: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let row = self
            .opt(
                "-- find_device_list_version
                 SELECT l.list
                 FROM users u
                 JOIN device_lists l ON l.user_id = u.user_id
                 WHERE u.name = $1 AND l.version = $2",
                &[&name, &to_bigint(version)],
            )
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }
}

fn account(row: &Row) -> Result<AccountRow, Error> {
    let disabled_at: Option<i64> = row.try_get(4)?;
    Ok(AccountRow {
        user_id: row.try_get(0)?,
        name: row.try_get(1)?,
        created_at: Timestamp::from_ms(from_bigint(row.try_get(2)?)?),
        device_list_version: from_bigint(row.try_get(3)?)?,
        disabled_at: disabled_at
            .map(|at| from_bigint(at).map(Timestamp::from_ms))
            .transpose()?,
        active_devices: from_bigint(row.try_get(5)?)?,
    })
}
