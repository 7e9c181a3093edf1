//! `/v1/key-packages`.

use actix_web::web::Data;
use grove_wire::api::key_packages::{KeyPackageCounts, UploadKeyPackages};

use crate::app::App;
use crate::http::{ClientAuth, Json, Problem};
use crate::key_packages;

pub(super) async fn count(
    app: Data<App>,
    auth: ClientAuth,
) -> Result<Json<KeyPackageCounts>, Problem> {
    Ok(Json(key_packages::count(&app, &auth).await?))
}

pub(super) async fn upload(
    app: Data<App>,
    auth: ClientAuth,
    body: Json<UploadKeyPackages>,
) -> Result<Json<KeyPackageCounts>, Problem> {
    Ok(Json(key_packages::upload(&app, &auth, body.0).await?))
}
