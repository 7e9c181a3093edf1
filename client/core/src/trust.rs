//! What this client thinks of people's identities: pins, device lists, and when to stop sending.
//!
//! The verdict never stops reading. It stops sending, until a newer device list explains what was
//! seen or a person decides.
//!
//! An identity that was followed is no reason to stop by itself. Pins move with the device list,
//! whose identity must follow the pinned one; a leaf of a later identity sends us for the newest
//! list. A leaf that still shows an earlier identity is judged by the newest list as well: if that
//! names the device and its key, the newest identity has vouched for it, whatever stands in the
//! leaf; if it names the device as revoked, nothing is sent until the device is out of the room.
//!
//! The surprise: who was never met before is trusted. The first device list seen is pinned, and
//! shown as unverified; from then on the list must continue itself.

use grove_mls::identity::{ListError, Pin as IdentityPin, SignedDeviceList};
use grove_mls::member::Group;
use grove_mls::room::validation::{Known, Subjective, ValidLeaf, subjective};
use grove_wire::api::devices::DeviceListBody;
use grove_wire::problem::ProblemType;
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use serde::Serialize;

use crate::call::{self, CallError};
use crate::client::Client;
use crate::devices;
use crate::environment::Environment;
use crate::event::{Event, WarningKind};
use crate::failure::{Class, Classified};
use crate::step::{GroupError, Step};
use crate::store::{Pin, Store, StoreError};
use crate::transport::{Body, Method, Transport, segment};

/// What this client thinks of somebody, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A person compared the identity.
    Verified,
    /// The identity is the one that was seen first.
    Pinned,
    /// Nothing is known yet.
    Unverified,
    /// The device has not taken its user's newest identity yet: what it says counts for nobody's
    /// word.
    Laggard,
    /// The device list at hand is older than a device.
    Stale,
    /// A device is not in the user's list.
    UnknownDevice,
    /// The user revoked a device that is in the room.
    Revoked,
    /// The identity is another than the one seen first.
    Changed,
}

/// Sending stops: somebody's identity is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The user's identity is not the pinned one, and neither follows the other.
    #[error("the identity of {} changed; nothing is sent until you accept the new one", .0.address())]
    Changed(UserUri),
    /// The user's device list is out of date, so that no device of theirs is added.
    #[error("the device list of {} is out of date; a device of theirs must renew it", .0.address())]
    ListExpired(UserUri),
    /// The user revoked a device that is still in the room.
    #[error("{} revoked a device that is still in the room; remove it first", .0.user().address())]
    Revoked(ClientUri),
    /// A device in the room is not in its user's list.
    #[error("a device of {} is in the room but not in their device list", .0.user().address())]
    UnknownDevice(ClientUri),
}

impl Classified for TrustError {
    fn class(&self) -> Class {
        Class::Identity
    }
}

/// A device list could not be learnt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LearnError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Refused(#[from] TrustError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such user")]
    Unknown,
}

/// The members of a room cannot be judged, or were and must not be sent to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// The identity cannot be accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptIdentityError {
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The device list is not valid by itself.
    #[error("the user's device list is not valid")]
    DeviceList(#[from] ListError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for AcceptIdentityError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::DeviceList(_) => Class::Identity,
            Self::Store(_) => Class::Store,
        }
    }
}

/// A verdict on a leaf, with what a person did about its user.
pub(crate) struct Judged {
    verdict: Subjective,
    verified: bool,
}

impl Judged {
    pub(crate) fn trust(&self) -> Trust {
        match self.verdict {
            Subjective::Changed => Trust::Changed,
            Subjective::Laggard => Trust::Laggard,
            Subjective::Fine if self.verified => Trust::Verified,
            Subjective::Fine => Trust::Pinned,
            Subjective::Revoked => Trust::Revoked,
            Subjective::Stale => Trust::Stale,
            Subjective::UnknownDevice => Trust::UnknownDevice,
            Subjective::Unverified => Trust::Unverified,
        }
    }

