//! One question to the home server and its answer: session, problem documents, JSON.
//!
//! Knows HTTP statuses so that nobody else must. It must not know rooms.
//!
//! A session that ended is renewed here, once per question, without anybody noticing.

use std::time::Duration;

use grove_wire::problem::{ProblemDocument, ProblemType};
use grove_wire::uri::ClientUri;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::environment::Environment;
use crate::store::{Store, StoreError};
use crate::transport::{Body, Method, Request, Response, Transport, TransportError};

/// How long an ordinary answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A question to the server failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The server knows this device no more: it was taken off the account, or the account is gone.
    #[error("the server knows this device no more: it was taken off the account")]
    DeviceRevoked,
    /// The answer makes no sense to this version.
    #[error("the server's answer was not understood: {0}")]
    Incompatible(String),
    /// The server said no.
    #[error("the server refused: {0}")]
    Refused(Refusal),
    /// The session could not be kept.
    #[error("the session could not be stored")]
    Store(#[from] StoreError),
    /// No answer came.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// Why the server said no (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The problem's type, if it is one we know.
    pub kind: Option<ProblemType>,
    /// What went wrong, for a person.
    pub text: String,
    /// The device that it is about, if it is about one.
    pub client: Option<ClientUri>,
    /// The room's epoch, if the refusal was about a stale one.
    pub current_epoch: Option<u64>,
    /// How long to wait, in seconds.
    pub retry_after_s: Option<u64>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Refusal {
    /// The same question may be answered later.
    pub fn is_temporary(&self) -> bool {
        matches!(self.status, 429 | 500..=599)
    }

    fn read(response: &Response) -> Self {
        let document: Option<ProblemDocument> = serde_json::from_slice(&response.body).ok();
        let Some(document) = document else {
            return Self {
                status: response.status,
                kind: None,
                text: format!("status {}", response.status),
                client: None,
                current_epoch: None,
                retry_after_s: response
                    .header("retry-after")
                    .and_then(|value| value.parse().ok()),
            };
        };
        Self {
            status: response.status,
            kind: Some(document.problem_type),
            text: match document.detail {
                Some(detail) => format!("{}: {detail}", document.title),
                None => document.title,
            },
            client: document.client,
            current_epoch: document.current_epoch,
            retry_after_s: document.retry_after_s.or_else(|| {
                response
                    .header("retry-after")
                    .and_then(|value| value.parse().ok())
            }),
        }
    }
}

impl CallError {
    /// The refusal's type, if it is one.
    pub(crate) fn problem(&self) -> Option<ProblemType> {
        match self {
            Self::Refused(refusal) => refusal.kind,
            _ => None,
        }
    }

    /// Whether the same may succeed later, so that what waits should go on waiting.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_temporary(),
            Self::Transport(_) | Self::Store(_) => true,
            Self::DeviceRevoked | Self::Incompatible(_) => false,
        }
    }
}

/// Asks without a session.
pub(crate) async fn ask(
    transport: &impl Transport,
    method: Method,
    path: &str,
    body: Body,
) -> Result<Response, CallError> {
    let request = Request {
        method,
        path: path.to_owned(),
        body,
        token: None,
        patience: PATIENCE,
    };
    send(transport, request).await
}

/// Sends a request as it is.
pub(crate) async fn send(
    transport: &impl Transport,
    request: Request,
) -> Result<Response, CallError> {
    accept(transport.call(request).await?)
}

fn accept(response: Response) -> Result<Response, CallError> {
    match response.status {
        200..=299 => Ok(response),
        _ => Err(CallError::Refused(Refusal::read(&response))),
    }
}

/// A JSON body.
pub(crate) fn json(value: &impl Serialize) -> Result<Body, CallError> {
    serde_json::to_vec(value)
        .map(Body::Json)
        .map_err(|error| CallError::Incompatible(error.to_string()))
}

/// Reads a JSON answer.
pub(crate) fn read_json<T: DeserializeOwned>(response: &Response) -> Result<T, CallError> {
    serde_json::from_slice(&response.body)
        .map_err(|error| CallError::Incompatible(error.to_string()))
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Asks within the session, renewing it once if it ended.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Response, CallError> {
        self.ask_patiently(method, path, body, PATIENCE).await
    }

    /// [`Client::ask`] with an own patience.
    pub(crate) async fn ask_patiently(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
        patience: Duration,
    ) -> Result<Response, CallError> {
        let token = self.session_token().await?;
        let request = |token| Request {
            method,
            path: path.to_owned(),
            body: body.clone(),
            token: Some(token),
            patience,
        };
        let response = self.transport.call(request(token)).await?;
        if response.status != 401 {
            return accept(response);
        }
        let token = self.renew_session().await?;
        accept(self.transport.call(request(token)).await?)
    }
}
