//! Writing a handshake with all it changes: one transaction, under the lock of the room's head.

use std::sync::Arc;

use bytes::Bytes;
use grove_mls::identity::Head;
use grove_mls::public::{Added, CheckedCommit, Refusal};
use grove_wire::codec;
use grove_wire::mimi::notify::{FanoutMessage, FanoutTail};
use grove_wire::mimi::update::HandshakeBundle;
use grove_wire::mls::Welcome;
use grove_wire::uri::ClientUri;

use super::{Checked, Handshake, UpdateError};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{self, EntryKind, HeadRow, Mark, NewHandshake, NewWelcome, Tx};
use crate::delivery::Entry;
use crate::devices::check_new_leaves;
use crate::rooms::Room;
use crate::rooms::append::next_time;
use crate::rooms::groups::Seat;

/// What stands in the log.
pub(super) struct Written {
    pub(super) entry: Arc<Entry>,
    /// Devices of this server whose rooms changed.
    pub(super) devices: Vec<i64>,
    pub(super) snapshot_due: bool,
}

impl Handshake {
    /// One transaction for all that the handshake changes.
    pub(super) async fn write(
        &self,
        app: &App,
        room: &Room,
        seat: &Seat,
        checked: &Checked,
    ) -> Result<Written, UpdateError> {
        let mut connection = app.db.connect().await?;
        let tx = connection.begin().await?;
        let recipients = match checked {
            Checked::Commit(commit, _effects) => recipients(&tx, room, commit).await?,
            Checked::Proposals(_) => Vec::new(),
        };
        let head = tx.lock_head(room.id).await?;
        if seat.seq() != Some(head.handshake_seq) {
            return Err(UpdateError::WrongEpoch {
                current: head.epoch,
            });
        }
        let entry = Arc::new(self.entry(&head, checked, app.clock.now())?);
        let (kind, group_info) = match checked {
            Checked::Commit(commit, _effects) => {
                (EntryKind::Commit, Some(commit.group_info.as_slice()))
            }
            Checked::Proposals(_) => (EntryKind::Proposal, None),
        };
        let new = NewHandshake {
            kind,
            mark: entry.mark,
            message_hash: self.hash,
            entry: &entry.bytes,
            group_info,
        };
        let snapshot_due = tx.append_handshake(room.id, &new).await?;
        let devices = match checked {
            Checked::Commit(commit, effects) => {
                let devices = effects.write(&tx, room, commit, entry.mark).await?;
                // Judged here, so that no device is revoked between the judgement and the commit.
                check_new_leaves(app, &tx, &commit.new_leaves).await?;
                self.deliver_welcome(&tx, room, &recipients, entry.mark)
                    .await?;
                devices
            }
            Checked::Proposals(proposals) => {
                let leaving = proposals.leavers.iter().chain(&proposals.removals);
                let leaving: Vec<&str> = leaving.map(ClientUri::as_str).collect();
                tx.mark_leaving(room.id, &leaving).await?;
                Vec::new()
            }
        };
        tx.commit().await?;
        Ok(Written {
            entry,
            devices,
            snapshot_due,
        })
    }

    fn entry(
        &self,
        head: &HeadRow,
        checked: &Checked,
        now: Timestamp,
    ) -> Result<Entry, UpdateError> {
        let time = next_time(head.last_time, now);
        let tail = match &*self.bundle {
            HandshakeBundle::Commit { .. } => FanoutTail::Commit {
                external_proposals: Vec::new(),
            },
            HandshakeBundle::Proposal { more_proposals, .. } => FanoutTail::Proposal {
                more_proposals: more_proposals.clone(),
            },
        };
        let message = self.bundle.first().clone();
        let bytes = codec::encode(&FanoutMessage {
            timestamp: time,
            message,
            tail,
        })
        .map_err(|_contradiction| Refusal::NotAHandshake)?;
        let epoch = match checked {
            Checked::Commit(commit, _effects) => commit.epoch_after,
            Checked::Proposals(_) => head.epoch,
        };
        let seq = head.seq + 1;
        let head = *Head::from_bytes(head.head).next(seq, &bytes).as_bytes();
        Ok(Entry::new(
            Mark {
                seq,
                epoch,
                time,
                head,
            },
            Bytes::from(bytes),
        ))
    }

    /// Cuts the Welcome apart: the common part is stored once, each device gets its own entry.
    async fn deliver_welcome(
        &self,
        tx: &Tx<'_>,
        room: &Room,
        recipients: &[(Vec<u8>, i64)],
        mark: Mark,
    ) -> Result<(), db::Error> {
        let HandshakeBundle::Commit {
            welcome: Some(welcome),
            ..
        } = &*self.bundle
        else {
            return Ok(());
        };
        let parts = Welcome::split(welcome);
        let device = |reference: &[u8]| {
            recipients
                .iter()
                .find(|(one, _device)| one == reference)
                .map(|(_one, device)| *device)
        };
        let secrets = parts
            .secrets
            .iter()
            .filter_map(|secret| Some((device(&secret.key_package_ref)?, secret.bytes.as_slice())));
        let new = NewWelcome {
            seq: mark.seq,
            epoch: mark.epoch,
            suite: parts.cipher_suite,
            encrypted_group_info: &parts.encrypted_group_info,
            secrets: secrets.collect(),
        };
        tx.add_welcome(room.id, &new).await?;
        let used: Vec<Vec<u8>> = recipients
            .iter()
            .map(|(reference, _device)| reference.clone())
            .collect();
        let _removed = tx.remove_claims(room.uri.as_str(), &used).await?;
        Ok(())
    }
}

/// The devices of the clients a commit adds, by `KeyPackageRef`: each claimed for this room, by
/// whose it is.
async fn recipients(
    tx: &Tx<'_>,
    room: &Room,
    commit: &CheckedCommit,
) -> Result<Vec<(Vec<u8>, i64)>, UpdateError> {
    if commit.added.is_empty() {
        return Ok(Vec::new());
    }
    let references: Vec<Vec<u8>> = commit
        .added
        .iter()
        .map(|added| added.reference.clone())
        .collect();
    let claims = tx.find_claims(room.uri.as_str(), &references).await?;
    let device = |added: &Added| {
        let claim = claims.iter().find(|claim| {
            claim.reference == added.reference && claim.client == added.client.as_str()
        })?;
        Some((added.reference.clone(), claim.device_id))
    };
    let unclaimed = |added: &Added| UpdateError::KeyPackageUnclaimed(added.client.clone());
    commit
        .added
        .iter()
        .map(|added| device(added).ok_or_else(|| unclaimed(added)))
        .collect()
}
