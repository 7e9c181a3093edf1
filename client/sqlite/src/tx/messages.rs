//! Messages: history, and what is still to be sent.
//!
//! History stands in the order of the log. A message that failed never had a place there, and
//! stands where it was written: before whatever arrived later. What waits to be accepted comes
//! last.

use grove_core::Trust;
use grove_core::message::{MessageKind, MessageStatus};
use grove_core::store::{ContentKind, Listing, StoreError, StoredMessage};
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, named_params, params};

use super::values::{array, integer, optional_word, parsed, row_number, unsigned, word};
use crate::error::Sql;

pub(super) fn add(connection: &Connection, message: &StoredMessage) -> Result<u64, StoreError> {
    write(
        connection,
        "INSERT INTO messages (number, room, seq, id, client, counter, salt, time, kind, text, in_reply_to, replaces, \
         edited, deleted, status, failure, payload, witnessed, trust) VALUES (:number, :room, :seq, :id, :client, :counter, :salt, :time, :kind, \
         :text, :in_reply_to, :replaces, :edited, :deleted, :status, :failure, :payload, :witnessed, :trust)",
        None,
        message,
    )?;
    row_number(connection.last_insert_rowid())
}

pub(super) fn put(connection: &Connection, message: &StoredMessage) -> Result<(), StoreError> {
    write(
        connection,
        "UPDATE messages SET room = :room, seq = :seq, id = :id, client = :client, counter = :counter, salt = :salt, \
         time = :time, kind = :kind, text = :text, in_reply_to = :in_reply_to, replaces = :replaces, edited = :edited, \
         deleted = :deleted, status = :status, failure = :failure, payload = :payload, witnessed = :witnessed, trust = :trust WHERE number = :number",
        Some(message.number),
        message,
    )
}

fn write(
    connection: &Connection,
    sql: &str,
    number: Option<u64>,
    message: &StoredMessage,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(sql)
        .sql()?
        .execute(named_params! {
            ":number": number.map(integer).transpose()?,
            ":room": message.room.as_str(),
            ":seq": message.seq.map(integer).transpose()?,
            ":id": message.id,
            ":client": message.client.as_str(),
            ":counter": integer(message.counter)?,
            ":salt": message.salt,
            ":time": integer(message.time)?,
            ":kind": kind_word(message.kind),
            ":text": message.text,
            ":in_reply_to": message.in_reply_to,
            ":replaces": message.replaces,
            ":edited": message.edited,
            ":deleted": message.deleted,
            ":status": status_word(message.status),
            ":failure": message.failure,
            ":payload": message.payload,
            ":witnessed": message.witnessed,
            ":trust": message.trust.map(Trust::as_str),
        })
        .sql()?;
    Ok(())
}

pub(super) fn find(
    connection: &Connection,
    number: u64,
) -> Result<Option<StoredMessage>, StoreError> {
    one(
        connection,
        "SELECT number, room, seq, id, client, counter, salt, time, kind, text, in_reply_to, replaces, edited, deleted, \
         status, failure, payload, witnessed, trust FROM messages WHERE number = ?1",
        &[&integer(number)?],
    )
}

pub(super) fn find_by_id(
    connection: &Connection,
    room: &RoomUri,
    id: &[u8; 32],
) -> Result<Option<StoredMessage>, StoreError> {
    one(
        connection,
        "SELECT number, room, seq, id, client, counter, salt, time, kind, text, in_reply_to, replaces, edited, deleted, \
         status, failure, payload, witnessed, trust FROM messages WHERE room = ?1 AND id = ?2 ORDER BY number LIMIT 1",
        &[&room.as_str(), id],
    )
}

