//! Who may register, and whose sessions are good.

use std::time::Duration;

use grove_cli::transport::HttpTransport;
use grove_core::RegisterError;
use grove_mls::identity::{Identity, RecoveryKey};
use grove_wire::api::accounts::Whoami;
use harness::{Answer, Hand, Setup, User, World};

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, name: &str) {
    assert_eq!(
        (answer.status, answer.problem_name()),
        (status, name),
        "{}",
        answer.text()
    );
}

async fn invite(world: &World, arguments: &[&str]) -> String {
    let mut all = vec!["invites", "create"];
    all.extend(arguments);
    let made = world.process().admin(&all).await.ok();
    made.lines().next().expect("a token").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registration_is_closed_by_default() {
    // What the world opens is what a configuration without the key has not.
    let world = Setup::default()
        .set("server.registration=invite")
        .start()
        .await;
    let before = world.row_counts().await;
    let stranger = Hand::new(&world, "stranger");
    assert_problem(&stranger.present(None).await, 403, "registration-refused");
    assert_problem(
        &stranger.present(Some("guessed")).await,
        403,
        "registration-refused",
    );
    let refused = User::try_register(&world, "stranger", None).await;
    assert!(matches!(refused, Err(RegisterError::Call(_))));
    assert_eq!(world.row_counts().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_is_good_for_its_uses_and_its_time() {
    let world = Setup::default()
        .process()
        .set("server.registration=invite")
        .start()
        .await;
    let token = invite(&world, &["--uses", "2"]).await;
    let alice = User::try_register(&world, "alice", Some(&token))
        .await
        .expect("the first use");
    let _bob = User::try_register(&world, "bob", Some(&token))
        .await
        .expect("the second use");
    let carol = Hand::new(&world, "carol");
    assert_problem(
        &carol.present(Some(&token)).await,
        403,
        "registration-refused",
    );

    let revoked = invite(&world, &[]).await;
    let list = world
        .process()
        .admin(&["invites", "list", "--json"])
        .await
        .json();
    let number = list["invites"][0]["invite"]
        .as_i64()
        .expect("a number")
        .to_string();
    world
        .process()
        .admin(&["invites", "revoke", &number])
        .await
        .ok();
    assert_problem(
        &carol.present(Some(&revoked)).await,
        403,
        "registration-refused",
    );

    // A name that is taken uses nothing up; the same request again is the same account.
    let third = invite(&world, &[]).await;
    let other_alice = Hand::new(&world, "alice");
    assert_problem(&other_alice.present(Some(&third)).await, 409, "conflict");
    carol.present(Some(&third)).await.ok();
    carol.present(Some(&third)).await.ok();
    let dave = Hand::new(&world, "dave");
    assert_problem(
        &dave.present(Some(&third)).await,
        403,
        "registration-refused",
    );

    let users = world
        .process()
        .admin(&["users", "list", "--json"])
        .await
        .json();
    assert_eq!(users["users"].as_array().expect("users").len(), 3);
    world
        .process()
        .admin(&["users", "disable", "alice"])
        .await
        .ok();
    assert_problem(&alice.api().get("/v1/whoami").await, 401, "unauthenticated");
    let missing = world.process().admin(&["users", "disable", "nobody"]).await;
    assert_eq!(missing.code, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_expires() {
    let world = Setup::default()
        .set("server.registration=invite")
        .start()
        .await;
    // The server runs in this process, so that its clock can be moved; its operator's door is open
    // all the same.
    let mut command = tokio::process::Command::new(harness::program::groved());
    command
        .args([
            "admin",
            "invites",
            "create",
            "--uses",
            "2",
            "--expires-in",
            "2days",
            "--data-dir",
        ])
        .arg(world.data_dir());
    let token = harness::program::run(command, "")
        .await
        .ok()
        .lines()
        .next()
        .expect("a token")
        .to_owned();
    let alice = Hand::new(&world, "alice");
    alice.present(Some(&token)).await.ok();
    world.pass(Duration::from_secs(2 * 24 * 60 * 60));
    let bob = Hand::new(&world, "bob");
    assert_problem(
        &bob.present(Some(&token)).await,
        403,
        "registration-refused",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_registers_what_is_not_theirs() {
    let world = World::new().await;
    let _alice = world.hand("alice").await;
    let before = world.row_counts().await;
    let second_alice = Hand::new(&world, "alice");
    assert_problem(&second_alice.present(None).await, 409, "conflict");
    let mut elsewhere = Hand::new(&world, "bob");
    elsewhere.user = grove_wire::uri::UserUri::parse("bob@b.example").expect("a user");
    assert_problem(&elsewhere.present(None).await, 403, "registration-refused");
    let mut confused = Hand::new(&world, "carol");
    confused.user = world.address("dave");
    assert_problem(&confused.present(None).await, 422, "identity-invalid");
    assert_eq!(world.row_counts().await, before);
    let stale = Hand::new(&world, "erin");
    world.pass(Duration::from_secs(400 * 24 * 60 * 60));
    assert_problem(&stale.present(None).await, 422, "identity-invalid");
    assert_eq!(world.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_begin_with_a_proof_and_end() {
    let world = Setup::default()
        .set("limits.session_lifetime=\"2 days\"")
        .start()
        .await;
    let [alice, mallory] = world.hands(["alice", "mallory"]).await;
    let whoami: Whoami = alice.api.get("/v1/whoami").await.ok().json();
    assert_eq!(
        (whoami.user, whoami.client),
        (alice.user.clone(), alice.identity.client.clone())
    );

    // Another's device, another's signature, an answer used twice, a challenge that is too old.
    let mut stolen = mallory.api.session_request(&mallory.identity).await;
    stolen.client = alice.identity.client.clone();
    assert_problem(
        &world.api().post_json("/v1/sessions", &stolen).await,
        401,
        "unauthenticated",
    );
    let once = alice.api.session_request(&alice.identity).await;
    world.api().post_json("/v1/sessions", &once).await.ok();
    assert_problem(
        &world.api().post_json("/v1/sessions", &once).await,
        401,
        "unauthenticated",
    );
    let old = alice.api.session_request(&alice.identity).await;
    world.pass(Duration::from_secs(61));
    assert_problem(
        &world.api().post_json("/v1/sessions", &old).await,
        401,
        "unauthenticated",
    );

    for token in [None, Some("no such token"), Some("")] {
        let api = world.api().with_token(token);
        for path in [
            "/v1/whoami",
            "/v1/rooms",
            "/v1/key-packages",
            "/v1/poll?wait_s=0",
        ] {
            assert_problem(&api.get(path).await, 401, "unauthenticated");
        }
    }
    assert_eq!(alice.api.get("/v1/whoami").await.status, 200);
    world.pass(Duration::from_secs(2 * 24 * 60 * 60));
    assert_problem(&alice.api.get("/v1/whoami").await, 401, "unauthenticated");
    assert_eq!(
        alice.api.get("/v1/whoami").await.header("www-authenticate"),
        Some("Bearer")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_session_is_renewed_without_anybody_noticing() {
    let world = Setup::default()
        .set("limits.session_lifetime=\"1 day\"")
        .start()
        .await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    world.pass(Duration::from_secs(2 * 24 * 60 * 60));
    alice.say(&room, "still here").await;
    bob.hears(&room, "still here").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_refuses_a_server_of_another_domain() {
    let world = World::new().await;
    let transport =
        HttpTransport::new(world.url().parse().expect("a URL"), None).expect("a transport");
    let store = grove_sqlite::SqliteStore::open(
        &world.home("eve").join("grove.db"),
        &grove_sqlite::Key::Raw(zeroize::Zeroizing::new([1; 32])),
    )
    .expect("a database");
    let user = grove_wire::uri::UserUri::parse("eve@b.example").expect("a user");
    let registration = grove_core::Registration { user, invite: None };
    let surroundings = harness::user::Surroundings::new(world.clock.clone());
    let refused = grove_core::Client::register(store, transport, surroundings, registration).await;
    assert!(matches!(refused, Err(RegisterError::WrongServer(_))));
    assert_eq!(world.count("SELECT count(*) FROM users").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_begins_with_its_first_identity() {
    let world = World::new().await;
    let user = world.address("alice");
    let words = || RecoveryKey::from_seed([7; 32]);
    let first = Identity::begin(&words(), &user);
    let second = first.0.renew(&words(), &user).expect("the next");
    let later = Hand::of_user(&world, user.clone(), words(), second);
    assert_problem(&later.present(None).await, 422, "identity-invalid");
    let control = Hand::of_user(&world, user, words(), first);
    control.present(None).await.ok();
}
