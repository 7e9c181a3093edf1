//! Messages and events as lines. JSON is the engine's own documented shape, untouched.

use std::collections::BTreeMap;
use std::fmt;

use grove_core::{
    Event, Loss, Message, MessageId, MessageKind, MessageStatus, Numbered, RoomChange, Trust,
    visible_name,
};
use grove_wire::uri::RoomUri;
use serde::{Serialize, Serializer};

use super::plain::{Line, Lines, Quoted};
use super::records::called;
use super::time::{Minute, Span};

/// How many digits of a message id a person is shown.
const SHORT_ID_DIGITS: usize = 8;

/// What people call the rooms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RoomNames(BTreeMap<RoomUri, String>);

impl RoomNames {
    /// From pairs of room and name; a room without a name goes by its short id.
    pub(crate) fn new(rooms: impl IntoIterator<Item = (RoomUri, String)>) -> Self {
        Self(rooms.into_iter().collect())
    }

    /// The name of a room in «…», since others chose it, or its short id.
    pub(crate) fn of(&self, room: &RoomUri) -> String {
        called(room, self.0.get(room).map_or("", String::as_str))
    }
}

/// A message as a line; with names, the room stands in it.
pub(crate) struct MessageLine<'a> {
    /// The message.
    pub(crate) message: &'a Message,
    /// The rooms' names, when the reader sees several rooms.
    pub(crate) names: Option<&'a RoomNames>,
}

impl Serialize for MessageLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.message.serialize(serializer)
    }
}

impl fmt::Display for MessageLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message;
        write!(f, "{}  ", Minute(message.time_ms))?;
        if let Some(names) = self.names {
            write!(f, "{}  ", names.of(&message.room))?;
        }
        let sender = Sender(message);
        let text = Lines(&message.text);
        match message.kind {
            _ if message.deleted => write!(f, "{sender}: (deleted)")?,
            MessageKind::Text => write!(f, "{sender}: {text}")?,
            MessageKind::Reply => {
                write!(
                    f,
                    "{sender}, answering {}: {text}",
                    Short(message.in_reply_to)
                )?;
            }
            MessageKind::Reaction => {
                write!(
                    f,
                    "{sender} reacts to {}: {text}",
                    Short(message.in_reply_to)
                )?;
            }
            MessageKind::Edit => write!(f, "{sender} edits {}: {text}", Short(message.replaces))?,
            MessageKind::Delete => write!(f, "{sender} deletes {}", Short(message.replaces))?,
            MessageKind::Other => {
                write!(f, "{sender}: (something this version cannot show)")?;
            }
        }
        if message.edited && !message.deleted {
            f.write_str(" (edited)")?;
        }
        if !message.witnessed {
            f.write_str(" (without proof of order)")?;
        }
        match (message.status, &message.failure) {
            (MessageStatus::Queued, _) => f.write_str(" (queued)"),
            (MessageStatus::Failed, Some(why)) => write!(f, " (failed: {})", Line(why)),
            (MessageStatus::Failed, None) => f.write_str(" (failed)"),
            (MessageStatus::Received | MessageStatus::Sent, _) => Ok(()),
        }
    }
}

/// Who said it, as far as that is known: never the user's bare address where it may be another.
struct Sender<'a>(&'a Message);

impl fmt::Display for Sender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.0.sender.address();
        match self.0.trust.filter(|trust| trust.is_doubtful()) {
            Some(trust) => write!(f, "[says to be {address}: {}]", doubt(trust)),
            None => f.write_str(&address),
        }
    }
}

fn doubt(trust: Trust) -> &'static str {
    match trust {
        Trust::Laggard => "a device without their renewed identity",
        Trust::Outdated => "a device of an older identity",
        Trust::Revoked => "a device they have revoked",
        Trust::UnknownDevice => "a device they have not listed",
        Trust::Changed => "another identity than you know",
        Trust::Verified | Trust::Pinned | Trust::Unverified | Trust::Stale => "",
    }
}

/// The beginning of a message id.
struct Short(Option<MessageId>);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => id
                .to_string()
                .chars()
                .take(SHORT_ID_DIGITS)
                .try_for_each(|c| write!(f, "{c}")),
            None => f.write_str("an unknown message"),
        }
    }
}

/// An event as a line.
pub(crate) struct EventLine<'a> {
    /// The event.
    pub(crate) event: &'a Numbered,
    /// The rooms' names.
    pub(crate) names: &'a RoomNames,
}

impl Serialize for EventLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.event.serialize(serializer)
    }
}

