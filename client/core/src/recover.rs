//! Coming back with the recovery words alone, when no other device is at hand.
//!
//! The words make the user's next identity, and that names this device; the rooms take both, since
//! the recovery key signed the one and the new key the other.
//!
//! The surprise: it can be repeated, like a registration. The keys are stored before the request
//! leaves, and whatever broke in between, the same list is presented again, unless the account has
//! moved on without it or the person wants something else for the other devices by now. Then the
//! next list is made for the same device, of a generation behind the one that was begun: whichever
//! of the two the server took, that one wins.

use grove_mls::identity::{
    DEVICE_LIST_VALIDITY_MS, DeviceKey, DeviceList, Identity as UserIdentity, IdentityError,
    ListError, ListedDevice, RecoveryKey, RecoveryProof, SignedDeviceList, WordsError,
};
use grove_wire::api::devices::DeviceListBody;
use grove_wire::api::recoveries::{RecoveryLookup, RecoveryRequest};
use grove_wire::limits::MAX_DEVICE_NAME_BYTES;
use grove_wire::problem::ProblemType;
use grove_wire::uri::{ClientUri, UserUri};
use zeroize::Zeroizing;

use crate::call::{self, CallError};
use crate::client::{Client, Identity};
use crate::environment::{Environment, random_bytes, random_seed};
use crate::failure::{Class, Classified};
use crate::home::{Home, HomeError, Keys};
use crate::store::{Account, AccountState, Seed, Store, StoreError};
use crate::transport::{Method, Transport};
use crate::{devices, session};

/// Who wants to come back.
#[derive(Clone)]
pub struct Recovery {
    /// The user.
    pub user: UserUri,
    /// The 24 words, whatever their case and white space.
    pub words: Zeroizing<String>,
    /// What becomes of the devices there are.
    pub others: OtherDevices,
    /// What the user will call this device; empty for nothing.
    pub name: String,
}

impl std::fmt::Debug for Recovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recovery")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What a recovery does with the user's other devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherDevices {
    /// They stay, and get the new key through the room they share with this one.
    Keep,
    /// They are revoked: they are lost, or may be in other hands.
    Revoke,
}

/// An account could not be recovered. It may be repeated.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The next identity cannot be made.
    #[error("the account's identity cannot be renewed")]
    Identity(#[from] IdentityError),
    /// This database has a finished account, or one that was begun by other means.
    #[error("this profile belongs to {} already", .0.address())]
    AlreadyRegistered(UserUri),
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The server is none for this.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The device list that the server has is not valid, or the next one cannot be made.
    #[error("the account's device list cannot be continued")]
    List(#[from] ListError),
    /// The name has control characters, nothing to see, or more than [`MAX_DEVICE_NAME_BYTES`].
    #[error(
        "a device's name has something to see in it, no control characters, and at most \
         {MAX_DEVICE_NAME_BYTES} bytes"
    )]
    Name,
    /// The server shows a device list of another recovery key, or of another user.
    #[error("the server shows a device list that these words do not belong to")]
    OtherList,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// These are no recovery words: the text says which word is wrong, if that can be said.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// These are recovery words, but of no such account.
    #[error("there is no such account, or these are not its recovery words")]
    WrongWords,
}

