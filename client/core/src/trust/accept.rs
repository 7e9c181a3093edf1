//! A person compares somebody's digits, and decides.
//!
//! The surprise: the digits that the person saw are handed in. Whatever another process or the
//! server has changed since, nothing else than what was compared is accepted.

use grove_mls::identity::SafetyNumber;
use grove_wire::uri::UserUri;
use serde::Serialize;

use super::{LearnError, read_identity};
use crate::call::CallError;
use crate::client::Client;
use crate::devices;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::notes;
use crate::step::Step;
use crate::store::{Pin, Store, StoreError};
use crate::transport::Transport;

/// What this client knows of a user's identity, for a person to compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdentityView {
    /// The user.
    pub user: UserUri,
    /// The 60 digits of the identity that is known, in groups of five.
    pub safety_number: String,
    /// Whether a person compared them. True for oneself.
    pub verified: bool,
    /// When the identity was seen first, in milliseconds; for oneself now.
    pub since_ms: u64,
    /// The digits of another identity that says to be the same user, if one was seen.
    pub other_safety_number: Option<String>,
}

/// The identity cannot be shown or accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptIdentityError {
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The digits are of no identity that was seen of the user.
    #[error("these are not the digits of {}; nothing was changed", .0.address())]
    Differ(UserUri),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such user.
    #[error("there is no user {}", .0.address())]
    Unknown(UserUri),
}

impl Classified for AcceptIdentityError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::Differ(_) => Class::Identity,
            Self::Store(_) => Class::Store,
            Self::Unknown(_) => Class::Unknown,
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// What is known of a user's identity, after their home server was asked; without it, what was
    /// known before.
    ///
    /// # Errors
    /// [`AcceptIdentityError::Call`] and [`AcceptIdentityError::Unknown`] of somebody who was never
    /// met, [`AcceptIdentityError::Store`].
    pub async fn identity_of(
        &mut self,
        user: &UserUri,
    ) -> Result<IdentityView, AcceptIdentityError> {
        let asked = self.learn_device_list(user).await;
        let known = self.transaction(|step| view(step, user))?;
        match (known, asked) {
            (Some(view), _) => Ok(view),
            (None, Err(LearnError::Call(error))) => Err(error.into()),
            (None, _) => Err(AcceptIdentityError::Unknown(user.clone())),
        }
    }

    /// Marks the identity with these digits as the user's, because a person compared them: the one
    /// that is known, or the other one that says to be the same user.
    ///
    /// # Errors
    /// [`AcceptIdentityError::Differ`], [`AcceptIdentityError::Store`],
    /// [`AcceptIdentityError::Unknown`] of somebody who was never met.
    pub fn accept_identity(
        &mut self,
        user: &UserUri,
        expected: SafetyNumber,
    ) -> Result<(), AcceptIdentityError> {
        self.transaction(|step| {
            let pin = step.tx.find_pin(user)?;
            let pin = pin.ok_or_else(|| AcceptIdentityError::Unknown(user.clone()))?;
            let accepted = accepted(pin, expected)?;
            step.memory.trusted.clear();
            step.tx.put_pin(&accepted)?;
            Ok(notes::send_pins(step, &[accepted])?)
        })
    }
}

fn view(step: &mut Step<'_>, user: &UserUri) -> Result<Option<IdentityView>, StoreError> {
    let digits = |bytes: &[u8]| {
        let identity = read_identity(bytes)?;
        Ok::<_, StoreError>(identity.safety_number(user).to_string())
    };
    let pin = step.tx.find_pin(user)?;
    let rival = pin.as_ref().and_then(|pin| pin.rival.as_deref());
    let other_safety_number = rival.map(digits).transpose()?;
    if *user == step.identity.user {
        let list = devices::own_list(step)?;
        return Ok(Some(IdentityView {
            user: user.clone(),
            safety_number: list.list().identity.safety_number(user).to_string(),
            verified: true,
            since_ms: step.now,
            other_safety_number,
        }));
    }
    let view = |pin: Pin| {
        Ok(IdentityView {
            user: user.clone(),
            safety_number: digits(&pin.identity)?,
            verified: pin.verified,
            since_ms: pin.since,
            other_safety_number,
        })
    };
    pin.map(view).transpose()
}

/// The pin after a person has compared these digits.
fn accepted(pin: Pin, expected: SafetyNumber) -> Result<Pin, AcceptIdentityError> {
    let has = |bytes: &[u8]| {
        let identity = read_identity(bytes)?;
        Ok::<_, StoreError>(identity.safety_number(&pin.user) == expected)
    };
    if has(&pin.identity)? {
        return Ok(Pin {
            disputed: false,
            verified: true,
            verified_by: None,
            ..pin
        });
    }
    match &pin.rival {
        Some(rival) if has(rival)? => Ok(Pin {
            identity: rival.clone(),
            device_list: None,
            rival: None,
            disputed: false,
            verified: true,
            verified_by: None,
            ..pin
        }),
        _ => Err(AcceptIdentityError::Differ(pin.user)),
    }
}
