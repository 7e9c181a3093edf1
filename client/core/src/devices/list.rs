//! The user's own device list: which is the newest, what a newer one means, and putting a next one
//! in its place.
//!
//! The next list is stored before it leaves, as the note that the other devices will get, with the
//! new user identity key in it if there is one. It counts from the moment the server shows it as
//! the newest, whichever run of the program sees that: what a server only says to have taken would
//! make every later list one that it cannot take.
//!
//! The surprise: this device may know a newer list than the one it lives by. A sibling has replaced
//! the user identity key then, and the new one has not reached us: the newer list stands among the
//! pins, as another person's would, and is what devices are judged by.

use grove_mls::content::AccountNote;
use grove_mls::identity::{
    DEVICE_LIST_VALIDITY_MS, DeviceCredential, DeviceList, ListError, SignedDeviceList,
    UserIdentityKey,
};
use grove_wire::api::devices::DeviceListBody;
use grove_wire::uri::ClientUri;

use super::view::name_of;
use crate::call::{self, CallError};
use crate::client::Client;
use crate::environment::Environment;
use crate::event::{Event, WarningKind};
use crate::failure::{Class, Classified};
use crate::notes;
use crate::register::CREDENTIAL_VALIDITY_MS;
use crate::step::Step;
use crate::store::{Account, Pin, Seed, Store, StoreError};
use crate::transport::{Method, Transport};
use crate::trust::{self, LearnError};

/// Where the next device list waits for the server's word.
const PENDING: &[u8] = b"grove/next_device_list";

/// The next device list could not be put in place.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Another device of the user was faster, again and again.
    #[error("another device of yours changes the device list; try again")]
    Contended,
    /// The list could not be made, or the stored one is damaged.
    #[error("the device list cannot be made")]
    List(#[from] ListError),
    /// The server says to have taken the list, and shows another. The list waits.
    #[error(
        "the server says to have taken the change of your devices, and does not show it; nothing has \
         changed yet, and the change waits"
    )]
    NotShown,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another device has replaced the user identity key, and this one does not have the new one.
    #[error(
        "another device of yours has replaced your key, and this one does not have the new one yet"
    )]
    Superseded,
}

impl Classified for PublishError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::Contended => Class::Contended,
            Self::List(_) => Class::Failure,
            Self::Store(_) => Class::Store,
            Self::NotShown | Self::Superseded => Class::Identity,
        }
    }
}

/// What a device list that somebody showed means for this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Took {
    /// It is the newest now, and this device lives by it.
    Adopted,
    /// It does not continue the one that is known.
    Foreign,
    /// Not newer than what is known.
    Known,
    /// It says that this device is revoked.
    Revoked,
    /// It is the newest, under a user identity key that this device does not have.
    Superseded,
}

/// The newest device list of the own user that is known here.
pub(crate) fn own_list(step: &Step<'_>) -> Result<SignedDeviceList, StoreError> {
    let ours = trust::read_list(&step.account()?.device_list)?;
    let Some(pin) = step.tx.find_pin(&step.identity.user)? else {
        return Ok(ours);
    };
    let Some(list) = pin.device_list else {
        return Ok(ours);
    };
    let newer = trust::read_list(&list)?;
    Ok(if newer.is_newer_than(&ours) {
        newer
    } else {
        ours
    })
}

/// Whether the user has other devices.
pub(crate) fn has_siblings(step: &Step<'_>) -> Result<bool, StoreError> {
    let own = &step.identity.client;
    Ok(own_list(step)?.active().any(|device| device.client != *own))
}

/// Takes a device list of the own user that came from the server or from a sibling, if it continues
/// the newest that is known. One of the next identity does, whatever lists somebody has made who
/// holds only the key before.
pub(crate) fn take_list(step: &mut Step<'_>, list: &SignedDeviceList) -> Result<Took, StoreError> {
    let known = own_list(step)?;
    if !list.is_newer_than(&known) {
        let is_known = known.list().identity.follows(&list.list().identity)
            && (known.is_newer_than(list) || list.hash() == known.hash());
        return Ok(if is_known { Took::Known } else { Took::Foreign });
    }
    if list.list().user != step.identity.user || !trust::continues(list, &known) {
        return Ok(Took::Foreign);
    }
    step.memory.trusted.clear();
    forget_words_of_revoked(step, &known, list)?;
    tell_changes(step, &known, list)?;
    let is_active = |device: &ClientUri| list.active().any(|one| one.client == *device);
    if is_active(&step.identity.client) && step.identity.has_key_of(list) {
        let mut account = step.account()?;
        let uik = UserIdentityKey::from_seed(*account.uik.bytes());
        adopt(step, &mut account, list, &uik)?;
        return Ok(Took::Adopted);
    }
    pin_own(step, list)?;
    if is_active(&step.identity.client) {
        return Ok(Took::Superseded);
    }
    step.tell(Event::ThisDeviceRevoked)?;
    Ok(Took::Revoked)
}

