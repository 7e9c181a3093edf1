//! How the document is handed out.

use harness::wait::soon;
use harness::{Setup, World, program};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

/// Asks for the document with this `If-None-Match`; returns the status and how long the body is.
async fn ask_again(world: &World, tag: &str) -> (String, usize) {
    let address = world.url().strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).await.expect("the server");
    let request = format!(
        "GET /v1/openapi.json HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: {tag}\r\nConnection: close\r\n\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a request");
    let mut answer = String::new();
    let reading = soon("an answer", stream.read_to_string(&mut answer)).await;
    reading.expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.to_owned(), body.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_served_is_what_groved_prints_and_is_sent_once() {
    let world = Setup::default().process().start().await;
    let mut command = Command::new(program::groved());
    command.arg("openapi");
    let printed: Value = serde_json::from_str(&program::run(command, "").await.ok()).expect("JSON");
    let answer = world.api().get("/v1/openapi.json").await.ok();
    assert_eq!(answer.json::<Value>(), printed);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(
        answer
            .header("cache-control")
            .is_some_and(|value| value.contains("max-age"))
    );
    let etag = answer.header("etag").expect("a tag");
    assert_eq!(ask_again(&world, etag).await, ("304".to_owned(), 0));
    let listed = format!("\"another\", {etag}");
    assert_eq!(ask_again(&world, &listed).await, ("304".to_owned(), 0));
    let (status, length) = ask_again(&world, "\"another\"").await;
    assert_eq!((status.as_str(), length > 10_000), ("200", true));
}
