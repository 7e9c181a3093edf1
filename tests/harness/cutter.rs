//! A wire that can be held or cut: a TCP proxy in front of a server.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the wire does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Cut,
    Flowing,
    Held,
}

/// The wire. Gone when dropped, with all connections over it.
pub struct Wire {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    accepting: JoinHandle<()>,
}

impl Wire {
    /// Lays a wire to the server at this base URL.
    pub async fn to(base_url: &str) -> Self {
        let target = base_url
            .strip_prefix("http://")
            .expect("a plain server")
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(watch::Sender::new(State::Flowing));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if let Ok(far) = TcpStream::connect(&target).await {
                    drop(tokio::spawn(join(near, far, shared.subscribe())));
                }
            }
        });
        Self {
            address,
            state,
            accepting,
        }
    }

    /// Base URL of the server over this wire.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops what comes from the server; connections stay open.
    pub fn hold(&self) {
        self.state.send_replace(State::Held);
    }

    /// Lets it flow again.
    pub fn release(&self) {
        self.state.send_replace(State::Flowing);
    }

    /// Ends all connections; new ones work after [`Self::release`].
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn join(near: TcpStream, far: TcpStream, mut state: watch::Receiver<State>) {
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let mut held = state.clone();
    let outward = tokio::io::copy(&mut near_in, &mut far_out);
    let inward = async {
        let mut buffer = vec![0; 4096];
        loop {
            if held.wait_for(|state| *state != State::Held).await.is_err() {
                return;
            }
            match far_in.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(length) if near_out.write_all(&buffer[..length]).await.is_err() => return,
                Ok(_) => {}
            }
        }
    };
    tokio::select! {
        _ = outward => {},
        () = inward => {},
        _ = state.wait_for(|state| *state == State::Cut) => {},
    }
}
