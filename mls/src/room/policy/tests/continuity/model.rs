//! Random commits in one room: whatever is accepted, a user stays who they are, and whoever has the
//! words comes in. Who has seen alice never takes anybody else for her, nor what she was for what
//! she is, also where the room cannot know: after she had no leaf.
//!
//! Nobody is honest here. Every step may use each identity alice ever had, as whoever stole her
//! devices could, and identities of somebody else's making; whoever watches is given no device
//! list. What is asked for is kept apart from the rule: the place of an identity in alice's own
//! history.

use grove_wire::limits::MAX_DEVICES_PER_USER;
use proptest::prelude::*;

use super::*;
use crate::identity::{Identity, PublicKey};
use crate::room::Leaf;
use crate::room::continuity::{Standing, laggards, orphans};
use crate::room::validation::{Known, Subjective, ValidLeaf, standing, subjective};

/// Devices with these numbers come and go.
const DEVICES: u8 = 12;
/// The device that alice brings in the end.
const RECOVERED: u8 = 200;

#[derive(Debug, Clone)]
enum Step {
    Commit(Draft),
    /// Alice makes the next generation.
    Renew,
    /// Alice makes the next recovery key.
    Replace,
    /// Somebody comes who sees no more than the tree, and all commits from then on.
    Watch,
    /// So many of those who watch sleep through all commits until they come in anew.
    Sleep(usize),
}

/// A commit: numbers stand for leaves, people and devices, whichever there are.
#[derive(Debug, Clone)]
struct Draft {
    /// The leaf that commits.
    by: usize,
    /// Or who joins, with which device.
    joiner: Option<(usize, u8)>,
    adds: Vec<(usize, u8)>,
    update: Option<usize>,
    /// Which leaf goes, and by whom.
    removes: Vec<(usize, u8)>,
    /// Whether laggards go with the last leaf above them.
    sweeps: bool,
    /// Whether the list is brought in line.
    lists: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let leaf = (0..64_usize, 0..DEVICES);
    let draft = (
        0..64_usize,
        prop::option::weighted(0.3, leaf.clone()),
        prop::collection::vec(leaf, 0..3),
        prop::option::of(0..64_usize),
        prop::collection::vec((0..64_usize, 0..5_u8), 0..3),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.9),
    );
    let draft = draft.prop_map(|(by, joiner, adds, update, removes, sweeps, lists)| Draft {
        by,
        // Whoever joins can add nobody.
        adds: if joiner.is_some() { Vec::new() } else { adds },
        joiner,
        update,
        removes,
        sweeps,
        lists,
    });
    prop_oneof![
        8 => draft.prop_map(Step::Commit),
        1 => Just(Step::Renew),
        1 => Just(Step::Replace),
        1 => Just(Step::Watch),
        1 => (0..3_usize).prop_map(Step::Sleep),
    ]
}

/// Somebody who has pinned whom they saw first as alice.
struct Watcher {
    pin: Option<Identity>,
    /// How far in her own history they have seen her.
    seen: Option<usize>,
    sleeps: bool,
}

struct Model {
    state: RoomState,
    leaves: Vec<Leaf>,
    next_leaf: u32,
    /// All that alice was, the first first.
    history: Vec<Person>,
    /// Others who say to be alice, and who alice is not.
    others: Vec<Person>,
    olga: Person,
    bob: Person,
    /// The root of alice's leaves since she last had none.
    root: Option<PublicKey>,
    watchers: Vec<Watcher>,
}

impl Model {
    fn new() -> Self {
        let (olga, alice, bob) = (
            Person::new("olga", 1),
            Person::new("alice", 7),
            Person::new("bob", 8),
        );
        let Scene { state, commit, .. } = Scene::of(&[
            (&olga, Role::Owner),
            (&alice, Role::Member),
            (&bob, Role::Member),
        ]);
        let thief = alice.impostor();
        Self {
            state,
            leaves: commit.leaves,
            next_leaf: 3,
            others: vec![
                thief.rotated(2),
                thief.with_next_recovery(1),
                alice.forged(),
                thief,
                bob.clone(),
            ],
            root: Some(*alice.identity().root()),
            history: vec![alice],
            olga,
            bob,
            watchers: Vec::new(),
        }
    }

