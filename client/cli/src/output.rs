//! What `grove` prints: text for people or JSON for programs, one format per run.
//!
//! Must not know how anything was found out. Data goes to standard output, everything said about
//! the run itself to standard error, so that a pipe gets data only.

mod devices;
mod events;
mod evidence;
mod links;
mod plain;
mod records;
mod status;
mod time;

pub(crate) use devices::{DeviceChoice, DeviceLine, DevicesChanged, MeantDevice, RenamedLine};
pub(crate) use events::{EventLine, MessageLine, RoomNames};
pub(crate) use evidence::{EvidenceLine, Exported, KeyIs, VerifiedLine};
pub(crate) use links::{ArrivedLine, CodeLine, NewcomerLine, OfferLine, RoomsDueLine};
pub(crate) use records::{
    Caught, ChangeLine, Created, DraftLine, IdentityPage, InvitedLine, MemberLine, Registered,
    RoomLine, SentLine, Trusted, WhoamiPage,
};
pub(crate) use status::StatusPage;

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use crate::exit::Exit;
use crate::failure::{Failure, is_full};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON object per line.
    Json,
    /// Text for people.
    Text,
}

/// Where results go.
pub(crate) struct Output<'a> {
    format: Format,
    data: &'a mut dyn Write,
    notes: &'a mut dyn Write,
    last_note: String,
}

impl<'a> Output<'a> {
    /// Prints data and notes in this format.
    pub(crate) fn new(format: Format, data: &'a mut dyn Write, notes: &'a mut dyn Write) -> Self {
        Self {
            format,
            data,
            notes,
            last_note: String::new(),
        }
    }

    /// Whether a program reads the results.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints one result and hands it on at once.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub(crate) fn print(&mut self, result: &(impl Serialize + Display)) -> Result<(), Failure> {
        let printed = match self.format {
            Format::Json => serde_json::to_writer(&mut *self.data, result)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(self.data)),
            Format::Text => writeln!(self.data, "{result}"),
        };
        printed
            .and_then(|()| self.data.flush())
            .map_err(|error| closed(&error))
    }

    /// Writes bytes as they are, whatever the format.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub(crate) fn write_raw(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.data
            .write_all(bytes)
            .and_then(|()| self.data.flush())
            .map_err(|error| closed(&error))
    }

    /// Says something about the run, in either format.
    pub(crate) fn note(&mut self, text: impl Display) {
        let text = text.to_string();
        forget_closed(match self.format {
            Format::Json => self.note_as_json(&NoteRecord { note: &text }),
            Format::Text => writeln!(self.notes, "{}", plain::Lines(&text)),
        });
    }

    /// Says something that may come up again and again, but not twice in a row.
    pub(crate) fn note_once(&mut self, text: &str) {
        if self.last_note != text {
            self.note(text);
            text.clone_into(&mut self.last_note);
        }
    }

    /// Says why the run failed, in either format.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        let written = match self.format {
            Format::Json => self.note_as_json(&FailureRecord {
                error: failure.exit.name(),
                code: failure.exit.code(),
                message: &failure.message,
                advice: failure.advice.as_deref(),
            }),
            Format::Text => {
                let message = plain::Lines(&failure.message);
                match &failure.advice {
                    Some(advice) => writeln!(self.notes, "grove: {message}\n  {advice}"),
                    None => writeln!(self.notes, "grove: {message}"),
                }
            }
        };
        forget_closed(written);
    }

    fn note_as_json(&mut self, record: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut *self.notes, record)?;
        writeln!(self.notes)
    }
}

#[derive(Serialize)]
struct NoteRecord<'a> {
    note: &'a str,
}

#[derive(Serialize)]
struct FailureRecord<'a> {
    error: &'static str,
    code: u8,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'a str>,
}

fn closed(error: &io::Error) -> Failure {
    // `grove history | head` is no failure worth a message; `run` recognises this one.
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::new(Exit::Failure, "")
    } else if is_full(error) {
        Failure::full(&"the output cannot be written")
    } else {
        Failure::new(Exit::Failure, format!("cannot write the output: {error}"))
    }
}

/// Nobody is left to tell that standard error is closed.
fn forget_closed(written: io::Result<()>) {
    if let Err(error) = written {
        tracing::debug!(%error, "standard error is closed");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_wire::uri::{Provider, RoomUri};

    use super::{ChangeLine, Format, Output};
    use crate::exit::Exit;
    use crate::failure::Failure;

    fn run(format: Format, act: impl FnOnce(&mut Output<'_>)) -> (String, String) {
        let (mut data, mut notes) = (Vec::new(), Vec::new());
        act(&mut Output::new(format, &mut data, &mut notes));
        (
            String::from_utf8(data).unwrap(),
            String::from_utf8(notes).unwrap(),
        )
    }

    #[test]
    fn results_are_lines_on_standard_output() {
        let hub = Provider::parse("a.example").unwrap();
        let room = RoomUri::new(&hub, &[7; 32]);
        let done = ChangeLine {
            room: room.clone(),
            done: "left",
            users: Vec::new(),
        };
        let (data, notes) = run(Format::Text, |output| {
            output.print(&done).unwrap();
            output.note("by the way");
        });
        assert_eq!(
            (data, notes),
            (format!("left {room}\n"), "by the way\n".to_owned())
        );
        let (data, notes) = run(Format::Json, |output| {
            output.print(&done).unwrap();
            output.note("by the way");
        });
        assert_eq!(
            data,
            format!("{{\"room\":\"{room}\",\"done\":\"left\",\"users\":[]}}\n")
        );
        assert_eq!(notes, "{\"note\":\"by the way\"}\n");
    }

    #[test]
    fn failures_are_on_standard_error_in_either_format() {
        let failure = Failure::new(Exit::Unreachable, "no\u{1b}route").advise("wait");
        let (data, notes) = run(Format::Text, |output| output.fail(&failure));
        assert_eq!(
            (data.as_str(), notes.as_str()),
            ("", "grove: no\u{fffd}route\n  wait\n")
        );
        let (data, notes) = run(Format::Json, |output| output.fail(&failure));
        assert_eq!(data, "");
        assert_eq!(
            notes,
            "{\"error\":\"unreachable\",\"code\":4,\"message\":\"no\\u001broute\",\"advice\":\"wait\"}\n"
        );
    }
}
