//! What a device list lets in: leaves into groups, and KeyPackages onto the server.

use grove_mls::identity::SignedDeviceList;
use grove_mls::key_package::LastResort;
use grove_mls::room::Role;
use grove_wire::api::key_packages::KeyPackageCounts;
use grove_wire::codec;
use grove_wire::mimi::key_material::{ClientKeyMaterial, KeyMaterialResponse};
use harness::hand::Map;
use harness::{Answer, Hand, World};

use super::assert_problem;

#[track_caller]
fn assert_refused(answer: &Answer, reason: &str) {
    assert_problem(answer, 422, "leaf-outdated");
    assert!(answer.problem().client.is_some(), "it names the device");
    let detail = answer.problem().detail.expect("a reason");
    assert!(
        detail.contains(reason),
        "{detail:?} does not say {reason:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_is_not_brought_into_a_group_by_others() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.hands(["alice", "bob"]).await;
    let phone = alice.sibling(&world, 3).await;
    let stolen = alice.sibling(&world, 3).await;
    let room = bob.make_room().await;
    let found = bob.claim_valid(&alice.user, &room).await;
    assert_eq!(found.len(), 3);
    let role = vec![(alice.user.clone(), Role::Member.index())];
    let all = bob.draft(&room, |group, storage, device| {
        group.add(storage, device, &found, &role)
    });
    alice.revoke(&stolen.identity.client).await.ok();
    let before = world.row_counts().await;
    assert_refused(&bob.hand_in(&room, &all.expect("a commit")).await, "");
    assert_eq!(world.row_counts().await, before);
    // The control: without her.
    let found = bob.claim_valid(&alice.user, &room).await;
    let clients: Vec<_> = found.iter().map(|one| one.leaf.client.clone()).collect();
    assert!(clients.contains(&phone.identity.client) && clients.len() == 2);
    let two = bob.commit(&room, |group, storage, device| {
        group.add(storage, device, &found, &role)
    });
    bob.hand_in(&room, &two).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaf_of_an_older_identity_enters_no_group() {
    const REASON: &str = "not of its user's newest identity";
    let world = World::new().await;
    let [mut alice, mut bob] = world.hands(["alice", "bob"]).await;
    let mut phone = alice.sibling(&world, 3).await;
    let mut tablet = alice.sibling(&world, 3).await;
    let room = alice.make_room().await;
    // The controls, before the identity is renewed: joining, updating, making a room.
    phone.join_by_itself(&room).await;
    let update = phone.commit(&room, |group, storage, device| {
        group.self_update(storage, device)
    });
    phone.hand_in(&room, &update).await.ok();
    phone.read(&room).await;
    phone.make_room().await;

    let update = phone.draft(&room, |group, storage, device| {
        group.self_update(storage, device)
    });
    let external = tablet.external(&room).await;
    let prepared = phone.prepare_room().await.1;
    let bobs = bob.make_room().await;
    let found = bob.claim_valid(&alice.user, &bobs).await;
    let role = vec![(alice.user.clone(), Role::Member.index())];
    let adding = bob.draft(&bobs, |group, storage, device| {
        group.add(storage, device, &found, &role)
    });
    alice.renew().await;
    let before = world.row_counts().await;
    let update = phone.hand_in(&room, &update.expect("a commit")).await;
    let external = tablet.hand_in(&room, &external).await;
    let adding = bob.hand_in(&bobs, &adding.expect("a commit")).await;
    let prepared = codec::encode(&prepared).expect("a body");
    let making = phone.api.post("/v1/rooms", prepared).await;
    for answer in [&update, &external, &adding, &making] {
        assert_refused(answer, REASON);
    }
    assert_eq!(world.row_counts().await, before);
    // A message is no leaf: who has not heard yet goes on talking.
    let message = phone.seal(&room, "what happened?");
    phone.submit(&room, &message).await.ok();

    // The controls: of the new identity.
    alice.read(&room).await;
    let update = alice.commit(&room, |group, storage, device| {
        group.self_update(storage, device)
    });
    alice.hand_in(&room, &update).await.ok();
    tablet.adopt(alice.list.clone(), alice.uik.clone());
    // Of the group it joined by a refused commit nothing may be left.
    tablet.records = Map::default();
    tablet.join_by_itself(&room).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_packages_go_with_the_identity_they_are_signed_under() {
    let world = World::new().await;
    let mut alice = world.hand("alice").await;
    let mut phone = alice.sibling(&world, 5).await;
    let bob = world.hand("bob").await;
    let of = async |hand: &Hand| -> u32 {
        let counts: KeyPackageCounts = hand.api.get("/v1/key-packages").await.ok().json();
        counts.counts.iter().map(|count| count.available).sum()
    };
    // Another list of the same identity changes nothing.
    let same = alice.next_list(|_| {});
    let same = SignedDeviceList::sign(&alice.uik, same);
    alice.put_list(same.expect("a device list")).await.ok();
    assert_eq!((of(&alice).await, of(&phone).await), (10, 5));

    let stale = phone.key_package(LastResort::No);
    alice.renew().await;
    assert_eq!((of(&alice).await, of(&phone).await), (0, 0));
    assert_eq!(of(&bob).await, 10);
    let refused = phone
        .upload_bytes(vec![stale.message.into_bytes()], None)
        .await;
    assert_problem(&refused, 422, "key-package-invalid");
    // The control: signed under the new key.
    phone.adopt(alice.list.clone(), alice.uik.clone());
    phone.upload(2).await;
    assert_eq!(of(&phone).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_package_slips_in_while_the_identity_changes() {
    let world = World::new().await;
    for round in 0..6 {
        let mut alice = Hand::register(&world, &format!("alice{round}"), 0).await;
        let phone = alice.sibling(&world, 0).await;
        let uploads = (0..6).map(|_| {
            let made = phone.key_package(LastResort::No);
            phone.upload_bytes(vec![made.message.into_bytes()], None)
        });
        let uploads = futures_util::future::join_all(uploads);
        let (answers, ()) = tokio::join!(uploads, alice.renew());
        for answer in answers {
            assert!(
                [200, 409, 422].contains(&answer.status),
                "{}",
                answer.text()
            );
        }
        assert_eq!(world.count("SELECT count(*) FROM key_packages").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_asks_for_its_users_other_devices() {
    let world = World::new().await;
    let mut alice = world.hand("alice").await;
    let mut phone = alice.sibling(&world, 3).await;
    let room = alice.make_room().await;
    let answer = alice.ask_key_packages(&alice.user, &room).await.ok();
    let response: KeyMaterialResponse = codec::decode(&answer.body).expect("a response");
    let [ClientKeyMaterial::Success { client_uri, .. }] = &response.clients[..] else {
        panic!("one device: {response:?}")
    };
    assert_eq!(client_uri.as_str(), phone.identity.client.as_str());
    let found = alice.claim_valid(&alice.user, &room).await;
    let bundle = alice.commit(&room, |group, storage, device| {
        group.add(storage, device, &found, &[])
    });
    alice.hand_in(&room, &bundle).await.ok();
    assert_eq!(phone.join().await, room);
}
