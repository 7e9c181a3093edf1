//! The home server, as a device meets it that has no account there yet.
//!
//! What it says is believed as far as a server can be: its key is the one whose receipts and
//! removals are taken from now on.

use grove_mls::identity::{
    DeviceCredential, DeviceKey, PublicKey, SignedDeviceList, UserIdentityKey,
};
use grove_mls::suite;
use grove_wire::api::server::ServerInfo;
use grove_wire::uri::{ClientUri, Provider, UserUri};

use crate::call::{self, CallError};
use crate::failure::{Class, Classified};
use crate::register::CREDENTIAL_VALIDITY_MS;
use crate::store::{Account, AccountState, Seed};
use crate::transport::{Body, Method, Transport};

/// The server is none that a device can have an account at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HomeError {
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The server shares no cipher suite with this client.
    #[error("the server knows none of this client's cipher suites")]
    NoSuite,
    /// The server serves another domain than the address names.
    #[error("the server serves {0}, not the domain of the address")]
    WrongServer(Provider),
}

impl Classified for HomeError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::NoSuite => Class::Refused,
            Self::WrongServer(_) => Class::Unknown,
        }
    }
}

/// Asks a server who it is and whom it takes, without an account.
///
/// # Errors
/// [`CallError`]. [`CallError::NotGrove`] if it is no Grove server.
pub async fn ask_server(transport: &impl Transport) -> Result<ServerInfo, CallError> {
    let answer = call::ask(transport, Method::Get, "/v1/server", Body::None).await?;
    answer.json()
}

/// What an account keeps of its home server.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    server_key: PublicKey,
    suites: Vec<u16>,
}

/// The keys of a device.
pub(crate) struct Keys {
    pub(crate) uik: Seed,
    pub(crate) device: Seed,
}

impl Home {
    /// Asks the server who it is.
    pub(crate) async fn ask(transport: &impl Transport, user: &UserUri) -> Result<Self, HomeError> {
        let server = ask_server(transport).await?;
        if server.domain != user.provider() {
            return Err(HomeError::WrongServer(server.domain));
        }
        let suites: Vec<u16> = suite::SUPPORTED
            .iter()
            .map(|suite| suite.code())
            .filter(|code| server.cipher_suites.contains(code))
            .collect();
        if suites.is_empty() {
            return Err(HomeError::NoSuite);
        }
        let server_key =
            PublicKey::try_from(server.server_key.as_bytes()).map_err(call::incompatible)?;
        Ok(Self { server_key, suites })
    }

    /// An account of a device that stands in `list`, which nobody has been told of yet.
    pub(crate) fn account(
        self,
        client: ClientUri,
        keys: Keys,
        list: &SignedDeviceList,
        now: u64,
    ) -> Account {
        let Keys { uik, device } = keys;
        let credential = DeviceCredential::issue(
            &UserIdentityKey::from_seed(*uik.bytes()),
            &list.list().identity,
            &client,
            &DeviceKey::from_seed(*device.bytes()).public(),
            list.list().version,
            now.saturating_add(CREDENTIAL_VALIDITY_MS),
        );
        Account {
            user: list.list().user.clone(),
            client,
            state: AccountState::Registering,
            uik,
            device,
            recovery: None,
            device_list: list.as_bytes().to_vec(),
            credential: credential.to_bytes(),
            server_key: self.server_key.as_bytes().to_vec(),
            suites: self.suites,
            token: None,
            token_expires_at: 0,
            listened: 0,
            account_room: None,
            rooms_checked: 0,
        }
    }
}
