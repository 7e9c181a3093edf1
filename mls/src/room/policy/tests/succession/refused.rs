//! What somebody with an old key, or with none, cannot do. Each has its control here or beside this
//! file.

use super::*;
use crate::identity::SuccessionError;

impl Keys {
    /// Whoever stole mia's first device rotates its key for himself.
    fn stolen(&self, device: u8) -> LeafFacts {
        let thief = self.old.impostor();
        thief.leaf_with(device, &self.old.succession(&thief))
    }
}

fn missing(keys: &Keys) -> PolicyViolation {
    PolicyViolation::SuccessionMissing(keys.old.user.clone())
}

fn two(keys: &Keys) -> PolicyViolation {
    PolicyViolation::TwoIdentities(keys.old.user.clone())
}

fn invalid(reason: SuccessionError) -> PolicyViolation {
    PolicyViolation::Identity(IdentityViolation::SuccessionInvalid(reason))
}

fn assert_refused(scenes: Vec<(&str, PolicyViolation, Scene)>) {
    for (what, reason, scene) in scenes {
        assert_eq!(scene.check().unwrap_err(), reason, "{what}");
    }
}

#[test]
fn an_old_key_does_not_come_back() {
    let keys = keys();
    let Keys { old, new, cast, .. } = &keys;
    let new_only = |leaf: LeafFacts| {
        let mut scene = cast.room();
        scene.commit.leaves.get_mut(2).unwrap().facts = leaf;
        scene
    };
    let showing = || new_only(new.leaf_with(1, &keys.first));
    let plain = || new_only(new.leaf(1));
    assert_refused(vec![
        (
            "by update",
            missing(&keys),
            keys.rotated().by(SECOND).update(old.leaf(2)),
        ),
        (
            "by update of the only leaf",
            missing(&keys),
            plain().by(MIA).update(old.leaf(1)),
        ),
        (
            "by an add of its own user",
            missing(&keys),
            keys.rotated().by(SECOND).add(old.leaf(3)),
        ),
        (
            "by somebody else's add",
            missing(&keys),
            keys.rotated().by(ADAM).add(old.leaf(3)),
        ),
        (
            "by joining",
            missing(&keys),
            keys.rotated().joined_by(old.leaf(3)),
        ),
        (
            "by joining in place of the old leaf",
            missing(&keys),
            keys.rotated().joined_by(old.leaf(1)).remove(MIA),
        ),
        (
            "by joining after the old leaf is gone",
            missing(&keys),
            showing().joined_by(old.leaf(3)),
        ),
        (
            "by joining where nothing shows the succession any more",
            two(&keys),
            plain().joined_by(old.leaf(3)),
        ),
    ]);
}

#[test]
fn a_new_key_is_shown_to_succeed_the_current_one() {
    let keys = keys();
    let Keys {
        old,
        new,
        newer,
        first,
        cast,
        ..
    } = &keys;
    let room = || cast.room();
    assert_refused(vec![
        (
            "the only device, without",
            missing(&keys),
            room().by(MIA).update(new.leaf(1)),
        ),
        (
            "one of two, without",
            two(&keys),
            keys.before().by(MIA).update(new.leaf(1)),
        ),
        (
            "joining in place of the old leaf, without",
            missing(&keys),
            room().joined_by(new.leaf(1)).remove(MIA),
        ),
        (
            "the second step without the first",
            missing(&keys),
            room()
                .by(MIA)
                .update(newer.leaf_with(1, &new.succession(newer))),
        ),
        (
            "the second step while the old key stands",
            two(&keys),
            keys.rotated()
                .by(SECOND)
                .update(newer.leaf_with(2, &new.succession(newer))),
        ),
        (
            "a third key that nothing explains",
            two(&keys),
            room()
                .by(MIA)
                .update(new.leaf_with(1, first))
                .add(newer.leaf(3)),
        ),
        (
            "anew, but not all was taken away",
            two(&keys),
            keys.before().by(ADAM).remove(MIA).add(new.leaf(3)),
        ),
        (
            "anew, beside one that has shown it",
            missing(&keys),
            keys.before()
                .by(ADAM)
                .add(new.leaf_with(3, first))
                .add(new.leaf(5)),
        ),
        (
            "signed by another key",
            invalid(SuccessionError::BadSignature),
            room().by(MIA).update({
                let mut leaf = new.leaf_with(1, first);
                *leaf.succession.as_mut().unwrap().last_mut().unwrap() ^= 1;
                leaf
            }),
        ),
        (
            "another user's",
            invalid(SuccessionError::OtherUser),
            room().by(MIA).update({
                let ritas = cast.rita.succession(&cast.rita.rotated(1));
                new.leaf_with(1, &ritas)
            }),
        ),
        (
            "one that leads elsewhere",
            invalid(SuccessionError::Unlinked),
            room().by(MIA).update(newer.leaf_with(1, first)),
        ),
        (
            "by a recovery key that is not in the list before",
            invalid(SuccessionError::BadSignature),
            room().by(MIA).update({
                let stranger = cast.rita.recovery();
                new.leaf_with(1, &old.succession_by(&stranger, new))
            }),
        ),
        (
            "by the recovery key, without the list before",
            invalid(SuccessionError::ListPresence),
            room().by(MIA).update({
                let by_list = old.succession_by(&old.recovery(), new);
                // Behind the list's length and the list stands the rotation: give it alone, behind
                // an empty list.
                let mut rest = by_list.as_bytes();
                let length = codec::read_length(&mut rest).unwrap();
                rest = rest.get(length..).unwrap();
                LeafFacts {
                    succession: Some([&[0], rest].concat()),
                    ..new.leaf(1)
                }
            }),
        ),
    ]);
    let malformed = LeafFacts {
        succession: Some(vec![1, 2, 3]),
        ..new.leaf(1)
    };
    assert!(matches!(
        room().by(MIA).update(malformed).check(),
        Err(PolicyViolation::Identity(
            IdentityViolation::SuccessionInvalid(SuccessionError::Malformed(_))
        ))
    ));
}

