//! The results of commands, each as one JSON object and as text. The field names are documented in
//! `docs/cli.md`; they are added to, never renamed.

use std::fmt;

use grove_core::{IdentityView, MemberView, RoomView, Sent, Trust, visible_name};
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use serde::Serialize;

use super::plain::{Line, Lines, Quoted};
use super::time::Minute;

/// How many characters of a room id people are shown.
const SHORT_ID_CHARACTERS: usize = 8;

/// The beginning of a room's id, enough for people to tell rooms apart and to name one.
pub(crate) fn short_id(room: &RoomUri) -> &str {
    let id = room.id();
    id.get(..SHORT_ID_CHARACTERS).unwrap_or(id)
}

/// What a room is called: its name in «…», since others chose it, or its short id.
pub(crate) fn called(room: &RoomUri, name: &str) -> String {
    visible_name(name).map_or_else(
        || short_id(room).to_owned(),
        |name| Quoted(name).to_string(),
    )
}

/// What `register` made.
#[derive(Debug, Serialize)]
pub(crate) struct Registered {
    /// The user.
    pub(crate) user: UserUri,
    /// The user as people write it.
    pub(crate) address: String,
    /// This device.
    pub(crate) client: ClientUri,
    /// The profile.
    pub(crate) profile: String,
    /// The server.
    pub(crate) server: String,
    /// The recovery words, unless they are in a file.
    pub(crate) recovery_words: Option<Vec<String>>,
    /// The file with the recovery words.
    pub(crate) recovery_file: Option<String>,
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} is registered at {}.", self.address, self.server)?;
        write!(
            f,
            "This is profile {}, device {}.",
            self.profile,
            self.client.device()
        )?;
        if let Some(file) = &self.recovery_file {
            write!(
                f,
                "\n\nThe recovery words are in {file}. Keep them off this machine."
            )?;
        }
        let Some(words) = &self.recovery_words else {
            return Ok(());
        };
        f.write_str("\n\nRecovery words, shown only now. Write them down and keep them safe:\n")?;
        for (index, row) in words.chunks(6).enumerate() {
            f.write_str("\n  ")?;
            for (offset, word) in row.iter().enumerate() {
                write!(f, "{:>2} {word:<9}", index * 6 + offset + 1)?;
            }
        }
        Ok(())
    }
}

/// What `rooms create` made.
#[derive(Debug, Serialize)]
pub(crate) struct Created {
    /// The room.
    pub(crate) room: RoomUri,
    /// Its name.
    pub(crate) name: String,
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is made: {}", Quoted(&self.name), self.room)
    }
}

/// What became of an invitation.
#[derive(Debug, Serialize)]
pub(crate) struct InvitedLine {
    /// The room.
    pub(crate) room: RoomUri,
    /// Who is in now.
    pub(crate) added: Vec<UserUri>,
    /// Who was in already.
    pub(crate) already: Vec<UserUri>,
    /// Who is listed, but has no device that could be added now.
    pub(crate) without_devices: Vec<UserUri>,
}

impl fmt::Display for InvitedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        if !self.added.is_empty() {
            lines.push(format!("invited {}", addresses(&self.added)));
        }
        if !self.already.is_empty() {
            lines.push(format!("already in: {}", addresses(&self.already)));
        }
        if !self.without_devices.is_empty() {
            lines.push(format!(
                "listed, without a device that could be added now: {} (perhaps they have not been \
                 on-line for months; invite them again when they are back)",
                addresses(&self.without_devices)
            ));
        }
        f.write_str(&lines.join("\n"))
    }
}

/// A change that was carried out.
#[derive(Debug, Serialize)]
pub(crate) struct ChangeLine {
    /// The room.
    pub(crate) room: RoomUri,
    /// What was done: `joined`, `left`, `read` or `removed`.
    pub(crate) done: &'static str,
    /// To whom.
    pub(crate) users: Vec<UserUri>,
}

impl fmt::Display for ChangeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.users.is_empty() {
            return write!(f, "{} {}", self.done, self.room);
        }
        write!(f, "{} {}: {}", self.done, addresses(&self.users), self.room)
    }
}

/// The draft of a room.
#[derive(Debug, Serialize)]
pub(crate) struct DraftLine {
    /// The room.
    pub(crate) room: RoomUri,
    /// The text; empty if there is none.
    pub(crate) draft: String,
}

impl fmt::Display for DraftLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.draft.as_str() {
            "" => f.write_str("no draft"),
            draft => write!(f, "{}", Lines(draft)),
        }
    }
}

/// A person whose identity was accepted.
#[derive(Debug, Serialize)]
pub(crate) struct Trusted {
    /// The user.
    pub(crate) user: UserUri,
    /// What was done: `trusted`.
    pub(crate) done: &'static str,
}

impl fmt::Display for Trusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is verified", self.user.address())
    }
}

/// A person's digits.
#[derive(Debug, Serialize)]
pub(crate) struct IdentityPage {
    /// What is known.
    #[serde(flatten)]
    pub(crate) identity: IdentityView,
    /// Whether it is the asking user.
    #[serde(skip)]
    pub(crate) own: bool,
}

impl fmt::Display for IdentityPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identity = &self.identity;
        let address = identity.user.address();
        let how = match (self.own, identity.verified) {
            (true, _) => "you",
            (false, true) => "verified",
            (false, false) => "not verified",
        };
        writeln!(f, "{address} ({how})")?;
        write_digits(f, &identity.safety_number)?;
        if let Some(other) = &identity.other_safety_number {
            write!(
                f,
                "\n\nSomebody else says to be {address}, under another number:\n"
            )?;
            write_digits(f, other)?;
        }
        if self.own {
            return Ok(());
        }
        write!(
            f,
            "\n\nAsk {address} by another way for their number, then: grove trust {address} DIGITS"
        )
    }
}

