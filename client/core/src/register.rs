//! Registration: keys are made and stored first, then the server is told.
//!
//! The surprise: it can be repeated. Whatever broke in between, the same keys are presented again;
//! a server that already has them says that the name is taken, and a session with our device key
//! then shows that it is taken by us.

use grove_mls::identity::{
    DEVICE_LIST_VALIDITY_MS, DeviceKey, DeviceList, Identity as UserIdentity, ListError,
    ListedDevice, RecoveryKey, SignedDeviceList,
};
use grove_wire::api::accounts::{RegisterRequest, RegisterResponse};
use grove_wire::problem::ProblemType;
use grove_wire::uri::{ClientUri, Provider, UserUri};
use zeroize::Zeroizing;

use crate::call::{self, CallError};
use crate::client::{Client, Identity, RecoveryWords};
use crate::environment::{Environment, random_bytes, random_seed};
use crate::failure::{Class, Classified};
use crate::home::{Home, HomeError, Keys};
use crate::key_packages::RefillError;
use crate::session;
use crate::store::{Account, AccountState, Seed, Store, StoreError};
use crate::transport::{Method, Transport};

/// How long a device credential is fresh, in milliseconds. It outlives the device list, since it
/// stands in leaves that are renewed less often.
pub(crate) const CREDENTIAL_VALIDITY_MS: u64 = 180 * 24 * 60 * 60 * 1000;

/// Who wants to register.
#[derive(Clone)]
pub struct Registration {
    /// The user.
    pub user: UserUri,
    /// The invite, where the server asks for one.
    pub invite: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Registration failed. It may be repeated.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// This database has a finished account already.
    #[error("{0} is registered here already")]
    AlreadyRegistered(UserUri),
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The device list could not be made.
    #[error("the device list cannot be made")]
    DeviceList(#[from] ListError),
    /// The KeyPackages were not uploaded; the account exists.
    #[error("the account exists, but others cannot add this device yet")]
    KeyPackages(#[source] RefillError),
    /// The name belongs to somebody else.
    #[error("the name is taken")]
    NameTaken,
    /// The server shares no cipher suite with this client.
    #[error("the server knows none of this client's cipher suites")]
    NoSuite,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server serves another domain than the address names.
    #[error("the server serves {0}, not the domain of the address")]
    WrongServer(Provider),
}

impl Classified for RegisterError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::KeyPackages(error) => error.class(),
            Self::AlreadyRegistered(_) | Self::DeviceList(_) => Class::Failure,
            Self::NameTaken | Self::NoSuite => Class::Refused,
            Self::Store(_) => Class::Store,
            Self::WrongServer(_) => Class::Unknown,
        }
    }
}

impl From<HomeError> for RegisterError {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::Call(error) => Self::Call(error),
            HomeError::NoSuite => Self::NoSuite,
            HomeError::WrongServer(found) => Self::WrongServer(found),
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Registers a user with this device as the first, or goes on with a registration that was
    /// interrupted. The words are given until [`Client::recovery_words_kept`].
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn register(
        mut store: S,
        transport: T,
        environment: E,
        registration: Registration,
    ) -> Result<(Self, RecoveryWords), RegisterError> {
        let account = match store.transaction(|tx| tx.find_account())? {
            Some(account) if account.user != registration.user => {
                return Err(RegisterError::AlreadyRegistered(account.user));
            }
            Some(account) => account,
            None => {
                let home = Home::ask(&transport, &registration.user).await?;
                let account = new_account(&environment, registration.user, home)?;
                store.transaction(|tx| tx.put_account(&account))?;
                account
            }
        };
        let words = account
            .recovery
            .as_ref()
            .map(|seed| RecoveryWords::of(seed.bytes()));
        let Some(words) = words else {
            return Err(RegisterError::AlreadyRegistered(account.user));
        };
        let identity = Identity::of(&account)?;
        if account.state == AccountState::Registering {
            present(&transport, &account, &identity, registration.invite).await?;
        }
        let mut client = Self::with(store, transport, environment, identity);
        client.transaction(|step| {
            let mut account = step.account()?;
            account.state = AccountState::Registered;
            step.tx.put_account(&account)
        })?;
        client
            .refill_key_packages()
            .await
            .map_err(RegisterError::KeyPackages)?;
        Ok((client, words))
    }
}

/// Makes all keys of a new user.
fn new_account(
    environment: &impl Environment,
    user: UserUri,
    home: Home,
) -> Result<Account, RegisterError> {
    let now = environment.now();
    let (recovery, device) = (random_seed(environment), random_seed(environment));
    let (begun, uik) = UserIdentity::begin(&RecoveryKey::from_seed(*recovery.bytes()), &user);
    let client = ClientUri::new(&user, random_bytes(environment));
    let list = DeviceList {
        user,
        version: 1,
        prev_hash: None,
        identity: begun,
        devices: vec![ListedDevice {
            client: client.clone(),
            signature_key: DeviceKey::from_seed(*device.bytes()).public(),
            added: now,
            revoked: None,
        }],
        not_after: now.saturating_add(DEVICE_LIST_VALIDITY_MS),
    };
    let list = SignedDeviceList::sign(&uik, list)?;
    let uik = Seed::new(*uik.seed());
    Ok(Account {
        recovery: Some(recovery),
        // A new user is in no room.
        rooms_checked: now,
        ..home.account(client, Keys { uik, device }, &list, now)
    })
}

/// Tells the server; a name that is taken by our own keys is ours.
async fn present(
    transport: &impl Transport,
    account: &Account,
    identity: &Identity,
    invite: Option<Zeroizing<String>>,
) -> Result<(), RegisterError> {
    let request = RegisterRequest {
        user: account.user.clone(),
        device_list: account.device_list.clone().into(),
        invite: invite.map(|invite| invite.to_string()),
    };
    let answer = call::ask(
        transport,
        Method::Post,
        "/v1/accounts",
        call::json(&request)?,
    )
    .await;
    match answer.and_then(|answer| answer.json()) {
        Ok(RegisterResponse { .. }) => Ok(()),
        Err(error) if error.problem() == Some(ProblemType::Conflict) => {
            let begun = session::begin(transport, identity).await;
            if session::is_unknown(&begun) {
                return Err(RegisterError::NameTaken);
            }
            begun?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
