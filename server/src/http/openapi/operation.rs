//! One operation: what is asked, by whom, what is answered, and how it can be refused.
//!
//! What follows from the rest is not written per operation: that a body can be malformed or too
//! large, that a session can be missing, that what writes can meet a full disk.

use std::collections::BTreeSet;

use grove_wire::api::JSON_CONTENT_TYPE;
use grove_wire::problem::ProblemType;
use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{self, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    Content, HttpMethod, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
};

use super::super::span;
use super::problems;

/// Media type of binary bodies.
pub(super) const OCTETS: &str = "application/octet-stream";
/// Name of the usual security scheme.
pub(super) const SESSION: &str = "session";
/// Name of the security scheme of a link's newcomer.
pub(super) const LINK_TOKEN: &str = "linkToken";

/// How any body can be refused.
const BODY_PROBLEMS: [ProblemType; 3] = [
    ProblemType::Malformed,
    ProblemType::Timeout,
    ProblemType::TooLarge,
];

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// Whoever comes.
    Anybody,
    /// A device with a session.
    Session,
    /// The device that opened a link.
    Newcomer,
    /// Either side of a link.
    SessionOrNewcomer,
}

/// An operation in the making.
pub(super) struct Operation {
    pub(super) method: HttpMethod,
    pub(super) path: &'static str,
    /// Schemas of bodies, with all they name.
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
    builder: OperationBuilder,
    caller: Caller,
    can_fail: bool,
    problems: BTreeSet<ProblemType>,
}

/// A `GET` of a path. `id` is the operation's name, which no other bears.
pub(super) fn get(path: &'static str, id: &str) -> Operation {
    Operation::new(HttpMethod::Get, path, id)
}

/// A `POST`.
pub(super) fn post(path: &'static str, id: &str) -> Operation {
    Operation::new(HttpMethod::Post, path, id)
}

/// A `PUT`.
pub(super) fn put(path: &'static str, id: &str) -> Operation {
    Operation::new(HttpMethod::Put, path, id)
}

/// A `DELETE`.
pub(super) fn delete(path: &'static str, id: &str) -> Operation {
    Operation::new(HttpMethod::Delete, path, id)
}

impl Operation {
    fn new(method: HttpMethod, path: &'static str, id: &str) -> Self {
        Self {
            method,
            path,
            schemas: Vec::new(),
            builder: OperationBuilder::new().operation_id(Some(id)),
            caller: Caller::Session,
            can_fail: true,
            problems: BTreeSet::new(),
        }
    }

    /// To which noun it belongs, and what it does, in one line.
    pub(super) fn does(mut self, tag: &str, summary: &str) -> Self {
        self.builder = self.builder.tag(tag).summary(Some(summary));
        self
    }

    /// What one line does not say.
    pub(super) fn notes(mut self, description: &str) -> Self {
        self.builder = self.builder.description(Some(description));
        self
    }

