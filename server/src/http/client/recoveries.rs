//! `/v1/recoveries`: coming back with the recovery key alone. No session is needed.

use actix_web::{HttpResponse, web::Data};
use grove_wire::api::{
    devices::DeviceListBody,
    recoveries::{RecoveryLookup, RecoveryRequest},
};

use crate::{
    app::App,
    http::{Json, Problem},
    recoveries,
};

pub(super) async fn look_up(
    app: Data<App>,
    body: Json<RecoveryLookup>,
) -> Result<Json<DeviceListBody>, Problem> {
    let list = recoveries::look_up(&app, &body.0).await?;
    Ok(Json(DeviceListBody {
        device_list: list.into(),
    }))
}

pub(super) async fn recover(
    app: Data<App>,
    body: Json<RecoveryRequest>,
) -> Result<HttpResponse, Problem> {
    recoveries::recover(&app, &body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
