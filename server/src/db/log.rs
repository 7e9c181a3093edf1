//! Statements about the log of a room.

use std::collections::HashMap;

use tokio_postgres::Row;

use super::rooms::optional_mark;
use super::{Error, Mark, RoomId, Tx, from_bigint, to_bigint};

/// An application message that asks to be appended.
pub(crate) struct Asking<'a> {
    pub(crate) room: RoomId,
    pub(crate) device_id: i64,
    pub(crate) user: &'a str,
    pub(crate) message_hash: &'a [u8; 32],
}

/// What the database knows about one [`Asking`]; the head is locked until the transaction ends.
#[derive(Clone, Debug)]
pub(crate) struct FoundRow {
    /// Index of the asking message.
    pub(crate) place: usize,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) head: [u8; 32],
    pub(crate) last_time: u64,
    /// Where the log ended when the rest of this row was read. If that is not `seq`, somebody else
    /// wrote to the room while we waited for its lock, and the rest may be out of date.
    pub(crate) seen_seq: u64,
    /// How the device reads the room, if it does or did.
    pub(crate) reader: Option<ReaderState>,
    /// The participant's role may send; false if the user is none.
    pub(crate) may_send: bool,
    /// The same bytes, accepted before.
    pub(crate) repeat: Option<Mark>,
}

/// What a cursor says about sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReaderState {
    /// In the group.
    Member,
    /// In the group, and a pending proposal removes it.
    Leaving,
    /// Out of the group.
    Former,
}

/// A row of the log to be.
pub(crate) struct NewEntry<'a> {
    pub(crate) room: RoomId,
    pub(crate) mark: Mark,
    pub(crate) message_hash: &'a [u8; 32],
    pub(crate) entry: &'a [u8],
}

/// A row of the log.
#[derive(Debug)]
pub(crate) struct EntryRow {
    pub(crate) mark: Mark,
    pub(crate) entry: Vec<u8>,
}

/// Some entries of one room for one reader.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) room: RoomId,
    /// Last entry the reader may have, if it is out of the room.
    pub(crate) to_seq: Option<u64>,
    pub(crate) entries: Vec<EntryRow>,
    /// The entry after these has outlived its time; this is the first behind all such.
    pub(crate) readable_from: Option<u64>,
}

/// Some entries of some rooms.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub(crate) rooms: Vec<Page>,
    /// There was more than fitted: rooms without a page may have entries too.
    pub(crate) cut: bool,
}

