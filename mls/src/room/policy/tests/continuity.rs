//! A user's identity is renewed leaf by leaf: what each step may look like, and what somebody with
//! an old identity, or one of their own making, cannot do.

use super::*;

mod laggards;
mod model;
mod refused;

/// The leaf of mia's second device.
const SECOND: u32 = 4;

struct Keys {
    cast: Cast,
    /// Mia before any renewal, after one, and after two.
    old: Person,
    new: Person,
    newer: Person,
    /// Mia with her next recovery key, made while `old` was current.
    linked: Person,
    /// Whoever says to be mia, without her recovery key.
    thief: Person,
}

fn keys() -> Keys {
    let cast = cast();
    let mia = &cast.mia;
    Keys {
        old: mia.clone(),
        new: mia.rotated(1),
        newer: mia.rotated(2),
        linked: mia.with_next_recovery(1),
        thief: mia.impostor(),
        cast,
    }
}

impl Keys {
    /// Nothing was renewed; mia has two devices.
    fn before(&self) -> Scene {
        self.cast.room().with_leaf(self.old.leaf(2))
    }

    /// Mia's second device has the next identity, the first sleeps.
    fn renewed(&self) -> Scene {
        self.cast.room().with_leaf(self.new.leaf(2))
    }

    /// The same, and the second device leaves.
    fn leaving(&self) -> Scene {
        self.renewed()
            .wait_for(PendingKind::SelfRemove(SECOND))
            .include_pending()
            .self_remove(SECOND)
    }

    /// Mia's first device, and so many more of it.
    fn crowd(&self, person: &Person, more: u8) -> Scene {
        (10..10 + more).fold(self.cast.room(), |scene, device| {
            scene.with_leaf(person.leaf(device))
        })
    }
}

fn assert_allowed(scenes: Vec<(&str, Scene)>) {
    for (what, scene) in scenes {
        assert_eq!(scene.check().err(), None, "{what}");
    }
}

fn assert_refused(scenes: Vec<(&str, PolicyViolation, Scene)>) {
    for (what, reason, scene) in scenes {
        assert_eq!(scene.check().unwrap_err(), reason, "{what}");
    }
}

#[test]
fn a_user_renews_device_by_device() {
    let keys = keys();
    let Keys {
        old,
        new,
        newer,
        linked,
        cast,
        ..
    } = &keys;
    let room = || cast.room();
    assert_allowed(vec![
        ("the only device renews", room().by(MIA).update(new.leaf(1))),
        (
            "one of two renews",
            keys.before().by(MIA).update(new.leaf(1)),
        ),
        (
            "one renews and removes the other",
            keys.before().by(MIA).update(new.leaf(1)).remove(SECOND),
        ),
        (
            "the other follows",
            keys.renewed().by(MIA).update(new.leaf(1)),
        ),
        (
            "the other goes further",
            keys.renewed().by(MIA).update(newer.leaf(1)),
        ),
        (
            "the other follows and takes up what waits",
            keys.renewed()
                .by(MIA)
                .wait_for(PendingKind::SelfRemove(RITA))
                .include_pending()
                .self_remove(RITA)
                .list(&[(&cast.rita, Role::None)])
                .update(new.leaf(1)),
        ),
        (
            "the other follows and takes up what the hub wants",
            keys.renewed()
                .by(MIA)
                .remove_for(RITA, Proposer::External(0))
                .list(&[(&cast.rita, Role::None)])
                .update(new.leaf(1)),
        ),
        (
            "the other leaves, alone",
            keys.renewed()
                .by(RITA)
                .wait_for(PendingKind::SelfRemove(MIA))
                .include_pending()
                .self_remove(MIA),
        ),
        (
            "the one that renewed clears the other away",
            keys.renewed().by(SECOND).remove(MIA),
        ),
        (
            "the one that renewed proposes it, and somebody else commits",
            keys.renewed()
                .by(RITA)
                .remove_for(MIA, Proposer::Member(SECOND)),
        ),
        (
            "a third one is added",
            keys.renewed().by(SECOND).add(new.leaf(3)),
        ),
        (
            "somebody else adds it",
            keys.renewed().by(ADAM).add(new.leaf(3)),
        ),
        (
            "somebody else adds it where nothing was renewed yet",
            room().by(ADAM).add(new.leaf(3)),
        ),
        (
            "a recovered device joins beside the lost one",
            room().joined_by(new.leaf(2)),
        ),
        (
            "a device joins anew with the next identity",
            room().joined_by(new.leaf(1)).remove(MIA),
        ),
        (
            "a device joins where the next identity is current",
            keys.renewed().joined_by(new.leaf(3)),
        ),
        ("two renewals at once", room().by(MIA).update(newer.leaf(1))),
        (
            "a second renewal while one device has not seen the first",
            keys.renewed().by(SECOND).update(newer.leaf(2)),
        ),
        (
            "the next recovery key",
            room().by(MIA).update(linked.leaf(1)),
        ),
        (
            "two more recovery keys at once",
            room()
                .by(MIA)
                .update(linked.with_next_recovery(1).rotated(2).leaf(1)),
        ),
        (
            "a recovery key wins over generations its owner never heard of",
            cast.room()
                .with_leaf(old.rotated(9).leaf(2))
                .joined_by(linked.leaf(3)),
        ),
    ]);
}