#[test]
fn who_stole_a_device_cannot_rotate_a_key_that_was_succeeded() {
    let keys = keys();
    assert_refused(vec![
        (
            "by update",
            two(&keys),
            keys.rotated().by(MIA).update(keys.stolen(1)),
        ),
        (
            "by joining",
            two(&keys),
            keys.rotated().joined_by(keys.stolen(3)),
        ),
        (
            "by joining in place of the stolen leaf",
            two(&keys),
            keys.rotated().joined_by(keys.stolen(1)).remove(MIA),
        ),
        (
            "by joining in place of all leaves",
            missing(&keys),
            keys.rotated()
                .joined_by(keys.stolen(1))
                .remove(MIA)
                .remove(SECOND),
        ),
        (
            "by update, removing the honest device",
            PolicyViolation::Superseded,
            keys.rotated().by(MIA).update(keys.stolen(1)).remove(SECOND),
        ),
        (
            "by update, while the hub removes the honest device",
            missing(&keys),
            keys.rotated()
                .by(MIA)
                .update(keys.stolen(1))
                .remove_for(SECOND, Proposer::External(0)),
        ),
        (
            "by a friend's add",
            two(&keys),
            keys.rotated().by(ADAM).add(keys.stolen(3)),
        ),
    ]);
    // The control: before the honest rotation nothing tells the thief from mia.
    let first_come = keys.before().by(MIA).update(keys.stolen(1));
    assert_eq!(first_come.check().err(), None);
}

#[test]
fn a_superseded_leaf_commits_and_proposes_nothing_else() {
    let keys = keys();
    let Keys { old, new, cast, .. } = &keys;
    let renewing = || keys.rotated().by(MIA).update(new.leaf(1));
    let refused = |what: &'static str, scene: Scene| (what, PolicyViolation::Superseded, scene);
    assert_refused(vec![
        refused("an empty commit", keys.rotated().by(MIA)),
        refused(
            "a renewal with the old key",
            keys.rotated().by(MIA).update(old.leaf(1)),
        ),
        refused("an add of its own", renewing().add(new.leaf(3))),
        refused(
            "an add of somebody else",
            renewing()
                .list(&[(&cast.eve, Role::Member)])
                .add(cast.eve.leaf(1)),
        ),
        refused("a removal", renewing().remove(SECOND)),
        refused(
            "an entry in the list",
            renewing().list(&[(&cast.eve, Role::Member)]),
        ),
        refused(
            "a removal it proposed, committed by somebody else",
            keys.rotated()
                .by(RITA)
                .wait_for(PendingKind::Remove(SECOND))
                .include_pending()
                .remove_for(SECOND, Proposer::Member(MIA)),
        ),
    ]);
    assert_eq!(renewing().check().err(), None, "negative control");

    // An owner's powers end as well.
    let owner = &cast.olga;
    let next = owner.rotated(1);
    let rotated = || {
        cast.room()
            .with_leaf(next.leaf_with(2, &owner.succession(&next)))
            .by(OLGA)
            .update(next.leaf(1))
    };
    let roles = roles_update(&open_roles());
    assert_refused(vec![
        refused(
            "the roles",
            rotated().component(component::ROLES_LIST, Some(roles)),
        ),
        refused("the own role", rotated().list(&[(owner, Role::Member)])),
        refused(
            "striking somebody",
            rotated().remove(RITA).list(&[(&cast.rita, Role::None)]),
        ),
    ]);
    let inactive = cast.room_with_inactive_eve(Role::Member);
    let inactive = inactive
        .with_leaf(next.leaf_with(2, &owner.succession(&next)))
        .by(OLGA)
        .update(next.leaf(1))
        .list(&[(&cast.eve, Role::None)]);
    assert_eq!(inactive.check().unwrap_err(), PolicyViolation::Superseded);
}
