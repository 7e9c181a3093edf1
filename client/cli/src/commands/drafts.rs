//! `grove rooms draft` and `grove rooms read`: what is left off on one device and taken up on
//! another.

use grove_core::KeepError;

use super::failures::{failed, unusable};
use crate::failure::Failure;
use crate::output::{ChangeLine, DraftLine, Output};
use crate::session::Session;

/// Shows the draft, or keeps another. Either way the newest of the other devices is asked for
/// first.
pub(crate) async fn draft(
    session: &mut Session,
    room: &str,
    text: Option<String>,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    session.catch_up_if_possible(output).await?;
    let room = session.client.find_room(room)?;
    if let Some(text) = text {
        session.client.set_draft(&room, &text).map_err(explain)?;
    }
    let draft = session.client.draft(&room).map_err(failed)?;
    output.print(&DraftLine { room, draft })
}

fn explain(error: KeepError) -> Failure {
    match error {
        KeepError::TooLong => unusable(error),
        other => failed(other),
    }
}

/// Marks what this device has of a room as read.
pub(crate) async fn read(
    session: &mut Session,
    room: &str,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    session.catch_up_if_possible(output).await?;
    let room = session.client.find_room(room)?;
    session.client.mark_read(&room, u64::MAX).map_err(failed)?;
    output.print(&ChangeLine {
        room,
        done: "read",
        users: Vec::new(),
    })
}
