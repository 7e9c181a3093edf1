//! What a commit changes besides the log: participants and cursors.

use std::collections::{BTreeMap, BTreeSet};

use grove_mls::public::CheckedCommit;
use grove_mls::room::RoomState;
use grove_wire::mimi::room::capability;
use grove_wire::uri::{ClientUri, UserUri};

use super::Room;
use crate::db::{self, CursorChange, Mark, ParticipantRow, Tx};

/// The changes to the participant list, worked out beside the group.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Effects {
    gone: Vec<UserUri>,
    changed: Vec<(UserUri, Right)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Right {
    role: u32,
    may_send: bool,
}

impl Effects {
    /// The changes from a room's state to the one after a commit.
    pub(super) fn between(before: &RoomState, commit: &CheckedCommit) -> Self {
        Self::of(before, commit.state())
    }

    fn of(before: &RoomState, after: &RoomState) -> Self {
        if before.participants == after.participants && before.roles == after.roles {
            return Self::default();
        }
        let (before, after) = (rights(before), rights(after));
        let gone = before.keys().filter(|user| !after.contains_key(*user));
        let changed = after
            .iter()
            .filter(|(user, right)| before.get(*user) != Some(*right));
        Self {
            gone: gone.map(|user| (*user).clone()).collect(),
            changed: changed
                .map(|(user, right)| ((*user).clone(), *right))
                .collect(),
        }
    }

    /// Writes them, and opens and closes cursors. Returns the devices concerned.
    pub(super) async fn write(
        &self,
        tx: &Tx<'_>,
        room: &Room,
        commit: &CheckedCommit,
        mark: Mark,
    ) -> Result<Vec<i64>, db::Error> {
        if *self != Self::default() {
            let rows = self.changed.iter().map(|(user, right)| {
                let Right { role, may_send } = *right;
                ParticipantRow {
                    user,
                    role,
                    may_send,
                }
            });
            tx.change_participants(room.id, &self.gone, &rows.collect::<Vec<_>>())
                .await?;
        }
        let changes = Moves::from(commit).cursor_changes(mark);
        if changes.is_empty() {
            Ok(Vec::new())
        } else {
            tx.change_cursors(room.id, &changes).await
        }
    }
}

fn rights(state: &RoomState) -> BTreeMap<&UserUri, Right> {
    let right = |role| Right {
        role,
        may_send: state.roles.may(role, capability::CAN_SEND_MESSAGE),
    };
    state
        .participants
        .iter()
        .map(|one| (&one.user, right(one.role)))
        .collect()
}

/// Clients that a commit brings in or takes out.
#[derive(Debug, Default)]
struct Moves<'a> {
    added: Vec<&'a str>,
    joined: Option<&'a str>,
    removed: Vec<&'a str>,
}

impl<'a> From<&'a CheckedCommit> for Moves<'a> {
    fn from(commit: &'a CheckedCommit) -> Self {
        Self {
            added: commit
                .added
                .iter()
                .map(|added| added.client.as_str())
                .collect(),
            joined: commit.joined.as_ref().map(ClientUri::as_str),
            removed: commit.removed.iter().map(ClientUri::as_str).collect(),
        }
    }
}

impl<'a> Moves<'a> {
    /// Whoever is added reads from the next entry on; who joins by itself reads from its own commit
    /// on, so that it sees that it is in; who is removed reads up to the commit that says so.
    fn cursor_changes(self, mark: Mark) -> Vec<CursorChange<'a>> {
        let added = self.added.into_iter().map(|client| (client, mark.seq + 1));
        let opened: BTreeMap<&str, u64> = added
            .chain(self.joined.map(|client| (client, mark.seq)))
            .collect();
        // One that is removed and comes in again by the same commit stays in.
        let removed: BTreeSet<&str> = self.removed.into_iter().collect();
        let closed: Vec<&str> = removed
            .into_iter()
            .filter(|client| !opened.contains_key(client))
            .collect();
        let open = opened
            .into_iter()
            .map(|(client, from_seq)| CursorChange::Open {
                client,
                from_seq,
                from_epoch: mark.epoch,
            });
        open.chain(closed.into_iter().map(|client| CursorChange::Close {
            client,
            to_seq: mark.seq,
        }))
        .collect()
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use grove_mls::identity::{
        CREATION_RECORD_VERSION, CreationRecord, DeviceKey, RecoveryKey, SignedCreationRecord,
    };
    use grove_mls::room::{Participants, Role};
    use grove_wire::mimi::room::{ParticipantListData, UserRolePair};

