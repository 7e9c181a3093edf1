//! `/v1/accounts`, `/v1/whoami`.

use actix_web::web::Data;
use grove_wire::api::accounts::{RegisterRequest, RegisterResponse, Whoami};
use grove_wire::problem::ProblemType;

use crate::accounts;
use crate::app::App;
use crate::http::{ClientAuth, Json, Problem};

pub(super) async fn register(
    app: Data<App>,
    body: Json<RegisterRequest>,
) -> Result<Json<RegisterResponse>, Problem> {
    Ok(Json(accounts::register(&app, &body.0).await?))
}

pub(super) async fn whoami(app: Data<App>, auth: ClientAuth) -> Result<Json<Whoami>, Problem> {
    let whoami = accounts::whoami(&app, &auth).await?;
    whoami
        .map(Json)
        .ok_or_else(|| Problem::new(ProblemType::Unauthenticated))
}
