//! The old device's side of a link.
//!
//! The order is: the room of the user's devices, the device list with the newcomer in it, the
//! sealed keys. A run that breaks off leaves at worst a device in the list that never got the keys;
//! it can be retired like any other.

use std::time::Duration;

use grove_mls::content::AccountNote;
use grove_mls::identity::{ListedDevice, SignedDeviceList};
use grove_mls::linking::{
    Approver, Code, LinkError, LinkOffer, LinkPackage, LinkTextError, Revealed,
};
use grove_wire::api::links::{LinkPhase, LinkState};
use grove_wire::problem::ProblemType;
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use zeroize::Zeroizing;

use super::{LinkPath, Over, Side, cancel, leave, wait_past};
use crate::account_room::AccountRoomError;
use crate::call::{self, Answer, CallError, PATIENCE};
use crate::client::Client;
use crate::devices::{self, PublishError};
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::step::Step;
use crate::store::{Store, StoreError};
use crate::transport::{Body, Method, Transport};
use crate::trust::LearnError;

/// The list is made anew at most so often, when other devices of the user were faster.
const ATTEMPTS: u32 = 5;

/// A link could not be taken up. Nothing was given away; begin anew on the new device.
#[derive(Debug, thiserror::Error)]
pub enum ApproveLinkError {
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The new device has ended the link, or another device was faster.
    #[error("the link was cancelled, or taken up by another device")]
    Cancelled,
    /// The link was not used in time, or is not on this server.
    #[error("the link has expired")]
    Expired,
    /// What the new device said does not fit the line.
    #[error("what the new device says does not fit the line; the link is not to be trusted")]
    Newcomer(#[source] LinkError),
    /// The new device wants to be another user's.
    #[error("the new device is to be one of {}, not yours", .0.address())]
    OtherUser(UserUri),
    /// This is not the line of a link.
    #[error(transparent)]
    Text(#[from] LinkTextError),
}

impl Classified for ApproveLinkError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::Cancelled | Self::Expired => Class::Refused,
            Self::Newcomer(_) => Class::Identity,
            Self::OtherUser(_) | Self::Text(_) => Class::Unknown,
        }
    }
}

impl From<Over> for ApproveLinkError {
    fn from(over: Over) -> Self {
        match over {
            Over::Call(error) => Self::Call(error),
            Over::Cancelled => Self::Cancelled,
            Over::Expired => Self::Expired,
        }
    }
}

