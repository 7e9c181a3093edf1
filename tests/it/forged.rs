//! The second alice: devices that their user never signed, at every door of the server.

use grove_mls::identity::{DeviceCredential, DeviceKey, Identity, RecoveryKey, UserIdentityKey};
use grove_mls::key_package::LastResort;
use grove_mls::room::Role;
use grove_wire::uri::{ClientUri, UserUri};
use harness::World;
use harness::entries::random;
use harness::plain_mls::{self, Claim};
use harness::records::Map;

/// A leaf that says to be a device of `user`, signed under this identity.
fn second(user: &UserUri, (identity, uik): &(Identity, UserIdentityKey)) -> Claim {
    let (client, key) = (
        ClientUri::new(user, random()),
        DeviceKey::from_seed(random()),
    );
    let credential =
        DeviceCredential::issue(uik, identity, &client, &key.public(), 1, u64::MAX / 2);
    Claim {
        client,
        key,
        credential: Some(credential.to_bytes()),
    }
}

/// An identity that anybody can make up for a user.
fn made_up(user: &UserUri) -> (Identity, UserIdentityKey) {
    Identity::begin(&RecoveryKey::from_seed(random()), user)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_packages_nobody_signed_are_not_taken() {
    let world = World::new().await;
    let [alice, mallory] = world.hands(["alice", "mallory"]).await;
    let (rival, rival_key) = made_up(&mallory.user);
    let own = |credential| Claim {
        client: mallory.identity.client.clone(),
        key: mallory.identity.key.clone(),
        credential,
    };
    let foreign_signer = DeviceCredential::issue(
        &rival_key,
        &rival,
        &mallory.identity.client,
        &mallory.identity.key.public(),
        1,
        u64::MAX / 2,
    );
    let other_key = DeviceCredential::issue(
        &mallory.uik,
        &mallory.list.list().identity,
        &mallory.identity.client,
        &alice.identity.key.public(),
        1,
        u64::MAX / 2,
    );
    let before = world.row_counts().await;
    for (what, claim) in [
        (
            "a second alice, signed by mallory",
            second(&alice.user, &mallory.keys()),
        ),
        (
            "a second alice, of a made-up identity",
            second(&alice.user, &made_up(&alice.user)),
        ),
        (
            "another device of mallory, in no list",
            second(&mallory.user, &mallory.keys()),
        ),
        ("no device credential", own(None)),
        ("a device credential that is none", own(Some(vec![1, 2, 3]))),
        (
            "another identity than the list's",
            own(Some(foreign_signer.to_bytes())),
        ),
        (
            "a credential for another key",
            own(Some(other_key.to_bytes())),
        ),
    ] {
        let bytes = plain_mls::upload_form(&claim.key_package(&Map::default()));
        let answer = mallory.upload_bytes(vec![bytes], None).await;
        assert_eq!(answer.status, 422, "{what}: {}", answer.text());
        assert_eq!(answer.problem_name(), "key-package-invalid", "{what}");
        assert!(
            answer.problem().detail.is_some(),
            "{what}: the reason is told"
        );
    }
    assert_eq!(world.row_counts().await, before, "nothing was stored");
    // The control: the same way with the true credential is open.
    let own = own(Some(mallory.identity.credential.to_bytes()));
    let bytes = plain_mls::upload_form(&own.key_package(&mallory.records));
    mallory.upload_bytes(vec![bytes], None).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_alice_is_not_brought_into_a_room() {
    let world = World::new().await;
    let [mut alice, mut mallory, mut bob] = world.hands(["alice", "mallory", "bob"]).await;
    let room = alice.make_room().await;
    for user in [mallory.user.clone(), bob.user.clone()] {
        alice.add(&room, &user).await;
    }
    mallory.join().await;
    bob.join().await;
    mallory.read(&room).await;
    bob.read(&room).await;
    let before = world.row_counts().await;

    // Mallory is a member, and makes up a device of alice, whom everybody knows.
    let forged = second(&alice.user, &made_up(&alice.user)).key_package(&Map::default());
    let records = mallory.records.clone();
    let bundle = plain_mls::commit(&mallory, &room, &[], |builder| {
        builder.propose_adds([forged])
    });
    let answer = mallory.hand_in(&room, &bundle).await;
    assert_eq!(
        (answer.status, answer.problem_name()),
        (422, "commit-refused"),
        "{}",
        answer.text()
    );
    let reason = answer.problem().detail.expect("a reason");
    assert_eq!(world.row_counts().await, before);

    // Members refuse it as well, should a hub let it pass.
    let refused = bob.receive(&room, bundle.first());
    assert!(refused.is_err(), "{reason}");
    // The control: MLS alone merges it, and the second alice is in.
    let members = bob.group(&room).members().expect("the members").len();
    assert_eq!(plain_mls::merge(&bob, &room, bundle.first()), members + 1);

    // A device without any credential fares no better.
    mallory.records = records.clone();
    let mut bare = second(&alice.user, &made_up(&alice.user));
    bare.credential = None;
    let forged = bare.key_package(&Map::default());
    let bundle = plain_mls::commit(&mallory, &room, &[], |builder| {
        builder.propose_adds([forged])
    });
    let answer = mallory.hand_in(&room, &bundle).await;
    assert_eq!(
        (answer.status, answer.problem_name()),
        (422, "commit-refused"),
        "{}",
        answer.text()
    );
    assert!(bob.receive(&room, bundle.first()).is_err());
    assert_eq!(plain_mls::merge(&bob, &room, bundle.first()), members + 1);

    // A true device, which was not asked for, is refused too: its owner would never hear of it.
    mallory.records = records;
    let carol = world.hand("carol").await;
    let unclaimed = carol
        .key_package(LastResort::No)
        .message
        .key_package()
        .expect("a KeyPackage");
    let unclaimed = plain_mls::accept(&unclaimed);
    let roles = [(carol.user.clone(), Role::Member.index())];
    let bundle = plain_mls::commit(&mallory, &room, &roles, |builder| {
        builder.propose_adds([unclaimed])
    });
    let answer = mallory.hand_in(&room, &bundle).await;
    assert_eq!(
        (answer.status, answer.problem_name()),
        (422, "leaf-outdated"),
        "{}",
        answer.text()
    );
}
