//! The draft's order of changes, and that no update leads to a list that should not be.

#![expect(clippy::unwrap_used, reason = "tests")]

use grove_wire::codec;
use proptest::prelude::*;

use super::*;

fn user(number: usize) -> UserUri {
    UserUri::parse(&format!("u{number}@a.example")).unwrap()
}

fn pair(number: usize, role_index: u32) -> UserRolePair {
    UserRolePair {
        user: user(number),
        role_index,
    }
}

fn list(roles: &[u32]) -> Participants {
    let participants = roles
        .iter()
        .enumerate()
        .map(|(number, role)| pair(number, *role))
        .collect();
    Participants::from_data(ParticipantListData { participants }).unwrap()
}

fn update(
    changed: &[(u32, u32)],
    removed: &[u32],
    added: &[(usize, u32)],
) -> ParticipantListUpdate {
    let change = |(user_index, role_index): &(u32, u32)| UserIndexRolePair {
        user_index: *user_index,
        role_index: *role_index,
    };
    ParticipantListUpdate {
        changed_role_participants: changed.iter().map(change).collect(),
        removed_indices: removed.to_vec(),
        added_participants: added
            .iter()
            .map(|(number, role)| pair(*number, *role))
            .collect(),
    }
}

#[test]
fn changes_come_before_removals_before_additions() {
    let after = list(&[5, 3, 3, 2])
        .apply(&update(&[(3, 3)], &[1, 2], &[(7, 2)]))
        .unwrap();
    let names: Vec<(UserUri, u32)> = after
        .iter()
        .map(|one| (one.user.clone(), one.role))
        .collect();
    assert_eq!(names, [(user(0), 5), (user(3), 3), (user(7), 2)]);
}

#[test]
fn updates_that_contradict_themselves_are_refused() {
    let before = list(&[5, 3]);
    let refused = |changed: &[(u32, u32)], removed: &[u32], added: &[(usize, u32)]| {
        before.apply(&update(changed, removed, added)).unwrap_err()
    };
    assert_eq!(refused(&[(2, 3)], &[], &[]), ParticipantsError::Index(2));
    assert_eq!(refused(&[], &[2], &[]), ParticipantsError::Index(2));
    assert_eq!(
        refused(&[], &[u32::MAX], &[]),
        ParticipantsError::Index(u32::MAX)
    );
    assert_eq!(
        refused(&[(1, 4), (1, 2)], &[], &[]),
        ParticipantsError::Twice(user(1))
    );
    assert_eq!(
        refused(&[(1, 4)], &[1], &[]),
        ParticipantsError::Twice(user(1))
    );
    assert_eq!(
        refused(&[], &[1, 1], &[]),
        ParticipantsError::Twice(user(1))
    );
    assert_eq!(
        refused(&[], &[1], &[(1, 3)]),
        ParticipantsError::Twice(user(1))
    );
    assert_eq!(
        refused(&[], &[], &[(1, 3)]),
        ParticipantsError::Twice(user(1))
    );
    assert_eq!(
        refused(&[], &[], &[(2, 3), (2, 3)]),
        ParticipantsError::Twice(user(2))
    );
    assert_eq!(
        refused(&[(1, 3)], &[], &[]),
        ParticipantsError::Unchanged(user(1))
    );
    assert_eq!(refused(&[(1, 0)], &[], &[]), ParticipantsError::Role(0));
    assert_eq!(refused(&[(1, 6)], &[], &[]), ParticipantsError::Role(6));
    assert_eq!(refused(&[], &[], &[(2, 0)]), ParticipantsError::Role(0));
    let full = list(&vec![3; MAX_PARTICIPANTS_INLINE]);
    assert_eq!(
        full.apply(&update(&[], &[], &[(5_000, 3)])),
        Err(ParticipantsError::TooMany)
    );
    assert!(full.apply(&update(&[], &[0], &[(5_000, 3)])).is_ok());
}

#[test]
fn lists_from_the_wire_are_checked() {
    let read = |participants| Participants::from_data(ParticipantListData { participants });
    assert_eq!(
        read(vec![pair(0, 3), pair(0, 3)]),
        Err(ParticipantsError::Twice(user(0)))
    );
    assert_eq!(read(vec![pair(0, 0)]), Err(ParticipantsError::Role(0)));
    assert_eq!(read(vec![pair(0, 9)]), Err(ParticipantsError::Role(9)));
}

#[test]
fn wishes_that_change_nothing_are_refused() {
    let before = list(&[5, 3]);
    assert_eq!(
        before.update(&[(user(1), 3)]),
        Err(ParticipantsError::Unchanged(user(1)))
    );
    assert_eq!(
        before.update(&[(user(2), 0)]),
        Err(ParticipantsError::Unchanged(user(2)))
    );
    assert_eq!(
        before.update(&[(user(1), 4), (user(1), 0)]),
        Err(ParticipantsError::Twice(user(1)))
    );
}

proptest! {
    #[test]
    fn an_update_fulfils_its_wishes(roles in prop::collection::vec(1_u32..6, 1..12), wishes in prop::collection::btree_map(0_usize..16, 0_u32..6, 0..8)) {
        let before = list(&roles);
        let wishes: Vec<(UserUri, u32)> = wishes
            .into_iter()
            .map(|(number, role)| (user(number), role))
            .filter(|(user, role)| before.role_of(user) != *role)
            .collect();
        let update = before.update(&wishes).unwrap();
        let after = before.apply(&update).unwrap();
        for (user, role) in &wishes {
            prop_assert_eq!(after.role_of(user), *role);
        }
        prop_assert_eq!(before.changes_to(&after).len(), wishes.len());
        let sent = codec::decode::<ParticipantListUpdate>(&codec::encode(&update).unwrap()).unwrap();
        prop_assert_eq!(before.apply(&sent), Ok(after.clone()));
        prop_assert_eq!(Participants::from_data(after.to_data()), Ok(after));
    }

    #[test]
    fn no_update_leads_astray(
        roles in prop::collection::vec(1_u32..6, 1..6),
        changed in prop::collection::vec((0_u32..8, 0_u32..8), 0..4),
        removed in prop::collection::vec(0_u32..8, 0..4),
        added in prop::collection::vec((0_usize..8, 0_u32..8), 0..4),
    ) {
        let before = list(&roles);
        if let Ok(after) = before.apply(&update(&changed, &removed, &added)) {
            prop_assert_eq!(after.len() + removed.len(), before.len() + added.len());
            prop_assert_eq!(before.changes_to(&after).len(), changed.len() + removed.len() + added.len());
            prop_assert_eq!(Participants::from_data(after.to_data()), Ok(after));
        }
    }
}
