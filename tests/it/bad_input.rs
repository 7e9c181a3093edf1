//! What bad input gets: each request below is refused in its own words, and leaves no trace in the
//! database.

use std::fmt::Write as _;

use grove_core::{Body, Method};
use grove_wire::api::key_packages::UploadKeyPackages;
use grove_wire::codec;
use grove_wire::mls::MlsMessage;
use grove_wire::uri::{RoomUri, UserUri};
use harness::api::{about, claim_path, log_path};
use harness::entries::{SAFE_AAD_AT, body_around, not_minimal, private_message, submit_body};
use harness::hand::SUITE;
use harness::{Answer, Hand, World};

struct Case {
    what: &'static str,
    answer: Answer,
    status: u16,
    problem: &'static str,
}

fn case(what: &'static str, answer: Answer, status: u16, problem: &'static str) -> Case {
    Case {
        what,
        answer,
        status,
        problem,
    }
}

async fn messages(alice: &mut Hand, room: &RoomUri, others: &UserUri) -> Vec<Case> {
    let path = about("submitMessage", room);
    let sealed = alice.seal(room, "a good one");
    let good = submit_body(&sealed, &alice.user);
    let epoch = alice.group(room).epoch();
    let mut trailing = good.clone();
    trailing.push(0);
    let mut truncated = good.clone();
    truncated.truncate(truncated.len() - 1);
    let key_package = alice
        .key_package(grove_mls::key_package::LastResort::No)
        .message;
    let update = alice
        .draft(room, |group, storage, device| {
            group.self_update(storage, device)
        })
        .expect("a commit");
    let elsewhere = RoomUri::new(&alice.user.provider(), &[9; 32]);
    let other_group =
        MlsMessage::from_bytes(private_message(&elsewhere, epoch, 1, 100)).expect("a message");
    let mut other_data = private_message(room, epoch, 1, 100);
    other_data[SAFE_AAD_AT] = 7;
    let api = alice.api.clone();
    let post = |body: Vec<u8>| {
        let (api, path) = (api.clone(), path.clone());
        async move { api.post(&path, body).await }
    };
    vec![
        case("nothing", post(Vec::new()).await, 400, "not-mls"),
        case("noise", post(vec![0xff; 40]).await, 400, "not-mls"),
        case(
            "plaintext",
            post(b"hello bob, this is alice".to_vec()).await,
            400,
            "not-mls",
        ),
        case(
            "plaintext as the message",
            post(body_around(b"hello bob", &alice.user)).await,
            400,
            "not-mls",
        ),
        case("a byte too many", post(trailing).await, 400, "not-mls"),
        case("a byte too few", post(truncated).await, 400, "not-mls"),
        case(
            "a length in more bytes than it needs",
            post(not_minimal(&good, &alice.user)).await,
            400,
            "not-mls",
        ),
        case(
            "another version",
            post(body_around(&[0, 9, 0, 2, 0], &alice.user)).await,
            400,
            "not-mls",
        ),
        case(
            "a KeyPackage",
            post(submit_body(&key_package, &alice.user)).await,
            400,
            "not-mls",
        ),
        case(
            "a commit",
            post(submit_body(update.first(), &alice.user)).await,
            400,
            "not-mls",
        ),
        case(
            "a sealed commit",
            post(body_around(
                &private_message(room, epoch, 3, 100),
                &alice.user,
            ))
            .await,
            400,
            "not-mls",
        ),
        case(
            "authenticated data that no member takes",
            post(body_around(&other_data, &alice.user)).await,
            400,
            "not-mls",
        ),
        case(
            "another group's",
            post(submit_body(&other_group, &alice.user)).await,
            400,
            "not-mls",
        ),
        case(
            "somebody else's",
            post(submit_body(&sealed, others)).await,
            403,
            "not-allowed",
        ),
        case(
            "an epoch that is over",
            post(body_around(
                &private_message(room, epoch - 1, 1, 100),
                &alice.user,
            ))
            .await,
            409,
            "wrong-epoch",
        ),
        case(
            "an epoch to come",
            post(body_around(
                &private_message(room, epoch + 1, 1, 100),
                &alice.user,
            ))
            .await,
            409,
            "wrong-epoch",
        ),
        case(
            "a message that is too large",
            post(body_around(
                &private_message(room, epoch, 1, 65_536),
                &alice.user,
            ))
            .await,
            413,
            "too-large",
        ),
        case(
            "a body that is too large",
            post(vec![0; 70_000]).await,
            413,
            "too-large",
        ),
    ]
}