/// Takes a new user identity key with the list it signed first. The caller has verified both.
pub(crate) fn adopt_seed(
    step: &mut Step<'_>,
    list: &SignedDeviceList,
    seed: &[u8; 32],
) -> Result<(), StoreError> {
    let mut account = step.account()?;
    let uik = UserIdentityKey::from_seed(*seed);
    account.uik = Seed::new(*seed);
    step.memory.trusted.clear();
    step.memory.key_packages_counted = None;
    let newest = own_list(step)?;
    if !newest.is_newer_than(list) {
        return adopt(step, &mut account, list, &uik);
    }
    if !trust::continues(&newest, list) {
        // Somebody made it who did not have the words.
        pin_own(step, list)?;
        return adopt(step, &mut account, list, &uik);
    }
    // The siblings have gone on while this device waited for the key, perhaps to the next one.
    let has_key = *newest.list().identity.uik() == uik.public();
    adopt(
        step,
        &mut account,
        if has_key { &newest } else { list },
        &uik,
    )
}

fn pin_own(step: &mut Step<'_>, list: &SignedDeviceList) -> Result<(), StoreError> {
    step.tx.put_pin(&Pin {
        user: step.identity.user.clone(),
        identity: list.list().identity.to_bytes(),
        device_list: Some(list.as_bytes().to_vec()),
        rival: None,
        disputed: false,
        verified: true,
        verified_by: None,
        since: step.now,
    })
}

/// Whether the newest list that is known here says that this device is revoked.
pub(crate) fn this_is_revoked(step: &Step<'_>) -> Result<bool, StoreError> {
    let list = own_list(step)?;
    Ok(!list
        .active()
        .any(|device| device.client == step.identity.client))
}

fn adopt(
    step: &mut Step<'_>,
    account: &mut Account,
    list: &SignedDeviceList,
    uik: &UserIdentityKey,
) -> Result<(), StoreError> {
    let credential = DeviceCredential::issue(
        uik,
        &list.list().identity,
        &step.identity.client,
        &step.identity.device.key.public(),
        list.list().version,
        step.now.saturating_add(CREDENTIAL_VALIDITY_MS),
    );
    account.device_list = list.as_bytes().to_vec();
    account.credential = credential.to_bytes();
    step.tx.put_account(account)?;
    step.memory.identity_changed = true;
    Ok(())
}

/// A device that came or went by a sibling's doing is worth a line.
fn tell_changes(
    step: &mut Step<'_>,
    known: &SignedDeviceList,
    list: &SignedDeviceList,
) -> Result<(), StoreError> {
    let own = step.identity.client.clone();
    for device in list.list().devices.iter().filter(|one| one.client != own) {
        let before = known.list().find(&device.client);
        let name = name_of(step, &device.client)?;
        let text = match (before.map(|one| one.revoked), device.revoked) {
            (None, None) => format!("the device {name} was linked to your account"),
            (Some(None), Some(_)) => format!("the device {name} was taken off your account"),
            _ => continue,
        };
        step.tell(Event::Warning {
            room: None,
            kind: WarningKind::Device,
            text,
        })?;
    }
    Ok(())
}

/// What a device said that is off the account now may be in other hands' favour: what it has seen
/// of rooms, and whom it called compared.
fn forget_words_of_revoked(
    step: &mut Step<'_>,
    known: &SignedDeviceList,
    list: &SignedDeviceList,
) -> Result<(), StoreError> {
    let stays = |client: &ClientUri| list.active().any(|one| one.client == *client);
    let gone = known.active().filter(|device| !stays(&device.client));
    let gone: Vec<&ClientUri> = gone.map(|device| &device.client).collect();
    if gone.is_empty() {
        return Ok(());
    }
    for device in gone {
        trust::forget_word_of(step, device)?;
    }
    step.tx.remove_sightings(None)
}

/// The list that waits for the server's word.
fn find_pending(step: &Step<'_>) -> Result<Option<AccountNote>, StoreError> {
    let found = step.tx.find_record(PENDING)?;
    let read = |bytes: Vec<u8>| {
        AccountNote::decode(&bytes).map_err(|error| StoreError::Damaged(error.to_string()))
    };
    found.map(read).transpose()
}

/// The list after the newest, as `change` makes it. For whoever holds the key that signs it.
pub(crate) fn next_list(
    step: &Step<'_>,
    newest: &SignedDeviceList,
    change: impl FnOnce(&mut DeviceList),
) -> DeviceList {
    let mut list = DeviceList {
        version: newest.list().version.saturating_add(1),
        prev_hash: Some(newest.hash()),
        not_after: step.now.saturating_add(DEVICE_LIST_VALIDITY_MS),
        ..newest.list().clone()
    };
    change(&mut list);
    list
}

/// Signs the first list of an identity. Devices that were revoked under the ones before are dropped
/// where they would make it too long: somebody else may have filled it with them.
pub(crate) fn sign_first(
    uik: &UserIdentityKey,
    mut list: DeviceList,
) -> Result<SignedDeviceList, ListError> {
    match SignedDeviceList::sign(uik, list.clone()) {
        Err(ListError::TooLong) => {
            list.devices.retain(|device| device.revoked.is_none());
            SignedDeviceList::sign(uik, list)
        }
        signed => signed,
    }
}

