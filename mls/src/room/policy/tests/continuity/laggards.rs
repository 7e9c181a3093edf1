//! What a leaf that was left behind cannot do, and that it does not stay alone. Each has its
//! control here or beside this file.

use super::*;

fn remain(keys: &Keys) -> PolicyViolation {
    PolicyViolation::LaggardsRemain(keys.old.user.clone())
}

#[test]
fn the_newest_leaf_does_not_go_while_laggards_remain() {
    let keys = keys();
    let cast = &keys.cast;
    let refused = |what: &'static str, scene: Scene| (what, remain(&keys), scene);
    let two_laggards = || keys.leaving().with_leaf(keys.old.leaf(3));
    assert_refused(vec![
        refused("by an admin", keys.renewed().by(ADAM).remove(SECOND)),
        refused(
            "by the hub",
            keys.renewed()
                .by(RITA)
                .remove_for(SECOND, Proposer::External(0)),
        ),
        refused("by itself", keys.leaving().by(RITA)),
        refused(
            "by itself, committed by a joiner",
            keys.leaving().joined_by(cast.rita.leaf(2)),
        ),
        refused(
            "with one of two laggards",
            two_laggards().by(RITA).remove(MIA),
        ),
    ]);
    assert_allowed(vec![(
        "with both",
        two_laggards()
            .by(RITA)
            .remove(MIA)
            .remove(5)
            .list(&[(&cast.mia, Role::None)]),
    )]);

    // A laggard that need not go is nobody's prey, and its own leaving does not lapse.
    let user = || keys.old.user.clone();
    assert_refused(vec![
        (
            "a laggard while the newest stays",
            PolicyViolation::RemovalNotAllowed(user()),
            keys.renewed().by(RITA).remove(MIA),
        ),
        (
            "a laggard while one of the newest stays",
            PolicyViolation::RemovalNotAllowed(user()),
            keys.leaving()
                .with_leaf(keys.new.leaf(3))
                .by(RITA)
                .remove(MIA),
        ),
        (
            "a laggard's own leaving lapses",
            PolicyViolation::PendingLeftOut,
            keys.renewed()
                .joined_by(cast.rita.leaf(2))
                .wait_for(PendingKind::SelfRemove(MIA)),
        ),
        (
            "the newest one's leaving lapses by a member's commit",
            PolicyViolation::PendingLeftOut,
            keys.renewed()
                .by(RITA)
                .wait_for(PendingKind::SelfRemove(SECOND)),
        ),
        (
            "a leaving lapses where nothing was renewed",
            PolicyViolation::PendingLeftOut,
            keys.before()
                .joined_by(cast.rita.leaf(2))
                .wait_for(PendingKind::SelfRemove(SECOND)),
        ),
    ]);
}

#[test]
fn a_laggard_commits_and_proposes_nothing_else() {
    let keys = keys();
    let Keys {
        new, thief, cast, ..
    } = &keys;
    let renewing = || keys.renewed().by(MIA).update(new.leaf(1));
    let refused = |what: &'static str, scene: Scene| (what, PolicyViolation::Laggard, scene);
    assert_refused(vec![
        refused("an empty commit", keys.renewed().by(MIA)),
        refused("an add of its own", renewing().add(new.leaf(3))),
        refused(
            "an add of somebody else",
            renewing()
                .list(&[(&cast.eve, Role::Member)])
                .add(cast.eve.leaf(1)),
        ),
        refused("a removal", renewing().remove(SECOND)),
        refused(
            "a removal, and another in her place",
            keys.renewed().by(MIA).update(thief.leaf(1)).remove(SECOND),
        ),
        refused(
            "an entry in the list",
            renewing().list(&[(&cast.eve, Role::Member)]),
        ),
        refused(
            "a removal it proposed, committed by somebody else",
            keys.renewed()
                .by(RITA)
                .wait_for(PendingKind::Remove(SECOND))
                .include_pending()
                .remove_for(SECOND, Proposer::Member(MIA)),
        ),
        refused("what waits, without renewing", keys.leaving().by(MIA)),
    ]);
    assert_eq!(renewing().check().err(), None, "negative control");

    // An owner's powers end as well.
    let owner = &cast.olga;
    let next = owner.rotated(1);
    let renewed = || {
        cast.room()
            .with_leaf(next.leaf(2))
            .by(OLGA)
            .update(next.leaf(1))
    };
    let roles = roles_update(&open_roles());
    assert_refused(vec![
        refused(
            "the roles",
            renewed().component(component::ROLES_LIST, Some(roles)),
        ),
        refused("the own role", renewed().list(&[(owner, Role::Member)])),
        refused(
            "striking somebody",
            renewed().remove(RITA).list(&[(&cast.rita, Role::None)]),
        ),
    ]);
    // What must not stay alone belongs to what waits; nothing else does.
    let waiting = || {
        keys.leaving()
            .with_leaf(next.leaf(2))
            .by(OLGA)
            .update(next.leaf(1))
            .remove(MIA)
    };
    assert_allowed(vec![(
        "another user's laggard",
        waiting().list(&[(&cast.mia, Role::None)]),
    )]);
    assert_refused(vec![refused(
        "another user beside it",
        waiting()
            .remove(RITA)
            .list(&[(&cast.mia, Role::None), (&cast.rita, Role::None)]),
    )]);
    let inactive = cast
        .room_with_inactive_eve(Role::Member)
        .with_leaf(next.leaf(2))
        .by(OLGA)
        .update(next.leaf(1))
        .list(&[(&cast.eve, Role::None)]);
    assert_eq!(inactive.check().unwrap_err(), PolicyViolation::Laggard);
}
