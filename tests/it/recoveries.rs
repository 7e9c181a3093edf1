//! Coming back with the recovery key alone: no device, no session.

use std::time::Duration;

use grove_mls::identity::{
    DEVICE_LIST_VALIDITY_MS, Identity, ListedDevice, RecoveryKey, RecoveryProof, SignedDeviceList,
};
use grove_wire::api::devices::DeviceListBody;
use grove_wire::api::recoveries::{RecoveryLookup, RecoveryRequest};
use grove_wire::api::sessions::Challenge;
use grove_wire::uri::UserUri;
use harness::devices::mark_revoked;
use harness::socket::Socket;
use harness::{Answer, Hand, World};

/// What a recovery key signs to be shown the newest list of a user.
async fn lookup(world: &World, user: &UserUri, key: &RecoveryKey) -> RecoveryLookup {
    let challenge: Challenge = world.api().post("/v1/challenges", *b"").await.ok().json();
    let proof = RecoveryProof {
        domain: world.api().server().await.domain,
        user: user.clone(),
        nonce: challenge.nonce.as_bytes().try_into().expect("32 bytes"),
        expires_at: challenge.expires_at,
    };
    RecoveryLookup {
        user: user.clone(),
        nonce: challenge.nonce,
        expires_at: challenge.expires_at,
        signature: proof.sign(key).to_vec().into(),
    }
}

async fn look_up(world: &World, request: &RecoveryLookup) -> Answer {
    world
        .api()
        .post_json("/v1/recoveries/lookup", request)
        .await
}

async fn recover(world: &World, user: &UserUri, list: &SignedDeviceList) -> Answer {
    let request = RecoveryRequest {
        user: user.clone(),
        device_list: list.as_bytes().to_vec().into(),
    };
    world.api().post_json("/v1/recoveries", &request).await
}

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, name: &str) {
    assert_eq!(
        (answer.status, answer.problem_name()),
        (status, name),
        "{}",
        answer.text()
    );
}

