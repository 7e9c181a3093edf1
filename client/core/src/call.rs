//! One question to the home server and its answer: session, problem documents, JSON.
//!
//! Knows HTTP statuses so that nobody else must. It must not know rooms.
//!
//! The surprise: only Grove's own verdict is one. Between here and the server stand proxies,
//! captive portals and a backend that restarts, and each of them has a 404 for everything. So an
//! answer is what its media type says it is: a problem document of a known type, or the body that
//! was asked for. Anything else is no answer, and the same is asked again later.
//!
//! A session that ended is renewed here, once per question, without anybody noticing.

use std::time::Duration;

use grove_wire::api::JSON_CONTENT_TYPE;
use grove_wire::codec::{self, Deserialize};
use grove_wire::mimi::CONTENT_TYPE as OCTETS;
use grove_wire::problem::{PROBLEM_CONTENT_TYPE, ProblemDocument, ProblemType};
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
    /// The answer makes no sense to this version, or did not come whole.
    #[error("the server's answer was not understood: {0}")]
    Incompatible(String),
    /// Something else than a Grove server has answered, with this HTTP status.
    #[error("something else than a Grove server answered, with status {0}")]
    NotGrove(u16),
    /// The server said no, or not now.
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
    /// The problem's type.
    pub kind: ProblemType,
    /// What went wrong, for a person.
    pub text: String,
    /// The device that it is about, if it is about one.
    pub client: Option<ClientUri>,
    /// The room's epoch, if the refusal was about a stale one.
    pub current_epoch: Option<u64>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Refusal {
    /// A refusal that stands in the answer itself.
    pub(crate) fn new(kind: ProblemType, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            client: None,
            current_epoch: None,
        }
    }

    /// The server could not judge what was asked: the same may be answered later.
    pub fn is_temporary(&self) -> bool {
        !self.kind.is_verdict()
    }
}

impl From<ProblemDocument> for Refusal {
    fn from(document: ProblemDocument) -> Self {
        let mut text = document.title;
        if let Some(detail) = document.detail {
            text = format!("{text}: {detail}");
        }
        if let Some(seconds) = document.retry_after_s {
            text = format!("{text} (in {seconds} s it may be otherwise)");
        }
        Self {
            kind: document.problem_type,
            text,
            client: document.client,
            current_epoch: document.current_epoch,
        }
    }
}

impl CallError {
    /// The refusal's type, if it is one.
    pub(crate) fn problem(&self) -> Option<ProblemType> {
        match self {
            Self::Refused(refusal) => Some(refusal.kind),
            _ => None,
        }
    }

    /// The server's verdict, if this is one: the same would be refused again.
    pub(crate) fn verdict(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) if !refusal.is_temporary() => Some(refusal),
            _ => None,
        }
    }

    /// Whether the same may succeed later, so that what waits should go on waiting.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_temporary(),
            Self::Incompatible(_) | Self::NotGrove(_) | Self::Transport(_) | Self::Store(_) => true,
            Self::DeviceRevoked => false,
        }
    }
}

/// Asks without a session.
pub(crate) async fn ask(
    transport: &impl Transport,
    method: Method,
    path: &str,
    body: Body,
) -> Result<Answer, CallError> {
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
) -> Result<Answer, CallError> {
    accept(transport.call(request).await?)
}

/// What a response comes to: what was asked for, Grove's refusal, or nothing of Grove's.
fn accept(response: Response) -> Result<Answer, CallError> {
    match response.status {
        200..=299 => Ok(Answer(response)),
        status => Err(match problem(&response) {
            Some(document) => CallError::Refused(document.into()),
            None => CallError::NotGrove(status),
        }),
    }
}

/// The problem document of a refusal, if a Grove server has made it: a proxy may make documents of
/// its own, or put another status over ours.
fn problem(response: &Response) -> Option<ProblemDocument> {
    if response.media_type() != Some(PROBLEM_CONTENT_TYPE) {
        return None;
    }
    let document: ProblemDocument = serde_json::from_slice(&response.body).ok()?;
    (document.problem_type.status() == response.status).then_some(document)
}

/// A JSON body.
pub(crate) fn json(value: &impl Serialize) -> Result<Body, CallError> {
    serde_json::to_vec(value)
        .map(Body::Json)
        .map_err(incompatible)
}

/// A successful answer. Whether a Grove server gave it is seen when it is read.
#[derive(Debug)]
#[must_use = "an answer that was not read may be one of somebody else's"]
pub(crate) struct Answer(Response);

impl Answer {
    /// Reads a JSON body.
    pub(crate) fn json<A: DeserializeOwned>(&self) -> Result<A, CallError> {
        serde_json::from_slice(self.body_of(JSON_CONTENT_TYPE)?).map_err(incompatible)
    }

    /// A binary body.
    pub(crate) fn octets(&self) -> Result<&[u8], CallError> {
        self.body_of(OCTETS)
    }

    /// Reads a binary body in TLS presentation language.
    pub(crate) fn decode<A: Deserialize>(&self) -> Result<A, CallError> {
        codec::decode(self.octets()?).map_err(incompatible)
    }

    /// Sees that it was done, which has no body.
    pub(crate) fn done(&self) -> Result<(), CallError> {
        match self.0.status {
            204 => Ok(()),
            status => Err(CallError::NotGrove(status)),
        }
    }

    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }

    fn body_of(&self, media_type: &str) -> Result<&[u8], CallError> {
        if self.0.media_type() != Some(media_type) {
            return Err(CallError::NotGrove(self.0.status));
        }
        Ok(&self.0.body)
    }
}

/// What the answer holds is not what this version knows.
pub(crate) fn incompatible(why: impl std::fmt::Display) -> CallError {
    CallError::Incompatible(why.to_string())
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Asks within the session, renewing it once if it ended.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Answer, CallError> {
        self.ask_patiently(method, path, body, PATIENCE).await
    }

    /// [`Client::ask`] with an own patience.
    pub(crate) async fn ask_patiently(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
        patience: Duration,
    ) -> Result<Answer, CallError> {
        let token = self.session_token().await?;
        let request = |token| Request {
            method,
            path: path.to_owned(),
            body: body.clone(),
            token: Some(token),
            patience,
        };
        match accept(self.transport.call(request(token)).await?) {
            Err(error) if error.problem() == Some(ProblemType::Unauthenticated) => {
                let token = self.renew_session().await?;
                accept(self.transport.call(request(token)).await?)
            }
            answered => answered,
        }
    }
}
