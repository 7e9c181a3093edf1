//! Refusals: one response per problem type, and one per status of an operation.

use std::collections::{BTreeMap, BTreeSet};

use grove_wire::problem::{PROBLEM_CONTENT_TYPE, ProblemDocument, ProblemType};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder, Schema};
use utoipa::{PartialSchema as _, ToSchema as _};

/// The problem document and what it names.
pub(super) fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = Vec::new();
    ProblemDocument::schemas(&mut schemas);
    schemas.push((
        ProblemDocument::name().into_owned(),
        ProblemDocument::schema(),
    ));
    schemas
}

/// A response for each problem type, by its name.
pub(super) fn responses() -> impl Iterator<Item = (String, RefOr<Response>)> {
    ProblemType::ALL
        .iter()
        .map(|&problem| (problem.name().to_owned(), RefOr::T(response(&[problem]))))
}

/// The responses of an operation that can be refused in these ways, by status.
pub(super) fn by_status(
    problems: &BTreeSet<ProblemType>,
) -> impl Iterator<Item = (String, RefOr<Response>)> {
    let mut by_status: BTreeMap<u16, Vec<ProblemType>> = BTreeMap::new();
    for problem in problems {
        by_status
            .entry(problem.status())
            .or_default()
            .push(*problem);
    }
    by_status.into_iter().map(|(status, problems)| {
        let response = match &problems[..] {
            [problem] => RefOr::Ref(Ref::from_response_name(problem.name())),
            several => RefOr::T(response(several)),
        };
        (status.to_string(), response)
    })
}

fn response(problems: &[ProblemType]) -> Response {
    let line = |problem: &ProblemType| format!("`{}`: {}", problem.urn(), problem.meaning());
    let lines: Vec<String> = problems.iter().map(line).collect();
    let schema = Ref::from_schema_name(ProblemDocument::name());
    let mut response = ResponseBuilder::new()
        .description(lines.join("\n\n"))
        .content(PROBLEM_CONTENT_TYPE, Content::new(Some(schema)));
    let wait = [ProblemType::RateLimited, ProblemType::Unavailable];
    if problems.iter().any(|problem| wait.contains(problem)) {
        let header = HeaderBuilder::new()
            .schema(ObjectBuilder::new().schema_type(Type::Integer))
            .description(Some("Seconds after which the same request may be served."));
        response = response.header("Retry-After", header.build());
    }
    response.build()
}
