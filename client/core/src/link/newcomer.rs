//! The new device's side of a link.

use std::time::Duration;

use grove_mls::identity::{DeviceKey, SignedDeviceList};
use grove_mls::linking::{Code, LinkError, LinkPackage, Newcomer};
use grove_wire::api::links::{LinkOpened, LinkPhase};
use grove_wire::limits::MAX_DEVICE_NAME_BYTES;
use grove_wire::uri::{ClientUri, UserUri};
use zeroize::Zeroizing;

use super::{LinkPath, Over, Side, cancel, leave, wait_past};
use crate::call::{self, Answer, CallError};
use crate::client::{Client, Identity};
use crate::devices;
use crate::environment::{Environment, random_bytes, random_seed};
use crate::failure::{Class, Classified};
use crate::home::{Home, HomeError, Keys};
use crate::store::{Account, AccountState, Seed, Store, StoreError};
use crate::transport::{Body, Method, Request, Transport};

/// A device could not be linked. Nothing was stored; begin anew.
#[derive(Debug, thiserror::Error)]
pub enum LinkingError {
    /// This database has an account already.
    #[error("this profile belongs to {} already", .0.address())]
    AlreadyRegistered(UserUri),
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The other device, or somebody at it, has ended the link.
    #[error("the link was cancelled on the other device")]
    Cancelled,
    /// The link was not used in time.
    #[error("the link has expired")]
    Expired,
    /// The server is none for this.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The name has control characters, nothing to see, or more than [`MAX_DEVICE_NAME_BYTES`].
    #[error(
        "a device's name has something to see in it, no control characters, and at most \
         {MAX_DEVICE_NAME_BYTES} bytes"
    )]
    Name,
    /// What the other side sent makes no device of this one.
    #[error("what the other device sent is not valid; the link is not to be trusted")]
    PackageInvalid(#[source] LinkError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The step before has not been taken.
    #[error("the other device has not come so far yet")]
    TooEarly,
    /// A device of another user has answered.
    #[error("a device of another user has answered")]
    WrongUser,
}

impl Classified for LinkingError {
    fn class(&self) -> Class {
        match self {
            Self::AlreadyRegistered(_) | Self::TooEarly => Class::Failure,
            Self::Call(error) => error.class(),
            Self::Cancelled | Self::Expired => Class::Refused,
            Self::Home(error) => error.class(),
            Self::Name => Class::Unknown,
            Self::PackageInvalid(_) | Self::WrongUser => Class::Identity,
            Self::Store(_) => Class::Store,
        }
    }
}

impl From<Over> for LinkingError {
    fn from(over: Over) -> Self {
        match over {
            Over::Call(error) => Self::Call(error),
            Over::Cancelled => Self::Cancelled,
            Over::Expired => Self::Expired,
        }
    }
}

impl From<LinkError> for LinkingError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::OtherUser => Self::WrongUser,
            other => Self::PackageInvalid(other),
        }
    }
}

/// A new device on its way to be linked.
pub struct Linking<S, T, E> {
    store: S,
    way: Way<T, E>,
    home: Home,
    client: ClientUri,
    device: Seed,
    name: String,
    link: LinkPath,
    expires_at: u64,
    newcomer: Newcomer,
    /// What the other device answered, once it did.
    answer: Option<Vec<u8>>,
    /// What it sealed, opened and checked.
    package: Option<LinkPackage>,
}

impl<S, T, E> std::fmt::Debug for Linking<S, T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Linking")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// How a device without a session asks about its link.
struct Way<T, E> {
    transport: T,
    environment: E,
    token: Zeroizing<String>,
}

impl<T: Transport, E: Environment> Side for Way<T, E> {
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
        patience: Duration,
    ) -> Result<Answer, CallError> {
        let request = Request {
            method,
            path: path.to_owned(),
            body,
            token: Some(self.token.as_str().to_owned()),
            patience,
        };
        call::send(&self.transport, request).await
    }

    fn environment(&self) -> &impl Environment {
        &self.environment
    }
}

