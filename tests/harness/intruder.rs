//! Somebody between a client and its server who understands HTTP: passes requests on, and answers
//! some of them itself, as proxies, captive portals and restarting backends do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is answered instead of the server.
#[derive(Debug, Clone)]
pub struct Intrusion {
    /// The beginning of a request line: `POST /v1/submitMessage/`.
    pub request: &'static str,
    /// Whether the request comes to the server all the same.
    pub passes_on: bool,
    /// All that is written, head and body; nothing cuts the line.
    pub answer: Vec<u8>,
}

impl Intrusion {
    /// A page of somebody else's.
    pub fn page(request: &'static str, status: u16) -> Self {
        let body = format!("<h1>{status}</h1>");
        let head = format!("HTTP/1.1 {status} Odd\r\nContent-Type: text/html\r\n");
        let length = format!(
            "Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        Self {
            request,
            passes_on: false,
            answer: [head, length, body].concat().into_bytes(),
        }
    }
}

type Rule = Arc<Mutex<Option<Intrusion>>>;

/// The intruder. Gone when dropped.
pub struct Intruder {
    address: SocketAddr,
    rule: Rule,
    accepting: JoinHandle<()>,
}

impl Intruder {
    /// Stands before the server at this base URL, and passes everything on.
    pub async fn before(base_url: &str) -> Self {
        let server = base_url.strip_prefix("http://").expect("a plain server");
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let rule = Rule::default();
        let shared = Arc::clone(&rule);
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                drop(tokio::spawn(serve(
                    near,
                    server.clone(),
                    Arc::clone(&shared),
                )));
            }
        });
        Self {
            address,
            rule,
            accepting,
        }
    }

    /// The base URL of the server, as the client sees it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Intrudes from now on; with nothing, no more.
    pub fn does(&self, intrusion: Option<Intrusion>) {
        *self.rule.lock().expect("a rule") = intrusion;
    }
}

impl Drop for Intruder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One request of a connection, which ends with its answer.
async fn serve(mut near: TcpStream, server: String, rule: Rule) {
    let Some(request) = read(&mut near).await else {
        return;
    };
    let matching = rule.lock().expect("a rule").clone();
    let matching = matching.filter(|rule| request.starts_with(rule.request.as_bytes()));
    if matching.as_ref().is_none_or(|rule| rule.passes_on) {
        let Ok(mut far) = TcpStream::connect(&server).await else {
            return;
        };
        if far.write_all(&request).await.is_err() {
            return;
        }
        if matching.is_none() {
            tokio::io::copy_bidirectional(&mut near, &mut far)
                .await
                .ok();
            return;
        }
        // The server has acted when it has answered.
        far.read_to_end(&mut Vec::new()).await.ok();
    }
    if let Some(rule) = matching {
        near.write_all(&rule.answer).await.ok();
        near.shutdown().await.ok();
    }
}

/// Reads a request and its body; asks for the connection to end with the answer, but for a
/// WebSocket.
async fn read(near: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    let end = loop {
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        match near.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => request.extend_from_slice(&part[..read]),
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().expect("a length"));
    while request.len() < end + 4 + length {
        match near.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => request.extend_from_slice(&part[..read]),
        }
    }
    if !head.contains("\nupgrade:") {
        request.splice(end..end, *b"\r\nConnection: close");
    }
    Some(request)
}
