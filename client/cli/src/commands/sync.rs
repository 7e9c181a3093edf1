//! `grove sync`: catch up once, room by room, and say what could not be done.

use std::time::Duration;

use grove_core::Event;

use super::failures::{failed, troubled};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Caught, Output};
use crate::session::Session;

pub(crate) async fn sync(session: &mut Session, output: &mut Output<'_>) -> Result<(), Failure> {
    // Every request has an end of its own; how many there are is the person's affair.
    let synced = session.client.sync(Duration::ZERO).await;
    let status = session.client.status()?;
    let queued = status.queued;
    let synced = synced.map_err(|error| waiting(failed(error), queued))?;
    let refused = synced.events.iter().filter(|told| is_refused(&told.event));
    let refused = refused.count();
    output.print(&Caught {
        events: synced.events.len(),
        queued,
        refused,
        lost: status.lost_rooms.len(),
        troubles: synced.troubles.len(),
    })?;
    let rooms = session.room_names()?;
    let troubles = synced.troubles.iter();
    let mut failures: Vec<Failure> = troubles.map(|trouble| troubled(trouble, &rooms)).collect();
    if refused > 0 {
        let text = format!("{refused} of your messages were refused for good");
        let advice = "grove history ROOM shows which, and why";
        failures.push(Failure::new(Exit::Refused, text).advise(advice));
    }
    let mut failures = failures.into_iter();
    let first = failures.next();
    for other in failures {
        output.note(other.message);
    }
    first.map_or(Ok(()), Err)
}

fn is_refused(event: &Event) -> bool {
    matches!(event, Event::MessageFailed { .. })
}

/// A failure, and how many messages wait behind it.
fn waiting(failure: Failure, queued: u64) -> Failure {
    let message = match queued {
        0 => return failure,
        1 => format!("{}; 1 message waits to be sent", failure.message),
        many => format!("{}; {many} messages wait to be sent", failure.message),
    };
    Failure { message, ..failure }
}
