//! What only looks like an answer: pages of proxies, redirects, documents of other makes, bodies
//! that were cut. On every endpoint that the client calls, each of them, whether the request came
//! to the hub or not: nothing is final but the hub's own word, and when the way is clear all is
//! done, once.

use std::collections::VecDeque;
use std::time::Duration;

use grove_core::{
    Client, Draft, Event, MessageStatus, Method, Registration, Response, TransportError,
    WarningKind,
};
use grove_wire::problem::{PROBLEM_CONTENT_TYPE, ProblemDocument, ProblemType};
use grove_wire::uri::RoomUri;

use crate::hub::{Hub, content_type};
use crate::person::{Intruder, Line, Person, hub, now, store};
use crate::rooms::user;
use crate::siblings::{add_device, client, newest_list};

pub(crate) type Answer = Result<Response, TransportError>;

#[expect(
    clippy::unnecessary_wraps,
    reason = "an answer, like those that are none"
)]
pub(crate) fn answer(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    Ok(Response {
        status,
        headers: content_type(media_type),
        body: body.into(),
    })
}

pub(crate) fn document(status: u16, kind: ProblemType) -> Answer {
    let body = serde_json::to_vec(&ProblemDocument::new(kind)).unwrap();
    answer(status, PROBLEM_CONTENT_TYPE, body)
}

/// All that is no verdict.
fn no_verdicts() -> VecDeque<Answer> {
    let foreign = r#"{"type":"about:blank","title":"Not Found","status":404}"#;
    let mut answers = VecDeque::new();
    for status in [
        301, 302, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504, 507,
    ] {
        answers.push_back(answer(status, "text/html", format!("<h1>{status}</h1>")));
        answers.push_back(answer(status, PROBLEM_CONTENT_TYPE, foreign));
        answers.push_back(Ok(Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }));
    }
    let without_verdict = ProblemType::ALL.iter().filter(|kind| !kind.is_verdict());
    answers.extend(without_verdict.map(|kind| document(kind.status(), *kind)));
    // A verdict under a status that is not its own, one that was cut, and one that is called
    // something else.
    answers.push_back(document(502, ProblemType::NotAllowed));
    answers.push_back(answer(
        403,
        PROBLEM_CONTENT_TYPE,
        r#"{"type":"urn:grove:pro"#,
    ));
    let verdict = serde_json::to_vec(&ProblemDocument::new(ProblemType::NotFound)).unwrap();
    answers.push_back(answer(404, "application/json", verdict));
    answers.extend([
        answer(
            200,
            "text/html; charset=utf-8",
            "<h1>Welcome to our hotel</h1>",
        ),
        answer(200, "application/json", r#"{"device_li"#),
        answer(200, "application/octet-stream", [1, 0]),
        answer(202, "text/plain", ""),
        Err(TransportError::Timeout),
        Err(TransportError::Unreachable(
            "the connection was cut".to_owned(),
        )),
    ]);
    answers
}

/// What happens while somebody answers in the hub's place.
struct Scene {
    hub: Hub,
    /// Whose requests are answered so.
    alice: Person,
    bob: Person,
    room: RoomUri,
}

impl Scene {
    /// Alice and Bob in a room, and Carol who is not.
    fn new() -> Self {
        let hub = hub();
        let [mut alice, mut bob, _carol] =
            ["alice", "bob", "carol"].map(|name| Person::register(&hub, name));
        let room = alice.makes_room("Garden", &[&mut bob]);
        bob.syncs();
        alice.syncs();
        Self {
            hub,
            alice,
            bob,
            room,
        }
    }

    fn tries_to_sync(&mut self) {
        drop(now(self.alice.client.sync(Duration::ZERO)));
    }