    fn alice(&self) -> &Person {
        self.history.last().unwrap()
    }

    /// Mostly somebody whom alice is or was.
    fn person(&self, number: usize) -> &Person {
        let recent = self.history.iter().rev().take(6);
        let people: Vec<&Person> = recent.clone().chain(recent).chain(&self.others).collect();
        people.get(number % people.len()).copied().unwrap()
    }

    fn leaf(&self, number: usize) -> Option<&Leaf> {
        self.leaves.get(number.checked_rem(self.leaves.len())?)
    }

    /// The leaf in its device's next form, by whoever is wanted.
    fn updated(&self, leaf: &Leaf, who: usize) -> LeafFacts {
        let people = [&self.olga, &self.bob, self.person(who)];
        let again = |person: &&Person| {
            let is =
                |device: &u8| person.client(*device).as_str().as_bytes() == leaf.facts.identity;
            (0..DEVICES).find(is).map(|device| person.leaf(device))
        };
        // Else it is turned into somebody else, which is refused.
        let found = people.iter().find_map(again);
        found.unwrap_or_else(|| self.person(who).leaf(1))
    }

    fn scene(&self, draft: &Draft) -> Option<Scene> {
        let mut scene = Scene::in_room(self.state.clone(), self.leaves.clone());
        if let Some((who, device)) = draft.joiner {
            let facts = self.person(who).leaf(device);
            let own = |one: &&Leaf| one.facts.identity == facts.identity;
            let stale = self.leaves.iter().find(own).map(|leaf| leaf.index);
            scene = scene.joined_by(facts);
            scene = stale.into_iter().fold(scene, Scene::remove);
        } else {
            let actor = self.leaf(draft.by)?;
            scene = scene.by(actor.index);
            scene.commit.updated_leaf = draft.update.map(|who| self.updated(actor, who));
        }
        for (who, device) in &draft.adds {
            scene = scene.add(self.person(*who).leaf(*device));
        }
        for (leaf, kind) in &draft.removes {
            let leaf = self.leaf(*leaf)?.index;
            scene = match kind {
                _ if gone(&scene).contains(&leaf) => scene,
                0 => scene.remove(leaf),
                1 => scene.self_remove(leaf),
                2 => scene.remove_for(leaf, Proposer::Member(self.leaf(draft.by)?.index)),
                _ => scene.remove_for(leaf, Proposer::External(0)),
            };
        }
        if draft.sweeps {
            let left = orphans(&self.leaves, &gone(&scene));
            scene = left.into_iter().fold(scene, Scene::remove);
        }
        Some(if draft.lists {
            self.in_line(scene)
        } else {
            scene
        })
    }

    /// Strikes from the list whose last leaf goes, and enters who arrives.
    fn in_line(&self, scene: Scene) -> Scene {
        let after = self.after(&scene);
        let mut wanted = Vec::new();
        for person in [&self.olga, &self.bob, self.alice()] {
            let stays = !identities(&after, person).is_empty();
            let stood = !identities(&self.leaves, person).is_empty();
            let listed = self.state.participants.role_of(&person.user) > Role::Banned.index();
            match (stood, stays, listed) {
                (true, false, true) => wanted.push((person, Role::None)),
                (_, true, false) => wanted.push((person, Role::Member)),
                _ => {}
            }
        }
        if wanted.is_empty() {
            scene
        } else {
            scene.list(&wanted)
        }
    }