    /// A leaf that its user's pinned identity signed after the list at hand is not suspicious.
    fn check(&self, leaf: &ValidLeaf) -> Result<(), TrustError> {
        match self.verdict {
            Subjective::Fine | Subjective::Laggard | Subjective::Unverified | Subjective::Stale => {
                Ok(())
            }
            Subjective::Changed => Err(TrustError::Changed(leaf.user.clone())),
            Subjective::Revoked => Err(TrustError::Revoked(leaf.client.clone())),
            Subjective::UnknownDevice => Err(TrustError::UnknownDevice(leaf.client.clone())),
        }
    }
}

/// Whether a leaf is of its user's newest identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newness {
    Current,
    Outdated,
}

/// Judges a leaf by what is pinned. The own user is known by the own device list.
pub(crate) fn judge(step: &Step<'_>, leaf: &ValidLeaf) -> Result<Judged, StoreError> {
    if leaf.user == step.identity.user {
        return Ok(Judged {
            verdict: by_list(leaf, &devices::own_list(step)?),
            verified: true,
        });
    }
    let Some(pinned) = step.tx.find_pin(&leaf.user)? else {
        return Ok(Judged {
            verdict: subjective(leaf, &Known::default()),
            verified: false,
        });
    };
    Ok(Judged {
        verdict: by_list(leaf, &read_list(&pinned.device_list)?),
        verified: pinned.verified,
    })
}

/// Judges a leaf by the newest list of its user.
fn by_list(leaf: &ValidLeaf, list: &SignedDeviceList) -> Subjective {
    let known = Known {
        pin: Some(&IdentityPin::of(list)),
        list: Some(list.list()),
    };
    subjective(leaf, &known)
}

pub(crate) fn read_list(bytes: &[u8]) -> Result<SignedDeviceList, StoreError> {
    SignedDeviceList::decode(bytes).map_err(|error| StoreError::Damaged(error.to_string()))
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Asks for a user's device list and pins it, if it continues what is pinned.
    pub(crate) async fn learn_device_list(&mut self, user: &UserUri) -> Result<(), LearnError> {
        if *user == self.identity.user {
            self.learn_own_list().await?;
            return Ok(());
        }
        let list = match self.fetch_device_list(user).await {
            Err(error) if error.problem() == Some(ProblemType::NotFound) => {
                return Err(LearnError::Unknown);
            }
            fetched => fetched?,
        };
        self.transaction(|step| {
            let learnt = learn(step, user, &list)?;
            if learnt.is_err() {
                warn(step, user)?;
            }
            Ok::<_, StoreError>(learnt)
        })??;
        Ok(())
    }

    pub(crate) async fn fetch_device_list(
        &mut self,
        user: &UserUri,
    ) -> Result<SignedDeviceList, CallError> {
        let path = format!("/v1/users/{}/device-list", segment(user.as_str()));
        let response = self.ask(Method::Get, &path, Body::None).await?;
        let body: DeviceListBody = call::read_json(&response)?;
        let list = SignedDeviceList::decode(body.device_list.as_bytes())
            .map_err(|error| CallError::Incompatible(error.to_string()))?;
        if list.list().user != *user {
            return Err(CallError::Incompatible(
                "a device list of another user".to_owned(),
            ));
        }
        Ok(list)
    }

    /// Whether a device may be added to a room, and whether its KeyPackage is still of use: one of
    /// an older identity is not, and the device will give another.
    pub(crate) fn check_before_adding(
        &mut self,
        leaf: &ValidLeaf,
    ) -> Result<Newness, crate::rooms::InviteError> {
        let now = self.environment.now();
        self.transaction(|step| {
            let judged = judge(step, leaf)?;
            judged.check(leaf)?;
            match step.tx.find_pin(&leaf.user)? {
                Some(pin) if read_list(&pin.device_list)?.list().is_stale(now) => {
                    Err(TrustError::ListExpired(leaf.user.clone()).into())
                }
                _ if judged.verdict == Subjective::Laggard => Ok(Newness::Outdated),
                _ => Ok(Newness::Current),
            }
        })
    }

    /// Whether messages may be sent to a room: looks at all its members, and asks for newer device
    /// lists where what is known does not explain what is seen.
    pub(crate) async fn check_members(&mut self, room: &RoomUri) -> Result<(), CheckError> {
        let doubtful = self.transaction(|step| {
            let (epoch, members) = members(step, room)?;
            if step.memory.trusted.get(room) == Some(&epoch) {
                return Ok(Vec::new());
            }
            let mut doubtful: Vec<UserUri> = Vec::new();
            for leaf in members {
                if judge(step, &leaf)?.trust() >= Trust::Stale && !doubtful.contains(&leaf.user) {
                    doubtful.push(leaf.user);
                }
            }
            if doubtful.is_empty() {
                step.memory.trusted.insert(room.clone(), epoch);
            }
            Ok::<_, CheckError>(doubtful)
        })?;
        if doubtful.is_empty() {
            return Ok(());
        }
        for user in &doubtful {
            match self.learn_device_list(user).await {
                Err(LearnError::Call(error)) if error.is_temporary() => return Err(error.into()),
                Ok(()) | Err(LearnError::Unknown | LearnError::Call(_)) => {}
                Err(LearnError::Refused(error)) => return Err(error.into()),
                Err(LearnError::Store(error)) => return Err(error.into()),
            }
        }
        self.transaction(|step| {
            let (epoch, members) = members(step, room)?;
            for leaf in members {
                judge(step, &leaf)?.check(&leaf)?;
            }
            step.memory.trusted.insert(room.clone(), epoch);
            Ok(())
        })
    }

    /// Pins the identity a user shows now, whatever was pinned before: a person has decided.
    ///
    /// # Errors
    /// [`AcceptIdentityError`].
    pub async fn accept_identity(&mut self, user: &UserUri) -> Result<(), AcceptIdentityError> {
        let list = self.fetch_device_list(user).await?;
        self.transaction(|step| {
            step.memory.trusted.clear();
            let pin = Pin {
                user: user.clone(),
                device_list: list.as_bytes().to_vec(),
                verified: false,
                since: step.now,
            };
            step.tx.put_pin(&pin)
        })?;
        Ok(())
    }
}

