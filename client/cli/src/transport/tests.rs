//! The transport against real sockets on this machine.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use grove_core::{Body, Method, Request, Transport as _, TransportError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{HttpTransport, MAX_ANSWER_BYTES};

fn request(path: &str) -> Request {
    Request {
        method: Method::Post,
        path: path.to_owned(),
        body: Body::Octets(vec![1, 2, 3]),
        token: Some("secret-token".to_owned()),
        patience: Duration::from_mins(2),
    }
}

/// Answers one request with `answer` and gives back what was asked.
async fn one_answer(listener: TcpListener, answer: Vec<u8>) -> Vec<u8> {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut asked = Vec::new();
    let mut part = [0; 4096];
    while !asked.ends_with(&[1, 2, 3]) {
        let read = socket.read(&mut part).await.unwrap();
        assert_ne!(read, 0, "the request ended early");
        asked.extend_from_slice(part.get(..read).unwrap());
    }
    // A client that has read enough hangs up; that is part of what is tested.
    if socket.write_all(&answer).await.is_ok() {
        socket.shutdown().await.ok();
    }
    asked
}

async fn listener() -> (TcpListener, HttpTransport) {
    listener_on("127.0.0.1:0").await
}

async fn listener_on(address: &str) -> (TcpListener, HttpTransport) {
    let listener = TcpListener::bind(address).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let transport = HttpTransport::new(url.parse().unwrap(), None).unwrap();
    (listener, transport)
}

#[tokio::test]
async fn a_request_carries_body_type_and_token() {
    let (listener, transport) = listener().await;
    let answer = b"HTTP/1.1 409 Conflict\r\nMIMI-Seq: 7\r\nContent-Length: 4\r\n\r\nbody".to_vec();
    let (asked, got) = tokio::join!(
        one_answer(listener, answer),
        transport.call(request("/v1/submitMessage/room@a.example"))
    );
    let asked = String::from_utf8_lossy(&asked).to_lowercase();
    assert!(
        asked.starts_with("post /v1/submitmessage/room@a.example http/1.1"),
        "{asked}"
    );
    assert!(
        asked.contains("authorization: bearer secret-token"),
        "{asked}"
    );
    assert!(
        asked.contains("content-type: application/octet-stream"),
        "{asked}"
    );
    let got = got.unwrap();
    assert_eq!((got.status, got.body.as_slice()), (409, b"body".as_slice()));
    assert_eq!(got.header("mimi-seq"), Some("7"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (listener, transport) = listener().await;
    let answer =
        b"HTTP/1.1 307 Away\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n"
            .to_vec();
    let (_, got) = tokio::join!(
        one_answer(listener, answer),
        transport.call(request("/v1/x"))
    );
    assert_eq!(got.unwrap().status, 307);
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let (listener, transport) = listener().await;
    let mut answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    answer.resize(answer.len() + MAX_ANSWER_BYTES + 1, b'x');
    let (_, got) = tokio::join!(
        one_answer(listener, answer),
        transport.call(request("/v1/x"))
    );
    assert!(matches!(got, Err(TransportError::Unreachable(why)) if why.contains("longer")));
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_silence_a_timeout() {
    // An address that no other test listens on, so that the port stays free once it is.
    let (listener, transport) = listener_on("127.0.0.2:0").await;
    let silent = Request {
        patience: Duration::from_millis(50),
        ..request("/v1/x")
    };
    assert_eq!(
        transport.call(silent).await.unwrap_err(),
        TransportError::Timeout
    );
    drop(listener);
    let error = transport.call(request("/v1/x")).await.unwrap_err();
    assert!(matches!(&error, TransportError::Unreachable(why) if why.contains("127.0.0.2")));
    assert!(!error.to_string().contains("secret-token"));
}