#[test]
fn the_newest_leaves_go_and_take_the_laggards_along() {
    let keys = keys();
    let Keys { new, cast, .. } = &keys;
    let struck = |scene: Scene| scene.remove(MIA).list(&[(&cast.mia, Role::None)]);
    assert_allowed(vec![
        (
            "an admin removes all",
            struck(keys.renewed().by(ADAM).remove(SECOND)),
        ),
        (
            "a reader takes up that the hub removes the newest",
            struck(
                keys.renewed()
                    .by(RITA)
                    .remove_for(SECOND, Proposer::External(0)),
            ),
        ),
        (
            "a reader takes up that the newest leaves",
            struck(keys.leaving().by(RITA)),
        ),
        (
            "the laggard takes it up, and stands in its place",
            keys.leaving().by(MIA).update(new.leaf(1)),
        ),
        (
            "somebody joins meanwhile",
            keys.renewed()
                .joined_by(cast.rita.leaf(2))
                .wait_for(PendingKind::SelfRemove(SECOND)),
        ),
        (
            "the user joins meanwhile, and takes up the other",
            keys.leaving().joined_by(new.leaf(3)),
        ),
    ]);
}

#[test]
fn whoever_has_the_newest_identity_clears_the_old_away_in_any_role() {
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
    let clears = powerless(keys.renewed()).by(SECOND).remove(MIA);
    assert_eq!(clears.check().err(), None);
    // Negative control: of two devices with one identity neither is cleared away.
    let equal = powerless(keys.before()).by(SECOND).remove(MIA);
    let refused = PolicyViolation::RemovalNotAllowed(keys.old.user.clone());
    assert_eq!(equal.check().unwrap_err(), refused);
}

#[test]
fn laggards_do_not_keep_their_owner_out() {
    let keys = keys();
    let Keys { old, new, .. } = &keys;
    assert_allowed(vec![
        (
            "she joins beside 32 of them",
            keys.crowd(old, 31).joined_by(new.leaf(2)),
        ),
        (
            "the last of 32 joins beside a laggard",
            keys.crowd(new, 31).joined_by(new.leaf(2)),
        ),
        (
            "the laggard takes the last place",
            keys.crowd(new, 31).by(MIA).update(new.leaf(1)),
        ),
    ]);
    // The controls: of the highest rank there are 32.
    let refused = PolicyViolation::TooManyClients(old.user.clone());
    for scene in [
        keys.crowd(old, 31).joined_by(old.leaf(2)),
        keys.crowd(old, 31).by(ADAM).add(old.leaf(2)),
        keys.crowd(new, 32).joined_by(new.leaf(2)),
        keys.crowd(new, 32).by(MIA).update(new.leaf(1)),
    ] {
        assert_eq!(scene.check().unwrap_err(), refused);
    }
}

#[test]
fn who_has_no_leaf_begins_with_the_identity_somebody_adds() {
    let keys = keys();
    let eve = &keys.cast.eve;
    let listed = || keys.cast.room_with_inactive_eve(Role::Member);
    assert_allowed(vec![
        (
            "a listed user is added",
            listed().by(MIA).add(eve.rotated(3).leaf(1)),
        ),
        (
            // Nothing in the room could tell: pins and words do.
            "with whatever identity",
            listed().by(MIA).add(eve.impostor().leaf(1)),
        ),
        (
            "with two devices",
            listed().by(MIA).add(eve.leaf(1)).add(eve.leaf(2)),
        ),
        (
            "who is not listed is added again",
            keys.cast
                .room()
                .by(MIA)
                .list(&[(eve, Role::Member)])
                .add(eve.with_next_recovery(1).leaf(1)),
        ),
        (
            "who is not listed joins an open room",
            keys.cast
                .open_room()
                .joined_by(eve.rotated(1).leaf(1))
                .list(&[(eve, Role::Member)]),
        ),
    ]);
}
