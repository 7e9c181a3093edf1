//! What somebody with an old identity, or with one of their own making, cannot do. Each has its
//! control here or beside this file.

use super::*;
use crate::identity::{DeviceCredentialError, IdentityError};

/// Where eve's leaf stands if she is in the room.
const EVE: u32 = 4;

fn unproven(keys: &Keys) -> PolicyViolation {
    PolicyViolation::IdentityUnproven(keys.old.user.clone())
}

fn outdated(keys: &Keys) -> PolicyViolation {
    PolicyViolation::IdentityOutdated(keys.old.user.clone())
}

/// All ways in which a leaf of «mia» comes into the room: in the place of hers, or beside it.
fn ways(cast: &Cast, mia: &Person) -> Vec<(&'static str, Scene)> {
    let room = || cast.room();
    let with_eve = || {
        Scene::of(&[
            (&cast.olga, Role::Owner),
            (&cast.adam, Role::Admin),
            (&cast.mia, Role::Member),
            (&cast.rita, Role::ReadOnly),
            (&cast.eve, Role::Member),
        ])
    };
    vec![
        (
            "joining in her place",
            room().joined_by(mia.leaf(2)).remove(MIA),
        ),
        (
            "joining as her device",
            room().joined_by(mia.leaf(1)).remove(MIA),
        ),
        ("joining beside her", room().joined_by(mia.leaf(2))),
        (
            "an admin removes her and adds",
            room().by(ADAM).remove(MIA).add(mia.leaf(2)),
        ),
        (
            "the hub removes her and a member adds",
            with_eve()
                .by(EVE)
                .remove_for(MIA, Proposer::External(0))
                .add(mia.leaf(2)),
        ),
        (
            "she leaves and a member adds",
            with_eve()
                .by(EVE)
                .wait_for(PendingKind::SelfRemove(MIA))
                .include_pending()
                .self_remove(MIA)
                .add(mia.leaf(2)),
        ),
        ("an update of her leaf", room().by(MIA).update(mia.leaf(1))),
        ("a member adds", with_eve().by(EVE).add(mia.leaf(2))),
        ("her device adds", room().by(MIA).add(mia.leaf(2))),
    ]
}

#[test]
fn nobody_takes_the_place_of_a_user() {
    let keys = keys();
    let strangers = [
        keys.thief.clone(),
        keys.thief.rotated(5),
        keys.thief.with_next_recovery(1),
    ];
    for stranger in &strangers {
        for (what, scene) in ways(&keys.cast, stranger) {
            assert_eq!(scene.check().unwrap_err(), unproven(&keys), "{what}");
        }
    }
    let uncertified = DeviceCredentialError::Identity(IdentityError::BadSignature);
    let uncertified = PolicyViolation::Identity(uncertified.into());
    for forged in [keys.old.forged(), keys.new.forged(), keys.linked.forged()] {
        for (what, scene) in ways(&keys.cast, &forged) {
            assert_eq!(scene.check().unwrap_err(), uncertified, "{what}");
        }
    }
    // The controls: she herself comes in all these ways, now and with what follows.
    for mia in [&keys.old, &keys.new, &keys.newer, &keys.linked] {
        assert_allowed(ways(&keys.cast, mia));
    }
}

#[test]
fn recovery_keys_that_parted_do_not_meet_again() {
    let keys = keys();
    let linked = || keys.cast.room().with_leaf(keys.linked.leaf(2));
    let other = keys.old.with_next_recovery(2);
    assert_refused(vec![
        (
            "another key beside the next one",
            unproven(&keys),
            linked().joined_by(other.leaf(3)),
        ),
        (
            "another key, further on",
            unproven(&keys),
            linked().joined_by(other.with_next_recovery(1).leaf(3)),
        ),
        (
            "another key, by the laggard",
            unproven(&keys),
            linked().by(MIA).update(other.rotated(7).leaf(1)),
        ),
        (
            "the key before, in any generation",
            outdated(&keys),
            linked().joined_by(keys.old.rotated(99).leaf(3)),
        ),
    ]);
    assert_allowed(vec![
        ("the next key", linked().joined_by(keys.linked.leaf(3))),
        (
            "what comes behind it",
            linked().joined_by(keys.linked.with_next_recovery(2).leaf(3)),
        ),
    ]);
}

