//! `/v1/links`: where a new device and an old one meet.
//!
//! The only routes whose bearer token may be something else than a session's: a newcomer shows the
//! token of its link. All it asks counts for its address, before the token is looked at: tokens are
//! not to be guessed.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::{Data, Path, Query};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use grove_wire::api::Base64Url;
use grove_wire::api::links::{LinkBytes, LinkOpened, LinkPhase, LinkState};
use grove_wire::problem::ProblemType;
use serde::Deserialize;

use super::events::{MAX_WAIT, WAIT};
use crate::app::App;
use crate::http::auth::bearer;
use crate::http::{ClientAuth, Json, Problem, rate_limit};
use crate::links::{self, Left, LinkId, Newcomer, Party};
use crate::rate_limits::Knock;
use crate::sessions;

/// What to wait for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookQuery {
    /// Answer at once unless the link is in this phase.
    seen: Option<LinkPhase>,
    /// Seconds to wait for another phase.
    wait_s: Option<u64>,
}

/// Whoever asks about a link: by a link's token or by a session.
pub(super) enum Asker {
    Newcomer(Newcomer),
    Device(ClientAuth),
}

/// Who shows the token of a link.
pub(super) struct ByToken(Newcomer);

pub(super) async fn open(app: Data<App>) -> Result<Json<LinkOpened>, Problem> {
    Ok(Json(links::open(&app).await?))
}

pub(super) async fn look(
    app: Data<App>,
    asker: Asker,
    link: Path<String>,
    query: Query<LookQuery>,
) -> Result<Json<LinkState>, Problem> {
    let link = read_id(&link)?;
    let wait = query.wait_s.map_or(WAIT, Duration::from_secs).min(MAX_WAIT);
    let looking = links::look(&app, link, asker.party(), query.seen, wait);
    let state = match &asker {
        Asker::Newcomer(_) => looking.await,
        Asker::Device(who) => tokio::select! {
            state = looking => state,
            () = sessions::ended(&app, who) => return Err(Problem::new(ProblemType::Unauthenticated)),
        },
    };
    Ok(Json(state?))
}

pub(super) async fn answer(
    app: Data<App>,
    who: ClientAuth,
    link: Path<String>,
    body: Json<LinkBytes>,
) -> Result<HttpResponse, Problem> {
    let left = Left::Answer(&who, body.0.bytes.into_bytes());
    links::leave(&app, read_id(&link)?, left).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn reveal(
    app: Data<App>,
    by: ByToken,
    link: Path<String>,
    body: Json<LinkBytes>,
) -> Result<HttpResponse, Problem> {
    let left = Left::Reveal(by.0, body.0.bytes.into_bytes());
    links::leave(&app, read_id(&link)?, left).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn package(
    app: Data<App>,
    who: ClientAuth,
    link: Path<String>,
    body: Json<LinkBytes>,
) -> Result<HttpResponse, Problem> {
    let left = Left::Package(&who, body.0.bytes.into_bytes());
    links::leave(&app, read_id(&link)?, left).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn cancel(
    app: Data<App>,
    asker: Asker,
    link: Path<String>,
) -> Result<HttpResponse, Problem> {
    links::cancel(&app, read_id(&link)?, asker.party()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who shows the token of a link; none if the request shows no such token.
fn newcomer(request: &HttpRequest) -> Option<Result<Newcomer, Problem>> {
    let newcomer = bearer(request).and_then(Newcomer::from_token)?;
    let counted = request
        .app_data::<Data<App>>()
        .ok_or_else(|| Problem::internal("no App at this door"))
        .and_then(|app| rate_limit::knock(app, request, Knock::Link));
    Some(counted.map(|()| newcomer))
}

/// What cannot be the name of a link is the name of none.
fn read_id(text: &str) -> Result<LinkId, Problem> {
    Base64Url::decode(text)
        .and_then(|bytes| bytes.into_bytes().try_into().ok())
        .map(LinkId)
        .ok_or_else(|| Problem::new(ProblemType::NotFound))
}

impl Asker {
    fn party(&self) -> Party<'_> {
        match self {
            Self::Newcomer(newcomer) => Party::Newcomer(*newcomer),
            Self::Device(who) => Party::Device(who),
        }
    }
}

impl FromRequest for Asker {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if let Some(newcomer) = newcomer(request) {
            return std::future::ready(newcomer.map(Self::Newcomer)).boxed_local();
        }
        let session = ClientAuth::from_request(request, payload);
        async move { Ok(Self::Device(session.await?)) }.boxed_local()
    }
}

impl FromRequest for ByToken {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let unknown = || Err(Problem::new(ProblemType::Unauthenticated));
        std::future::ready(newcomer(request).unwrap_or_else(unknown).map(Self))
    }
}
