//! Statements about rooms: their identity, participants, and how a device stands in them.

use grove_wire::uri::{RoomUri, UserUri};
use tokio_postgres::Row;

use super::log::head_bytes;
use super::{Error, Tx, from_bigint, to_bigint};
use crate::clock::Timestamp;

/// A room's short id inside this database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RoomId(pub(crate) i64);

/// A room to be added, with its creator as its only participant and reader.
pub(crate) struct NewRoom<'a> {
    pub(crate) uri: &'a RoomUri,
    pub(crate) record: &'a [u8],
    pub(crate) suite: u16,
    pub(crate) created_at: Timestamp,
    pub(crate) head: [u8; 32],
    pub(crate) group_info: &'a [u8],
    pub(crate) creator: &'a UserUri,
    pub(crate) creator_role: u32,
    pub(crate) creator_device: i64,
    pub(crate) snapshot: &'a [u8],
}

/// How one device and its user stand in a room, and whether the room has seen a message before.
#[derive(Debug)]
pub(crate) struct StandingRow {
    /// Epoch of the room.
    pub(crate) epoch: u64,
    /// The device's cursor, open or closed.
    pub(crate) cursor: Option<CursorState>,
    /// The user's role, if it is a participant.
    pub(crate) role: Option<u32>,
    /// The entry whose message has the hash asked for.
    pub(crate) repeat: Option<Mark>,
}

/// What a cursor says of its device's place in the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CursorState {
    /// First epoch whose tree the device may read.
    pub(crate) from_epoch: u64,
    /// The device is in the group.
    pub(crate) open: bool,
    /// A pending proposal removes it.
    pub(crate) leaving: bool,
    /// It is out of the group and has not acknowledged all it may still read.
    pub(crate) unread: bool,
}

impl StandingRow {
    /// The device is in the group.
    pub(crate) fn is_member(&self) -> bool {
        self.cursor.is_some_and(|cursor| cursor.open)
    }

    /// The device may read the log, up to where its cursor ends.
    pub(crate) fn is_reader(&self) -> bool {
        self.cursor
            .is_some_and(|cursor| cursor.open || cursor.unread)
    }
}

/// A log entry without its bytes: what a receipt says of it, apart from the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Place in the log, from 1.
    pub(crate) seq: u64,
    /// Epoch of the room after the entry.
    pub(crate) epoch: u64,
    /// When the hub accepted it, in milliseconds since 1970.
    pub(crate) time: u64,
    /// Hash chain up to and with it.
    pub(crate) head: [u8; 32],
}

/// A participant whose role or right to send changed.
pub(crate) struct ParticipantRow<'a> {
    pub(crate) user: &'a UserUri,
    pub(crate) role: u32,
    pub(crate) may_send: bool,
}

/// A room as one of its readers sees it.
#[derive(Debug)]
pub(crate) struct SummaryRow {
    pub(crate) room: RoomId,
    pub(crate) uri: RoomUri,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) from_seq: u64,
    pub(crate) position: u64,
}

/// A room on whose list a user stands.
#[derive(Debug)]
pub(crate) struct UserRoomRow {
    pub(crate) uri: RoomUri,
    pub(crate) epoch: u64,
    /// Whether the asking device is in the group.
    pub(crate) member: bool,
}