impl fmt::Display for EventLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |room| self.names.of(room);
        match &self.event.event {
            Event::Message { message }
            | Event::MessageFailed { message }
            | Event::MessageSent { message } => MessageLine {
                message,
                names: Some(self.names),
            }
            .fmt(f),
            Event::RoomChanged { room, by, change } => {
                write!(f, "* {}: ", name(room))?;
                write_change(f, change)?;
                match by {
                    Some(by) if !is_about(change, by) => write!(f, ", by {}", by.address()),
                    _ => Ok(()),
                }
            }
            Event::Healed {
                room,
                unread,
                from_ms,
                to_ms,
                cause,
            } => {
                write!(f, "* {}: ", name(room))?;
                let (from_ms, to_ms) = (*from_ms, *to_ms);
                write_missed(f, *unread, Span { from_ms, to_ms })?;
                write_loss(f, cause)
            }
            Event::IdentityRenewed { user } => write!(
                f,
                "* {} renewed their identity with their recovery words",
                user.address()
            ),
            Event::Missing {
                room,
                user,
                count,
                before_ms,
            } => {
                let (are, s) = if *count == 1 {
                    ("is", "")
                } else {
                    ("are", "s")
                };
                write!(
                    f,
                    "! {}: {count} message{s} of {} before {} {are} missing",
                    name(room),
                    user.address(),
                    Minute(*before_ms)
                )
            }
            Event::RoomJoined { room } => write!(f, "* {}: you are in", name(room)),
            Event::RoomLeft {
                room, by: Some(by), ..
            } => {
                write!(f, "* {}: you were removed by {}", name(room), by.address())
            }
            Event::RoomLeft {
                room,
                by: None,
                by_server: true,
            } => write!(f, "* {}: the server had you removed", name(room)),
            Event::RoomLeft {
                room,
                by: None,
                by_server: false,
            } => write!(f, "* {}: you left", name(room)),
            Event::ThisDeviceRevoked => f.write_str(
                "! this device was taken off your account; what it has read stays readable here",
            ),
            Event::Warning {
                room: Some(room),
                text,
                ..
            } => {
                write!(f, "! {}: {}", name(room), Line(text))
            }
            Event::Warning {
                room: None, text, ..
            } => write!(f, "! {}", Line(text)),
        }
    }
}

fn write_missed(f: &mut fmt::Formatter<'_>, unread: u64, span: Span) -> fmt::Result {
    match unread {
        0 => f.write_str("you are back in and missed nothing"),
        1 => write!(f, "1 message could not be read, {span}"),
        many => write!(f, "{many} messages could not be read, {span}"),
    }
}

fn write_loss(f: &mut fmt::Formatter<'_>, cause: &Loss) -> fmt::Result {
    match cause {
        Loss::Expired => f.write_str(" (older than the server keeps them)"),
        Loss::Poisoned { by: None, .. } => {
            f.write_str(" (a change of the room could not be followed)")
        }
        Loss::Poisoned {
            by: Some(by),
            removed,
        } => {
            let broke = format!("a device of {} broke the room", by.user().address());
            if *removed {
                write!(f, " ({broke} and is out)")
            } else {
                write!(f, " ({broke} and is still in it; who may should remove it)")
            }
        }
        Loss::State => f.write_str(" (the room's keys on this device were lost or out of date)"),
    }
}

fn write_change(f: &mut fmt::Formatter<'_>, change: &RoomChange) -> fmt::Result {
    match change {
        RoomChange::DeviceAdded { client } => {
            write!(f, "a device of {} came in", client.user().address())
        }
        RoomChange::DeviceRemoved { client } => {
            write!(f, "a device of {} is gone", client.user().address())
        }
        RoomChange::Joined { user, role } => {
            write!(f, "{} came in as {}", user.address(), Line(role))
        }
        RoomChange::DeviceLeaving {
            client,
            by_server: true,
        } => write!(
            f,
            "the server wants a device of {} out",
            client.user().address()
        ),
        RoomChange::DeviceLeaving { client, .. } => {
            write!(f, "a device of {} is leaving", client.user().address())
        }
        RoomChange::Leaving {
            user,
            by_server: true,
        } => write!(f, "the server wants {} out", user.address()),
        RoomChange::Leaving { user, .. } => write!(f, "{} is leaving", user.address()),
        RoomChange::Left { user } => write!(f, "{} is gone", user.address()),
        RoomChange::Renamed { name, topic } => {
            match visible_name(name) {
                Some(name) => write!(f, "is now called {}", Quoted(name))?,
                None => f.write_str("has no name now")?,
            }
            match visible_name(topic) {
                Some(topic) => write!(f, ", about {}", Quoted(topic)),
                None => Ok(()),
            }
        }
        RoomChange::RoleChanged { user, role } => {
            write!(f, "{} is now {}", user.address(), Line(role))
        }
    }
}

fn is_about(change: &RoomChange, by: &grove_wire::uri::UserUri) -> bool {
    match change {
        RoomChange::DeviceAdded { client }
        | RoomChange::DeviceLeaving { client, .. }
        | RoomChange::DeviceRemoved { client } => client.user() == *by,
        RoomChange::Joined { user, .. }
        | RoomChange::Leaving { user, .. }
        | RoomChange::Left { user }
        | RoomChange::RoleChanged { user, .. } => user == by,
        RoomChange::Renamed { .. } => false,
    }
}

#[cfg(test)]
mod tests;
