//! The operators' door: alive, ready, metrics, version. No bodies, no accounts; keep it away from
//! the Internet.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, ServiceConfig, get, resource};

use crate::app::App;
use crate::telemetry;

/// The database has this long to answer before the server counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// Everything an operator can ask for.
pub(super) fn routes(door: &mut ServiceConfig) {
    door.service(resource("/health").route(get().to(health)))
        .service(resource("/ready").route(get().to(ready)))
        .service(resource("/metrics").route(get().to(metrics)))
        .service(resource("/version").route(get().to(version)));
}

/// What runs.
async fn version() -> &'static str {
    concat!("groved ", env!("CARGO_PKG_VERSION"), "\n")
}

/// The process serves requests. Says nothing of what it needs for them.
async fn health() -> &'static str {
    "alive\n"
}

/// Requests of clients would be served: the database answers, its schema was checked at start, and
/// there is space.
async fn ready(app: Data<App>) -> HttpResponse {
    let answers = async {
        let mut connection = app.db.connect().await?;
        connection.begin().await?.probe().await
    };
    let reason = match tokio::time::timeout(PATIENCE, answers).await {
        _ if app.tasks.closing().is_cancelled() => Some("shutting down\n"),
        Err(_elapsed) => Some("the database does not answer\n"),
        Ok(Err(_error)) => Some("the database is unavailable\n"),
        Ok(Ok(())) if app.disk.is_low() => Some("free space is below the reserve\n"),
        Ok(Ok(())) => None,
    };
    match reason {
        None => HttpResponse::Ok().body("ready\n"),
        Some(reason) => HttpResponse::ServiceUnavailable().body(reason),
    }
}

async fn metrics() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        ))
        .body(telemetry::render_metrics())
}
