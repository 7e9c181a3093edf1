//! Submitting application messages: peeked at, never opened.

use std::sync::Arc;

use grove_mls::outside::{AuthenticatedDataError, check_authenticated_data};
use grove_wire::limits::MAX_MESSAGE_BYTES;
use grove_wire::mimi::submit_message::SubmitMessageRequest;
use grove_wire::mls::{ContentType, Outside};
use grove_wire::uri::RoomUri;
use sha2::{Digest as _, Sha256};

use super::append::Submission;
use super::{AppendError, Room, Submitted, submitted};
use crate::app::App;
use crate::db;
use crate::sessions::ClientAuth;

/// Why a message was not accepted. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    AuthenticatedData(#[from] AuthenticatedDataError),
    #[error("the database failed")]
    Database(#[from] db::Error),
    /// The message is for another group than the room's.
    #[error("the message is not for this room's group")]
    OtherGroup,
    /// The message is submitted in somebody else's name.
    #[error("the sending user is not the one who submits")]
    OtherSender,
    /// Not a `PrivateMessage` with application content.
    #[error("not an encrypted application message")]
    NotApplication,
    /// More than [`MAX_MESSAGE_BYTES`].
    #[error("the message is larger than {MAX_MESSAGE_BYTES} bytes")]
    TooLarge,
}

/// Appends one application message to its room's log. Returns once it is durable.
#[tracing::instrument(name = "rooms.submit", skip_all)]
pub(crate) async fn submit(
    app: &App,
    who: &ClientAuth,
    uri: &RoomUri,
    request: SubmitMessageRequest,
) -> Result<Submitted, SubmitError> {
    let SubmitMessageRequest {
        app_message: message,
        sending_uri,
        ..
    } = request;
    if message.as_bytes().len() > MAX_MESSAGE_BYTES {
        return Err(SubmitError::TooLarge);
    }
    let epoch = match message.outside() {
        Outside::Private(framing) if framing.content_type == ContentType::Application => {
            if framing.group_id != uri.hash() {
                return Err(SubmitError::OtherGroup);
            }
            check_authenticated_data(framing.content_type, framing.authenticated_data)?;
            framing.epoch
        }
        _ => return Err(SubmitError::NotApplication),
    };
    let room = app
        .rooms
        .find(&app.db, uri)
        .await?
        .ok_or(AppendError::NotFound)?;
    if sending_uri != who.user {
        return Err(SubmitError::OtherSender);
    }
    let submission = Submission {
        room: Arc::clone(&room),
        device_id: who.device_id,
        user: sending_uri,
        epoch,
        hash: Sha256::digest(message.as_bytes()).into(),
        message,
    };
    let accepted = app.rooms.appender.append(submission).await?;
    let Room { uri, .. } = &*room;
    Ok(match accepted.entry {
        Some(entry) => Submitted {
            mark: accepted.mark,
            receipt: entry.receipt(&app.server_key, uri),
        },
        None => submitted(app, &room, accepted.mark),
    })
}
