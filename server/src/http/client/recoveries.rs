//! `/v1/recoveries`: coming back with the recovery key alone. No session is needed.

use actix_web::HttpResponse;
use actix_web::web::Data;
use grove_wire::api::devices::DeviceListBody;
use grove_wire::api::recoveries::{RecoveryLookup, RecoveryRequest};

use crate::app::App;
use crate::http::{Json, Problem};
use crate::recoveries;

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