pub(super) fn find_by_counter(
    connection: &Connection,
    room: &RoomUri,
    client: &ClientUri,
    counter: u64,
) -> Result<Option<StoredMessage>, StoreError> {
    one(
        connection,
        "SELECT number, room, seq, id, client, counter, salt, time, kind, text, in_reply_to, replaces, edited, deleted, \
         status, failure, payload, witnessed, trust FROM messages WHERE room = ?1 AND client = ?2 AND counter = ?3 AND counter > 0",
        &[&room.as_str(), &client.as_str(), &integer(counter)?],
    )
}

pub(super) fn find_at(
    connection: &Connection,
    room: &RoomUri,
    seq: u64,
) -> Result<Option<StoredMessage>, StoreError> {
    one(
        connection,
        "SELECT number, room, seq, id, client, counter, salt, time, kind, text, in_reply_to, replaces, edited, deleted, \
         status, failure, payload, witnessed, trust FROM messages WHERE room = ?1 AND coalesce(seq, 9223372036854775807) = ?2 LIMIT 1",
        &[&room.as_str(), &integer(seq)?],
    )
}

fn one(
    connection: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
) -> Result<Option<StoredMessage>, StoreError> {
    connection
        .prepare_cached(sql)
        .sql()?
        .query_row(values, read)
        .optional()
        .sql()
}

/// The newest messages of a room (`?1`) before one of them (`?2`), at most `?3`, newest first.
///
/// `unplaced` are those that the log does not have, few as a rule, each with the entry that it
/// stands behind: the last one before what was received first after it was written. The others come
/// by the index of the log's order, no more than are wanted.
const LIST: &str = "\
    WITH unplaced AS (SELECT number, CASE status WHEN 'failed' THEN coalesce(( \
        SELECT coalesce(seq, 9223372036854775807) FROM messages AS earlier \
        WHERE earlier.room = ?1 AND earlier.number < waiting.number AND earlier.seq IS NOT NULL \
        AND coalesce(earlier.seq, 9223372036854775807) < coalesce(( \
            SELECT seq FROM messages AS later WHERE later.room = ?1 AND later.number > waiting.number \
            AND later.status = 'received' AND later.seq IS NOT NULL ORDER BY later.number LIMIT 1 \
        ), 9223372036854775807) \
        ORDER BY coalesce(earlier.seq, 9223372036854775807) DESC LIMIT 1 \
    ), 0) ELSE 9223372036854775807 END AS place FROM messages AS waiting \
    WHERE room = ?1 AND coalesce(seq, 9223372036854775807) = 9223372036854775807), \
    bound AS (SELECT coalesce((SELECT place FROM unplaced WHERE number = ?2), seq) AS place, number \
        FROM messages WHERE number = ?2), \
    placed AS (SELECT * FROM (SELECT number, seq AS place FROM messages \
        WHERE room = ?1 AND kind IN ('other', 'reaction', 'reply', 'text') AND seq IS NOT NULL \
        AND coalesce(seq, 9223372036854775807) <= coalesce((SELECT place FROM bound), 9223372036854775807) \
        AND (?2 IS NULL OR (seq, number) < (SELECT place, number FROM bound)) \
        ORDER BY coalesce(seq, 9223372036854775807) DESC, number DESC LIMIT ?3) \
        UNION ALL SELECT number, place FROM unplaced) \
    SELECT messages.number AS number, room, seq, id, client, counter, salt, time, kind, text, in_reply_to, replaces, \
        edited, deleted, status, failure, payload, witnessed, trust \
    FROM placed JOIN messages ON messages.number = placed.number \
    WHERE kind IN ('other', 'reaction', 'reply', 'text') \
    AND (?2 IS NULL OR (place, placed.number) < (SELECT place, number FROM bound)) \
    ORDER BY place DESC, placed.number DESC LIMIT ?3";

pub(super) fn list(
    connection: &Connection,
    room: &RoomUri,
    listing: Listing,
) -> Result<Vec<StoredMessage>, StoreError> {
    let limit = i64::try_from(listing.limit).unwrap_or(i64::MAX);
    let mut newest_first = connection
        .prepare_cached(LIST)
        .sql()?
        .query_map(
            params![
                room.as_str(),
                listing.before.map(integer).transpose()?,
                limit
            ],
            read,
        )
        .sql()?
        .collect::<rusqlite::Result<Vec<_>>>()
        .sql()?;
    newest_first.reverse();
    Ok(newest_first)
}

