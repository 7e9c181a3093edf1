//! The event WebSocket without a client.

use futures_util::{SinkExt as _, StreamExt as _};
use grove_wire::api::events::{ClientFrame, ServerFrame};
use grove_wire::codec;
use grove_wire::mimi::notify::FanoutMessage;
use grove_wire::uri::RoomUri;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::entries::entries_of;
use crate::wait::soon;

/// An open socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket to the server at this base URL, or says with which HTTP status it was
    /// refused.
    ///
    /// # Errors
    /// The HTTP status.
    pub async fn open(base_url: &str, token: Option<&str>) -> Result<Self, u16> {
        let url = format!("{}/v1/events", base_url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("a request");
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().expect("a header");
            request.headers_mut().insert("authorization", value);
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _response)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no socket: {error}"),
        }
    }

    /// The bytes of the next frame; none when the server closed the socket, with its reason if it
    /// gave one.
    pub async fn next(&mut self) -> Result<Vec<u8>, Option<CloseFrame>> {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Binary(bytes))) => return Ok(bytes.to_vec()),
                    Some(Ok(Message::Close(reason))) => return Err(reason),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(None),
                }
            }
        };
        soon("a frame comes", next).await
    }

    /// Reads frames until so many entries of a room have come, and returns them with their frames'
    /// bytes.
    pub async fn entries(&mut self, room: &RoomUri, count: usize) -> Vec<(u64, FanoutMessage)> {
        let mut entries = Vec::new();
        while entries.len() < count {
            entries.extend(entries_of(
                &self.next().await.expect("the socket is open"),
                room,
            ));
        }
        entries
    }

    /// Reads frames until one is of an inbox, and returns the id of its last entry.
    pub async fn inbox(&mut self) -> u64 {
        loop {
            let bytes = self.next().await.expect("the socket is open");
            for frame in ServerFrame::decode_all(&bytes).expect("frames").known {
                if let ServerFrame::Inbox { entries } = frame {
                    return entries.last().expect("an entry").id;
                }
            }
        }
    }

    /// Returns once the server has answered a ping: from then on it listens, and its own times have
    /// begun. Frames that come before are lost.
    pub async fn heard(&mut self) {
        self.send(Message::Ping(Vec::new().into())).await;
        let pong = async {
            while let Some(message) = self.0.next().await {
                if matches!(message, Ok(Message::Pong(_))) {
                    return;
                }
            }
            panic!("the socket is closed");
        };
        soon("a pong comes", pong).await;
    }

    /// Acknowledges.
    pub async fn ack(&mut self, positions: Vec<(RoomUri, u64)>, inbox: Option<u64>) {
        let frame = codec::encode(&ClientFrame::Ack { positions, inbox }).expect("a frame");
        self.send(Message::Binary(frame.into())).await;
    }

    /// Sends anything.
    pub async fn send(&mut self, message: Message) {
        self.0.send(message).await.expect("the socket is open");
    }

    /// Says that it closes, and waits until it is closed.
    pub async fn close(mut self) {
        // The server may have been faster.
        drop(self.0.close(None).await);
        while soon("the socket closes", self.0.next())
            .await
            .is_some_and(|message| message.is_ok())
        {}
    }
}