impl Tx<'_> {
    /// The room with this URI.
    pub(crate) async fn find_room_id(&self, uri: &RoomUri) -> Result<Option<RoomId>, Error> {
        let row = self
            .opt(
                "-- find_room_id
                 SELECT room_id FROM rooms WHERE uri = $1",
                &[&uri.as_str()],
            )
            .await?;
        row.map(|row| Ok(RoomId(row.try_get(0)?))).transpose()
    }

    /// Adds a room. None if its URI exists already.
    pub(crate) async fn add_room(&self, new: &NewRoom<'_>) -> Result<Option<RoomId>, Error> {
        let row = self
            .opt(
                "-- add_room
                 WITH room AS (
                     INSERT INTO rooms (uri, group_id, record, suite, created_at)
                     VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (uri) DO NOTHING
                     RETURNING room_id
                 ), head AS (
                     INSERT INTO room_heads (room_id, epoch, seq, head, last_time)
                     SELECT room_id, 0, 0, $6, $5 FROM room
                 ), state AS (
                     INSERT INTO room_states
                         (room_id, group_info, handshake_seq, handshake_bytes_since_snapshot, snapshot_bytes,
                          snapshot_at)
                     SELECT room_id, $7, 0, 0, octet_length($8::bytea), $5 FROM room
                 ), participant AS (
                     INSERT INTO room_participants (room_id, user_uri, role, may_send)
                     SELECT room_id, $9, $10, true FROM room
                 ), cursor AS (
                     INSERT INTO cursors (room_id, device_id, from_seq, from_epoch, position)
                     SELECT room_id, $11, 1, 0, 0 FROM room
                 ), snapshot AS (
                     INSERT INTO snapshots (room_id, seq, epoch, bytes)
                     SELECT room_id, 0, 0, $8 FROM room
                 )
                 SELECT room_id FROM room",
                &[
                    &new.uri.as_str(),
                    &new.uri.hash().as_slice(),
                    &new.record,
                    &i32::from(new.suite),
                    &to_bigint(new.created_at.ms()),
                    &new.head.as_slice(),
                    &new.group_info,
                    &new.snapshot,
                    &new.creator.as_str(),
                    &role_to_sql(new.creator_role),
                    &new.creator_device,
                ],
            )
            .await?;
        row.map(|row| Ok(RoomId(row.try_get(0)?))).transpose()
    }

    /// True if this device made this room with this record and is in it.
    pub(crate) async fn is_creator(
        &self,
        uri: &RoomUri,
        record: &[u8],
        device_id: i64,
    ) -> Result<bool, Error> {
        let row = self
            .opt(
                "-- is_creator
                 SELECT r.room_id
                 FROM rooms r
                 JOIN cursors c ON c.room_id = r.room_id AND c.device_id = $3
                 WHERE r.uri = $1 AND r.record = $2 AND c.from_seq = 1 AND c.to_seq IS NULL",
                &[&uri.as_str(), &record, &device_id],
            )
            .await?;
        Ok(row.is_some())
    }

    /// How a device and its user stand in a room, and the entry whose message has this hash, if one
    /// is given.
    pub(crate) async fn find_standing(
        &self,
        room: RoomId,
        device_id: i64,
        user: &UserUri,
        message_hash: Option<&[u8; 32]>,
    ) -> Result<StandingRow, Error> {
        let message_hash = message_hash.map(<[u8; 32]>::as_slice);
        let row = self
            .one(
                "-- find_standing
                 SELECT h.epoch, c.from_epoch, c.to_seq IS NULL, c.leaving,
                        coalesce(c.position < c.to_seq, false), p.role, l.seq, l.epoch, l.time, l.head
                 FROM room_heads h
                 LEFT JOIN cursors c ON c.room_id = h.room_id AND c.device_id = $2
                 LEFT JOIN room_participants p ON p.room_id = h.room_id AND p.user_uri = $3
                 LEFT JOIN room_log l ON l.room_id = h.room_id AND l.message_hash = $4
                 WHERE h.room_id = $1",
                &[&room.0, &device_id, &user.as_str(), &message_hash],
            )
            .await?;
        let from_epoch: Option<i64> = row.try_get(1)?;
        let cursor = match from_epoch {
            Some(from_epoch) => Some(CursorState {
                from_epoch: from_bigint(from_epoch)?,
                open: row.try_get(2)?,
                leaving: row.try_get(3)?,
                unread: row.try_get(4)?,
            }),
            None => None,
        };
        let role: Option<i32> = row.try_get(5)?;
        Ok(StandingRow {
            epoch: from_bigint(row.try_get(0)?)?,
            cursor,
            role: role.map(role_from_sql).transpose()?,
            repeat: optional_mark(&row, 6)?,
        })
    }

    /// Changes the participant list: `gone` are taken out, `changed` are put in or replaced.
    pub(crate) async fn change_participants(
        &self,
        room: RoomId,
        gone: &[UserUri],
        changed: &[ParticipantRow<'_>],
    ) -> Result<(), Error> {
        let gone: Vec<&str> = gone.iter().map(UserUri::as_str).collect();
        let users: Vec<&str> = changed
            .iter()
            .map(|participant| participant.user.as_str())
            .collect();
        let roles: Vec<i32> = changed
            .iter()
            .map(|participant| role_to_sql(participant.role))
            .collect();
        let may_send: Vec<bool> = changed
            .iter()
            .map(|participant| participant.may_send)
            .collect();
        let _rows = self
            .exec(
                "-- change_participants
                 WITH gone AS (
                     DELETE FROM room_participants WHERE room_id = $1 AND user_uri = ANY ($2::text[])
                 )
                 INSERT INTO room_participants (room_id, user_uri, role, may_send)
                 SELECT $1, n.user_uri, n.role, n.may_send
                 FROM unnest($3::text[], $4::integer[], $5::boolean[]) AS n (user_uri, role, may_send)
                 ON CONFLICT (room_id, user_uri) DO UPDATE SET role = excluded.role, may_send = excluded.may_send",
                &[&room.0, &gone, &users, &roles, &may_send],
            )
            .await?;
        Ok(())
    }

    /// The rooms a device is in.
    pub(crate) async fn list_rooms(&self, device_id: i64) -> Result<Vec<SummaryRow>, Error> {
        let rows = self
            .all(
                "-- list_rooms
                 SELECT c.room_id, r.uri, h.epoch, h.seq, c.from_seq, c.position
                 FROM cursors c
                 JOIN rooms r ON r.room_id = c.room_id
                 JOIN room_heads h ON h.room_id = c.room_id
                 WHERE c.device_id = $1 AND c.to_seq IS NULL
                 ORDER BY c.room_id",
                &[&device_id],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(SummaryRow {
                    room: RoomId(row.try_get(0)?),
                    uri: room_uri(row, 1)?,
                    epoch: from_bigint(row.try_get(2)?)?,
                    seq: from_bigint(row.try_get(3)?)?,
                    from_seq: from_bigint(row.try_get(4)?)?,
                    position: from_bigint(row.try_get(5)?)?,
                })
            })
            .collect()
    }

    /// Up to `limit` rooms on whose list a user stands with at least this role and which they are
    /// not leaving, in the order of their URIs' bytes, after one.
    pub(crate) async fn list_user_rooms(
        &self,
        user: &UserUri,
        device_id: i64,
        least_role: u32,
        after: &str,
        limit: i64,
    ) -> Result<Vec<UserRoomRow>, Error> {
        let rows = self
            .all(
                "-- list_user_rooms
                 SELECT r.uri, h.epoch, c.device_id IS NOT NULL
                 FROM room_participants p
                 JOIN rooms r ON r.room_id = p.room_id
                 JOIN room_heads h ON h.room_id = p.room_id
                 LEFT JOIN cursors c ON c.room_id = p.room_id AND c.device_id = $2 AND c.to_seq IS NULL
                 WHERE p.user_uri = $1 AND p.role >= $3 AND r.uri ~>~ $4
                       AND coalesce((
                           SELECT NOT bool_and(o.leaving)
                           FROM devices own
                           JOIN devices d ON d.user_id = own.user_id
                           JOIN cursors o ON o.room_id = p.room_id AND o.device_id = d.device_id
                           WHERE own.device_id = $2 AND o.to_seq IS NULL
                       ), true)
                 ORDER BY r.uri USING ~<~
                 LIMIT $5",
                &[
                    &user.as_str(),
                    &device_id,
                    &role_to_sql(least_role),
                    &after,
                    &limit,
                ],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(UserRoomRow {
                    uri: room_uri(row, 0)?,
                    epoch: from_bigint(row.try_get(1)?)?,
                    member: row.try_get(2)?,
                })
            })
            .collect()
    }

    /// Where the logs of these rooms end.
    pub(crate) async fn list_heads(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, u64)>, Error> {
        let rooms: Vec<i64> = rooms.iter().map(|room| room.0).collect();
        let rows = self
            .all(
                "-- list_heads
                 SELECT room_id, seq FROM room_heads WHERE room_id = ANY ($1::bigint[])",
                &[&rooms],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((RoomId(row.try_get(0)?), from_bigint(row.try_get(1)?)?)))
            .collect()
    }
}

/// A mark in four columns from `at` on, null together.
pub(super) fn optional_mark(row: &Row, at: usize) -> Result<Option<Mark>, Error> {
    let seq: Option<i64> = row.try_get(at)?;
    let Some(seq) = seq else { return Ok(None) };
    Ok(Some(Mark {
        seq: from_bigint(seq)?,
        epoch: from_bigint(row.try_get(at + 1)?)?,
        time: from_bigint(row.try_get(at + 2)?)?,
        head: head_bytes(row, at + 3)?,
    }))
}

pub(super) fn room_uri(row: &Row, at: usize) -> Result<RoomUri, Error> {
    RoomUri::parse(row.try_get(at)?).map_err(|_invalid| Error::corrupt("room URI"))
}

fn role_to_sql(role: u32) -> i32 {
    i32::try_from(role).unwrap_or(i32::MAX)
}

pub(super) fn role_from_sql(role: i32) -> Result<u32, Error> {
    u32::try_from(role).map_err(|_negative| Error::corrupt("role"))
}
