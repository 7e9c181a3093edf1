//! Registering and asking who one is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Base64Url;
use crate::uri::{ClientUri, UserUri};

/// Registers a user with its first device. No session is needed: the device list proves the keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// The name wanted, at the server's own domain.
    pub user: UserUri,
    /// The signed device list, version 1, with one device.
    pub device_list: Base64Url,
    /// The invite token, where the server asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
}

/// The account was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterResponse {
    /// The user.
    pub user: UserUri,
    /// Its first client.
    pub client: ClientUri,
}

/// Who the session speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Whoami {
    /// The user.
    pub user: UserUri,
    /// The client.
    pub client: ClientUri,
    /// Version of the user's newest device list here.
    pub device_list_version: u64,
}

impl fmt::Debug for RegisterRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterRequest")
            .field("user", &self.user)
            .field("device_list", &self.device_list)
            .field("invite", &self.invite.as_ref().map(String::len))
            .finish()
    }
}
