//! The user's devices as a person sees them in a list.

use grove_wire::api::devices::DeviceActivities;
use grove_wire::uri::ClientUri;
use serde::Serialize;

use super::list::own_list;
use super::progress::progress;
use crate::call::CallError;
use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::names::visible_name;
use crate::step::{GroupError, Step};
use crate::store::{Store, StoreError};
use crate::transport::{Body, Method, Transport};

/// How many characters of a device's id stand for it when it has no name.
const SHORT_ID_CHARACTERS: usize = 8;

/// A device of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceView {
    /// The device.
    pub client: ClientUri,
    /// What the user calls it; empty if nothing.
    pub name: String,
    /// Whether it is this one.
    pub this: bool,
    /// When it was added to the list, in milliseconds.
    pub added_ms: u64,
    /// When the server last saw it, to about an hour, in milliseconds; none if it never did, or
    /// could not be asked.
    pub last_seen_ms: Option<u64>,
    /// Whether it is connected now; none if the server could not be asked.
    pub connected: Option<bool>,
    /// When it was taken off the account, in milliseconds.
    pub revoked_ms: Option<u64>,
    /// Rooms where something of it is still to be brought up to date: a revoked device has to go,
    /// one with the user's old key has to take the new one.
    pub rooms_pending: usize,
}

/// The devices cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DevicesError(#[from] GroupError);

impl From<StoreError> for DevicesError {
    fn from(error: StoreError) -> Self {
        Self(error.into())
    }
}

impl Classified for DevicesError {
    fn class(&self) -> Class {
        self.0.class()
    }
}

/// What a device is called: by its name, or by the beginning of its id.
pub(crate) fn name_of(step: &Step<'_>, client: &ClientUri) -> Result<String, StoreError> {
    let names = step.tx.list_device_names()?;
    let named = names.into_iter().find(|(found, _)| found == client);
    let name = named.as_ref().and_then(|(_, name)| visible_name(name));
    Ok(name.map_or_else(|| short_id(client), quoted))
}

/// The beginning of a device's id.
pub(super) fn short_id(client: &ClientUri) -> String {
    client.device().chars().take(SHORT_ID_CHARACTERS).collect()
}

/// A device's name within a sentence: it cannot end its own quotation marks.
pub(super) fn quoted(name: &str) -> String {
    let inside = name.replace('\u{ab}', "\u{2039}");
    format!("\u{ab}{}\u{bb}", inside.replace('\u{bb}', "\u{203a}"))
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// The user's devices in the order of the device list, those taken off as well. Who was seen
    /// when is asked of the server and left out if it does not answer.
    ///
    /// # Errors
    /// [`DevicesError`].
    pub async fn devices(&mut self) -> Result<Vec<DeviceView>, DevicesError> {
        let seen = self.fetch_activities().await.ok();
        self.transaction(|step| {
            let names = step.tx.list_device_names()?;
            let progress = progress(step)?;
            let view = |device: &grove_mls::identity::ListedDevice| {
                let seen = seen.as_ref().map(|seen| {
                    let found = seen.devices.iter().find(|one| one.client == device.client);
                    found.map_or((None, false), |one| (one.last_seen_at, one.connected))
                });
                let named = names.iter().find(|(client, _)| *client == device.client);
                let concerns = |room: &&super::PendingRoom| {
                    room.revoked.contains(&device.client) || room.outdated.contains(&device.client)
                };
                DeviceView {
                    client: device.client.clone(),
                    name: named.map(|(_, name)| name.clone()).unwrap_or_default(),
                    this: device.client == step.identity.client,
                    added_ms: device.added,
                    last_seen_ms: seen.and_then(|(at, _)| at),
                    connected: seen.map(|(_, connected)| connected),
                    revoked_ms: device.revoked,
                    rooms_pending: progress.pending.iter().filter(concerns).count(),
                }
            };
            Ok(own_list(step)?.list().devices.iter().map(view).collect())
        })
    }

    /// When each device was last seen, as the server knows it.
    pub(crate) async fn fetch_activities(&mut self) -> Result<DeviceActivities, CallError> {
        let response = self.ask(Method::Get, "/v1/devices", Body::None).await?;
        response.json()
    }
}
