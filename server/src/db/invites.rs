//! Statements about invites.

use super::{Error, Tx, from_bigint, to_bigint};
use crate::clock::Timestamp;

/// An invite to be added.
pub(crate) struct NewInvite {
    pub(crate) token_hash: [u8; 32],
    pub(crate) uses: i32,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// An invite, without its token, which nobody can know.
#[derive(Debug)]
pub(crate) struct InviteRow {
    pub(crate) invite_id: i64,
    pub(crate) uses: i32,
    pub(crate) uses_left: i32,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) revoked: bool,
}

impl Tx<'_> {
    /// Adds an invite; returns its number.
    pub(crate) async fn add_invite(&self, new: &NewInvite) -> Result<i64, Error> {
        let row = self
            .one(
                "-- add_invite
                 INSERT INTO invites (token_hash, uses, uses_left, created_at, expires_at)
                 VALUES ($1, $2, $2, $3, $4)
                 RETURNING invite_id",
                &[
                    &new.token_hash.as_slice(),
                    &new.uses,
                    &to_bigint(new.created_at.ms()),
                    &to_bigint(new.expires_at.ms()),
                ],
            )
            .await?;
        Ok(row.try_get(0)?)
    }

    /// Takes one use of an invite. False if there is none to take.
    pub(crate) async fn claim_invite(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<bool, Error> {
        let claimed = self
            .exec(
                "-- claim_invite
                 UPDATE invites SET uses_left = uses_left - 1
                 WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2 AND revoked_at IS NULL",
                &[&token_hash.as_slice(), &to_bigint(now.ms())],
            )
            .await?;
        Ok(claimed == 1)
    }

    /// The newest invites before `before`, at most `limit`.
    pub(crate) async fn list_invites(
        &self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<InviteRow>, Error> {
        let rows = self
            .all(
                "-- list_invites
                 SELECT invite_id, uses, uses_left, created_at, expires_at, revoked_at IS NOT NULL
                 FROM invites
                 WHERE invite_id < $1
                 ORDER BY invite_id DESC
                 LIMIT $2",
                &[&before, &limit],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(InviteRow {
                    invite_id: row.try_get(0)?,
                    uses: row.try_get(1)?,
                    uses_left: row.try_get(2)?,
                    created_at: Timestamp::from_ms(from_bigint(row.try_get(3)?)?),
                    expires_at: Timestamp::from_ms(from_bigint(row.try_get(4)?)?),
                    revoked: row.try_get(5)?,
                })
            })
            .collect()
    }

    /// Marks an invite revoked. False if there is no such invite.
    pub(crate) async fn revoke_invite(
        &self,
        invite_id: i64,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let changed = self
            .exec(
                "-- revoke_invite
                 UPDATE invites SET revoked_at = COALESCE(revoked_at, $2) WHERE invite_id = $1",
                &[&invite_id, &to_bigint(now.ms())],
            )
            .await?;
        Ok(changed == 1)
    }
}