/// The new device was not linked.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmLinkError {
    /// The room of the user's own devices could not be made or found.
    #[error("the room of your devices could not be made")]
    AccountRoom(#[from] AccountRoomError),
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The new device has ended the link.
    #[error("the link was cancelled on the new device")]
    Cancelled,
    /// The code is not the one that the new device must have shown. Nothing was given away.
    #[error("the codes differ; nothing was given to the other device")]
    CodesDiffer,
    /// The link was not used in time.
    #[error("the link has expired")]
    Expired,
    /// The device list could not be put in place.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The keys could not be sealed.
    #[error("the keys cannot be sealed for the new device")]
    Seal(#[from] LinkError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for ConfirmLinkError {
    fn class(&self) -> Class {
        match self {
            Self::AccountRoom(error) => error.class(),
            Self::Call(error) => error.class(),
            Self::Cancelled | Self::Expired => Class::Refused,
            Self::CodesDiffer => Class::Identity,
            Self::Publish(error) => error.class(),
            Self::Seal(_) => Class::Failure,
            Self::Store(_) => Class::Store,
        }
    }
}

impl From<Over> for ConfirmLinkError {
    fn from(over: Over) -> Self {
        match over {
            Over::Call(error) => Self::Call(error),
            Over::Cancelled => Self::Cancelled,
            Over::Expired => Self::Expired,
        }
    }
}

/// A link that was taken up and waits for the person's word. It does not tell the code: the person
/// reads it from the new device.
#[derive(Debug)]
pub struct Approval {
    offer: LinkOffer,
    approver: Approver,
    newcomer: Revealed,
}

impl Approval {
    /// The client that the new device will be.
    pub fn client(&self) -> &ClientUri {
        &self.newcomer.client
    }

    fn link(&self) -> LinkPath {
        LinkPath(self.offer.link)
    }
}

impl<S: Store, T: Transport, E: Environment> Side for Client<S, T, E> {
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
        patience: Duration,
    ) -> Result<Answer, CallError> {
        self.ask_patiently(method, path, body, patience).await
    }

    fn environment(&self) -> &impl Environment {
        &self.environment
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Takes up the line that a new device shows, and waits until that has said who it is.
    ///
    /// # Errors
    /// [`ApproveLinkError`].
    pub async fn approve_link(&mut self, text: &str) -> Result<Approval, ApproveLinkError> {
        let offer = LinkOffer::parse(text)?;
        if offer.user != self.identity.user {
            return Err(ApproveLinkError::OtherUser(offer.user));
        }
        if offer.expires_at <= self.environment.now() {
            return Err(ApproveLinkError::Expired);
        }
        let (link, expires_at) = (LinkPath(offer.link), offer.expires_at);
        let mut approver = Approver::begin(offer.clone(), self.identity.client.clone())
            .map_err(ApproveLinkError::Newcomer)?;
        leave(self, link, "answer", approver.answer()).await?;
        match revealed(self, link, expires_at, &mut approver).await {
            Ok(newcomer) => Ok(Approval {
                offer,
                approver,
                newcomer,
            }),
            Err(error) => {
                cancel(self, link).await;
                Err(error)
            }
        }
    }

    /// Makes the new device one of the user's, if `typed` is the code that it shows. With another
    /// code the link is cancelled and nothing was given away.
    ///
    /// # Errors
    /// [`ConfirmLinkError`].
    pub async fn confirm_link(
        &mut self,
        approval: Approval,
        typed: Code,
    ) -> Result<(), ConfirmLinkError> {
        let link = approval.link();
        let confirmed = self.hand_over(&approval, typed).await;
        if confirmed.is_err() {
            cancel(self, link).await;
        }
        confirmed
    }

    /// Ends a link that was taken up.
    pub async fn cancel_link(&mut self, approval: Approval) {
        cancel(self, approval.link()).await;
    }

    async fn hand_over(
        &mut self,
        approval: &Approval,
        typed: Code,
    ) -> Result<(), ConfirmLinkError> {
        if typed != approval.approver.code()? {
            return Err(ConfirmLinkError::CodesDiffer);
        }
        self.check_waiting(approval.link()).await?;
        let account_room = self.ensure_account_room().await?;
        let list = self.list_newcomer(&approval.newcomer).await?;
        let package =
            self.transaction(|step| package(step, &approval.offer, &list, account_room))?;
        let sealed = approval.approver.seal(&package)?;
        match leave(self, approval.link(), "package", sealed).await {
            Ok(()) => Ok(()),
            Err(over @ (Over::Cancelled | Over::Expired)) => {
                self.drop_newcomer(approval.client()).await;
                Err(over.into())
            }
            // Whether it was taken is not known; if not, the device can be retired.
            Err(over) => Err(over.into()),
        }
    }

    /// Whether the new device still waits: before it stands in the list for nothing.
    async fn check_waiting(&mut self, link: LinkPath) -> Result<(), ConfirmLinkError> {
        let response = self
            .ask_patiently(Method::Get, &link.glance(), Body::None, PATIENCE)
            .await;
        let state: LinkState = match response {
            Err(error) if error.problem() == Some(ProblemType::NotFound) => {
                return Err(ConfirmLinkError::Expired);
            }
            answered => answered?.json()?,
        };
        match state.phase {
            LinkPhase::Revealed => Ok(()),
            _ => Err(ConfirmLinkError::Cancelled),
        }
    }

    /// Puts the new device into the device list.
    async fn list_newcomer(
        &mut self,
        newcomer: &Revealed,
    ) -> Result<SignedDeviceList, ConfirmLinkError> {
        self.publish_pending().await?;
        match self.learn_own_list().await {
            Err(LearnError::Store(error)) => return Err(error.into()),
            Err(LearnError::Call(error)) => return Err(error.into()),
            Ok(_) | Err(LearnError::Refused(_) | LearnError::Unknown) => {}
        }
        for _ in 0..ATTEMPTS {
            let next = self.transaction(|step| prepare_list(step, newcomer))?;
            if self.publish_pending().await? {
                return Ok(next);
            }
        }
        Err(PublishError::Contended.into())
    }

    /// Takes a device that did not wait for its keys off the list again.
    async fn drop_newcomer(&mut self, client: &ClientUri) {
        if let Err(error) = self.retire_device(client).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "a device stays in the list that never got its keys");
        }
    }
}

async fn revealed<S: Store, T: Transport, E: Environment>(
    client: &mut Client<S, T, E>,
    link: LinkPath,
    expires_at: u64,
    approver: &mut Approver,
) -> Result<Revealed, ApproveLinkError> {
    let state = wait_past(client, link, LinkPhase::Answered, expires_at).await?;
    let reveal = state
        .reveal
        .ok_or_else(|| call::incompatible("a link without what its phase says"))?;
    approver
        .take_reveal(reveal.as_bytes())
        .map_err(ApproveLinkError::Newcomer)
}

/// Stores the list with the new device in it, as the next to be handed in.
fn prepare_list(
    step: &mut Step<'_>,
    newcomer: &Revealed,
) -> Result<SignedDeviceList, PublishError> {
    let newest = devices::own_list(step)?;
    if !step.identity.has_key_of(&newest) {
        return Err(PublishError::Superseded);
    }
    let now = step.now;
    let next = devices::next_list(step, &newest, |next| {
        next.devices.push(ListedDevice {
            client: newcomer.client.clone(),
            signature_key: newcomer.device_key,
            added: now,
            revoked: None,
        });
    });
    let next = SignedDeviceList::sign(&step.identity.uik, next)?;
    let note = AccountNote::DeviceList {
        list: next.as_bytes().to_vec(),
    };
    devices::put_pending(step, &note)?;
    Ok(next)
}

fn package(
    step: &Step<'_>,
    offer: &LinkOffer,
    list: &SignedDeviceList,
    account_room: RoomUri,
) -> Result<LinkPackage, StoreError> {
    let account = step.account()?;
    Ok(LinkPackage {
        secret: offer.secret,
        uik: Zeroizing::new(*account.uik.bytes()),
        device_list: list.as_bytes().to_vec(),
        account_room,
    })
}
