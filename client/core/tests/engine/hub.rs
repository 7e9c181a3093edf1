//! A hub without sockets or SQL: the client API's answers, straight from the hub's view of a group.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use grove_core::{Method, Request, Response};
use grove_mls::identity::{
    Head, Receipt, ServerKey, SessionProof, SignedDeviceList, SignedReceipt,
};
use grove_mls::key_package;
use grove_mls::public::HubGroup;
use grove_wire::api::accounts::{RegisterRequest, RegisterResponse, Whoami};
use grove_wire::api::devices::DeviceListBody;
use grove_wire::api::events::{ClientFrame, ServerFrame};
use grove_wire::api::key_packages::{KeyPackageCount, KeyPackageCounts, UploadKeyPackages};
use grove_wire::api::rooms::EpochTree;
use grove_wire::api::server::{Registration, ServerInfo};
use grove_wire::api::sessions::{Challenge, SessionRequest, SessionResponse};
use grove_wire::api::{Base64Url, JSON_CONTENT_TYPE};
use grove_wire::codec;
use grove_wire::mimi::CONTENT_TYPE;
use grove_wire::mls::{GroupInfo, KeyPackage, MlsMessage};
use grove_wire::problem::{PROBLEM_CONTENT_TYPE, ProblemDocument, ProblemType};
use grove_wire::uri::{ClientUri, Provider, RoomUri, UserUri};
use serde::Serialize;

use crate::tricks::Tricks;
use crate::{rooms, siblings};

/// What a reader of a log has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    /// The first entry for it.
    pub(crate) from: u64,
    /// The last entry for it, once it was removed.
    pub(crate) to: u64,
    /// Acknowledged up to here.
    pub(crate) position: u64,
}

pub(crate) struct HubRoom {
    pub(crate) group: HubGroup,
    pub(crate) group_info: GroupInfo,
    pub(crate) trees: BTreeMap<u64, EpochTree>,
    /// Entries with the head behind each.
    pub(crate) log: Vec<(Vec<u8>, Head)>,
    /// Places of messages by their bytes.
    pub(crate) seen: BTreeMap<Vec<u8>, u64>,
    pub(crate) cursors: BTreeMap<ClientUri, Cursor>,
    pub(crate) tricks: Tricks,
}

#[derive(Default)]
pub(crate) struct Device {
    pub(crate) key_packages: Vec<KeyPackage>,
    /// Is given to nobody, unless a test puts it among the others.
    pub(crate) last_resort: Option<KeyPackage>,
    pub(crate) inbox: Vec<grove_wire::api::events::InboxEntry>,
}

pub(crate) struct State {
    pub(crate) domain: Provider,
    pub(crate) key: ServerKey,
    pub(crate) now: u64,
    pub(crate) lists: BTreeMap<UserUri, Vec<u8>>,
    /// Device lists are answered as if they were taken, and are not.
    pub(crate) swallows_lists: bool,
    pub(crate) devices: BTreeMap<ClientUri, Device>,
    pub(crate) rooms: BTreeMap<RoomUri, HubRoom>,
    /// How many application messages were handed in, repeats included.
    pub(crate) submissions: usize,
    /// For how long a session is said to hold, in milliseconds.
    pub(crate) session_ms: u64,
    /// How many machines there are at its lines.
    pub(crate) machines: u64,
    /// When devices last showed a session.
    pub(crate) seen: BTreeMap<ClientUri, u64>,
    tokens: BTreeMap<String, ClientUri>,
}

/// The hub; clones are the same hub.
#[derive(Clone)]
pub(crate) struct Hub(Arc<Mutex<State>>);

