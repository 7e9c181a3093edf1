//! Handshakes that are refused, each with its reason, and nothing stored; and each with its
//! permitted neighbour.

use grove_mls::room::Role;
use grove_wire::mimi::update::{GroupInfoOption, HandshakeBundle, RatchetTreeOption};
use grove_wire::uri::RoomUri;
use harness::{Answer, Hand, World, plain_mls};
use openmls::messages::proposals::AppDataUpdateProposal;
use openmls::prelude::{ExtensionType, LeafNodeIndex, Proposal};

/// A room of alice, its owner, with two members.
async fn three(world: &World) -> ([Hand; 3], RoomUri) {
    let [mut alice, mut bob, mut carol] = world.hands(["alice", "bob", "carol"]).await;
    let room = alice.make_room().await;
    for user in [bob.user.clone(), carol.user.clone()] {
        alice.add(&room, &user).await;
    }
    bob.join().await;
    carol.join().await;
    for hand in [&mut alice, &mut bob, &mut carol] {
        hand.read(&room).await;
    }
    ([alice, bob, carol], room)
}

fn leaf_of(hand: &Hand, room: &RoomUri, of: &Hand) -> LeafNodeIndex {
    let members = hand.group(room).members().expect("the members");
    let member = members
        .iter()
        .find(|member| member.leaf.client == of.identity.client)
        .expect("a member");
    LeafNodeIndex::new(member.index)
}