/// A new device of a user who has lost the old ones, and the list by which it comes back.
fn comeback(world: &World, lost: &Hand) -> (Hand, SignedDeviceList) {
    let (user, recovery) = (lost.user.clone(), lost.recovery.clone());
    let mut new = Hand::of_user(world, user, recovery, lost.keys());
    let now = world.clock.now().ms();
    let (list, uik) = lost.renewed_list(|list| {
        mark_revoked(list, &lost.identity.client, now);
        list.devices.push(ListedDevice {
            client: new.identity.client.clone(),
            signature_key: new.identity.key.public(),
            added: now,
            revoked: None,
        });
    });
    new.adopt(list.clone(), uik);
    (new, list)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_comes_back_with_the_recovery_key_alone() {
    let world = World::new().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let mut socket = Socket::open(world.url(), alice.api.token.as_deref())
        .await
        .expect("a socket");

    let request = lookup(&world, &alice.user, &alice.recovery).await;
    let found: DeviceListBody = look_up(&world, &request).await.ok().json();
    assert_eq!(found.device_list.as_bytes(), alice.list.as_bytes());
    let (mut new, list) = comeback(&world, &alice);
    assert_eq!(recover(&world, &alice.user, &list).await.status, 204);
    // The answer may be lost: the same again is the same.
    assert_eq!(recover(&world, &alice.user, &list).await.status, 204);

    // The lost device is out, at once; the new one is in, and in her room.
    while socket.next().await.is_ok() {}
    assert_eq!(alice.api.get("/v1/whoami").await.status, 401);
    let refused = alice.api.session_request(&alice.identity).await;
    let refused = world.api().post_json("/v1/sessions", &refused).await;
    assert_problem(&refused, 401, "unauthenticated");
    let left = "SELECT count(*) FROM key_packages";
    assert_eq!(world.count(left).await, 0);
    new.log_in().await;
    new.upload(3).await;
    new.join_by_itself(&room).await;
    let message = new.seal(&room, "back again");
    new.submit(&room, &message).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_is_shown_the_list() {
    let world = World::new().await;
    let [alice, mallory] = world.hands(["alice", "mallory"]).await;
    let mut refused = Vec::new();
    // Mallory's words for alice, hers for nobody, and hers as heard by another server.
    let request = lookup(&world, &alice.user, &mallory.recovery).await;
    refused.push(look_up(&world, &request).await);
    let request = lookup(&world, &world.address("nobody"), &alice.recovery).await;
    refused.push(look_up(&world, &request).await);
    let elsewhere = UserUri::parse("alice@b.example").expect("a user");
    let request = lookup(&world, &elsewhere, &alice.recovery).await;
    refused.push(look_up(&world, &request).await);
    let mut request = lookup(&world, &mallory.user, &mallory.recovery).await;
    request.user = alice.user.clone();
    refused.push(look_up(&world, &request).await);
    let first = refused[0].problem_without_id();
    for answer in &refused {
        assert_problem(answer, 401, "unauthenticated");
        assert_eq!(
            answer.problem_without_id(),
            first,
            "nothing tells them apart"
        );
    }

    // A challenge is answered once, in time, and with what it said.
    let request = lookup(&world, &alice.user, &alice.recovery).await;
    look_up(&world, &request).await.ok();
    assert_problem(&look_up(&world, &request).await, 401, "unauthenticated");
    let mut later = lookup(&world, &alice.user, &alice.recovery).await;
    later.expires_at += 1;
    assert_problem(&look_up(&world, &later).await, 401, "unauthenticated");
    let late = lookup(&world, &alice.user, &alice.recovery).await;
    world.pass(Duration::from_secs(61));
    assert_problem(&look_up(&world, &late).await, 401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_recovery_key_replaces_a_list_without_a_session() {
    let world = World::new().await;
    let [mut alice, mallory] = world.hands(["alice", "mallory"]).await;
    let before = world.row_counts().await;
    let refuse = async |list: &SignedDeviceList, what: &str| {
        let answer = recover(&world, &alice.user, list).await;
        assert_problem(&answer, 422, "identity-invalid");
        assert_eq!(world.row_counts().await, before, "{what}");
    };
    let same = alice.next_list(|_| {});
    let same = SignedDeviceList::sign(&alice.uik, same).expect("a device list");
    refuse(&same, "the same identity").await;
    refuse(&alice.list, "the list that is there").await;
    // Made with another's words.
    let (identity, uik) = Identity::begin(&mallory.recovery, &alice.user);
    let rival = alice.next_list(|list| list.identity = identity.clone());
    let rival = SignedDeviceList::sign(&uik, rival).expect("a device list");
    refuse(&rival, "words of somebody else").await;
    // A thousand renewals do not make hers of it.
    let renew = |(identity, _)| Identity::renew(&identity, &mallory.recovery, &alice.user);
    let begun = (identity, uik);
    let (identity, uik) = (0..1000).fold(begun, |keys, _| renew(keys).expect("an identity"));
    let rival = alice.next_list(|list| list.identity = identity);
    let rival = SignedDeviceList::sign(&uik, rival).expect("a device list");
    refuse(&rival, "a high generation of somebody else").await;
    // A version that is not the next.
    let (list, _) = alice.renewed_list(|list| list.version += 1);
    refuse(&list, "a version too far").await;
    // Stale from the beginning.
    let now = world.clock.now().ms();
    let (list, _) = alice.renewed_list(|list| list.not_after = now - 1);
    refuse(&list, "stale").await;

    let (_new, good) = comeback(&world, &alice);
    let answer = recover(&world, &mallory.user, &good).await;
    assert_problem(&answer, 403, "not-allowed");
    assert_eq!(world.row_counts().await, before);
    // The control: in her own name. From then on the words' list is the one to continue.
    assert_eq!(recover(&world, &alice.user, &good).await.status, 204);
    let late = alice.next_list(|list| list.not_after += DEVICE_LIST_VALIDITY_MS);
    let late = SignedDeviceList::sign(&alice.uik, late).expect("a device list");
    assert_eq!(alice.put_list(late).await.status, 401);
}
