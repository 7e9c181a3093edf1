//! What every request passes on its way in and out: a request id, a span, the metrics, and the one
//! place where a fault of ours is logged.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use bytes::Bytes;
use grove_wire::problem::ProblemType;
use metrics::{counter, histogram};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::field::Empty;
use tracing::{Instrument as _, debug, error, info_span};

use super::Problem;
use crate::app::App;

/// By which the asker and the log name a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// Requests below the reserve of free space that are served nevertheless: they free the asker, not
/// the disk.
pub(super) const SERVED_WITHOUT_SPACE: [&str; 3] = ["/v1/acks", "/v1/challenges", "/v1/sessions"];

/// The middleware of the client door.
pub(super) async fn door<B: MessageBody + 'static>(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Held>, Error> {
    let under_way = app.tasks.request();
    let id = request_id(&app);
    let watch = app.clock.stopwatch();
    let method = shown(request.method());
    let received_bytes = received(&request);
    let span = info_span!("request", id = %id, method, route = Empty, status = Empty);
    let response = answer(&app, &id, request, next)
        .instrument(span.clone())
        .await?;

    let route = response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "none".to_owned());
    let status = response.status().as_u16();
    span.record("route", route.as_str())
        .record("status", status);
    let sent_bytes = match response.response().body().size() {
        BodySize::None => Some(0),
        BodySize::Sized(bytes) => Some(bytes),
        BodySize::Stream => None,
    };
    let elapsed_ms = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| debug!(elapsed_ms, received_bytes, sent_bytes, "answered"));
    let labels = [("route", route), ("method", method.to_owned())];
    histogram!("grove_http_request_seconds", &labels).record(watch.elapsed().as_secs_f64());
    let status = ("status", status.to_string());
    let [route, method] = labels;
    counter!("grove_http_requests_total", &[route, method, status]).increment(1);
    Ok(response.map_body(|_head, body| Held {
        body,
        _under_way: under_way,
    }))
}

/// A name of ours: a method is any word that a client likes, and neither log nor metrics are theirs
/// to write.
fn shown(method: &Method) -> &'static str {
    match *method {
        Method::DELETE => "DELETE",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::POST => "POST",
        Method::PUT => "PUT",
        _ => "other",
    }
}

/// How long the body says it is; nothing, for one in pieces.
fn received(request: &ServiceRequest) -> Option<u64> {
    let length = request.headers().get(CONTENT_LENGTH);
    length.map_or(Some(0), |length| length.to_str().ok()?.parse().ok())
}

/// Sixteen hexadecimal digits; without randomness, none.
fn request_id(app: &App) -> String {
    app.rng
        .bytes::<8>()
        .map(|bytes| data_encoding::HEXLOWER.encode(&bytes))
        .unwrap_or_default()
}

async fn answer<B: MessageBody + 'static>(
    app: &App,
    id: &str,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if app.disk.is_low() && writes(&request) {
        let refusal = Problem::new(ProblemType::NoSpace).respond(Some(id));
        return Ok(named(request.into_response(refusal), id));
    }
    // A clone of the request held here would make the router panic; errors of handlers and
    // extractors come as answers anyway.
    let response = next.call(request).await?;
    let problem = response
        .response()
        .error()
        .and_then(|error| rewrite(error, id));
    let response = match problem {
        Some(problem) => response.into_response(problem),
        None => response.map_into_boxed_body(),
    };
    Ok(named(response, id))
}

fn writes(request: &ServiceRequest) -> bool {
    let writing = *request.method() == Method::POST || *request.method() == Method::PUT;
    writing && !SERVED_WITHOUT_SPACE.contains(&request.path())
}

/// A problem document that names the request, if the error is a problem; ours are logged here.
fn rewrite(error: &Error, id: &str) -> Option<HttpResponse> {
    let problem = error.as_error::<Problem>()?;
    if let Some(cause) = problem.cause() {
        error!(error = %problem, cause = %chain(cause), "a request failed");
    }
    Some(problem.respond(Some(id)))
}

/// An error and its sources, outermost first.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

fn named(mut response: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    if let Ok(value) = HeaderValue::from_str(id) {
        let _before = response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// A body that counts as a request under way until it has been sent or, for a socket, until it is
/// closed.
pub(super) struct Held {
    body: BoxBody,
    _under_way: TaskTrackerToken,
}

impl MessageBody for Held {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
