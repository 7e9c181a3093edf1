//! A room to be judged in, and what becomes of its state.

#![expect(clippy::unwrap_used, reason = "tests")]

use grove_wire::codec;
use grove_wire::mimi::room::{
    ParticipantListUpdate, RoleData, SingleSourceRoleChangeTargets, UserRolePair,
    capability as can, component,
};

use super::*;
use crate::room::roles::Roles;
use crate::room::testing::{Person, Scene};
use crate::room::validation::IdentityViolation;
use crate::room::{LeafFacts, ParticipantsError, Proposer, RolesError};

mod allowed;
mod continuity;
mod refused;

struct Cast {
    olga: Person,
    adam: Person,
    mia: Person,
    rita: Person,
    eve: Person,
}

fn cast() -> Cast {
    Cast {
        olga: Person::new("olga", 1),
        adam: Person::new("adam", 2),
        mia: Person::new("mia", 3),
        rita: Person::new("rita", 4),
        eve: Person::new("eve", 5),
    }
}

const OLGA: u32 = 0;
const ADAM: u32 = 1;
const MIA: u32 = 2;
const RITA: u32 = 3;

impl Cast {
    /// An owner, an admin, a member and a reader, with one device each; eve is outside.
    fn room(&self) -> Scene {
        Scene::of(&[
            (&self.olga, Role::Owner),
            (&self.adam, Role::Admin),
            (&self.mia, Role::Member),
            (&self.rita, Role::ReadOnly),
        ])
    }

    /// The same room, listed but without any clients of `eve`.
    fn room_with_inactive_eve(&self, role: Role) -> Scene {
        let mut scene = self.room();
        let update = scene
            .state
            .participants
            .update(&[(self.eve.user.clone(), role.index())])
            .unwrap();
        scene.state.participants = scene.state.participants.apply(&update).unwrap();
        scene
    }

    /// The same room, open to everybody.
    fn open_room(&self) -> Scene {
        let mut scene = self.room();
        scene.state.roles = Roles::from_data(open_roles()).unwrap();
        scene
    }
}

fn open_roles() -> RoleData {
    let mut data = Roles::standard().as_data().clone();
    let outside = data.roles.first_mut().unwrap();
    outside.role_capabilities.push(can::CAN_OPEN_JOIN);
    outside.authorized_role_changes = vec![SingleSourceRoleChangeTargets {
        from_role_index: Role::None.index(),
        target_role_indexes: vec![Role::Member.index()],
    }];
    data
}

fn roles_update(data: &RoleData) -> Vec<u8> {
    codec::encode(data).unwrap()
}

#[test]
fn the_state_after_is_what_the_components_become() {
    let cast = cast();
    let scene = cast
        .room()
        .by(MIA)
        .list(&[(&cast.eve, Role::Member)])
        .add(cast.eve.leaf(1));
    let after = scene.check().unwrap();
    assert_eq!(
        after.participants.role_of(&cast.eve.user),
        Role::Member.index()
    );
    assert!(after.may_send(&cast.eve.user) && !after.may_send(&cast.rita.user));
    let update = scene
        .commit
        .components
        .first()
        .unwrap()
        .update
        .clone()
        .unwrap();
    let value = scene
        .state
        .apply(component::PARTICIPANT_LIST, &update)
        .unwrap();
    assert_eq!(
        after.to_components().get(&component::PARTICIPANT_LIST),
        Some(&value)
    );
    let unchanged = cast.room();
    assert_eq!(unchanged.check().as_ref(), Ok(&unchanged.state));
}

#[test]
fn a_made_up_user_is_told_from_the_real_one() {
    let cast = cast();
    let second_mia = cast.mia.impostor();
    let scene = cast.room().by(ADAM).add(second_mia.leaf(7));
    assert_eq!(
        scene.check().unwrap_err(),
        PolicyViolation::IdentityUnproven(cast.mia.user.clone())
    );
    // Negative control: the same commit with the user's own key passes.
    assert!(cast.room().by(ADAM).add(cast.mia.leaf(7)).check().is_ok());
}
