//! The device's event WebSocket: frames in, acknowledgements out.
//!
//! Must not know what is in a frame. A connection that has been silent for a while is probed with a
//! ping and given up when that stays unanswered; who owns the stream then connects again after
//! [`crate::backoff::Backoff`]. Nothing is lost by that: the server resumes at the cursor.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use grove_core::with_causes;
use grove_wire::limits::{MAX_FRAME_BYTES, MAX_SEALED_GROUP_INFO_BYTES};
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

use crate::tls;
use crate::transport::{HttpTransport, bearer};

const PATH: &str = "/v1/events";
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(45);

/// A frame is soft-limited, but holds at least one entry whatever its size; a Welcome is the
/// longest.
const MAX_MESSAGE_BYTES: usize = MAX_FRAME_BYTES + MAX_SEALED_GROUP_INFO_BYTES;

/// One connection to the server's events.
#[derive(Debug)]
pub struct EventStream {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    silence: Duration,
    /// Ticks after a silence. Here and not in [`EventStream::next`], which is dropped whenever its
    /// owner has something else to look at.
    quiet: Interval,
    probed: bool,
}

impl EventStream {
    /// Connects with a session's token.
    ///
    /// # Errors
    /// [`EventsError::Refused`] with the HTTP status, or [`EventsError::Unreachable`].
    pub async fn connect(transport: &HttpTransport, token: &str) -> Result<Self, EventsError> {
        let url = transport
            .server()
            .join_websocket(PATH)
            .map_err(unreachable)?;
        let mut request = url.into_client_request().map_err(unreachable)?;
        let token = bearer(token).map_err(unreachable)?;
        request.headers_mut().insert("authorization", token);
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let connecting = tokio_tungstenite::connect_async_tls_with_config(
            request,
            Some(config),
            true,
            Some(Connector::Rustls(transport.tls())),
        );
        match timeout(CONNECT_PATIENCE, connecting).await {
            Ok(Ok((socket, _))) => Ok(Self {
                socket,
                silence: SILENCE,
                quiet: quiet_for(SILENCE),
                probed: false,
            }),
            Ok(Err(error)) => Err(classify(error)),
            Err(elapsed) => Err(unreachable(elapsed)),
        }
    }

    /// The next frame's bytes. May be dropped while it waits without losing a frame.
    ///
    /// # Errors
    /// [`EventsError::Closed`] when the server ended the connection, [`EventsError::Unreachable`]
    /// when it broke or went silent.
    pub async fn next(&mut self) -> Result<Vec<u8>, EventsError> {
        loop {
            tokio::select! {
                biased;
                read = self.socket.next() => {
                    self.quiet.reset();
                    self.probed = false;
                    match read {
                        Some(Ok(Message::Binary(bytes))) => return Ok(bytes.into()),
                        Some(Ok(Message::Close(_))) | None => return Err(EventsError::Closed),
                        Some(Ok(_)) => {}
                        Some(Err(error)) => return Err(classify(error)),
                    }
                }
                _silent = self.quiet.tick() => {
                    if self.probed {
                        return Err(unreachable("it went silent"));
                    }
                    self.probed = true;
                    self.send(Message::Ping(Vec::new().into())).await?;
                }
            }
        }
    }

    /// Sends an acknowledgement.
    ///
    /// # Errors
    /// As [`EventStream::next`].
    pub async fn acknowledge(&mut self, frame: Vec<u8>) -> Result<(), EventsError> {
        self.send(Message::Binary(frame.into())).await
    }

    /// Says good-bye; a server that does not answer is not waited for.
    pub async fn close(mut self) {
        let closing = timeout(Duration::from_secs(1), self.socket.close(None)).await;
        tracing::debug!(?closing, "event stream closed");
    }

    async fn send(&mut self, message: Message) -> Result<(), EventsError> {
        match timeout(self.silence, self.socket.send(message)).await {
            Ok(sent) => sent.map_err(classify),
            Err(elapsed) => Err(unreachable(elapsed)),
        }
    }
}

/// Ticks each time that nothing was heard for so long.
fn quiet_for(silence: Duration) -> Interval {
    let mut quiet = interval(silence);
    // After a machine that slept, what was sent meanwhile is to be read first.
    quiet.set_missed_tick_behavior(MissedTickBehavior::Delay);
    quiet.reset();
    quiet
}

/// Why there are no more events on this connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    /// The server ended the connection in order.
    #[error("the server closed the connection")]
    Closed,
    /// Whoever answered does not prove to be the server.
    #[error("the server does not prove who it is: {0}")]
    Insecure(String),
    /// The server answered, but not with events: 401 for a session that has ended; anything else if
    /// something on the way lets no WebSocket through.
    #[error("the event stream was answered with status {0}")]
    Refused(u16),
    /// The connection could not be made, or broke.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
}

fn classify(error: SocketError) -> EventsError {
    match error {
        SocketError::ConnectionClosed | SocketError::AlreadyClosed => EventsError::Closed,
        SocketError::Http(answer) => EventsError::Refused(answer.status().as_u16()),
        other if tls::is_distrust(&other) => EventsError::Insecure(with_causes(&other)),
        other => unreachable(with_causes(&other)),
    }
}

fn unreachable(why: impl std::fmt::Display) -> EventsError {
    EventsError::Unreachable(why.to_string())
}

#[cfg(test)]
mod tests;
