//! Rooms, and the heads of their hash chains.

use grove_core::store::{Lost, LostCause, Room, RoomState, Stop, StoreError};
use grove_wire::uri::{ClientUri, RoomUri};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::values::{integer, optional, optional_word, parsed, unsigned, word};
use crate::error::Sql;

pub(super) fn find(connection: &Connection, room: &RoomUri) -> Result<Option<Room>, StoreError> {
    connection
        .prepare_cached(
            "SELECT uri, state, name, topic, profile, profile_version, epoch, seq, head, receipt, counter, \
             keys_in_doubt, profile_due, leaf_since, unreadable, removals_since, stop, stop_theirs, lost_seq, lost_epoch, lost_time, lost_noticed, lost_cause, \
             lost_by, read_up_to, draft FROM rooms WHERE uri = ?1",
        )
        .sql()?
        .query_row(params![room.as_str()], read)
        .optional()
        .sql()
}

pub(super) fn list(connection: &Connection) -> Result<Vec<Room>, StoreError> {
    connection
        .prepare_cached(
            "SELECT uri, state, name, topic, profile, profile_version, epoch, seq, head, receipt, counter, \
             keys_in_doubt, profile_due, leaf_since, unreadable, removals_since, stop, stop_theirs, lost_seq, lost_epoch, lost_time, lost_noticed, lost_cause, \
             lost_by, read_up_to, draft FROM rooms ORDER BY uri",
        )
        .sql()?
        .query_map([], read)
        .sql()?
        .collect::<rusqlite::Result<_>>()
        .sql()
}

pub(super) fn put(connection: &Connection, room: &Room) -> Result<(), StoreError> {
    let theirs = match &room.stop {
        Some(Stop::Fork { theirs }) => Some(theirs),
        Some(Stop::Sibling | Stop::Withheld) | None => None,
    };
    let lost = room.lost.as_ref();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO rooms (uri, state, name, topic, profile, profile_version, epoch, seq, head, receipt, \
             counter, keys_in_doubt, profile_due, leaf_since, unreadable, removals_since, stop, stop_theirs, lost_seq, lost_epoch, \
             lost_time, lost_noticed, lost_cause, lost_by, read_up_to, draft) VALUES (:uri, :state, :name, :topic, :profile, \
             :profile_version, :epoch, :seq, :head, :receipt, :counter, :keys_in_doubt, :profile_due, :leaf_since, :unreadable, \
             :removals_since, :stop, :stop_theirs, :lost_seq, :lost_epoch, :lost_time, :lost_noticed, :lost_cause, :lost_by, \
             :read_up_to, :draft)",
        )
        .sql()?
        .execute(named_params! {
            ":uri": room.uri.as_str(),
            ":state": state_word(room.state),
            ":name": room.name,
            ":topic": room.topic,
            ":profile": room.profile,
            ":profile_version": integer(room.profile_version)?,
            ":epoch": integer(room.epoch)?,
            ":seq": integer(room.seq)?,
            ":head": room.head,
            ":receipt": room.receipt,
            ":counter": integer(room.counter)?,
            ":keys_in_doubt": room.keys_in_doubt,
            ":profile_due": room.profile_due,
            ":leaf_since": integer(room.leaf_since)?,
            ":unreadable": integer(room.unreadable)?,
            ":removals_since": room.removals_since.map(integer).transpose()?,
            ":stop": room.stop.as_ref().map(stop_word),
            ":stop_theirs": theirs,
            ":lost_seq": lost.map(|lost| integer(lost.seq)).transpose()?,
            ":lost_epoch": lost.map(|lost| integer(lost.epoch)).transpose()?,
            ":lost_time": lost.map(|lost| integer(lost.time)).transpose()?,
            ":lost_noticed": lost.map(|lost| integer(lost.noticed)).transpose()?,
            ":lost_cause": lost.map(|lost| cause_word(&lost.cause)),
            ":lost_by": lost.and_then(lost_by).map(ClientUri::as_str),
            ":read_up_to": integer(room.read_up_to)?,
            ":draft": room.draft,
        })
        .sql()?;
    Ok(())
}

pub(super) fn put_head(
    connection: &Connection,
    room: &RoomUri,
    seq: u64,
    head: &[u8; 32],
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO heads (room, seq, head) VALUES (?1, ?2, ?3)")
        .sql()?
        .execute(params![room.as_str(), integer(seq)?, head])
        .sql()?;
    Ok(())
}

