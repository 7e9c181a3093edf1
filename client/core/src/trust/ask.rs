//! Asking home servers for device lists, and what must be known before somebody is added or written
//! to.

use grove_mls::identity::SignedDeviceList;
use grove_mls::room::validation::{Subjective, ValidLeaf};
use grove_wire::api::devices::DeviceListBody;
use grove_wire::problem::ProblemType;
use grove_wire::uri::{RoomUri, UserUri};

use super::pins::learn;
use super::{
    CheckError, LearnError, Trust, TrustError, check, is_trusted, judge, members, read_list,
};
use crate::call::{self, CallError};
use crate::client::Client;
use crate::environment::Environment;
use crate::store::Store;
use crate::transport::{Body, Method, Transport};

/// Whether a leaf is of its user's newest identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newness {
    Current,
    Outdated,
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
        Ok(self.transaction(|step| learn(step, user, &list))??)
    }

    pub(crate) async fn fetch_device_list(
        &mut self,
        user: &UserUri,
    ) -> Result<SignedDeviceList, CallError> {
        let path = format!("/v1/users/{}/device-list", user.path_segment());
        let response = self.ask(Method::Get, &path, Body::None).await?;
        let body: DeviceListBody = response.json()?;
        let list =
            SignedDeviceList::decode(body.device_list.as_bytes()).map_err(call::incompatible)?;
        if list.list().user != *user {
            return Err(call::incompatible("a device list of another user"));
        }
        Ok(list)
    }

    /// Whether a device may be added to a room, and whether its KeyPackage is still of use: one of
    /// an older identity is not, nor one whose user's device list is out of date; the device will
    /// give another.
    pub(crate) fn check_before_adding(
        &mut self,
        leaf: &ValidLeaf,
    ) -> Result<Newness, crate::rooms::InviteError> {
        let now = self.environment.now();
        self.transaction(|step| {
            let judged = judge(step, leaf)?;
            judged.check(leaf)?;
            let pin = step.tx.find_pin(&leaf.user)?;
            let list = pin.and_then(|pin| pin.device_list);
            match list.as_deref().map(read_list).transpose()? {
                // None of their devices was here for months. Like a device without a KeyPackage it
                // is added when it has been.
                Some(list) if list.list().is_stale(now) => Ok(Newness::Outdated),
                _ if judged.verdict == Subjective::Laggard => Ok(Newness::Outdated),
                _ => Ok(Newness::Current),
            }
        })
    }

    /// Whether messages may be sent to a room: looks at all its members, and asks for newer device
    /// lists where what is known does not explain what is seen.
    pub(crate) async fn check_members(&mut self, room: &RoomUri) -> Result<(), CheckError> {
        let doubtful = self.transaction(|step| {
            if is_trusted(step, room)? {
                return Ok(Vec::new());
            }
            let (epoch, members) = members(step, room)?;
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
        let mut answered = Vec::new();
        for user in &doubtful {
            match self.learn_device_list(user).await {
                Err(LearnError::Call(error)) if error.is_temporary() => return Err(error.into()),
                Ok(()) => answered.push(user),
                Err(LearnError::Unknown | LearnError::Call(_)) => {}
                Err(LearnError::Refused(error)) => return Err(error.into()),
                Err(LearnError::Store(error)) => return Err(error.into()),
            }
        }
        self.transaction(|step| {
            let (_, members) = members(step, room)?;
            for leaf in members.iter().filter(|leaf| answered.contains(&&leaf.user)) {
                // The newest list is older than the leaf says its own was: there is no such list.
                if judge(step, leaf)?.verdict == Subjective::Stale {
                    return Err(TrustError::UnknownDevice(leaf.client.clone()).into());
                }
            }
            check(step, room)
        })
    }
}
