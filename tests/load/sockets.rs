//! Everybody's WebSocket: what arrives when, acknowledged as it comes.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use grove_wire::api::events::ClientFrame;
use grove_wire::codec;
use grove_wire::uri::RoomUri;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::side_by_side::side_by_side;

/// Bytes read at once from a socket; a thousand of them stand open.
const READ_BYTES: usize = 8 << 10;

/// An entry of a log that has come to a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) seq: u64,
    /// Microseconds since the scene's epoch.
    pub(crate) at: u64,
}

/// All sockets, in the order of the devices.
pub(crate) struct Sockets {
    readers: Vec<Arc<Reader>>,
    delivered: Arc<AtomicU64>,
    tasks: JoinSet<()>,
    closing: watch::Sender<bool>,
}

/// What one socket does.
struct Reader {
    room: RoomUri,
    epoch: Instant,
    arrivals: Mutex<Vec<Arrival>>,
    /// The socket was closed by the server, or left an entry out.
    failed: AtomicBool,
    /// Entries that came to all sockets together.
    delivered: Arc<AtomicU64>,
}

impl Sockets {
    /// Opens a socket for each session; its device reads this room.
    pub(crate) async fn open(url: &str, sessions: Vec<(String, RoomUri)>, epoch: Instant) -> Self {
        let delivered = Arc::new(AtomicU64::new(0));
        let readers: Vec<Arc<Reader>> = sessions
            .iter()
            .map(|(_token, room)| {
                let (room, delivered) = (room.clone(), Arc::clone(&delivered));
                let (arrivals, failed) = (Mutex::default(), AtomicBool::new(false));
                Arc::new(Reader {
                    room,
                    epoch,
                    arrivals,
                    failed,
                    delivered,
                })
            })
            .collect();
        let url = format!("{url}/v1/events");
        let opened = side_by_side(sessions, |(token, _room)| open(url.clone(), token)).await;
        let (closing, closed) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (reader, socket) in readers.iter().zip(opened) {
            tasks.spawn(Arc::clone(reader).read(socket, closed.clone()));
        }
        Self {
            readers,
            delivered,
            tasks,
            closing,
        }
    }

    /// Entries that have come to all sockets together.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Sockets that were closed, or left something out.
    pub(crate) fn failed(&self) -> usize {
        self.readers
            .iter()
            .filter(|reader| reader.failed.load(Ordering::Relaxed))
            .count()
    }

    /// What came to each device since it was asked last.
    pub(crate) fn take_arrivals(&self) -> Vec<Vec<Arrival>> {
        self.readers
            .iter()
            .map(|reader| mem::take(&mut *reader.arrivals.lock().expect("no panic")))
            .collect()
    }

    /// Closes all.
    pub(crate) async fn close(mut self) {
        self.closing.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn open(url: String, token: String) -> WebSocketStream<TcpStream> {
    let authority = url
        .split('/')
        .nth(2)
        .map(str::to_owned)
        .expect("a URL with a host");
    let mut request = url
        .replacen("http", "ws", 1)
        .into_client_request()
        .expect("a request");
    request.headers_mut().insert(
        "authorization",
        format!("Bearer {token}").parse().expect("a header"),
    );
    let stream = TcpStream::connect(authority)
        .await
        .expect("the server takes connections");
    stream.set_nodelay(true).expect("an option");
    let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
    let (socket, _response) = client_async_with_config(request, stream, Some(config))
        .await
        .expect("the server opens a socket");
    socket
}

impl Reader {
    async fn read(
        self: Arc<Self>,
        mut socket: WebSocketStream<TcpStream>,
        mut closing: watch::Receiver<bool>,
    ) {
        let mut last = None;
        loop {
            let message = tokio::select! {
                message = socket.next() => message,
                _ = closing.wait_for(|closing| *closing) => break,
            };
            // What has come together is acknowledged together.
            let mut next = Some(message);
            while let Some(message) = next {
                let Some(Ok(message)) = message else {
                    return self.failed.store(true, Ordering::Relaxed);
                };
                if let Message::Binary(frame) = message {
                    self.take(&frame, &mut last);
                }
                next = socket.next().now_or_never();
            }
            if let Some(seq) = last {
                let ack = ClientFrame::Ack {
                    positions: vec![(self.room.clone(), seq)],
                    inbox: None,
                };
                let ack = codec::encode(&ack).expect("a frame");
                if socket.send(Message::Binary(ack.into())).await.is_err() {
                    return self.failed.store(true, Ordering::Relaxed);
                }
            }
        }
        // Whoever is gone already is not told.
        drop(socket.close(None).await);
    }

    /// Notes what is in a frame. An entry that does not follow the one before is a fault of the
    /// server's.
    fn take(&self, frame: &[u8], last: &mut Option<u64>) {
        let at = u64::try_from(self.epoch.elapsed().as_micros()).expect("not so long");
        // Inbox frames are empty of what is counted here.
        let Some((first, count)) = places(frame) else {
            return;
        };
        if last.is_some_and(|last| first != last + 1) {
            self.failed.store(true, Ordering::Relaxed);
        }
        *last = Some(first + count - 1);
        let mut arrivals = self.arrivals.lock().expect("no panic");
        arrivals.extend((first..first + count).map(|seq| Arrival { seq, at }));
        self.delivered.fetch_add(count, Ordering::Relaxed);
    }
}

/// First sequence number and number of entries of a log frame, which is not decoded further: a
/// thousand readers share this machine with the server.
fn places(frame: &[u8]) -> Option<(u64, u64)> {
    let Some((&1, mut frame)) = frame.split_first() else {
        return None;
    };
    let mut rest = opaque(&mut frame)?;
    let _room = opaque(&mut rest)?;
    let (seq, mut rest) = rest.split_first_chunk::<8>()?;
    let mut entries = opaque(&mut rest)?;
    let mut count = 0;
    while !entries.is_empty() {
        let _entry = opaque(&mut entries)?;
        count += 1;
    }
    (count > 0).then_some((u64::from_be_bytes(*seq), count))
}

fn opaque<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = codec::read_length(bytes).ok()?;
    let (head, tail) = bytes.split_at_checked(length)?;
    *bytes = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use grove_wire::api::events::ServerFrame;

    use super::*;

    #[test]
    fn entries_of_a_frame_are_counted() {
        let room = RoomUri::new(&"a.example".parse().expect("a domain"), &[7; 32]);
        let long = vec![0; 1000];
        let frame = ServerFrame::write_log(&room, 41, &[&long[..], b"", b"three"], b"receipt");
        assert_eq!(places(&frame), Some((41, 3)));
        let nothing: [&[u8]; 0] = [];
        assert_eq!(
            places(&ServerFrame::write_log(&room, 41, &nothing, b"")),
            None
        );
        assert_eq!(places(&frame[..60]), None);
        assert_eq!(places(&[2, 0]), None);
    }
}