/// All ways in which a leaf of mia's comes into a room where her newest leaf is `SECOND`, or the
/// only one.
fn ways_back(keys: &Keys, mia: &Person) -> Vec<(&'static str, Scene)> {
    let alone = || {
        let mut scene = keys.cast.room();
        scene.commit.leaves.get_mut(2).unwrap().facts = keys.new.leaf(1);
        scene
    };
    let renewed = || keys.renewed();
    vec![
        ("an update", renewed().by(SECOND).update(mia.leaf(2))),
        (
            "the laggard's update",
            renewed().by(MIA).update(mia.leaf(1)),
        ),
        (
            "an update of the only leaf",
            alone().by(MIA).update(mia.leaf(1)),
        ),
        ("an add by herself", renewed().by(SECOND).add(mia.leaf(3))),
        (
            "an add by somebody else",
            renewed().by(ADAM).add(mia.leaf(3)),
        ),
        ("joining", renewed().joined_by(mia.leaf(3))),
        (
            "joining in place of the laggard",
            renewed().joined_by(mia.leaf(1)).remove(MIA),
        ),
        (
            "joining in place of all",
            renewed().joined_by(mia.leaf(3)).remove(MIA).remove(SECOND),
        ),
        (
            "joining when no laggard stands any more",
            alone().joined_by(mia.leaf(3)),
        ),
        (
            "an admin removes the newest and adds",
            renewed().by(ADAM).remove(SECOND).add(mia.leaf(3)),
        ),
        (
            "the hub removes all and an admin adds",
            renewed()
                .by(ADAM)
                .remove_for(MIA, Proposer::External(0))
                .remove_for(SECOND, Proposer::External(0))
                .add(mia.leaf(3)),
        ),
        (
            "the newest leaves and an admin adds",
            keys.leaving().by(ADAM).add(mia.leaf(3)),
        ),
        (
            "the laggard's update, while the newest leaves",
            keys.leaving().by(MIA).update(mia.leaf(1)),
        ),
    ]
}

#[test]
fn an_old_identity_does_not_come_back() {
    let keys = keys();
    for (what, scene) in ways_back(&keys, &keys.old) {
        assert_eq!(scene.check().unwrap_err(), outdated(&keys), "{what}");
    }
    for (what, scene) in ways_back(&keys, &keys.thief) {
        assert_eq!(scene.check().unwrap_err(), unproven(&keys), "{what}");
    }
    for mia in [&keys.new, &keys.newer, &keys.linked] {
        assert_allowed(ways_back(&keys, mia));
    }
}

#[test]
fn one_commit_brings_one_identity_of_a_user() {
    let keys = keys();
    let Keys {
        new,
        newer,
        linked,
        cast,
        ..
    } = &keys;
    let eve = &cast.eve;
    let listed = || cast.room_with_inactive_eve(Role::Member).by(MIA);
    let two = |user: &Person| PolicyViolation::IdentitiesDiffer(user.user.clone());
    let room = || cast.room();
    assert_refused(vec![
        (
            "an update and a higher add",
            two(new),
            room().by(MIA).update(new.leaf(1)).add(newer.leaf(3)),
        ),
        (
            "an update and a lower add",
            two(new),
            room().by(MIA).update(newer.leaf(1)).add(new.leaf(3)),
        ),
        (
            "two adds",
            two(new),
            room().by(ADAM).add(new.leaf(2)).add(newer.leaf(3)),
        ),
        (
            "two recovery keys",
            two(new),
            room().by(ADAM).add(new.leaf(2)).add(linked.leaf(3)),
        ),
        (
            "of somebody who had no leaf",
            two(eve),
            listed().add(eve.leaf(1)).add(eve.rotated(1).leaf(2)),
        ),
        (
            "an impostor beside somebody who had no leaf",
            two(eve),
            listed().add(eve.leaf(1)).add(eve.impostor().leaf(2)),
        ),
    ]);
    assert_allowed(vec![
        (
            "an update and an add",
            room().by(MIA).update(newer.leaf(1)).add(newer.leaf(3)),
        ),
        (
            "two adds",
            room().by(ADAM).add(newer.leaf(2)).add(newer.leaf(3)),
        ),
    ]);
}

#[test]
fn who_is_listed_without_a_leaf_does_not_begin_by_joining() {
    let cast = cast();
    let eve = &cast.eve;
    let listed = || cast.room_with_inactive_eve(Role::Member);
    let open = || {
        let mut scene = listed();
        scene.state.roles = Roles::from_data(open_roles()).unwrap();
        scene
    };
    let by_add = || PolicyViolation::EntersByAdd(eve.user.clone());
    assert_refused(vec![
        ("herself", by_add(), listed().joined_by(eve.leaf(1))),
        (
            "somebody else",
            by_add(),
            listed().joined_by(eve.impostor().leaf(1)),
        ),
        (
            "in an open room",
            by_add(),
            open().joined_by(eve.impostor().leaf(1)),
        ),
    ]);
    let added = listed().by(MIA).add(eve.leaf(1));
    assert_eq!(added.check().err(), None, "negative control");
    let joined = listed().with_leaf(eve.leaf(1)).joined_by(eve.leaf(2));
    assert_eq!(joined.check().err(), None, "who has a leaf joins");
}
