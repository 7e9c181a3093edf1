//! The «second alice»: clients made up or copied, which a server could introduce, and members that
//! turn into somebody else.
//!
//! Each is refused by hub and members, for its reason. Each has its negative control: a member
//! without our checks merges it.

use grove_mls::identity::{DeviceCredential, DeviceCredentialError, DeviceKey, IdentityError};
use grove_mls::key_package::KEY_PACKAGE_LIFETIME;
use grove_mls::member::{ReceiveError, Received, Refused};
use grove_mls::outside::check_authenticated_data;
use grove_mls::public::Refusal;
use grove_mls::room::validation::IdentityViolation;
use grove_mls::room::{PolicyViolation, Role};
use grove_wire::mimi::room::component;
use grove_wire::uri::{ClientUri, UserUri};
use openmls::framing::SafeAadItem;
use openmls::prelude::{KeyPackage, LeafNodeParameters, Lifetime};

use crate::plain::{
    Key, capabilities, commit, extensions, hand_in, identity, key_package, openmls, openmls_merges,
    wire,
};
use crate::world::{Keys, World, device, unfollowable, user};

mod joined;

/// A world in which bob, a member, adds what he made up, and what hub and alice say to it.
struct Attempt {
    world: World,
    added: KeyPackage,
    list: Vec<(UserUri, u32)>,
}

impl Attempt {
    fn adding(says: &str, key: &DeviceKey, credential: Option<&DeviceCredential>) -> Self {
        let lifetime = Lifetime::new(KEY_PACKAGE_LIFETIME.as_secs());
        let added = key_package(says, key, credential, capabilities(), lifetime);
        Self {
            world: World::with(&["alice", "bob", "carol"]),
            added,
            list: Vec::new(),
        }
    }

    fn listing(mut self, name: &str) -> Self {
        self.list.push((user(name), Role::Member.index()));
        self
    }

    /// Both refuse for the same reason, OpenMLS alone does not, and nothing has changed.
    fn refused(mut self, is_expected: impl Fn(&PolicyViolation) -> bool) {
        let added = self.added.clone();
        let room = self.world.room.clone();
        let forged = commit(&self.world.devices[1], &room, &self.list, |builder| {
            builder.propose_adds([added])
        });

        let tree = self.world.hub.tree().unwrap();
        let by_hub = match hand_in(&self.world, 1, &forged).unwrap_err() {
            Refusal::Policy(violation) => violation,
            Refusal::Identity(violation) => violation.into(),
            other => panic!("the hub says: {other}"),
        };
        assert!(is_expected(&by_hub), "the hub says: {by_hub}");
        assert_eq!(self.world.hub.tree().unwrap(), tree);

        self.world.submit(forged.commit.clone());
        let entry = self.world.log.len() - 1;
        let before = self.world.group(0).epoch();
        match self.world.read(0, entry) {
            Err(ReceiveError::Unfollowable { reason, .. }) => {
                assert_eq!(reason, by_hub.to_string());
            }
            other => panic!("alice says: {other:?}"),
        }
        assert_eq!(self.world.group(0).epoch(), before);
        self.world.devices[0].say("unharmed").unwrap();

        // The negative control.
        assert!(
            openmls_merges(&self.world.devices[0], &room, &forged.commit),
            "OpenMLS alone takes it"
        );
    }
}

fn made_up_key() -> DeviceKey {
    DeviceKey::from_seed([0x66; 32])
}

#[test]
fn a_second_alice_without_a_device_credential_is_refused() {
    let client = ClientUri::new(&user("alice"), [0x66; 16]);
    Attempt::adding(client.as_str(), &made_up_key(), None).refused(|violation| {
        *violation == PolicyViolation::Identity(IdentityViolation::MissingCredential)
    });
}

#[test]
fn a_second_alice_with_the_first_ones_credential_is_refused() {
    let alice = device("alice", 0);
    let client = ClientUri::new(&user("alice"), [0x66; 16]);
    Attempt::adding(
        client.as_str(),
        &made_up_key(),
        Some(&alice.identity.credential),
    )
    .refused(|violation| {
        matches!(
            violation,
            PolicyViolation::Identity(IdentityViolation::Credential(_))
        )
    });
}

#[test]
fn a_second_alice_under_the_first_ones_name_and_credential_is_refused() {
    let alice = device("alice", 0);
    let says = alice.identity.client.as_str().to_owned();
    Attempt::adding(&says, &made_up_key(), Some(&alice.identity.credential)).refused(|violation| {
        matches!(
            violation,
            PolicyViolation::Identity(IdentityViolation::Credential(_))
        )
    });
}

#[test]
fn a_second_alice_with_an_identity_of_her_own_or_of_another_user_is_refused() {
    let uncertified = DeviceCredentialError::Identity(IdentityError::BadSignature);
    let uncertified = PolicyViolation::Identity(uncertified.into());
    let unproven = PolicyViolation::IdentityUnproven(user("alice"));
    for (keys, expected) in [
        (Keys::made_up("alice"), unproven),
        (Keys::of("bob"), uncertified),
    ] {
        let key = made_up_key();
        let client = ClientUri::new(&user("alice"), [0x66; 16]);
        let credential = keys.issue(&client, &key.public());
        Attempt::adding(client.as_str(), &key, Some(&credential))
            .refused(|violation| *violation == expected);
    }
}

#[test]
fn somebody_who_is_nobodys_client_is_refused() {
    for says in [
        "alice",
        "mimi://a.example/u/alice",
        "mimi://A.example/d/alice/aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "",
    ] {
        Attempt::adding(says, &made_up_key(), None).refused(|violation| {
            *violation == PolicyViolation::Identity(IdentityViolation::Identity)
        });
    }
}

