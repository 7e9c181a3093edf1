//! Handshakes: a commit or proposals, checked against the group, written with all they change, then
//! merged.
//!
//! Checking and writing happen in the room's seat. The compare-and-set is under the head's lock:
//! the group must have seen the last handshake of the log. Commit, GroupInfo, Welcomes,
//! participants and cursors land in one transaction. From the seat on the work goes on even if
//! whoever asked is gone, because what is in the log must be merged and made known.

mod effects;
mod write;

use std::sync::Arc;

use grove_mls::public::{CheckedCommit, CheckedProposals, CommitParts, HubGroup, Refusal};
use grove_wire::mimi::update::HandshakeBundle;
use grove_wire::mls::SenderKind;
use grove_wire::uri::{ClientUri, RoomUri};
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;
use tracing::warn;

use self::effects::Effects;
use self::write::Written;
use super::groups::Seat;
use super::standing::{self, Standing};
use super::{GroupError, Room, StandingError, Submitted, submitted, tree};
use crate::app::App;
use crate::db::{self, Mark};
use crate::devices::NewLeafError;
use crate::sessions::ClientAuth;
use crate::tasks::WorkLost;

/// Why a handshake was not accepted. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpdateError {
    #[error(transparent)]
    Group(#[from] GroupError),
    /// A KeyPackage that nobody claimed for this room, or another client's.
    #[error("{0} is added by a KeyPackage that is not claimed for this room")]
    KeyPackageUnclaimed(ClientUri),
    /// A leaf that its user does not want in any group any more.
    #[error("{0}")]
    NewLeaf(NewLeafError),
    /// The device is leaving: others commit that.
    #[error("a client that is leaving makes no commits")]
    Leaving,
    #[error(transparent)]
    Refused(Refusal),
    #[error(transparent)]
    Standing(#[from] StandingError),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// It was made in another epoch than the room is in.
    #[error("the room is in epoch {current}")]
    WrongEpoch { current: u64 },
}

impl From<db::Error> for UpdateError {
    fn from(error: db::Error) -> Self {
        Self::Standing(error.into())
    }
}

impl From<NewLeafError> for UpdateError {
    fn from(error: NewLeafError) -> Self {
        match error {
            NewLeafError::Database(error) => error.into(),
            other => Self::NewLeaf(other),
        }
    }
}

impl From<WorkLost> for UpdateError {
    fn from(error: WorkLost) -> Self {
        Self::Group(error.into())
    }
}

impl From<Refusal> for UpdateError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::WrongEpoch { current } => Self::WrongEpoch { current },
            other => Self::Refused(other),
        }
    }
}

/// A handshake on its way.
struct Handshake {
    who: ClientAuth,
    uri: RoomUri,
    bundle: Arc<HandshakeBundle>,
    /// SHA-256 of the commit or the first proposal.
    hash: [u8; 32],
}

/// What may be written, and then merged.
enum Checked {
    Commit(Box<CheckedCommit>, Effects),
    Proposals(CheckedProposals),
}

/// Hands in a handshake. Returns once it is durable and merged.
#[tracing::instrument(name = "rooms.update", skip_all)]
pub(crate) async fn update(
    app: &Arc<App>,
    who: &ClientAuth,
    uri: &RoomUri,
    bundle: HandshakeBundle,
) -> Result<Submitted, UpdateError> {
    let hash = Sha256::digest(bundle.first().as_bytes()).into();
    let handshake = Handshake {
        who: who.clone(),
        uri: uri.clone(),
        bundle: Arc::new(bundle),
        hash,
    };
    // The gate comes before the queue: strangers do not wait for the room's seat, nor anybody for
    // them.
    let standing = standing::look_up(app, who, uri, Some(&handshake.hash)).await?;
    if let Some(mark) = handshake.pass(&standing)? {
        return Ok(submitted(app, &standing.room, mark));
    }
    let (answer, verdict) = oneshot::channel();
    let worker = Arc::clone(app);
    app.tasks.spawn("update", async move {
        let result = handshake.apply(&worker).await;
        // Whoever asked may be gone.
        drop(answer.send(result));
    });
    verdict.await.map_err(|_stopped| UpdateError::Stopping)?
}

