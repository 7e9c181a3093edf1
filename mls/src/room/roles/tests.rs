//! The standard table, read by rows, and the tables that are refused.

#![expect(clippy::unwrap_used, reason = "tests")]

use grove_wire::codec;

use super::*;

#[test]
fn who_may_what() {
    let roles = Roles::standard();
    let who = |capability| {
        Role::ALL
            .into_iter()
            .filter(|role| roles.may(role.index(), capability))
            .collect::<Vec<_>>()
    };
    let from_read_only = [Role::ReadOnly, Role::Member, Role::Admin, Role::Owner];
    let from_member = [Role::Member, Role::Admin, Role::Owner];
    let from_admin = [Role::Admin, Role::Owner];
    assert_eq!(who(can::CAN_RECEIVE_MESSAGE), from_read_only);
    assert_eq!(who(can::CAN_ADD_OWN_CLIENT), from_read_only);
    assert_eq!(who(can::CAN_SEND_MESSAGE), from_member);
    assert_eq!(who(can::CAN_ADD_PARTICIPANT), from_member);
    assert_eq!(who(can::CAN_REMOVE_PARTICIPANT), from_admin);
    assert_eq!(who(can::CAN_BAN), from_admin);
    assert_eq!(who(can::CAN_CHANGE_USER_ROLE), from_admin);
    assert_eq!(who(can::CAN_CHANGE_ROLE_DEFINITIONS), [Role::Owner]);
    assert_eq!(who(can::CAN_OPEN_JOIN), []);
    assert!(!roles.may(6, can::CAN_SEND_MESSAGE));
}

#[test]
fn who_may_make_whom_what() {
    let roles = Roles::standard();
    let count = |actor: Role| {
        let pairs = Role::ALL
            .into_iter()
            .flat_map(|from| Role::ALL.map(|to| (from.index(), to.index())));
        pairs
            .filter(|(from, to)| roles.may_change(actor.index(), *from, *to))
            .count()
    };
    assert_eq!(Role::ALL.map(count), [0, 0, 0, 2, 14, 28]);
    assert!(roles.may_change(3, 0, 3) && !roles.may_change(3, 0, 4));
    assert!(roles.may_change(4, 3, 1) && !roles.may_change(4, 3, 4) && !roles.may_change(4, 5, 0));
    assert!(roles.may_change(5, 0, 5) && roles.may_change(5, 4, 5) && !roles.may_change(5, 5, 0));
}

#[test]
fn the_standard_table_survives_the_wire() {
    let bytes = codec::encode(Roles::standard().as_data()).unwrap();
    assert_eq!(
        Roles::from_data(codec::decode(&bytes).unwrap()),
        Ok(Roles::standard())
    );
}

#[test]
fn strange_tables_are_refused() {
    let refused = |change: &dyn Fn(&mut Vec<RoleDefinition>)| {
        let mut data = Roles::standard().as_data().clone();
        change(&mut data.roles);
        Roles::from_data(data).unwrap_err()
    };
    let change = |from_role_index, to| SingleSourceRoleChangeTargets {
        from_role_index,
        target_role_indexes: vec![to],
    };
    assert_eq!(refused(&|roles| drop(roles.pop())), RolesError::Shape);
    assert_eq!(refused(&|roles| roles.swap(2, 3)), RolesError::Shape);
    assert_eq!(
        refused(&|roles| roles.push(roles.last().unwrap().clone())),
        RolesError::Shape
    );
    assert_eq!(
        refused(&|roles| roles.get_mut(1).unwrap().role_name = "guest".to_owned()),
        RolesError::Shape
    );
    assert_eq!(
        refused(&|roles| roles.get_mut(3).unwrap().maximum_participants_constraint = Some(2)),
        RolesError::Constraint(3)
    );
    assert_eq!(
        refused(&|roles| roles
            .get_mut(3)
            .unwrap()
            .minimum_active_participants_constraint = 1),
        RolesError::Constraint(3)
    );
    let speak = |role: &mut RoleDefinition| role.role_capabilities.push(can::CAN_SEND_MESSAGE);
    assert_eq!(
        refused(&|roles| speak(roles.get_mut(0).unwrap())),
        RolesError::Outsider(0)
    );
    assert_eq!(
        refused(&|roles| speak(roles.get_mut(1).unwrap())),
        RolesError::Outsider(1)
    );
    assert_eq!(
        refused(&|roles| roles
            .get_mut(3)
            .unwrap()
            .authorized_role_changes
            .push(change(3, 4))),
        RolesError::TooHigh(3)
    );
    assert_eq!(
        refused(&|roles| roles
            .get_mut(0)
            .unwrap()
            .authorized_role_changes
            .push(change(0, 4))),
        RolesError::TooHigh(0)
    );
}
