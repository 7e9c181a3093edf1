//! Device lists and new user identity keys from another device: verified as if a stranger had sent
//! them, since whoever has stolen a device can send notes as well.

use grove_mls::identity::{PublicKey, SignedDeviceList, UserIdentityKey};
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

/// A new user identity key: its seed must be that of the list, the list's identity must come behind
/// ours, and the list must name its sender as well as this device. A device that was stolen has the
/// old key, but not the words.
pub(super) fn take(
    step: &mut Step<'_>,
    sender: &ValidLeaf,
    seed: &[u8; 32],
    list: &[u8],
) -> Result<(), StoreError> {
    let Ok(list) = SignedDeviceList::decode(list) else {
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
    let holds = list.list().user == identity.user
        && *list.list().identity.uik() == new
        && list.list().identity.follows(&ours.list().identity)
        && names(&sender.client, &sender.key);
    if !holds {
        tracing::warn!("a new user identity key was passed over: it is not proven");
        return Ok(());
    }
    // The list may have come before, by the server: then it was told of and stands as the newest.
    if list.is_newer_than(&devices::own_list(step)?) {
        devices::take_list(step, &list)?;
    }
    if names(&identity.client, &identity.device.key.public()) {
        devices::adopt_seed(step, &list, seed)?;
    }
    Ok(())
}
