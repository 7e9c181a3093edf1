//! `/v1/events`, `/v1/poll`, `/v1/acks`: what happened, and how far a device has it.
//!
//! The only socket loop of the server. It moves bytes between a WebSocket and a `delivery::Reader`
//! and decides nothing; a socket that does not take its bytes makes the reader wait, and nothing
//! else. A client that says too much is listened to more slowly: each of its messages counts as one
//! request that reads.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{CloseCode, CloseReason, Message, MessageStream};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, OptionFuture};
use grove_wire::api::events::ClientFrame;
use grove_wire::codec::decode;
use grove_wire::limits::{MAX_POSITIONS_BYTES, MAX_REQUEST_BODY_BYTES};
use grove_wire::problem::ProblemType;
use serde::Deserialize;
use tracing::{Instrument as _, debug, info_span, warn};

use super::messages::OCTETS;
use crate::app::App;
use crate::delivery::{self, Reader, ReaderKind};
use crate::http::{ClientAuth, Octets, Problem};
use crate::rate_limits::Ask;
use crate::sessions;

/// How often a socket is pinged.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Longest time a poll waits.
pub(in crate::http) const MAX_WAIT: Duration = Duration::from_mins(1);
/// Time a poll waits if it does not say.
pub(in crate::http) const WAIT: Duration = Duration::from_secs(25);
/// Largest frame taken from a client.
pub(in crate::http) const MAX_CLIENT_FRAME_BYTES: usize =
    MAX_POSITIONS_BYTES + MAX_REQUEST_BODY_BYTES;
/// The device opened another socket.
const REPLACED: CloseCode = CloseCode::Other(4000);
/// The session ended.
const SESSION_ENDED: CloseCode = CloseCode::Other(4001);

/// How a poll waits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PollQuery {
    /// Seconds to wait for something to happen.
    wait_s: Option<u64>,
}

pub(super) async fn socket(
    app: Data<App>,
    who: ClientAuth,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    let (response, sender, messages) = actix_ws::handle(&request, body).map_err(|error| {
        Problem::new(ProblemType::Malformed).detail(format_args!("WebSocket: {error}"))
    })?;
    let reader = Reader::open(&app, who.device_id, ReaderKind::Socket).await?;
    let app = app.into_inner();
    let socket = Socket {
        sender,
        messages: messages.max_frame_size(MAX_CLIENT_FRAME_BYTES),
    };
    // The response is a request under way until the socket is closed, so a shutdown waits for this.
    actix_web::rt::spawn(serve(app, who, reader, socket).instrument(info_span!("events")));
    Ok(response)
}

pub(super) async fn poll(
    app: Data<App>,
    who: ClientAuth,
    query: Query<PollQuery>,
) -> Result<HttpResponse, Problem> {
    let wait = query.wait_s.map_or(WAIT, Duration::from_secs).min(MAX_WAIT);
    let frames = tokio::select! {
        frames = delivery::poll(&app, who.device_id, wait) => frames?,
        () = sessions::ended(&app, &who) => return Err(Problem::new(ProblemType::Unauthenticated)),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, OCTETS))
        .body(frames))
}

pub(super) async fn ack(
    app: Data<App>,
    who: ClientAuth,
    body: Octets<MAX_CLIENT_FRAME_BYTES>,
) -> Result<HttpResponse, Problem> {
    let frame: ClientFrame =
        decode(&body.0).map_err(|error| Problem::undecodable(ProblemType::Malformed, &error))?;
    delivery::acknowledge(&app, who.device_id, &frame).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Both ends of a WebSocket.
struct Socket {
    sender: actix_ws::Session,
    messages: MessageStream,
}

async fn serve(app: Arc<App>, who: ClientAuth, mut reader: Reader, mut socket: Socket) {
    let code = socket.run(&app, &who, &mut reader).await;
    drop(reader);
    debug!(?code, "the socket closes");
    if let Some(code) = code {
        // Whoever is gone already is not told.
        drop(
            socket
                .sender
                .close(Some(CloseReason {
                    code,
                    description: None,
                }))
                .await,
        );
    }
}

impl Socket {
    /// Serves until the socket is to be closed, and says why; none if it is closed already.
    async fn run(&mut self, app: &App, who: &ClientAuth, reader: &mut Reader) -> Option<CloseCode> {
        let mut ended = std::pin::pin!(sessions::ended(app, who));
        let mut tick = Box::pin(app.clock.sleep(KEEP_ALIVE));
        let mut heard = true;
        let mut pause: Option<LocalBoxFuture<'_, ()>> = None;
        let mut frame: Option<Bytes> = None;
        loop {
            if frame.is_none() {
                frame = match reader.next_frame(app).await {
                    Ok(frame) => frame,
                    Err(error) => {
                        warn!(%error, "a reader failed");
                        return Some(CloseCode::Again);
                    }
                };
            }
            if reader.is_replaced() {
                return Some(REPLACED);
            }
            let waiting = frame.is_some();
            tokio::select! {
                () = app.tasks.closing().cancelled() => return Some(CloseCode::Away),
                () = &mut ended => return Some(SESSION_ENDED),
                sent = send(&mut self.sender, frame.clone()), if waiting => {
                    sent.ok()?;
                    frame = None;
                }
                message = self.messages.recv(), if pause.is_none() => {
                    heard = true;
                    if let Err(code) = self.on_message(app, reader, message).await {
                        return code;
                    }
                    let limited = app.rate_limits.ask(who, Ask::Read).err();
                    pause = limited.map(|limited| app.clock.sleep(limited.wait).boxed_local());
                }
                Some(()) = OptionFuture::from(pause.as_mut()) => pause = None,
                () = reader.rung(), if !waiting => {}
                () = &mut tick => {
                    if !std::mem::take(&mut heard) {
                        return Some(CloseCode::Policy);
                    }
                    sessions::note_seen(app, who);
                    self.sender.ping(b"").await.ok()?;
                    tick = Box::pin(app.clock.sleep(KEEP_ALIVE));
                }
            }
        }
    }

    /// Takes one message of the client. An error ends the socket, with this code if it is still
    /// open.
    async fn on_message(
        &mut self,
        app: &App,
        reader: &mut Reader,
        message: Option<Result<Message, actix_ws::ProtocolError>>,
    ) -> Result<(), Option<CloseCode>> {
        match message {
            Some(Ok(Message::Binary(bytes))) => {
                let frame = decode(&bytes).map_err(|_malformed| Some(CloseCode::Invalid))?;
                reader.on_client(app, &frame);
                Ok(())
            }
            Some(Ok(Message::Ping(bytes))) => {
                self.sender.pong(&bytes).await.map_err(|_closed| None)
            }
            Some(Ok(Message::Pong(_) | Message::Nop)) => Ok(()),
            Some(Ok(Message::Text(_) | Message::Continuation(_))) => {
                Err(Some(CloseCode::Unsupported))
            }
            Some(Ok(Message::Close(_))) => Err(Some(CloseCode::Normal)),
            Some(Err(_protocol)) => Err(Some(CloseCode::Protocol)),
            None => Err(None),
        }
    }
}

/// Hands a frame to the socket's queue; waits while the client does not read. Dropped before that,
/// nothing was sent.
async fn send(
    sender: &mut actix_ws::Session,
    frame: Option<Bytes>,
) -> Result<(), actix_ws::Closed> {
    match frame {
        Some(frame) => sender.binary(frame).await,
        None => Ok(()),
    }
}