/// Marks a device of a list revoked.
pub(crate) fn mark_revoked(list: &mut DeviceList, client: &ClientUri, now: u64) {
    for device in &mut list.devices {
        if device.client == *client {
            device.revoked = Some(now.max(device.added));
        }
    }
}

/// Stores the next list before it leaves.
pub(crate) fn put_pending(step: &mut Step<'_>, note: &AccountNote) -> Result<(), PublishError> {
    let bytes = note.encode().map_err(|_too_long| ListError::TooLong)?;
    Ok(step.tx.put_record(PENDING, Some(&bytes))?)
}

/// The newest list, if the server shows the one before it: it has lost the newest, perhaps because
/// its database was put back to an older state.
fn forgotten_by_server(
    step: &Step<'_>,
    shown: &SignedDeviceList,
) -> Result<Option<SignedDeviceList>, StoreError> {
    let newest = own_list(step)?;
    let is_next = newest.is_newer_than(shown) && newest.follows(shown).is_ok();
    Ok(is_next.then_some(newest))
}

fn signed(note: &AccountNote) -> Result<SignedDeviceList, PublishError> {
    match note {
        AccountNote::DeviceList { list } | AccountNote::NewUik { list, .. } => {
            Ok(SignedDeviceList::decode(list)?)
        }
        _ => Err(StoreError::Damaged("not a device list".to_owned()).into()),
    }
}

/// The server has the list: it is ours from now on, and the siblings' as soon as they read of it.
fn accepted(step: &mut Step<'_>, note: &AccountNote) -> Result<(), PublishError> {
    if find_pending(step)?.is_none() {
        // Another process was faster.
        return Ok(());
    }
    step.tx.put_record(PENDING, None)?;
    let list = signed(note)?;
    let known = own_list(step)?;
    forget_words_of_revoked(step, &known, &list)?;
    if let AccountNote::NewUik { seed, .. } = note {
        adopt_seed(step, &list, seed)?;
    } else {
        let mut account = step.account()?;
        let uik = UserIdentityKey::from_seed(*account.uik.bytes());
        step.memory.trusted.clear();
        adopt(step, &mut account, &list, &uik)?;
    }
    Ok(notes::send(step, note)?)
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Asks for the own user's device list and takes it if it is newer.
    pub(crate) async fn learn_own_list(&mut self) -> Result<Took, LearnError> {
        let user = self.identity.user.clone();
        let list = self.fetch_device_list(&user).await?;
        let took = self.transaction(|step| take_list(step, &list))?;
        if let Some(forgotten) = self.transaction(|step| forgotten_by_server(step, &list))?
            && let Err(error) = self.hand_in(&forgotten).await
        {
            if error.is_temporary() {
                return Err(error.into());
            }
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the server does not take a list that it had taken");
        }
        Ok(took)
    }

    async fn hand_in(&mut self, list: &SignedDeviceList) -> Result<(), CallError> {
        let body = call::json(&DeviceListBody {
            device_list: list.as_bytes().to_vec().into(),
        })?;
        self.ask(Method::Put, "/v1/device-list", body).await?.done()
    }

    /// Whether the server shows a list that it says to have taken, or one after it.
    async fn is_shown(&mut self, list: &SignedDeviceList) -> Result<bool, CallError> {
        let user = self.identity.user.clone();
        let shown = self.fetch_device_list(&user).await?;
        Ok(shown.hash() == list.hash() || shown.is_newer_than(list))
    }

    /// Before a change of the devices: brings an earlier one to an end, and asks for what others
    /// changed.
    pub(crate) async fn begin_change(&mut self) -> Result<(), PublishError> {
        self.publish_pending().await?;
        match self.learn_own_list().await {
            // What does not continue ours is met again, and named, when the change is handed in.
            Ok(_) | Err(LearnError::Refused(_) | LearnError::Unknown) => Ok(()),
            Err(LearnError::Call(error)) => Err(error.into()),
            Err(LearnError::Store(error)) => Err(error.into()),
        }
    }

    /// Hands in the list that waits, if one does. False if the server has another by now: it was
    /// taken if it continues ours, and what waited is dropped.
    pub(crate) async fn publish_pending(&mut self) -> Result<bool, PublishError> {
        let Some(note) = self.transaction(|step| find_pending(step))? else {
            return Ok(true);
        };
        let list = signed(&note)?;
        match self.hand_in(&list).await {
            Ok(()) => {
                if !self.is_shown(&list).await? {
                    return Err(PublishError::NotShown);
                }
                self.transaction(|step| accepted(step, &note))?;
                Ok(true)
            }
            Err(error) if error.verdict().is_some() => {
                self.transaction(|step| step.tx.put_record(PENDING, None))?;
                match self.learn_own_list().await {
                    Ok(Took::Adopted | Took::Superseded | Took::Revoked) => Ok(false),
                    // Not for another list, then: the server's reason stands.
                    Ok(Took::Known | Took::Foreign)
                    | Err(LearnError::Refused(_) | LearnError::Unknown) => Err(error.into()),
                    Err(LearnError::Store(failed)) => Err(failed.into()),
                    Err(LearnError::Call(failed)) => Err(failed.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}
