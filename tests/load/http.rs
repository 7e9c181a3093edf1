//! As much HTTP/1.1 as it takes to hand messages in: requests written beforehand, one connection
//! kept alive.
//!
//! A general client costs this machine as much as the server spends on the same request, and would
//! be measured with it.

use std::io;
use std::net::ToSocketAddrs;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest answer that is read.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Host and port of a base URL, which must be plain HTTP on loopback.
pub(crate) fn authority(url: &str) -> Result<String, String> {
    let refused =
        || format!("{url}: not the URL of a server on loopback, such as http://127.0.0.1:8448");
    let authority = url
        .strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/'))
        .ok_or_else(refused)?;
    let mut addresses = authority
        .to_socket_addrs()
        .map_err(|error| format!("{url}: {error}"))?;
    if addresses.all(|address| address.ip().is_loopback()) {
        Ok(authority.to_owned())
    } else {
        Err(refused())
    }
}

/// A connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What was answered.
pub(crate) struct Response {
    pub(crate) status: u16,
    /// `MIMI-Seq`: the entry's place in its room's log.
    pub(crate) seq: Option<u64>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    /// Opens a connection.
    pub(crate) async fn open(authority: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Sends a whole request and reads the answer.
    pub(crate) async fn call(&mut self, request: &[u8]) -> io::Result<Response> {
        self.stream.write_all(request).await?;
        loop {
            if let Some((response, length)) = parse(&self.buffer)? {
                self.buffer.drain(..length);
                return Ok(response);
            }
            if self.buffer.len() > MAX_ANSWER_BYTES {
                return Err(invalid("an answer without end"));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Asks for a path once.
pub(crate) async fn get(url: &str, path: &str) -> io::Result<Response> {
    let authority = authority(url).map_err(io::Error::other)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    Connection::open(&authority)
        .await?
        .call(request.as_bytes())
        .await
}

/// The answer at the start of these bytes and how long it is; none while it is not whole.
fn parse(bytes: &[u8]) -> io::Result<Option<(Response, usize)>> {
    let Some(head_length) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..head_length])
        .map_err(|_| invalid("a head that is no text"))?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status: u16 = status.ok_or_else(|| invalid("no status"))?;
    let (mut length, mut seq) = (0_usize, None);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(|_| invalid("no length"))?;
        } else if name.eq_ignore_ascii_case("mimi-seq") {
            seq = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(invalid("an answer in chunks"));
        }
    }
    let whole = (head_length + 4).saturating_add(length);
    let body = bytes.get(head_length + 4..whole);
    Ok(body.map(|body| {
        (
            Response {
                status,
                seq,
                body: body.to_vec(),
            },
            whole,
        )
    }))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_when_it_is_whole() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nMIMI-Seq: 17\r\n\r\nabcHTTP/1.1 ";
        for short in 0..answer.len() - 9 {
            assert!(
                parse(&answer[..short]).expect("no fault yet").is_none(),
                "{short}"
            );
        }
        let (response, length) = parse(answer).expect("an answer").expect("it is whole");
        assert_eq!(
            (response.status, response.seq, response.body.as_slice()),
            (200, Some(17), &b"abc"[..])
        );
        assert_eq!(&answer[length..], b"HTTP/1.1 ");
        let (empty, _) = parse(b"HTTP/1.1 204 No Content\r\n\r\n")
            .expect("an answer")
            .expect("it is whole");
        assert_eq!((empty.status, empty.seq, empty.body.len()), (204, None, 0));
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn nothing_but_loopback_is_put_under_load() {
        assert_eq!(
            authority("http://127.0.0.1:8448/"),
            Ok("127.0.0.1:8448".to_owned())
        );
        for url in [
            "http://192.0.2.1:80",
            "https://127.0.0.1:8448",
            "127.0.0.1:8448",
        ] {
            assert!(authority(url).is_err(), "{url}");
        }
    }
}