    /// The tree after a commit.
    fn after(&self, scene: &Scene) -> Vec<Leaf> {
        let commit = &scene.commit;
        let gone = gone(scene);
        let mut leaves = self.leaves.clone();
        leaves.retain(|leaf| !gone.contains(&leaf.index));
        let joining = match &commit.committer {
            Committer::Joiner(facts) => Some(facts),
            Committer::Member(actor) => {
                let own = leaves.iter_mut().find(|leaf| leaf.index == *actor);
                if let (Some(own), Some(facts)) = (own, &commit.updated_leaf) {
                    own.facts = facts.clone();
                }
                None
            }
        };
        let arriving = commit.adds.iter().chain(joining).cloned();
        leaves.extend(
            (self.next_leaf..)
                .zip(arriving)
                .map(|(index, facts)| Leaf { index, facts }),
        );
        leaves
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Commit(draft) => {
                let Some(scene) = self.scene(draft) else {
                    return;
                };
                if let Ok(after) = scene.check() {
                    self.merge(&scene, after);
                }
            }
            Step::Renew => self.history.push(self.alice().rotated(1)),
            Step::Replace => {
                let replaced = self.alice().identity().keys().count();
                if replaced < 5 {
                    self.history.push(self.alice().with_next_recovery(1));
                }
            }
            Step::Watch => {
                self.watchers.push(Watcher {
                    pin: None,
                    seen: None,
                    sleeps: false,
                });
                self.all_look();
            }
            Step::Sleep(few) => {
                for (place, watcher) in self.watchers.iter_mut().enumerate() {
                    watcher.sleeps = place < *few;
                }
                self.all_look();
            }
        }
    }

    /// Alice's leaves, as they are judged.
    fn her_leaves(&self) -> Vec<ValidLeaf> {
        let laggards = laggards(&self.leaves);
        let valid = self.leaves.iter().map(|leaf| {
            let mut valid = standing(&leaf.facts).unwrap();
            valid.left_behind_by = laggards.get(&leaf.index).cloned().map(Box::new);
            valid
        });
        valid
            .filter(|leaf| leaf.user == self.alice().user)
            .collect()
    }

    /// Whoever is awake sees the tree, pins as a client does, and judges who speaks.
    fn all_look(&mut self) {
        let leaves = self.her_leaves();
        let history: Vec<&Identity> = self.history.iter().map(Person::identity).collect();
        let place = |one: &Identity| history.iter().position(|known| known.is_same(one));
        for watcher in self.watchers.iter_mut().filter(|watcher| !watcher.sleeps) {
            for leaf in &leaves {
                let first = watcher.pin.is_none();
                let pin = watcher.pin.get_or_insert_with(|| leaf.identity.clone());
                if leaf.identity.follows(pin) {
                    *pin = leaf.identity.clone();
                    if first || watcher.seen.is_some() {
                        watcher.seen = watcher.seen.max(place(&leaf.identity));
                    }
                }
            }
            let Some(pin) = &watcher.pin else {
                continue;
            };
            for leaf in &leaves {
                let known = Known {
                    identity: pin,
                    list: None,
                };
                let is_alarmed = match subjective(leaf, Some(&known)) {
                    Subjective::Fine | Subjective::Stale | Subjective::Unverified => false,
                    Subjective::Changed
                    | Subjective::Laggard
                    | Subjective::Outdated
                    | Subjective::Revoked
                    | Subjective::UnknownDevice => true,
                };
                assert!(
                    is_alarmed || watcher.seen.is_none() || place(&leaf.identity) >= watcher.seen,
                    "somebody is taken for alice"
                );
            }
        }
    }

    /// What must be true of every commit that is accepted.
    fn merge(&mut self, scene: &Scene, state: RoomState) {
        let leaves = self.after(scene);
        for person in [&self.olga, &self.bob, self.alice()] {
            let after = identities(&leaves, person);
            let Some(now) = Standing::of(&after) else {
                continue;
            };
            assert!(now.is_chain, "the leaves of {}", person.user);
            assert!(now.at_top <= MAX_DEVICES_PER_USER);
            let before = identities(&self.leaves, person);
            if let Some(before) = Standing::of(&before) {
                assert!(now.top.follows(before.top), "the top of {}", person.user);
            }
        }
        let before = identities(&self.leaves, self.alice());
        let after = identities(&leaves, self.alice());
        if before.is_empty() {
            self.root = after.first().map(|one| *one.root());
        }
        for identity in &after {
            assert_eq!(
                Some(*identity.root()),
                self.root,
                "somebody else stands there"
            );
        }
        if !after.is_empty() && self.is_hers() {
            assert!(
                self.place(&after) >= self.place(&before),
                "back to an older one"
            );
        }
        self.leaves = leaves;
        self.state = state;
        self.next_leaf += 8;
        self.all_look();
    }

    /// Whether the leaves are alice's own.
    fn is_hers(&self) -> bool {
        self.root == Some(*self.alice().identity().root())
    }

    /// How far in alice's history the highest of these stands.
    fn place(&self, identities: &[Identity]) -> Option<usize> {
        let place = |one: &Identity| {
            let is = |person: &Person| person.identity().is_same(one);
            self.history.iter().position(is).unwrap()
        };
        identities.iter().map(place).max()
    }

    /// Alice has lost everything but the words, and comes with the next identity.
    fn alice_comes_in(&self) {
        if identities(&self.leaves, self.alice()).is_empty() || !self.is_hers() {
            return;
        }
        let joins = Scene::in_room(self.state.clone(), self.leaves.clone())
            .joined_by(self.alice().rotated(1).leaf(RECOVERED));
        assert_eq!(joins.check().err(), None, "she is kept out");
    }
}

