//! A device that is out is out everywhere: each operation that takes a session refuses its token.

use grove_core::transport::{Body, Method};
use grove_wire::uri::RoomUri;
use harness::{Answer, Hand, World};
use serde_json::{Value, json};

use super::assert_problem;

/// An operation of the client API: its path with names in braces.
struct Operation {
    method: Method,
    path: String,
}

impl Operation {
    /// All that take a session, as the server describes itself.
    async fn with_session(world: &World) -> Vec<Self> {
        let document: Value = world.api().get("/v1/openapi.json").await.ok().json();
        let mut found = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let schemes = operation["security"].as_array();
                if schemes.is_some_and(|all| all.iter().any(|one| one.get("session").is_some())) {
                    found.push(Self {
                        method: method_of(method),
                        path: path.clone(),
                    });
                }
            }
        }
        found
    }

    /// Asks for it with something in the place of each name, and a body that can be read.
    async fn ask(&self, by: &Hand, room: &RoomUri) -> Answer {
        let (user, room) = (by.user.path_segment(), room.path_segment());
        let path = self
            .path
            .replace("{user}", &user)
            .replace("{target_user}", &user)
            .replace("{room}", &room)
            .replace("{epoch}", "0")
            .replace("{link}", "AAAAAAAAAAAAAAAAAAAAAA");
        assert!(!path.contains('{'), "{path}");
        let query = if path == "/v1/poll" { "?wait_s=0" } else { "" };
        by.api
            .call(self.method, &format!("{path}{query}"), self.body())
            .await
    }

    fn body(&self) -> Body {
        let json = match self.path.as_str() {
            _ if matches!(self.method, Method::Delete | Method::Get) => return Body::None,
            "/v1/device-list" => json!({ "device_list": "" }),
            "/v1/key-packages" => json!({ "cipher_suite": 1, "key_packages": [] }),
            "/v1/links/{link}/answer" | "/v1/links/{link}/package" => json!({ "bytes": "" }),
            _ => return Body::Octets(Vec::new()),
        };
        Body::Json(json.to_string().into_bytes())
    }

    fn ends_the_session(&self) -> bool {
        self.path == "/v1/sessions/current"
    }
}

fn method_of(name: &str) -> Method {
    match name {
        "delete" => Method::Delete,
        "get" => Method::Get,
        "post" => Method::Post,
        "put" => Method::Put,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_takes_a_session_takes_that_of_a_revoked_device() {
    let world = World::new().await;
    let mut alice = world.hand("alice").await;
    let stolen = alice.sibling(&world, 0).await;
    let room = alice.make_room().await;
    let operations = Operation::with_session(&world).await;
    assert!(operations.len() > 20, "only {}", operations.len());
    // The control: before, none of them asks for a session.
    for operation in operations.iter().filter(|one| !one.ends_the_session()) {
        let answer = operation.ask(&stolen, &room).await;
        assert_ne!(answer.status, 401, "{}", operation.path);
    }
    alice.revoke(&stolen.identity.client).await.ok();
    for operation in &operations {
        let refused = operation.ask(&stolen, &room).await;
        assert_eq!(refused.status, 401, "{}", operation.path);
        assert_problem(&refused, 401, "unauthenticated");
    }
}
