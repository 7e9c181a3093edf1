//! `grove history`: what this device has read of a room.

use grove_core::Query;

use crate::args::History;
use crate::failure::Failure;
use crate::output::{MessageLine, Output};
use crate::session::Session;

pub(crate) async fn history(
    session: &mut Session,
    wish: History,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    session.catch_up_if_possible(output).await?;
    let room = session.client.find_room(&wish.room)?;
    let query = Query {
        limit: usize::from(wish.limit),
        before: wish.before,
    };
    let messages = session.client.history(&room, query)?;
    for message in &messages {
        output.print(&MessageLine {
            message,
            names: None,
        })?;
    }
    Ok(())
}
