//! A user's key is replaced leaf by leaf: what each step may look like, and what somebody with an
//! old key cannot do.

use super::*;
use crate::identity::Succession;

mod refused;

/// The leaf of mia's second device.
const SECOND: u32 = 4;

struct Keys {
    cast: Cast,
    /// Mia before any rotation, after one, and after two.
    old: Person,
    new: Person,
    newer: Person,
    /// Mia's first rotation, and both.
    first: Succession,
    both: Succession,
}

fn keys() -> Keys {
    let cast = cast();
    let (old, new, newer) = (
        cast.mia.rotated(0),
        cast.mia.rotated(1),
        cast.mia.rotated(2),
    );
    let first = old.succession(&new);
    let both = first.extend(&new.succession(&newer)).unwrap();
    Keys {
        cast,
        old,
        new,
        newer,
        first,
        both,
    }
}

impl Keys {
    /// Nobody has rotated; mia has two devices.
    fn before(&self) -> Scene {
        self.cast.room().with_leaf(self.old.leaf(2))
    }

    /// Mia's second device has rotated, the first sleeps.
    fn rotated(&self) -> Scene {
        let leaf = self.new.leaf_with(2, &self.first);
        self.cast.room().with_leaf(leaf)
    }
}

fn assert_allowed(scenes: Vec<(&str, Scene)>) {
    for (what, scene) in scenes {
        assert_eq!(scene.check().err(), None, "{what}");
    }
}

#[test]
fn a_user_rotates_device_by_device() {
    let keys = keys();
    let Keys {
        old,
        new,
        newer,
        first,
        both,
        cast,
    } = &keys;
    let room = || cast.room();
    assert_allowed(vec![
        (
            "the only device rotates",
            room().by(MIA).update(new.leaf_with(1, first)),
        ),
        (
            "one of two rotates",
            keys.before().by(MIA).update(new.leaf_with(1, first)),
        ),
        (
            "one rotates and removes the other",
            keys.before()
                .by(MIA)
                .update(new.leaf_with(1, first))
                .remove(SECOND),
        ),
        (
            "the other follows",
            keys.rotated().by(MIA).update(new.leaf(1)),
        ),
        (
            "the other follows and shows it too",
            keys.rotated().by(MIA).update(new.leaf_with(1, first)),
        ),
        (
            "the other follows and takes up what waits",
            keys.rotated()
                .by(MIA)
                .wait_for(PendingKind::SelfRemove(RITA))
                .include_pending()
                .self_remove(RITA)
                .list(&[(&cast.rita, Role::None)])
                .update(new.leaf(1)),
        ),
        (
            "the other leaves, alone",
            keys.rotated()
                .by(RITA)
                .wait_for(PendingKind::SelfRemove(MIA))
                .include_pending()
                .self_remove(MIA),
        ),
        (
            "the one that rotated clears the other away",
            keys.rotated().by(SECOND).remove(MIA),
        ),
        (
            "a third one is added with the new key",
            keys.rotated().by(SECOND).add(new.leaf(3)),
        ),
        (
            "somebody else adds it",
            keys.rotated().by(ADAM).add(new.leaf(3)),
        ),
        (
            "somebody else adds it where the old key is current",
            room().by(ADAM).add(new.leaf_with(3, first)),
        ),
        (
            "a recovered device joins beside the lost one",
            room().joined_by(new.leaf_with(2, first)),
        ),
        (
            "a device joins anew with the new key",
            room().joined_by(new.leaf_with(1, first)).remove(MIA),
        ),
        (
            "a device joins where the new key is current",
            keys.rotated().joined_by(new.leaf(3)),
        ),
        (
            "two rotations at once",
            keys.before().by(MIA).update(newer.leaf_with(1, both)),
        ),
        (
            "a second rotation while one device has not seen the first",
            keys.rotated()
                .with_leaf(new.leaf(3))
                .by(SECOND)
                .update(newer.leaf_with(2, both)),
        ),
        (
            "who has not seen the first takes both steps",
            keys.rotated().by(MIA).update(newer.leaf_with(1, both)),
        ),
        (
            "an admin takes all away and adds the user anew",
            keys.before()
                .by(ADAM)
                .remove(MIA)
                .remove(SECOND)
                .add(new.leaf(1)),
        ),
        (
            "the recovery key rotates",
            room().by(MIA).update({
                let succession = old.succession_by(&old.recovery(), new);
                new.leaf_with(1, &succession)
            }),
        ),
    ]);
}

#[test]
fn whoever_holds_the_current_key_clears_the_old_away_in_any_role() {
    let keys = keys();
    let powerless = |mut scene: Scene| {
        let mut data = Roles::standard().as_data().clone();
        for role in &mut data.roles {
            role.role_capabilities
                .retain(|one| *one != can::CAN_REMOVE_OWN_CLIENT);
        }
        scene.state.roles = Roles::from_data(data).unwrap();
        scene
    };
    let clears = powerless(keys.rotated()).by(SECOND).remove(MIA);
    assert_eq!(clears.check().err(), None);
    // Negative control: of two devices with one key neither is cleared away.
    let equal = powerless(keys.before()).by(SECOND).remove(MIA);
    let refused = PolicyViolation::RemovalNotAllowed(keys.old.user.clone());
    assert_eq!(equal.check().unwrap_err(), refused);
}
