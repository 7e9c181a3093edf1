//! What a role may do, and which roles it may give: the roles component of the `GroupContext`.
//!
//! Knows roles by index; must not know users.
//!
//! The surprise: the table travels with the room, so what a role may do is read from it and not
//! from this code. Only the six indices are fixed, and that a higher one ranks above a lower one.
//!
//! Source: draft-ietf-mimi-room-policy-03, roles list component (0x0025) and capabilities registry.

use grove_wire::mimi::room::{
    Role as RoleDefinition, RoleData, SingleSourceRoleChangeTargets, capability as can,
};

/// The six roles every room has, ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Not in the list.
    None,
    /// Listed so as not to come back.
    Banned,
    /// Receives and nothing else.
    ReadOnly,
    /// Talks, and adds others.
    Member,
    /// Also removes, bans and changes roles below its own.
    Admin,
    /// Also makes admins and owners, and defines roles.
    Owner,
}

impl Role {
    /// All of them, by index.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Banned,
        Self::ReadOnly,
        Self::Member,
        Self::Admin,
        Self::Owner,
    ];

    /// Its index in the roles component.
    pub const fn index(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Banned => 1,
            Self::ReadOnly => 2,
            Self::Member => 3,
            Self::Admin => 4,
            Self::Owner => 5,
        }
    }

    /// The role of an index.
    pub fn from_index(index: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.index() == index)
    }

    /// Its name in the standard table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Banned => "banned",
            Self::ReadOnly => "read-only",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

/// Why a table of roles is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RolesError {
    /// A limit on how many may have a role: rooms do not have them yet.
    #[error("role {0} limits its number, which rooms do not have")]
    Constraint(u32),
    /// Roles 0 or 1 may do something that a participant does.
    #[error("role {0} may do what only a participant may")]
    Outsider(u32),
    /// The roles are not exactly 0 to 5 in this order, or role 1 is not named «banned».
    #[error("the roles are not the six that rooms have")]
    Shape,
    /// A role could give a role above itself.
    #[error("role {0} may give a role above its own")]
    TooHigh(u32),
}

/// A room's table of roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(RoleData);

impl Roles {
    /// The table of every new room.
    pub fn standard() -> Self {
        Self(RoleData {
            roles: Role::ALL.into_iter().map(standard).collect(),
        })
    }

    /// Reads a component's value.
    ///
    /// # Errors
    /// [`RolesError`].
    pub fn from_data(data: RoleData) -> Result<Self, RolesError> {
        let indices = data.roles.iter().map(|role| role.role_index);
        if !indices.eq(Role::ALL.map(Role::index)) {
            return Err(RolesError::Shape);
        }
        for role in &data.roles {
            check(role)?;
        }
        Ok(Self(data))
    }

    /// The component's value.
    pub fn as_data(&self) -> &RoleData {
        &self.0
    }

    /// Whether a role has a capability.
    pub fn may(&self, role: u32, capability: u16) -> bool {
        self.find(role)
            .is_some_and(|role| role.role_capabilities.contains(&capability))
    }

    /// Whether the table lets somebody with `actor_role` turn role `from` into role `to`. Whether
    /// the rank and the capability suffice is asked beside it.
    pub fn may_change(&self, actor_role: u32, from: u32, to: u32) -> bool {
        let changes = self
            .find(actor_role)
            .map(|role| role.authorized_role_changes.as_slice())
            .unwrap_or_default();
        changes.iter().any(|change| {
            change.from_role_index == from && change.target_role_indexes.contains(&to)
        })
    }

    fn find(&self, role: u32) -> Option<&RoleDefinition> {
        self.0
            .roles
            .iter()
            .find(|definition| definition.role_index == role)
    }
}

fn check(role: &RoleDefinition) -> Result<(), RolesError> {
    let index = role.role_index;
    let unlimited = role.minimum_participants_constraint == 0
        && role.maximum_participants_constraint.is_none()
        && role.minimum_active_participants_constraint == 0
        && role.maximum_active_participants_constraint.is_none();
    if !unlimited {
        return Err(RolesError::Constraint(index));
    }
    if index == Role::Banned.index() && role.role_name != Role::Banned.as_str() {
        return Err(RolesError::Shape);
    }
    let outsider = index <= Role::Banned.index();
    if outsider
        && role
            .role_capabilities
            .iter()
            .any(|capability| !matches!(*capability, can::CAN_OPEN_JOIN | can::CAN_USE_JOIN_CODE))
    {
        return Err(RolesError::Outsider(index));
    }
    // An open room lets outsiders give themselves a role, and a plain one.
    let highest = if outsider {
        Role::Member.index()
    } else {
        index
    };
    let mut targets = role
        .authorized_role_changes
        .iter()
        .flat_map(|change| change.target_role_indexes.iter());
    if targets.any(|target| *target > highest) {
        return Err(RolesError::TooHigh(index));
    }
    Ok(())
}

