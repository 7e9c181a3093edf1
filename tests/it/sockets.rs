//! Sockets that are read all along, as clients read theirs.
//!
//! The surprise: reading is what answers the server's pings. A socket that lies unread while
//! programs run is closed for its silence after 40 s, with a code that no test asks for.

use harness::socket::Socket;
use harness::wait::soon;
use tokio::task::JoinHandle;

/// A socket that a task reads until the server closes it. Gone when dropped.
pub(crate) struct ReadSocket(JoinHandle<u16>);

impl ReadSocket {
    /// Reads it from now on.
    pub(crate) fn new(socket: Socket) -> Self {
        Self(tokio::spawn(read_to_end(socket)))
    }

    /// Whether the server has not closed it yet.
    pub(crate) fn is_open(&self) -> bool {
        !self.0.is_finished()
    }

    /// The code with which the server closes it.
    pub(crate) async fn closed_with(mut self) -> u16 {
        let closed = soon("the socket is closed", &mut self.0).await;
        closed.expect("it is closed with a reason")
    }
}

impl Drop for ReadSocket {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn read_to_end(mut socket: Socket) -> u16 {
    loop {
        if let Err(reason) = socket.next().await {
            return reason.expect("a reason").code.into();
        }
    }
}
