//! The client API as an OpenAPI 3.1 document, for those who write another client or look at this
//! one's traffic.
//!
//! Bodies are derived from `grove_wire::api`, bounds from its limits, problems from its problem
//! types; what an operation is for is written here, beside the others of its noun. The document
//! describes and decides nothing.
//!
//! The surprise: nothing here is known to the routes. A test reads both and compares them, on a
//! live server too.

mod accounts;
mod events;
mod links;
mod operation;
mod problems;
mod rooms;
mod text;

use std::sync::OnceLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use grove_wire::api::JSON_CONTENT_TYPE;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use utoipa::openapi::info::LicenseBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, ComponentsBuilder, InfoBuilder, OpenApiBuilder, Paths};

use self::operation::{LINK_TOKEN, Operation, SESSION};
use super::Problem;

const ABOUT: &str = "What clients of a Grove server say to it. Users and rooms stand in a path as `name@domain`, and nothing in one is percent-encoded. Bytes in JSON \
    are base64url without padding; times are milliseconds since 1970. Requests refuse unknown fields, answers may grow. \
    Binary bodies are structures in TLS presentation language: MIMI's are those of draft-ietf-mimi-protocol-06, the others \
    stand in `wire/src/api`. Every answer bears a header `Request-Id`, by which the operator finds it in the log.";

const TAGS: [(&str, &str); 5] = [
    ("server", "What a server tells of itself"),
    (
        "accounts",
        "People, their sessions, devices and KeyPackages",
    ),
    (
        "links",
        "A new device meets an old one; coming back with the recovery words alone",
    ),
    ("rooms", "Rooms: making, looking, changing, talking"),
    ("events", "What happened, and how far a device has it"),
];

/// How long an answer may be kept without asking again.
const FRESH: &str = "public, max-age=300";

static ANSWER: OnceLock<Answer> = OnceLock::new();

/// The document as it is served.
struct Answer {
    body: Bytes,
    etag: String,
}

/// `GET /v1/openapi.json`.
pub(super) async fn show(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let answer = if let Some(answer) = ANSWER.get() {
        answer
    } else {
        let made = make_answer().map_err(Problem::internal)?;
        ANSWER.get_or_init(|| made)
    };
    let known = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == answer.etag));
    let mut response = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((ETAG, answer.etag.as_str()))
        .insert_header((CACHE_CONTROL, FRESH));
    if known {
        return Ok(response.finish());
    }
    Ok(response
        .insert_header((CONTENT_TYPE, JSON_CONTENT_TYPE))
        .body(answer.body.clone()))
}

fn make_answer() -> Result<Answer, serde_json::Error> {
    let body = Bytes::from(serde_json::to_vec(&document()?)?);
    let hash: [u8; 32] = Sha256::digest(&body).into();
    let etag = format!("\"{}\"", data_encoding::HEXLOWER.encode(&hash));
    Ok(Answer { body, etag })
}

/// The document.
///
/// # Errors
/// None that a released program can meet: the document does not depend on anything.
pub(crate) fn document() -> Result<Value, serde_json::Error> {
    let mut paths = Paths::new();
    let mut components = components();
    let nouns = [
        accounts::operations(),
        links::operations(),
        rooms::operations(),
        events::operations(),
    ];
    for operation in nouns.into_iter().flatten() {
        let Operation {
            path,
            method,
            schemas,
            ..
        } = &operation;
        components.schemas.extend(schemas.iter().cloned());
        paths.add_path_operation(*path, vec![method.clone()], operation.build());
    }
    let info = InfoBuilder::new()
        .title("Grove client API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(
            LicenseBuilder::new()
                .name("AGPL-3.0-or-later")
                .identifier(Some("AGPL-3.0-or-later"))
                .build(),
        ));
    let tag = |(name, description)| {
        TagBuilder::new()
            .name(name)
            .description(Some(description))
            .build()
    };
    let document = OpenApiBuilder::new()
        .info(info.build())
        .tags(Some(TAGS.map(tag)))
        .paths(paths)
        .components(Some(components))
        .build();
    let mut document = serde_json::to_value(document)?;
    text::tidy(&mut document);
    Ok(document)
}

fn components() -> Components {
    let bearer = |description: &str| {
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(description))
                .build(),
        )
    };
    let mut components = ComponentsBuilder::new()
        .security_scheme(
            SESSION,
            bearer("The token of a session, which belongs to one device (`POST /v1/sessions`)."),
        )
        .security_scheme(
            LINK_TOKEN,
            bearer("The token of one link, for the device that opened it (`POST /v1/links`)."),
        )
        .build();
    components.schemas.extend(problems::schemas());
    components.responses.extend(problems::responses());
    components
}
