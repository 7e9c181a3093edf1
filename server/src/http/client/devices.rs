//! `/v1/users/{user}/device-list`, `/v1/device-list`, `/v1/devices`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use grove_wire::api::devices::{DeviceActivities, DeviceListBody};
use grove_wire::problem::ProblemType;
use grove_wire::uri::UserSegment;

use crate::app::App;
use crate::devices;
use crate::http::{ClientAuth, Json, Problem};

pub(super) async fn list_activity(
    app: Data<App>,
    auth: ClientAuth,
) -> Result<Json<DeviceActivities>, Problem> {
    Ok(Json(devices::list_activity(&app, &auth).await?))
}

pub(super) async fn show_list(
    app: Data<App>,
    _auth: ClientAuth,
    user: Path<UserSegment>,
) -> Result<Json<DeviceListBody>, Problem> {
    let list = devices::find_list(&app, &user.0).await?;
    let list = list.ok_or_else(|| Problem::new(ProblemType::NotFound))?;
    Ok(Json(DeviceListBody {
        device_list: list.into(),
    }))
}

pub(super) async fn replace_list(
    app: Data<App>,
    auth: ClientAuth,
    body: Json<DeviceListBody>,
) -> Result<HttpResponse, Problem> {
    devices::replace_list(&app, &auth, body.0.device_list.as_bytes()).await?;
    Ok(HttpResponse::NoContent().finish())
}
