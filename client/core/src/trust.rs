//! What this client thinks of people's identities: pins, device lists, and when to stop sending.
//!
//! The verdict never stops reading. It stops sending, until a newer device list explains what was
//! seen or a person decides.
//!
//! An identity that was followed is no reason to stop by itself: the pin moves, and one line tells
//! it. A leaf of a later identity than the list's sends us for the newest list. A leaf that still
//! shows an earlier identity is judged by the newest list as well: if that names the device and its
//! key, the newest identity has vouched for it, whatever stands in the leaf; if it names the device
//! as revoked, nothing is sent until the device is out of the room.
//!
//! The surprise: who was never met before is trusted. The first identity seen is pinned, in
//! whatever room or list, and shown as unverified until the home server's device list says the
//! same; from then on only what follows it is the user's. Pins are of this client, not of a room.

use grove_mls::identity::{Identity as UserIdentity, SignedDeviceList};
pub use grove_mls::identity::{SafetyNumber, SafetyNumberError};
use grove_mls::member::Group;
use grove_mls::room::validation::{Known, Subjective, ValidLeaf, subjective};
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use serde::{Deserialize, Serialize};

use crate::call::CallError;
use crate::devices;
use crate::failure::{Class, Classified};
use crate::step::{GroupError, Step};
use crate::store::StoreError;

mod accept;
mod ask;
mod pins;

pub use accept::{AcceptIdentityError, IdentityView};

pub(crate) use ask::Newness;
pub(crate) use pins::{continues, forget_word_of, hear, lacks_list, see, see_all};

/// What this client thinks of somebody, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A person compared the identity.
    Verified,
    /// The identity is the one that was seen first, and the home server's device list says the
    /// same.
    Pinned,
    /// The identity is the one that was seen first, or was never seen.
    Unverified,
    /// The device has not taken its user's newest identity yet: what it says counts for nobody's
    /// word.
    Laggard,
    /// The device list at hand is older than a device.
    Stale,
    /// A device shows an older identity than one that was seen, and nothing speaks for it.
    Outdated,
    /// A device is not in the user's list.
    UnknownDevice,
    /// The user revoked a device that is in the room.
    Revoked,
    /// The identity is another than the one seen first.
    Changed,
}

impl Trust {
    /// All, from best to worst.
    pub const ALL: [Self; 9] = [
        Self::Verified,
        Self::Pinned,
        Self::Unverified,
        Self::Laggard,
        Self::Stale,
        Self::Outdated,
        Self::UnknownDevice,
        Self::Revoked,
        Self::Changed,
    ];

    /// The word for it, in `--json` and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Pinned => "pinned",
            Self::Unverified => "unverified",
            Self::Laggard => "laggard",
            Self::Stale => "stale",
            Self::Outdated => "outdated",
            Self::UnknownDevice => "unknown_device",
            Self::Revoked => "revoked",
            Self::Changed => "changed",
        }
    }

    /// What a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trust| trust.as_str() == word)
    }

    /// Whether the device is the one that its name stands for, whatever else is thought of it: its
    /// numbers count.
    pub fn is_the_device(self) -> bool {
        !self.is_doubtful() || self == Self::Laggard
    }

    /// Whether what is said with it is not to be taken for the user's word.
    pub fn is_doubtful(self) -> bool {
        match self {
            Self::Verified | Self::Pinned | Self::Unverified | Self::Stale => false,
            Self::Laggard
            | Self::Outdated
            | Self::UnknownDevice
            | Self::Revoked
            | Self::Changed => true,
        }
    }
}

/// Sending stops: somebody's identity is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The user's identity is not the pinned one, and neither follows the other.
    #[error(
        "the identity of {} is not the one you know; nothing is sent until you have compared their \
         safety number",
        .0.address()
    )]
    Changed(UserUri),
    /// A device in the room shows an older identity than its user's, and nothing speaks for it.
    #[error(
        "a device of {} in the room has not taken their renewed identity, and may be lost; \
         nothing is sent until it has, or is removed",
        .0.user().address()
    )]
    Outdated(ClientUri),
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
            Subjective::Fine | Subjective::Unverified if self.verified => Trust::Verified,
            Subjective::Fine => Trust::Pinned,
            Subjective::Outdated => Trust::Outdated,
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
            Subjective::Outdated => Err(TrustError::Outdated(leaf.client.clone())),
            Subjective::Revoked => Err(TrustError::Revoked(leaf.client.clone())),
            Subjective::UnknownDevice => Err(TrustError::UnknownDevice(leaf.client.clone())),
        }
    }
}

/// Judges a leaf by what is pinned. The own user is known by the own device list.
pub(crate) fn judge(step: &Step<'_>, leaf: &ValidLeaf) -> Result<Judged, StoreError> {
    if leaf.user == step.identity.user {
        let list = devices::own_list(step)?;
        return Ok(Judged {
            verdict: judge_by(leaf, &list.list().identity, Some(&list)),
            verified: true,
        });
    }
    let Some(pin) = step.tx.find_pin(&leaf.user)? else {
        return Ok(Judged {
            verdict: subjective(leaf, None),
            verified: false,
        });
    };
    if pin.disputed {
        return Ok(Judged {
            verdict: Subjective::Changed,
            verified: false,
        });
    }
    let list = pin.device_list.as_deref().map(read_list).transpose()?;
    Ok(Judged {
        verdict: judge_by(leaf, &read_identity(&pin.identity)?, list.as_ref()),
        verified: pin.verified,
    })
}

fn judge_by(
    leaf: &ValidLeaf,
    identity: &UserIdentity,
    list: Option<&SignedDeviceList>,
) -> Subjective {
    let list = list.map(SignedDeviceList::list);
    subjective(leaf, Some(&Known { identity, list }))
}

pub(crate) fn read_identity(bytes: &[u8]) -> Result<UserIdentity, StoreError> {
    UserIdentity::decode(bytes).map_err(|error| StoreError::Damaged(error.to_string()))
}

/// A list from the store, where only verified ones stand.
pub(crate) fn read_list(bytes: &[u8]) -> Result<SignedDeviceList, StoreError> {
    SignedDeviceList::decode_kept(bytes).map_err(|error| StoreError::Damaged(error.to_string()))
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

/// Whether the members were found trustworthy in the present epoch, and nothing was learnt since.
/// Each message asks: it must not grow with them.
fn is_trusted(step: &mut Step<'_>, room: &RoomUri) -> Result<bool, StoreError> {
    match step.memory.trusted.get(room).copied() {
        Some(epoch) => Ok(step.epoch_of(room)? == Some(epoch)),
        None => Ok(false),
    }
}

/// Whether messages may be sent to a room, by what is known here. Asked in the transaction that
/// seals, so that nothing comes in between.
pub(crate) fn check(step: &mut Step<'_>, room: &RoomUri) -> Result<(), CheckError> {
    if is_trusted(step, room)? {
        return Ok(());
    }
    let (epoch, members) = members(step, room)?;
    check_leaves::<CheckError>(step, &members)?;
    step.memory.trusted.insert(room.clone(), epoch);
    Ok(())
}

/// Whether devices may be sent to, or added, by what is known here.
pub(crate) fn check_leaves<X>(step: &Step<'_>, leaves: &[ValidLeaf]) -> Result<(), X>
where
    X: From<StoreError> + From<TrustError>,
{
    for leaf in leaves {
        judge(step, leaf)?.check(leaf)?;
    }
    Ok(())
}