async fn other_bodies(alice: &mut Hand, room: &RoomUri, foreign: &Hand) -> Vec<Case> {
    let api = alice.api.clone();
    let update = about("update", room);
    let upper_case = room.path_segment().to_uppercase();
    let whole_uri = room.as_str().replace(':', "%3A").replace('/', "%2F");
    let message = alice.seal(room, "no handshake").into_bytes();
    let commit = alice
        .draft(room, |group, storage, device| {
            group.self_update(storage, device)
        })
        .expect("a commit");
    let mut trailing =
        codec::encode(&grove_wire::mimi::update::UpdateRequest { bundle: commit }).expect("a body");
    trailing.push(0);
    let (taken, request) = alice.prepare_room().await;
    let creation = codec::encode(&request).expect("a body");
    let small = UploadKeyPackages {
        cipher_suite: SUITE.code(),
        key_packages: vec![vec![1, 2, 3].into()],
        last_resort: None,
    };
    let many = UploadKeyPackages {
        cipher_suite: SUITE.code(),
        key_packages: vec![vec![1].into(); 101],
        last_resort: None,
    };
    let last_resort = alice
        .key_package(grove_mls::key_package::LastResort::Yes)
        .message
        .into_bytes();
    let json = |body: &str| Body::Json(body.as_bytes().to_vec());
    vec![
        case(
            "update: noise",
            api.post(&update, vec![0xff; 40]).await,
            400,
            "not-mls",
        ),
        case(
            "update: an application message",
            api.post(&update, message).await,
            400,
            "not-mls",
        ),
        case(
            "update: a byte too many",
            api.post(&update, trailing).await,
            400,
            "not-mls",
        ),
        case(
            "update: too large",
            api.post(&update, vec![0; (8 << 20) + 1]).await,
            413,
            "too-large",
        ),
        case(
            "rooms: noise",
            api.post("/v1/rooms", vec![0xff; 40]).await,
            400,
            "malformed",
        ),
        case(
            "rooms: another's",
            foreign.api.post("/v1/rooms", creation).await,
            422,
            "commit-refused",
        ),
        case(
            "groupInfo: noise",
            api.post(&about("groupInfo", room), vec![3; 9]).await,
            400,
            "malformed",
        ),
        case(
            "keyMaterial: noise",
            api.post(&claim_path(&foreign.user), vec![3; 9]).await,
            400,
            "malformed",
        ),
        case(
            "acks: noise",
            api.post("/v1/acks", vec![9, 9]).await,
            400,
            "malformed",
        ),
        case(
            "key-packages: no JSON",
            api.call(Method::Put, "/v1/key-packages", json("{")).await,
            400,
            "malformed",
        ),
        case(
            "key-packages: an unknown field",
            api.call(
                Method::Put,
                "/v1/key-packages",
                json(r#"{"cipher_suite":1,"key_packages":[],"more":1}"#),
            )
            .await,
            400,
            "malformed",
        ),
        case(
            "key-packages: no KeyPackage",
            api.put_json("/v1/key-packages", &small).await,
            422,
            "key-package-invalid",
        ),
        case(
            "key-packages: too many",
            api.put_json("/v1/key-packages", &many).await,
            413,
            "too-large",
        ),
        case(
            "key-packages: a last resort among the others",
            alice.upload_bytes(vec![last_resort], None).await,
            422,
            "key-package-invalid",
        ),
        case(
            "key-packages: too large",
            api.call(
                Method::Put,
                "/v1/key-packages",
                Body::Json(vec![b' '; (1 << 20) + 1]),
            )
            .await,
            413,
            "too-large",
        ),
        case(
            "device-list: noise",
            api.call(
                Method::Put,
                "/v1/device-list",
                json(r#"{"device_list":"AAAA"}"#),
            )
            .await,
            422,
            "identity-invalid",
        ),
        case(
            "accounts: no JSON",
            api.call(Method::Post, "/v1/accounts", json("[]")).await,
            400,
            "malformed",
        ),
        case(
            "a path that is none",
            api.get("/v1/nothing").await,
            404,
            "no-such-path",
        ),
        case(
            "a method that is none",
            api.get(&update).await,
            405,
            "method-not-allowed",
        ),
        case(
            "a room that is no URI",
            api.post("/v1/update/garden", vec![1]).await,
            404,
            "no-such-path",
        ),
        case(
            "a room in another spelling",
            api.get(&format!("/v1/rooms/{upper_case}/log")).await,
            404,
            "no-such-path",
        ),
        case(
            "a room as a whole URI",
            api.get(&format!("/v1/rooms/{whole_uri}/log")).await,
            404,
            "no-such-path",
        ),
        case(
            "a user as a whole URI",
            api.get("/v1/users/mimi%3A%2F%2Fa.example%2Fu%2Falice/device-list")
                .await,
            404,
            "no-such-path",
        ),
        case(
            "a page after a whole URI",
            api.get(&format!("/v1/user-rooms?after={whole_uri}")).await,
            400,
            "malformed",
        ),
        case(
            "a query that is none",
            api.get("/v1/poll?wait_s=soon").await,
            400,
            "malformed",
        ),
        case(
            "a room that was not made",
            api.get(&log_path(&taken, 0)).await,
            404,
            "not-found",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_refused_in_its_own_words_and_leaves_no_trace() {
    let world = World::new().await;
    let [mut alice, bob] = world.hands(["alice", "bob"]).await;
    let room = alice.make_room().await;
    alice.add(&room, &bob.user).await;
    let before = world.row_counts().await;
    let mut cases = messages(&mut alice, &room, &bob.user).await;
    cases.extend(other_bodies(&mut alice, &room, &bob).await);
    assert_eq!(world.row_counts().await, before, "something was stored");

    let mut bodies = String::new();
    for Case {
        what,
        answer,
        status,
        problem,
    } in &cases
    {
        assert_eq!(
            (answer.status, answer.problem_name()),
            (*status, *problem),
            "{what}: {}",
            answer.text()
        );
        writeln!(bodies, "{what}\n    {}", answer.problem_without_id()).expect("memory");
    }
    let epoch = alice.group(&room).epoch();
    for late in cases.iter().filter(|case| case.problem == "wrong-epoch") {
        assert_eq!(
            late.answer.problem().current_epoch,
            Some(epoch),
            "{}",
            late.what
        );
    }
    insta::assert_snapshot!("problems", bodies);

    // The control: the same door takes what is good.
    let good = alice.seal(&room, "a good one");
    alice.submit(&room, &good).await.ok();
}
