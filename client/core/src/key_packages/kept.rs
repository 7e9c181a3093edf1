//! Which KeyPackages have their private half here, so that it can be deleted when nobody can use
//! them any more.
//!
//! A Welcome uses up the private half of all but the last resort. What was never used goes some
//! time after its end: whoever was away when a Welcome came with it can still open that.

use std::time::Duration;

use grove_mls::key_package::{self, KEY_PACKAGE_LIFETIME, LastResort, MadeKeyPackage};
use grove_mls::suite::Suite;
use grove_wire::api::Base64Url;
use serde::{Deserialize, Serialize};

use super::RefillError;
use crate::step::Step;
use crate::store::StoreError;

/// Where they stand.
const KEPT: &[u8] = b"grove/key_packages";

/// How long after its end the private half of a KeyPackage is kept: 90 days. A Welcome may have
/// waited as long for this device.
const KEPT_BEYOND_END: Duration = Duration::from_hours(90 * 24);

const HOUR_S: u64 = 60 * 60;

/// A KeyPackage that was made here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    suite: u16,
    /// In seconds since 1970.
    not_after: u64,
    reference: Base64Url,
    last_resort: bool,
    /// Whether the server has said that it took it; noted of last-resort ones.
    #[serde(default)]
    accepted: bool,
}

impl Kept {
    pub(super) fn of(suite: Suite, kind: LastResort, made: &MadeKeyPackage) -> Self {
        Self {
            suite: suite.code(),
            not_after: made.not_after,
            reference: made.reference.clone().into(),
            last_resort: kind == LastResort::Yes,
            accepted: false,
        }
    }
}

/// Adds what was made.
pub(super) fn add(step: &mut Step<'_>, made: impl Iterator<Item = Kept>) -> Result<(), StoreError> {
    let mut kept = list(step)?;
    let before = kept.len();
    kept.extend(made);
    if kept.len() == before {
        return Ok(());
    }
    put(step, &kept)
}

/// The server has taken the last-resort KeyPackage of this reference.
pub(super) fn accepted(step: &mut Step<'_>, reference: &[u8]) -> Result<(), StoreError> {
    let mut kept = list(step)?;
    for one in &mut kept {
        one.accepted |= one.reference.as_bytes() == reference;
    }
    put(step, &kept)
}

/// Whether the server has a last-resort KeyPackage of which less than a quarter of its time is over
/// at `now`, in milliseconds: it is handed out for half of it, so that this device can be added for
/// another quarter at least. One that lasts longer than any made now comes of a clock that was
/// wrong.
pub(super) fn has_last_resort(step: &Step<'_>, suite: Suite, now: u64) -> Result<bool, StoreError> {
    let (now, whole) = (now / 1000, KEY_PACKAGE_LIFETIME.as_secs());
    // A clock that gains a little is not wrong.
    let good = now.saturating_add(whole / 4 * 3)..=now.saturating_add(whole + HOUR_S);
    let newest = list(step)?
        .into_iter()
        .rfind(|one| one.last_resort && one.accepted && one.suite == suite.code());
    Ok(newest.is_some_and(|one| good.contains(&one.not_after)))
}

/// Deletes the private halves of those that ended long before `now`, in milliseconds.
pub(super) fn forget_ended(step: &mut Step<'_>, now: u64) -> Result<(), RefillError> {
    let kept = list(step)?;
    let has_gone = |one: &Kept| {
        let gone = one.not_after.saturating_add(KEPT_BEYOND_END.as_secs());
        gone <= now / 1000
    };
    let (gone, left): (Vec<Kept>, Vec<Kept>) = kept.into_iter().partition(has_gone);
    if gone.is_empty() {
        return Ok(());
    }
    step.records(|storage, _| {
        gone.iter()
            .try_for_each(|one| key_package::forget(storage, one.reference.as_bytes()))
            .map_err(RefillError::Make)
    })?;
    Ok(put(step, &left)?)
}

fn list(step: &Step<'_>) -> Result<Vec<Kept>, StoreError> {
    let Some(bytes) = step.tx.find_record(KEPT)? else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&bytes).map_err(|error| StoreError::Damaged(error.to_string()))
}

fn put(step: &mut Step<'_>, kept: &[Kept]) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(kept).map_err(|error| StoreError::Damaged(error.to_string()))?;
    step.tx.put_record(KEPT, Some(&bytes))
}
