//! Opening and closing the doors.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, PathConfig, QueryConfig};
use actix_web::{App as Door, HttpServer};

use super::tls::{self, Certificate, TlsError};
use super::{client, ops, problem, span};
use crate::app::App;
use crate::config::Transport;
use crate::listeners::Listeners;

/// How long a client may take to send the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);
/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Why a door did not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error(
        "plain HTTP is served on a loopback address only, and the socket that was handed over is on {0}"
    )]
    Plain(SocketAddr),
    #[error("the server could not be set up")]
    Setup(#[source] io::Error),
    #[error("TLS could not be set up")]
    Tls(#[from] TlsError),
}

/// The open doors.
pub(crate) struct Doors {
    pub(crate) client_address: SocketAddr,
    pub(crate) ops_address: SocketAddr,
    certificate: Option<Arc<Certificate>>,
    client: ServerHandle,
    ops: ServerHandle,
}

impl Doors {
    /// Takes the certificate out of these files, if there is one; on an error the old one stays in
    /// use.
    pub(crate) fn take_certificate(&self, transport: &Transport) -> Result<(), TlsError> {
        match (&self.certificate, transport) {
            (
                Some(certificate),
                Transport::Tls {
                    certificate: chain,
                    key,
                },
            ) => certificate.take(chain, key),
            _ => Ok(()),
        }
    }

    /// Accepts no more clients, waits for requests under way, at most for the configured grace, and
    /// hangs up.
    ///
    /// actix's own graceful stop is not used: it waits for idle connections too, which nobody
    /// closes.
    pub(crate) async fn close_to_clients(&self, app: &App) {
        self.client.pause().await;
        app.tasks
            .requests_done(app.live.now().limits.shutdown_grace)
            .await;
        self.client.stop(false).await;
    }

    /// Closes what is left.
    pub(crate) async fn close(&self) {
        self.ops.stop(false).await;
    }
}

/// Opens both doors. Each worker is a thread of its own; the server is driven by the App's tasks.
pub(crate) fn open(app: &Arc<App>, listeners: Listeners) -> Result<Doors, OpenError> {
    let http = &app.config.http;
    let client_sockets = bind(listeners, http.listen)?;
    let far =
        |address: &&SocketAddr| http.transport == Transport::Plain && !address.ip().is_loopback();
    if let Some(address) = client_sockets.iter().map(|(_, address)| address).find(far) {
        return Err(OpenError::Plain(*address));
    }
    let client_address = client_sockets
        .first()
        .map_or(http.listen, |(_, address)| *address);
    let ops_sockets = bind(Listeners::default(), app.config.ops.listen)?;
    let ops_address = ops_sockets
        .first()
        .map_or(app.config.ops.listen, |(_, address)| *address);
    let certificate = match &http.transport {
        Transport::Plain => None,
        Transport::Tls { certificate, key } => Some(Arc::new(Certificate::load(certificate, key)?)),
    };
    let client = client_door(app, client_sockets, certificate.as_ref())?;
    let ops = ops_door(app, ops_sockets)?;
    if let Some(certificate) = &certificate {
        tls::watch(app, Arc::clone(certificate));
    }
    let doors = Doors {
        client_address,
        ops_address,
        certificate,
        client: client.handle(),
        ops: ops.handle(),
    };
    drive(app, "client door", client);
    drive(app, "ops door", ops);
    Ok(doors)
}

fn bind(
    listeners: Listeners,
    address: SocketAddr,
) -> Result<Vec<(TcpListener, SocketAddr)>, OpenError> {
    listeners
        .or_bind(address)
        .map_err(|source| OpenError::Listen { address, source })
}

fn client_door(
    app: &Arc<App>,
    sockets: Vec<(TcpListener, SocketAddr)>,
    certificate: Option<&Arc<Certificate>>,
) -> Result<Server, OpenError> {
    let shared = Arc::clone(app);
    let mut server = HttpServer::new(move || {
        Door::new()
            .app_data(Data::from(Arc::clone(&shared)))
            .app_data(PathConfig::default().error_handler(problem::bad_path))
            .app_data(QueryConfig::default().error_handler(problem::bad_query))
            .configure(client::routes)
            .default_service(web::to(problem::no_such_path))
            .wrap(from_fn(span::door))
    })
    .workers(app.config.http.workers)
    .client_request_timeout(HEAD_PATIENCE)
    .keep_alive(KEEP_ALIVE)
    .disable_signals();
    for (socket, _address) in sockets {
        server = match certificate {
            None => server.listen(socket),
            Some(certificate) => {
                server.listen_rustls_0_23(socket, tls::server_config(Arc::clone(certificate))?)
            }
        }
        .map_err(OpenError::Setup)?;
    }
    Ok(server.run())
}

fn ops_door(app: &Arc<App>, sockets: Vec<(TcpListener, SocketAddr)>) -> Result<Server, OpenError> {
    let shared = Arc::clone(app);
    let mut server = HttpServer::new(move || {
        Door::new()
            .app_data(Data::from(Arc::clone(&shared)))
            .configure(ops::routes)
    })
    .workers(1)
    .client_request_timeout(HEAD_PATIENCE)
    .disable_signals();
    for (socket, _address) in sockets {
        server = server.listen(socket).map_err(OpenError::Setup)?;
    }
    Ok(server.run())
}

fn drive(app: &Arc<App>, name: &'static str, server: Server) {
    app.tasks.spawn(name, async move {
        if let Err(error) = server.await {
            tracing::error!(%error, door = name, "a door failed");
        }
    });
}