impl Tx<'_> {
    /// Locks the heads of all rooms named, in order, and returns what is needed to judge each
    /// message. Messages to unknown rooms have no row.
    ///
    /// The log is looked into laterally, one key at a time: a join would let a plan made while the
    /// log was short read all of it for every batch until the next analyze.
    pub(crate) async fn lock_heads(&self, asking: &[Asking<'_>]) -> Result<Vec<FoundRow>, Error> {
        let rooms: Vec<i64> = asking.iter().map(|one| one.room.0).collect();
        let devices: Vec<i64> = asking.iter().map(|one| one.device_id).collect();
        let users: Vec<&str> = asking.iter().map(|one| one.user).collect();
        let hashes: Vec<&[u8]> = asking
            .iter()
            .map(|one| one.message_hash.as_slice())
            .collect();
        let rows = self
            .all(
                "-- lock_heads
                 WITH asking AS (
                     SELECT n.room_id, n.device_id, n.user_uri, n.message_hash, n.place
                     FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[]) WITH ORDINALITY
                          AS n (room_id, device_id, user_uri, message_hash, place)
                 ), locked AS (
                     SELECT room_id, epoch, seq, head, last_time
                     FROM room_heads
                     WHERE room_id IN (SELECT room_id FROM asking)
                     ORDER BY room_id
                     FOR UPDATE
                 )
                 SELECT a.place, h.epoch, h.seq, h.head, h.last_time, seen.seq,
                        c.to_seq IS NULL, c.leaving, coalesce(p.may_send, false),
                        l.seq, l.epoch, l.time, l.head
                 FROM asking a
                 JOIN locked h ON h.room_id = a.room_id
                 JOIN room_heads seen ON seen.room_id = a.room_id
                 LEFT JOIN cursors c ON c.room_id = a.room_id AND c.device_id = a.device_id
                 LEFT JOIN room_participants p ON p.room_id = a.room_id AND p.user_uri = a.user_uri
                 LEFT JOIN LATERAL (
                     SELECT r.seq, r.epoch, r.time, r.head
                     FROM room_log r
                     WHERE r.room_id = a.room_id AND r.message_hash = a.message_hash
                     LIMIT 1
                 ) l ON true",
                &[&rooms, &devices, &users, &hashes],
            )
            .await?;
        rows.iter().map(found).collect()
    }

    /// Appends application messages and moves the heads of their rooms, which must be locked. The
    /// entries of a room stand in ascending order.
    pub(crate) async fn append_entries(&self, new: &[NewEntry<'_>]) -> Result<(), Error> {
        let rooms: Vec<i64> = new.iter().map(|entry| entry.room.0).collect();
        let seqs: Vec<i64> = new.iter().map(|entry| to_bigint(entry.mark.seq)).collect();
        let epochs: Vec<i64> = new
            .iter()
            .map(|entry| to_bigint(entry.mark.epoch))
            .collect();
        let times: Vec<i64> = new.iter().map(|entry| to_bigint(entry.mark.time)).collect();
        let hashes: Vec<&[u8]> = new
            .iter()
            .map(|entry| entry.message_hash.as_slice())
            .collect();
        let heads: Vec<&[u8]> = new.iter().map(|entry| entry.mark.head.as_slice()).collect();
        let entries: Vec<&[u8]> = new.iter().map(|entry| entry.entry).collect();
        let ends: HashMap<RoomId, &Mark> =
            new.iter().map(|entry| (entry.room, &entry.mark)).collect();
        let end_rooms: Vec<i64> = ends.keys().map(|room| room.0).collect();
        let end_seqs: Vec<i64> = ends.values().map(|end| to_bigint(end.seq)).collect();
        let end_heads: Vec<&[u8]> = ends.values().map(|end| end.head.as_slice()).collect();
        let end_times: Vec<i64> = ends.values().map(|end| to_bigint(end.time)).collect();
        let _rows = self
            .exec(
                "-- append_entries
                 WITH entries AS (
                     INSERT INTO room_log (room_id, seq, kind, epoch, time, message_hash, head, entry)
                     SELECT n.room_id, n.seq, 1, n.epoch, n.time, n.message_hash, n.head, n.entry
                     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[],
                                 $7::bytea[]) AS n (room_id, seq, epoch, time, message_hash, head, entry)
                 )
                 UPDATE room_heads h
                 SET seq = n.seq, head = n.head, last_time = n.last_time
                 FROM unnest($8::bigint[], $9::bigint[], $10::bytea[], $11::bigint[])
                      AS n (room_id, seq, head, last_time)
                 WHERE h.room_id = n.room_id",
                &[
                    &rooms, &seqs, &epochs, &times, &hashes, &heads, &entries, &end_rooms, &end_seqs, &end_heads,
                    &end_times,
                ],
            )
            .await?;
        Ok(())
    }

    /// What a device may read of each room after a position: at most `limit` entries a room, and
    /// about `max_bytes` in all but at least one entry. A page ends before an entry that is gone.
    /// Rooms without anything to read have no page.
    pub(crate) async fn list_entries(
        &self,
        device_id: i64,
        wanted: &[(RoomId, u64)],
        limit: usize,
        max_bytes: usize,
    ) -> Result<Pages, Error> {
        let rooms: Vec<i64> = wanted.iter().map(|(room, _after)| room.0).collect();
        let after: Vec<i64> = wanted
            .iter()
            .map(|(_room, after)| to_bigint(*after))
            .collect();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let max_bytes = i64::try_from(max_bytes).unwrap_or(i64::MAX);
        let rows = self
            .all(
                "-- list_entries
                 SELECT e.room_id, e.to_seq, e.seq, e.epoch, e.time, e.head, e.entry, e.found,
                        CASE WHEN e.entry IS NULL THEN least(s.gone_seq + 1, (
                            SELECT r.seq
                            FROM room_log r
                            WHERE r.room_id = e.room_id AND r.kind <> 1
                                  AND r.seq > greatest(e.seq, s.handshakes_swept)
                            ORDER BY r.seq
                            LIMIT 1
                        )) END
                 FROM (
                     SELECT n.place, c.room_id, c.to_seq, l.seq, l.epoch, l.time, l.head, l.entry,
                            coalesce(octet_length(l.entry), 0) AS size,
                            sum(coalesce(octet_length(l.entry), 0)) OVER (ORDER BY n.place, l.seq) AS bytes,
                            count(*) OVER () AS found
                     FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS n (room_id, after, place)
                     JOIN cursors c ON c.room_id = n.room_id AND c.device_id = $1
                     CROSS JOIN LATERAL (
                         SELECT r.seq, r.epoch, r.time, r.head, r.entry
                         FROM room_log r
                         WHERE r.room_id = n.room_id
                               AND r.seq > greatest(n.after, c.from_seq - 1)
                               AND r.seq <= coalesce(c.to_seq, 9223372036854775807)
                         ORDER BY r.seq
                         LIMIT $4
                     ) l
                 ) e
                 JOIN room_states s ON s.room_id = e.room_id
                 WHERE e.bytes <= $5 OR e.bytes = e.size
                 ORDER BY e.place, e.seq",
                &[&device_id, &rooms, &after, &limit, &max_bytes],
            )
            .await?;
        let found = rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>(7))?;
        let mut pages = Pages {
            rooms: Vec::new(),
            cut: usize::try_from(found).is_ok_and(|found| found > rows.len()),
        };
        for row in &rows {
            let room = RoomId(row.try_get(0)?);
            if pages.rooms.last().is_none_or(|page| page.room != room) {
                let to_seq: Option<i64> = row.try_get(1)?;
                pages.rooms.push(Page {
                    room,
                    to_seq: to_seq.map(from_bigint).transpose()?,
                    entries: Vec::new(),
                    readable_from: None,
                });
            }
            if let Some(page) = pages.rooms.last_mut()
                && page.readable_from.is_none()
            {
                page.add(row)?;
            }
        }
        Ok(pages)
    }
}

