//! Random rooms: whatever people do, hub and members agree on tree, components and secrets after
//! every step, and whatever an up-to-date member makes is accepted by the hub and by everybody
//! else.

use grove_mls::member::{CommitError, SealError};
use grove_mls::public::HubGroup;
use grove_mls::room::Role;
use proptest::prelude::*;

use crate::world::{Group, World, device, user};

const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

#[derive(Debug, Clone)]
enum Step {
    Add {
        actor: usize,
        device: usize,
    },
    ChangeRole {
        actor: usize,
        name: usize,
        role: u32,
    },
    CommitPending {
        actor: usize,
    },
    Join {
        device: usize,
    },
    Leave {
        actor: usize,
    },
    Race {
        first: usize,
        second: usize,
    },
    Remove {
        actor: usize,
        name: usize,
    },
    Restart {
        device: usize,
    },
    RestartHub,
    Say {
        actor: usize,
    },
    Update {
        actor: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let any = 0..16_usize;
    let pair = (any.clone(), any.clone());
    prop_oneof![
        3 => pair.clone().prop_map(|(actor, device)| Step::Add { actor, device }),
        2 => (pair.clone(), 1..6_u32).prop_map(|((actor, name), role)| Step::ChangeRole { actor, name, role }),
        3 => any.clone().prop_map(|actor| Step::CommitPending { actor }),
        1 => any.clone().prop_map(|device| Step::Join { device }),
        1 => any.clone().prop_map(|actor| Step::Leave { actor }),
        2 => pair.clone().prop_map(|(first, second)| Step::Race { first, second }),
        1 => pair.prop_map(|(actor, name)| Step::Remove { actor, name }),
        1 => any.clone().prop_map(|device| Step::Restart { device }),
        1 => Just(Step::RestartHub),
        2 => any.clone().prop_map(|actor| Step::Say { actor }),
        1 => any.prop_map(|actor| Step::Update { actor }),
    ]
}

/// A member's own judgement may refuse.
fn settle(done: Result<(), CommitError>) {
    match done {
        Ok(()) | Err(CommitError::Refused(_) | CommitError::Leaving | CommitError::Nothing) => {}
        Err(CommitError::Mls(error)) if error.to_string().contains("CannotRemoveSelf") => {}
        Err(other) => panic!("{other:?}"),
    }
}

fn run(world: &mut World, step: &Step) {
    let members = world.members();
    let member = |number: usize| members[number % members.len()];
    let outside: Vec<usize> = (0..world.devices.len())
        .filter(|one| !members.contains(one))
        .collect();
    let name = |number: usize| user(NAMES[number % NAMES.len()]);
    match step {
        Step::Add { actor, device } if !outside.is_empty() => {
            let device = outside[device % outside.len()];
            settle(world.add(member(*actor), &[device]));
        }
        Step::ChangeRole {
            actor,
            name: number,
            role,
        } => {
            let roles = [(name(*number), *role)];
            settle(world.commit(member(*actor), |group, storage, device| {
                group.change_roles(storage, device, &roles)
            }));
        }
        Step::CommitPending { actor } => {
            settle(world.commit(member(*actor), Group::commit_pending));
        }
        Step::Join { device } => {
            let device = device % world.devices.len();
            // A member that comes back has lost its state.
            world.devices[device].records = crate::world::Map::default();
            let was_in = world.devices[device]
                .group
                .take()
                .is_some_and(|group| group.is_active());
            match world.join_externally(device) {
                Ok(bundle) => world.hand_in(device, &bundle).unwrap(),
                Err(error) => assert!(!was_in, "a member may come back, but: {error}"),
            }
            world.sync();
        }
        Step::Leave { actor } => {
            let actor = member(*actor);
            match world.devices[actor].act(Group::leave) {
                Ok(bundle) => world.hand_in(actor, &bundle).unwrap(),
                Err(CommitError::Leaving) => {}
                Err(other) => panic!("{other}"),
            }
            world.sync();
        }
        Step::Race { first, second } => race(world, member(*first), member(*second)),
        Step::Remove {
            actor,
            name: number,
        } => {
            let users = [name(*number)];
            settle(world.commit(member(*actor), |group, storage, device| {
                group.remove_users(storage, device, &users)
            }));
        }
        Step::Restart { device } => {
            let room = world.room.clone();
            world.devices[member(*device)].restart(&room);
        }
        Step::RestartHub => world.hub = HubGroup::load(&world.hub.snapshot().unwrap()).unwrap(),
        Step::Say { actor } => match world.devices[member(*actor)].say("words") {
            Ok(message) => {
                world.submit(message);
                world.sync();
            }
            Err(SealError::NotAllowed) => {}
            Err(SealError::PendingProposals) => assert!(world.hub.pending().next().is_some()),
            Err(other) => panic!("{other}"),
        },
        Step::Update { actor } => {
            settle(world.commit(member(*actor), Group::self_update));
        }
        Step::Add { .. } => {}
    }
}

fn race(world: &mut World, first: usize, second: usize) {
    if first == second {
        return;
    }
    let make = |world: &mut World, one: usize| world.devices[one].act(Group::self_update).ok();
    let (winner, loser) = (make(world, first), make(world, second));
    if let Some(winner) = winner {
        world.hand_in(first, &winner).unwrap();
        if let Some(loser) = loser {
            assert!(world.hand_in(second, &loser).is_err());
        }
    } else if let Some(loser) = loser {
        world.hand_in(second, &loser).unwrap();
    }
    world.sync();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn hub_and_members_agree_whatever_people_do(steps in prop::collection::vec(step(), 1..25)) {
        let mut world = World::with(&NAMES[..3]);
        world.commit(0, |group, storage, device| {
            group.change_roles(storage, device, &[(user("bob"), Role::Admin.index())])
        }).unwrap();
        for (name, number) in [("alice", 1), ("bob", 1), ("dave", 0), ("erin", 0)] {
            world.devices.push(device(name, number));
        }
        for step in &steps {
            if world.members().is_empty() {
                break;
            }
            run(&mut world, step);
            world.assert_agreement();
        }
    }
}