    /// The two talk, and nothing was lost on the way.
    fn all_is_well(&mut self, when: &str) {
        for person in [&mut self.alice, &mut self.bob] {
            let told = person.client.events_after(0, 10_000).unwrap();
            let bad = told.iter().find(|told| {
                matches!(
                    &told.event,
                    Event::MessageFailed { .. }
                        | Event::ThisDeviceRevoked
                        | Event::Healed { .. }
                        | Event::Warning {
                            kind: WarningKind::ChangeLost
                                | WarningKind::Join
                                | WarningKind::Unreadable,
                            ..
                        }
                )
            });
            assert!(bad.is_none(), "{when}: {bad:?}");
        }
        let synced = now(self.alice.client.sync(Duration::ZERO)).unwrap();
        assert_eq!(synced.troubles, [], "{when}");
        let sent = self.alice.says(&self.room, "from alice");
        assert_eq!(sent.status, MessageStatus::Sent, "{when}");
        self.bob.syncs();
        let sent = self.bob.says(&self.room, "from bob");
        assert_eq!(sent.status, MessageStatus::Sent, "{when}");
        self.alice.syncs();
        let (ours, theirs) = (self.alice.reads(&self.room), self.bob.reads(&self.room));
        assert_eq!(ours, theirs, "{when}");
        assert!(ours.ends_with(&["from alice".to_owned(), "from bob".to_owned()]));
    }
}

