//! The event stream against a WebSocket server of this machine.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{EventStream, EventsError, quiet_for};
use crate::transport::HttpTransport;

async fn listener() -> (TcpListener, HttpTransport) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (
        listener,
        HttpTransport::new(url.parse().unwrap(), None).unwrap(),
    )
}

async fn accept(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let (socket, _) = listener.accept().await.unwrap();
    tokio_tungstenite::accept_async(socket).await.unwrap()
}

#[tokio::test]
async fn frames_come_and_acknowledgements_go() {
    let (listener, transport) = listener().await;
    let server = async {
        let mut socket = accept(&listener).await;
        socket.send(Message::Ping(vec![9].into())).await.unwrap();
        socket.send(Message::Text("ignored".into())).await.unwrap();
        socket
            .send(Message::Binary(vec![1, 2].into()))
            .await
            .unwrap();
        loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Binary(bytes) => break bytes,
                other => assert!(matches!(other, Message::Pong(_)), "{other:?}"),
            }
        }
    };
    let client = async {
        let mut events = EventStream::connect(&transport, "token").await.unwrap();
        assert_eq!(events.next().await.unwrap(), [1, 2]);
        events.acknowledge(vec![3, 4]).await.unwrap();
        events
    };
    let (acknowledged, mut events) = tokio::join!(server, client);
    assert_eq!(acknowledged, vec![3, 4]);
    assert!(matches!(
        events.next().await,
        Err(EventsError::Closed | EventsError::Unreachable(_))
    ));
}

#[tokio::test]
async fn a_refusal_tells_its_status() {
    let (listener, transport) = listener().await;
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4096];
        let read = socket.read(&mut asked).await.unwrap();
        socket
            .write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
        asked.truncate(read);
        String::from_utf8(asked).unwrap().to_lowercase()
    };
    let (asked, refused) = tokio::join!(server, EventStream::connect(&transport, "token"));
    assert!(asked.contains("authorization: bearer token"), "{asked}");
    assert_eq!(refused.unwrap_err(), EventsError::Refused(401));
}

/// A stream from a server that accepts, and then neither reads nor says anything: no pong comes.
async fn silent() -> (WebSocketStream<TcpStream>, EventStream) {
    let (listener, transport) = listener().await;
    let connecting = EventStream::connect(&transport, "token");
    let (held, events) = tokio::join!(accept(&listener), connecting);
    let mut events = events.unwrap();
    events.silence = Duration::from_millis(30);
    events.quiet = quiet_for(events.silence);
    (held, events)
}

#[tokio::test]
async fn a_silent_connection_is_probed_and_given_up() {
    let (_held, mut events) = silent().await;
    assert!(
        matches!(events.next().await, Err(EventsError::Unreachable(why)) if why.contains("silent"))
    );
}

/// As `grove listen` does, which looks every second what else there is to do.
#[tokio::test]
async fn silence_is_noticed_by_whoever_looks_elsewhere_meanwhile() {
    let (_held, mut events) = silent().await;
    let mut looks = 0;
    let ended = loop {
        let look = timeout(Duration::from_millis(5), events.next()).await;
        if let Ok(ended) = look {
            break ended;
        }
        looks += 1;
        assert!(looks < 2000, "the silence is not noticed");
    };
    assert!(matches!(ended, Err(EventsError::Unreachable(why)) if why.contains("silent")));
}

#[tokio::test]
async fn an_orderly_end_is_told_apart() {
    let (listener, transport) = listener().await;
    let server = async {
        let mut socket = accept(&listener).await;
        socket.close(None).await.unwrap();
        socket
    };
    let (_held, events) = tokio::join!(server, EventStream::connect(&transport, "token"));
    assert_eq!(
        events.unwrap().next().await.unwrap_err(),
        EventsError::Closed
    );
}
