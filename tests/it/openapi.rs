//! The description of the client API against the API: every route is described, everything
//! described is there, and what the server answers is what is described.

mod bodies;
mod form;
mod live;
mod served;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use harness::World;
use serde_json::Value;

/// An operation: method in upper case, path with its names in braces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name(String, String);

struct Described {
    name: Name,
    operation: Value,
}

/// The operations of a document.
fn described(document: &Value) -> Vec<Described> {
    let paths = document["paths"].as_object().expect("paths");
    let mut all = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("operations") {
            all.push(Described {
                name: Name(method.to_uppercase(), path.clone()),
                operation: operation.clone(),
            });
        }
    }
    all
}

/// The routes that a source registers: `at("/path")` and each `.route(method()` behind it.
fn registered(source: &str) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    let code: String = source
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect();
    for resource in code.split("at(\"").skip(1) {
        let (path, rest) = resource.split_once('"').expect("the path ends");
        for route in rest.split(".route(").skip(1) {
            let (method, _handler) = route.split_once("()").expect("a method");
            found.insert(Name(method.trim().to_uppercase(), format!("/v1{path}")));
        }
    }
    found
}

fn source() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src/http/client.rs");
    fs::read_to_string(path).expect("the route table")
}

async fn document(world: &World) -> Value {
    world.api().get("/v1/openapi.json").await.ok().json()
}

/// What stands behind `#/` in a reference.
fn resolve<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(reference.strip_prefix('#')?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_is_described_and_every_description_has_its_route() {
    let world = World::new().await;
    let described: BTreeSet<Name> = described(&document(&world).await)
        .into_iter()
        .map(|one| one.name)
        .collect();
    let registered = registered(&source());
    assert!(registered.len() > 20, "{registered:?}");
    assert_eq!(described, registered);
}

#[test]
fn a_route_that_nobody_described_would_be_found() {
    let source = "door.service(at(\"/ghosts\").route(get().to(ghosts::list)).route(\n post().to(ghosts::call)))\n// .service(at(\"/old\").route(get().to(old)))\n.service(at(\"/ghosts/{ghost}\").route(delete().to(x)));";
    let name = |method: &str, path: &str| Name(method.to_owned(), path.to_owned());
    let expected = [
        name("DELETE", "/v1/ghosts/{ghost}"),
        name("GET", "/v1/ghosts"),
        name("POST", "/v1/ghosts"),
    ];
    assert_eq!(registered(source), BTreeSet::from(expected));
}
