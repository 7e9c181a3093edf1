//! Device lists and new user identity keys from another device: verified as if a stranger had sent
//! them, since whoever has stolen a device can send notes as well.

use std::collections::BTreeSet;

use grove_mls::identity::{PublicKey, SignedDeviceList, Succession, UserIdentityKey};
use grove_mls::room::validation::ValidLeaf;
use grove_wire::uri::ClientUri;

use crate::devices::{self, Took};
use crate::step::Step;
use crate::store::StoreError;
use crate::trust;

/// The newest device list, as a sibling has it.
pub(super) fn take_list(step: &mut Step<'_>, list: &[u8]) -> Result<(), StoreError> {
    let Ok(list) = SignedDeviceList::decode(list) else {
        return Ok(());
    };
    if devices::take_list(step, &list)? == Took::Foreign {
        tracing::warn!("a device list of a sibling does not continue ours");
    }
    Ok(())
}

/// A new user identity key: its seed must be that of the list, the recovery words must have begun
/// the list, the proof must lead from our key to the new one, and the list must name its sender as
/// well as this device. A device that was stolen has the old key, but not the words.
pub(super) fn take(
    step: &mut Step<'_>,
    sender: &ValidLeaf,
    seed: &[u8; 32],
    list: &[u8],
    succession: &[u8],
) -> Result<(), StoreError> {
    let (Ok(list), Ok(succession)) = (
        SignedDeviceList::decode(list),
        Succession::decode(succession),
    ) else {
        return Ok(());
    };
    let identity = step.identity;
    let new = UserIdentityKey::from_seed(*seed).public();
    if new == identity.uik.public() {
        return Ok(());
    }
    let ours = trust::read_list(&step.account()?.device_list)?;
    let names = |client: &ClientUri, key: &PublicKey| {
        let mut devices = list.active();
        devices.any(|device| device.client == *client && device.signature_key == *key)
    };
    let holds = list.list().uik == new
        && devices::is_by_words(&list, &ours)
        && names(&sender.client, &sender.key)
        && *succession.leads_to() == new
        && succession.verify(&identity.user).is_ok();
    let proof = extended(step, &succession).filter(|_| holds);
    let Some(proof) = proof else {
        tracing::warn!("a new user identity key was passed over: it is not proven");
        return Ok(());
    };
    // The list may have come before, by the server: then it was told of and stands as the newest.
    if devices::own_list(step)?.list().version < list.list().version {
        devices::take_list(step, &list)?;
    }
    if names(&identity.client, &identity.device.key.public()) {
        devices::adopt_seed(step, &list, seed, &proof)?;
    }
    Ok(())
}

/// Our own proof with the new part behind it.
fn extended(step: &Step<'_>, succession: &Succession) -> Option<Succession> {
    let ours = BTreeSet::from([step.identity.uik.public()]);
    let part = succession.since(&ours)?;
    match &step.identity.device.succession {
        Some(before) => before.extend(&part).ok(),
        None => Some(part),
    }
}