fn members(step: &mut Step<'_>, room: &RoomUri) -> Result<(u64, Vec<ValidLeaf>), GroupError> {
    step.group(room, |group, _, _| Ok((group.epoch(), members_of(group)?)))
}

/// The leaves of a room.
pub(crate) fn members_of(group: &Group) -> Result<Vec<ValidLeaf>, GroupError> {
    let members = group
        .members()
        .map_err(|error| GroupError::Unusable(Box::new(error)))?;
    Ok(members.into_iter().map(|member| member.leaf).collect())
}

/// Pins a list for somebody new, or moves the pin if the list continues it.
fn learn(
    step: &mut Step<'_>,
    user: &UserUri,
    list: &SignedDeviceList,
) -> Result<Result<(), TrustError>, StoreError> {
    let pinned = step.tx.find_pin(user)?;
    let (verified, since) = match &pinned {
        None => (false, step.now),
        Some(pin) => {
            let known = read_list(&pin.device_list)?;
            if known.hash() == list.hash() {
                return Ok(Ok(()));
            }
            if !continues(list, &known) {
                return Ok(Err(TrustError::Changed(user.clone())));
            }
            (pin.verified, pin.since)
        }
    };
    step.memory.trusted.clear();
    let pin = Pin {
        user: user.clone(),
        device_list: list.as_bytes().to_vec(),
        verified,
        since,
    };
    step.tx.put_pin(&pin)?;
    Ok(Ok(()))
}

/// The next list of an identity is compared device by device; of one further on, and of the next
/// identity, only the keys can be checked.
pub(crate) fn continues(list: &SignedDeviceList, known: &SignedDeviceList) -> bool {
    let is_next = known.list().version.checked_add(1) == Some(list.list().version);
    if is_next && list.list().identity.is_same(&known.list().identity) {
        list.follows(known).is_ok()
    } else {
        IdentityPin::of(known).advance(list).is_ok()
    }
}

fn warn(step: &mut Step<'_>, user: &UserUri) -> Result<(), StoreError> {
    step.tell(Event::Warning {
        room: None,
        kind: WarningKind::Identity,
        text: format!("the identity of {} changed", user.address()),
    })
}