fn intrude(line: &Line, (method, path): (Method, &'static str), passes_on: bool) {
    line.trouble.lock().unwrap().intruder = Some(Intruder {
        method: Some(method),
        path: path.to_owned(),
        passes_on,
        answers: no_verdicts(),
    });
}

/// How many answers are left.
fn left(line: &Line) -> usize {
    let trouble = line.trouble.lock().unwrap();
    trouble.intruder.as_ref().unwrap().answers.len()
}

/// Does something once, and then again and again what brings it to an end, until every answer was
/// given on this endpoint; then once more.
fn beset(
    endpoints: &[(Method, &'static str)],
    prepare: impl Fn() -> Scene,
    begin: impl Fn(&mut Scene),
    go_on: impl Fn(&mut Scene),
    judge: impl Fn(&mut Scene, &str),
) {
    for endpoint in endpoints {
        for passes_on in [false, true] {
            let when = format!("{endpoint:?}, passed on: {passes_on}");
            let mut scene = prepare();
            intrude(&scene.alice.line, *endpoint, passes_on);
            begin(&mut scene);
            for round in 0..100 {
                if left(&scene.alice.line) == 0 {
                    break;
                }
                if round % 3 == 0 {
                    scene.alice.restart();
                }
                // What failed is not tried again at once.
                scene.hub.state().now += 61_000;
                go_on(&mut scene);
            }
            // What has come to the hub is seen to be there, and not asked for again.
            let asked_enough = match left(&scene.alice.line) {
                0 => true,
                left => passes_on && left < no_verdicts().len(),
            };
            assert!(asked_enough, "{when}: the endpoint is not asked any more");
            scene.alice.line.trouble.lock().unwrap().intruder = None;
            scene.alice.restart();
            go_on(&mut scene);
            scene.tries_to_sync();
            judge(&mut scene, &when);
        }
    }
}

#[test]
fn no_message_is_lost_or_doubled() {
    beset(
        &[(Method::Post, "/submitMessage/")],
        Scene::new,
        |scene| {
            let draft = Draft::Text("once".to_owned());
            let sent = now(scene.alice.client.send(&scene.room, draft)).unwrap();
            assert_eq!(sent.status, MessageStatus::Queued);
        },
        |scene| {
            let queued = scene.alice.client.status().unwrap().queued;
            let synced = now(scene.alice.client.sync(Duration::ZERO));
            let is_told = synced.is_err() || synced.is_ok_and(|synced| !synced.troubles.is_empty());
            assert!(is_told || queued == 0 || scene.alice.client.status().unwrap().queued == 0);
        },
        |scene, when| {
            scene.all_is_well(when);
            assert_eq!(scene.bob.reads(&scene.room)[0], "once", "{when}");
            assert_eq!(scene.bob.reads(&scene.room).len(), 3, "{when}");
        },
    );
}

#[test]
fn no_invitation_is_lost_on_its_way_out() {
    let invite = |scene: &mut Scene| {
        drop(now(scene
            .alice
            .client
            .invite(&scene.room, &[user("carol")])));
    };
    beset(
        &[
            (Method::Get, "/device-list"),
            (Method::Post, "/keyMaterial/"),
            (Method::Post, "/update/"),
            (Method::Get, "/log"),
        ],
        Scene::new,
        invite,
        invite,
        |scene, when| {
            scene.all_is_well(when);
            assert_eq!(scene.bob.client.members(&scene.room).unwrap().len(), 3);
        },
    );
}

#[test]
fn no_invitation_is_lost_on_its_way_in() {
    beset(
        &[
            (Method::Get, "/poll"),
            (Method::Get, "/tree/"),
            (Method::Post, "/acks"),
        ],
        || {
            let hub = hub();
            let [alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
            let room = now(bob.client.create_room("Garden", None)).unwrap();
            now(bob.client.invite(&room, &[user("alice")])).unwrap();
            bob.says(&room, "welcome");
            Scene {
                hub,
                alice,
                bob,
                room,
            }
        },
        Scene::tries_to_sync,
        Scene::tries_to_sync,
        |scene, when| {
            assert_eq!(scene.alice.reads(&scene.room), ["welcome"], "{when}");
            scene.all_is_well(when);
        },
    );
}

#[test]
fn no_room_is_lost_that_was_made() {
    beset(
        &[(Method::Post, "/v1/rooms")],
        Scene::new,
        |scene| drop(now(scene.alice.client.create_room("Attic", None))),
        Scene::tries_to_sync,
        |scene, when| {
            scene.room = scene.alice.client.find_room("attic").unwrap();
            now(scene.alice.client.invite(&scene.room, &[user("bob")])).unwrap();
            scene.bob.syncs();
            scene.all_is_well(when);
        },
    );
}

#[test]
fn a_room_that_is_left_is_left_once() {
    beset(
        &[(Method::Post, "/update/")],
        Scene::new,
        |scene| drop(now(scene.alice.client.leave(&scene.room))),
        Scene::tries_to_sync,
        |scene, when| {
            assert_eq!(scene.alice.client.rooms().unwrap()[0].state, "left");
            scene.bob.syncs();
            scene.bob.says(&scene.room, "anybody here?");
            assert_eq!(
                scene.bob.client.members(&scene.room).unwrap().len(),
                1,
                "{when}"
            );
        },
    );
}

/// The next handshake comes to the hub, which takes it, and is answered with that it came too late.
fn is_called_too_late(scene: &Scene) {
    scene.alice.line.trouble.lock().unwrap().intruder = Some(Intruder {
        method: Some(Method::Post),
        path: "/update/".to_owned(),
        passes_on: true,
        answers: [document(409, ProblemType::WrongEpoch)].into(),
    });
}

#[test]
fn a_change_that_is_called_too_late_and_stands_in_the_log_is_made() {
    let mut scene = Scene::new();
    is_called_too_late(&scene);
    now(scene.alice.client.invite(&scene.room, &[user("carol")])).unwrap();
    assert_eq!(scene.alice.client.members(&scene.room).unwrap().len(), 3);
    scene.all_is_well("invited");
    is_called_too_late(&scene);
    now(scene.alice.client.leave(&scene.room)).unwrap();
    assert_eq!(scene.alice.client.rooms().unwrap()[0].state, "left");
}

/// Alice at another device of hers, that is in no room yet.
fn at_a_new_device() -> Scene {
    let mut scene = Scene::new();
    let tablet = add_device(&scene.hub, &mut scene.alice, 9);
    Scene {
        alice: tablet,
        ..scene
    }
}

#[test]
fn a_device_comes_in_by_itself_all_the_same() {
    beset(
        &[
            (Method::Get, "/user-rooms"),
            (Method::Post, "/groupInfo/"),
            (Method::Post, "/update/"),
        ],
        at_a_new_device,
        Scene::tries_to_sync,
        Scene::tries_to_sync,
        |scene, when| {
            let joined = scene.alice.client.rooms().unwrap();
            assert!(joined.iter().all(|room| room.state == "joined"), "{when}");
            scene.bob.syncs();
            scene.all_is_well(when);
        },
    );
}

fn retire_tablet(scene: &mut Scene) {
    let list = newest_list(&scene.hub, &scene.alice);
    let ours = client(&scene.alice);
    let tablet = list.active().find(|device| device.client != ours);
    if let Some(tablet) = tablet {
        drop(now(scene.alice.client.retire_device(&tablet.client)));
    }
}

#[test]
fn a_change_of_the_devices_is_made_all_the_same() {
    beset(
        &[(Method::Put, "/device-list"), (Method::Get, "/device-list")],
        || {
            let mut scene = Scene::new();
            add_device(&scene.hub, &mut scene.alice, 9);
            scene
        },
        |scene| {
            retire_tablet(scene);
        },
        |scene| {
            retire_tablet(scene);
            scene.tries_to_sync();
        },
        |scene, when| {
            let list = newest_list(&scene.hub, &scene.alice);
            let ours = client(&scene.alice);
            let active: Vec<_> = list.active().map(|device| &device.client).collect();
            assert_eq!(active, [&ours], "{when}");
            scene.all_is_well(when);
        },
    );
}

#[test]
fn a_session_that_ended_is_begun_anew_and_the_device_is_not_called_revoked() {
    let without_session = |scene: &mut Scene| {
        scene.hub.state().end_sessions();
        scene.tries_to_sync();
    };
    beset(
        &[(Method::Post, "/challenges"), (Method::Post, "/sessions")],
        Scene::new,
        without_session,
        without_session,
        |scene, when| {
            assert!(!scene.alice.client.is_revoked().unwrap(), "{when}");
            scene.all_is_well(when);
        },
    );
}

#[test]
fn an_account_is_made_with_the_keys_it_was_begun_with() {
    for endpoint in [
        (Method::Get, "/server"),
        (Method::Post, "/accounts"),
        (Method::Post, "/challenges"),
        (Method::Post, "/sessions"),
        (Method::Get, "/key-packages"),
        (Method::Put, "/key-packages"),
    ] {
        for passes_on in [false, true] {
            let when = format!("{endpoint:?}, passed on: {passes_on}");
            let hub = hub();
            let mut bob = Person::register(&hub, "bob");
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("grove.db");
            let line = Line::to(&hub);
            intrude(&line, endpoint, passes_on);
            let mut words: Option<String> = None;
            for round in 0.. {
                assert!(round < 200, "{when}");
                let mut is_over = left(&line) == 0;
                let registration = Registration {
                    user: user("alice"),
                    invite: None,
                };
                let registered = now(Client::register(
                    store(&path),
                    line.clone(),
                    bob.machine(),
                    registration,
                ));
                if let Ok((_, given)) = &registered {
                    let given = given.as_str().to_owned();
                    assert_eq!(words.get_or_insert(given.clone()), &given, "{when}");
                }
                // What has come to the hub is there, and not asked for again.
                is_over |= passes_on && registered.is_ok();
                if is_over {
                    let (mut alice, _) = registered.unwrap();
                    let room = now(bob.client.create_room("Garden", None)).unwrap();
                    let invited = now(bob.client.invite(&room, &[user("alice")])).unwrap();
                    assert_eq!(invited.added, [user("alice")], "{when}");
                    now(bob.client.settle()).unwrap();
                    let synced = now(alice.sync(Duration::ZERO)).unwrap();
                    assert_eq!(synced.troubles, [], "{when}");
                    assert_eq!(alice.find_room("garden").unwrap(), room, "{when}");
                    break;
                }
            }
        }
    }
}
