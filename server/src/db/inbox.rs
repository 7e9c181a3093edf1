//! Statements about the inbox of a device.

use grove_wire::uri::RoomUri;

use super::rooms::room_uri;
use super::{Error, RoomId, Tx, from_bigint, to_bigint};

/// A Welcome, cut apart: what its recipients share, and one secret for each device.
pub(crate) struct NewWelcome<'a> {
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    pub(crate) suite: u16,
    pub(crate) encrypted_group_info: &'a [u8],
    pub(crate) secrets: Vec<(i64, &'a [u8])>,
}

/// An entry of an inbox.
#[derive(Debug)]
pub(crate) struct InboxRow {
    pub(crate) id: u64,
    pub(crate) room: RoomUri,
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    pub(crate) suite: u16,
    pub(crate) secret: Vec<u8>,
    pub(crate) encrypted_group_info: Vec<u8>,
}

impl Tx<'_> {
    /// Stores a Welcome and puts each device's entry into its inbox. Locks the devices, so that the
    /// ids within an inbox grow in the order of commits and a reader never passes one by.
    pub(crate) async fn add_welcome(
        &self,
        room: RoomId,
        new: &NewWelcome<'_>,
    ) -> Result<(), Error> {
        let devices: Vec<i64> = new
            .secrets
            .iter()
            .map(|(device_id, _secret)| *device_id)
            .collect();
        let secrets: Vec<&[u8]> = new
            .secrets
            .iter()
            .map(|(_device_id, secret)| *secret)
            .collect();
        let _rows = self
            .exec(
                "-- add_welcome
                 WITH shared AS (
                     INSERT INTO welcomes (room_id, seq, suite, epoch, encrypted_group_info)
                     VALUES ($1, $2, $3, $4, $5)
                 ), addressee AS (
                     SELECT device_id FROM devices
                     WHERE device_id = ANY ($6::bigint[])
                     ORDER BY device_id
                     FOR NO KEY UPDATE
                 )
                 INSERT INTO inbox (device_id, room_id, seq, secret)
                 SELECT n.device_id, $1, $2, n.secret
                 FROM unnest($6::bigint[], $7::bytea[]) AS n (device_id, secret)
                 JOIN addressee a ON a.device_id = n.device_id
                 ORDER BY n.device_id",
                &[
                    &room.0,
                    &to_bigint(new.seq),
                    &i32::from(new.suite),
                    &to_bigint(new.epoch),
                    &new.encrypted_group_info,
                    &devices,
                    &secrets,
                ],
            )
            .await?;
        Ok(())
    }

    /// The inbox of a device after an id: at most `limit` entries and about `max_bytes`, but at
    /// least one.
    pub(crate) async fn list_inbox(
        &self,
        device_id: i64,
        after: u64,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<InboxRow>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let max_bytes = i64::try_from(max_bytes).unwrap_or(i64::MAX);
        let rows = self
            .all(
                "-- list_inbox
                 SELECT e.inbox_id, e.uri, e.seq, e.epoch, e.suite, e.secret, e.encrypted_group_info
                 FROM (
                     SELECT i.inbox_id, r.uri, w.seq, w.epoch, w.suite, i.secret, w.encrypted_group_info,
                            sum(octet_length(w.encrypted_group_info) + octet_length(i.secret))
                                OVER (ORDER BY i.inbox_id) AS bytes,
                            row_number() OVER (ORDER BY i.inbox_id) AS place
                     FROM inbox i
                     JOIN welcomes w ON w.room_id = i.room_id AND w.seq = i.seq
                     JOIN rooms r ON r.room_id = i.room_id
                     WHERE i.device_id = $1 AND i.inbox_id > $2
                     ORDER BY i.inbox_id
                     LIMIT $3
                 ) e
                 WHERE e.bytes <= $4 OR e.place = 1
                 ORDER BY e.inbox_id",
                &[&device_id, &to_bigint(after), &limit, &max_bytes],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let suite: i32 = row.try_get(4)?;
                Ok(InboxRow {
                    id: from_bigint(row.try_get(0)?)?,
                    room: room_uri(row, 1)?,
                    seq: from_bigint(row.try_get(2)?)?,
                    epoch: from_bigint(row.try_get(3)?)?,
                    suite: u16::try_from(suite).map_err(|_range| Error::corrupt("suite"))?,
                    secret: row.try_get(5)?,
                    encrypted_group_info: row.try_get(6)?,
                })
            })
            .collect()
    }

    /// The newest id in a device's inbox, 0 if it is empty.
    pub(crate) async fn find_newest_inbox_id(&self, device_id: i64) -> Result<u64, Error> {
        let row = self
            .one(
                "-- find_newest_inbox_id
                 SELECT coalesce(max(inbox_id), 0) FROM inbox WHERE device_id = $1",
                &[&device_id],
            )
            .await?;
        from_bigint(row.try_get(0)?)
    }

    /// Removes what devices acknowledged, `(device, last id)`. Returns the Welcomes whose entries
    /// went.
    pub(crate) async fn remove_inbox(
        &self,
        acked: &[(i64, u64)],
    ) -> Result<Vec<(RoomId, u64)>, Error> {
        let (devices, upto): (Vec<i64>, Vec<i64>) = acked
            .iter()
            .map(|(device_id, id)| (*device_id, to_bigint(*id)))
            .unzip();
        let rows = self
            .all(
                "-- remove_inbox
                 WITH gone AS (
                     DELETE FROM inbox i
                     USING unnest($1::bigint[], $2::bigint[]) AS n (device_id, upto)
                     WHERE i.device_id = n.device_id AND i.inbox_id <= n.upto
                     RETURNING i.room_id, i.seq
                 )
                 SELECT DISTINCT room_id, seq FROM gone",
                &[&devices, &upto],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((RoomId(row.try_get(0)?), from_bigint(row.try_get(1)?)?)))
            .collect()
    }

    /// Removes those of these Welcomes that nobody waits for any more.
    pub(crate) async fn remove_spent_welcomes(
        &self,
        welcomes: &[(RoomId, u64)],
    ) -> Result<u64, Error> {
        let rooms: Vec<i64> = welcomes.iter().map(|(room, _seq)| room.0).collect();
        let seqs: Vec<i64> = welcomes
            .iter()
            .map(|(_room, seq)| to_bigint(*seq))
            .collect();
        self.exec(
            "-- remove_spent_welcomes
             DELETE FROM welcomes w
             USING unnest($1::bigint[], $2::bigint[]) AS n (room_id, seq)
             WHERE w.room_id = n.room_id AND w.seq = n.seq
                   AND NOT EXISTS (SELECT FROM inbox i WHERE i.room_id = w.room_id AND i.seq = w.seq)",
            &[&rooms, &seqs],
        )
        .await
    }
}
