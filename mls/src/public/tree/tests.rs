//! A tree that no commit led to, as somebody is shown it who meets the room for the first time.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::room::LeafFacts;
use crate::room::testing::{Person, Scene};
use crate::room::validation::IdentityViolation;

fn room_of(olga: &Person, mia: &Person) -> Scene {
    Scene::of(&[(olga, Role::Owner), (mia, Role::Member)])
}

/// The room with so many more of a person's leaves.
fn crowd(scene: Scene, person: &Person, more: u8) -> Scene {
    (10..10 + more).fold(scene, |scene, device| scene.with_leaf(person.leaf(device)))
}

fn judge(scene: &Scene) -> Result<usize, PolicyViolation> {
    check(&scene.state, &scene.commit.leaves).map(|valid| valid.len())
}

#[test]
fn a_tree_that_commits_could_have_led_to_is_taken() {
    let (olga, mia) = (Person::new("olga", 1), Person::new("mia", 2));
    let room = || room_of(&olga, &mia);
    let newer = mia.rotated(1);
    assert_eq!(judge(&room()), Ok(2));
    assert_eq!(judge(&crowd(room(), &mia, 31)), Ok(33));
    // Who is left behind does not take the places of those who follow.
    assert_eq!(
        judge(&crowd(room(), &mia, 31).with_leaf(newer.leaf(99))),
        Ok(34)
    );
    let laggards = crowd(room(), &newer, 32);
    assert_eq!(judge(&laggards), Ok(34), "32 beside the first, which lags");
}

#[test]
fn a_tree_that_no_commit_leads_to_is_refused() {
    let (olga, mia, eve) = (
        Person::new("olga", 1),
        Person::new("mia", 2),
        Person::new("eve", 3),
    );
    let room = || room_of(&olga, &mia);
    let banned = Scene::of(&[(&olga, Role::Owner), (&eve, Role::Banned)]);
    let unsigned = LeafFacts {
        device_credential: None,
        ..mia.leaf(2)
    };
    let crowded = PolicyViolation::TooManyClients(mia.user.clone());
    let differ = PolicyViolation::IdentitiesDiffer(mia.user.clone());
    let newer = mia.rotated(1);
    for (what, reason, scene) in [
        ("33 of one user", crowded.clone(), crowd(room(), &mia, 32)),
        (
            "33 of the newest identity",
            crowded,
            crowd(room(), &newer, 33),
        ),
        (
            "somebody else under her name",
            differ.clone(),
            room().with_leaf(mia.impostor().leaf(2)),
        ),
        (
            "two that both follow the first",
            differ,
            room()
                .with_leaf(mia.with_next_recovery(1).leaf(2))
                .with_leaf(mia.with_next_recovery(2).leaf(3)),
        ),
        (
            "a client twice",
            PolicyViolation::DuplicateClient(mia.client(1)),
            room().with_leaf(mia.leaf(1)),
        ),
        (
            "who is not listed",
            PolicyViolation::AddOfNonParticipant(eve.user.clone()),
            room().with_leaf(eve.leaf(1)),
        ),
        (
            "who is banned",
            PolicyViolation::BannedHasClients(eve.user.clone()),
            banned,
        ),
        (
            "what nobody has signed",
            PolicyViolation::Identity(IdentityViolation::MissingCredential),
            room().with_leaf(unsigned),
        ),
    ] {
        assert_eq!(judge(&scene).unwrap_err(), reason, "{what}");
    }
}