impl<S: Store, T: Transport, E: Environment> Linking<S, T, E> {
    /// Opens a link at the user's home server, for a device that the user will call `name` (empty
    /// for nothing) and whose account will stand in `store`.
    ///
    /// # Errors
    /// [`LinkingError::AlreadyRegistered`] and [`LinkingError::Name`] before anything is asked,
    /// [`LinkingError::Call`], [`LinkingError::Home`], [`LinkingError::PackageInvalid`] without
    /// randomness, [`LinkingError::Store`].
    pub async fn begin(
        mut store: S,
        transport: T,
        environment: E,
        user: UserUri,
        name: &str,
    ) -> Result<Self, LinkingError> {
        if let Some(account) = store.transaction(|tx| tx.find_account())? {
            return Err(LinkingError::AlreadyRegistered(account.user));
        }
        let name = name.trim();
        if !devices::may_be_given(name) {
            return Err(LinkingError::Name);
        }
        let home = Home::ask(&transport, &user).await?;
        let response = call::ask(&transport, Method::Post, "/v1/links", Body::None).await?;
        let opened: LinkOpened = response.json()?;
        let link = <[u8; 16]>::try_from(opened.link.as_bytes())
            .map_err(|_length| call::incompatible("a link's id has 16 bytes"))?;
        let client = ClientUri::new(&user, random_bytes(&environment));
        let device = random_seed(&environment);
        let newcomer = Newcomer::begin(
            user,
            link,
            opened.expires_at,
            client.clone(),
            DeviceKey::from_seed(*device.bytes()).public(),
            // The server sees what is revealed; the other devices hear the name in their own room.
            String::new(),
        )?;
        Ok(Self {
            store,
            way: Way {
                transport,
                environment,
                token: Zeroizing::new(opened.token),
            },
            home,
            client,
            device,
            name: name.to_owned(),
            link: LinkPath(link),
            expires_at: opened.expires_at,
            newcomer,
            answer: None,
            package: None,
        })
    }

    /// The line that the other device needs, for the screen and as the content of a QR code. A
    /// secret.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.newcomer.offer().to_text())
    }

    /// When the link ends, in milliseconds.
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// The client that this device will be.
    pub fn client(&self) -> &ClientUri {
        &self.client
    }

    /// Waits until another device has taken the line, and tells it who this one is. Returns the
    /// code that the person has to type there.
    ///
    /// # Errors
    /// [`LinkingError::Call`], after which it may be called again; [`LinkingError::Cancelled`],
    /// [`LinkingError::Expired`], [`LinkingError::PackageInvalid`], [`LinkingError::WrongUser`].
    pub async fn wait_for_answer(&mut self) -> Result<Code, LinkingError> {
        // The first answer counts, whatever the server shows later.
        if self.answer.is_none() {
            let state =
                wait_past(&mut self.way, self.link, LinkPhase::Open, self.expires_at).await?;
            let answer = state.answer.ok_or_else(no_bytes)?.into_bytes();
            self.answer = Some(answer);
        }
        let answer = self.answer.as_deref().ok_or(LinkingError::TooEarly)?;
        let code = self.newcomer.code(answer)?;
        let reveal = self.newcomer.reveal();
        leave(&mut self.way, self.link, "reveal", reveal).await?;
        Ok(code)
    }

    /// Waits until the person has typed the code on the other device, and takes what it sends.
    ///
    /// # Errors
    /// [`LinkingError::Call`], after which it may be called again; [`LinkingError::Cancelled`],
    /// also when another code was typed; [`LinkingError::Expired`],
    /// [`LinkingError::PackageInvalid`], [`LinkingError::TooEarly`] before
    /// [`Linking::wait_for_answer`], [`LinkingError::WrongUser`].
    pub async fn wait_for_package(&mut self) -> Result<(), LinkingError> {
        let answer = self.answer.as_deref().ok_or(LinkingError::TooEarly)?;
        let seen = LinkPhase::Revealed;
        let state = wait_past(&mut self.way, self.link, seen, self.expires_at).await?;
        let package = state.package.ok_or_else(no_bytes)?;
        self.package = Some(self.newcomer.open(answer, package.as_bytes())?);
        Ok(())
    }

    /// Stores the account and gives the client that it makes. Its rooms are joined by
    /// [`Client::settle`].
    ///
    /// # Errors
    /// [`LinkingError::AlreadyRegistered`], [`LinkingError::Store`], [`LinkingError::TooEarly`]
    /// before [`Linking::wait_for_package`].
    pub async fn finish(mut self) -> Result<Client<S, T, E>, LinkingError> {
        let package = self.package.take().ok_or(LinkingError::TooEarly)?;
        let list = SignedDeviceList::decode(&package.device_list)
            .map_err(|error| LinkError::DeviceList(Box::new(error)))?;
        let keys = Keys {
            uik: Seed::new(*package.uik),
            device: self.device.clone(),
        };
        let now = self.way.environment.now();
        let account = Account {
            state: AccountState::Registered,
            account_room: Some(package.account_room.clone()),
            ..self.home.account(self.client.clone(), keys, &list, now)
        };
        let (client, name) = (&self.client, &self.name);
        self.store.transaction(|tx| {
            if let Some(found) = tx.find_account()? {
                return Err(LinkingError::AlreadyRegistered(found.user));
            }
            tx.put_account(&account)?;
            Ok(tx.put_device_name(client, name)?)
        })?;
        cancel(&mut self.way, self.link).await;
        let identity = Identity::of(&account)?;
        let Way {
            transport,
            environment,
            token: _,
        } = self.way;
        Ok(Client::with(self.store, transport, environment, identity))
    }

    /// Ends the link, so that nobody can use the line any more.
    pub async fn cancel(mut self) {
        cancel(&mut self.way, self.link).await;
    }
}

fn no_bytes() -> CallError {
    call::incompatible("a link without what its phase says")
}
