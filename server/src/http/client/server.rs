//! `/v1/server`: what anybody may know about this server.

use actix_web::web::Data;
use grove_mls::suite::SUPPORTED;
use grove_wire::api::server::{Registration as Shown, ServerInfo};
use grove_wire::limits::MAX_MESSAGE_BYTES;

use crate::app::App;
use crate::config::Registration;
use crate::http::Json;

pub(super) async fn show(app: Data<App>) -> Json<ServerInfo> {
    Json(ServerInfo {
        domain: app.domain.clone(),
        software: concat!("groved ", env!("CARGO_PKG_VERSION")).to_owned(),
        registration: match app.live.now().server.registration {
            Registration::Closed => Shown::Closed,
            Registration::Invite => Shown::Invite,
            Registration::Open => Shown::Open,
        },
        server_key: app.server_key.public().as_bytes().to_vec().into(),
        cipher_suites: SUPPORTED.iter().map(|suite| suite.code()).collect(),
        max_message_bytes: u64::try_from(MAX_MESSAGE_BYTES).unwrap_or(u64::MAX),
    })
}
