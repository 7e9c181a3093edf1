//! Statements about links, on which a new device and an old one meet.

use tokio_postgres::Row;

use super::{Error, Tx, from_bigint, to_bigint};
use crate::clock::Timestamp;

/// A link to be added.
pub(crate) struct NewLink {
    pub(crate) link: [u8; 16],
    pub(crate) token_hash: [u8; 32],
    pub(crate) now: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A link that has not expired.
#[derive(Debug)]
pub(crate) struct LinkRow {
    pub(crate) token_hash: [u8; 32],
    pub(crate) expires_at: Timestamp,
    pub(crate) step: LinkStep,
}

/// How far a link has come, and what was left on it.
#[derive(Debug)]
pub(crate) struct LinkStep {
    /// 1 open, 2 answered, 3 revealed, 4 sealed, 5 cancelled.
    pub(crate) phase: i16,
    pub(crate) answered_by: Option<i64>,
    pub(crate) answer: Option<Vec<u8>>,
    pub(crate) reveal: Option<Vec<u8>>,
    pub(crate) package: Option<Vec<u8>>,
}

impl Tx<'_> {
    /// Adds a link, unless there are `most` already that have not expired. False if there are.
    pub(crate) async fn add_link(&self, new: &NewLink, most: i64) -> Result<bool, Error> {
        let added = self
            .exec(
                "-- add_link
                 INSERT INTO links (link, token_hash, created_at, expires_at, phase)
                 SELECT $1, $2, $3, $4, 1
                 WHERE (SELECT count(*) FROM links WHERE expires_at > $3) < $5",
                &[
                    &new.link.as_slice(),
                    &new.token_hash.as_slice(),
                    &to_bigint(new.now.ms()),
                    &to_bigint(new.expires_at.ms()),
                    &most,
                ],
            )
            .await?;
        Ok(added == 1)
    }

    /// A link that has not expired.
    pub(crate) async fn find_link(
        &self,
        link: &[u8; 16],
        now: Timestamp,
    ) -> Result<Option<LinkRow>, Error> {
        let row = self
            .opt(
                "-- find_link
                 SELECT token_hash, expires_at, phase, answered_by, answer, reveal, package
                 FROM links
                 WHERE link = $1 AND expires_at > $2",
                &[&link.as_slice(), &to_bigint(now.ms())],
            )
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// A link that has not expired; its row is locked until the transaction ends.
    pub(crate) async fn lock_link(
        &self,
        link: &[u8; 16],
        now: Timestamp,
    ) -> Result<Option<LinkRow>, Error> {
        let row = self
            .opt(
                "-- lock_link
                 SELECT token_hash, expires_at, phase, answered_by, answer, reveal, package
                 FROM links
                 WHERE link = $1 AND expires_at > $2
                 FOR UPDATE",
                &[&link.as_slice(), &to_bigint(now.ms())],
            )
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Writes how far a link has come. Its row must be locked.
    pub(crate) async fn advance_link(&self, link: &[u8; 16], step: &LinkStep) -> Result<(), Error> {
        let _rows = self
            .exec(
                "-- advance_link
                 UPDATE links SET phase = $2, answered_by = $3, answer = $4, reveal = $5, package = $6
                 WHERE link = $1",
                &[
                    &link.as_slice(),
                    &step.phase,
                    &step.answered_by,
                    &step.answer,
                    &step.reveal,
                    &step.package,
                ],
            )
            .await?;
        Ok(())
    }

    /// Removes a link with all that was left on it.
    pub(crate) async fn remove_link(&self, link: &[u8; 16]) -> Result<(), Error> {
        let _rows = self
            .exec(
                "-- remove_link
                 DELETE FROM links WHERE link = $1",
                &[&link.as_slice()],
            )
            .await?;
        Ok(())
    }

    /// Cancels the links that these devices answered, and returns which.
    pub(crate) async fn cancel_links_of(&self, devices: &[i64]) -> Result<Vec<[u8; 16]>, Error> {
        let rows = self
            .all(
                "-- cancel_links_of
                 UPDATE links SET phase = 5, answer = NULL, reveal = NULL, package = NULL
                 WHERE answered_by = ANY ($1::bigint[]) AND phase <> 5
                 RETURNING link",
                &[&devices],
            )
            .await?;
        rows.iter().map(|row| exactly(row, 0)).collect()
    }

    /// Removes links that have expired. Returns how many went.
    pub(crate) async fn remove_expired_links(&self, now: Timestamp) -> Result<u64, Error> {
        self.exec(
            "-- remove_expired_links
             DELETE FROM links WHERE expires_at <= $1",
            &[&to_bigint(now.ms())],
        )
        .await
    }
}

fn read(row: &Row) -> Result<LinkRow, Error> {
    Ok(LinkRow {
        token_hash: exactly(row, 0)?,
        expires_at: Timestamp::from_ms(from_bigint(row.try_get(1)?)?),
        step: LinkStep {
            phase: row.try_get(2)?,
            answered_by: row.try_get(3)?,
            answer: row.try_get(4)?,
            reveal: row.try_get(5)?,
            package: row.try_get(6)?,
        },
    })
}

fn exactly<const N: usize>(row: &Row, at: usize) -> Result<[u8; N], Error> {
    let bytes: &[u8] = row.try_get(at)?;
    bytes.try_into().map_err(|_length| Error::corrupt("link"))
}