    use super::*;

    const MARK: Mark = Mark {
        seq: 7,
        epoch: 3,
        time: 0,
        head: [0; 32],
    };

    fn user(name: &str) -> UserUri {
        UserUri::parse(&format!("{name}@a.example")).expect("an address")
    }

    fn state(participants: &[(&str, Role)]) -> RoomState {
        let (device, root) = (
            DeviceKey::from_seed([1; 32]),
            RecoveryKey::from_seed([2; 32]),
        );
        let record = CreationRecord {
            version: CREATION_RECORD_VERSION,
            hub: user("alice").provider(),
            hub_key: device.public(),
            creator: user("alice"),
            root: root.public(),
            device_key: device.public(),
            cipher_suite: 1,
            time: 0,
            nonce: [0; 32],
            predecessor: None,
        };
        let record = SignedCreationRecord::sign(&device, record).expect("a record");
        let mut state = RoomState::create(record, &device.public());
        let pair = |(name, role): &(&str, Role)| UserRolePair {
            user: user(name),
            role_index: role.index(),
        };
        let data = ParticipantListData {
            participants: participants.iter().map(pair).collect(),
        };
        state.participants = Participants::from_data(data).expect("a list");
        state
    }

    #[test]
    fn only_what_changed_is_written() {
        let before = state(&[
            ("alice", Role::Owner),
            ("bob", Role::Member),
            ("cathy", Role::Member),
        ]);
        let after = state(&[
            ("alice", Role::Owner),
            ("cathy", Role::ReadOnly),
            ("dave", Role::Banned),
        ]);
        let right = |role: Role| Right {
            role: role.index(),
            may_send: false,
        };
        let expected = Effects {
            gone: vec![user("bob")],
            changed: vec![
                (user("cathy"), right(Role::ReadOnly)),
                (user("dave"), right(Role::Banned)),
            ],
        };
        assert_eq!(Effects::of(&before, &after), expected);
        assert_eq!(Effects::of(&before, &before), Effects::default());
    }

    #[test]
    fn who_may_send_follows_the_role() {
        let (before, after) = (
            state(&[]),
            state(&[("alice", Role::Owner), ("bob", Role::Member)]),
        );
        assert!(
            Effects::of(&before, &after)
                .changed
                .iter()
                .all(|(_user, right)| right.may_send)
        );
    }

    #[test]
    fn cursors_open_behind_an_add_at_a_join_and_close_at_a_removal() {
        let moves = Moves {
            added: vec!["new"],
            joined: Some("joiner"),
            removed: vec!["old", "old"],
        };
        let expected = [
            CursorChange::Open {
                client: "joiner",
                from_seq: 7,
                from_epoch: 3,
            },
            CursorChange::Open {
                client: "new",
                from_seq: 8,
                from_epoch: 3,
            },
            CursorChange::Close {
                client: "old",
                to_seq: 7,
            },
        ];
        assert_eq!(moves.cursor_changes(MARK), expected);
    }

    #[test]
    fn a_client_that_replaces_its_own_leaf_stays_in() {
        let moves = Moves {
            joined: Some("client"),
            removed: vec!["client"],
            ..Moves::default()
        };
        let expected = [CursorChange::Open {
            client: "client",
            from_seq: 7,
            from_epoch: 3,
        }];
        assert_eq!(moves.cursor_changes(MARK), expected);
    }
}
