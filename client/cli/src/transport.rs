//! Requests to the home server over HTTPS: the engine's [`Transport`] on `reqwest`.
//!
//! Must not know what the requests mean, and never repeats one: the engine does. Redirects are not
//! followed, since the token would go with them. Answers are read up to a bound.

use std::sync::Arc;
use std::time::Duration;

use grove_core::{Body, Method, Request, Response, Transport, TransportError, with_causes};
use grove_wire::limits::{MAX_JSON_BODY_BYTES, MAX_ROOM_BODY_BYTES};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use rustls::ClientConfig;

use crate::endpoint::{ServerUrl, ServerUrlError};
use crate::tls::{self, TlsError};

/// The longest answer that is read: a whole tree, and what stands around it.
const MAX_ANSWER_BYTES: usize = MAX_ROOM_BODY_BYTES + MAX_JSON_BODY_BYTES;

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// A way to one server over HTTPS, or over HTTP on this machine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    server: ServerUrl,
    client: reqwest::Client,
    tls: Arc<ClientConfig>,
}

impl HttpTransport {
    /// Prepares the way; nothing is sent yet. `extra_roots` are trusted beside the machine's, in
    /// PEM.
    ///
    /// # Errors
    /// [`HttpTransportError`].
    pub fn new(server: ServerUrl, extra_roots: Option<&[u8]>) -> Result<Self, HttpTransportError> {
        let plain = server.is_plain();
        let tls = if plain {
            tls::without_roots()?
        } else {
            tls::with_roots(extra_roots)?
        };
        let mut for_requests = tls.clone();
        for_requests.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut builder = reqwest::Client::builder()
            .use_preconfigured_tls(for_requests)
            .user_agent(concat!("grove/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_PATIENCE);
        if server.is_loopback() {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(HttpTransportError::Client)?;
        Ok(Self {
            server,
            client,
            tls: Arc::new(tls),
        })
    }

    /// The server this leads to.
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// What the event WebSocket trusts: the same as requests do.
    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let url = self.server.join(&request.path).map_err(unreachable)?;
        let mut builder = self
            .client
            .request(method(request.method), url)
            .timeout(request.patience);
        if let Some(content_type) = request.body.content_type() {
            builder = builder.header(CONTENT_TYPE, content_type);
        }
        if let Some(token) = &request.token {
            builder = builder.header(AUTHORIZATION, bearer(token)?);
        }
        builder = match request.body {
            Body::Json(bytes) | Body::Octets(bytes) => builder.body(bytes),
            Body::None => builder,
        };
        let answer = builder.send().await.map_err(|error| self.broken(&error))?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        let body = self.read(answer).await?;
        tracing::debug!(status, bytes = body.len(), "answer");
        Ok(Response {
            status,
            headers,
            body,
        })
    }

    async fn read(&self, mut answer: reqwest::Response) -> Result<Vec<u8>, TransportError> {
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| self.broken(&error))? {
            if body.len().saturating_add(part.len()) > MAX_ANSWER_BYTES {
                return Err(unreachable("its answer is longer than any can be"));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    fn broken(&self, error: &reqwest::Error) -> TransportError {
        if error.is_timeout() {
            return TransportError::Timeout;
        }
        // The URL inside reqwest's own text holds ids of rooms and users.
        let cause = std::error::Error::source(error);
        let text = cause.map_or_else(|| "no answer".to_owned(), with_causes);
        let text = format!("{}: {text}", self.server);
        if cause.is_some_and(tls::is_distrust) {
            return TransportError::Insecure(text);
        }
        unreachable(text)
    }
}

impl Transport for HttpTransport {
    async fn call(&self, request: Request) -> Result<Response, TransportError> {
        tracing::debug!(?request, "request");
        self.exchange(request).await
    }
}

/// The value of the header `Authorization` for a session's token, marked as a secret.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, TransportError> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(unreachable)?;
    value.set_sensitive(true);
    Ok(value)
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Delete => reqwest::Method::DELETE,
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
    }
}

fn unreachable(why: impl std::fmt::Display) -> TransportError {
    TransportError::Unreachable(why.to_string())
}

/// Why there is no way to the server.
#[derive(Debug, thiserror::Error)]
pub enum HttpTransportError {
    /// The HTTP client could not be built.
    #[error("the HTTP client could not be built")]
    Client(#[source] reqwest::Error),
    /// The server's URL is not usable.
    #[error(transparent)]
    Server(#[from] ServerUrlError),
    /// There is nothing to trust.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

#[cfg(test)]
mod tests;