#[track_caller]
fn assert_refused(answer: &Answer, reason: &str) {
    assert_eq!(
        (answer.status, answer.problem_name()),
        (422, "commit-refused"),
        "{}",
        answer.text()
    );
    let detail = answer.problem().detail.expect("a reason");
    assert!(
        detail.contains(reason),
        "{detail:?} does not say {reason:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_role_does_not_allow_is_refused_by_hub_and_members() {
    let world = World::new().await;
    let ([alice, bob, carol], room) = three(&world).await;
    let before = world.row_counts().await;
    let own = bob.draft(&room, |group, storage, device| {
        group.remove_users(storage, device, std::slice::from_ref(&carol.user))
    });
    assert!(own.is_err(), "an honest client does not even make it");
    let leaf = leaf_of(&bob, &room, &carol);
    let removal = plain_mls::commit(
        &bob,
        &room,
        &[(carol.user.clone(), Role::None.index())],
        |builder| builder.propose_removals([leaf]),
    );
    let promotion = plain_mls::commit(
        &bob,
        &room,
        &[(bob.user.clone(), Role::Owner.index())],
        |builder| builder,
    );
    for (what, bundle) in [
        ("a member removes another", removal),
        ("a member makes himself owner", promotion),
    ] {
        let answer = bob.hand_in(&room, &bundle).await;
        assert_refused(&answer, "");
        assert!(
            carol.receive(&room, bundle.first()).is_err(),
            "{what}: members refuse it too"
        );
        plain_mls::merge(&carol, &room, bundle.first());
    }
    assert_eq!(world.row_counts().await, before);
    // The control: the owner may.
    let removal = alice.commit(&room, |group, storage, device| {
        group.remove_users(storage, device, std::slice::from_ref(&carol.user))
    });
    alice.hand_in(&room, &removal).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proposals_outside_the_list_are_refused() {
    let world = World::new().await;
    let ([alice, bob, _carol], room) = three(&world).await;
    let before = world.row_counts().await;
    for component in [0x0021_u16, 0x0023, 0x0027, 0x8001, 0x9999] {
        let bundle = plain_mls::commit(&alice, &room, &[], |builder| {
            let update = AppDataUpdateProposal::update(component, vec![1, 2, 3]);
            builder.add_proposal(Proposal::AppDataUpdate(Box::new(update)))
        });
        assert_refused(&alice.hand_in(&room, &bundle).await, "");
        assert!(
            bob.receive(&room, bundle.first()).is_err(),
            "component {component:#06x}"
        );
    }
    let extensions = alice_changes_the_context(&alice, &room);
    assert_refused(&alice.hand_in(&room, &extensions).await, "");
    assert!(bob.receive(&room, extensions.first()).is_err());
    assert_eq!(world.row_counts().await, before);
}

/// The owner strikes the hub's key, with which it signs receipts, from the context.
fn alice_changes_the_context(alice: &Hand, room: &RoomUri) -> HandshakeBundle {
    let without = plain_mls::context_without(alice, room, ExtensionType::ExternalSenders);
    plain_mls::commit(alice, room, &[], |builder| {
        builder
            .propose_group_context_extensions(without)
            .expect("MLS takes it")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_with_a_part_missing_or_another_s_is_refused() {
    let world = World::new().await;
    let ([alice, bob, _carol], room) = three(&world).await;
    let dave = world.hand("dave").await;
    let found = alice.claim_valid(&dave.user, &room).await;
    let roles = [(dave.user.clone(), Role::Member.index())];
    let before = world.row_counts().await;
    let add = alice
        .draft(&room, |group, storage, device| {
            group.add(storage, device, &found, &roles)
        })
        .expect("a commit");
    let update = alice
        .draft(&room, |group, storage, device| {
            group.self_update(storage, device)
        })
        .expect("a commit");
    let HandshakeBundle::Commit {
        commit,
        group_info,
        welcome,
        ..
    } = &add
    else {
        panic!("a commit")
    };
    let HandshakeBundle::Commit {
        group_info: other_info,
        ..
    } = &update
    else {
        panic!("a commit")
    };
    let with = |welcome, group_info: &GroupInfoOption, ratchet_tree| HandshakeBundle::Commit {
        commit: commit.clone(),
        welcome,
        group_info: group_info.clone(),
        ratchet_tree,
    };
    let tree = RatchetTreeOption::DistributionService;
    assert_refused(
        &alice
            .hand_in(&room, &with(None, group_info, tree.clone()))
            .await,
        "Welcome",
    );
    assert_refused(
        &alice
            .hand_in(&room, &with(welcome.clone(), other_info, tree.clone()))
            .await,
        "GroupInfo",
    );
    assert_refused(&bob.hand_in(&room, &add).await, "another client's");
    let elsewhere = RatchetTreeOption::OutOfBand;
    assert_refused(
        &alice
            .hand_in(&room, &with(welcome.clone(), group_info, elsewhere))
            .await,
        "tree",
    );
    assert_eq!(world.row_counts().await, before);
    // The control: whole, and its own.
    alice.hand_in(&room, &add).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_must_take_up_who_is_leaving() {
    let world = World::new().await;
    let ([mut alice, mut bob, mut carol], room) = three(&world).await;
    let leaving = carol
        .draft(&room, |group, storage, device| group.leave(storage, device))
        .expect("proposals");
    carol.hand_in(&room, &leaving).await.ok();
    let again = carol.hand_in(&room, &leaving).await;
    assert_eq!(
        again.status,
        200,
        "the same bytes are the same place: {}",
        again.text()
    );
    let late = carol
        .draft(&room, |group, storage, device| {
            group.self_update(storage, device)
        })
        .expect("a commit");
    assert_eq!(
        carol.hand_in(&room, &late).await.status,
        403,
        "who is leaving makes no commits"
    );
    let message = carol.seal(&room, "one last word");
    assert_eq!(
        carol.submit(&room, &message).await.status,
        403,
        "and says nothing more"
    );

    bob.read(&room).await;
    let before = world.row_counts().await;
    let ignoring = plain_mls::commit(&bob, &room, &[], |builder| {
        builder
            .consume_proposal_store(false)
            .force_self_update(true)
    });
    assert_refused(&bob.hand_in(&room, &ignoring).await, "");
    alice.read(&room).await;
    assert!(
        alice.receive(&room, ignoring.first()).is_err(),
        "members refuse it too"
    );
    assert_eq!(world.row_counts().await, before);
    // The control: a commit that takes it up.
    let taking = bob.commit(&room, |group, storage, device| {
        group.commit_pending(storage, device)
    });
    bob.hand_in(&room, &taking).await.ok();
    carol.read(&room).await;
    assert!(!carol.group(&room).is_active());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_are_the_same_place_in_the_log() {
    let world = World::new().await;
    let ([mut alice, bob, _carol], room) = three(&world).await;
    let message = alice.seal(&room, "once");
    let first = alice.submit(&room, &message).await;
    let again = alice.submit(&room, &message).await;
    assert_eq!((first.seq(), &first.body), (again.seq(), &again.body));
    assert_eq!(first.header("Grove-Receipt"), again.header("Grove-Receipt"));
    // Also when the epoch has moved since, and the bytes could not be accepted any more.
    let update = bob.commit(&room, |group, storage, device| {
        group.self_update(storage, device)
    });
    bob.hand_in(&room, &update).await.ok();
    assert_eq!(alice.submit(&room, &message).await.seq(), first.seq());
    let stale = alice.seal(&room, "too late");
    let refused = alice.submit(&room, &stale).await;
    assert_eq!(
        (refused.status, refused.problem().current_epoch),
        (409, Some(bob.group(&room).epoch() + 1))
    );
    alice.read(&room).await;
    let entries = alice.entries(&room, 0).await;
    let same = entries
        .iter()
        .filter(|(_, entry)| entry.message == message)
        .count();
    assert_eq!(same, 1);
}