    /// Who may ask; with a session unless said otherwise.
    pub(super) fn by(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    /// A segment of the path.
    pub(super) fn segment<T: ToSchema>(self, name: &str, description: &str) -> Self {
        self.parameter::<T>(name, ParameterIn::Path, Required::True, description)
    }

    /// Something that may stand in the query.
    pub(super) fn query<T: ToSchema>(self, name: &str, description: &str) -> Self {
        self.parameter::<T>(name, ParameterIn::Query, Required::False, description)
    }

    fn parameter<T: ToSchema>(
        mut self,
        name: &str,
        place: ParameterIn,
        required: Required,
        description: &str,
    ) -> Self {
        let schema = self.schema::<T>();
        let unreadable = match place {
            ParameterIn::Path => ProblemType::NoSuchPath,
            _ => ProblemType::Malformed,
        };
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .description(Some(description))
            .schema(Some(schema));
        self.builder = self.builder.parameter(parameter);
        self.refuses(&[unreadable])
    }

    /// A JSON body.
    pub(super) fn takes<T: ToSchema>(self) -> Self {
        let (content, mut this) = self.json::<T>();
        let body = RequestBodyBuilder::new()
            .content(JSON_CONTENT_TYPE, content)
            .required(Some(Required::True));
        this.builder = this.builder.request_body(Some(body.build()));
        this.refuses(&BODY_PROBLEMS)
    }

    /// A binary body of at most so many bytes.
    pub(super) fn takes_bytes(mut self, what: &str, limit_bytes: usize) -> Self {
        let body = RequestBodyBuilder::new()
            .description(Some(format!("{what} At most {limit_bytes} bytes.")))
            .content(OCTETS, octets())
            .required(Some(Required::True));
        self.builder = self.builder.request_body(Some(body.build()));
        self.refuses(&BODY_PROBLEMS)
    }

    /// Answers with JSON.
    pub(super) fn gives<T: ToSchema>(self, description: &str) -> Self {
        let (content, this) = self.json::<T>();
        let response = ResponseBuilder::new()
            .description(description)
            .content(JSON_CONTENT_TYPE, content);
        this.answers("200", response.build())
    }

    /// Answers with bytes.
    pub(super) fn gives_bytes(self, description: &str) -> Self {
        let response = ResponseBuilder::new()
            .description(description)
            .content(OCTETS, octets());
        self.answers("200", response.build())
    }

    /// Answers with bytes and, in headers, with the entry's place in the log and its receipt.
    pub(super) fn gives_receipt(self, description: &str) -> Self {
        let header = |kind: Type, description: &str| {
            HeaderBuilder::new()
                .schema(ObjectBuilder::new().schema_type(kind))
                .description(Some(description))
                .build()
        };
        let response = ResponseBuilder::new()
            .description(description)
            .content(OCTETS, octets())
            .header(
                "MIMI-Seq",
                header(Type::Integer, "The entry's number in the room's log."),
            )
            .header(
                "Grove-Receipt",
                header(Type::String, "The signed receipt, in base64url."),
            );
        self.answers("200", response.build())
    }

    /// Answers with nothing but that it was done.
    pub(super) fn gives_nothing(self) -> Self {
        let response = ResponseBuilder::new().description("It was done.");
        self.answers("204", response.build())
    }

    /// Answers with this.
    pub(super) fn answers(mut self, status: &str, response: Response) -> Self {
        self.builder = self.builder.response(status, response);
        self
    }

    /// How it can be refused, beside what follows from the rest.
    pub(super) fn refuses(mut self, problems: &[ProblemType]) -> Self {
        self.problems.extend(problems);
        self
    }

    /// Depends on nothing that could be away or too busy.
    pub(super) fn never_fails(mut self) -> Self {
        self.can_fail = false;
        self
    }

    /// The finished operation.
    pub(super) fn build(mut self) -> path::Operation {
        if self.can_fail {
            self.problems.extend([
                ProblemType::Internal,
                ProblemType::RateLimited,
                ProblemType::Unavailable,
            ]);
        }
        if self.caller != Caller::Anybody {
            self.problems.insert(ProblemType::Unauthenticated);
        }
        let writes = matches!(self.method, HttpMethod::Post | HttpMethod::Put);
        if writes && !span::SERVED_WITHOUT_SPACE.contains(&self.path) {
            self.problems.insert(ProblemType::NoSpace);
        }
        let requirement = |scheme: &str| SecurityRequirement::new(scheme, Vec::<String>::new());
        let schemes: &[&str] = match self.caller {
            Caller::Anybody => &[],
            Caller::Session => &[SESSION],
            Caller::Newcomer => &[LINK_TOKEN],
            Caller::SessionOrNewcomer => &[SESSION, LINK_TOKEN],
        };
        let mut builder = self
            .builder
            .securities(Some(schemes.iter().map(|scheme| requirement(scheme))));
        for (status, response) in problems::by_status(&self.problems) {
            builder = builder.response(status, response);
        }
        builder.build()
    }

    fn json<T: ToSchema>(mut self) -> (Content, Self) {
        let schema = self.schema::<T>();
        (Content::new(Some(schema)), self)
    }

    /// A reference to a schema, which is kept; a simple type stands for itself.
    fn schema<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let schema = T::schema();
        if is_primitive(&schema) {
            return schema;
        }
        T::schemas(&mut self.schemas);
        self.schemas.push((T::name().into_owned(), schema));
        RefOr::Ref(Ref::from_schema_name(T::name()))
    }
}

/// Numbers and plain strings: what no name says more about.
fn is_primitive(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            object.description.is_none()
                && object.enum_values.is_none()
                && matches!(
                    object.schema_type,
                    SchemaType::AnyValue | SchemaType::Type(Type::Integer | Type::String)
                )
        }
        _ => false,
    }
}

fn octets() -> Content {
    let bytes = ObjectBuilder::new()
        .schema_type(Type::String)
        .content_media_type(OCTETS);
    Content::new(Some(bytes))
}