impl Handshake {
    /// Whether the sender may hand it in at all. Some mark: it is in the log already.
    fn pass(&self, standing: &Standing) -> Result<Option<Mark>, UpdateError> {
        let row = &standing.row;
        if let (Some(mark), Some(_reader)) = (row.repeat, row.cursor) {
            return Ok(Some(mark));
        }
        let Some(framing) = self.bundle.first().framing() else {
            return Err(Refusal::NotAHandshake.into());
        };
        let joins =
            framing.sender == Some(SenderKind::NewMemberCommit) && standing::may_join(row.role);
        if !row.is_member() && !joins {
            return Err(StandingError::NotFound.into());
        }
        let is_commit = matches!(*self.bundle, HandshakeBundle::Commit { .. });
        if is_commit && !joins && row.cursor.is_some_and(|cursor| cursor.leaving) {
            return Err(UpdateError::Leaving);
        }
        if framing.epoch != row.epoch {
            return Err(UpdateError::WrongEpoch { current: row.epoch });
        }
        Ok(None)
    }

    /// In the room's seat: check, write, make known, merge.
    async fn apply(&self, app: &App) -> Result<Submitted, UpdateError> {
        let room = app
            .rooms
            .find(&app.db, &self.uri)
            .await?
            .ok_or(StandingError::NotFound)?;
        let mut seat = app.rooms.groups.enter(room.id).await;
        let standing = standing::look_up(app, &self.who, &self.uri, Some(&self.hash)).await?;
        if let Some(mark) = self.pass(&standing)? {
            return Ok(submitted(app, &room, mark));
        }
        seat.follow(&app.db, &app.tasks).await?;
        let checked = self.check(app, &mut seat).await?;
        let written = self.write(app, &room, &seat, &checked).await?;
        app.delivery.ring_devices(&written.devices);
        app.delivery.publish([(room.id, &written.entry)]);
        metrics::counter!("grove_accepted_total").increment(1);
        self.merge(app, &room, &mut seat, checked, &written).await;
        let receipt = written.entry.receipt(&app.server_key, &room.uri);
        Ok(Submitted {
            mark: written.entry.mark,
            receipt,
        })
    }

    async fn check(&self, app: &App, seat: &mut Seat) -> Result<Checked, UpdateError> {
        let (bundle, actor, now) = (
            Arc::clone(&self.bundle),
            self.who.client.clone(),
            app.clock.now(),
        );
        let check = move |group: &mut HubGroup| match &*bundle {
            HandshakeBundle::Commit {
                commit,
                welcome,
                group_info,
                ratchet_tree,
            } => {
                let parts = CommitParts {
                    commit,
                    welcome: welcome.as_ref(),
                    group_info,
                    ratchet_tree,
                };
                let checked = group.check_commit(parts, &actor, now.ms())?;
                let effects = Effects::between(group.state(), &checked);
                Ok(Checked::Commit(Box::new(checked), effects))
            }
            HandshakeBundle::Proposal {
                proposal,
                more_proposals,
            } => {
                let all: Vec<_> = std::iter::once(proposal)
                    .chain(more_proposals)
                    .cloned()
                    .collect();
                Ok(Checked::Proposals(group.check_proposals(&all, &actor)?))
            }
        };
        let checked: Result<Checked, Refusal> = seat.run(&app.tasks, check).await?;
        Ok(checked?)
    }

    /// Brings the group in memory up to what is in the log. Whatever fails here is made good when
    /// it is loaded again.
    async fn merge(
        &self,
        app: &App,
        room: &Room,
        seat: &mut Seat,
        checked: Checked,
        written: &Written,
    ) {
        let epoch = written.entry.mark.epoch;
        let merged = seat
            .run(&app.tasks, move |group| match checked {
                Checked::Commit(commit, _effects) => {
                    let adds = !commit.added.is_empty();
                    group.merge(*commit)?;
                    if adds {
                        group.epoch_tree().map(Some)
                    } else {
                        Ok(None)
                    }
                }
                Checked::Proposals(proposals) => group.add_proposals(proposals).map(|()| None),
            })
            .await;
        match merged {
            Ok(Ok(tree)) => {
                seat.merged(written.entry.mark.seq);
                // Those who were added ask for it in a moment.
                if let Some(tree) = tree
                    && let Err(error) = tree::keep(app, room.id, epoch, &tree)
                {
                    warn!(%error, room = ?room.id, "a tree cannot be given out");
                }
            }
            Ok(Err(error)) => {
                warn!(%error, room = ?room.id, "a group did not merge what is in its log; it is loaded again");
                seat.forget();
                return;
            }
            Err(error) => {
                warn!(%error, room = ?room.id, "a group was lost while it merged; it is loaded again");
                return;
            }
        }
        if written.snapshot_due
            && let Err(error) = seat
                .keep_snapshot(&app.db, &app.tasks, app.clock.now())
                .await
        {
            warn!(%error, room = ?room.id, "a snapshot was not kept; the next handshake tries again");
        }
    }
}
