//! Bodies: read up to a limit, then decoded. Every failure is a problem document.
//!
//! The limit holds for the bytes on the wire and is checked against `Content-Length` before a byte
//! is read. Encoded bodies (`Content-Encoding`) are not unpacked, so that a small body cannot
//! become a large one.

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::header::{self, CONTENT_LENGTH};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder};
use bytes::{Bytes, BytesMut};
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use grove_wire::limits::MAX_JSON_BODY_BYTES;
use grove_wire::problem::ProblemType;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Problem;

/// How long a body may take to arrive: enough for the largest one on a slow line.
const PATIENCE: Duration = Duration::from_mins(2);

/// A JSON body, or a JSON response.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// An opaque body of at most `MAX` bytes.
#[derive(Debug)]
pub(crate) struct Octets<const MAX: usize>(pub(crate) Bytes);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let reading = read(request, payload.take(), MAX_JSON_BODY_BYTES);
        async move {
            let body = reading.await?;
            serde_json::from_slice(&body).map(Self).map_err(|error| {
                Problem::new(ProblemType::Malformed).detail(format_args!("body: {error}"))
            })
        }
        .boxed_local()
    }
}

impl<const MAX: usize> FromRequest for Octets<MAX> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let reading = read(request, payload.take(), MAX);
        async move { Ok(Self(reading.await?)) }.boxed_local()
    }
}

impl<T: Serialize> Responder for Json<T> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        match serde_json::to_vec(&self.0) {
            Ok(body) => HttpResponse::Ok()
                .insert_header((header::CONTENT_TYPE, "application/json"))
                .body(body),
            Err(error) => HttpResponse::from_error(Problem::internal(error)),
        }
    }
}

/// Reads a body of at most `limit` bytes. The returned future owns all it needs.
fn read(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
) -> impl Future<Output = Result<Bytes, Problem>> + use<> {
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let whole = async move {
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| {
                Problem::new(ProblemType::Timeout).detail(format_args!("body: {error}"))
            })?;
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(too_large(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    async move {
        tokio::time::timeout(PATIENCE, whole)
            .await
            .unwrap_or_else(|_elapsed| {
                Err(Problem::new(ProblemType::Timeout).detail("body: it did not arrive in time"))
            })
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(ProblemType::TooLarge).limit(limit)
}
