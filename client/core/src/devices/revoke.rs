//! Revoking a device that may be in other hands: with the recovery words, the user gets the next
//! identity, whose key the device does not have.
//!
//! Nothing is changed before the words were found to be right. The new key is stored before it
//! leaves; a run that breaks off at any point is brought to an end by a later one, without the
//! words.
//!
//! The surprise: nobody needs the device's consent or its absence. It may be connected while this
//! happens; what it can still do is said in `docs/security.md`.

use grove_mls::content::AccountNote;
use grove_mls::identity::{IdentityError, ListError, RecoveryKey, SignedDeviceList, WordsError};
use grove_wire::uri::ClientUri;
use zeroize::Zeroizing;

use super::list::{self, PublishError};
use super::progress::DeviceProgress;
use super::retire::ATTEMPTS;
use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::settle::SettleError;
use crate::step::Step;
use crate::store::{Store, StoreError};
use crate::transport::Transport;

/// A device could not be revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeDeviceError {
    /// It was taken off the account before.
    #[error("that device was taken off the account already")]
    Already,
    /// The next identity cannot be made.
    #[error("the account's identity cannot be renewed")]
    Identity(#[from] IdentityError),
    /// The device list could not be put in place.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The device is revoked, but the rooms could not be gone through; that goes on later.
    #[error("the device is revoked, but not out of all rooms yet")]
    Rooms(#[source] Box<SettleError>),
    /// A device does not revoke itself.
    #[error("this is the device you are at; revoke it from another one, or recover on a new one")]
    ThisDevice,
    /// The user has no such device.
    #[error("you have no such device")]
    UnknownDevice,
    /// These are no recovery words.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// These are recovery words, but not this account's.
    #[error("these are not the recovery words of this account; nothing was changed")]
    WrongWords,
}

impl Classified for RevokeDeviceError {
    fn class(&self) -> Class {
        match self {
            Self::Already | Self::ThisDevice | Self::UnknownDevice => Class::Unknown,
            Self::Publish(error) => error.class(),
            Self::Rooms(error) => error.class(),
            Self::Identity(_) => Class::Failure,
            Self::Words(_) | Self::WrongWords => Class::Refused,
        }
    }
}

impl From<StoreError> for RevokeDeviceError {
    fn from(error: StoreError) -> Self {
        Self::Publish(error.into())
    }
}

impl From<ListError> for RevokeDeviceError {
    fn from(error: ListError) -> Self {
        Self::Publish(error.into())
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Takes a device off the account that may be in other hands: the user gets the next identity,
    /// the other devices get its key through the room they share, and the device leaves all rooms.
    /// What rooms cannot be reached now are gone through by [`Client::settle`].
    ///
    /// # Errors
    /// [`RevokeDeviceError`]. With wrong words nothing was changed. Once the new list was handed in
    /// without an answer, a later [`Client::settle`] brings it to an end.
    pub async fn revoke_device(
        &mut self,
        client: &ClientUri,
        words: &str,
    ) -> Result<DeviceProgress, RevokeDeviceError> {
        let recovery = RecoveryKey::from_words(words)?;
        self.transaction(|step| check_words(step, &recovery))?;
        self.begin_change().await?;
        for _ in 0..ATTEMPTS {
            let user = self.identity.user.clone();
            let shown = self.fetch_device_list(&user).await;
            let shown = shown.map_err(PublishError::from)?;
            self.transaction(|step| prepare(step, client, &recovery, &shown))?;
            if self.publish_pending().await? {
                return self.follow_through().await;
            }
        }
        Err(PublishError::Contended.into())
    }

    /// The account room first, so that the others have the key before they meet it in the rooms.
    async fn follow_through(&mut self) -> Result<DeviceProgress, RevokeDeviceError> {
        let done = self.tend_all_rooms().await;
        let progress = self.transaction(super::progress::progress);
        done.map_err(|error| RevokeDeviceError::Rooms(Box::new(error)))?;
        progress.map_err(|error| RevokeDeviceError::Rooms(Box::new(error.into())))
    }
}

/// Whether the words are this account's, by the newest list that is known here.
fn check_words(
    step: &Step<'_>,
    recovery: &RecoveryKey,
) -> Result<SignedDeviceList, RevokeDeviceError> {
    let newest = list::own_list(step)?;
    if recovery.public() != *newest.list().identity.recovery() {
        return Err(RevokeDeviceError::WrongWords);
    }
    Ok(newest)
}

/// The list to go on from, if the device stands in it to be revoked. Whoever has a device can make
/// lists that only its siblings have heard of, and no server takes what is built on them: the
/// server's is the one then.
fn check(
    step: &Step<'_>,
    client: &ClientUri,
    recovery: &RecoveryKey,
    shown: &SignedDeviceList,
) -> Result<SignedDeviceList, RevokeDeviceError> {
    let known = check_words(step, recovery)?;
    let is_ours = shown.list().user == step.identity.user
        && shown.list().identity.is_same(&known.list().identity);
    let newest = if is_ours { shown.clone() } else { known };
    if *client == step.identity.client {
        return Err(RevokeDeviceError::ThisDevice);
    }
    match newest.list().find(client) {
        None => Err(RevokeDeviceError::UnknownDevice),
        Some(device) if device.revoked.is_some() => Err(RevokeDeviceError::Already),
        Some(_) => Ok(newest),
    }
}

/// Makes the next identity and the list that begins with it, and stores both.
fn prepare(
    step: &mut Step<'_>,
    client: &ClientUri,
    recovery: &RecoveryKey,
    shown: &SignedDeviceList,
) -> Result<(), RevokeDeviceError> {
    let newest = check(step, client, recovery, shown)?;
    let (identity, uik) = newest
        .list()
        .identity
        .renew(recovery, &step.identity.user)?;
    let now = step.now;
    let known = list::own_list(step)?;
    let next = list::next_list(step, &newest, |next| {
        next.identity = identity;
        list::mark_revoked(next, client, now);
        // What this device knows to be revoked stays so, whatever the server shows.
        let active: Vec<ClientUri> = next.active().map(|one| one.client.clone()).collect();
        for device in active {
            let found = known.list().find(&device);
            if found.is_some_and(|found| found.revoked.is_some()) {
                list::mark_revoked(next, &device, now);
            }
        }
    });
    let next = list::sign_first(&uik, next)?;
    let note = AccountNote::NewUik {
        seed: Zeroizing::new(*uik.seed()),
        list: next.as_bytes().to_vec(),
    };
    Ok(list::put_pending(step, &note)?)
}