impl Page {
    fn add(&mut self, row: &Row) -> Result<(), Error> {
        let mark = Mark {
            seq: from_bigint(row.try_get(2)?)?,
            epoch: from_bigint(row.try_get(3)?)?,
            time: from_bigint(row.try_get(4)?)?,
            head: head_bytes(row, 5)?,
        };
        match row.try_get(6)? {
            Some(entry) => self.entries.push(EntryRow { mark, entry }),
            None => self.readable_from = Some(from_bigint(row.try_get(8)?)?),
        }
        Ok(())
    }
}

fn found(row: &Row) -> Result<FoundRow, Error> {
    let place = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or_default();
    let place = place.checked_sub(1).ok_or(Error::corrupt("ordinal"))?;
    let leaving: Option<bool> = row.try_get(7)?;
    let open: bool = row.try_get(6)?;
    let reader = leaving.map(|leaving| match (open, leaving) {
        (true, false) => ReaderState::Member,
        (true, true) => ReaderState::Leaving,
        (false, _) => ReaderState::Former,
    });
    Ok(FoundRow {
        place,
        epoch: from_bigint(row.try_get(1)?)?,
        seq: from_bigint(row.try_get(2)?)?,
        head: head_bytes(row, 3)?,
        last_time: from_bigint(row.try_get(4)?)?,
        seen_seq: from_bigint(row.try_get(5)?)?,
        reader,
        may_send: row.try_get(8)?,
        repeat: optional_mark(row, 9)?,
    })
}

pub(super) fn head_bytes(row: &Row, at: usize) -> Result<[u8; 32], Error> {
    let head: &[u8] = row.try_get(at)?;
    head.try_into().map_err(|_length| Error::corrupt("head"))
}
