//! A user's signed device list, and what the server knows of the devices in it.

use serde::{Deserialize, Serialize};

use super::Base64Url;
use crate::uri::ClientUri;

/// A signed device list: what a user uploads and what others are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeviceListBody {
    /// The signed bytes.
    pub device_list: Base64Url,
}

/// A device of the session's user, as the server knows it. What it is called only the user's
/// devices know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceActivity {
    /// The device.
    pub client: ClientUri,
    /// When the server first saw it in a device list, in milliseconds since 1970.
    pub added_at: u64,
    /// When it last showed a session, to about an hour, in milliseconds since 1970; none if it
    /// never did.
    pub last_seen_at: Option<u64>,
    /// Whether it holds an event socket at this moment.
    pub connected: bool,
}

/// The user's devices that are not revoked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceActivities {
    /// In the order in which they were added.
    pub devices: Vec<DeviceActivity>,
    /// A device that was not seen for so long should be retired by another. Unit: milliseconds.
    pub idle_after_ms: u64,
}
