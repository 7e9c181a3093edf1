//! `/v1/rooms`, `/v1/user-rooms`, `/v1/keyMaterial/{target_user}`, `/v1/groupInfo/{room}`.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Data, Path, Query};
use bytes::Bytes;
use grove_wire::api::rooms::{CreateRoomRequest, RoomCreated, RoomList, UserRooms};
use grove_wire::codec::{self, decode};
use grove_wire::limits::{MAX_REQUEST_BODY_BYTES, MAX_ROOM_BODY_BYTES};
use grove_wire::mimi::group_info::GroupInfoRequest;
use grove_wire::mimi::key_material::KeyMaterialRequest;
use grove_wire::problem::ProblemType;
use grove_wire::uri::{RoomSegment, UserSegment};
use serde::Deserialize;

use super::messages::OCTETS;
use crate::app::App;
use crate::http::{ClientAuth, Json, Octets, Problem};
use crate::rooms;

/// Which part of a log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    /// Entries after this one.
    #[serde(default)]
    after: u64,
    /// At most so many.
    limit: Option<usize>,
}

/// Which page of a user's rooms.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// The last room of the page before.
    after: Option<RoomSegment>,
}

pub(super) async fn list(app: Data<App>, who: ClientAuth) -> Result<Json<RoomList>, Problem> {
    Ok(Json(rooms::list(&app, &who).await?))
}

pub(super) async fn list_of_user(
    app: Data<App>,
    who: ClientAuth,
    query: Query<PageQuery>,
) -> Result<Json<UserRooms>, Problem> {
    let after = query.into_inner().after.map(|after| after.0);
    Ok(Json(rooms::list_of_user(&app, &who, after.as_ref()).await?))
}

pub(super) async fn create(
    app: Data<App>,
    who: ClientAuth,
    body: Octets<MAX_ROOM_BODY_BYTES>,
) -> Result<Json<RoomCreated>, Problem> {
    let request: CreateRoomRequest = read(&body.0)?;
    Ok(Json(rooms::create(&app, &who, request).await?))
}

pub(super) async fn tree(
    app: Data<App>,
    who: ClientAuth,
    path: Path<(RoomSegment, u64)>,
) -> Result<HttpResponse, Problem> {
    let (room, epoch) = path.into_inner();
    Ok(octets(rooms::tree(&app, &who, &room.0, epoch).await?))
}

pub(super) async fn log(
    app: Data<App>,
    who: ClientAuth,
    room: Path<RoomSegment>,
    query: Query<LogQuery>,
) -> Result<HttpResponse, Problem> {
    let LogQuery { after, limit } = query.into_inner();
    Ok(octets(
        rooms::read_log(&app, &who, &room.0, after, limit).await?,
    ))
}

pub(super) async fn key_material(
    app: Data<App>,
    who: ClientAuth,
    target: Path<UserSegment>,
    body: Octets<MAX_REQUEST_BODY_BYTES>,
) -> Result<HttpResponse, Problem> {
    let request: KeyMaterialRequest = read(&body.0)?;
    let response = rooms::key_material(&app, &who, &target.0, &request).await?;
    Ok(octets(codec::encode(&response).map_err(Problem::internal)?))
}

pub(super) async fn group_info(
    app: Data<App>,
    who: ClientAuth,
    room: Path<RoomSegment>,
    body: Octets<MAX_REQUEST_BODY_BYTES>,
) -> Result<HttpResponse, Problem> {
    let request: GroupInfoRequest = read(&body.0)?;
    let response = rooms::group_info(&app, &who, &room.0, request).await?;
    Ok(octets(codec::encode(&response).map_err(Problem::internal)?))
}

fn read<T: tls_codec::Deserialize>(body: &[u8]) -> Result<T, Problem> {
    decode(body).map_err(|error| Problem::undecodable(ProblemType::Malformed, &error))
}

fn octets(body: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, OCTETS))
        .body(body.into())
}
