//! The pool of `KeyPackage`s by which a device can be added while it sleeps.

use serde::{Deserialize, Serialize};

use super::Base64Url;

/// Adds to the pool of the session's device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UploadKeyPackages {
    /// The suite of all of them.
    pub cipher_suite: u16,
    /// `KeyPackage`s for one use each, at most
    /// [`MAX_KEY_PACKAGES_PER_UPLOAD`](crate::limits::MAX_KEY_PACKAGES_PER_UPLOAD).
    pub key_packages: Vec<Base64Url>,
    /// Replaces the one that is used when the pool is empty, within the own server only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_resort: Option<Base64Url>,
}

/// What is left in one pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyPackageCount {
    /// The suite.
    pub cipher_suite: u16,
    /// `KeyPackage`s for one use.
    pub available: u32,
    /// Whether more should be uploaded.
    pub low: bool,
}

/// What is left in the pools of the session's device.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyPackageCounts {
    /// One per suite.
    pub counts: Vec<KeyPackageCount>,
    /// The server's time, by which it judges lifetimes; 0 if it does not say. Unit: milliseconds
    /// since 1970.
    #[serde(default)]
    pub time: u64,
}
