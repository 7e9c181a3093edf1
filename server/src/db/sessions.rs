//! Statements about sessions.

use super::devices::timestamp;
use super::{Error, Tx, from_bigint, to_bigint};
use crate::clock::Timestamp;

/// A session to be added.
pub(crate) struct NewSession {
    pub(crate) token_hash: [u8; 32],
    pub(crate) device_id: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A session of an active device of a user who is not disabled. It may have expired.
#[derive(Debug)]
pub(crate) struct SessionRow {
    pub(crate) device_id: i64,
    pub(crate) client: String,
    pub(crate) user_id: i64,
    pub(crate) name: String,
    pub(crate) expires_at: Timestamp,
    /// When its device was last seen, as far as it was written.
    pub(crate) last_seen_at: Option<Timestamp>,
}

impl Tx<'_> {
    /// Adds a session.
    pub(crate) async fn add_session(&self, new: &NewSession) -> Result<(), Error> {
        let _rows = self
            .exec(
                "-- add_session
                 INSERT INTO sessions (token_hash, device_id, created_at, expires_at)
                 VALUES ($1, $2, $3, $4)",
                &[
                    &new.token_hash.as_slice(),
                    &new.device_id,
                    &to_bigint(new.created_at.ms()),
                    &to_bigint(new.expires_at.ms()),
                ],
            )
            .await?;
        Ok(())
    }

    /// The session with this token hash.
    pub(crate) async fn find_session(
        &self,
        token_hash: &[u8; 32],
    ) -> Result<Option<SessionRow>, Error> {
        let row = self
            .opt(
                "-- find_session
                 SELECT d.device_id, d.client, u.user_id, u.name, s.expires_at, d.last_seen_at
                 FROM sessions s
                 JOIN devices d ON d.device_id = s.device_id
                 JOIN users u ON u.user_id = d.user_id
                 WHERE s.token_hash = $1 AND d.revoked_at IS NULL AND u.disabled_at IS NULL",
                &[&token_hash.as_slice()],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(SessionRow {
            device_id: row.try_get(0)?,
            client: row.try_get(1)?,
            user_id: row.try_get(2)?,
            name: row.try_get(3)?,
            expires_at: Timestamp::from_ms(from_bigint(row.try_get(4)?)?),
            last_seen_at: timestamp(row.try_get(5)?)?,
        }))
    }

    /// Removes one session; nothing happens if it is gone already.
    pub(crate) async fn remove_session(&self, token_hash: &[u8; 32]) -> Result<(), Error> {
        let _rows = self
            .exec(
                "-- remove_session
                 DELETE FROM sessions WHERE token_hash = $1",
                &[&token_hash.as_slice()],
            )
            .await?;
        Ok(())
    }

    /// Removes the oldest sessions of a device until `keep` are left; returns the token hashes of
    /// those that went.
    pub(crate) async fn remove_surplus_sessions(
        &self,
        device_id: i64,
        keep: i64,
    ) -> Result<Vec<[u8; 32]>, Error> {
        let rows = self
            .all(
                "-- remove_surplus_sessions
                 DELETE FROM sessions WHERE session_id IN (
                     SELECT session_id FROM sessions WHERE device_id = $1 ORDER BY session_id DESC OFFSET $2)
                 RETURNING token_hash",
                &[&device_id, &keep],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let hash: &[u8] = row.try_get(0)?;
                hash.try_into()
                    .map_err(|_length| Error::corrupt("token hash"))
            })
            .collect()
    }

    /// Removes all sessions of the user of this name. Returns how many went.
    pub(crate) async fn remove_sessions_of(&self, name: &str) -> Result<u64, Error> {
        self.exec(
            "-- remove_sessions_of
             DELETE FROM sessions USING devices d, users u
             WHERE sessions.device_id = d.device_id AND d.user_id = u.user_id AND u.name = $1",
            &[&name],
        )
        .await
    }

    /// Removes sessions that have expired. Returns how many went.
    pub(crate) async fn remove_expired_sessions(&self, now: Timestamp) -> Result<u64, Error> {
        self.exec(
            "-- remove_expired_sessions
             DELETE FROM sessions WHERE expires_at <= $1",
            &[&to_bigint(now.ms())],
        )
        .await
    }
}