/// Twelve groups of five, in three lines.
fn write_digits(f: &mut fmt::Formatter<'_>, digits: &str) -> fmt::Result {
    let groups: Vec<&str> = digits.split(' ').collect();
    for (place, line) in groups.chunks(4).enumerate() {
        let end = if place > 0 { "\n" } else { "" };
        write!(f, "{end}  {}", line.join(" "))?;
    }
    Ok(())
}

fn addresses(users: &[UserUri]) -> String {
    users
        .iter()
        .map(UserUri::address)
        .collect::<Vec<_>>()
        .join(", ")
}

/// One room of `rooms list`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct RoomLine(pub(crate) RoomView);

impl fmt::Display for RoomLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let room = &self.0;
        write!(f, "{}  ", short_id(&room.room))?;
        match visible_name(&room.name) {
            None => f.write_str("(no name yet)")?,
            Some(name) => write!(f, "{}", Quoted(name))?,
        }
        if let Some(topic) = visible_name(&room.topic) {
            write!(f, ", {}", Quoted(topic))?;
        }
        if room.state != "joined" {
            write!(f, " ({})", room.state)?;
        }
        match room.unread {
            0 => {}
            unread => write!(f, ", {unread} unread")?,
        }
        if !room.draft.is_empty() {
            f.write_str(", draft")?;
        }
        if let Some(lost) = &room.lost {
            let (since, why) = (Minute(lost.since_ms), cannot_follow(lost.cause));
            write!(
                f,
                " (cannot be followed since {since}: {why}; grove rooms rejoin comes back now)"
            )?;
        }
        match &room.stopped {
            Some(why) => write!(f, " (sending stopped: {})", Line(why)),
            None => Ok(()),
        }
    }
}

/// Why a room cannot be followed, for people.
fn cannot_follow(cause: &str) -> &'static str {
    match cause {
        "expired" => "what was written since is older than the server keeps it",
        "poisoned" => "a change of it cannot be read",
        _ => "its keys are lost here or out of date",
    }
}

/// One participant of `rooms members`.
#[derive(Debug, Serialize)]
pub(crate) struct MemberLine {
    /// The participant.
    #[serde(flatten)]
    pub(crate) member: MemberView,
    /// Whether this is the user of this profile.
    pub(crate) me: bool,
}

impl fmt::Display for MemberLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = &self.member;
        write!(f, "{}  {}, ", member.user.address(), Line(&member.role))?;
        match member.devices.len() {
            0 => f.write_str("no device yet")?,
            1 => f.write_str("1 device")?,
            many => write!(f, "{many} devices")?,
        }
        if self.me {
            f.write_str(", you")
        } else {
            write!(f, ", {}", trust_word(member.trust))
        }
    }
}

fn trust_word(trust: Trust) -> &'static str {
    match trust {
        Trust::Verified => "verified",
        Trust::Pinned => "trusted since first seen",
        Trust::Outdated => "HAS A DEVICE OF AN OLDER IDENTITY",
        Trust::Unverified => "unverified",
        Trust::Laggard => "has a device that has not taken their renewed identity yet",
        Trust::Stale => "device list out of date",
        Trust::UnknownDevice => "HAS AN UNKNOWN DEVICE",
        Trust::Revoked => "HAS A REVOKED DEVICE",
        Trust::Changed => "IDENTITY CHANGED",
    }
}

/// What became of a message of `send`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct SentLine(pub(crate) Sent);

impl fmt::Display for SentLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.seq {
            Some(seq) => write!(f, "sent, {seq} of {}", short_id(&self.0.room)),
            None => f.write_str("queued"),
        }
    }
}

/// What `sync` did.
#[derive(Debug, Serialize)]
pub(crate) struct Caught {
    /// How many events were read.
    pub(crate) events: usize,
    /// How many messages still wait to be sent.
    pub(crate) queued: u64,
    /// How many messages were refused for good.
    pub(crate) refused: usize,
    /// How many rooms cannot be followed at the moment.
    pub(crate) lost: usize,
    /// How many things could not be done; each is told on standard error.
    pub(crate) troubles: usize,
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.events {
            0 => f.write_str("nothing new")?,
            1 => f.write_str("1 event")?,
            many => write!(f, "{many} events")?,
        }
        match self.queued {
            0 => Ok(()),
            1 => f.write_str(", 1 message waits to be sent"),
            waiting => write!(f, ", {waiting} messages wait to be sent"),
        }?;
        match self.lost {
            0 => Ok(()),
            1 => f.write_str(", 1 room cannot be followed at the moment"),
            lost => write!(f, ", {lost} rooms cannot be followed at the moment"),
        }
    }
}

/// Which account and device this is.
#[derive(Debug, Serialize)]
pub(crate) struct WhoamiPage {
    /// The user.
    pub(crate) user: UserUri,
    /// The user as people write it.
    pub(crate) address: String,
    /// This device.
    pub(crate) client: ClientUri,
    /// The profile.
    pub(crate) profile: String,
    /// The server.
    pub(crate) server: String,
}

impl fmt::Display for WhoamiPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.address)?;
        writeln!(f, "device   {}", self.client.device())?;
        writeln!(f, "profile  {}", self.profile)?;
        write!(f, "server   {}", self.server)
    }
}

#[cfg(test)]
mod tests;