pub(super) fn find_head(
    connection: &Connection,
    room: &RoomUri,
    seq: u64,
) -> Result<Option<[u8; 32]>, StoreError> {
    connection
        .prepare_cached("SELECT head FROM heads WHERE room = ?1 AND seq = ?2")
        .sql()?
        .query_row(params![room.as_str(), integer(seq)?], |row| row.get(0))
        .optional()
        .sql()
}

pub(super) fn remove_heads(
    connection: &Connection,
    room: &RoomUri,
    below: u64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM heads WHERE room = ?1 AND seq < ?2")
        .sql()?
        .execute(params![room.as_str(), integer(below)?])
        .sql()?;
    connection
        .prepare_cached("DELETE FROM receipts WHERE room = ?1 AND seq < ?2")
        .sql()?
        .execute(params![room.as_str(), integer(below)?])
        .sql()?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Room> {
    let theirs: Option<Vec<u8>> = row.get("stop_theirs")?;
    Ok(Room {
        uri: parsed(row, "uri")?,
        state: word(row, "state", read_state)?,
        name: row.get("name")?,
        topic: row.get("topic")?,
        profile: row.get("profile")?,
        profile_version: unsigned(row, "profile_version")?,
        epoch: unsigned(row, "epoch")?,
        seq: unsigned(row, "seq")?,
        head: row.get("head")?,
        receipt: row.get("receipt")?,
        counter: unsigned(row, "counter")?,
        keys_in_doubt: row.get("keys_in_doubt")?,
        profile_due: row.get("profile_due")?,
        leaf_since: unsigned(row, "leaf_since")?,
        unreadable: unsigned(row, "unreadable")?,
        removals_since: row.get("removals_since")?,
        stop: optional_word(row, "stop", |word| read_stop(word, theirs))?,
        lost: read_lost(row)?,
        read_up_to: unsigned(row, "read_up_to")?,
        draft: row.get("draft")?,
    })
}

fn stop_word(stop: &Stop) -> &'static str {
    match stop {
        Stop::Fork { .. } => "fork",
        Stop::Sibling => "sibling",
        Stop::Withheld => "withheld",
    }
}

fn read_stop(word: &str, theirs: Option<Vec<u8>>) -> Option<Stop> {
    Some(match word {
        "fork" => Stop::Fork {
            theirs: theirs.unwrap_or_default(),
        },
        "sibling" => Stop::Sibling,
        "withheld" => Stop::Withheld,
        _ => return None,
    })
}

fn read_lost(row: &Row<'_>) -> rusqlite::Result<Option<Lost>> {
    let Some(seq) = row.get("lost_seq")? else {
        return Ok(None);
    };
    let by = optional(row, "lost_by")?;
    Ok(Some(Lost {
        seq,
        epoch: unsigned(row, "lost_epoch")?,
        time: unsigned(row, "lost_time")?,
        noticed: unsigned(row, "lost_noticed")?,
        cause: word(row, "lost_cause", |cause| match cause {
            "expired" => Some(LostCause::Expired),
            "poisoned" => Some(LostCause::Poisoned(by)),
            "state" => Some(LostCause::State),
            _ => None,
        })?,
    }))
}

fn cause_word(cause: &LostCause) -> &'static str {
    match cause {
        LostCause::Expired => "expired",
        LostCause::Poisoned(_) => "poisoned",
        LostCause::State => "state",
    }
}

fn lost_by(lost: &Lost) -> Option<&ClientUri> {
    match &lost.cause {
        LostCause::Poisoned(by) => by.as_ref(),
        LostCause::Expired | LostCause::State => None,
    }
}

fn state_word(state: RoomState) -> &'static str {
    match state {
        RoomState::Creating => "creating",
        RoomState::Joining => "joining",
        RoomState::Joined => "joined",
        RoomState::Left => "left",
        RoomState::Removed => "removed",
    }
}

fn read_state(word: &str) -> Option<RoomState> {
    Some(match word {
        "creating" => RoomState::Creating,
        "joining" => RoomState::Joining,
        "joined" => RoomState::Joined,
        "left" => RoomState::Left,
        "removed" => RoomState::Removed,
        _ => return None,
    })
}
