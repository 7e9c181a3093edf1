//! The document against a live server: every operation is there, and answers as described.

use std::collections::{BTreeMap, BTreeSet};

use grove_core::transport::{Body, Method};
use harness::{Answer, Api, Hand, World};
use serde_json::Value;

use super::{Described, Name, described, document, resolve};

/// A room that nobody has made.
const ROOM: &str = "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq@a.example";

/// A path with something in the place of each name that could be there.
fn filled(path: &str) -> String {
    let user = "nobody@a.example";
    let path = path
        .replace("{epoch}", "1")
        .replace("{link}", "AAECAwQFBgcICQoLDA0ODw")
        .replace("{room}", ROOM)
        .replace("{target_user}", user)
        .replace("{user}", user);
    assert!(!path.contains('{'), "{path}");
    path
}

async fn call(api: &Api, name: &Name) -> Answer {
    let method = match name.0.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        other => panic!("nobody calls with {other}"),
    };
    let path = match name.1.as_str() {
        "/v1/poll" => "/v1/poll?wait_s=0".to_owned(),
        path => filled(path),
    };
    api.call(method, &path, Body::None).await
}

/// What is described for the query is understood there, and nothing else is.
async fn assert_queries_are_known(api: &Api, name: &Name, operation: &Value) {
    let none = Vec::new();
    let parameters = operation["parameters"].as_array().unwrap_or(&none).iter();
    let mut queries: Vec<&str> = parameters
        .filter(|one| one["in"] == "query")
        .map(|one| one["name"].as_str().expect("a name"))
        .collect();
    if queries.is_empty() {
        return;
    }
    queries.push("ghost");
    for query in queries {
        let value = match (query, name.1.as_str()) {
            ("after", "/v1/user-rooms") => ROOM,
            ("seen", _) => "open",
            _ => "0",
        };
        let path = format!("{}?{query}={value}", filled(&name.1));
        let answer = api.call(Method::Get, &path, Body::None).await;
        assert_eq!(
            answer.status == 400,
            query == "ghost",
            "{path}: {}",
            answer.text()
        );
    }
}

/// Whether an operation describes this answer: its status, and for a refusal its type.
fn foresees(document: &Value, operation: &Value, answer: &Answer) -> bool {
    let response = &operation["responses"][answer.status.to_string()];
    let response = match response["$ref"].as_str() {
        Some(reference) => resolve(document, reference).expect("a response"),
        None => response,
    };
    let Some(description) = response["description"].as_str() else {
        return false;
    };
    answer.status < 400 || description.contains(answer.problem().problem_type.urn())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_server_has_every_operation_and_answers_as_described() {
    let world = World::new().await;
    let document = document(&world).await;
    let mut alice = Hand::register(&world, "alice", 1).await;
    let paths: BTreeMap<String, BTreeSet<String>> =
        described(&document)
            .into_iter()
            .fold(BTreeMap::new(), |mut paths, one| {
                paths.entry(one.name.1).or_default().insert(one.name.0);
                paths
            });
    for Described { name, operation } in described(&document) {
        let stranger = call(&world.api(), &name).await;
        let is_open = operation["security"].as_array().is_none_or(Vec::is_empty);
        assert!(
            foresees(&document, &operation, &stranger),
            "{name:?}: {}",
            stranger.text()
        );
        assert!(
            ![404, 405].contains(&stranger.status),
            "{name:?} does not exist"
        );
        // Opening a session and looking up prove the asker in the body, which is missing here.
        assert_eq!(
            stranger.status == 401,
            !is_open,
            "{name:?}: {}",
            stranger.text()
        );
        let known = call(&alice.api, &name).await;
        assert!(
            foresees(&document, &operation, &known),
            "{name:?}: {}",
            known.text()
        );
        assert_ne!(known.status, 405, "{name:?}");
        assert_queries_are_known(&alice.api, &name, &operation).await;
        if alice.api.get("/v1/whoami").await.status == 401 {
            alice.log_in().await;
        }
    }
    // What is not described is not there.
    for (path, methods) in &paths {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            if !methods.contains(method) {
                let answer = call(&alice.api, &Name(method.to_owned(), path.clone())).await;
                assert_eq!(
                    (answer.status, answer.problem_name()),
                    (405, "method-not-allowed"),
                    "{method} {path}"
                );
            }
        }
    }
    let ghost = call(&alice.api, &Name("GET".to_owned(), "/v1/ghosts".to_owned())).await;
    assert_eq!(ghost.status, 404);
    let foreseen = &document["paths"]["/v1/whoami"]["get"];
    assert!(!foresees(&document, foreseen, &ghost));
}
