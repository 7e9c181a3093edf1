//! `grove sync`: catch up once.

use crate::failure::Failure;
use crate::output::{Caught, Output};
use crate::session::Session;

pub(crate) async fn sync(session: &mut Session, output: &mut Output<'_>) -> Result<(), Failure> {
    let events = session.catch_up().await?;
    let status = session.client.status()?;
    output.print(&Caught {
        events,
        queued: status.queued,
    })
}
