//! A user's signed device list.

use serde::{Deserialize, Serialize};

use super::Base64Url;

/// A signed device list: what a user uploads and what others are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceListBody {
    /// The signed bytes.
    pub device_list: Base64Url,
}
