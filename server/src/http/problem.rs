//! Where errors become RFC 9457 problem documents, and nowhere else.
//!
//! Each `From<XError>` is one exhaustive `match`. What is the asker's fault is explained; what is
//! ours says its title only, and its cause is logged once, at the door (`http/span.rs`), for the
//! request id the asker was given.

mod accounts;
mod keys;
mod limits;
mod links;
mod rooms;

use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::error::{PathError, QueryPayloadError};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use grove_wire::problem::{PROBLEM_CONTENT_TYPE, ProblemDocument, ProblemType};
use grove_wire::uri::ClientUri;

use crate::db;
use crate::rng::RandomError;
use crate::tasks::WorkLost;

/// After how long a client may ask again when the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// An error on its way to whoever asked.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: ProblemType,
    detail: Option<String>,
    client: Option<ClientUri>,
    current_epoch: Option<u64>,
    limit: Option<u64>,
    retry_after: Option<Duration>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    pub(crate) const fn new(kind: ProblemType) -> Self {
        Self {
            kind,
            detail: None,
            client: None,
            current_epoch: None,
            limit: None,
            retry_after: None,
            cause: None,
        }
    }

    /// A fault of ours: the asker learns the title, the log learns the cause.
    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(ProblemType::Internal)
        }
    }

    /// What went wrong, for whoever asked. Never another person's data.
    #[must_use]
    pub(crate) fn detail(self, detail: impl fmt::Display) -> Self {
        Self {
            detail: Some(detail.to_string()),
            ..self
        }
    }

    /// The device that it is about.
    #[must_use]
    pub(crate) fn client(self, client: ClientUri) -> Self {
        Self {
            client: Some(client),
            ..self
        }
    }

    /// The room's epoch now.
    #[must_use]
    pub(crate) fn current_epoch(self, epoch: u64) -> Self {
        Self {
            current_epoch: Some(epoch),
            ..self
        }
    }

    /// The limit that was exceeded.
    #[must_use]
    pub(crate) fn limit(self, limit: usize) -> Self {
        Self {
            limit: u64::try_from(limit).ok(),
            ..self
        }
    }

    /// After how long the same request may succeed.
    #[must_use]
    pub(crate) fn retry_after(self, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..self
        }
    }

    /// Why, for the log.
    pub(crate) fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    /// The response, naming the request so that an operator can find it in the log.
    pub(crate) fn respond(&self, request_id: Option<&str>) -> HttpResponse {
        let retry_after_s = self.retry_after.map(|after| after.as_secs().max(1));
        let document = ProblemDocument {
            detail: self.detail.clone(),
            client: self.client.clone(),
            current_epoch: self.current_epoch,
            limit: self.limit,
            retry_after_s,
            request_id: request_id.map(str::to_owned),
            ..ProblemDocument::new(self.kind)
        };
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.kind == ProblemType::Unauthenticated {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.insert_header((header::CONTENT_TYPE, PROBLEM_CONTENT_TYPE));
        response.body(serde_json::to_vec(&document).unwrap_or_default())
    }
}

/// The path exists, but not for this method.
pub(crate) fn method_not_allowed() -> Problem {
    Problem::new(ProblemType::MethodNotAllowed)
}

/// No such path.
pub(crate) async fn no_such_path() -> Problem {
    Problem::new(ProblemType::NoSuchPath)
}

/// A path segment that is not what its route expects: a client that knows its own paths had it
/// changed on the way.
#[expect(
    clippy::needless_pass_by_value,
    reason = "actix asks for this signature"
)]
pub(crate) fn bad_path(error: PathError, _request: &HttpRequest) -> actix_web::Error {
    Problem::new(ProblemType::NoSuchPath)
        .detail(format_args!("path: {error}"))
        .into()
}

/// A query that is not what its route expects.
#[expect(
    clippy::needless_pass_by_value,
    reason = "actix asks for this signature"
)]
pub(crate) fn bad_query(error: QueryPayloadError, _request: &HttpRequest) -> actix_web::Error {
    Problem::new(ProblemType::Malformed)
        .detail(format_args!("query: {error}"))
        .into()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.title())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.respond(None)
    }
}

/// A handler that can only fail may return the problem itself.
impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        HttpResponse::from_error(self)
    }
}

impl From<db::Error> for Problem {
    fn from(error: db::Error) -> Self {
        if error.is_full() {
            Self {
                cause: Some(error.into()),
                ..Self::new(ProblemType::NoSpace)
            }
            .retry_after(RETRY_AFTER)
        } else if error.is_unavailable() {
            Self {
                cause: Some(error.into()),
                ..Self::new(ProblemType::Unavailable)
            }
            .retry_after(RETRY_AFTER)
        } else {
            Self::internal(error)
        }
    }
}

impl From<RandomError> for Problem {
    fn from(error: RandomError) -> Self {
        Self::internal(error)
    }
}

impl From<WorkLost> for Problem {
    fn from(error: WorkLost) -> Self {
        Self::internal(error)
    }
}
