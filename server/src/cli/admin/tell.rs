//! Replies for people. Lists are one line each, in columns that line up; a token stands alone on
//! the first line.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::{Duration, UNIX_EPOCH};

use super::say;
use crate::admin::{
    Amount, Device, Invite, Participant, Reader, Reply, Room, RoomDetails, Session, Statistics,
    User,
};

/// Prints a reply.
pub(super) fn tell(reply: &Reply) -> io::Result<()> {
    match reply {
        Reply::Devices { devices, .. } => table(devices.iter().map(device)),
        Reply::Done {} => say("done"),
        Reply::Ended { sessions, devices } => say(format_args!(
            "{sessions} sessions of {devices} devices ended"
        )),
        Reply::Failed { .. } | Reply::Refused { .. } => Ok(()),
        Reply::InviteCreated { token, link, .. } => say(token).and_then(|()| say(link)),
        Reply::Invites { invites, next } => {
            table(invites.iter().map(invite))?;
            more("--before", next.as_ref())
        }
        Reply::Room(details) => tell_room(details),
        Reply::Rooms { rooms, next } => {
            table(rooms.iter().map(room))?;
            more("--after", next.as_ref())
        }
        Reply::Sessions { sessions, .. } => table(sessions.iter().map(session)),
        Reply::Statistics(statistics) => tell_statistics(statistics),
        Reply::User { user: who, clients } => {
            table([user(who)].into_iter())?;
            clients
                .iter()
                .try_for_each(|client| say(format_args!("  {client}")))
        }
        Reply::Users { users, next } => {
            table(users.iter().map(user))?;
            more("--after", next.as_ref())
        }
    }
}

/// Lines whose cells line up.
fn table<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> io::Result<()> {
    let rows: Vec<[String; N]> = rows.collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    rows.iter().try_for_each(|row| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        say(cells.join("  ").trim_end())
    })
}

/// Says on standard error that a list goes on, and how to see the rest.
fn more(option: &str, next: Option<&impl Display>) -> io::Result<()> {
    match next {
        Some(next) => writeln!(io::stderr(), "there may be more: {option} {next}"),
        None => Ok(()),
    }
}

fn device(device: &Device) -> [String; 5] {
    let seen = device.last_seen_at.map_or_else(
        || "never seen".to_owned(),
        |at| format!("seen {}", time(at)),
    );
    let state = match (device.revoked_at, device.connected) {
        (Some(at), _) => format!("revoked {}", time(at)),
        (None, true) => "connected".to_owned(),
        (None, false) => String::new(),
    };
    [
        device.client.clone(),
        format!("added {}", time(device.added_at)),
        seen,
        format!("{} sessions", device.sessions),
        state,
    ]
}

fn invite(invite: &Invite) -> [String; 4] {
    let (left, uses) = (invite.uses_left, invite.uses);
    let revoked = if invite.revoked { "revoked" } else { "" };
    [
        invite.invite.to_string(),
        format!("{left} of {uses} left"),
        format!("expires {}", time(invite.expires_at)),
        revoked.to_owned(),
    ]
}

fn room(room: &Room) -> [String; 7] {
    [
        room.room.clone(),
        format!("epoch {}", room.epoch),
        format!("{} entries", room.seq),
        format!("{} participants", amount(room.participants)),
        format!("{} devices", amount(room.members)),
        bytes_of(room.log_bytes),
        format!("active {}", time(room.last_activity)),
    ]
}

fn session(session: &Session) -> [String; 4] {
    [
        session.session.to_string(),
        session.client.clone(),
        format!("opened {}", time(session.created_at)),
        format!("expires {}", time(session.expires_at)),
    ]
}

fn user(user: &User) -> [String; 4] {
    let disabled = if user.disabled_at.is_some() {
        "disabled"
    } else {
        ""
    };
    [
        user.address.clone(),
        format!("{} active devices", user.active_devices),
        format!("since {}", time(user.created_at)),
        disabled.to_owned(),
    ]
}

fn tell_room(details: &RoomDetails) -> io::Result<()> {
    let room = &details.room;
    let oldest = match (details.oldest_seq, details.oldest_at) {
        (Some(seq), Some(at)) => format!("{seq}, of {}", time(at)),
        _ => "none".to_owned(),
    };
    say(&room.room)?;
    facts([
        ("made", time(room.created_at)),
        ("last activity", time(room.last_activity)),
        ("epoch", room.epoch.to_string()),
        ("newest entry", room.seq.to_string()),
        ("oldest kept entry", oldest),
        ("log size", bytes_of(room.log_bytes)),
        ("participants", amount(room.participants)),
        ("devices of this server", amount(room.members)),
    ])?;
    say("participants")?;
    table(details.list.iter().map(participant))?;
    say("devices of this server, furthest behind first")?;
    table(details.readers.iter().map(reader))
}

fn participant(participant: &Participant) -> [String; 2] {
    [format!("  {}", participant.user), participant.role.clone()]
}

fn reader(reader: &Reader) -> [String; 4] {
    [
        format!("  {}", reader.client),
        format!("has {}", reader.position),
        format!("{} behind", reader.lag),
        reader.state.as_str().to_owned(),
    ]
}

fn tell_statistics(all: &Statistics) -> io::Result<()> {
    let none = || "unknown".to_owned();
    let uptime = humantime::format_duration(Duration::from_secs(all.uptime_s));
    say(format_args!("{} for {}", all.software, all.domain))?;
    facts([
        ("up for", uptime.to_string()),
        ("users", amount(all.users)),
        ("devices", amount(all.devices)),
        ("sessions", amount(all.sessions)),
        ("sockets", all.sockets.to_string()),
        ("rooms", amount(all.rooms)),
        ("log entries", amount(all.log_entries)),
        ("log on disk", bytes(all.log_bytes)),
        ("oldest entry", all.oldest_entry_at.map_or_else(none, time)),
        ("accepted since start", all.accepted.to_string()),
        ("database on disk", bytes(all.database_bytes)),
        ("disk free", all.disk_free_bytes.map_or_else(none, bytes)),
    ])
}

/// Names and values, one below the other.
fn facts<const N: usize>(facts: [(&str, String); N]) -> io::Result<()> {
    table(
        facts
            .into_iter()
            .map(|(name, value)| [format!("  {name}"), value]),
    )
}

fn amount(amount: Amount) -> String {
    said_of(amount, amount.value)
}

fn bytes_of(amount: Amount) -> String {
    said_of(amount, bytes(amount.value))
}

/// What is said of an amount, with a mark if it is an estimate.
fn said_of(amount: Amount, text: impl Display) -> String {
    if amount.exact {
        text.to_string()
    } else {
        format!("~{text}")
    }
}

/// Bytes in the largest unit of which there is at least one, rounded down to a tenth.
fn bytes(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(shift, _)| bytes >> shift > 0);
    match unit {
        Some((shift, unit)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

/// RFC 3339, in UTC, to the second.
fn time(ms: u64) -> String {
    match UNIX_EPOCH.checked_add(Duration::from_millis(ms)) {
        Some(time) if ms < END_OF_TIME_MS => humantime::format_rfc3339_seconds(time).to_string(),
        _ => "never".to_owned(),
    }
}

/// The year 9999, beyond which RFC 3339 has no dates.
const END_OF_TIME_MS: u64 = 253_402_300_800_000;

#[cfg(test)]
mod tests {
    use super::{bytes, time};

    #[test]
    fn sizes_and_times_are_short() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(u64::MAX), "never");
    }
}