pub(super) fn count(connection: &Connection, status: MessageStatus) -> Result<u64, StoreError> {
    connection
        .prepare_cached("SELECT count(*) FROM messages WHERE status = ?1 AND kind NOT IN ('account-note', 'profile')")
        .sql()?
        .query_row(params![status_word(status)], |row| row.get(0))
        .sql()
}

pub(super) fn count_unread(
    connection: &Connection,
    room: &RoomUri,
    after: u64,
    user: &UserUri,
) -> Result<u64, StoreError> {
    let by_client = connection
        .prepare_cached(
            "SELECT client, count(*) AS messages FROM messages WHERE room = ?1 AND seq > ?2 AND status = 'received' \
             AND kind IN ('other', 'reply', 'text') AND NOT deleted GROUP BY client",
        )
        .sql()?
        .query_map(params![room.as_str(), integer(after)?], |row| {
            Ok((parsed::<ClientUri>(row, "client")?, unsigned(row, "messages")?))
        })
        .sql()?
        .collect::<rusqlite::Result<Vec<_>>>()
        .sql()?;
    let others = by_client
        .iter()
        .filter(|(client, _)| client.user() != *user);
    Ok(others.map(|(_, messages)| messages).sum())
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    Ok(StoredMessage {
        number: unsigned(row, "number")?,
        room: parsed(row, "room")?,
        seq: row.get("seq")?,
        id: row.get("id")?,
        client: parsed(row, "client")?,
        counter: unsigned(row, "counter")?,
        salt: array(row, "salt")?,
        time: unsigned(row, "time")?,
        kind: word(row, "kind", read_kind)?,
        text: row.get("text")?,
        in_reply_to: row.get("in_reply_to")?,
        replaces: row.get("replaces")?,
        edited: row.get("edited")?,
        deleted: row.get("deleted")?,
        status: word(row, "status", read_status)?,
        failure: row.get("failure")?,
        payload: row.get("payload")?,
        witnessed: row.get("witnessed")?,
        trust: optional_word(row, "trust", Trust::from_word)?,
    })
}

fn kind_word(kind: ContentKind) -> &'static str {
    match kind {
        ContentKind::AccountNote => "account-note",
        ContentKind::Profile => "profile",
        ContentKind::Shown(MessageKind::Delete) => "delete",
        ContentKind::Shown(MessageKind::Edit) => "edit",
        ContentKind::Shown(MessageKind::Other) => "other",
        ContentKind::Shown(MessageKind::Reaction) => "reaction",
        ContentKind::Shown(MessageKind::Reply) => "reply",
        ContentKind::Shown(MessageKind::Text) => "text",
    }
}

fn read_kind(word: &str) -> Option<ContentKind> {
    Some(ContentKind::Shown(match word {
        "account-note" => return Some(ContentKind::AccountNote),
        "profile" => return Some(ContentKind::Profile),
        "delete" => MessageKind::Delete,
        "edit" => MessageKind::Edit,
        "other" => MessageKind::Other,
        "reaction" => MessageKind::Reaction,
        "reply" => MessageKind::Reply,
        "text" => MessageKind::Text,
        _ => return None,
    }))
}

fn status_word(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Failed => "failed",
        MessageStatus::Queued => "queued",
        MessageStatus::Received => "received",
        MessageStatus::Sent => "sent",
    }
}

fn read_status(word: &str) -> Option<MessageStatus> {
    Some(match word {
        "failed" => MessageStatus::Failed,
        "queued" => MessageStatus::Queued,
        "received" => MessageStatus::Received,
        "sent" => MessageStatus::Sent,
        _ => return None,
    })
}