impl Classified for RecoverError {
    fn class(&self) -> Class {
        match self {
            Self::AlreadyRegistered(_) | Self::Identity(_) => Class::Failure,
            Self::Call(error) => error.class(),
            Self::Home(error) => error.class(),
            Self::List(_) | Self::OtherList => Class::Identity,
            Self::Name => Class::Unknown,
            Self::Store(_) => Class::Store,
            Self::Words(_) | Self::WrongWords => Class::Refused,
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Makes this device one of the user's on the word of the recovery key, under the user's next
    /// identity. The words are not kept. Its rooms are joined by [`Client::settle`].
    ///
    /// # Errors
    /// [`RecoverError`].
    pub async fn recover(
        mut store: S,
        transport: T,
        environment: E,
        recovery: Recovery,
    ) -> Result<Self, RecoverError> {
        let begun = store.transaction(|tx| tx.find_account())?;
        let begun = check_begun(begun, &recovery.user)?;
        let name = recovery.name.trim();
        if !devices::may_be_given(name) {
            return Err(RecoverError::Name);
        }
        let key = RecoveryKey::from_words(&recovery.words)?;
        let newest = look_up(&transport, &recovery.user, &key).await?;
        let account = match begun {
            Some(account) if fits(&account, &newest, recovery.others)? => account,
            begun => {
                let home = Home::ask(&transport, &recovery.user).await?;
                let plan = Plan {
                    begun: begun.as_ref(),
                    newest: &newest,
                    others: recovery.others,
                };
                let account = new_account(&environment, &key, &plan, home)?;
                store.transaction(|tx| {
                    tx.put_account(&account)?;
                    tx.put_device_name(&account.client, name)
                })?;
                account
            }
        };
        present(&transport, &account).await?;
        let identity = Identity::of(&account)?;
        let mut client = Self::with(store, transport, environment, identity);
        client.transaction(|step| {
            let mut account = step.account()?;
            account.state = AccountState::Registered;
            step.tx.put_account(&account)
        })?;
        Ok(client)
    }

    /// What the newest list that this device knows says of the user's other devices.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn other_devices(&mut self) -> Result<OtherDevices, StoreError> {
        self.transaction(|step| {
            let list = devices::own_list(step)?;
            Ok(others_of(&list, &step.identity.client))
        })
    }
}

/// What a list says of the devices that are not this one.
fn others_of(list: &SignedDeviceList, own: &ClientUri) -> OtherDevices {
    if list.active().any(|device| device.client != *own) {
        OtherDevices::Keep
    } else {
        OtherDevices::Revoke
    }
}

/// A recovery that was begun here is gone on with; nothing else may be in the way.
fn check_begun(account: Option<Account>, user: &UserUri) -> Result<Option<Account>, RecoverError> {
    let Some(account) = account else {
        return Ok(None);
    };
    // A registration that was begun has the recovery key still, a recovery never had.
    let by_words = account.recovery.is_none();
    if account.user == *user && account.state == AccountState::Registering && by_words {
        Ok(Some(account))
    } else {
        Err(RecoverError::AlreadyRegistered(account.user))
    }
}

/// The newest device list, for whoever has the words.
async fn look_up(
    transport: &impl Transport,
    user: &UserUri,
    key: &RecoveryKey,
) -> Result<SignedDeviceList, RecoverError> {
    let challenge = session::challenge(transport).await?;
    let proof = RecoveryProof {
        domain: user.provider(),
        user: user.clone(),
        nonce: challenge.nonce,
        expires_at: challenge.expires_at,
    };
    let request = RecoveryLookup {
        user: user.clone(),
        nonce: challenge.nonce.to_vec().into(),
        expires_at: challenge.expires_at,
        signature: proof.sign(key).to_vec().into(),
    };
    let asked = call::ask(
        transport,
        Method::Post,
        "/v1/recoveries/lookup",
        call::json(&request)?,
    );
    let response = match asked.await {
        Err(error) if error.problem() == Some(ProblemType::Unauthenticated) => {
            return Err(RecoverError::WrongWords);
        }
        asked => asked?,
    };
    let body: DeviceListBody = response.json()?;
    let list = SignedDeviceList::decode(body.device_list.as_bytes())?;
    if list.list().user != *user || *list.list().identity.recovery() != key.public() {
        return Err(RecoverError::OtherList);
    }
    Ok(list)
}

/// Whether the list of a recovery that was begun is the newest, or the next, and does with the
/// other devices what is wanted. A device that the newest list has revoked stays so.
fn fits(
    account: &Account,
    newest: &SignedDeviceList,
    others: OtherDevices,
) -> Result<bool, ListError> {
    let ours = SignedDeviceList::decode(&account.device_list)?;
    let stays = |client: &ClientUri| ours.active().any(|device| device.client == *client);
    let as_wanted = match others {
        OtherDevices::Keep => newest.active().all(|device| stays(&device.client)),
        OtherDevices::Revoke => others_of(&ours, &account.client) == OtherDevices::Revoke,
    };
    Ok(as_wanted && (ours == *newest || ours.follows(newest).is_ok()))
}

/// What the next list is made of.
struct Plan<'a> {
    /// A recovery that was begun here and is not gone on with.
    begun: Option<&'a Account>,
    newest: &'a SignedDeviceList,
    others: OtherDevices,
}

impl Plan<'_> {
    /// The identity that the next one has to follow: the newest, or that of the list that was
    /// begun, which may have come to the server meanwhile.
    fn last_identity(&self) -> Result<UserIdentity, ListError> {
        let newest = &self.newest.list().identity;
        if let Some(account) = self.begun {
            let begun = SignedDeviceList::decode(&account.device_list)?;
            let begun = &begun.list().identity;
            if begun.follows(newest) && begun.recovery() == newest.recovery() {
                return Ok(begun.clone());
            }
        }
        Ok(newest.clone())
    }

    /// The device that was begun, unless the newest list has it as revoked or with another key.
    fn device(&self) -> Option<(ClientUri, Seed)> {
        let account = self.begun?;
        let key = DeviceKey::from_seed(*account.device.bytes()).public();
        let listed = self.newest.list().find(&account.client);
        let good = listed.is_none_or(|one| one.revoked.is_none() && one.signature_key == key);
        good.then(|| (account.client.clone(), Seed::new(*account.device.bytes())))
    }
}

/// Makes the next identity, this device's key, and the list that begins with both.
fn new_account(
    environment: &impl Environment,
    recovery: &RecoveryKey,
    plan: &Plan<'_>,
    home: Home,
) -> Result<Account, RecoverError> {
    let now = environment.now();
    let (newest, old) = (plan.newest, plan.newest.list());
    let (identity, uik) = plan.last_identity()?.renew(recovery, &old.user)?;
    let (client, device) = plan.device().unwrap_or_else(|| {
        let client = ClientUri::new(&old.user, random_bytes(environment));
        (client, random_seed(environment))
    });
    let mut next = DeviceList {
        version: old.version.saturating_add(1),
        prev_hash: Some(newest.hash()),
        identity,
        not_after: now.saturating_add(DEVICE_LIST_VALIDITY_MS),
        ..old.clone()
    };
    if plan.others == OtherDevices::Revoke {
        for other in next.devices.iter_mut().filter(|one| one.client != client) {
            other.revoked.get_or_insert(now.max(other.added));
        }
    }
    if old.find(&client).is_none() {
        next.devices.push(ListedDevice {
            client: client.clone(),
            signature_key: DeviceKey::from_seed(*device.bytes()).public(),
            added: now,
            revoked: None,
        });
    }
    let list = devices::sign_first(&uik, next)?;
    let uik = Seed::new(*uik.seed());
    Ok(home.account(client, Keys { uik, device }, &list, now))
}

/// Tells the server. The newest list again is accepted and changes nothing.
async fn present(transport: &impl Transport, account: &Account) -> Result<(), CallError> {
    let request = RecoveryRequest {
        user: account.user.clone(),
        device_list: account.device_list.clone().into(),
    };
    let answer = call::ask(
        transport,
        Method::Post,
        "/v1/recoveries",
        call::json(&request)?,
    );
    answer.await?.done()
}
