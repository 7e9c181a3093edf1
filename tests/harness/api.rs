//! The client API without a client: any bytes, to any path, with any token.

use grove_cli::transport::HttpTransport;
use grove_core::transport::{Body, Method, Request, Response, Transport as _};
use grove_mls::identity::SessionProof;
use grove_mls::member::DeviceIdentity;
use grove_wire::api::Base64Url;
use grove_wire::api::server::ServerInfo;
use grove_wire::api::sessions::{Challenge, SessionRequest, SessionResponse};
use grove_wire::problem::{PROBLEM_CONTENT_TYPE, ProblemDocument};
use grove_wire::uri::{RoomUri, UserUri};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::wait::{PATIENCE, eventually};

/// A way to one server, perhaps with a session.
#[derive(Clone)]
pub struct Api {
    transport: HttpTransport,
    /// The bearer token sent along.
    pub token: Option<String>,
    insists: bool,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    response: Response,
}

impl Api {
    /// Leads to the server at this base URL, without a session.
    pub fn new(base_url: &str) -> Self {
        let server = base_url.parse().expect("a server's URL");
        Self {
            transport: HttpTransport::new(server, None).expect("a transport"),
            token: None,
            insists: false,
        }
    }

    /// The same way with another token, or without one.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self {
            transport: self.transport.clone(),
            token: token.map(str::to_owned),
            insists: self.insists,
        }
    }

    /// The same way for somebody who asks the same again until there is an answer: whatever the
    /// server went through meanwhile, it is not an answer to be unreachable or unavailable.
    #[must_use]
    pub fn insisting(mut self) -> Self {
        self.insists = true;
        self
    }

    /// Sends a request.
    pub async fn call(&self, method: Method, path: &str, body: Body) -> Answer {
        let request = Request {
            method,
            path: path.to_owned(),
            body,
            token: self.token.clone(),
            patience: PATIENCE,
        };
        let response = if self.insists {
            eventually(path, async || {
                let answered = self.transport.call(request.clone()).await.ok();
                answered.filter(|response| response.status != 503)
            })
            .await
        } else {
            let answered = self.transport.call(request).await;
            answered.unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        Answer {
            status: response.status,
            body: response.body.clone(),
            response,
        }
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::Get, path, Body::None).await
    }

    /// `POST` of bytes.
    pub async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.call(Method::Post, path, Body::Octets(body.into()))
            .await
    }

    /// `POST` of JSON.
    pub async fn post_json(&self, path: &str, body: &impl Serialize) -> Answer {
        self.call(Method::Post, path, json(body)).await
    }

    /// `PUT` of JSON.
    pub async fn put_json(&self, path: &str, body: &impl Serialize) -> Answer {
        self.call(Method::Put, path, json(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::Delete, path, Body::None).await
    }

    /// What the server says about itself.
    pub async fn server(&self) -> ServerInfo {
        self.get("/v1/server").await.ok().json()
    }

    /// Signs a challenge of the server as this device.
    pub async fn session_request(&self, device: &DeviceIdentity) -> SessionRequest {
        let domain = self.server().await.domain;
        let challenge: Challenge = self
            .call(Method::Post, "/v1/challenges", Body::None)
            .await
            .ok()
            .json();
        let nonce = challenge.nonce.as_bytes().try_into().expect("32 bytes");
        let proof = SessionProof {
            domain,
            client: device.client.clone(),
            nonce,
            expires_at: challenge.expires_at,
        };
        SessionRequest {
            client: device.client.clone(),
            nonce: challenge.nonce,
            expires_at: challenge.expires_at,
            signature: Base64Url(proof.sign(&device.key).to_vec()),
        }
    }

    /// Opens a session for a device and returns its token.
    pub async fn log_in(&self, device: &DeviceIdentity) -> String {
        let request = self.session_request(device).await;
        let session: SessionResponse = self.post_json("/v1/sessions", &request).await.ok().json();
        session.token
    }
}

impl Answer {
    /// This answer, which must be a success.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(
            (200..300).contains(&self.status),
            "{}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        self
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }

    /// The entry's place in the log, of an accepted message or handshake.
    #[track_caller]
    pub fn seq(&self) -> u64 {
        self.clone().ok();
        self.header("MIMI-Seq")
            .expect("a place in the log")
            .parse()
            .expect("a number")
    }

    /// The problem document, whose status and media type must be right.
    #[track_caller]
    pub fn problem(&self) -> ProblemDocument {
        assert_eq!(
            self.header("content-type"),
            Some(PROBLEM_CONTENT_TYPE),
            "{}",
            self.text()
        );
        let problem: ProblemDocument = self.json();
        assert_eq!(problem.status, self.status);
        problem
    }

    /// The last part of the problem's URN.
    #[track_caller]
    pub fn problem_name(&self) -> &'static str {
        self.problem().problem_type.name()
    }

    /// The problem document without what differs from request to request.
    #[track_caller]
    pub fn problem_without_id(&self) -> Value {
        let mut problem: Value = self.json();
        let id = problem
            .as_object_mut()
            .expect("an object")
            .remove("request_id")
            .expect("a request id");
        assert_eq!(
            Some(id.as_str().expect("text")),
            self.header("request-id"),
            "both name the request"
        );
        problem
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The path of something about a room: `/v1/<what>/<room>`.
pub fn about(what: &str, room: &RoomUri) -> String {
    format!("/v1/{what}/{}", room.path_segment())
}

/// The path of KeyPackages of a user.
pub fn claim_path(user: &UserUri) -> String {
    format!("/v1/keyMaterial/{}", user.path_segment())
}

/// The path of a part of a room's log.
pub fn log_path(room: &RoomUri, after: u64) -> String {
    let room = room.path_segment();
    format!("/v1/rooms/{room}/log?after={after}&limit=256")
}

fn json(body: &impl Serialize) -> Body {
    Body::Json(serde_json::to_vec(body).expect("a JSON form"))
}
