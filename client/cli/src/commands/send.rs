//! `grove send`: one message, stored before anything else, then sent if the server answers.
//!
//! The surprise: a message that had to wait is a success. It will be sent exactly once; a script
//! that took the wait for a failure and tried again would send it twice.

use std::io::{self, Read};

use grove_core::{Draft, MAX_TEXT_BYTES, MessageStatus, SendError};

use super::failures::{failed, unusable};
use crate::args::{About, Send};
use crate::bounded;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, SentLine};
use crate::session::Session;

/// Line ends behind a message are not part of it.
const MAX_LINE_END_BYTES: usize = 64;

pub(crate) async fn send(
    session: &mut Session,
    wish: Send,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    // Read first: nothing should be asked of the server for a message that is none.
    let text = if wish.about.delete.is_some() {
        None
    } else {
        Some(text(wish.text)?)
    };
    let draft = draft(&wish.about, text)?;
    let room = session.find_room(&wish.room).await?;
    let sent = session.client.send(&room, draft).await.map_err(explain)?;
    let queued = sent.status == MessageStatus::Queued;
    let why = sent.waits_for.clone().map(|why| format!(": {why}"));
    let why = why.unwrap_or_default();
    output.print(&SentLine(sent))?;
    if !queued {
        session.settle(output).await;
        return Ok(());
    }
    if wish.require_accepted {
        return Err(Failure::new(
            Exit::Unreachable,
            format!("the server has not accepted it yet{why}"),
        )
        .advise("the message waits and will be sent by a later command: do not send it again"));
    }
    output.note(format_args!(
        "the server has not accepted it yet{why}; the message waits and a later command sends it"
    ));
    Ok(())
}

fn explain(error: SendError) -> Failure {
    match error {
        SendError::Empty | SendError::TooLong => unusable(error),
        other => failed(other),
    }
}

fn text(argument: Option<String>) -> Result<String, Failure> {
    match argument {
        Some(text) if text != "-" => Ok(text),
        _ => read_text(io::stdin().lock()),
    }
}

/// A message from standard input, without the line end that programs put behind their output.
fn read_text(source: impl Read) -> Result<String, Failure> {
    let most = MAX_TEXT_BYTES.saturating_add(MAX_LINE_END_BYTES);
    let text = bounded::read_text(source, most).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => unusable(SendError::TooLong),
        _ => Failure::new(
            Exit::Usage,
            format!("standard input is no message: {error}"),
        )
        .advise("a message is UTF-8 text"),
    })?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn draft(about: &About, text: Option<String>) -> Result<Draft, Failure> {
    if let Some(of) = about.delete {
        return Ok(Draft::Delete { of });
    }
    let text = text.filter(|text| !text.trim().is_empty()).ok_or_else(|| {
        Failure::new(Exit::Usage, "there is nothing to send")
            .advise("give the text as an argument or on standard input")
    })?;
    Ok(match about {
        About {
            reply_to: Some(to), ..
        } => Draft::Reply { to: *to, text },
        About {
            react_to: Some(to), ..
        } => Draft::Reaction { to: *to, text },
        About { edit: Some(of), .. } => Draft::Edit { of: *of, text },
        About { .. } => Draft::Text(text),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_core::{Draft, MessageId};

    use super::{MAX_TEXT_BYTES, draft, read_text};
    use crate::args::About;
    use crate::exit::Exit;

    const NOTHING: About = About {
        reply_to: None,
        react_to: None,
        edit: None,
        delete: None,
    };

    #[test]
    fn standard_input_is_text_without_its_last_line_end() {
        assert_eq!(read_text(b"one\ntwo\n".as_slice()).unwrap(), "one\ntwo");
        assert_eq!(read_text(b"one\r\n".as_slice()).unwrap(), "one");
        assert_eq!(
            read_text([0xff, 0xfe].as_slice()).unwrap_err().exit,
            Exit::Usage
        );
        let longest = "x".repeat(MAX_TEXT_BYTES);
        let read = read_text(format!("{longest}\r\n").as_bytes()).unwrap();
        assert_eq!(read, longest);
    }

    #[test]
    fn too_much_is_called_that_wherever_the_bound_falls() {
        let long = "é".repeat(MAX_TEXT_BYTES);
        for begin in ["", "x"] {
            let failure = read_text(format!("{begin}{long}").as_bytes()).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert_eq!(
                failure.message,
                format!("the text has more than {MAX_TEXT_BYTES} bytes")
            );
        }
    }

    #[test]
    fn an_empty_message_is_none() {
        for text in [None, Some(String::new()), Some(" \n".to_owned())] {
            assert_eq!(draft(&NOTHING, text).unwrap_err().exit, Exit::Usage);
        }
    }

    #[test]
    fn the_option_decides_what_the_message_is() {
        let id = MessageId([7; 32]);
        let text = || Some("yes".to_owned());
        for (about, expected) in [
            (NOTHING, Draft::Text("yes".into())),
            (
                About {
                    reply_to: Some(id),
                    ..NOTHING
                },
                Draft::Reply {
                    to: id,
                    text: "yes".into(),
                },
            ),
            (
                About {
                    react_to: Some(id),
                    ..NOTHING
                },
                Draft::Reaction {
                    to: id,
                    text: "yes".into(),
                },
            ),
            (
                About {
                    edit: Some(id),
                    ..NOTHING
                },
                Draft::Edit {
                    of: id,
                    text: "yes".into(),
                },
            ),
        ] {
            assert_eq!(draft(&about, text()).unwrap(), expected);
        }
        let delete = About {
            delete: Some(id),
            ..NOTHING
        };
        assert_eq!(draft(&delete, None).unwrap(), Draft::Delete { of: id });
    }
}
