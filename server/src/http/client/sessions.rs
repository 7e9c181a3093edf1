//! `/v1/challenges`, `/v1/sessions`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use grove_wire::api::sessions::{Challenge, SessionRequest, SessionResponse};

use crate::app::App;
use crate::http::{ClientAuth, Json, Problem};
use crate::sessions;

pub(super) async fn challenge(app: Data<App>) -> Result<Json<Challenge>, Problem> {
    Ok(Json(sessions::challenge(&app)?))
}

pub(super) async fn open(
    app: Data<App>,
    body: Json<SessionRequest>,
) -> Result<Json<SessionResponse>, Problem> {
    Ok(Json(sessions::open(&app, &body.0).await?))
}

pub(super) async fn close(app: Data<App>, auth: ClientAuth) -> Result<HttpResponse, Problem> {
    sessions::close(&app, &auth).await?;
    Ok(HttpResponse::NoContent().finish())
}
