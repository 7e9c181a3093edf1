//! The client door's sockets: those that systemd opened and hands over (`groved.socket`), or one of
//! our own.
//!
//! A socket that was handed over outlives the process: while groved restarts, the kernel keeps
//! those who connect, and nobody is refused.

use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

/// Sockets that are handed over at most; far more than anybody has addresses.
const MAX_SOCKETS: usize = 16;

/// Why sockets that were handed over cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InheritError {
    /// One is no listening TCP socket.
    #[error("socket {number} that was handed over is no TCP socket")]
    NotTcp {
        /// Its number, from 0.
        number: usize,
        /// Why not.
        source: io::Error,
    },
    /// There are more than [`MAX_SOCKETS`].
    #[error("more than {MAX_SOCKETS} sockets were handed over")]
    TooMany,
}

/// Sockets for the client door that somebody else opened; none, as a rule.
#[derive(Debug, Default)]
pub struct Listeners(Vec<TcpListener>);

impl Listeners {
    /// Takes what was handed over to this process, once: afterwards there is nothing more to take.
    /// To be called before any thread is started, because it changes the environment.
    ///
    /// # Errors
    /// See [`InheritError`].
    pub fn inherit() -> Result<Self, InheritError> {
        let mut inherited = ListenFd::from_env();
        if inherited.len() > MAX_SOCKETS {
            return Err(InheritError::TooMany);
        }
        let sockets = (0..inherited.len())
            .filter_map(|number| {
                inherited
                    .take_tcp_listener(number)
                    .map_err(|source| InheritError::NotTcp { number, source })
                    .transpose()
            })
            .collect::<Result<_, _>>()?;
        Ok(Self(sockets))
    }

    /// The sockets with their addresses; a new one on `address` if none was handed over.
    pub(crate) fn or_bind(self, address: SocketAddr) -> io::Result<Vec<(TcpListener, SocketAddr)>> {
        let sockets = if self.0.is_empty() {
            vec![TcpListener::bind(address)?]
        } else {
            self.0
        };
        sockets
            .into_iter()
            .map(|socket| {
                let address = socket.local_addr()?;
                Ok((socket, address))
            })
            .collect()
    }
}
