//! When a client goes back into a room it lost.
//!
//! At once, if only this client lost it, or the others long ago. After a commit that nobody can
//! merge the members go one after the other, by their leaves in the last tree they share. What
//! fails is tried again later and later; a room that is broken again soon after is come back to
//! more slowly.

use std::time::Duration;

use grove_wire::uri::{ClientUri, RoomUri};

use crate::client::Memory;
use crate::receive::loss;
use crate::step::{GroupError, Step};
use crate::store::LostCause;

/// Members whose turns are close do not come at the same moment.
pub(super) const SPREAD: Duration = Duration::from_millis(150);
/// From one turn to the next: about what a commit takes to reach everybody.
const TURN_MS: u64 = 150;
/// Nobody waits longer for a turn.
const LONGEST_TURN_MS: u64 = 20_000;
/// The first wait after a failure; each further one is twice as long.
const FIRST_WAIT_MS: u64 = 5_000;
/// The longest wait after a failure.
const LONGEST_WAIT_MS: u64 = 10 * 60 * 1000;
/// A loss that comes later than this after the last one is another matter.
const QUIET_MS: u64 = 10 * 60 * 1000;

/// The pace in one room.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    when: When,
    /// Failures and returns within [`QUIET_MS`].
    troubles: u32,
    /// When this client was last back, in milliseconds.
    healed: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy)]
enum When {
    /// At this time, in milliseconds.
    At(u64),
    /// It was just noticed; the turn is not known yet.
    Noticed,
    /// There is nothing to do.
    #[default]
    Never,
}

impl Pace {
    fn wait_ms(&self) -> u64 {
        match self.troubles {
            0 => 0,
            many => FIRST_WAIT_MS
                .saturating_mul(1 << (many - 1).min(10))
                .min(LONGEST_WAIT_MS),
        }
    }
}

impl Memory {
    /// The room was found to be lost.
    pub(crate) fn noticed_loss(&mut self, room: &RoomUri) {
        let pace = self.healing.entry(room.clone()).or_default();
        if let When::Never = pace.when {
            pace.when = When::Noticed;
        }
    }

    /// This client is back.
    pub(crate) fn healed(&mut self, room: &RoomUri, now: u64) {
        let pace = self.healing.entry(room.clone()).or_default();
        pace.when = When::Never;
        pace.troubles = pace.troubles.saturating_add(1);
        pace.healed = Some(now);
    }

    /// An attempt failed.
    pub(super) fn put_off(&mut self, room: &RoomUri, now: u64, spread: Duration) {
        let pace = self.healing.entry(room.clone()).or_default();
        pace.troubles = pace.troubles.saturating_add(1);
        pace.when = When::At(
            now.saturating_add(pace.wait_ms())
                .saturating_add(ms(spread)),
        );
    }

    /// Whether an attempt has failed, after which the next one waits.
    pub(in crate::settle) fn is_healing_put_off(&self, room: &RoomUri, now: u64) -> bool {
        let pace = self.healing.get(room);
        pace.is_some_and(|pace| matches!(pace.when, When::At(due) if due > now))
    }

    /// Nothing is tried in this room for now.
    pub(super) fn give_up(&mut self, room: &RoomUri) {
        if let Some(pace) = self.healing.get_mut(room) {
            pace.when = When::Never;
        }
    }

    /// When the next attempt is due in any room, in milliseconds.
    pub(in crate::settle) fn next_healing(&self) -> Option<u64> {
        let due = |pace: &Pace| match pace.when {
            When::At(due) => Some(due),
            When::Noticed => Some(0),
            When::Never => None,
        };
        self.healing.values().filter_map(due).min()
    }
}

/// Whether this client's turn has come in a lost room.
pub(super) fn is_due(
    step: &mut Step<'_>,
    room: &RoomUri,
    spread: Duration,
) -> Result<bool, GroupError> {
    let Some(known) = step.tx.find_room(room)? else {
        return Ok(false);
    };
    let Some(lost) = &known.lost else {
        return Ok(false);
    };
    let turn = match &lost.cause {
        LostCause::Poisoned(signer)
            if loss::is_news(lost.noticed, lost.time) && loss::is_out(step, &known)? =>
        {
            let turn = turn_ms(step, room, signer.as_ref())?;
            if turn == 0 {
                0
            } else {
                turn.saturating_add(ms(spread))
            }
        }
        _ => 0,
    };
    let now = step.now;
    let pace = step.memory.healing.entry(room.clone()).or_default();
    if let When::Noticed | When::Never = pace.when {
        let settled = |healed: u64| now > healed.saturating_add(QUIET_MS);
        if pace.healed.is_none_or(settled) {
            pace.troubles = 0;
        }
        let due = lost
            .noticed
            .saturating_add(turn)
            .saturating_add(pace.wait_ms());
        pace.when = When::At(due);
    }
    Ok(matches!(pace.when, When::At(due) if now >= due))
}

/// How long those before this client need, by their leaves in the last good tree.
fn turn_ms(
    step: &mut Step<'_>,
    room: &RoomUri,
    signer: Option<&ClientUri>,
) -> Result<u64, GroupError> {
    let before = step.group(room, |group, _, _| {
        let goes_first = |leaf: &u32| {
            let client = group.client_at(*leaf);
            client.is_some_and(|client| Some(&client) != signer)
        };
        Ok::<_, GroupError>((0..group.own_leaf()).filter(goes_first).count())
    });
    let before = match before {
        // After a first attempt the tree is gone, and so is the need to wait.
        Err(GroupError::NotAMember | GroupError::Unusable(_)) => 0,
        counted => counted?,
    };
    let before = u64::try_from(before).unwrap_or(u64::MAX);
    Ok(before.saturating_mul(TURN_MS).min(LONGEST_TURN_MS))
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
