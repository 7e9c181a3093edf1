//! JSON schemas of what is text in JSON: URIs, bytes and problem types. The bodies derive theirs.
//!
//! Schemas describe for people and generators; what is refused is decided by the types themselves.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::api::Base64Url;
use crate::limits::{MAX_JSON_BODY_BYTES, MAX_URI_BYTES};
use crate::problem::ProblemType;
use crate::uri::{ClientUri, Provider, RoomSegment, RoomUri, UserSegment, UserUri};

macro_rules! text {
    ($($name:ident, $pattern:literal, $max:expr, $description:literal, $example:literal;)+) => { $(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some($pattern))
                    .max_length(Some($max))
                    .description(Some($description))
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+ };
}

text! {
    Base64Url, "^[A-Za-z0-9_-]*$", MAX_JSON_BODY_BYTES,
        "Bytes as base64url without padding (RFC 4648, section 5).", "aGVsbG8";
    ClientUri, "^mimi://[^/]+/d/[^/]+/[a-z2-7]{26}$", MAX_URI_BYTES,
        "A client, which is one device of a user.", "mimi://a.example/d/alice/aaaqeayeaudaocajbifqydiob4";
    Provider, "^mimi://[^/]+$", MAX_URI_BYTES,
        "A provider, by its domain.", "mimi://a.example";
    RoomSegment, "^[a-z2-7]{52}@[a-z0-9.-]+$", MAX_URI_BYTES,
        "A room in a path: its MLS group id in base32, and the domain of its hub.",
        "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq@a.example";
    RoomUri, "^mimi://[^/]+/r/[a-z2-7]{52}$", MAX_URI_BYTES,
        "A room, by the provider that is its hub and its MLS group id in base32.",
        "mimi://a.example/r/aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq";
    UserSegment, "^[a-z0-9][a-z0-9._-]*@[a-z0-9.-]+$", MAX_URI_BYTES,
        "A user in a path: the address.", "alice@a.example";
    UserUri, "^mimi://[^/]+/u/[^/]+$", MAX_URI_BYTES,
        "A user. Where a request takes one, the form alice@a.example is understood too.", "mimi://a.example/u/alice";
}

impl PartialSchema for ProblemType {
    fn schema() -> RefOr<Schema> {
        let line = |problem: &Self| {
            let (urn, status, meaning) = (problem.urn(), problem.status(), problem.meaning());
            format!("- `{urn}` ({status}): {meaning}\n")
        };
        let lines: String = Self::ALL.iter().map(line).collect();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("uri".to_owned())))
            .enum_values(Some(Self::ALL.iter().map(|problem| problem.urn())))
            .description(Some(format!(
                "What was refused, and why in general.\n\n{lines}"
            )))
            .into()
    }
}

impl ToSchema for ProblemType {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ProblemType")
    }
}