#[test]
fn a_real_client_of_somebody_who_is_not_listed_is_refused() {
    let dave = device("dave", 0);
    let says = dave.identity.client.as_str().to_owned();
    Attempt::adding(&says, &dave.identity.key, Some(&dave.identity.credential))
        .refused(|violation| *violation == PolicyViolation::AddOfNonParticipant(user("dave")));
}

#[test]
fn the_same_commit_with_the_list_entry_is_accepted() {
    // The control of the controls: what is refused above is refused for its one fault.
    let dave = device("dave", 0);
    let says = dave.identity.client.as_str().to_owned();
    let attempt =
        Attempt::adding(&says, &dave.identity.key, Some(&dave.identity.credential)).listing("dave");
    let Attempt {
        mut world,
        added,
        list,
    } = attempt;
    let room = world.room.clone();
    let forged = commit(&world.devices[1], &room, &list, |builder| {
        builder.propose_adds([added])
    });
    assert_eq!(hand_in(&world, 1, &forged).unwrap().added.len(), 1);
    world.submit(forged.commit);
    let entry = world.log.len() - 1;
    assert!(world.read(0, entry).is_ok());
}

#[test]
fn a_member_that_turns_into_somebody_else_is_refused() {
    let alice = device("alice", 0);
    let stolen = ClientUri::new(&user("alice"), [0x77; 16]);
    for (says, credential, expected) in [
        (
            alice.identity.client.as_str(),
            Some(&alice.identity.credential),
            "Identity",
        ),
        (stolen.as_str(), None, "Identity"),
    ] {
        let mut world = World::with(&["alice", "bob", "carol"]);
        let room = world.room.clone();
        let parameters = LeafNodeParameters::builder()
            .with_credential_with_key(identity(says, &world.devices[1].identity.key))
            .with_extensions(extensions(credential))
            .build();
        let forged = commit(&world.devices[1], &room, &[], |builder| {
            builder.leaf_node_parameters(parameters)
        });
        let by_hub = hand_in(&world, 1, &forged).unwrap_err();
        assert!(
            matches!(by_hub, Refusal::Identity(_)),
            "{expected}: {by_hub}"
        );
        world.submit(forged.commit.clone());
        let entry = world.log.len() - 1;
        assert!(matches!(
            world.read(0, entry),
            Err(ReceiveError::Unfollowable {
                committer: Some(_),
                ..
            })
        ));
        assert!(
            openmls_merges(&world.devices[0], &room, &forged.commit),
            "negative control"
        );
    }
}

#[test]
fn a_member_that_turns_into_another_of_its_users_clients_is_refused() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let room = world.room.clone();
    let bob = &world.devices[1];
    let other = ClientUri::new(&user("bob"), [0x77; 16]);
    let credential = Keys::of("bob").issue(&other, &bob.identity.key.public());
    let parameters = LeafNodeParameters::builder()
        .with_credential_with_key(identity(other.as_str(), &bob.identity.key))
        .with_extensions(extensions(Some(&credential)))
        .build();
    let forged = commit(bob, &room, &[], |builder| {
        builder.leaf_node_parameters(parameters)
    });
    assert_eq!(
        hand_in(&world, 1, &forged).unwrap_err(),
        Refusal::Policy(PolicyViolation::ChangedClient)
    );
    world.submit(forged.commit);
    let entry = world.log.len() - 1;
    let reason = Refused::Policy(PolicyViolation::ChangedClient);
    assert!(unfollowable(world.read(0, entry), &reason));
}

/// What a server looks at before it takes a message is what members look at before they open it.
#[test]
fn hub_and_members_judge_authenticated_data_alike() {
    let item = |id, length| SafeAadItem::new(id, vec![7; length]);
    let tag = || item(component::FRANK_AAD, 32);
    let (message_id, private) = (0x0040, 0x8001);
    let kinds: [(Vec<SafeAadItem>, &[u8], bool); 8] = [
        (vec![], b"", true),
        (vec![tag()], b"", true),
        (vec![item(message_id, 4)], b"", true),
        (
            vec![tag(), item(message_id, 4), item(private, 0)],
            b"",
            true,
        ),
        (vec![], b"tail", false),
        (vec![tag()], b"tail", false),
        (vec![item(component::FRANK_AAD, 31)], b"", false),
        (
            vec![item(component::FRANK_AAD, 33), item(private, 1)],
            b"",
            false,
        ),
    ];
    for (items, tail, is_fine) in kinds {
        let mut world = World::with(&["alice", "bob"]);
        let (bob, room) = (&world.devices[1], world.room.clone());
        let (storage, mut group) = openmls(bob, &room);
        group.set_safe_aad(items).unwrap();
        group.set_aad(tail.to_vec());
        let key = Key(&bob.identity.key);
        let message = wire(&group.create_message(&storage, &key, b"x").unwrap());
        let framing = message.framing().unwrap();
        let aad = framing.authenticated_data.to_vec();
        let hub = check_authenticated_data(framing.content_type, framing.authenticated_data);
        world.submit(message);
        let entry = world.log.len() - 1;
        let member = world.read(0, entry);
        assert_eq!(hub.is_ok(), is_fine, "{aad:02x?}");
        if is_fine {
            assert!(
                matches!(member, Ok(Received::Application { .. })),
                "{aad:02x?}"
            );
        } else {
            let refused = ReceiveError::Refused(Refused::AuthenticatedData);
            assert_eq!(
                member.unwrap_err().to_string(),
                refused.to_string(),
                "{aad:02x?}"
            );
        }
    }
}