fn gone(scene: &Scene) -> BTreeSet<u32> {
    let removed = scene.commit.removes.iter().map(|one| one.leaf);
    removed.chain(scene.commit.self_removes.clone()).collect()
}

fn identities(leaves: &[Leaf], person: &Person) -> Vec<Identity> {
    let valid = leaves.iter().map(|leaf| standing(&leaf.facts).unwrap());
    valid
        .filter(|leaf| leaf.user == person.user)
        .map(|leaf| leaf.identity)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_user_stays_who_they_are(steps in prop::collection::vec(step(), 1..40)) {
        let mut model = Model::new();
        model.take(&Step::Watch);
        for step in &steps {
            model.take(step);
            model.alice_comes_in();
        }
    }
}

/// Merges a commit of olga's that policy has refused.
fn merge_unasked(adds: impl Fn(&Person) -> Person, removes: bool) {
    let mut model = Model::new();
    model.take(&Step::Renew);
    let alice = model.alice().clone();
    let honest = Scene::in_room(model.state.clone(), model.leaves.clone());
    let honest = honest.add(alice.leaf(2));
    let state = honest.check().unwrap();
    model.merge(&honest, state.clone());
    let refused = Scene::in_room(state.clone(), model.leaves.clone());
    let mut refused = refused.add(adds(&alice).leaf(3));
    if removes {
        refused = refused.remove(1).remove(3);
    }
    assert!(refused.check().is_err());
    model.merge(&refused, state);
}

#[test]
#[should_panic(expected = "the leaves of")]
fn the_model_sees_an_impostor_beside_her() {
    merge_unasked(Person::impostor, false);
}

#[test]
#[should_panic(expected = "the top of")]
fn the_model_sees_an_impostor_in_her_place() {
    merge_unasked(Person::impostor, true);
}

#[test]
#[should_panic(expected = "the top of")]
fn the_model_sees_an_older_identity_in_her_place() {
    merge_unasked(|_alice| Person::new("alice", 7), true);
}

/// Alice goes, and olga lets somebody else in as alice, which no room can know.
fn let_impostor_in(watch: impl Fn(&mut Watcher)) {
    let mut model = Model::new();
    model.take(&Step::Watch);
    let alice = model.alice().clone();
    let goes = Scene::in_room(model.state.clone(), model.leaves.clone());
    let goes = goes.remove(1).list(&[(&alice, Role::None)]);
    let state = goes.check().unwrap();
    model.merge(&goes, state);
    model.watchers.iter_mut().for_each(watch);
    let comes = Scene::in_room(model.state.clone(), model.leaves.clone());
    let comes = comes
        .add(alice.impostor().leaf(3))
        .list(&[(&alice, Role::Member)]);
    let state = comes.check().unwrap();
    model.merge(&comes, state);
}

#[test]
fn who_has_pinned_alice_is_alarmed_by_an_impostor_in_her_place() {
    let_impostor_in(|_watcher| {});
}

#[test]
#[should_panic(expected = "somebody is taken for alice")]
fn the_model_sees_that_nobody_is_alarmed_without_pins() {
    let_impostor_in(|watcher| watcher.pin = None);
}
