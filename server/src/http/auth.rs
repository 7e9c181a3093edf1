//! Who asks: the bearer token of a session becomes a [`ClientAuth`], or the request ends here with
//! 401.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use grove_wire::problem::ProblemType;

use super::{Problem, rate_limit};
use crate::app::App;
use crate::rate_limits::Knock;
use crate::sessions::{self, AuthenticateError};

pub(crate) use crate::sessions::ClientAuth;

impl FromRequest for ClientAuth {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let app = request.app_data::<Data<App>>().map(|app| Arc::clone(app));
        let token = bearer(request).map(str::to_owned);
        let request = request.clone();
        async move {
            let app = app.ok_or_else(|| Problem::internal("no App at this door"))?;
            let token = token.ok_or_else(|| Problem::new(ProblemType::Unauthenticated))?;
            let found = sessions::authenticate(&app, &token).await;
            if let Err(AuthenticateError::Unknown) = &found {
                rate_limit::knock(&app, &request, Knock::SignIn)?;
            }
            let auth = found?;
            rate_limit::ask(&app, &request, &auth)?;
            Ok(auth)
        }
        .boxed_local()
    }
}

/// The token of the header `Authorization`.
pub(super) fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

impl From<AuthenticateError> for Problem {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Database(error) => error.into(),
            AuthenticateError::Unknown => Self::new(ProblemType::Unauthenticated),
        }
    }
}
