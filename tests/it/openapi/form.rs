//! The document by itself: its form, its references, its words.

use std::collections::BTreeSet;

use grove_wire::problem::ProblemType;
use harness::World;
use serde_json::Value;

use super::{Described, described, document, resolve};

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                found.insert(reference.clone());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_one_of_openapi_3_1_and_holds_together() {
    let world = World::new().await;
    let document = document(&world).await;
    assert!(
        document["openapi"]
            .as_str()
            .expect("a version")
            .starts_with("3.1.")
    );
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let mut refs = BTreeSet::new();
    references(&document, &mut refs);
    assert!(refs.len() > 10, "{refs:?}");
    let broken: Vec<_> = refs
        .iter()
        .filter(|reference| resolve(&document, reference).is_none())
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
    assert_eq!(resolve(&document, "#/components/schemas/Ghost"), None);
    for name in document["components"]["schemas"]
        .as_object()
        .expect("schemas")
        .keys()
    {
        assert!(
            refs.contains(&format!("#/components/schemas/{name}")),
            "nobody names {name}"
        );
    }

    let tags = document["tags"].as_array().expect("tags");
    let tags: BTreeSet<&str> = tags
        .iter()
        .map(|tag| tag["name"].as_str().expect("a name"))
        .collect();
    let schemes = document["components"]["securitySchemes"]
        .as_object()
        .expect("schemes");
    let mut ids = BTreeSet::new();
    for Described { name, operation } in described(&document) {
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id.to_owned()), "{id} stands twice");
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|text| !text.ends_with('.')),
            "{name:?}"
        );
        assert!(
            tags.contains(operation["tags"][0].as_str().expect("a tag")),
            "{name:?}"
        );
        for requirement in operation["security"].as_array().into_iter().flatten() {
            assert!(
                requirement
                    .as_object()
                    .expect("names")
                    .keys()
                    .all(|scheme| schemes.contains_key(scheme))
            );
        }
        let responses = operation["responses"].as_object().expect("responses");
        assert!(
            responses
                .keys()
                .any(|status| matches!(status.as_str(), "101" | "200" | "204")),
            "{name:?}"
        );
        for response in responses.values() {
            let response = match response["$ref"].as_str() {
                Some(reference) => resolve(&document, reference).expect("a response"),
                None => response,
            };
            assert!(response["description"].is_string(), "{name:?}");
        }
        let none = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&none).iter();
        let in_path: BTreeSet<&str> = parameters
            .filter(|one| one["in"] == "path" && one["required"] == true)
            .map(|one| one["name"].as_str().expect("a name"))
            .collect();
        let named: BTreeSet<&str> = name
            .1
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(in_path, named, "{name:?}");
    }
    let text = document.to_string();
    assert!(
        !text.contains("](") && !text.contains("crate::"),
        "rustdoc's links are left"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_problem_type_is_described() {
    let world = World::new().await;
    let document = document(&world).await;
    let responses = document["components"]["responses"]
        .as_object()
        .expect("responses");
    let names: BTreeSet<&str> = responses.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ProblemType::ALL
            .iter()
            .map(|problem| problem.name())
            .collect()
    );
    let schema = &document["components"]["schemas"]["ProblemType"];
    for problem in ProblemType::ALL {
        let values = schema["enum"].as_array().expect("values");
        assert!(
            values.iter().any(|value| value == problem.urn()),
            "{problem:?}"
        );
        for text in [
            &schema["description"],
            &responses[problem.name()]["description"],
        ] {
            let text = text.as_str().expect("a description");
            assert!(
                text.contains(problem.urn()) && text.contains(problem.meaning()),
                "{problem:?}: {text}"
            );
        }
        assert!(
            problem.meaning().len() > 10 && problem.meaning().ends_with('.'),
            "{problem:?}"
        );
    }
}
