//! JSON bodies against their schemas.

use grove_core::transport::{Body, Method};
use harness::World;
use serde_json::Value;

use super::{document, resolve};

/// Why a value is not what a schema describes; a property that is not described is a mistake too.
fn fits(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return fits(
            document,
            resolve(document, reference).ok_or("no such schema")?,
            value,
        );
    }
    if let Some(either) = schema["oneOf"].as_array() {
        let fitting = either
            .iter()
            .any(|schema| fits(document, schema, value).is_ok());
        return if fitting {
            Ok(())
        } else {
            Err(format!("none of {either:?}: {value}"))
        };
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return Err(format!("{kinds:?} expected: {value}"));
    }
    if let (Some(values), false) = (
        schema["enum"].as_array(),
        schema["enum"]
            .as_array()
            .is_some_and(|values| values.contains(value)),
    ) {
        return Err(format!("one of {values:?} expected: {value}"));
    }
    for item in value.as_array().into_iter().flatten() {
        fits(document, &schema["items"], item)?;
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let property = &schema["properties"][name];
        if property.is_null() {
            return Err(format!("{name} is not described"));
        }
        fits(document, property, value).map_err(|error| format!("{name}: {error}"))?;
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        if kind == "object" && value[required.as_str().unwrap_or_default()].is_null() {
            return Err(format!("{required} is missing"));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_bodies_have_the_described_form() {
    let world = World::new().await;
    let document = document(&world).await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let schema = |method: &str, path: &str| {
        document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
            .clone()
    };
    let link = world
        .api()
        .call(Method::Post, "/v1/links", Body::None)
        .await
        .ok();
    let opened: Value = link.json();
    let newcomer = world.api().with_token(opened["token"].as_str());
    let looking = format!(
        "/v1/links/{}?wait_s=0",
        opened["link"].as_str().expect("an id")
    );
    let user = alice.user.path_segment();
    for (method, path, answer) in [
        ("get", "/v1/server", world.api().get("/v1/server").await),
        (
            "post",
            "/v1/challenges",
            world
                .api()
                .call(Method::Post, "/v1/challenges", Body::None)
                .await,
        ),
        ("get", "/v1/whoami", alice.api.get("/v1/whoami").await),
        ("get", "/v1/devices", alice.api.get("/v1/devices").await),
        (
            "get",
            "/v1/key-packages",
            alice.api.get("/v1/key-packages").await,
        ),
        ("get", "/v1/rooms", alice.api.get("/v1/rooms").await),
        (
            "get",
            "/v1/user-rooms",
            alice.api.get("/v1/user-rooms").await,
        ),
        (
            "get",
            "/v1/users/{user}/device-list",
            alice
                .api
                .get(&format!("/v1/users/{user}/device-list"))
                .await,
        ),
        ("post", "/v1/links", link),
        ("get", "/v1/links/{link}", newcomer.get(&looking).await),
    ] {
        let (schema, body): (Value, Value) = (schema(method, path), answer.ok().json());
        assert!(schema["$ref"].is_string(), "{path}: {schema}");
        assert_eq!(fits(&document, &schema, &body), Ok(()), "{path}: {body}");
        // The check can fail.
        let mut other = body.clone();
        other
            .as_object_mut()
            .expect("an object")
            .insert("ghost".to_owned(), Value::Null);
        assert!(fits(&document, &schema, &other).is_err(), "{path}");
        assert!(
            fits(&document, &schema, &Value::String(room.to_string())).is_err(),
            "{path}"
        );
    }
    let problem: Value = alice.api.get("/v1/ghosts").await.json();
    let schema = &document["components"]["schemas"]["ProblemDocument"];
    assert_eq!(fits(&document, schema, &problem), Ok(()));
    let request =
        serde_json::to_value(world.api().session_request(&alice.identity).await).expect("JSON");
    let body = &document["paths"]["/v1/sessions"]["post"]["requestBody"]["content"]["application/json"]
        ["schema"];
    assert_eq!(fits(&document, body, &request), Ok(()));
}