fn standard(role: Role) -> RoleDefinition {
    RoleDefinition {
        role_index: role.index(),
        role_name: role.as_str().to_owned(),
        role_description: String::new(),
        role_capabilities: capabilities(role),
        minimum_participants_constraint: 0,
        maximum_participants_constraint: None,
        minimum_active_participants_constraint: 0,
        maximum_active_participants_constraint: None,
        authorized_role_changes: role_changes(role),
    }
}

/// What everybody in the room may do with themselves.
const OWN: [u16; 4] = [
    can::CAN_ADD_OWN_CLIENT,
    can::CAN_REMOVE_OWN_CLIENT,
    can::CAN_REMOVE_SELF,
    can::CAN_RECEIVE_MESSAGE,
];

/// What a member may do besides.
const TALK: [u16; 12] = [
    can::CAN_ADD_PARTICIPANT,
    can::CAN_SEND_MESSAGE,
    can::CAN_COPY_MESSAGE,
    can::CAN_REPORT_ABUSE,
    can::CAN_REPLY_TO_MESSAGE,
    can::CAN_REACT_TO_MESSAGE,
    can::CAN_EDIT_REACTION,
    can::CAN_DELETE_OWN_REACTION,
    can::CAN_EDIT_OWN_MESSAGE,
    can::CAN_DELETE_OWN_MESSAGE,
    can::CAN_START_TOPIC,
    can::CAN_REPLY_IN_TOPIC,
];

/// What an admin may do besides.
const GOVERN: [u16; 9] = [
    can::CAN_REMOVE_PARTICIPANT,
    can::CAN_BAN,
    can::CAN_UN_BAN,
    can::CAN_KICK,
    can::CAN_CHANGE_USER_ROLE,
    can::CAN_CHANGE_OWN_ROLE,
    can::CAN_DELETE_OTHER_MESSAGE,
    can::CAN_CHANGE_ROOM_NAME,
    can::CAN_CHANGE_ROOM_DESCRIPTION,
];

fn capabilities(role: Role) -> Vec<u16> {
    let mut codes = Vec::new();
    if role >= Role::ReadOnly {
        codes.extend(OWN);
    }
    if role >= Role::Member {
        codes.extend(TALK);
    }
    if role >= Role::Admin {
        codes.extend(GOVERN);
    }
    if role >= Role::Owner {
        codes.push(can::CAN_CHANGE_ROLE_DEFINITIONS);
    }
    codes.sort_unstable();
    codes
}

/// From which role to which others. An admin may step down; so may an owner.
fn role_changes(role: Role) -> Vec<SingleSourceRoleChangeTargets> {
    let [none, banned, read_only, member, admin, owner] = Role::ALL.map(Role::index);
    let table: Vec<(u32, Vec<u32>)> = match role {
        Role::None | Role::Banned | Role::ReadOnly => Vec::new(),
        Role::Member => vec![(none, vec![read_only, member])],
        Role::Admin => vec![
            (none, vec![banned, read_only, member]),
            (banned, vec![none, read_only, member]),
            (read_only, vec![none, banned, member]),
            (member, vec![none, banned, read_only]),
            (admin, vec![read_only, member]),
        ],
        Role::Owner => vec![
            (none, vec![banned, read_only, member, admin, owner]),
            (banned, vec![none, read_only, member, admin, owner]),
            (read_only, vec![none, banned, member, admin, owner]),
            (member, vec![none, banned, read_only, admin, owner]),
            (admin, vec![none, banned, read_only, member, owner]),
            (owner, vec![read_only, member, admin]),
        ],
    };
    let change = |(from_role_index, target_role_indexes)| SingleSourceRoleChangeTargets {
        from_role_index,
        target_role_indexes,
    };
    table.into_iter().map(change).collect()
}

#[cfg(test)]
mod tests;