impl Hub {
    pub(crate) fn new(now: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            domain: Provider::parse("a.example").unwrap(),
            key: ServerKey::from_seed([42; 32]),
            now,
            lists: BTreeMap::new(),
            swallows_lists: false,
            devices: BTreeMap::new(),
            rooms: BTreeMap::new(),
            submissions: 0,
            session_ms: 3_600_000,
            machines: 0,
            seen: BTreeMap::new(),
            tokens: BTreeMap::new(),
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn answer(&self, request: &Request) -> Response {
        let mut state = self.state();
        state.now += 1;
        match state.route(request) {
            Ok(response) => response,
            Err(problem) => problem.response(),
        }
    }
}

/// An answer, or a problem.
pub(crate) type Answer = Result<Response, Problem>;

/// Why the hub says no.
pub(crate) struct Problem(Box<ProblemDocument>);

impl Problem {
    pub(crate) fn new(problem_type: ProblemType, detail: &str) -> Self {
        let detail = Some(detail.to_owned());
        Self(Box::new(ProblemDocument {
            detail,
            ..ProblemDocument::new(problem_type)
        }))
    }

    pub(crate) fn outdated(client: &ClientUri) -> Self {
        let client = Some(client.clone());
        let outdated = ProblemDocument::new(ProblemType::LeafOutdated);
        Self(Box::new(ProblemDocument { client, ..outdated }))
    }

    pub(crate) fn response(&self) -> Response {
        Response {
            status: self.0.status,
            headers: content_type(PROBLEM_CONTENT_TYPE),
            body: serde_json::to_vec(&*self.0).unwrap(),
        }
    }

