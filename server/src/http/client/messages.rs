//! `/v1/submitMessage/{room}`, `/v1/update/{room}`: MIMI's own bodies, for clients.
//!
//! A success is 200 with MIMI's answer, the place in the log and the signed receipt; a refusal is a
//! problem.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderName};
use actix_web::web::{Data, Path};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grove_wire::codec::{DecodeError, EncodeError, decode, encode};
use grove_wire::limits::{MAX_SUBMIT_BODY_BYTES, MAX_UPDATE_BODY_BYTES};
use grove_wire::mimi::submit_message::{SubmitMessageRequest, SubmitMessageResponse};
use grove_wire::mimi::update::{UpdateRequest, UpdateRoomResponse};
use grove_wire::problem::ProblemType;
use grove_wire::uri::RoomSegment;

use crate::app::App;
use crate::http::{ClientAuth, Octets, Problem};
use crate::rooms::{self, Submitted};

/// Media type of binary bodies.
pub(super) const OCTETS: &str = "application/octet-stream";
/// The entry's place in the room's log.
const SEQ: HeaderName = HeaderName::from_static("mimi-seq");
/// The signed receipt, in base64url.
const RECEIPT: HeaderName = HeaderName::from_static("grove-receipt");

pub(super) async fn submit(
    app: Data<App>,
    who: ClientAuth,
    room: Path<RoomSegment>,
    body: Octets<MAX_SUBMIT_BODY_BYTES>,
) -> Result<HttpResponse, Problem> {
    let request: SubmitMessageRequest = decode(&body.0).map_err(|error| not_mls(&error))?;
    let submitted = rooms::submit(&app, &who, &room.0, request).await?;
    let accepted_timestamp = submitted.mark.time;
    answer(
        &submitted,
        encode(&SubmitMessageResponse::Accepted {
            accepted_timestamp,
            frank: None,
        }),
    )
}

pub(super) async fn update(
    app: Data<App>,
    who: ClientAuth,
    room: Path<RoomSegment>,
    body: Octets<MAX_UPDATE_BODY_BYTES>,
) -> Result<HttpResponse, Problem> {
    let request: UpdateRequest = decode(&body.0).map_err(|error| not_mls(&error))?;
    let submitted = rooms::update(&app.into_inner(), &who, &room.0, request.bundle).await?;
    let accepted_timestamp = submitted.mark.time;
    answer(
        &submitted,
        encode(&UpdateRoomResponse::Success { accepted_timestamp }),
    )
}

fn not_mls(error: &DecodeError) -> Problem {
    Problem::undecodable(ProblemType::NotMls, error)
}

fn answer(
    submitted: &Submitted,
    body: Result<Vec<u8>, EncodeError>,
) -> Result<HttpResponse, Problem> {
    let body = body.map_err(Problem::internal)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, OCTETS))
        .insert_header((SEQ, submitted.mark.seq))
        .insert_header((RECEIPT, URL_SAFE_NO_PAD.encode(&submitted.receipt)))
        .body(body))
}