    pub(crate) fn stale(current: u64) -> Self {
        let current_epoch = Some(current);
        let wrong = ProblemDocument::new(ProblemType::WrongEpoch);
        Self(Box::new(ProblemDocument {
            current_epoch,
            ..wrong
        }))
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "an answer, like those that can be problems"
)]
pub(crate) fn octets(body: Vec<u8>) -> Answer {
    Ok(Response {
        status: 200,
        headers: content_type(CONTENT_TYPE),
        body,
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "an answer, like those that can be problems"
)]
pub(crate) fn json(value: &impl Serialize) -> Answer {
    Ok(Response {
        status: 200,
        headers: content_type(JSON_CONTENT_TYPE),
        body: serde_json::to_vec(value).unwrap(),
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "an answer, like those that can be problems"
)]
fn done() -> Answer {
    Ok(Response {
        status: 204,
        headers: Vec::new(),
        body: Vec::new(),
    })
}

pub(crate) fn content_type(media_type: &str) -> Vec<(String, String)> {
    vec![("Content-Type".to_owned(), media_type.to_owned())]
}

pub(crate) fn body(request: &Request) -> &[u8] {
    match &request.body {
        grove_core::Body::Json(bytes) | grove_core::Body::Octets(bytes) => bytes,
        grove_core::Body::None => &[],
    }
}

impl State {
    fn route(&mut self, request: &Request) -> Answer {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let parts: Vec<&str> = path.split('/').skip(2).collect();
        match (request.method, parts.as_slice()) {
            (Method::Get, ["server"]) => return self.info(),
            (Method::Post, ["accounts"]) => return self.register(body(request)),
            (Method::Post, ["challenges"]) => {
                return json(&Challenge {
                    nonce: vec![1; 32].into(),
                    expires_at: self.now + 60_000,
                });
            }
            (Method::Post, ["sessions"]) => return self.log_in(body(request)),
            _ => {}
        }
        let token = request.token.clone().unwrap_or_default();
        let Some(who) = self.tokens.get(&token).cloned() else {
            return Err(Problem::new(ProblemType::Unauthenticated, "no session"));
        };
        self.seen.insert(who.clone(), self.now);
        match (request.method, parts.as_slice()) {
            (Method::Get, ["whoami"]) => json(&Whoami {
                user: who.user(),
                client: who,
                device_list_version: 1,
            }),
            (Method::Get, ["users", user, "device-list"]) => self.device_list(user),
            (Method::Put, ["device-list"]) => self.put_device_list(&who, body(request)),
            (Method::Put, ["key-packages"]) => self.put_key_packages(&who, body(request)),
            (Method::Get, ["key-packages"]) => self.count_key_packages(&who),
            (Method::Get, ["devices"]) => json(&siblings::activities(self, &who)),
            (Method::Get, ["user-rooms"]) => json(&siblings::user_rooms(self, &who)),
            (Method::Get, ["poll"]) => octets(self.frames(&who)),
            (Method::Post, ["acks"]) => self.acknowledge(&who, body(request)),
            (method, rest) => rooms::route(self, &who, method, rest, query, body(request)),
        }
    }

    fn info(&self) -> Answer {
        json(&ServerInfo {
            domain: self.domain.clone(),
            software: "loopback".to_owned(),
            registration: Registration::Open,
            server_key: self.key.public().as_bytes().to_vec().into(),
            cipher_suites: vec![1],
            max_message_bytes: 65536,
        })
    }

    fn register(&mut self, body: &[u8]) -> Answer {
        let request: RegisterRequest = serde_json::from_slice(body).unwrap();
        if self.lists.contains_key(&request.user) {
            return Err(Problem::new(ProblemType::Conflict, "taken"));
        }
        let list = SignedDeviceList::decode(request.device_list.as_bytes()).unwrap();
        let client = list.list().devices[0].client.clone();
        self.lists
            .insert(request.user.clone(), list.as_bytes().to_vec());
        self.devices.insert(client.clone(), Device::default());
        json(&RegisterResponse {
            user: request.user,
            client,
        })
    }

    fn log_in(&mut self, body: &[u8]) -> Answer {
        let request: SessionRequest = serde_json::from_slice(body).unwrap();
        let list = self
            .lists
            .get(&request.client.user())
            .map(|list| SignedDeviceList::decode(list).unwrap());
        let known = list
            .as_ref()
            .and_then(|list| list.list().find(&request.client))
            .filter(|device| device.revoked.is_none())
            .cloned();
        let proof = SessionProof {
            domain: self.domain.clone(),
            client: request.client.clone(),
            nonce: [1; 32],
            expires_at: request.expires_at,
        };
        let good = known.is_some_and(|device| {
            proof
                .verify(&device.signature_key, request.signature.as_bytes())
                .is_ok()
        });
        if !good {
            return Err(Problem::new(
                ProblemType::Unauthenticated,
                "not your device",
            ));
        }
        let token = format!("token {}", self.tokens.len());
        self.tokens.insert(token.clone(), request.client);
        json(&SessionResponse {
            token,
            expires_at: self.now.saturating_add(self.session_ms),
        })
    }

    pub(crate) fn end_sessions(&mut self) {
        self.tokens.clear();
    }

    fn device_list(&self, user: &str) -> Answer {
        match self.lists.get(&UserUri::parse_path_segment(user).unwrap()) {
            Some(list) => json(&DeviceListBody {
                device_list: list.clone().into(),
            }),
            None => Err(Problem::new(ProblemType::NotFound, "no such user")),
        }
    }

    fn put_device_list(&mut self, who: &ClientUri, body: &[u8]) -> Answer {
        let body: DeviceListBody = serde_json::from_slice(body).unwrap();
        let known = SignedDeviceList::decode(&self.lists[&who.user()]).unwrap();
        let list = SignedDeviceList::decode(body.device_list.as_bytes()).unwrap();
        if list.as_bytes() == known.as_bytes() {
            return done();
        }
        if self.swallows_lists {
            return done();
        }
        if let Err(error) = list.follows(&known) {
            return Err(Problem::new(
                ProblemType::IdentityInvalid,
                &error.to_string(),
            ));
        }
        self.lists.insert(who.user(), list.as_bytes().to_vec());
        siblings::follow(self, &known, &list);
        done()
    }

    pub(crate) fn end_sessions_of(&mut self, client: &ClientUri) {
        self.tokens.retain(|_, holder| holder != client);
    }

    fn put_key_packages(&mut self, who: &ClientUri, body: &[u8]) -> Answer {
        let upload: UploadKeyPackages = serde_json::from_slice(body).unwrap();
        for bytes in upload.key_packages.iter().chain(&upload.last_resort) {
            key_package::validate(bytes.as_bytes(), self.now).map_err(|error| {
                Problem::new(ProblemType::KeyPackageInvalid, &error.to_string())
            })?;
        }
        let device = self.devices.get_mut(who).unwrap();
        let read = |bytes: Base64Url| {
            let message = MlsMessage::from_bytes(bytes.into_bytes()).unwrap();
            message.key_package().unwrap()
        };
        device
            .key_packages
            .extend(upload.key_packages.into_iter().map(read));
        if let Some(last_resort) = upload.last_resort {
            device.last_resort = Some(read(last_resort));
        }
        self.count_key_packages(who)
    }

    fn count_key_packages(&self, who: &ClientUri) -> Answer {
        let is_alive = |one: &&KeyPackage| {
            let message = MlsMessage::from_key_package(one);
            key_package::validate(message.as_bytes(), self.now).is_ok()
        };
        let alive = self.devices[who].key_packages.iter().filter(is_alive);
        let available = u32::try_from(alive.count()).unwrap();
        let count = KeyPackageCount {
            cipher_suite: 1,
            available,
            low: available < 10,
        };
        json(&KeyPackageCounts {
            counts: vec![count],
            time: self.now,
        })
    }

    /// All that is new for a device.
    fn frames(&self, who: &ClientUri) -> Vec<u8> {
        let mut frames = Vec::new();
        for (uri, room) in &self.rooms {
            let Some(cursor) = room.cursors.get(who) else {
                continue;
            };
            frames.extend(self.log_frame(
                uri,
                who,
                cursor.position.max(cursor.from - 1),
                cursor.to,
            ));
        }
        let inbox = self.devices[who].inbox.clone();
        if !inbox.is_empty() {
            frames.extend(ServerFrame::Inbox { entries: inbox }.encode().unwrap());
        }
        frames
    }

    /// The entries behind `after`, at most up to `to`, as `who` is shown them.
    pub(crate) fn log_frame(&self, uri: &RoomUri, who: &ClientUri, after: u64, to: u64) -> Vec<u8> {
        let room = &self.rooms[uri];
        if let Some(expired) = room.tricks.expired(uri, after) {
            return expired;
        }
        let log = room.tricks.log(uri, who, &room.log);
        let first = usize::try_from(after).unwrap();
        let to = usize::try_from(to).unwrap_or(usize::MAX).min(log.len());
        if first >= to {
            return Vec::new();
        }
        let shown = &log[first..to];
        let entries: Vec<&[u8]> = shown.iter().map(|(entry, _)| entry.as_slice()).collect();
        let receipt = if room.tricks.unsigned.contains(who) {
            Vec::new()
        } else {
            let (_, head) = shown.last().unwrap();
            let signed = self.sign(uri, u64::try_from(to).unwrap(), head);
            signed.as_bytes().to_vec()
        };
        ServerFrame::write_log(uri, after + 1, &entries, &receipt)
    }

    pub(crate) fn receipt(&self, uri: &RoomUri, room: &HubRoom, seq: u64) -> SignedReceipt {
        let (_, head) = &room.log[usize::try_from(seq).unwrap() - 1];
        self.sign(uri, seq, head)
    }

    fn sign(&self, uri: &RoomUri, seq: u64, head: &Head) -> SignedReceipt {
        SignedReceipt::sign(
            &self.key,
            Receipt {
                room: uri.clone(),
                seq,
                epoch: 0,
                head: *head.as_bytes(),
                time: 1,
            },
        )
    }

    fn acknowledge(&mut self, who: &ClientUri, body: &[u8]) -> Answer {
        let ClientFrame::Ack { positions, inbox } = codec::decode(body).unwrap();
        for (uri, seq) in positions {
            let Some(room) = self.rooms.get_mut(&uri) else {
                continue;
            };
            let last = u64::try_from(room.log.len()).unwrap();
            if let Some(cursor) = room.cursors.get_mut(who) {
                cursor.position = cursor.position.max(seq.min(last));
            }
        }
        let taken = inbox.unwrap_or_default();
        self.devices
            .get_mut(who)
            .unwrap()
            .inbox
            .retain(|entry| entry.id > taken);
        done()
    }
}
